//! Tests `sms-agent watch` as an operator or systemd runs it.

mod support;

#[cfg(unix)]
use std::process::Command;
use std::{
    fs,
    io::{BufRead, BufReader},
    process::{ChildStderr, ChildStdout, Stdio},
    time::Duration,
};

use huaweicloud_sms_simulator::{Answer, Script, Simulator};
use support::{Running, SERVER_ID, TOKEN, agent, file, service, transports};

const LONG: Duration = Duration::from_secs(60);

/// Starts `watch` without pauses.
fn watch(url: &str, more: &[&str]) -> (Running, BufReader<ChildStdout>) {
    let mut arguments = vec!["watch", "--endpoint", url, "--server-id", SERVER_ID];
    arguments.extend(["--allow-http", "--interval", "0.001", "--max-backoff", "0.001"]);
    arguments.extend(more);
    let mut command = agent(&arguments);
    if !more.contains(&"--token-file") {
        command.env("HW_AUTH_TOKEN", TOKEN);
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it runs");
    let lines = BufReader::new(child.stdout.take().expect("piped"));
    (Running(child), lines)
}

/// Returns the next line without its time, its server and the state of the poller. The line must have all
/// these.
fn next(lines: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    lines.read_line(&mut line).expect("readable");
    let mut value: serde_json::Value = serde_json::from_str(&line).expect(&line);
    let object = value.as_object_mut().expect("an object");
    for name in ["time", "due"] {
        let time = object.remove(name).expect("a time");
        let time = time.as_str().expect("a string");
        assert!(time.len() == 20 && time.starts_with("20") && time.ends_with('Z'), "{time}");
    }
    assert_eq!(object.remove("server_id"), Some(SERVER_ID.into()));
    assert!(object.remove("failures").expect("a number").is_u64(), "{line}");
    for varying in ["request_id", "message", "advice"] {
        object.remove(varying);
    }
    value.to_string()
}

const START: &str =
    r#"{"answer":"command","command_name":"START","command_param":{"task_id":"2c06"}}"#;
const STOP: &str =
    r#"{"answer":"command","command_name":"STOP","command_param":{"task_id":"2c06"}}"#;

fn repeated(count: u64) -> String {
    format!(r#"{{"answer":"repeated","count":{count}}}"#)
}

#[test]
fn prints_new_answers_counts_repetitions_and_renews_the_token() {
    for transport in transports() {
        // The service accepts any token. The script rejects one.
        let service = Simulator::builder().start().expect("started");
        for answer in [
            Answer::command("START", Some("2c06")).times(2),
            Answer::body(200, "{}"),
            Answer::error(500, "SMS.6000", "m").times(3),
            Answer::error(429, "APIGW.0308", "m").header("retry-after", "1"),
            Answer::error(401, "SMS.6521", "m"),
            Answer::command("STOP", Some("2c06")),
            Answer::silent(),
        ] {
            service.push(SERVER_ID, answer);
        }
        let path = file(&format!("watch-token-{transport}"), format!("{TOKEN}\n"));
        let path = path.to_str().expect("UTF-8");
        let (_running, mut lines) = watch(
            &service.url(),
            &[
                &["--transport", transport, "--format", "json"][..],
                &["--token-file", path, "--max-retry-after", "1"],
            ]
            .concat(),
        );
        assert_eq!(next(&mut lines), START);
        assert_eq!(next(&mut lines), repeated(1));
        assert_eq!(next(&mut lines), r#"{"answer":"nothing","reason":"empty_object"}"#);
        let failed = r#"{"answer":"error","error_code":"SMS.6000","error_msg":"m","kind":"api","reason":"unavailable","status":500}"#;
        assert_eq!(next(&mut lines), failed);
        assert_eq!(next(&mut lines), repeated(2));
        let throttled = r#"{"answer":"error","error_code":"APIGW.0308","error_msg":"m","kind":"api","reason":"throttled","retry_after":1,"status":429}"#;
        assert_eq!(next(&mut lines), throttled);
        // The test replaces the token during the wait for `Retry-After`.
        fs::write(path, "another-token\n").expect("written");
        let rejected = r#"{"answer":"error","error_code":"SMS.6521","error_msg":"m","kind":"api","reason":"unauthorized","status":401}"#;
        assert_eq!(next(&mut lines), rejected);
        assert_eq!(next(&mut lines), STOP);
        assert!(service.wait_for_requests(10, LONG));
        let tokens: Vec<_> = service
            .requests()
            .iter()
            .map(|request| request.header("x-auth-token").unwrap_or_default().to_vec())
            .collect();
        assert!(tokens[..8].iter().all(|token| token == TOKEN.as_bytes()));
        assert!(tokens[8..].iter().all(|token| token == b"another-token"));
    }
}

/// The lines of standard error.
struct Log(BufReader<ChildStderr>);

impl Log {
    /// Returns the next line with these words.
    fn find(&mut self, words: &str) -> String {
        loop {
            let mut line = String::new();
            let count = self.0.read_line(&mut line).expect("readable");
            assert!(count > 0, "no line with {words:?}");
            if line.contains(words) {
                return line.trim_end().to_owned();
            }
        }
    }
}

/// Starts `watch -v` and reads its log.
fn logged(url: &str, more: &[&str]) -> (Running, Log) {
    let mut command = agent(&["watch", "-v", "--endpoint", url, "--server-id", SERVER_ID]);
    command.args(["--allow-http"]).args(more);
    if !more.contains(&"--token-file") {
        command.env("HW_AUTH_TOKEN", TOKEN);
    }
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it runs");
    let log = Log(BufReader::new(child.stderr.take().expect("piped")));
    (Running(child), log)
}

#[test]
fn retry_after_waits_for_the_longest_backoff_unless_an_option_says_more() {
    for transport in transports() {
        let throttled = |value| Answer::error(429, "APIGW.0308", "m").header("retry-after", value);
        for (more, waits) in [
            (&[][..], "7200 s (Retry-After); waiting 0.4 s (--max-retry-after)"),
            (&["--max-retry-after", "86400"], "7200 s (Retry-After)"),
        ] {
            let service = service([throttled("1.5"), throttled("7200")]);
            let options = ["--transport", transport, "--max-backoff", "0.4"];
            let (_running, mut log) = logged(&service.url(), &[&options, more].concat());
            // The agent rounds 1.5 s up to 2 s, and the jitter may lengthen the wait.
            log.find(if more.is_empty() { "next call in 1 s" } else { "next call in " });
            let warning = log.find("the service asks to wait ");
            assert!(warning.ends_with(waits), "{warning}");
        }
    }
}

#[test]
fn warns_of_a_retry_after_that_it_ignores() {
    for transport in transports() {
        let value = format!("soon, \u{202e}{TOKEN}");
        let answer = Answer::error(429, "APIGW.0308", "m").header("retry-after", value.as_str());
        let service = service([answer]);
        let (_running, mut log) = logged(&service.url(), &["--transport", transport]);
        let warning = log.find("Retry-After is neither seconds nor a date, and is ignored: ");
        assert!(warning.ends_with("\"[withheld: contains a credential]\""), "{warning}");
    }
}

#[test]
fn the_wait_is_logged_with_the_time_of_its_end() {
    let service = service([Answer::command("START", None)]);
    let (_running, mut log) = logged(&service.url(), &[]);
    let line = log.find("next call in 1");
    let (_, time) = line.split_once(" s, at ").expect("a time");
    let (time, why) = time.split_once(": ").expect("a reason");
    assert_eq!((time.len(), &time[8..], why), (9, "Z", "the interval"));
}

#[test]
fn goes_on_when_the_service_comes_back() {
    for transport in transports() {
        let first = service([Answer::command("START", Some("2c06"))]);
        let addr = first.addr();
        let options = ["--transport", transport, "--format", "json"];
        let (_running, mut lines) = watch(&first.url(), &options);
        assert_eq!(next(&mut lines), START);
        drop(first);
        // Failures in between are printed, too.
        let script = Script::new().idle(SERVER_ID, Answer::command("STOP", Some("2c06")));
        let builder = Simulator::builder().token(TOKEN).listen(addr).script(script);
        let _second = builder.start().expect("the same port");
        while next(&mut lines) != STOP {}
    }
}

#[test]
fn reads_the_token_file_again_during_the_pause() {
    let service = Simulator::builder().start().expect("started");
    service.push(SERVER_ID, Answer::error(401, "SMS.6521", "m"));
    service.push(SERVER_ID, Answer::command("STOP", Some("2c06")));
    let path = file("token-of-the-pause", TOKEN);
    let path = path.to_str().expect("UTF-8");
    let (_running, mut lines) = watch(&service.url(), &["--format", "json", "--token-file", path]);
    let rejected: serde_json::Value = serde_json::from_str(&next(&mut lines)).expect("JSON");
    assert_eq!(rejected["status"], 401);
    // The agent has read the old token already, or reads the new one first.
    fs::write(path, "another-token").expect("written");
    assert_eq!(next(&mut lines), STOP);
}

/// While a program replaces the token, the file may be truncated or missing.
#[test]
fn reads_the_token_file_again_after_it_was_in_a_bad_state() {
    let empty: fn(&str) = |path| fs::write(path, "").expect("written");
    // The file may be missing at the second request.
    let missing: fn(&str) = |path| drop(fs::remove_file(path));
    for (name, spoil) in [("empty", empty), ("missing", missing)] {
        let path = file(&format!("token-that-is-{name}"), TOKEN);
        let path = path.to_str().expect("UTF-8").to_owned();
        let spoiled = path.clone();
        let builder = Simulator::builder().on_request(move |_| spoil(&spoiled));
        let service = builder.start().expect("started");
        service.push(SERVER_ID, Answer::error(401, "SMS.6521", "m"));
        let (_running, mut log) = logged(&service.url(), &["--token-file", &path]);
        log.find("the token was rejected, and ");
        fs::write(&path, "another-token").expect("written");
        log.find("the file has a new token");
        assert!(service.wait_for_requests(2, LONG));
        let requests = service.requests();
        assert_eq!(requests[1].header("x-auth-token"), Some(&b"another-token"[..]));
    }
}

#[test]
fn counts_prints_or_suppresses_repetitions() {
    let a = || Answer::command("START", Some("a"));
    let b = || Answer::command("START", Some("b"));
    let service = || service([a(), a(), b(), a(), Answer::command("STOP", None), Answer::silent()]);
    let names = |options: &[&str]| {
        let service = service();
        let (_running, mut lines) =
            watch(&service.url(), &[&["--format", "json"], options].concat());
        let mut names = Vec::new();
        while names.last().is_none_or(|name| name != "STOP-") {
            let value: serde_json::Value = serde_json::from_str(&next(&mut lines)).expect("JSON");
            let task = value["command_param"]["task_id"].as_str().unwrap_or_default();
            match value["command_name"].as_str() {
                Some(name) => names.push(format!("{name}-{task}")),
                None => names.push(format!("{} again", value["count"])),
            }
        }
        names.join(", ")
    };
    assert_eq!(names(&[]), "START-a, 1 again, START-b, START-a, STOP-");
    assert_eq!(names(&["--every"]), "START-a, START-a, START-b, START-a, STOP-");
    assert_eq!(names(&["--once-per-command"]), "START-a, 1 again, START-b, STOP-");
}

/// Repetitions of a suppressed answer are not counted. A reader would take them for those of the printed one.
#[test]
fn counts_only_repetitions_of_printed_answers() {
    let service = service([
        Answer::command("START", Some("a")),
        Answer::command("START", Some("b")),
        Answer::command("START", Some("a")).times(3),
        Answer::error(500, "SMS.6000", "m").times(3),
        Answer::command("STOP", None),
        Answer::command("START", Some("c")),
        Answer::command("STOP", None),
        Answer::silent(),
    ]);
    let mut arguments = vec!["watch", "--endpoint"];
    let url = service.url();
    arguments.extend([
        url.as_str(),
        "--server-id",
        SERVER_ID,
        "--allow-http",
        "--once-per-command",
    ]);
    arguments.extend(["--interval", "0.001", "--max-backoff", "0.001"]);
    let mut command = agent(&arguments);
    command.env("HW_AUTH_TOKEN", TOKEN).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("runs");
    let lines = BufReader::new(child.stdout.take().expect("piped"));
    let errors = BufReader::new(child.stderr.take().expect("piped"));
    let _running = Running(child);
    let said: Vec<String> = lines
        .lines()
        .map(|line| line.expect("readable"))
        .filter(|line| line.contains('Z'))
        .map(|line| line[21..].to_owned())
        .take(5)
        .collect();
    // A STOP without a task is never recognised.
    let starts = "command START";
    assert_eq!(said, [starts, starts, "command STOP", starts, "command STOP"]);
    let said: Vec<String> = errors
        .lines()
        .map(|line| line.expect("readable"))
        .filter(|line| line.starts_with("20"))
        .map(|line| line[21..].to_owned())
        .take(3)
        .collect();
    assert!(said[0].ends_with("/command with a token, every 0.001 s"), "{said:?}");
    assert!(said[1].starts_with("error: status 500"), "{said:?}");
    assert_eq!(said[2], "the same again (2 x)");
}

#[test]
fn json_counts_failures_and_has_the_time_of_the_next_call() {
    let service = service([Answer::error(500, "SMS.6000", "m").times(2), Answer::silent()]);
    let (_running, mut lines) = watch(&service.url(), &["--format", "json", "--every"]);
    let mut value = || {
        let mut line = String::new();
        lines.read_line(&mut line).expect("readable");
        serde_json::from_str::<serde_json::Value>(&line).expect("JSON")
    };
    assert_eq!([value()["failures"].clone(), value()["failures"].clone()], [1, 2]);

    let service = support::service([Answer::error(401, "SMS.6521", "m")]);
    let (_running, mut lines) = watch(&service.url(), &["--format", "json"]);
    let mut line = String::new();
    lines.read_line(&mut line).expect("readable");
    let value: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    // The pause after a rejection is 5 minutes.
    assert_ne!(
        value["due"].as_str().expect("a time")[..16],
        value["time"].as_str().expect("a time")[..16]
    );
}

#[test]
fn text_starts_with_the_time() {
    let service = service([Answer::command("START", Some("2c06")), Answer::silent()]);
    let (_running, mut lines) = watch(&service.url(), &[]);
    let mut line = String::new();
    lines.read_line(&mut line).expect("readable");
    assert_eq!(&line[20..], " command START\n");
}

#[test]
fn wrong_input_is_found_before_anything_is_sent() {
    let service = service([]);
    let url = service.url();
    for (option, value, problem) in [
        ("--interval", "0", "the pace must have an interval of more than 0"),
        ("--interval", "1e9", "the pace must have an interval of more than 0"),
        ("--max-backoff", "0", "the pace must have backoffs of more than 0"),
        ("--max-retry-after", "0", "the pace must have a limit of Retry-After of more than 0"),
        ("--max-retry-after", "86401", "the pace must have a limit of Retry-After of more than 0"),
        ("--token-file", "/nonexistent/token", "the token file /nonexistent/token cannot be read"),
        ("--server-id", "..", "the server id must not be . or .."),
    ] {
        let mut command = agent(&["watch", "--endpoint", &url, "--allow-http", option, value]);
        if option != "--server-id" {
            command.args(["--server-id", SERVER_ID]);
        }
        let output = command.env("HW_AUTH_TOKEN", TOKEN).output().expect("runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(problem), "{said}");
    }
    assert_eq!(service.request_count(), 0);
}

#[test]
fn a_closed_standard_error_does_not_end_it() {
    let service = service([Answer::error(500, "SMS.6000", "m"), Answer::command("STOP", None)]);
    let url = service.url();
    let mut command =
        agent(&["watch", "--endpoint", &url, "--server-id", SERVER_ID, "--allow-http"]);
    command.args(["--max-backoff", "0.001"]).env("HW_AUTH_TOKEN", TOKEN);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
    drop(child.stderr.take());
    let mut lines = BufReader::new(child.stdout.take().expect("piped"));
    let _running = Running(child);
    let mut line = String::new();
    lines.read_line(&mut line).expect("readable");
    assert!(line.contains("command STOP"), "{line}");
}

#[test]
fn ends_when_nobody_reads() {
    let service = service([]);
    service.push(SERVER_ID, Answer::body(200, "{}").times(1_000_000));
    let (mut running, lines) = watch(&service.url(), &["--every"]);
    drop(lines);
    assert_eq!(running.0.wait().expect("ends").code(), Some(1));
}

#[cfg(unix)]
mod unix {
    use std::{
        io::Write,
        os::{fd::OwnedFd, unix::net::UnixStream},
    };

    use super::*;

    fn signal(running: &Running, name: &str) {
        let pid = running.0.id().to_string();
        let status = Command::new("kill").args(["-s", name, &pid]).status().expect("runs");
        assert!(status.success());
    }

    #[test]
    fn a_signal_ends_it_during_a_call() {
        for transport in transports() {
            for name in ["INT", "TERM"] {
                let service =
                    service([Answer::command("START", Some("2c06")).times(2), Answer::silent()]);
                let options = ["--transport", transport, "--format", "json", "--timeout", "3600"];
                let (mut running, mut lines) = watch(&service.url(), &options);
                assert_eq!(next(&mut lines), START);
                assert!(service.wait_for_requests(3, LONG));
                signal(&running, name);
                assert_eq!(running.0.wait().expect("ends").code(), Some(0));
                assert_eq!(next(&mut lines), repeated(1), "the count is printed at the end");
            }
        }
    }

    #[test]
    fn a_hangup_makes_it_read_the_token_file_and_does_not_end_it() {
        for transport in transports() {
            let service = Simulator::builder().start().expect("started");
            service.push(SERVER_ID, Answer::command("START", Some("2c06")));
            let path = file(&format!("hangup-token-{transport}"), TOKEN);
            let path = path.to_str().expect("UTF-8");
            let (mut running, mut log) = logged(
                &service.url(),
                &["--transport", transport, "--token-file", path, "--interval", "3600"],
            );
            log.find("next call in ");
            signal(&running, "HUP");
            assert!(log.find("SIGHUP").ends_with(": its file still has the same"));
            fs::write(path, "another-token").expect("written");
            signal(&running, "HUP");
            log.find("the file has a new token");
            signal(&running, "TERM");
            assert_eq!(running.0.wait().expect("ends").code(), Some(0));
            assert_eq!(service.request_count(), 1);
        }
    }

    #[test]
    fn a_hangup_ends_it_if_an_answer_waits_for_a_reader() {
        let service = service([Answer::command("START", Some("2c06")).times(1_000_000)]);
        let (mut running, lines) = watch(&service.url(), &["--every"]);
        // The agent catches signals before it polls.
        assert!(service.wait_for_requests(1, LONG));
        let status = loop {
            // The signal has no effect until the pipe is full.
            signal(&running, "HUP");
            if let Some(status) = running.0.try_wait().expect("its status") {
                break status;
            }
        };
        assert_eq!(status.code(), Some(1));
        drop(lines);
    }

    #[test]
    fn a_signal_ends_it_while_an_answer_waits_for_a_reader() {
        for name in ["INT", "TERM"] {
            let service = service([Answer::command("START", Some("2c06")), Answer::silent()]);
            let (full, _reader) = full();
            let url = service.url();
            let mut command = agent(&["watch", "--endpoint", &url, "--server-id", SERVER_ID]);
            command.args(["--allow-http", "--interval", "0.001"]).env("HW_AUTH_TOKEN", TOKEN);
            let mut running = Running(command.stdout(full).spawn().expect("runs"));
            assert!(service.wait_for_requests(1, LONG));
            signal(&running, name);
            assert_eq!(running.0.wait().expect("ends").code(), Some(0));
            assert_eq!(service.request_count(), 1, "the answer was printed");
        }
    }

    /// Returns a socket whose buffer is full, and its other end.
    fn full() -> (OwnedFd, UnixStream) {
        let (mut writer, reader) = UnixStream::pair().expect("a pair");
        writer.set_nonblocking(true).expect("set");
        while writer.write(&[b'x'; 1024]).is_ok() {}
        while writer.write(b"x").is_ok() {}
        writer.set_nonblocking(false).expect("set");
        (writer.into(), reader)
    }

    #[test]
    fn a_signal_ends_it_while_it_sleeps() {
        for transport in transports() {
            let service = service([Answer::command("START", Some("2c06"))]);
            let options =
                ["--transport", transport, "--format", "json", "--every", "--interval", "3600"];
            let mut arguments = vec!["watch", "--endpoint"];
            let url = service.url();
            arguments.extend([url.as_str(), "--server-id", SERVER_ID, "--allow-http"]);
            arguments.extend(options);
            let mut command = agent(&arguments);
            command.env("HW_AUTH_TOKEN", TOKEN).stdout(Stdio::piped());
            let mut running = Running(command.spawn().expect("runs"));
            let mut lines = BufReader::new(running.0.stdout.take().expect("piped"));
            assert_eq!(next(&mut lines), START);
            signal(&running, "TERM");
            assert_eq!(running.0.wait().expect("ends").code(), Some(0));
        }
    }
}

/// The socket that systemd listens on.
#[cfg(target_os = "linux")]
struct Systemd {
    path: std::path::PathBuf,
    socket: std::os::unix::net::UnixDatagram,
}

#[cfg(target_os = "linux")]
impl Systemd {
    fn listen(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sms-agent-{name}-{}", std::process::id()));
        // An earlier process with the same number may have left a socket.
        let _ = fs::remove_file(&path);
        let socket = std::os::unix::net::UnixDatagram::bind(&path).expect("a socket");
        socket.set_read_timeout(Some(LONG)).expect("set");
        Self { path, socket }
    }

    fn receive(&self) -> String {
        let mut buffer = [0; 1024];
        let count = loop {
            match self.socket.recv(&mut buffer) {
                // The signal of a child that ended.
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                received => break received.expect("a message"),
            }
        };
        String::from_utf8_lossy(&buffer[..count]).trim().to_owned()
    }
}

#[cfg(target_os = "linux")]
impl Drop for Systemd {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn warns_once_of_a_dead_socket_of_systemd() {
    let answers = ["a", "b", "c"].map(|task| Answer::command("START", Some(task)));
    let service = service(answers.into_iter().chain([Answer::silent()]));
    let url = service.url();
    let mut command =
        agent(&["watch", "--endpoint", &url, "--server-id", SERVER_ID, "--allow-http"]);
    command.args(["--interval", "0.001", "--format", "json"]).env("HW_AUTH_TOKEN", TOKEN);
    command.env("NOTIFY_SOCKET", "/nonexistent/socket");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("runs");
    let mut errors = child.stderr.take().expect("piped");
    let mut running = Running(child);
    assert!(service.wait_for_requests(4, LONG));
    running.0.kill().expect("runs");
    let mut text = String::new();
    std::io::Read::read_to_string(&mut errors, &mut text).expect("UTF-8");
    assert_eq!(text.matches("systemd cannot be notified").count(), 1, "{text}");
}

/// The agent also serves the watchdog during a pause of minutes, and the status shows the pause.
#[cfg(target_os = "linux")]
#[test]
fn systemd_shows_the_pause_after_a_rejection() {
    for transport in transports() {
        let systemd = Systemd::listen(transport);
        let service = service([Answer::error(401, "SMS.6521", "m")]);
        let url = service.url();
        let mut command =
            agent(&["watch", "--endpoint", &url, "--server-id", SERVER_ID, "--allow-http"]);
        // The deadline is one timeout after the next call, and the timeout is short here.
        command.args(["--transport", transport, "--timeout", "0.5"]);
        command.env("NOTIFY_SOCKET", &systemd.path).env("WATCHDOG_USEC", "200000");
        let command = command.env("HW_AUTH_TOKEN", TOKEN).stdout(Stdio::null());
        let _running = Running(command.stderr(Stdio::null()).spawn().expect("runs"));
        let mut status = String::new();
        while !status.starts_with("STATUS=next call at ") {
            status = systemd.receive();
        }
        // A time of day, such as 12:34:56Z.
        assert!(status.ends_with("Z: the token was rejected"), "{status}");
        assert_eq!(status.len(), "STATUS=next call at 12:34:56Z: the token was rejected".len());
        // The agent sends two messages per 0.2 s. This is longer than a call and its margin.
        for _ in 0..20 {
            assert_eq!(systemd.receive(), "WATCHDOG=1");
        }
    }
}

/// An invalid period has no cost either.
#[cfg(target_os = "linux")]
#[test]
fn a_watchdog_of_0_costs_nothing() {
    for period in ["0", "abc", "-5", "18446744073709551615", "18446744073709551616"] {
        let systemd = Systemd::listen("no-watchdog");
        // Each repeated answer causes one message, about its wait.
        let service = service([Answer::command("START", None).times(20), Answer::silent()]);
        let url = service.url();
        let mut command =
            agent(&["watch", "--endpoint", &url, "--server-id", SERVER_ID, "--allow-http"]);
        command.args(["--interval", "0.001"]).env("HW_AUTH_TOKEN", TOKEN).stdout(Stdio::null());
        command.env("NOTIFY_SOCKET", &systemd.path).env("WATCHDOG_USEC", period);
        let mut running = Running(command.spawn().expect("runs"));
        let (mut alive, mut waits) = (0, 0);
        while waits < 20 {
            match systemd.receive().as_str() {
                "WATCHDOG=1" => alive += 1,
                message => waits += usize::from(message.starts_with("STATUS=")),
            }
        }
        // The longest period begins with one sign of life.
        assert!(alive <= 1, "{period}: {alive}");
        Command::new("kill").arg(running.0.id().to_string()).status().expect("runs");
        assert_eq!(running.0.wait().expect("ends").code(), Some(0));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn systemd_sees_ready_alive_and_stopping() {
    let systemd = Systemd::listen("states");
    let receive = || systemd.receive();
    let service = service([Answer::command("START", None), Answer::silent()]);
    let url = service.url();
    let mut command =
        agent(&["watch", "--endpoint", &url, "--server-id", SERVER_ID, "--allow-http"]);
    command
        .env("HW_AUTH_TOKEN", TOKEN)
        .env("NOTIFY_SOCKET", &systemd.path)
        .env("WATCHDOG_USEC", "20000");
    let mut running = Running(command.stdout(Stdio::null()).spawn().expect("runs"));
    assert_eq!(receive(), "READY=1");
    let mut seen = (false, false);
    while seen != (true, true) {
        match receive().as_str() {
            "WATCHDOG=1" => seen.0 = true,
            status => {
                assert!(status.starts_with("STATUS=next call at "), "{status}");
                seen.1 = true;
            }
        }
    }
    Command::new("kill").arg(running.0.id().to_string()).status().expect("runs");
    while receive() != "STOPPING=1" {}
    assert_eq!(running.0.wait().expect("ends").code(), Some(0));
}
