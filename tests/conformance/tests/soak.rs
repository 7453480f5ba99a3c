//! Tests that 10,000 calls take no more descriptors, threads and memory than the first calls. The calls use
//! one connection, or a new connection each.
//!
//! This binary has one test, because it counts the resources of the process. It counts only on Linux.
#![allow(clippy::print_stdout, reason = "the figures are the report")]

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};

use huaweicloud_sms_simulator::{Answer, Simulator};
use huaweicloud_sms_transport::{Proxy, RootCerts, Settings};
use huaweicloud_sms_transport_conformance::{Adapter, TOKEN, get};

#[derive(Clone, Copy, Debug, Default)]
struct Figures {
    descriptors: usize,
    threads: usize,
    resident_kib: usize,
}

#[cfg(target_os = "linux")]
fn figures() -> Figures {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let value = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
        line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
    };
    Figures {
        descriptors: std::fs::read_dir("/proc/self/fd").expect("a list").count(),
        threads: value("Threads:"),
        resident_kib: value("VmRSS:"),
    }
}

#[cfg(not(target_os = "linux"))]
fn figures() -> Figures {
    Figures::default()
}

/// Starts a server with a fixed number of threads. It records nothing, so only the client can grow.
fn server(host: &str, keeps: bool) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let url = format!("http://{host}:{}", listener.local_addr().expect("an address").port());
    for _ in 0..4 {
        let listener = listener.try_clone().expect("a descriptor");
        // If a connection fails, the client's assertion fails.
        thread::spawn(move || listener.incoming().flatten().for_each(|c| drop(serve(c, keeps))));
    }
    url
}

fn serve(mut client: TcpStream, keeps: bool) -> io::Result<()> {
    client.set_nodelay(true)?;
    let connection = if keeps { "keep-alive" } else { "close" };
    let answer =
        format!("HTTP/1.1 200 OK\r\nConnection: {connection}\r\nContent-Length: 2\r\n\r\n{{}}");
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = client.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        request.extend_from_slice(&buffer[..count]);
        if request.ends_with(b"\r\n\r\n") {
            client.write_all(answer.as_bytes())?;
            if !keeps {
                return Ok(());
            }
            request.clear();
        }
    }
}

/// Warms up, then counts before and after `times` calls.
fn grow(what: &str, adapter: Adapter, settings: Settings, url: &str, times: usize) {
    let transport = adapter.start(settings);
    let call = || {
        let response = transport.execute(get(url, "id")).expect("a response");
        assert_eq!(response.status(), 200);
    };
    (0..(times / 10).max(50)).for_each(|_| call());
    let before = figures();
    (0..times).for_each(|_| call());
    let after = figures();
    println!("{adapter:?}, {what}, {times} calls: {before:?} -> {after:?}");
    // The counts may include both ends of a connection that is about to close, and the simulator's thread.
    assert!(after.descriptors <= before.descriptors + 4, "descriptors");
    assert!(after.threads <= before.threads + 4, "threads");
    // The heap varies. 10,000 leaks of 128 bytes would not pass.
    assert!(after.resident_kib <= before.resident_kib + 1024, "memory");
}

#[test]
fn ten_thousand_calls_leave_nothing_behind() {
    let settings = || Settings::default().with_proxy(Proxy::Direct);
    let kept = server("127.0.0.1", true);
    // The host is a name, so that each connection looks it up.
    let closed = server("localhost", false);
    for adapter in [Adapter::Ureq, Adapter::HyperMulti] {
        grow("one connection", adapter, settings(), &kept, 10_000);
        grow("a connection each", adapter, settings(), &closed, 10_000);

        // Fewer, because handshakes are slow without optimization and the simulator records each request.
        let simulator = Simulator::builder().token(TOKEN).tls().start().expect("started");
        let answer = Answer::body(200, "{}").header("connection", "close");
        simulator.push("id", answer.times(Answer::MAX_TIMES));
        let tls =
            settings().with_root_certs(RootCerts::Pem(simulator.ca_pem().expect("a CA").into()));
        grow("a TLS connection each", adapter, tls, &simulator.url(), 100);
    }
}
