//! Tests the reuse of idle connections.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use huaweicloud_sms_simulator::{Answer, Builder, Simulator};
use huaweicloud_sms_transport::{Proxy, RootCerts, Settings};
use huaweicloud_sms_transport_conformance::{Adapter, Boxed, TOKEN, get};

fn settings() -> Settings {
    Settings::default().with_proxy(Proxy::Direct)
}

fn clients() -> impl Iterator<Item = Adapter> {
    Adapter::connecting()
}

fn simulator(scheme: impl FnOnce(Builder) -> Builder) -> Simulator {
    let simulator = scheme(Simulator::builder().token(TOKEN)).start().expect("started");
    simulator.push("id", Answer::command("STOP", None).times(10_000));
    simulator
}

fn start(adapter: Adapter, simulator: &Simulator, settings: Settings) -> Boxed {
    let ca = simulator.ca_pem().map(|pem| RootCerts::Pem(pem.into()));
    adapter.start(settings.with_root_certs(ca.unwrap_or_default()))
}

fn call(transport: &Boxed, simulator: &Simulator, times: u32) {
    for _ in 0..times {
        let response = transport.execute(get(&simulator.url(), "id")).expect("a response");
        assert_eq!(response.body(), br#"{"command_name":"STOP"}"#);
    }
}

#[test]
fn a_connection_is_reused_within_its_idle_timeout_and_not_after_it() {
    assert_eq!(Settings::default().pool_idle_timeout(), Duration::from_secs(20));
    for adapter in clients() {
        for scheme in [std::convert::identity, Builder::tls, Builder::tls12] {
            let simulator = simulator(scheme);
            call(&start(adapter, &simulator, settings()), &simulator, 20);
            assert_eq!(simulator.connection_count(), 1, "{adapter:?}");
            // With an idle timeout of zero, the test need not wait.
            let over = settings().with_pool_idle_timeout(Duration::ZERO);
            call(&start(adapter, &simulator, over), &simulator, 5);
            assert_eq!(simulator.connection_count(), 1 + 5, "{adapter:?}");
        }
    }
}

#[test]
fn ten_thousand_polls_use_one_connection() {
    for adapter in [Adapter::Ureq, Adapter::HyperMulti] {
        let simulator = simulator(|builder| builder);
        call(&start(adapter, &simulator, settings()), &simulator, 10_000);
        assert_eq!(simulator.connection_count(), 1, "{adapter:?}");
        assert_eq!(simulator.request_count(), 10_000);
    }
}

/// Reads requests. Responds only when each connection has one.
fn serve(mut stream: TcpStream, all: &Barrier) {
    let (mut head, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        head.extend_from_slice(&buffer[..count]);
        if head.ends_with(b"\r\n\r\n") {
            head.clear();
            all.wait();
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
        }
    }
}

#[test]
fn threads_that_poll_at_once_reuse_a_connection_each() {
    const THREADS: usize = 10;
    const ROUNDS: usize = 10;
    for adapter in [Adapter::Ureq, Adapter::HyperMulti] {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let connections = Arc::new(AtomicUsize::new(0));
        let (count, all) = (Arc::clone(&connections), Arc::new(Barrier::new(THREADS)));
        thread::spawn(move || {
            for stream in listener.incoming() {
                count.fetch_add(1, Ordering::Relaxed);
                let (stream, all) = (stream.expect("a connection"), Arc::clone(&all));
                thread::spawn(move || serve(stream, &all));
            }
        });
        let transport = adapter.start(settings());
        let round = Barrier::new(THREADS);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for _ in 0..ROUNDS {
                        round.wait();
                        transport.execute(get(&url, "id")).expect("a response");
                    }
                });
            }
        });
        // hyper may begin to connect before an idle connection is back in its pool.
        let most = if adapter == Adapter::Ureq { THREADS } else { 3 * THREADS };
        let connections = connections.load(Ordering::Relaxed);
        assert!(connections <= most, "{adapter:?}: {connections} connections");
    }
}
