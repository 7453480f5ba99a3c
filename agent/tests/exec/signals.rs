//! Stops, kills, replaces and hangs up the agent during a run.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::Duration,
};

use huaweicloud_sms_simulator::{Answer, Script, Simulator};

#[cfg(target_os = "linux")]
use crate::support::exec::is_running;
use crate::support::{
    Running, TOKEN,
    credentials::LONG,
    exec::{
        Place, WAITS, detail, holding, replace, results, run, run_logged, service_with, signal,
    },
    path, transports, wait_until,
};

/// A program that counts its runs, and waits in the first one.
const WAITS_ONCE: &str = r#"
echo run >> "$RUNS"
test $(wc -l < "$RUNS") -gt 1 || { echo $$ > "$READY"; read line < "$GATE"; }
"#;

fn ends_with_0(agent: &mut Running) {
    assert_eq!(agent.0.wait().expect("ends").code(), Some(0));
}

#[test]
fn a_sigterm_ends_the_program_and_the_command_is_reported_after_the_restart() {
    for transport in transports() {
        for on_interrupted in ["report-failure", "run-again"] {
            let (place, service) = (Place::new(), service_with([("START", "a"), ("SYNC", "b")]));
            place.gates();
            let options = ["--transport", transport, "--on-interrupted", on_interrupted];
            let mut agent = run(place.agent(&service, &options, WAITS_ONCE));
            let _pid = place.wait_until_ready();
            signal(&agent, "TERM");
            ends_with_0(&mut agent);
            #[cfg(target_os = "linux")]
            assert!(!is_running(_pid));
            assert!(service.reports().is_empty());
            let _agent = run(place.agent(&service, &options, WAITS_ONCE));
            assert!(service.wait_for_accepted_reports(2, LONG));
            let (first, runs) = match on_interrupted {
                "run-again" => ("START success", 3),
                _ => ("START fail", 2),
            };
            assert_eq!(results(&service), [first, "SYNC success"]);
            assert_eq!(place.runs().len(), runs);
            assert_eq!(service.reports().len(), 2);
        }
    }
}

/// The program gets SIGKILL 10 s after SIGTERM. A second Ctrl-C has no effect.
#[cfg(target_os = "linux")]
#[test]
fn a_program_that_ignores_sigterm_is_killed_also_after_a_second_interruption() {
    let (place, service) = (Place::new(), service_with([("START", "a")]));
    place.gates();
    let body = format!("trap '' TERM\n{WAITS}");
    let mut agent = run(place.agent(&service, &[], &body));
    let pid = place.wait_until_ready();
    signal(&agent, "INT");
    signal(&agent, "INT");
    ends_with_0(&mut agent);
    assert!(!is_running(pid));
    let _agent = run(place.agent(&service, &[], &body));
    assert!(service.wait_for_accepted_reports(1, LONG));
    assert_eq!(results(&service), ["START fail"]);
    assert_eq!(detail(&service)["msg"], "the agent ended while the program was running");
}

#[test]
fn a_reported_command_is_not_run_again_after_a_restart() {
    let (place, service) = (Place::new(), service_with([("START", "a")]));
    let body = "echo run >> \"$RUNS\"";
    let options = ["--on-interrupted", "run-again"];
    let mut agent = run(place.agent(&service, &options, body));
    assert!(service.wait_for_accepted_reports(1, LONG));
    signal(&agent, "TERM");
    ends_with_0(&mut agent);
    let _agent = run(place.agent(&service, &options, body));
    assert!(service.wait_for_requests(service.request_count() + 10, LONG));
    assert_eq!(place.runs(), ["run"]);
    assert_eq!(results(&service), ["START success"]);
}

#[test]
fn a_sigterm_starts_no_command_that_waits() {
    let (place, service) = (Place::new(), service_with([("START", "a")]));
    place.gates();
    let body = format!(
        "echo $SMS_COMMAND_NAME >> \"$RUNS\"\ntest $SMS_COMMAND_NAME = STOP && exit 0\n{WAITS}"
    );
    let options = ["--stop-waits"];
    let mut agent = run(place.agent(&service, &options, &body));
    place.wait_until_ready();
    replace(&service, "STOP", "a");
    assert!(service.wait_for_requests(service.request_count() + 5, LONG));
    signal(&agent, "TERM");
    ends_with_0(&mut agent);
    assert_eq!(place.runs(), ["START"]);
    let _agent = run(place.agent(&service, &options, &body));
    assert!(service.wait_for_accepted_reports(1, LONG));
    assert_eq!(results(&service), ["STOP success"]);
    assert_eq!((place.runs().len(), service.reports().len()), (2, 1));
}

/// The test kills only the agent, as the kernel does when memory is short. The program has its own group.
#[cfg(target_os = "linux")]
#[test]
fn a_program_that_a_killed_agent_left_behind_is_ended_before_anything_is_started() {
    for transport in transports() {
        for on_interrupted in ["run-again", "report-failure"] {
            let (place, service) = (Place::new(), service_with([("START", "a"), ("SYNC", "b")]));
            place.gates();
            // The second run of the program looks for the first.
            let body = r#"
                test -e "$RUNS" && {
                    grep -s '^State:.[RSD]' /proc/$(head -n 1 "$RUNS")/status >> "$RUNS"
                    echo again >> "$RUNS"
                    exit
                }
                echo $$ >> "$RUNS"
                echo $$ > "$READY"; read line < "$GATE""#;
            let options = ["--transport", transport, "--on-interrupted", on_interrupted];
            let agent = run(place.agent(&service, &options, body));
            let pid = place.wait_until_ready();
            // After the next poll, the journal has the process.
            assert!(service.wait_for_requests(service.request_count() + 2, LONG));
            drop(agent);
            assert!(is_running(pid));
            let (_agent, mut log) = run_logged(place.agent(&service, &options, body));
            log.find("its left-over processes were ended");
            assert!(!is_running(pid));
            assert!(service.wait_for_accepted_reports(2, LONG));
            let (first, runs) = match on_interrupted {
                "run-again" => ("START success", &["again", "again"][..]),
                _ => ("START fail", &["again"][..]),
            };
            assert_eq!(results(&service), [first, "SYNC success"]);
            assert_eq!(place.runs()[1..], *runs, "one at a time");
        }
    }
}

/// The service does not answer the second poll, so the watch waits in it when the program ends.
#[test]
fn a_program_that_ends_during_a_call_is_not_interrupted_by_a_kill_in_that_call() {
    for transport in transports() {
        for on_interrupted in ["run-again", "report-failure"] {
            let place = Place::new();
            place.gates();
            let script = holding(Script::new(), [("START", "a")]).get_faults([
                None,
                Some(Answer::silent()),
                None,
                None,
            ]);
            let service =
                Simulator::builder().token(TOKEN).script(script).start().expect("started");
            let options = ["--transport", transport, "--on-interrupted", on_interrupted];
            let body = format!("echo run >> \"$RUNS\"\n{WAITS}");
            let agent = run(place.agent(&service, &options, &body));
            place.wait_until_ready();
            assert!(service.wait_for_requests(2, LONG));
            place.open_gate();
            wait_until(|| place.journal().contains("finished"), || place.journal());
            drop(agent);
            let _agent = run(place.agent(&service, &options, &body));
            assert!(service.wait_for_accepted_reports(1, LONG));
            assert_eq!(results(&service), ["START success"]);
            assert_eq!(place.runs(), ["run"]);
        }
    }
}

/// An upgrade replaces the file before or after the stop.
#[test]
fn an_upgrade_during_a_run_loses_and_repeats_no_command() {
    for transport in transports() {
        for (on_interrupted, is_replaced_first) in
            [("report-failure", false), ("report-failure", true), ("run-again", false)]
        {
            let (place, service) = (Place::new(), service_with([("START", "a"), ("STOP", "a")]));
            place.gates();
            let installed = place.path("sms-agent");
            let install = || {
                // `cp` copies the file. If this process did, a child of another test could inherit the
                // descriptor.
                let new = place.path("sms-agent.new");
                let arguments = [env!("CARGO_BIN_EXE_sms-agent"), path(&new)];
                assert!(Command::new("cp").args(arguments).status().expect("runs").success());
                fs::rename(&new, &installed).expect("renamed");
            };
            let start = || {
                let options = ["--transport", transport, "--on-interrupted", on_interrupted];
                let agent = place.agent(&service, &options, WAITS_ONCE);
                let mut command = Command::new(&installed);
                command.args(agent.get_args()).stdin(Stdio::null());
                for (name, value) in agent.get_envs() {
                    match value {
                        Some(value) => command.env(name, value),
                        None => command.env_remove(name),
                    };
                }
                command.stdout(Stdio::null()).stderr(Stdio::null());
                run(command)
            };
            install();
            let mut agent = start();
            place.wait_until_ready();
            if is_replaced_first {
                install();
            }
            signal(&agent, "TERM");
            ends_with_0(&mut agent);
            if !is_replaced_first {
                install();
            }
            let _agent = start();
            assert!(service.wait_for_accepted_reports(2, LONG));
            let (first, runs) = match on_interrupted {
                "run-again" => ("START success", 3),
                _ => ("START fail", 2),
            };
            assert_eq!(results(&service), [first, "STOP success"]);
            assert_eq!((service.reports().len(), place.runs().len()), (2, runs));
        }
    }
}

#[test]
fn a_hangup_during_a_run_ends_nothing() {
    for transport in transports() {
        let (place, service) = (Place::new(), service_with([("START", "a")]));
        place.gates();
        let options = ["--transport", transport];
        let (agent, mut log) = run_logged(place.agent(&service, &options, WAITS));
        place.wait_until_ready();
        signal(&agent, "HUP");
        log.find("SIGHUP");
        place.open_gate();
        assert!(service.wait_for_accepted_reports(1, LONG));
        assert_eq!(results(&service), ["START success"]);
    }
}

/// Nobody reads standard output, so its pipe is full and the agent is stuck in a write.
#[test]
fn a_stuck_output_ends_program_and_agent_at_a_sigterm_and_not_at_a_hangup() {
    let (place, service) = (Place::new(), service_with([("START", "a")]));
    place.gates();
    let mut command = place.agent(&service, &["--every"], WAITS);
    let mut agent = Running(command.stdout(Stdio::piped()).spawn().expect("runs"));
    let _pid = place.wait_until_ready();
    // The output is stuck when the agent does not send requests any more.
    while service.wait_for_requests(service.request_count() + 1, Duration::from_secs(2)) {}
    signal(&agent, "HUP");
    // A watch without `--exec` would end within this time.
    assert!(!service.wait_for_requests(service.request_count() + 1, Duration::from_secs(4)));
    assert!(agent.0.try_wait().expect("known").is_none(), "the hangup ended it");
    #[cfg(target_os = "linux")]
    assert!(is_running(_pid));
    signal(&agent, "TERM");
    ends_with_0(&mut agent);
    #[cfg(target_os = "linux")]
    assert!(!is_running(_pid));
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_is_closed_ends_the_program_with_the_agent() {
    let (place, service) = (Place::new(), service_with([("START", "a")]));
    place.gates();
    let mut command = place.agent(&service, &["--every"], WAITS);
    let mut agent = Running(command.stdout(Stdio::piped()).spawn().expect("runs"));
    let mut lines = BufReader::new(agent.0.stdout.take().expect("piped"));
    lines.read_line(&mut String::new()).expect("readable");
    let pid = place.wait_until_ready();
    drop(lines);
    assert_eq!(agent.0.wait().expect("ends").code(), Some(1));
    assert!(!is_running(pid));
}
