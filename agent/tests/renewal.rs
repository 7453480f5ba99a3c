//! Tests `sms-agent watch` with keys and users: renewals and rejections.

mod support;

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use huaweicloud_sms_simulator::{Answer, Simulator, Step};
use support::{
    Running, SERVER_ID, agent,
    credentials::{AK, LONG, PASSWORD, SK, script, start},
    file, folder, path, transports, wait_until,
};

/// Starts `watch` without pauses. Returns its JSON lines. Its log goes to a file.
fn watch(
    service: &Simulator,
    transport: &str,
    credentials: &Path,
) -> (Running, impl Iterator<Item = serde_json::Value>) {
    let url = service.url();
    let mut arguments = vec!["watch", "--endpoint", &url, "--server-id", SERVER_ID, "--allow-http"];
    arguments.extend(["--interval", "0.001", "--max-backoff", "0.001", "--every", "-vvv"]);
    arguments.extend(["--format", "json", "--transport", transport]);
    arguments.extend(["--credentials-file", path(credentials)]);
    let log = fs::File::create(log_path(transport)).expect("a log");
    let mut command = agent(&arguments);
    let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().expect("runs");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let values = lines.map(|line| serde_json::from_str(&line.expect("readable")).expect("JSON"));
    (Running(child), values)
}

fn log_path(transport: &str) -> PathBuf {
    folder().join(format!("{transport}.log"))
}

fn log(transport: &str) -> String {
    let log = fs::read_to_string(log_path(transport)).expect("a log");
    assert!(!log.to_lowercase().contains("canary") && !log.contains("MII"), "{log}");
    log
}

fn password_file(service: &Simulator, name: &str, password: &str) -> PathBuf {
    let url = service.url();
    file(
        name,
        format!(
            "[password]\ndomain_name=my-account\nuser_name=migration\npassword={password}\niam_endpoint={url}\n"
        ),
    )
}

/// The tokens expire after a second. The watch renews each one before that, so that none is rejected.
#[test]
fn renews_tokens_before_they_expire() {
    for transport in transports() {
        let script =
            script().token_life(Duration::from_secs(1)).clock_ahead(Duration::from_secs(1200));
        let service = start(script);
        let credentials = password_file(&service, &format!("again-{transport}"), PASSWORD);
        let (running, mut answers) = watch(&service, transport, &credentials);
        let logins = || {
            let requests = service.requests();
            requests.iter().filter(|request| request.method == "POST").count()
        };
        while logins() < 3 {
            let answer = answers.next().expect("an answer");
            assert_eq!(answer["command_name"], "START", "{answer}");
        }
        drop(running);
        assert!(service.requests().iter().all(|request| matches!(request.status, 200 | 201)));
        let log = log(transport);
        assert!(log.matches("logged in as user").count() >= 2, "{log}");
        // There is one warning, not one for each answer.
        assert_eq!(log.matches("set the clock").count(), 1, "{log}");
    }
}

#[test]
fn a_changed_password_is_read_from_its_file() {
    for transport in transports() {
        let service = start(script());
        let name = format!("changed-{transport}");
        let credentials = password_file(&service, &name, PASSWORD);
        let (running, mut answers) = watch(&service, transport, &credentials);
        assert_eq!(answers.next().expect("an answer")["command_name"], "START");
        password_file(&service, &name, "another canary password");
        service.set_password("my-account", "migration", "another canary password");
        service.revoke_tokens();
        // The token is rejected, then the password, and then the file is read again.
        let rejected = answers.find(|answer| answer["answer"] == "error").expect("a rejection");
        assert_eq!(
            (&rejected["status"], &rejected["during"]),
            (&401.into(), &serde_json::Value::Null)
        );
        let rejected = answers.next().expect("a rejection");
        assert_eq!((&rejected["status"], &rejected["during"]), (&401.into(), &"login".into()));
        assert_eq!(answers.next().expect("an answer")["command_name"], "START");
        drop(running);
        let log = log(transport);
        assert!(log.contains("the file has a new password"), "{log}");
    }
}

/// The user's name is corrected. The password stays the same.
#[test]
fn a_corrected_name_is_read_from_its_file() {
    for transport in transports() {
        let service = start(script());
        let name = format!("corrected-{transport}");
        let url = service.url();
        let text = |user: &str| {
            let password = format!("password={PASSWORD}\niam_endpoint={url}\n");
            file(&name, format!("[password]\ndomain_name=my-account\nuser_name={user}\n{password}"))
        };
        let credentials = text("migratoin");
        let rejected =
            "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        service.push_login(Answer::steps([Step::Wait, Step::send(rejected)]));
        let (_running, mut answers) = watch(&service, transport, &credentials);
        assert!(service.wait_for_requests(1, LONG));
        text("migration");
        service.go_on();
        assert_eq!(answers.next().expect("a rejection")["during"], "login");
        assert_eq!(answers.next().expect("an answer")["command_name"], "START");
    }
}

/// The agent sends a wrong key once, and not again within the time for which keys are locked.
#[test]
fn a_wrong_key_is_not_retried_for_5_minutes() {
    for transport in transports() {
        let service = start(script());
        let name = format!("wrong-key-{transport}");
        let credentials = file(&name, format!("[basic]\nak={AK}\nsk=wrong-canary\n"));
        let (_running, mut answers) = watch(&service, transport, &credentials);
        assert_eq!(answers.next().expect("a rejection")["error_code"], "APIGW.0301");
        // The pause is the 300 s of a lock, and up to a fifth more by jitter.
        wait_until(|| log(transport).contains("next call in 3"), || log(transport));
        assert!(log(transport).contains("the key was rejected, and its file still has the same"));
        assert_eq!(service.request_count(), 1);
    }
}

/// The clocks differ by 20 minutes. One signature is rejected, the next ones use the service's clock.
#[test]
fn a_watch_follows_the_services_clock() {
    for transport in transports() {
        let service = start(script().clock_behind(Duration::from_secs(1200)));
        let url = service.url();
        let mut arguments = vec!["watch", "--endpoint", &url, "--server-id", SERVER_ID];
        arguments.extend(["--allow-http", "--interval", "0.001", "--max-backoff", "0.001"]);
        arguments.extend(["--transport", transport, "--follow-server-clock"]);
        let mut command = agent(&arguments);
        command.envs([("HW_ACCESS_KEY", AK), ("HW_SECRET_KEY", SK)]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("runs");
        let _running = Running(child);
        assert!(service.wait_for_requests(20, LONG));
        // The service's clock jumps. At most one more signature is rejected.
        service.advance(Duration::from_secs(3600));
        assert!(service.wait_for_requests(service.request_count() + 20, LONG));
        let statuses: Vec<u16> = service.requests().iter().map(|request| request.status).collect();
        // If the clock jumped between the check of a signature and its `Date`, no signature is rejected.
        let rejected = statuses.iter().filter(|status| **status == 401).count();
        assert!((1..=2).contains(&rejected), "{statuses:?}");
        assert_eq!((statuses[0], statuses[1]), (401, 200));
    }
}
