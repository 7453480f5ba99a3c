//! Runs real programs. Checks that no process of the group and no thread is left behind.

use std::{
    env, fs,
    net::TcpListener,
    os::{fd::AsRawFd, unix::process::CommandExt},
    path::Path,
    sync::MutexGuard,
};

use huaweicloud_sms::{Command, CommandParam, ServerId};
use serde_json::{Value, json};

use super::*;
use crate::redactor::{self, Kind, WITHHELD};

/// Lets one test run at a time, so that each can look for threads that were left behind.
static ALONE: Mutex<()> = Mutex::new(());

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(300);

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn shell(script: &str) -> Program {
    let args = vec!["-c".into(), script.into()];
    Program { path: "/bin/sh".into(), args, timeout: Some(LONG), kill_after: LONG }
}

fn command() -> Command {
    Command::new("START", CommandParam::default().with_task_id("task-1"))
}

/// Another one for each process of tests.
fn run_id() -> RunId {
    RunId::new(&format!("test-{}", process::id()), 7)
}

fn start(
    program: &Program,
    command: &Command,
    on_end: impl FnOnce(Finished) + Send + 'static,
) -> Result<Running, Finished> {
    let server_id = &ServerId::new("server-1").expect("valid");
    program.start(&Environment { run: run_id(), command, server_id }, on_end)
}

fn begin(program: &Program, command: &Command) -> (Running, Receiver<Finished>) {
    let (end, ends) = mpsc::channel();
    let on_end = move |finished| end.send(finished).expect("received");
    (start(program, command, on_end).expect("started"), ends)
}

/// Waits for the end of a run and returns its report. Checks that no process and no thread is left.
fn finish(running: Running, ends: &Receiver<Finished>) -> (bool, Value) {
    let finished = ends.recv_timeout(LONG).expect("ended");
    let pid = running.id().pid;
    assert_eq!(members(pid), [0; 0], "processes of the group");
    assert!(!Path::new(&format!("/proc/{pid}")).exists(), "not reaped");
    let deadline = Instant::now() + LONG;
    while threads().iter().any(|name| name.starts_with("program")) {
        assert!(Instant::now() < deadline, "{:?}", threads());
        thread::yield_now();
    }
    (finished.is_success, finished.detail.into())
}

fn run(program: &Program) -> (bool, Value) {
    let (running, ends) = begin(program, &command());
    finish(running, &ends)
}

fn threads() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").expect("Linux");
    tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok()).collect()
}

/// Returns the processes of a group that are not zombies.
fn members(group: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").expect("Linux").filter_map(Result::ok);
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| state(*pid).is_some_and(|(state, of)| state != "Z" && of == group)).collect()
}

/// Returns the state of a process, and its group.
fn state(pid: u32) -> Option<(String, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.to_owned(), fields.nth(1)?.parse().ok()?))
}

#[test]
fn a_program_gets_the_command_in_its_environment_and_on_standard_input() {
    let _alone = alone();
    let script = r#"printf '%s|' "$SMS_COMMAND_NAME" "$SMS_TASK_ID" "${SMS_BUCKET-unset}" \
        "${SMS_OBJECT-unset}" "$SMS_SERVER_ID" "$SMS_RUN"; cat"#;
    let line = "{\"command_name\":\"START\",\"command_param\":{\"task_id\":\"task-1\"}}\n";
    let output = format!("START|task-1|unset|unset|server-1|7|{line}");
    assert_eq!(run(&shell(script)), (true, json!({"output": output})));
}

/// Variables can be set safely only for a new process, so this test runs itself.
#[test]
fn a_program_inherits_no_secret_and_no_variable_of_another_command() {
    let _alone = alone();
    let secrets = [
        ("HUAWEICLOUD_SDK_SK", "secret-1"),
        ("HW_AUTH_TOKEN", "secret-2"),
        ("OS_PASSWORD", "secret-3"),
        ("https_proxy", "http://user:secret-4@proxy"),
        ("NOTIFY_SOCKET", "@secret-5"),
        ("CREDENTIALS_DIRECTORY", "/secret-6"),
        ("SMS_BUCKET", "secret-7"),
    ];
    if env::var_os("SMS_AGENT_TEST_INNER").is_none() {
        let name =
            "exec::runner::tests::a_program_inherits_no_secret_and_no_variable_of_another_command";
        let status = process::Command::new(env::current_exe().expect("a path"))
            .args(["--exact", name])
            .envs(secrets)
            .envs([("SMS_AGENT_TEST_INNER", "1"), ("LANG", "C"), ("HTTPS_PROXY", "http://proxy")])
            .status()
            .expect("started");
        return assert!(status.success());
    }
    let (is_success, detail) = run(&shell("env"));
    let output = detail["output"].as_str().expect("text");
    assert!(is_success && !output.contains("secret-"), "{output}");
    for kept in ["PATH=", "LANG=C\n", "HTTPS_PROXY=http://proxy\n", "SMS_AGENT_TEST_INNER=1\n"] {
        assert!(output.contains(kept), "{kept} {output}");
    }
}

#[test]
fn a_program_inherits_no_descriptor() {
    let _alone = alone();
    let file = tempfile::NamedTempFile::new().expect("made");
    let socket = TcpListener::bind("127.0.0.1:0").expect("bound");
    let target = |fd: i32| fs::read_link(format!("/proc/self/fd/{fd}")).expect("open");
    let ours = [target(file.as_raw_fd()), target(socket.as_raw_fd())];
    let (_, detail) = run(&shell("for fd in /proc/$$/fd/*; do readlink $fd; done"));
    let output = detail["output"].as_str().expect("text");
    assert!(output.contains("pipe:"), "{output}");
    for ours in ours {
        assert!(!output.contains(ours.to_str().expect("UTF-8")), "{ours:?} {output}");
    }
}

#[test]
fn a_program_need_not_read_its_input() {
    let _alone = alone();
    // The command is longer than the buffer of a pipe.
    let param = CommandParam::default().with_object("bucket", &"x".repeat(100_000));
    let command = Command::new("UPLOAD_LOG", param);
    for script in ["exit 0", "exec <&-", "exec <&-; sleep 0.1", "head -c 1 >/dev/null"] {
        let (running, ends) = begin(&shell(script), &command);
        assert_eq!(finish(running, &ends), (true, json!({"output": ""})), "{script}");
    }
    let (running, ends) = begin(&shell("cat"), &command);
    let length = serde_json::to_vec(&command).expect("JSON").len() + 1;
    assert_eq!(finish(running, &ends).1["output_bytes"], json!(length));
}

#[test]
fn the_exit_status_is_the_result() {
    let _alone = alone();
    let object = json!({"migrated": 3});
    assert_eq!(run(&shell("echo '{\"migrated\":3}'")), (true, object.clone()));
    assert_eq!(run(&shell("echo '{\"migrated\":3}'; exit 4")), (false, object));
    let detail = json!({
        "msg": "the program ended with exit status 4", "exit_status": 4, "output": "no room\n",
    });
    assert_eq!(run(&shell("echo no room; exit 4")), (false, detail));
    let detail = json!({"msg": "the program was ended by signal 9", "signal": 9});
    assert_eq!(run(&shell("kill -9 $$")), (false, detail));
}

#[test]
fn an_output_of_10_mb_does_not_block() {
    let _alone = alone();
    let (is_success, detail) = run(&shell("head -c 10000000 /dev/zero | tr '\\0' x; echo >&2"));
    assert!(is_success);
    assert_eq!(detail["output_bytes"], json!(10_000_000));
    assert!(detail["output"].as_str().expect("text").len() > 65_000);
}

#[test]
fn a_standard_error_of_10_mb_does_not_block() {
    let _alone = alone();
    let script = "head -c 10000000 /dev/zero | tr '\\0' '\\n' >&2; echo done";
    assert_eq!(run(&shell(script)), (true, json!({"output": "done\n"})));
}

#[test]
fn a_secret_is_not_reported() {
    let _alone = alone();
    redactor::keep(Kind::Credential, "gN5_wHq-3Rv.Yt");
    let detail = json!({"output": WITHHELD});
    assert_eq!(run(&shell("echo the key is gN5_wHq-3Rv.Yt")), (true, detail));
    let detail = json!({"key": WITHHELD, "other": 1});
    assert_eq!(run(&shell("echo '{\"key\":\"gN5_wHq-3Rv.Yt\",\"other\":1}'")), (true, detail));
}

#[test]
fn a_child_that_keeps_the_output_open_is_ended() {
    let _alone = alone();
    let detail = json!({"output": "done\n"});
    assert_eq!(run(&shell("sleep 1000 & echo done")), (true, detail.clone()));
    // One child ignores SIGTERM, and another one closed its output.
    assert_eq!(run(&shell("(trap '' TERM; sleep 1000) & echo done")), (true, detail.clone()));
    assert_eq!(run(&shell("sleep 1000 >/dev/null 2>&1 & echo done")), (true, detail));
}

#[test]
fn a_process_that_left_the_group_does_not_delay_the_end() {
    let _alone = alone();
    let (is_success, detail) =
        run(&shell("setsid sh -c 'echo $$; while :; do echo more; done' & exec sleep 1"));
    let output = detail["output"].as_str().expect("text");
    let pid = output.lines().next().expect("a number");
    // It may have ended already, because its next line has no reader.
    let kill = ["-c", "kill -9 $0 2>/dev/null || ! kill -0 $0 2>/dev/null", pid];
    let status = process::Command::new("/bin/sh").args(kill).status().expect("started");
    assert!(is_success && status.success(), "{pid}");
}

#[test]
fn a_child_may_finish_its_output_after_the_program() {
    let _alone = alone();
    let (is_success, detail) = run(&shell("(sleep 0.1; echo later) & echo first"));
    assert_eq!((is_success, detail), (true, json!({"output": "first\nlater\n"})));
}

#[test]
fn the_time_limit_ends_the_whole_group() {
    let _alone = alone();
    let program = Program { timeout: Some(SHORT), ..shell("sleep 1000 & sleep 1000 | cat") };
    let detail = json!({
        "msg": "the program was ended: it ran longer than its limit of 0.3 s",
        "timed_out": true,
    });
    assert_eq!(run(&program), (false, detail));
}

#[test]
fn a_program_that_ignores_sigterm_is_killed() {
    let _alone = alone();
    for script in ["trap '' TERM; while :; do sleep 1000; done", "trap '' TERM; sleep 1000 & wait"]
    {
        let program = Program { timeout: Some(SHORT), kill_after: SHORT, ..shell(script) };
        let (is_success, detail) = run(&program);
        assert_eq!((is_success, &detail["timed_out"]), (false, &json!(true)), "{script}");
    }
}

/// Stops a program whose trap for SIGTERM runs this command.
fn stop_at_trap(at_term: &str) -> (bool, Value) {
    let folder = tempfile::tempdir().expect("made");
    let ready = folder.path().join("ready");
    let script = format!(
        "trap '{at_term}; exit 0' TERM; touch '{}'; while :; do sleep 0.05; done",
        ready.display()
    );
    let (running, ends) = begin(&shell(&script), &command());
    while !ready.exists() {
        thread::yield_now();
    }
    running.stop("STOP arrived");
    finish(running, &ends)
}

#[test]
fn a_program_may_clean_up_at_sigterm() {
    let _alone = alone();
    let (is_success, detail) = stop_at_trap("echo cleaned");
    assert_eq!((is_success, &detail["output"]), (false, &json!("cleaned\n")));
}

#[test]
fn a_process_that_is_started_at_sigterm_is_ended_too() {
    let _alone = alone();
    assert_eq!(stop_at_trap("sleep 1000 & :").1["stopped"], json!(true));
}

#[test]
fn a_stopped_program_is_ended() {
    let _alone = alone();
    let program = Program { timeout: Some(SHORT), ..shell("kill -STOP $$") };
    assert_eq!(run(&program).1["timed_out"], json!(true));
}

#[test]
fn stop_ends_a_program_and_says_why() {
    let _alone = alone();
    let program = Program { timeout: None, ..shell("sleep 1000 | sleep 1000") };
    let (running, ends) = begin(&program, &command());
    running.stop("STOP arrived");
    running.stop("again");
    let detail = json!({"msg": "the program was ended: STOP arrived", "stopped": true});
    assert_eq!(finish(running, &ends), (false, detail));
}

#[test]
fn a_program_that_cannot_be_started_is_a_failure() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("made");
    let write = |name: &str, text: &str, mode: u32| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("written");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        fs::set_permissions(&path, mode).expect("set");
        path
    };
    let no_interpreter = "the interpreter that its first line names does not exist";
    let not_executable = "it is not an executable file, or this user may not execute it";
    for (path, why) in [
        (folder.path().join("missing"), "it does not exist"),
        ("no-such-program-of-sms-agent".into(), "it does not exist"),
        (folder.path().to_owned(), not_executable),
        (write("plain", "#!/bin/sh\n", 0o644), not_executable),
        (write("lost", "#!/no/such/interpreter\n", 0o755), no_interpreter),
        // A shell would run this file, but the agent uses no shell.
        (write("text", "echo run by a shell\n", 0o755), "Exec format error (os error 8)"),
    ] {
        let message = format!("the program {} cannot be started: {why}", path.display());
        let program = Program { path, args: vec![], timeout: None, kill_after: LONG };
        let failed = start(&program, &command(), |_| unreachable!("not started"));
        let finished = failed.expect_err("not started");
        assert_eq!(finished, Finished::not_started(&message));
        assert_eq!(Value::from(finished.detail), json!({"msg": message}));
    }
}

#[test]
fn a_value_that_no_environment_can_hold_is_a_failure() {
    let _alone = alone();
    for (value, why) in [
        ("a\0b".to_owned(), "nul byte found in provided data"),
        ("x".repeat(1_000_000), "Argument list too long (os error 7)"),
    ] {
        let param = CommandParam::default().with_object("bucket", &value);
        let failed = start(&shell("exit 0"), &Command::new("X", param), |_| ());
        let message = format!("the program /bin/sh cannot be started: {why}");
        assert_eq!(failed.err(), Some(Finished::not_started(&message)));
    }
}

#[test]
fn a_program_that_an_earlier_agent_left_behind_is_ended() {
    let _alone = alone();
    let mut child = process::Command::new("/bin/sh")
        .args(["-c", "trap '' TERM; echo; sleep 1000 & sleep 1000"])
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .expect("started");
    // The program writes a line after it has set its trap.
    let mut line = [0];
    io::Read::read_exact(child.stdout.as_mut().expect("a pipe"), &mut line).expect("a line");
    let id = ProcessId::of(child.id());
    for other in [
        ProcessId { start: id.start.map(|start| start + 1), ..id.clone() },
        ProcessId { start: None, ..id.clone() },
        ProcessId { boot: Some("another".into()), ..id.clone() },
    ] {
        assert!(
            !left_over::end(&run_id(), Some(&other), SHORT).expect("nothing to end"),
            "{other:?}"
        );
    }
    assert!(!members(id.pid).is_empty());
    assert!(left_over::end(&run_id(), Some(&id), SHORT).expect("ended"));
    assert_eq!(members(id.pid), [0; 0]);
    assert!(!left_over::end(&run_id(), Some(&id), SHORT).expect("nothing to end"));
    // The program is a child of this process and may have been reaped already.
    let _ = child.wait();
}
