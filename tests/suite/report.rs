use huaweicloud_sms::{Command, CommandParam, CommandResult, ReportResult};
use huaweicloud_sms_simulator::{Command as Held, Step};

use super::*;

/// Returns a service with a key and a user. It holds these commands of task t.
fn holding<const N: usize>(names: [&str; N]) -> Script {
    let script = Script::new().access_key(AK, SK).user("account", "user", "password");
    script.commands("a", names.map(|name| Held::new(name, Some("t"))))
}

/// Returns the result of START of task t.
fn report(service: &Simulator) -> ReportResult {
    let command = Command::new("START", CommandParam::default().with_task_id("t"));
    let (id, detail) = (ServerId::new("a").expect("valid"), serde_json::json!({"disks": 3}));
    let result = CommandResult::Success;
    ReportResult::new(&endpoint(service), &id, command, result, &detail).expect("valid")
}

const LOST: &str = "report: the connection was closed before the response was complete";

/// Returns a fault: the connection breaks instead of a response.
fn lost() -> Scripted {
    Scripted::steps([Step::Reset])
}

#[test]
fn a_result_is_reported_before_the_next_call() {
    for credential in [None, Some(key(SK))] {
        let service = start(holding(["START", "STOP"]));
        let is_user = credential.is_none();
        let login = || Credential::from(login(&service, "password"));
        let credential = credential.map_or_else(login, Credential::from);
        let mut watch = client().watch(call(&service), credential, pace());
        if is_user {
            assert_eq!(word(wait!(watch.recv())), "logged in for 86400 s");
        }
        assert_eq!(word(wait!(watch.recv())), "START");
        watch.report(report(&service)).expect("none is pending");
        assert_eq!(watch.report(report(&service)), Err(report(&service)));
        assert_eq!(watch.pending_report(), Some(&report(&service)));
        assert_eq!(word(wait!(watch.recv())), "reported");
        assert_eq!(watch.pending_report(), None);
        assert_eq!(word(wait!(watch.recv())), "STOP");
        let [accepted] = &service.reports()[..] else { panic!("one report") };
        assert!(accepted.is_accepted());
        assert_eq!(accepted.result.as_deref(), Some("success"));
        assert_eq!(accepted.detail, Some(serde_json::json!({"disks": 3})));
    }
}

#[test]
fn a_report_is_dropped_if_its_response_was_lost_and_the_service_holds_another_command() {
    let script = holding(["START", "STOP"]).report_faults([Some(lost().after_processing())]);
    let service = start(script);
    let mut watch = client().watch(call(&service), key(SK), pace());
    assert_eq!(word(wait!(watch.recv())), "START");
    watch.report(report(&service)).expect("none is pending");
    assert_eq!(word(wait!(watch.recv())), LOST);
    assert!(watch.pending_report().is_some());
    for _ in 0..3 {
        assert_eq!(word(wait!(watch.recv())), "STOP");
        assert_eq!(watch.pending_report(), None);
    }
    assert_eq!(service.reports().len(), 1);
}

#[test]
fn a_report_is_repeated_after_a_poll_if_its_response_was_lost() {
    // The service did not get the report.
    let service = start(holding(["START"]).report_faults([Some(lost()), None]));
    let mut watch = client().watch(call(&service), key(SK), pace());
    assert_eq!(word(wait!(watch.recv())), "START");
    watch.report(report(&service)).expect("none is pending");
    for expected in [LOST, "START", "reported"] {
        assert_eq!(word(wait!(watch.recv())), expected);
    }

    // The service accepted the report, and holds no further command.
    let fault = lost().after_processing();
    let service = start(holding(["START"]).report_faults([Some(fault), None]));
    let mut watch = client().watch(call(&service), key(SK), pace());
    assert_eq!(word(wait!(watch.recv())), "START");
    watch.report(report(&service)).expect("none is pending");
    for expected in [LOST, "Answer(NoCommand", "report rejected: 400"] {
        let event = word(wait!(watch.recv()));
        assert!(event.starts_with(expected), "{event}");
    }
    assert_eq!(watch.pending_report(), None);
}

#[test]
fn no_other_watch_sends_a_key_that_was_rejected_with_a_report() {
    let rejected = Scripted::error(401, "APIGW.0301", "m");
    let service = start(holding(["START"]).report_faults([Some(rejected), None]));
    let client = client();
    let mut reporting = client.watch(call(&service), key(SK), pace());
    let mut other = client.watch(call(&service), key(SK), pace());
    assert_eq!(word(wait!(reporting.recv())), "START");
    assert_eq!(word(wait!(other.recv())), "START");
    reporting.report(report(&service)).expect("none is pending");
    assert_eq!(word(wait!(reporting.recv())), "rejected: 401");
    assert_eq!(word(wait!(other.recv())), "rejected: 401");
    assert_eq!(service.request_count(), 3);

    reporting.renew(login(&service, "password"));
    assert_eq!(word(wait!(reporting.recv())), "logged in for 86400 s");
    assert_eq!(word(wait!(reporting.recv())), "reported");
}

#[test]
fn a_result_is_reported_by_a_single_call() {
    let service = start(holding(["START"]));
    let (client, key) = (client(), key(SK));
    wait!(client.send(&report(&service), &key.signer(client.now()))).expect("accepted");
    let error = wait!(client.send(&report(&service), &key.signer(client.now())));
    let error = error.expect_err("the service holds no command");
    assert_eq!(error.status().map(|status| status.as_u16()), Some(400));
    assert!(error.to_string().contains("SMS.6021"), "{error}");
    assert_eq!(service.reports().len(), 2);
}
