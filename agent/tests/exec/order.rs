//! Tests the order in which commands run and are reported.

use huaweicloud_sms_simulator::{Answer, Command, Script, Simulator};

use crate::support::{
    SERVER_ID, TOKEN,
    credentials::LONG,
    exec::{Place, WAITS, accepted, detail, replace, results, run, service_with, signal},
    transports,
};

const WAITS_IN_START: &str = r#"
echo "$SMS_COMMAND_NAME" >> "$RUNS"
test "$SMS_COMMAND_NAME" = STOP || { echo $$ > "$READY"; read line < "$GATE"; }
echo "end of $SMS_COMMAND_NAME" >> "$RUNS"
"#;

#[test]
fn a_stop_ends_the_running_start_and_only_the_stop_is_reported() {
    for transport in transports() {
        let (place, service) = (Place::new(), service_with([("START", "a")]));
        place.gates();
        let _agent = run(place.agent(&service, &["--transport", transport], WAITS_IN_START));
        place.wait_until_ready();
        replace(&service, "STOP", "a");
        assert!(service.wait_for_accepted_reports(1, LONG));
        assert_eq!(place.runs(), ["START", "STOP", "end of STOP"]);
        assert_eq!(results(&service), ["STOP success"]);
        assert_eq!(service.reports().len(), 1, "nothing else was reported");
    }
}

#[test]
fn with_stop_waits_a_stop_waits_for_the_start() {
    for transport in transports() {
        let (place, service) = (Place::new(), service_with([("START", "a")]));
        place.gates();
        let options = ["--transport", transport, "--stop-waits"];
        let _agent = run(place.agent(&service, &options, WAITS_IN_START));
        place.wait_until_ready();
        replace(&service, "STOP", "a");
        assert!(service.wait_for_requests(service.request_count() + 20, LONG));
        assert_eq!(place.runs(), ["START"]);
        place.open_gate();
        assert!(service.wait_for_accepted_reports(1, LONG));
        assert_eq!(place.runs(), ["START", "end of START", "STOP", "end of STOP"]);
        assert_eq!(results(&service), ["STOP success"]);
    }
}

/// A report has only the name of its command, so the service would take it for the second START.
#[test]
fn the_result_of_a_start_that_another_start_replaced_is_not_reported() {
    let service = service_with([("START", "a")]);
    let place = Place::new();
    place.gates();
    let body = r#"
        test "$SMS_TASK_ID" = b || { echo $$ > "$READY"; read line < "$GATE"; }
        echo "{\"task\": \"$SMS_TASK_ID\"}""#;
    let _agent = run(place.agent(&service, &[], body));
    place.wait_until_ready();
    replace(&service, "START", "b");
    assert!(service.wait_for_requests(service.request_count() + 20, LONG));
    place.open_gate();
    assert!(service.wait_for_accepted_reports(1, LONG));
    assert_eq!(detail(&service)["task"], "b");
    assert_eq!(service.reports().len(), 1);
}

#[test]
fn it_polls_while_the_program_runs_and_reports_before_the_next_command_runs() {
    for transport in transports() {
        let (place, service) =
            (Place::new(), service_with([("START", "a"), ("SYNC", "b"), ("SYNC", "b")]));
        place.gates();
        let body =
            "echo \"$SMS_COMMAND_NAME\" >> \"$RUNS\"\necho $$ > \"$READY\"; read line < \"$GATE\"";
        let _agent = run(place.agent(&service, &["--transport", transport], body));
        for (number, runs) in [(0, &["START"][..]), (1, &["START", "SYNC"])] {
            place.wait_until_ready();
            let count = service.deliveries(SERVER_ID)[number];
            // The agent polls while the program runs.
            assert!(service.wait_for_requests(service.request_count() + 30, LONG));
            assert!(service.deliveries(SERVER_ID)[number] >= count + 30);
            assert_eq!(place.runs(), runs, "it is run once");
            assert_eq!(accepted(&service).len(), number);
            place.open_gate();
        }
        place.wait_until_ready();
        assert_eq!(results(&service), ["START success", "SYNC success"]);
        assert_eq!(place.runs(), ["START", "SYNC", "SYNC"], "it came again after its report");
        // The last request before the second delivery was the report of the first.
        let requests = service.requests();
        let report = requests.iter().position(|request| request.report.is_some());
        let next = requests
            .iter()
            .position(|request| request.delivered.as_ref().is_some_and(|held| held.index == 1));
        assert!(report < next, "{report:?} {next:?}");
    }
}

#[test]
fn a_report_is_sent_at_once_and_not_at_the_next_poll() {
    for transport in transports() {
        let (place, service) = (Place::new(), service_with([("START", "a")]));
        let options = ["--transport", transport, "--interval", "3600"];
        let _agent = run(place.agent(&service, &options, "true"));
        assert!(service.wait_for_accepted_reports(1, LONG));
        assert_eq!(service.deliveries(SERVER_ID), [1]);
    }
}

#[test]
fn a_task_state_or_no_command_runs_no_program() {
    for transport in transports() {
        let script = Script::new().server(
            SERVER_ID,
            [
                Answer::command("TASK_NOT_STARTED", Some("a")),
                Answer::command("TASK_HAS_STOPPED", Some("a")),
                Answer::command("TASK_HAS_FINISHED", Some("a")),
                Answer::error(400, "SMS.7606", "m"),
                Answer::body(200, "{}"),
                Answer::body(200, r#"{"command_name":""}"#),
                Answer::body(200, r#"{"command_name":null}"#),
                Answer::body(200, ""),
                Answer::body(204, ""),
                Answer::body(200, "<html>"),
            ],
        );
        let script = script.commands(SERVER_ID, [Command::new("SYNC", Some("b"))]);
        let service = Simulator::builder().token(TOKEN).script(script).start().expect("started");
        let place = Place::new();
        let body = "echo \"$SMS_COMMAND_NAME\" >> \"$RUNS\"";
        let _agent = run(place.agent(&service, &["--transport", transport], body));
        assert!(service.wait_for_accepted_reports(1, LONG));
        assert_eq!(place.runs(), ["SYNC"]);
        assert_eq!(service.reports().len(), 1);
    }
}

#[test]
fn a_command_whose_report_is_never_accepted_is_run_once_with_a_warning() {
    // The service accepts no report of this name, and goes on returning it.
    let service = service_with([("PREMIGRATE", "a")]);
    let place = Place::new();
    let body = "echo \"$SMS_COMMAND_NAME\" >> \"$RUNS\"";
    let (_agent, mut log) = crate::support::exec::run_logged(place.agent(&service, &[], body));
    log.find("rejected the report of PREMIGRATE and still returns it");
    assert!(service.wait_for_requests(service.request_count() + 20, LONG));
    assert_eq!(place.runs(), ["PREMIGRATE"]);
    // The same holds after a restart.
    drop(_agent);
    let (_agent, mut log) = crate::support::exec::run_logged(place.agent(&service, &[], body));
    log.find("rejected the report of PREMIGRATE and still returns it");
    assert!(service.wait_for_requests(service.request_count() + 20, LONG));
    assert_eq!(place.runs(), ["PREMIGRATE"]);
}

#[test]
fn a_run_longer_than_its_limit_is_reported_as_failed() {
    let (place, service) = (Place::new(), service_with([("START", "a")]));
    place.gates();
    let mut agent = run(place.agent(&service, &["--exec-timeout", "0.3"], WAITS));
    assert!(service.wait_for_accepted_reports(1, LONG));
    assert_eq!(results(&service), ["START fail"]);
    assert_eq!(detail(&service)["timed_out"], true);
    signal(&agent, "TERM");
    assert_eq!(agent.0.wait().expect("ends").code(), Some(0));
}
