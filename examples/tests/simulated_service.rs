//! Runs the examples against a simulated service, with each kind of credential. It runs only the examples
//! whose features are on.

use std::{
    env,
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use huaweicloud_sms_simulator::{Answer, Script, Simulator};

const EXAMPLES: &[&str] = &[
    #[cfg(feature = "httparse")]
    "std_tcp",
    #[cfg(feature = "ureq")]
    "poll_ureq",
    #[cfg(feature = "hyper")]
    "poll_hyper",
    #[cfg(feature = "reqwest")]
    "reqwest_transport",
    #[cfg(feature = "smol")]
    "smol_runtime",
    #[cfg(feature = "mio")]
    "event_loop",
];
const TOKEN: &[(&str, &str)] = &[("HW_AUTH_TOKEN", "a-token")];
const KEY: &[(&str, &str)] = &[("HUAWEICLOUD_SDK_AK", "AK"), ("HUAWEICLOUD_SDK_SK", "SK")];
const WRONG_KEY: &[(&str, &str)] = &[("HW_ACCESS_KEY", "AK"), ("HW_SECRET_KEY", "wrong")];
const USER: &[(&str, &str)] =
    &[("HW_DOMAIN_NAME", "account"), ("HW_USER_NAME", "user"), ("HW_USER_PASSWORD", "password")];

/// Starts a service that has this command for each of these servers.
fn service(command: &str, ids: &[String], token_life: Duration) -> Simulator {
    let script = Script::new()
        .access_key("AK", "SK")
        .user("account", "user", "password")
        .token_life(token_life);
    let answer = || Answer::command(command, Some("a-task"));
    let script = ids.iter().fold(script, |script, id| script.idle(id, answer()));
    Simulator::builder().token("a-token").script(script).start().expect("a simulated service")
}

struct Example(Child);

impl Example {
    fn run(name: &str, variables: &[(&str, &str)]) -> Self {
        // target/debug/deps/simulated_service-0123 -> target/debug/examples/name
        let mut path = env::current_exe().expect("a path");
        path.pop();
        path.pop();
        let mut command = Command::new(path.join("examples").join(name));
        // The examples must not see the credentials and proxies of this run.
        command.env_clear().envs(variables.iter().copied());
        command.envs(env::vars_os().filter(|(name, _)| name == "SystemRoot" || name == "PATH"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(command.spawn().expect("the example was built"))
    }

    fn at(name: &str, service: &Simulator, ids: &str, credential: &[(&str, &str)]) -> Self {
        let (url, iam) = (service.url(), service.url() + "/v3");
        let service =
            [("HW_SMS_ENDPOINT", &*url), ("HW_SMS_SERVER_ID", ids), ("HW_AUTH_URL", &iam)];
        Self::run(name, &[&service, credential].concat())
    }

    /// Waits for `count` lines with this text on standard output.
    fn prints(&mut self, text: &'static str, count: usize) {
        let lines = BufReader::new(self.0.stdout.take().expect("piped")).lines();
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let lines = lines.map_while(Result::ok).filter(|line| line.contains(text));
            if lines.take(count).count() == count {
                let _ = sender.send(());
            }
        });
        let received = receiver.recv_timeout(Duration::from_secs(60));
        assert!(received.is_ok(), "{text} is not printed {count} times: {}", self.kill());
    }

    /// Ends the example. Returns its standard error.
    fn kill(&mut self) -> String {
        let _ = self.0.kill();
        let mut text = String::new();
        let _ = self.0.stderr.take().map(|mut stderr| stderr.read_to_string(&mut text));
        text
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        self.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn obtains_a_command_with_a_token_and_with_a_key() {
    let service = service("STOP", &["server".into()], Duration::from_secs(60));
    for name in EXAMPLES {
        for credential in [TOKEN, KEY] {
            Example::at(name, &service, "server", credential).prints("command STOP", 1);
        }
    }
    assert_eq!(service.request_count(), 2 * EXAMPLES.len() as u64);
}

#[test]
fn logs_in_with_a_user_and_renews_the_token() {
    // A token of one second is renewed before the next call, which is due after the poll interval. The
    // examples wait for it at the same time.
    let service = service("STOP", &["server".into()], Duration::from_secs(1));
    let start = |name: &&str| Example::at(name, &service, "server", USER);
    for mut example in EXAMPLES.iter().map(start).collect::<Vec<_>>() {
        example.prints("logged in", 2);
    }
}

#[test]
fn ends_with_status_1_and_a_plain_error() {
    let service = service("STOP", &["server".into()], Duration::from_secs(60));
    for name in EXAMPLES {
        let mut incomplete = Example::run(name, KEY);
        assert_eq!(incomplete.0.wait().expect("a status").code(), Some(1), "{name}");
        let text = incomplete.kill();
        assert!(text.to_lowercase().starts_with("error: hw_sms_endpoint is not set"), "{text}");

        let mut rejected = Example::at(name, &service, "server", WRONG_KEY);
        assert_eq!(rejected.0.wait().expect("a status").code(), Some(1), "{name}");
        let text = rejected.kill();
        assert!(text.contains("APIGW.0301") && !text.contains("wrong"), "{text}");
        // A call with the right key in between, because rejections in a row would lock the key.
        Example::at(name, &service, "server", KEY).prints("command STOP", 1);
    }
}

#[cfg(feature = "ureq")]
#[test]
fn reports_the_result_of_a_command() {
    let script = Script::new()
        .commands("server", [huaweicloud_sms_simulator::Command::new("START", Some("a-task"))]);
    let service = Simulator::builder().token("a-token").script(script).start().expect("a service");
    Example::at("carry_out", &service, "server", TOKEN).prints("reported", 1);
}

#[test]
fn reads_a_response_without_an_http_client() {
    let head = "HTTP/1.1 200 OK\r\n";
    let answers = [
        (Answer::raw(format!("{head}\r\n{{\"command_name\":\"STOP\"}}")), "command STOP"),
        (Answer::raw(format!("{head}Content-Length: 20\r\n\r\n{{}}")), "end of file"),
        (Answer::raw(format!("{head}Content-Length: x\r\n\r\n{{}}")), "bad Content-Length"),
        (Answer::raw(format!("{head}Transfer-Encoding: chunked\r\n\r\n")), "chunked"),
        (Answer::raw("SSH-2.0"), "invalid HTTP version"),
        (Answer::raw([head, "\r\n", &"x".repeat(1 << 20)].concat()), "too large"),
    ];
    for name in EXAMPLES.iter().filter(|name| ["std_tcp", "event_loop"].contains(*name)) {
        for (answer, text) in &answers {
            let service = Simulator::builder().start().expect("a simulated service");
            service.push("server", answer.clone());
            Example::at(name, &service, "server", TOKEN).prints(text, 1);
        }
    }
}

#[cfg(feature = "mio")]
#[test]
fn one_thread_polls_for_1000_servers() {
    let ids: Vec<_> = (1..=1_000).map(|number| format!("server-{number}")).collect();
    let service = service("STOP", &ids, Duration::from_secs(60));
    Example::at("event_loop", &service, &ids.join(","), KEY).prints("command STOP", 1_000);
}
