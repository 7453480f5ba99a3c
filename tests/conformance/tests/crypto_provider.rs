//! Tests that TLS neither needs, installs nor uses a crypto provider of the process.
//!
//! This file has one test, because a process has one provider.

use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
};

use huaweicloud_sms_simulator::{Answer, Simulator};
use huaweicloud_sms_transport::{Proxy, RootCerts, Settings, TransportErrorKind};
use huaweicloud_sms_transport_conformance::{Adapter, TOKEN, get};
use rustls::crypto::{CryptoProvider, GetRandomFailed, SecureRandom, ring};

fn settings() -> Settings {
    Settings::default().with_proxy(Proxy::Direct)
}

fn clients() -> impl Iterator<Item = Adapter> {
    Adapter::connecting()
}

/// Makes calls over TLS with a trusted CA, and with the system's trust store, which rejects the simulator.
fn calls() {
    for adapter in clients() {
        let simulator = Simulator::builder().token(TOKEN).tls().start().expect("started");
        simulator.push("id", Answer::command("START", Some("t")));
        let pem = simulator.ca_pem().expect("a CA").into();
        let transport = adapter.start(settings().with_root_certs(RootCerts::Pem(pem)));
        let response = transport.execute(get(&simulator.url(), "id")).expect("a response");
        assert_eq!(response.status(), 200);
        let transport = adapter.start(settings().with_root_certs(RootCerts::Platform));
        let error = transport.execute(get(&simulator.url(), "id")).expect_err("not trusted");
        assert_eq!(error.kind(), TransportErrorKind::Tls, "{error:?}");
    }
}

/// Returns the cipher suites that a transport offers.
fn offered(adapter: Adapter) -> Vec<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let url = format!("https://{}", listener.local_addr().expect("an address"));
    let server = thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("a client");
        // The head of the record (5) and of the handshake (4), the version (2), random bytes (32), and the
        // length of the session identifier (1).
        let mut head = [0; 5 + 4 + 2 + 32 + 1];
        client.read_exact(&mut head).expect("a hello");
        let mut session = vec![0; head[43].into()];
        client.read_exact(&mut session).expect("its session");
        let mut length = [0; 2];
        client.read_exact(&mut length).expect("the length of its suites");
        let mut suites = vec![0; u16::from_be_bytes(length).into()];
        client.read_exact(&mut suites).expect("its suites");
        // An alert: "handshake failure".
        client.write_all(&[21, 3, 3, 0, 2, 2, 40]).expect("sent");
        suites.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
    });
    let pem = Simulator::builder().tls().start().expect("started").ca_pem().map(Vec::from);
    let transport = adapter.start(settings().with_root_certs(RootCerts::Pem(pem.expect("a CA"))));
    transport.execute(get(&url, "id")).expect_err("no handshake");
    server.join().expect("a whole hello")
}

/// A source of randomness that always fails.
#[derive(Debug)]
struct NoRandom;

impl SecureRandom for NoRandom {
    fn fill(&self, _: &mut [u8]) -> Result<(), GetRandomFailed> {
        Err(GetRandomFailed)
    }
}

#[test]
fn tls_neither_installs_nor_uses_a_provider_of_the_process() {
    assert!(CryptoProvider::get_default().is_none());
    calls();
    assert!(CryptoProvider::get_default().is_none(), "none was installed");

    let rings = ring::default_provider();
    let codes = |provider: &CryptoProvider| -> Vec<u16> {
        provider.cipher_suites.iter().map(|suite| suite.suite().into()).collect()
    };
    let mut useless = rings.clone();
    useless.cipher_suites.truncate(1);
    useless.secure_random = &NoRandom;
    useless.install_default().expect("the first");

    calls();
    for adapter in clients() {
        let mut offered = offered(adapter);
        // TLS_EMPTY_RENEGOTIATION_INFO_SCSV is not a suite (RFC 5746, section 3.3).
        offered.retain(|code| *code != 0x00ff);
        assert_eq!(offered, codes(&rings), "{adapter:?}");
    }
    let installed = CryptoProvider::get_default().expect("the program's");
    assert_eq!(installed.cipher_suites.len(), 1, "left as it was");
}
