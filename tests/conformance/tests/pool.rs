//! Connections that are kept for reuse.

use std::time::Duration;

use huaweicloud_sms_simulator::{Answer, Builder, Simulator};
use huaweicloud_sms_transport::{Proxy, Settings, Trust};
use huaweicloud_sms_transport_conformance::{SUBJECTS, Subject, TOKEN, Transport, get};

fn settings() -> Settings {
    Settings::default().proxy(Proxy::None)
}

fn clients() -> impl Iterator<Item = Subject> {
    SUBJECTS.into_iter().filter(|subject| subject.connects())
}

fn simulator(scheme: impl FnOnce(Builder) -> Builder) -> Simulator {
    let simulator = scheme(Simulator::builder().token(TOKEN)).start().expect("started");
    simulator.push("id", Answer::command("STOP", None).times(10_000));
    simulator
}

fn start(subject: Subject, simulator: &Simulator, settings: Settings) -> Transport {
    let ca = simulator.ca_pem().map(|pem| Trust::Pem(pem.into()));
    subject.start(settings.trust(ca.unwrap_or_default()))
}

fn ask(transport: &Transport, simulator: &Simulator, times: u32) {
    for _ in 0..times {
        let response = transport.execute(get(&simulator.url(), "id")).expect("an answer");
        assert_eq!(response.body(), br#"{"command_name":"STOP"}"#);
    }
}

/// A connection and with it its TLS session serves polls that come within the idle age, whose
/// default this is; one that comes after it gets a fresh one.
#[test]
fn a_connection_serves_within_its_idle_age_and_not_after_it() {
    assert_eq!(Settings::default().get_idle_age(), Duration::from_secs(20));
    for subject in clients() {
        for scheme in [std::convert::identity, Builder::tls, Builder::tls12] {
            let simulator = simulator(scheme);
            ask(&start(subject, &simulator, settings()), &simulator, 20);
            assert_eq!(simulator.connection_count(), 1, "{subject:?}");
            // Over at once, so that nobody has to wait for it.
            let over = settings().idle_age(Duration::ZERO);
            ask(&start(subject, &simulator, over), &simulator, 5);
            assert_eq!(simulator.connection_count(), 1 + 5, "{subject:?}");
        }
    }
}

#[test]
fn ten_thousand_polls_take_one_connection() {
    for subject in [Subject::Ureq, Subject::HyperMulti] {
        let simulator = simulator(|builder| builder);
        ask(&start(subject, &simulator, settings()), &simulator, 10_000);
        assert_eq!(simulator.connection_count(), 1, "{subject:?}");
        assert_eq!(simulator.request_count(), 10_000);
    }
}
