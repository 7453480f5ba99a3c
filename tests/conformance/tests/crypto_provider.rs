//! TLS needs no crypto provider of the process, installs none, and uses none that the embedding
//! program has installed. One test: what is installed is the whole process's.

use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
};

use huaweicloud_sms_simulator::{Answer, Simulator};
use huaweicloud_sms_transport::{Error, Proxy, Settings, Trust};
use huaweicloud_sms_transport_conformance::{SUBJECTS, Subject, TOKEN, get};
use rustls::crypto::{CryptoProvider, GetRandomFailed, SecureRandom, ring};

fn settings() -> Settings {
    Settings::default().proxy(Proxy::None)
}

fn clients() -> impl Iterator<Item = Subject> {
    SUBJECTS.into_iter().filter(|subject| subject.connects())
}

/// Calls over TLS by every client, trusted and, with the system's store, not.
fn calls() {
    for subject in clients() {
        let simulator = Simulator::builder().token(TOKEN).tls().start().expect("started");
        simulator.push("id", Answer::command("START", Some("t")));
        let pem = simulator.ca_pem().expect("a CA").into();
        let transport = subject.start(settings().trust(Trust::Pem(pem)));
        let response = transport.execute(get(&simulator.url(), "id")).expect("an answer");
        assert_eq!(response.status(), 200);
        let transport = subject.start(settings().trust(Trust::Platform));
        let error = transport.execute(get(&simulator.url(), "id")).expect_err("not trusted");
        assert!(matches!(error, Error::Tls { .. }), "{error:?}");
    }
}

/// The cipher suites that a client offers to a server that then hangs up.
fn offered(subject: Subject) -> Vec<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let url = format!("https://{}", listener.local_addr().expect("an address"));
    let server = thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("a client");
        // A record's head; the handshake's type, length and version, 32 random bytes; a session.
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
    let transport = subject.start(settings().trust(Trust::Pem(pem.expect("a CA"))));
    transport.execute(get(&url, "id")).expect_err("no handshake");
    server.join().expect("a whole hello")
}

/// Fails for whoever uses it.
#[derive(Debug)]
struct NoRandom;

impl SecureRandom for NoRandom {
    fn fill(&self, _: &mut [u8]) -> Result<(), GetRandomFailed> {
        Err(GetRandomFailed)
    }
}

#[test]
fn a_provider_of_the_process_is_neither_made_nor_used() {
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
    for subject in clients() {
        let mut offered = offered(subject);
        // What says that renegotiation is secure is no suite.
        offered.retain(|code| *code != 0x00ff);
        assert_eq!(offered, codes(&rings), "{subject:?}");
    }
    let installed = CryptoProvider::get_default().expect("the program's");
    assert_eq!(installed.cipher_suites.len(), 1, "left as it was");
}
