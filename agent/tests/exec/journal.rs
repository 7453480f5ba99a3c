//! Tests of journals that are damaged, belong to another server, or cannot be written for a while.

use std::{fs, process::Command};

use crate::support::{
    SERVER_ID,
    credentials::LONG,
    exec::{Place, WAITS, results, run, run_logged, service_with, signal},
    path,
};

const COUNTS: &str = "echo \"$SMS_COMMAND_NAME\" >> \"$RUNS\"";

/// Runs the agent to its end. It must exit with 2, print these words, and run nothing.
#[track_caller]
fn ends_with_2(command: Command, place: &Place, words: &[&str]) {
    ends_with(2, command, place, words);
}

/// Runs the agent to its end. The status is 2 if the operator has to change something, and 1 if the problem
/// may pass. systemd starts the agent again after 1.
fn ends_with(exit: i32, mut command: Command, place: &Place, words: &[&str]) {
    let output = command.stderr(std::process::Stdio::piped()).output().expect("runs");
    let runs = place.runs();
    let said = [output.stderr, output.stdout].concat();
    let said = String::from_utf8_lossy(&said);
    assert_eq!(output.status.code(), Some(exit), "{said}");
    for words in words {
        assert!(said.contains(words), "{words} in {said}");
    }
    assert!(runs.is_empty(), "{runs:?}");
}

/// Returns the command of [`Place::agent`], with a standard output that [`ends_with_2`] can read.
fn agent(place: &Place, service: &huaweicloud_sms_simulator::Simulator) -> Command {
    let mut command = place.agent(service, &[], COUNTS);
    command.stdout(std::process::Stdio::piped());
    command
}

#[test]
fn the_error_of_a_damaged_journal_has_file_line_and_remedy_and_nothing_is_sent() {
    let (place, service) = (Place::new(), service_with([("START", "a")]));
    let first = run(place.agent(&service, &[], "true"));
    assert!(service.wait_for_accepted_reports(1, LONG));
    drop(first);
    let journal = place.path("state/commands.journal");
    let mut bytes = fs::read(&journal).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&journal, &bytes).expect("written");
    let count = service.request_count();
    let name = path(&journal).to_owned();
    ends_with_2(
        agent(&place, &service),
        &place,
        &[&name, "is damaged: line ", "move the file away"],
    );
    assert_eq!(service.request_count(), count);
    assert_eq!(fs::read(&journal).expect("read"), bytes, "it is left to the operator");
    // The remedy of the message works.
    fs::rename(&journal, place.path("state/damaged")).expect("moved");
    let command = huaweicloud_sms_simulator::Command::new("SYNC", Some("b"));
    service.push_command(SERVER_ID, command);
    let _agent = run(place.agent(&service, &[], COUNTS));
    assert!(service.wait_for_accepted_reports(2, LONG));
    assert_eq!(place.runs(), ["SYNC"]);
}

#[test]
fn a_journal_of_another_server_is_not_used() {
    let (place, service) = (Place::new(), service_with([("START", "a")]));
    let command = place.agent(&service, &[], "true");
    let mut other = crate::support::agent(&[]);
    other.args(command.get_args().map(|argument| match argument.to_str() {
        Some(SERVER_ID) => "another-server".as_ref(),
        _ => argument,
    }));
    let other = run({
        other.env("HW_AUTH_TOKEN", crate::support::TOKEN).stdout(std::process::Stdio::null());
        other
    });
    assert!(service.wait_for_requests(1, LONG));
    drop(other);
    let words = ["belongs to server another-server", "--state-dir of its own"];
    ends_with_2(agent(&place, &service), &place, &words);
}

#[test]
fn a_second_agent_on_the_same_folder_ends_at_once_and_the_first_goes_on() {
    let (place, service) = (Place::new(), service_with([("START", "a")]));
    place.gates();
    let _first = run(place.agent(&service, &[], WAITS));
    place.wait_until_ready();
    let mut second = place.agent_with(&service, &[], &["/bin/sh", "-c", COUNTS]);
    second.stdout(std::process::Stdio::piped());
    ends_with(1, second, &place, &["is used by another process", r#""kind":"resource""#]);
    place.open_gate();
    assert!(service.wait_for_accepted_reports(1, LONG));
    assert_eq!(results(&service), ["START success"]);
}

#[test]
fn a_missing_folder_is_an_error_before_anything_is_sent() {
    let (place, service) = (Place::new(), service_with([("START", "a")]));
    let url = service.url();
    let arguments = ["watch", "--endpoint", &url, "--server-id", SERVER_ID, "--allow-http"];
    let mut command = crate::support::agent(&arguments);
    command.args(["--exec", "true"]).env("HW_AUTH_TOKEN", crate::support::TOKEN);
    command.env_remove("STATE_DIRECTORY");
    ends_with_2(command, &place, &["--state-dir", "STATE_DIRECTORY"]);
    fs::write(place.path("state"), "a file").expect("written");
    let name = path(&place.path("state")).to_owned();
    ends_with_2(agent(&place, &service), &place, &[&name]);
    assert_eq!(service.request_count(), 0);
}

/// A read-only mount is used, because root may write into any other folder.
#[cfg(target_os = "linux")]
#[test]
fn a_read_only_folder_is_an_error_before_anything_is_sent() {
    if !mounts() {
        return skip("a read-only folder of the journal");
    }
    let (place, service) = (Place::new(), service_with([("START", "a")]));
    fs::create_dir(place.path("state")).expect("made");
    let mut command = agent(&place, &service);
    let command = mounted(&mut command, "mount -t tmpfs -o ro tmpfs \"$DIR\"", &place);
    let name = path(&place.path("state")).to_owned();
    ends_with(1, command, &place, &[&name, "Read-only file system", r#""kind":"resource""#]);
    assert_eq!(service.request_count(), 0);
}

/// The disk fills up during a run, and later has room again.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_in_the_middle_starts_and_reports_nothing_until_there_is_room_again() {
    if !mounts() {
        return skip("a full disk of the journal");
    }
    let commands = [("START", "a"), ("SYNC", "b"), ("STOP", "c")];
    let (place, service) = (Place::new(), service_with(commands));
    place.gates();
    fs::create_dir(place.path("state")).expect("made");
    // The program fills the disk, and prints more than fits into the journal's last block.
    let body = format!(
        "{COUNTS}\ntest $SMS_COMMAND_NAME = START || exit 0\n\
         cat /dev/zero > \"$DIR/filler\" 2> /dev/null\n\
         head -c 10000 \"$DIR/filler\" | tr '\\0' x\n{WAITS}"
    );
    let mut command = place.agent(&service, &[], &body);
    let mount = "mount -t tmpfs -o size=64k tmpfs \"$DIR\"";
    let command = mounted(&mut command, mount, &place);
    let (agent, mut log) = run_logged(command);
    let program = place.wait_until_ready();
    // The path of the program's disk, which is mounted in another namespace.
    let folder = format!("/proc/{program}/root{}", path(&place.path("state")));
    let folder = fs::File::open(folder).expect("opened");
    place.open_gate();
    log.find("until then no command is started or reported");
    assert!(service.wait_for_requests(service.request_count() + 50, LONG));
    assert_eq!(place.runs(), ["START"]);
    assert!(service.reports().is_empty());
    let folder = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&folder));
    fs::remove_file(format!("{folder}/filler")).expect("removed");
    log.find("commands are carried out again");
    assert!(service.wait_for_accepted_reports(3, LONG));
    assert_eq!(results(&service), ["START success", "SYNC success", "STOP success"]);
    assert_eq!(place.runs(), ["START", "SYNC", "STOP"]);
    signal(&agent, "TERM");
}

/// Returns whether this user may mount in a namespace of its own.
#[cfg(target_os = "linux")]
fn mounts() -> bool {
    let mount = "mount -t tmpfs -o size=64k tmpfs /mnt";
    let arguments = ["--user", "--map-root-user", "--mount", "sh", "-c", mount];
    Command::new("unshare").args(arguments).output().is_ok_and(|output| output.status.success())
}

#[cfg(target_os = "linux")]
fn skip(what: &str) {
    println!("SKIPPED: {what} (no mount namespace)");
}

/// Returns the command in a mount namespace in which `$DIR`, the journal's folder, is mounted.
#[cfg(target_os = "linux")]
fn mounted(command: &mut Command, mount: &str, place: &Place) -> Command {
    let shell = format!("{mount} && exec \"$@\"");
    let mut outer = Command::new("unshare");
    outer.args(["--user", "--map-root-user", "--mount", "sh", "-c", &shell, "sh"]);
    outer.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => outer.env(name, value),
            None => outer.env_remove(name),
        };
    }
    outer.env("DIR", place.path("state")).stdin(std::process::Stdio::null());
    outer.stdout(std::process::Stdio::piped());
    outer
}
