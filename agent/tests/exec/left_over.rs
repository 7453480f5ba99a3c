//! Processes that a program or a killed agent left behind. Linux finds them by their environment.

use std::process::Command;

use crate::support::{
    TOKEN,
    credentials::LONG,
    exec::{Place, WAITS, is_running, replace, results, run, run_logged, service_with},
    path, transports, wait_until,
};

fn kill(pid: u32) {
    let status = Command::new("kill").args(["-s", "KILL", &pid.to_string()]).status();
    assert!(status.expect("runs").success());
    wait_until(|| !is_running(pid), || format!("{pid} still runs"));
}

/// Kills a process group when dropped.
struct Group(u32);

impl Drop for Group {
    fn drop(&mut self) {
        let group = format!("-{}", self.0);
        let _ = Command::new("kill").args(["-s", "KILL", "--", &group]).status();
    }
}

/// `timeout` makes a process group of its own.
#[test]
fn a_stop_ends_a_process_of_the_program_in_a_group_of_its_own() {
    for transport in transports() {
        let (place, service) = (Place::new(), service_with([("START", "a")]));
        place.gates();
        let body = r#"
            test "$SMS_COMMAND_NAME" = STOP && exit
            timeout 3600 sh -c 'echo $$ > "$READY"; read line < "$GATE"'"#;
        let _agent = run(place.agent(&service, &["--transport", transport], body));
        let pid = place.wait_until_ready();
        replace(&service, "STOP", "a");
        assert!(service.wait_for_accepted_reports(1, LONG));
        assert_eq!(results(&service), ["STOP success"]);
        assert!(!is_running(pid));
    }
}

#[test]
fn a_worker_whose_program_ended_after_the_agent_is_ended_before_the_next_run() {
    let (place, service) = (Place::new(), service_with([("START", "a")]));
    place.gates();
    let body = r#"
        echo $$ >> "$RUNS"
        test $(wc -l < "$RUNS") -gt 1 && exit
        sh -c 'echo $$ > "$READY"; read line < "$GATE"' & wait"#;
    let options = ["--on-interrupted", "run-again"];
    let agent = run(place.agent(&service, &options, body));
    let worker = place.wait_until_ready();
    drop(agent);
    kill(place.runs()[0].parse().expect("a number"));
    assert!(is_running(worker));
    let (_agent, mut log) = run_logged(place.agent(&service, &options, body));
    log.find("its left-over processes were ended");
    assert!(!is_running(worker));
    assert!(service.wait_for_accepted_reports(1, LONG));
    assert_eq!(results(&service), ["START success"]);
    assert_eq!(place.runs().len(), 2);
}

#[test]
fn an_agent_on_a_copy_of_the_journal_leaves_the_program_alone() {
    let (place, service) = (Place::new(), service_with([("START", "a")]));
    place.gates();
    let _agent = run(place.agent(&service, &[], WAITS));
    let pid = place.wait_until_ready();
    // The journal has the process before the next poll.
    assert!(service.wait_for_requests(service.request_count() + 2, LONG));
    let copy = Place::new();
    let folders = [path(&place.path("state")).to_owned(), path(&copy.path("state")).to_owned()];
    assert!(Command::new("cp").arg("-r").args(folders).status().expect("runs").success());
    let other = service_with([]);
    let _other = run(copy.agent(&other, &[], WAITS));
    assert!(other.wait_for_requests(2, LONG));
    assert!(is_running(pid));
    place.open_gate();
    assert!(service.wait_for_accepted_reports(1, LONG));
    assert_eq!(results(&service), ["START success"]);
}

/// A program can upgrade the agent, as a service manager does.
#[test]
fn an_agent_that_its_own_program_started_does_not_end_itself() {
    for how in ["exec", ""] {
        let (place, service) = (Place::new(), service_with([("UPGRADE", "a"), ("SYNC", "b")]));
        place.gates();
        std::fs::write(place.path("token"), TOKEN).expect("written");
        let token = path(&place.path("token")).to_owned();
        let agent = place.agent(&service, &["--token-file", &token], "true");
        let arguments: Vec<_> =
            agent.get_args().map(|argument| argument.to_str().expect("UTF-8")).collect();
        let new = format!("{} {}", env!("CARGO_BIN_EXE_sms-agent"), arguments.join(" "));
        place.script(&format!(
            "test \"$SMS_COMMAND_NAME\" = SYNC && exit\n\
             echo $$ > \"$READY\"; kill -KILL $PPID\n\
             {how} {new} > /dev/null 2>&1 < /dev/null"
        ));
        let _agent = run(agent);
        let _new = Group(place.wait_until_ready());
        assert!(service.wait_for_accepted_reports(2, LONG), "{how}");
        assert_eq!(results(&service), ["UPGRADE fail", "SYNC success"], "{how}");
    }
}
