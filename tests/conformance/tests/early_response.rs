//! Tests a server that responds to a report after its head, without reading its body.
#![allow(clippy::print_stdout, reason = "names the adapter of a case that fails")]

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    thread,
    time::Duration,
};

use http::Request;
use huaweicloud_sms_transport::{Proxy, Settings, TransportErrorKind as Kind};
use huaweicloud_sms_transport_conformance::Adapter;

const HEAD: &str = "HTTP/1.1 401 No\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno";

/// Larger than a report can be.
const BODY: usize = 70 * 1024;

/// Reads the head of a request, and nothing of its body.
fn read_head(stream: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("a head");
        head.extend(byte);
    }
    assert!(head.starts_with(b"POST /report "));
}

/// Sends a report to a server that rejects it early. Then the server keeps the connection open until the call
/// has ended, or closes it with the body unread, which resets it. Returns the status or the kind of the
/// error.
fn outcome(adapter: Adapter, keeps_open: bool) -> Result<u16, Kind> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let url = format!("http://{}/report", listener.local_addr().expect("an address"));
    let (ended, end) = mpsc::channel();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        read_head(&mut stream);
        stream.write_all(HEAD.as_bytes()).expect("sent");
        if keeps_open {
            end.recv().expect("an end");
            drop(stream);
        } else {
            drop(stream);
            end.recv().expect("an end");
        }
        listener.set_nonblocking(true).expect("a listener");
        assert!(listener.accept().is_err(), "the report was sent twice");
    });
    let settings = Settings::default().with_proxy(Proxy::Direct);
    let transport = adapter.start(settings.with_timeout(Duration::from_secs(60)));
    let request = Request::post(url).body(vec![b'x'; BODY]).expect("a request");
    let result = transport.execute(request);
    ended.send(()).expect("the server waits");
    server.join().expect("no panic");
    match result {
        Ok(response) => {
            assert_eq!(response.body(), b"no");
            Ok(response.status().as_u16())
        }
        Err(error) => Err(error.kind()),
    }
}

#[test]
fn an_early_response_is_returned() {
    for adapter in Adapter::ALL {
        println!("{adapter:?}");
        assert_eq!(outcome(adapter, true), Ok(401));
    }
}

#[test]
fn a_reset_may_lose_the_response_but_the_report_is_not_sent_twice() {
    for adapter in Adapter::ALL {
        println!("{adapter:?}");
        let outcome = outcome(adapter, false);
        assert!(matches!(outcome, Ok(401) | Err(Kind::Closed)), "{outcome:?}");
    }
}
