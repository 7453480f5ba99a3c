//! Makes the agent end at each step of its journal. Needs the feature `crash-test`.
#![cfg(unix)]

mod support;

use std::process::Command;

use huaweicloud_sms_simulator::Answer;
use support::{
    Running, SERVER_ID,
    credentials::LONG,
    exec::{Place, accepted, replace, results, run, run_logged, service_with},
    transports, wait_until,
};

/// A program that writes its command, and whether another run goes on.
const PROGRAM: &str = r#"
for pid in $(cat "$RUNS.pids" 2> /dev/null); do
    grep -sq '^State:.[RSD]' /proc/$pid/status && echo "two at a time" >> "$RUNS"
done
echo $$ >> "$RUNS.pids"
echo "$SMS_COMMAND_NAME" >> "$RUNS"
"#;

/// A part of the program. The first run waits here until the agent ends it.
const WAITS: &str = r#"
test $(wc -l < "$RUNS") -gt 1 || { echo $$ > "$READY"; read line < "$GATE"; }
"#;

/// Makes the agent end at this step.
fn crashing(mut command: Command, at: &str) -> Command {
    command.env("SMS_AGENT_CRASH_AT", at);
    command
}

fn has_crashed(agent: &mut Running) {
    use std::os::unix::process::ExitStatusExt;
    let mut has_ended = || agent.0.try_wait().expect("known").is_some();
    wait_until(&mut has_ended, || "it did not come to that step".into());
    let status = agent.0.wait().expect("ended");
    assert_eq!(status.signal(), Some(6), "{status}");
}

/// The report of a START at which the agent crashed, and the number of runs of its program.
struct Expected {
    result: &'static str,
    runs: usize,
}

fn expected(step: &str, when: &str, runs_again: bool) -> Expected {
    let interrupted = |runs: usize| match runs_again {
        true => Expected { result: "success", runs: runs + 1 },
        false => Expected { result: "fail", runs },
    };
    match (step, when) {
        // No run had begun.
        ("received", _) | ("started", "before" | "torn") => Expected { result: "success", runs: 1 },
        // A run might have begun.
        ("started", _) => interrupted(0),
        // The run had ended, but the journal does not have the end.
        ("finished", "before" | "torn") => interrupted(1),
        ("finished" | "reported", _) => Expected { result: "success", runs: 1 },
        _ => unreachable!("{step}:{when}"),
    }
}

#[test]
fn a_crash_at_each_step_loses_and_repeats_no_command() {
    for transport in transports() {
        for on_interrupted in ["report-failure", "run-again"] {
            for step in ["received", "started", "finished", "reported"] {
                for when in ["before", "torn", "after"] {
                    let at = format!("{step}:{when}");
                    let what = format!("{transport}, {on_interrupted}, {at}");
                    let expected = expected(step, when, on_interrupted == "run-again");
                    let (place, service) =
                        (Place::new(), service_with([("START", "a"), ("SYNC", "b")]));
                    let options = ["--transport", transport, "--on-interrupted", on_interrupted];
                    has_crashed(&mut run(crashing(place.agent(&service, &options, PROGRAM), &at)));
                    let _agent = run(place.agent(&service, &options, PROGRAM));
                    assert!(service.wait_for_accepted_reports(2, LONG), "{what}");
                    let first = format!("START {}", expected.result);
                    assert_eq!(results(&service), [&first, "SYNC success"], "{what}");
                    let mut runs = vec!["START"; expected.runs];
                    runs.push("SYNC");
                    assert_eq!(place.runs(), runs, "{what}");
                }
            }
        }
    }
}

/// The agent crashes between the start of the program and the entry with its process, or in that entry. The
/// restarted agent finds the program and ends it before anything is started.
#[cfg(target_os = "linux")]
#[test]
fn a_program_whose_process_was_not_written_is_found_and_ended() {
    for transport in transports() {
        for on_interrupted in ["report-failure", "run-again"] {
            for when in ["before", "torn", "after"] {
                let at = format!("process:{when}");
                let what = format!("{transport}, {on_interrupted}, {at}");
                let (place, service) =
                    (Place::new(), service_with([("START", "a"), ("SYNC", "b")]));
                place.gates();
                let options = ["--transport", transport, "--on-interrupted", on_interrupted];
                let body = format!("{PROGRAM}{WAITS}");
                let mut first = run(crashing(place.agent(&service, &options, &body), &at));
                let pid = place.wait_until_ready();
                has_crashed(&mut first);
                assert!(support::exec::is_running(pid), "{what}");
                let (_agent, mut log) = run_logged(place.agent(&service, &options, &body));
                log.find("its left-over processes were ended");
                assert!(service.wait_for_accepted_reports(2, LONG), "{what}");
                let (result, runs) = match on_interrupted {
                    "run-again" => ("START success", &["START", "START", "SYNC"][..]),
                    _ => ("START fail", &["START", "SYNC"][..]),
                };
                assert_eq!(
                    results(&service),
                    [result, "SYNC success"],
                    "{what}: {:?}",
                    service.reports()
                );
                assert_eq!(place.runs(), runs, "{what}");
            }
        }
    }
}

/// A STOP takes the place of a running START. The agent drops the result of the START.
#[test]
fn a_crash_when_a_result_is_dropped_reports_only_what_the_service_holds() {
    for at in ["dropped:before", "dropped:torn", "dropped:after"] {
        let service = service_with([("START", "a")]);
        let place = Place::new();
        place.gates();
        let body = format!("{PROGRAM}{WAITS}");
        let mut first = run(crashing(place.agent(&service, &[], &body), at));
        place.wait_until_ready();
        replace(&service, "STOP", "a");
        has_crashed(&mut first);
        let _agent = run(place.agent(&service, &[], &body));
        assert!(service.wait_for_accepted_reports(1, LONG), "{at}");
        assert_eq!(results(&service), ["STOP success"], "{at}");
        assert_eq!(place.runs(), ["START", "STOP"], "{at}");
        assert_eq!(service.reports().len(), accepted(&service).len(), "{at}");
    }
}

/// The service never accepts a report of SKIP, so the agent does not run the command again while the service
/// returns it. Once the service has returned something else, the same command is a new one.
#[test]
fn a_crash_when_the_command_of_a_rejected_report_is_cleared_runs_nothing_twice() {
    for at in ["cleared:before", "cleared:torn", "cleared:after"] {
        let (place, service) = (Place::new(), service_with([("SKIP", "a")]));
        let nothing = Answer::body(200, "{}");
        let (mut first, mut log) = run_logged(crashing(place.agent(&service, &[], PROGRAM), at));
        log.find("rejected the report of SKIP and still returns it");
        service.push(SERVER_ID, nothing.clone());
        has_crashed(&mut first);
        assert_eq!(place.runs(), ["SKIP"], "{at}");
        service.push(SERVER_ID, nothing.times(20));
        let (_agent, mut log) = run_logged(place.agent(&service, &[], PROGRAM));
        log.find("rejected the report of SKIP and still returns it");
        assert_eq!(place.runs(), ["SKIP", "SKIP"], "{at}");
    }
}
