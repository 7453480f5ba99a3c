//! Tests the events that the adapters report while they make a connection.

use std::sync::{Arc, Mutex};

use huaweicloud_sms_simulator::{
    Answer, Certificate, Script, Simulator,
    proxy::{ProxyBehavior, SimulatedProxy},
};
use huaweicloud_sms_transport::{Proxy, ProxyUrl, RootCerts, Settings, internal::TraceEvent};
use huaweicloud_sms_transport_conformance::{Adapter, TOKEN, get};

/// Returns the names of the events of two calls.
fn events(adapter: Adapter, service: &Simulator, proxy: Proxy) -> Vec<String> {
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let settings = Settings::default()
        .with_proxy(proxy)
        .with_root_certs(RootCerts::Pem(service.ca_pem().expect("a CA").into()))
        .with_trace(Arc::new(move |event| {
            let name = match event {
                TraceEvent::LookedUp(addresses) => format!("{} addresses", addresses.len()),
                TraceEvent::ConnectFailed(address, _) => format!("not {}", address.ip()),
                TraceEvent::Connected(address) => address.ip().to_string(),
                TraceEvent::Tunnelled => "tunnelled".into(),
                TraceEvent::Certificates(chain) => format!("{} certificates", chain.len()),
                TraceEvent::Secured(version) => version.into(),
                other => format!("{other:?}"),
            };
            tell.lock().expect("no panic").push(name);
        }));
    let transport = adapter.start(settings);
    for _ in 0..2 {
        // The tests check only the events.
        let _ = transport.execute(get(&service.url(), "id"));
    }
    drop(transport);
    std::mem::take(&mut told.lock().expect("no panic"))
}

fn start(certificate: Certificate) -> Simulator {
    let script = Script::new().certificate(certificate).server("id", [Answer::body(200, "{}")]);
    Simulator::builder().token(TOKEN).tls().script(script).start().expect("started")
}

#[test]
fn each_step_of_a_connection_is_traced_once() {
    let service = start(Certificate::Good);
    for adapter in Adapter::connecting() {
        let told = events(adapter, &service, Proxy::Direct);
        assert_eq!(told, ["1 addresses", "127.0.0.1", "1 certificates", "TLS 1.3"], "{adapter:?}");
    }
}

#[test]
fn the_steps_of_a_tunnel_are_traced() {
    let service = start(Certificate::Good);
    for adapter in Adapter::connecting() {
        let proxy = SimulatedProxy::start(ProxyBehavior::Tunnel).expect("started");
        let url = ProxyUrl::new(&format!("http://user:p%40ss@{}", proxy.addr())).expect("valid");
        let told = events(adapter, &service, Proxy::Url(url));
        let expected = ["1 addresses", "127.0.0.1", "tunnelled", "1 certificates", "TLS 1.3"];
        assert_eq!(told, expected, "{adapter:?}");
    }
}

/// rustls does not keep a certificate that it rejects.
#[test]
fn certificates_are_traced_before_they_are_rejected() {
    for certificate in [Certificate::UnknownCa, Certificate::Expired, Certificate::OtherHost] {
        let service = start(certificate);
        for adapter in Adapter::connecting() {
            let told = events(adapter, &service, Proxy::Direct);
            let once = ["1 addresses", "127.0.0.1", "1 certificates"];
            assert_eq!(told, [once, once].concat(), "{adapter:?}");
        }
    }
}

#[test]
fn an_address_that_fails_is_traced() {
    let mut service = start(Certificate::Good);
    service.stop();
    for adapter in Adapter::connecting() {
        let told = events(adapter, &service, Proxy::Direct);
        let once = ["1 addresses", "not 127.0.0.1"];
        assert_eq!(told, [once, once].concat(), "{adapter:?}");
    }
}
