//! Tests of the simulated proxy: its tunnels, its rejections, its record.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
};

use huaweicloud_sms_simulator::{
    Simulator,
    proxy::{ProxyBehavior, SimulatedProxy},
};

/// Sends `request` to the proxy and reads until the proxy closes the connection.
fn exchange(proxy: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(proxy).expect("connected");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut response = Vec::new();
    stream.read_to_end(&mut response).expect("read");
    String::from_utf8(response).expect("UTF-8")
}

#[test]
fn opens_a_tunnel_only_with_the_password_and_records_all_bytes() {
    let service = Simulator::builder().start().expect("started");
    let proxy = SimulatedProxy::start(ProxyBehavior::Tunnel).expect("started");
    let connect = format!("CONNECT {} HTTP/1.1\r\n", service.addr());
    let without = format!("{connect}\r\n");
    assert!(exchange(proxy.addr(), &without).starts_with("HTTP/1.1 407 "));
    assert_eq!(service.connection_count(), 0);

    let with = format!(
        "{connect}Proxy-Authorization: Basic dXNlcjpwQHNz\r\n\r\n\
         GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    );
    let response = exchange(proxy.addr(), &with);
    let (tunnel, inside) = response.split_once("\r\n\r\n").expect("two heads");
    assert!(tunnel.starts_with("HTTP/1.1 200 "), "{response}");
    assert!(inside.starts_with("HTTP/1.1 404 "), "{response}");
    assert_eq!(proxy.received(), format!("{without}{with}").into_bytes());
}

#[test]
fn rejects_with_the_given_status() {
    let proxy = SimulatedProxy::start(ProxyBehavior::Reject(502)).expect("started");
    let response = exchange(proxy.addr(), "CONNECT h:443 HTTP/1.1\r\n\r\n");
    assert!(response.starts_with("HTTP/1.1 502 "), "{response}");
}
