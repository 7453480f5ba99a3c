//! Runs the table on transports that are not ours.

use std::io;

use http::{Request, Response};
use huaweicloud_sms_transport::{Settings, Transport, TransportError};
use huaweicloud_sms_transport_conformance::{Outcome, kind, run};
use huaweicloud_sms_transport_ureq::UreqTransport;

fn unknown<E>(_: &E) -> String {
    "error".into()
}

#[test]
fn a_transport_that_sends_nothing_fails_every_row() {
    let start = |_| {
        |_: Request<Vec<u8>>| {
            let body = br#"{"command_name":"START","command_param":{"task_id":"t"}}"#;
            Ok::<_, io::Error>(Response::new(body.to_vec()))
        }
    };
    let report = run("sends nothing", "before the response", start, unknown);
    assert!(report.runs.len() >= 8);
    assert_eq!(report.failures().count(), report.runs.len(), "{report}");
    assert_eq!(report.runs[0].failure.as_deref(), Some("0 requests"));
}

#[test]
fn a_transport_that_sends_twice_fails() {
    let start = |settings: Settings| {
        let ureq = UreqTransport::new(settings).expect("valid settings");
        move |request: Request<Vec<u8>>| -> Result<_, TransportError> {
            ureq.execute(request.clone()).or_else(|_| ureq.execute(request))
        }
    };
    let report = run("sends twice", "closed before the head", start, kind);
    // A call and a report, over TCP and TLS.
    assert_eq!(report.runs.len(), 4);
    assert_eq!(report.failures().count(), 4, "{report}");
}

#[test]
fn an_error_of_unknown_kind_passes_where_an_error_is_wanted() {
    let start = |settings| UreqTransport::new(settings).expect("valid settings");
    let report = run("unknown errors", "in the head", start, unknown);
    assert_eq!(report.failures().count(), 0, "{report}");
    assert!(report.runs.iter().any(|run| run.outcome == Outcome::Error("error".into())));
    assert!(report.to_string().contains("| error "), "{report}");
}
