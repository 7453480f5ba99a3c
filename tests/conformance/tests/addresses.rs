//! Tests hosts with some dead addresses (RFC 8305).
#![cfg(target_os = "linux")]

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    time::Duration,
};

use huaweicloud_sms_simulator::{Answer, Simulator};
use huaweicloud_sms_transport::{AsyncTransport, Proxy, Settings, Transport, internal::Resolve};
use huaweicloud_sms_transport_conformance::{TOKEN, get};
use huaweicloud_sms_transport_hyper::HyperTransport;
use huaweicloud_sms_transport_ureq::UreqTransport;

/// An address that never responds: Linux drops connections to a listener whose queue is full, as a
/// firewall does.
struct Dead {
    address: SocketAddr,
    _listener: TcpListener,
    _queue: Vec<TcpStream>,
}

impl Dead {
    fn new() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        // std asks for a queue of 128 connections. The system may allow fewer.
        let mut queue = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(50)) {
            queue.push(stream);
            assert!(queue.len() < 10_000, "the queue has an end");
        }
        Self { address, _listener: listener, _queue: queue }
    }
}

/// If a transport tried one address after the other, each dead one would take the whole connect timeout.
#[test]
fn connects_behind_three_dead_addresses_and_a_closed_port() {
    let simulator = Simulator::builder().token(TOKEN).start().expect("started");
    simulator.push("id", Answer::command("STOP", None).times(2));
    let dead_one = Dead::new();
    let dead = dead_one.address;
    let closed_port = TcpListener::bind(("127.0.0.1", 0)).expect("a port").local_addr();
    let closed_port = closed_port.expect("an address");
    let found = vec![dead, dead, closed_port, dead, simulator.addr()];
    let resolve: Resolve = Arc::new(move |_, _| Ok(found.clone()));
    let settings = Settings::default().with_proxy(Proxy::Direct);

    let ureq = UreqTransport::with_resolver(settings.clone(), Arc::clone(&resolve));
    let response = ureq.expect("a transport").execute(get("http://sms.test", "id"));
    assert_eq!(response.expect("a response").status(), 200);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let hyper = HyperTransport::with_resolver(settings, resolve).expect("a transport");
    let response = runtime.block_on(hyper.execute(get("http://sms.test", "id")));
    assert_eq!(response.expect("a response").status(), 200);
}
