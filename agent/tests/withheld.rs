//! Tests that every output cuts and escapes texts of a server, and withholds those that contain a secret.

mod support;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    process::{Command, Stdio},
    thread,
};

use huaweicloud_sms_simulator::{Answer, Certificate, Script, Simulator};
use support::{
    Running, SERVER_ID, agent,
    credentials::{AK, SK, start},
    file, path, transports,
};

const WITHHELD: &str = "[withheld: contains a credential]";
const PASSWORD: &str = "Tr0ub&dor<7>/x-Zürich";
const TOKENS: [&str; 3] = [
    "qpWzLkRtYvBnMxCdHsGfJaQeUoIiPlKmNbVcXzAsDfGhJkLpOiUyTrEwQaSd",
    "ZxCvBnMaSdFgHjKlQwErTyUiOpMnBvCxZlKjHgFdSaPoIuYtReWqMkNjBhVg",
    "tGbYhNuJmIkOlPqAzWsXeDcRfVtGbZaQxSwCdEvFrBgTnHyMjUkIlOpLoKiJ",
];

/// Runs a command. Returns both outputs and the exit status.
fn run(command: &mut Command) -> (String, i32) {
    let output = command.output().expect("runs");
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8(text).expect("UTF-8"), output.status.code().expect("a status"))
}

fn obtain(url: &str, transport: &str, more: &[&str]) -> Command {
    let mut arguments = vec!["obtain", "--endpoint", url, "--server-id", SERVER_ID, "--allow-http"];
    arguments.extend(["--transport", transport]);
    agent(&[&arguments, more].concat())
}

fn with_user(command: &mut Command, iam: &str) {
    let [domain, name, password, url] =
        ["HW_DOMAIN_NAME", "HW_USER_NAME", "HW_USER_PASSWORD", "HW_AUTH_URL"];
    command.env(domain, "my-account").env(name, "migration").env(password, PASSWORD).env(url, iam);
}

fn issued(token: &str) -> Answer {
    let times = r#"{"token":{"issued_at":"2026-07-06T00:00:00.000000Z","expires_at":"2026-07-07T00:00:00.000000Z"}}"#;
    Answer::body(201, times).header("x-subject-token", token)
}

/// IAM rejects a login and echoes its password.
#[test]
fn an_echoed_password_is_withheld_in_every_spelling() {
    let cut = format!("{}{}", "x".repeat(200 - 12), &PASSWORD[..12]);
    for (answer, exit) in [
        (Answer::error(400, "IAM.0001", &format!("bad value: {PASSWORD}")), 4),
        (Answer::error(400, &PASSWORD[..7], &PASSWORD[7..14]), 4),
        (Answer::body(400, format!("bad value: {PASSWORD}")), 5),
        (Answer::body(400, cut), 5),
        (Answer::body(400, "<p>Tr0ub&amp;dor&lt;7&gt;/x-Z&uuml;rich</p>"), 5),
        (Answer::body(400, r#"{\"password\":\"Tr0ub\u0026dor\u003c7\u003e\/x-Z\u00fcrich\"}"#), 5),
        (Answer::body(400, "password=Tr0ub%26dor%3c7%3e%2Fx-Z%C3%BCrich"), 5),
        (Answer::body(400, "TR0UB&DOR<7>/X-ZÜRICH"), 5),
        (Answer::body(400, "VHIwdWImZG9yPDc+L3gtWsO8cmljaA=="), 5),
        (Answer::body(500, "").header("x-request-id", "Tr0ub&dor<7>/x"), 5),
    ] {
        let iam = start(Script::new().login([answer.clone().times(4)]));
        for transport in transports() {
            for format in ["text", "json"] {
                let mut command =
                    obtain("http://127.0.0.1:9", transport, &["-vvv", "--format", format]);
                with_user(&mut command, &iam.url());
                let (text, status) = run(&mut command);
                assert_eq!(status, exit, "{text}");
                assert!(text.contains(WITHHELD) && text.contains("login: status "), "{text}");
                for piece in ["Tr0ub", "TR0UB", "rich", "amp;dor", "VHIwd"] {
                    assert!(!text.contains(piece), "{text}");
                }
            }
        }
    }
}

/// IAM returns the token in another place than usual, so the agent does not know it.
#[test]
fn a_new_token_in_the_page_of_a_login_is_withheld() {
    let body = r#"{"access_token":"eyJhbGciOiJIUzI1NiJ9.fresh-token"}"#;
    for status in [200, 302] {
        let iam = start(Script::new().login([Answer::body(status, body).times(4)]));
        for transport in transports() {
            for format in ["text", "json"] {
                let mut command =
                    obtain("http://127.0.0.1:9", transport, &["-vvv", "--format", format]);
                with_user(&mut command, &iam.url());
                let (text, exit) = run(&mut command);
                assert!(exit == 5 && text.contains(WITHHELD), "{text}");
                assert!(!text.contains("access_token") && !text.contains("eyJ"), "{text}");
            }
        }
    }
}

/// A token that one service rejected may still be valid for another.
#[test]
fn tokens_of_earlier_logins_are_withheld() {
    for transport in transports() {
        let iam = start(Script::new().login(TOKENS.map(issued)));
        let service = Simulator::builder().start().expect("started");
        let rejected = || Answer::error(401, "SMS.6521", "m");
        for answer in [rejected(), Answer::body(200, "{}"), rejected()] {
            service.push(SERVER_ID, answer);
        }
        for token in TOKENS {
            service.push(SERVER_ID, Answer::error(500, "SMS.6000", &format!("bad: {token}")));
            service.push(SERVER_ID, Answer::command("STOP", Some(&format!("/{token}"))));
        }
        let mut command = agent(&["watch", "--endpoint", &service.url(), "--server-id", SERVER_ID]);
        command.args(["--allow-http", "--interval", "0.001", "--max-backoff", "0.001", "--every"]);
        command.args(["--format", "json", "--transport", transport]);
        with_user(&mut command, &iam.url());
        let mut child = command.stdout(Stdio::piped()).spawn().expect("runs");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let _running = Running(child);
        let mut commands = 0;
        while commands < TOKENS.len() {
            let line = lines.next().expect("a line").expect("readable");
            for token in TOKENS {
                assert!(!line.contains(&token[..20]), "{line}");
            }
            if line.contains("SMS.6000") || line.contains("STOP") {
                assert!(line.contains(WITHHELD), "{line}");
            }
            commands += usize::from(line.contains("STOP"));
        }
    }
}

/// A gateway echoes the signature that it received.
#[test]
fn an_echoed_signature_is_withheld() {
    for transport in transports() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut head = String::new();
            let mut reader = BufReader::new(stream.try_clone().expect("cloned")).take(8192);
            while !head.ends_with("\r\n\r\n") {
                assert!(reader.read_line(&mut head).expect("readable") > 0);
            }
            let (_, signature) = head.split_once("Signature=").expect("signed");
            let signature = signature[..64].to_owned();
            let body = format!("the signature {signature} is wrong");
            write!(
                stream,
                "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
            .expect("written");
            signature
        });
        let mut command = obtain(&url, transport, &["-vvv"]);
        let (text, status) = run(command.env("HW_ACCESS_KEY", AK).env("HW_SECRET_KEY", SK));
        let signature = server.join().expect("no panic");
        assert_eq!(status, 5, "{text}");
        assert!(text.contains(WITHHELD) && !text.contains(&signature[..12]), "{text}");
    }
}

/// The HTTP clients log headers at DEBUG and bytes at TRACE.
#[test]
fn no_header_of_a_response_is_logged() {
    let secret = "canaryTOKEN0123456789abcdefghij";
    for transport in transports() {
        for name in ["location", "server", "content-type", "x-request-id", "set-cookie"] {
            let service = Simulator::builder().start().expect("started");
            let value = format!("https://login.example/?next=x&token={secret}");
            service.push(SERVER_ID, Answer::body(302, "").header(name, &value));
            let mut command = obtain(&service.url(), transport, &["-vvv"]);
            let (text, status) = run(command.env("HW_AUTH_TOKEN", secret));
            assert!(status == 5 && text.contains("INFO"), "{text}");
            assert!(!text.contains("canary") && !text.contains("login.example"), "{text}");
        }
    }
}

#[test]
fn a_long_object_is_cut() {
    let object = "\u{7f}".repeat(250_000);
    let body =
        format!(r#"{{"command_name":"UPLOAD_LOG","command_param":{{"object":"{object}"}}}}"#);
    for transport in transports() {
        for format in ["text", "json"] {
            let service = Simulator::builder().start().expect("started");
            service.push(SERVER_ID, Answer::body(200, body.clone()));
            let mut command = obtain(&service.url(), transport, &["--format", format]);
            let (text, status) = run(command.env("HW_AUTH_TOKEN", TOKENS[0]));
            assert!(status == 0 && text.len() < 8192, "{} bytes", text.len());
            assert!(text.contains(r"\u007f... [cut: 1024 of 250000 characters]"), "{text}");
        }
    }
}

#[test]
fn names_of_a_certificate_are_cut_and_escaped() {
    let script = Script::new().certificate(Certificate::HostileName);
    let service = Simulator::builder().script(script).tls().start().expect("started");
    let ca = file("ca-of-a-hostile-name.pem", service.ca_pem().expect("a CA"));
    for transport in transports() {
        for format in ["text", "json"] {
            let more = ["-vvv", "--format", format, "--ca-cert", path(&ca)];
            let mut command = obtain(&service.url(), transport, &more);
            let (text, status) = run(command.env("HW_AUTH_TOKEN", TOKENS[0]));
            assert_eq!(status, 6, "{text}");
            assert!(text.contains("it is for another host"), "{text}");
            let is_raw = |character: char| character.is_control() && character != '\n';
            assert!(!text.contains(is_raw), "{text}");
            assert!(!text.lines().any(|line| line.starts_with("[ERROR forged]")), "{text}");
            assert!(text.matches('A').count() < 2_000, "{text}");
        }
    }
}

#[test]
fn a_command_with_a_blank_letter_does_not_look_like_another() {
    for transport in transports() {
        for blank in ["\u{3164}", "\u{115f}", "\u{1160}", "\u{ffa0}", "\u{2800}", "\u{200b}"] {
            for format in ["text", "json"] {
                let service = Simulator::builder().start().expect("started");
                service.push(SERVER_ID, Answer::command(&format!("START{blank}"), Some("t")));
                let mut command = obtain(&service.url(), transport, &["--format", format]);
                let (text, status) = run(command.env("HW_AUTH_TOKEN", TOKENS[0]));
                assert_eq!(status, 0, "{text}");
                assert!(text.contains(r"START\u") && !text.contains(blank), "{text}");
            }
        }
    }
}

/// Texts are cut first, so the rest of the work does not grow with the response.
#[test]
fn a_large_response_with_a_long_token_is_cut_first() {
    let token: String = TOKENS.concat().chars().cycle().take(16_384).collect();
    let body = format!(
        r#"{{"command_name":"UPLOAD_LOG","command_param":{{"object":"{}"}}}}"#,
        "A".repeat(260_000)
    );
    for transport in transports() {
        let service = Simulator::builder().start().expect("started");
        service.push(SERVER_ID, Answer::body(200, body.clone()));
        let mut child = obtain(&service.url(), transport, &[])
            .env("HW_AUTH_TOKEN", &token)
            .stdout(Stdio::piped())
            .spawn()
            .expect("runs");
        let mut text = String::new();
        child.stdout.take().expect("piped").read_to_string(&mut text).expect("readable");
        assert!(child.wait().expect("ended").success());
        assert!(text.contains("characters]"), "{text}");
    }
}
