//! Runs the binary as an operator does.

mod support;

use std::{
    fs,
    io::Write,
    path::PathBuf,
    process::{Command, Output, Stdio},
};
#[cfg(feature = "simulator")]
use std::{
    io::{BufRead, BufReader, Read},
    net::TcpStream,
};

use huaweicloud_sms_simulator::{Answer, Simulator};
use support::{Running, SERVER_ID, TOKEN, agent, file, folder, path, service, transports};

struct Ran {
    exit: i32,
    out: String,
    err: String,
}

fn ran(output: Output) -> Ran {
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Ran {
        exit: output.status.code().expect("an exit status"),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

fn run(arguments: &[&str]) -> Ran {
    ran(agent(arguments).output().expect("runs"))
}

/// Runs `obtain` with the token in the environment.
fn obtain(url: &str, more: &[&str]) -> Ran {
    let mut arguments = vec!["obtain", "--endpoint", url, "--server-id", SERVER_ID, "--allow-http"];
    arguments.extend(more);
    ran(agent(&arguments).env("HW_AUTH_TOKEN", TOKEN).output().expect("runs"))
}

#[test]
#[cfg(feature = "simulator")]
fn demo_shows_every_transport_over_http_and_https() {
    let demo = run(&["demo"]);
    assert_eq!(demo.exit, 0, "{}", demo.err);
    for transport in transports() {
        for scheme in ["http", "https"] {
            assert!(
                demo.out.contains(&format!("{transport} to {scheme}://127.0.0.1:")),
                "{}",
                demo.out
            );
        }
    }
    let count = |text: &str| demo.out.matches(text).count();
    assert_eq!(count("command START"), 2 * transports().len());
    assert_eq!(count("2c0689c860ad4728a497c91ec0844384"), 2 * transports().len());
    assert_eq!(count("x-auth-token: [redacted]"), 2 * transports().len());
    assert!(!demo.out.contains("demo-token"));
}

/// Both transports have the same messages.
#[test]
#[rustfmt::skip]
fn every_outcome_has_its_exit_status_json_and_text() {
    let task = r#"{"command_name":"TASK_NOT_STARTED"}"#;
    for (answer, exit, json, text) in [
        (Answer::command("START", Some("2c06")), 0,
            r#"{"answer":"command","command_name":"START","command_param":{"task_id":"2c06"}}"#,
            "command START\n  task_id  \"2c06\"\n"),
        (Answer::body(200, r#"{"command_name":"UPLOAD_LOG","command_param":{"bucket":"b","object":""}}"#), 0,
            r#"{"answer":"command","command_name":"UPLOAD_LOG","command_param":{"bucket":"b","object":""}}"#,
            "command UPLOAD_LOG\n  bucket   \"b\"\n  object   \"\"\n"),
        (Answer::body(200, task), 0, r#"{"answer":"task","command_name":"TASK_NOT_STARTED"}"#, "task TASK_NOT_STARTED\n"),
        (Answer::body(200, "{}"), 3, r#"{"answer":"nothing","reason":"empty_object"}"#, "nothing to do: the answer is {}\n"),
        (Answer::body(200, ""), 3, r#"{"answer":"nothing","reason":"empty_body"}"#, "nothing to do: the body is empty\n"),
        (Answer::body(204, ""), 3, r#"{"answer":"nothing","reason":"no_content"}"#, "nothing to do: status 204 (no content)\n"),
        (Answer::body(200, r#"{"command_name":null}"#), 3, r#"{"answer":"nothing","reason":"null_name"}"#, "nothing to do: command_name is null\n"),
        (Answer::error(403, "SMS.9004", "denied").header("x-request-id", "r1"), 4,
            r#"{"answer":"error","kind":"api","reason":"forbidden","status":403,"error_code":"SMS.9004","error_msg":"denied","request_id":"r1","message":"status 403, SMS.9004: denied [request id r1]"}"#,
            "error: status 403, SMS.9004: denied [request id r1]\n  grant the user the permissions sms:server:getCommand and sms:server:updateCommandResult (role model: sms:server:migrationServer)\n"),
        (Answer::error(429, "APIGW.0308", "slow down").header("retry-after", "17").header("x-request-id", "r4"), 4,
            r#"{"answer":"error","kind":"api","reason":"throttled","status":429,"error_code":"APIGW.0308","error_msg":"slow down","request_id":"r4","retry_after":17,"message":"status 429, APIGW.0308: slow down [request id r4]"}"#,
            "error: status 429, APIGW.0308: slow down [request id r4]\n  poll less often; wait as long as the service says, else a few seconds\n"),
        (Answer::body(503, "<html>busy</html>").header("retry-after", "17").header("x-request-id", "r5"), 5,
            r#"{"answer":"error","kind":"protocol","reason":"unexpected_status","status":503,"request_id":"r5","retry_after":17,"message":"status 503 (Service Unavailable); the body starts with: <html>busy</html> [request id r5]"}"#,
            "error: status 503 (Service Unavailable); the body starts with: <html>busy</html> [request id r5]\n  something between here and the service answered in its place (a proxy, a login page, a load balancer): check the endpoint and the proxy\n"),
        (Answer::body(200, "<html>login</html>").header("x-request-id", "r2"), 5,
            r#"{"answer":"error","kind":"protocol","reason":"unreadable_body","status":200,"request_id":"r2","message":"status 200, but the body is an HTML page (a proxy's login?) instead of JSON [request id r2]"}"#,
            "error: status 200, but the body is an HTML page (a proxy's login?) instead of JSON [request id r2]\n  something between here and the service answered in its place (a proxy, a login page, a load balancer): check the endpoint and the proxy\n"),
        (Answer::body(302, "").header("location", "http://127.0.0.1:9/").header("x-request-id", "r3"), 5,
            r#"{"answer":"error","kind":"protocol","reason":"redirect","status":302,"request_id":"r3","message":"status 302 (Found), a redirect, which is never followed; the body is empty [request id r3]"}"#,
            "error: status 302 (Found), a redirect, which is never followed; the body is empty [request id r3]\n  something between here and the service answered in its place (a proxy, a login page, a load balancer): check the endpoint and the proxy\n"),
        (Answer::raw("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}"), 6,
            r#"{"answer":"error","kind":"transport","reason":"closed","message":"the connection was closed before the response was complete"}"#,
            "error: the connection was closed before the response was complete\n  try again; if it stays, a firewall or proxy cuts the connection\n"),
        (Answer::raw("SSH-2.0-OpenSSH\r\n\r\n"), 6,
            r#"{"answer":"error","kind":"transport","reason":"protocol","message":"the peer did not speak HTTP as it should"}"#,
            "error: the peer did not speak HTTP as it should\n  something that is not the service listens there: check the endpoint and the proxy\n"),
        (Answer::body(200, " ".repeat(1001)), 6,
            r#"{"answer":"error","kind":"transport","reason":"too_large","message":"the body of the response is over 1000 bytes"}"#,
            "error: the body of the response is over 1000 bytes\n  this is not a response of the service: check the endpoint and the proxy; --max-body sets the limit\n"),
        (Answer::silent(), 6,
            r#"{"answer":"error","kind":"transport","reason":"timeout","message":"no response within 0.2 s"}"#,
            "error: no response within 0.2 s\n  the peer was reached and does not respond: check the endpoint and any proxy or gateway on the way; --timeout sets the limit\n"),
    ] {
        for transport in transports() {
            let simulator = service([answer.clone().times(2)]);
            // Only the case of a silent server needs a short timeout.
            let timeout = if json.contains("within") { "0.2" } else { "60" };
            let more = ["--transport", transport, "--max-body", "1000", "--timeout", timeout];
            let ran = obtain(&simulator.url(), &[&more[..], &["--format", "json"]].concat());
            let (json, mut found) = (object(json), object(&ran.out));
            let details = ["advice", "address", "causes"].map(|name| found.remove(name));
            assert_eq!((ran.exit, &found), (exit, &json), "{transport}: {}", ran.err);
            assert!(ran.out.ends_with('\n') && ran.out.lines().count() == 1, "{}", ran.out);
            let ran = obtain(&simulator.url(), &more);
            let (shown, other) = if exit < 4 { (ran.out, ran.err) } else { (ran.err, ran.out) };
            // The causes are the HTTP client's own messages.
            let (causes, shown): (Vec<_>, Vec<_>) =
                shown.lines().partition(|line| line.starts_with("  cause: "));
            assert_eq!((ran.exit, shown.join("\n") + "\n", other.as_str()), (exit, text.into(), ""), "{transport}");
            let [advice, address, json_causes] = details;
            assert_eq!(causes.is_empty(), json_causes.is_none(), "{transport}: {causes:?}");
            let is_error = exit >= 4;
            assert_eq!(advice.as_ref().and_then(|text| text.as_str()), shown.last().filter(|_| is_error).map(|line| line.trim()));
            let address_tried = simulator.url().trim_start_matches("http://").to_owned();
            assert_eq!(address, (exit == 6).then(|| address_tried.into()));
        }
    }
}

fn object(json: &str) -> serde_json::Map<String, serde_json::Value> {
    serde_json::from_str(json).expect("an object")
}

#[test]
fn an_error_with_a_body_over_the_limit_keeps_its_status() {
    let long = " ".repeat(300_000);
    let json = format!(r#"{{"error_code":"X.1","error_msg":"m","trace":"{long}"}}"#);
    for transport in transports() {
        for status in [401, 403, 429, 500] {
            for (body, exit) in [(json.clone(), 4), (format!("<html>{long}"), 5)] {
                let simulator = service([Answer::body(status, body)]);
                let more = ["--transport", transport, "--format", "json"];
                let ran = obtain(&simulator.url(), &more);
                assert_eq!(ran.exit, exit, "{transport}: {}", ran.out);
                assert_eq!(object(&ran.out)["status"], status);
            }
        }
    }
}

/// With few descriptors, a call succeeds or its error names the descriptors.
#[test]
#[cfg(unix)]
fn a_lack_of_descriptors_is_named_in_the_error() {
    let simulator = service([Answer::command("STOP", None).times(100)]);
    for transport in transports() {
        let mut told = 0;
        for limit in 4..=12 {
            let mut shell = Command::new("sh");
            shell.args(["-c", r#"ulimit -n "$0" && exec "$@""#, &limit.to_string()]);
            let url = simulator.url();
            let arguments =
                ["obtain", "--endpoint", &url, "--server-id", SERVER_ID, "--allow-http"];
            let direct = agent(&[&arguments[..], &["--transport", transport]].concat());
            shell.arg(direct.get_program()).args(direct.get_args());
            for (name, value) in direct.get_envs() {
                match value {
                    Some(value) => shell.env(name, value),
                    None => shell.env_remove(name),
                };
            }
            let ran = ran(shell.env("HW_AUTH_TOKEN", TOKEN).output().expect("runs"));
            if ran.exit != 0 {
                assert!(ran.err.contains("open files"), "{transport}, {limit}: {}", ran.err);
                told += 1;
            }
        }
        assert!(told < 9, "{transport}: no limit suffices");
    }
}

#[test]
fn a_closed_port_is_a_transport_error() {
    for transport in transports() {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let url = format!("http://{address}");
        drop(listener);
        let ran = obtain(&url, &["--transport", transport, "--format", "json"]);
        assert_eq!(ran.exit, 6);
        let error = object(&ran.out);
        assert_eq!((&error["reason"], &error["address"]), (&"connect".into(), &address.into()));
        assert_eq!(error["message"], "no connection could be made");
        assert!(error["causes"].to_string().contains("refused"), "{}", ran.out);
        assert!(error["advice"].to_string().contains("firewall"), "{}", ran.out);
        let ran = obtain(&url, &["--transport", transport]);
        let lines: Vec<_> = ran.err.lines().collect();
        assert_eq!((lines.len(), lines[0]), (3, "error: no connection could be made"));
        assert!(lines[1].starts_with("  cause: ") && lines[1].contains("refused"), "{}", ran.err);
    }
}

#[test]
fn warns_of_a_command_without_a_task() {
    let simulator = service([Answer::command("START", None)]);
    let ran = obtain(&simulator.url(), &["--format", "json"]);
    assert_eq!(
        (ran.exit, ran.out.as_str()),
        (0, "{\"answer\":\"command\",\"command_name\":\"START\"}\n")
    );
    assert!(ran.err.contains("START came without a task_id"), "{}", ran.err);
}

#[test]
fn https_trusts_only_the_given_ca() {
    for transport in transports() {
        let simulator = Simulator::builder().token(TOKEN).tls().start().expect("started");
        simulator.push(SERVER_ID, Answer::command("STOP", Some("t")));
        let ca = file(&format!("ca-{transport}.pem"), simulator.ca_pem().expect("a CA"));
        let ca = ca.to_str().expect("UTF-8");
        let ran = obtain(&simulator.url(), &["--transport", transport, "--ca-cert", ca]);
        assert_eq!((ran.exit, ran.out.as_str()), (0, "command STOP\n  task_id  \"t\"\n"));
        assert_eq!(ran.err, "");

        // A warning names the part of a bundle that is skipped.
        simulator.push(SERVER_ID, Answer::command("STOP", Some("t")));
        let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        let bundle = format!("{key}{}", simulator.ca_pem().expect("a CA"));
        let bundle = file(&format!("bundle-{transport}.pem"), &bundle);
        let bundle = bundle.to_str().expect("UTF-8");
        let ran = obtain(&simulator.url(), &["--transport", transport, "--ca-cert", bundle]);
        assert_eq!(ran.exit, 0, "{}", ran.err);
        let told = format!("the CA file {bundle}: line 1: this is a private key; it is skipped");
        assert!(ran.err.contains(&told), "{}", ran.err);

        let other = Simulator::builder().tls().start().expect("started");
        let ran = obtain(&other.url(), &["--transport", transport, "--ca-cert", ca]);
        assert_eq!(ran.exit, 6);
        assert!(
            ran.err.starts_with(
                "error: TLS failed: the certificate is not trusted: it is issued by an unknown CA\n"
            ),
            "{}",
            ran.err
        );
        assert!(ran.err.contains("--ca-cert"), "{}", ran.err);
    }
}

/// Each input is rejected before anything is sent. No message contains a secret.
#[test]
fn wrong_input_exits_with_2() {
    let simulator = service([]);
    let url = simulator.url();
    let empty = file("empty-token", "");
    let lines = file("two-lines", "canary-token\ncanary\n");
    let long = file("long-token", "c".repeat(16_385));
    let not_text = file("not-text", b"canary\xff");
    let huge = file("huge-token", "c".repeat(70_000));
    let token = file("token", TOKEN);
    let path = |path: &PathBuf| path.to_str().expect("UTF-8").to_owned();
    let long_id = "x".repeat(256);
    for (endpoint, id, token_file, more, why) in [
        ("", SERVER_ID, path(&token), &[][..], "the endpoint is empty"),
        ("http://canary", SERVER_ID, path(&token), &[], "--allow-http"),
        ("https://user:canary@h", SERVER_ID, path(&token), &[], "user or password"),
        ("https://h?canary", SERVER_ID, path(&token), &[], "query"),
        ("https://h#canary", SERVER_ID, path(&token), &[], "fragment"),
        ("https://h:99999", SERVER_ID, path(&token), &[], "port from 1 to 65535"),
        ("https://", SERVER_ID, path(&token), &[], "no host"),
        ("ftp://canary", SERVER_ID, path(&token), &[], "https://"),
        (&url, "", path(&token), &["--allow-http"], "the server id is empty"),
        (&url, ".", path(&token), &["--allow-http"], "must not be . or .."),
        (&url, "..", path(&token), &["--allow-http"], "must not be . or .."),
        (&url, "a/b", path(&token), &["--allow-http"], "slash"),
        (&url, &long_id, path(&token), &["--allow-http"], "256 characters"),
        (&url, SERVER_ID, path(&empty), &["--allow-http"], "the token file: the token is empty"),
        (&url, SERVER_ID, path(&lines), &["--allow-http"], "line break?) at position 13"),
        (&url, SERVER_ID, path(&long), &["--allow-http"], "16385 characters"),
        (&url, SERVER_ID, path(&not_text), &["--allow-http"], "not UTF-8"),
        (&url, SERVER_ID, "no/such/file".into(), &["--allow-http"], "no/such/file cannot be read"),
        (&url, SERVER_ID, path(&huge), &["--allow-http"], "over 65536 bytes"),
        (
            &url,
            SERVER_ID,
            path(&token),
            &["--allow-http", "--timeout", "0"],
            "the timeout must be more than 0",
        ),
        (
            &url,
            SERVER_ID,
            path(&token),
            &["--allow-http", "--connect-timeout", "0"],
            "the connect timeout must be more than 0",
        ),
        (
            &url,
            SERVER_ID,
            path(&token),
            &["--allow-http", "--timeout", "90000"],
            "the timeout must be more than 0",
        ),
        (
            &url,
            SERVER_ID,
            path(&token),
            &["--allow-http", "--ca-cert", "no/such/file"],
            "no/such/file cannot be read",
        ),
        (
            &url,
            SERVER_ID,
            path(&token),
            &["--allow-http", "--ca-cert", &path(&token)],
            &format!("the CA file {}: it has no certificate", path(&token)),
        ),
        (&url, SERVER_ID, path(&token), &["--allow-http", "--proxy", "canary"], "proxy address"),
        (
            &url,
            SERVER_ID,
            path(&token),
            &["--allow-http", "--proxy", "http://u:canary@h:1"],
            "HTTPS_PROXY",
        ),
    ] {
        let required =
            ["obtain", "--endpoint", endpoint, "--server-id", id, "--token-file", &token_file];
        for transport in transports() {
            let arguments = [&required[..], more, &["--transport", transport]].concat();
            let ran = run(&arguments);
            assert_eq!((ran.exit, ran.out.as_str()), (2, ""), "{arguments:?}: {}", ran.err);
            assert!(
                ran.err.starts_with("error: ") && ran.err.contains(why),
                "{arguments:?}: {}",
                ran.err
            );
            assert!(!ran.err.contains("canary"), "{}", ran.err);

            let ran = run(&[&arguments[..], &["--format", "json"]].concat());
            let json: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
            assert_eq!(
                (ran.exit, &json["answer"], &json["kind"]),
                (2, &"error".into(), &"input".into())
            );
            assert!(
                json["message"].as_str().is_some_and(|message| message.contains(why)),
                "{json}"
            );
        }
    }
    assert_eq!((simulator.connection_count(), simulator.request_count()), (0, 0));
}

#[test]
fn wrong_usage_exits_with_2() {
    for arguments in [
        &[][..],
        &["obtain"],
        &["obtain", "--endpoint", "https://h"],
        &["obtain", "--token", "x"],
        &["obtain", "--endpoint", "https://h", "--server-id", "x", "--transport", "curl"],
        &["obtain", "--endpoint", "https://h", "--server-id", "x", "--timeout", "soon"],
        &[
            "obtain",
            "--endpoint",
            "https://h",
            "--server-id",
            "x",
            "--proxy",
            "http://h:1",
            "--no-proxy",
        ],
        // Without the feature, this subcommand does not exist.
        &["simulate", "--listen", "0.0.0.0:0"],
        &["simulate", "--ca-out", "x"],
        &["simulate", "--script", "no/such/file"],
    ] {
        let ran = run(arguments);
        assert_eq!(ran.exit, 2, "{arguments:?}: {}", ran.err);
        assert!(!ran.err.is_empty());
    }
    let ran = run(&["obtain", "--endpoint", "https://h", "--server-id", "x"]);
    assert_eq!(ran.exit, 2);
    assert!(ran.err.contains("HW_AUTH_TOKEN") && ran.err.contains("--token-file"), "{}", ran.err);
    for transport in ["ureq", "hyper"] {
        if !transports().contains(&transport) {
            let ran = obtain("https://h", &["--transport", transport]);
            assert_eq!(ran.exit, 2);
            assert!(ran.err.contains("not in this build"), "{}", ran.err);
        }
    }
}

/// The README documents this order.
#[test]
fn a_token_comes_from_the_first_source_that_is_set() {
    let obtains = |command: &mut Command, token: &str| {
        let simulator = Simulator::builder().token(token).start().expect("started");
        simulator.push(SERVER_ID, Answer::command("STOP", Some("t")));
        command.args(["--endpoint", &simulator.url(), "--server-id", SERVER_ID, "--allow-http"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("runs");
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(b"from-stdin\r\n").expect("written");
        }
        let ran = ran(child.wait_with_output().expect("ends"));
        assert_eq!(ran.exit, 0, "{token}: {}", ran.err);
    };
    let from_file = file("from-file", "\u{feff}from-file\n");
    let from_file = from_file.to_str().expect("UTF-8");
    let both = |command: &mut Command| {
        command.env("HW_AUTH_TOKEN", "from-hw").env("OS_AUTH_TOKEN", "from-os");
    };
    let mut command = agent(&["obtain", "--token-file", from_file]);
    both(&mut command);
    obtains(&mut command, "from-file");
    let mut command = agent(&["obtain", "--token-file", "-"]);
    both(&mut command);
    obtains(command.stdin(Stdio::piped()), "from-stdin");
    let mut command = agent(&["obtain"]);
    both(&mut command);
    obtains(&mut command, "from-hw");
    obtains(agent(&["obtain"]).env("OS_AUTH_TOKEN", "from-os"), "from-os");

    let simulator = service([Answer::command("STOP", Some("t"))]);
    let mut command = agent(&["obtain", "--allow-http"]);
    command.env("HW_SMS_ENDPOINT", simulator.url()).env("HW_SMS_SERVER_ID", SERVER_ID);
    let ran = ran(command.env("HW_AUTH_TOKEN", TOKEN).output().expect("runs"));
    assert_eq!(ran.exit, 0, "{}", ran.err);
}

/// Searches logs of all levels, also with hex dumps decoded.
#[test]
fn the_token_is_in_no_output() {
    let echo = format!("you sent {TOKEN}, I say: {}", &TOKEN[..20]);
    for transport in transports() {
        for tls in [false, true] {
            let builder = Simulator::builder().token(TOKEN);
            let simulator = if tls { builder.tls() } else { builder }.start().expect("started");
            let ca =
                file(&format!("ca-leak-{transport}.pem"), simulator.ca_pem().unwrap_or_default());
            let mut more = vec!["--transport", transport, "-vvv"];
            if tls {
                more.extend(["--ca-cert", ca.to_str().expect("UTF-8")]);
            }
            for format in ["text", "json"] {
                for answer in [
                    Answer::command("START", Some("t")),
                    Answer::command(TOKEN, Some(&echo)),
                    Answer::error(401, "APIGW.0301", &echo),
                    Answer::body(502, echo.clone()),
                    Answer::silent(),
                ] {
                    simulator.push(SERVER_ID, answer);
                    let limit = ["--timeout", "1", "--format", format];
                    let ran = obtain(&simulator.url(), &[&more[..], &limit].concat());
                    assert!(ran.err.contains("INFO"), "{}", ran.err);
                    for shown in [&ran.out, &ran.err, &joined(&ran.err)] {
                        assert!(!shown.contains(&TOKEN[..16]), "{shown}");
                    }
                    assert_eq!(
                        simulator.requests().last().expect("one").header("x-auth-token"),
                        Some(TOKEN.as_bytes())
                    );
                }
            }
        }
    }
}

/// The environment's proxy has a password, which must not be shown either.
#[test]
fn the_proxy_of_the_environment_is_used_and_never_bypassed() {
    use huaweicloud_sms_simulator::proxy::{ProxyBehavior, SimulatedProxy};

    for transport in transports() {
        let simulator = Simulator::builder().token(TOKEN).tls().start().expect("started");
        simulator.push(SERVER_ID, Answer::command("STOP", Some("t")).times(2));
        let ca = file(&format!("ca-proxy-{transport}.pem"), simulator.ca_pem().expect("a CA"));
        let ca = ca.to_str().expect("UTF-8");
        let proxy = SimulatedProxy::start(ProxyBehavior::Tunnel).expect("started");
        let url = simulator.url();
        let arguments =
            ["obtain", "--endpoint", &url, "--server-id", SERVER_ID, "--ca-cert", ca, "-vvv"];
        let obtain = |password: &str, more: &[&str]| {
            let mut command = agent(&[&arguments[..], &["--transport", transport], more].concat());
            command.env("HW_AUTH_TOKEN", TOKEN);
            command.env("HTTPS_PROXY", format!("http://user:{password}@{}", proxy.addr()));
            ran(command.output().expect("runs"))
        };
        let through = obtain("p%40ss", &[]);
        assert_eq!(through.exit, 0, "{}", through.err);
        let seen = String::from_utf8_lossy(&proxy.received()).into_owned();
        assert!(seen.starts_with("CONNECT ") && !seen.contains(TOKEN));
        // The password in base64 as it is sent, encoded as in the variable, and decoded.
        for secret in ["dXNlcjpwQHNz", "p%40ss", "p@ss"] {
            assert!(!through.err.contains(secret), "{}", through.err);
            assert!(!joined(&through.err).contains(secret), "{}", through.err);
        }
        let rejected = obtain("wrong-password", &[]);
        assert_eq!(rejected.exit, 6);
        assert!(
            rejected.err.contains("it wants a user and password (status 407)"),
            "{}",
            rejected.err
        );
        assert!(
            rejected.err.contains("its address (http://user:password@host:port)"),
            "{}",
            rejected.err
        );
        assert!(!rejected.err.contains("wrong-password"), "{}", rejected.err);

        let tunnels = proxy.received().len();
        assert_eq!(obtain("p%40ss", &["--no-proxy"]).exit, 0);
        assert_eq!(proxy.received().len(), tunnels);

        // A proxy of another kind is an error. The agent never connects without it.
        let connections = simulator.connection_count();
        let mut command = agent(&[&arguments[..], &["--transport", transport]].concat());
        command.env("HW_AUTH_TOKEN", TOKEN).env("ALL_PROXY", "socks5://127.0.0.1:9");
        let socks = ran(command.output().expect("runs"));
        assert_eq!(socks.exit, 6);
        let expected = "error: the environment's proxy cannot be used: ALL_PROXY must start with";
        assert!(socks.err.contains(expected), "{}", socks.err);
        assert_eq!(simulator.connection_count(), connections);
    }
}

/// Without a trust store, both transports fail with the same message. Plain http still works.
#[test]
#[cfg(target_os = "linux")]
fn tls_without_a_trust_store_fails_and_http_works() {
    let nothing = file("no-certificates.pem", "");
    for transport in transports() {
        let obtain = |simulator: &Simulator| {
            simulator.push(SERVER_ID, Answer::command("STOP", Some("t")));
            let url = simulator.url();
            let mut command = agent(&["obtain", "--endpoint", &url, "--server-id", SERVER_ID]);
            command
                .args(["--allow-http", "--transport", transport, "-v"])
                .env("HW_AUTH_TOKEN", TOKEN);
            command.env("SSL_CERT_FILE", &nothing).env_remove("SSL_CERT_DIR");
            ran(command.output().expect("runs"))
        };
        let rejected = obtain(&Simulator::builder().token(TOKEN).tls().start().expect("started"));
        assert_eq!((rejected.exit, rejected.out.as_str()), (6, ""));
        let words = "error: TLS failed: the variable SSL_CERT_FILE leads to no certificate that can be used\n";
        assert!(rejected.err.contains(words), "{}", rejected.err);
        assert!(rejected.err.contains("--ca-cert"), "{}", rejected.err);
        assert_eq!(obtain(&service([])).exit, 0);
    }
}

/// Decodes the hex dumps of a log, which are words of two hexadecimal digits.
fn joined(log: &str) -> String {
    let words = log.split(|character: char| !character.is_ascii_alphanumeric());
    let bytes =
        words.filter(|word| word.len() == 2).filter_map(|word| u8::from_str_radix(word, 16).ok());
    bytes.map(char::from).collect()
}

#[test]
fn hex_dumps_are_decoded() {
    assert_eq!(joined("TRACE: 0000 4d 49 49 |MII|\n0010: 63 61"), "MIIca");
}

/// Starts `simulate` and reads its address.
#[cfg(feature = "simulator")]
fn simulate(arguments: &[&str]) -> (Running, BufReader<std::process::ChildStdout>, String) {
    let mut command = agent(&[&["simulate"], arguments].concat());
    let mut child = command.stdout(Stdio::piped()).spawn().expect("runs");
    let mut lines = BufReader::new(child.stdout.take().expect("piped"));
    let running = Running(child);
    let mut url = String::new();
    lines.read_line(&mut url).expect("an address");
    (running, lines, url.trim().to_owned())
}

#[test]
#[cfg(feature = "simulator")]
fn simulate_serves_another_process() {
    let token = file("simulate-token", TOKEN);
    let script = file(
        "script.json",
        format!(
            r#"{{"servers":{{"{SERVER_ID}":{{"answers":[{{"json":{{"command_name":"SYNC"}}}},{{"status":503,"json":{{"error_code":"APIGW.0613"}}}}]}}}}}}"#
        ),
    );
    let (token, script) = (token.to_str().expect("UTF-8"), script.to_str().expect("UTF-8"));
    let (_running, mut lines, url) = simulate(&["--script", script, "--token-file", token]);
    let exits: Vec<i32> = (0..3).map(|_| obtain(&url, &[]).exit).collect();
    assert_eq!(exits, [0, 4, 3]);
    let mut line = String::new();
    for status in [200, 503, 200] {
        line.clear();
        lines.read_line(&mut line).expect("a line");
        assert_eq!(line, format!("GET /v3/sources/{SERVER_ID}/command -> {status}\n"));
    }

    let taken = url.trim_start_matches("http://");
    let rejected = run(&["simulate", "--listen", taken]);
    assert_eq!(rejected.exit, 2);
    assert!(
        rejected.err.starts_with(&format!("error: the simulator cannot listen on {taken}: ")),
        "{}",
        rejected.err
    );

    let ca = folder().join("simulate-ca.pem");
    let ca = ca.to_str().expect("UTF-8");
    let (_running, _lines, url) = simulate(&["--tls", "--ca-out", ca]);
    for transport in transports() {
        let ran = obtain(&url, &["--transport", transport, "--ca-cert", ca]);
        assert_eq!(
            (ran.exit, ran.out.as_str()),
            (0, "command START\n  task_id  \"2c0689c860ad4728a497c91ec0844384\"\n")
        );
    }
}

#[test]
#[cfg(feature = "simulator")]
fn simulate_shows_and_records_the_conversation() {
    let script = file(
        "held.json",
        format!(
            r#"{{"servers":{{"{SERVER_ID}":{{"commands":[{{"json":{{"command_name":"START"}}}},
                {{"json":{{"command_name":"STOP"}}}}]}}}},
                "faults":{{"report":[null,{{"after_processing":true,"steps":["reset"]}}]}}}}"#
        ),
    );
    let record = folder().join("record.jsonl");
    fs::write(&record, "").expect("written");
    let (script, record) = (script.to_str().expect("UTF-8"), record.to_str().expect("UTF-8"));
    let (_running, mut lines, url) = simulate(&["--script", script, "--record", record]);
    let report = |name: &str| {
        let mut stream = TcpStream::connect(url.trim_start_matches("http://")).expect("listening");
        let body = format!(
            r#"{{"command_name":"{name}","result":"success","result_detail":{{"secret":"s"}}}}"#
        );
        let head =
            "Host: h\r\nX-Auth-Token: t\r\nContent-Type: application/json\r\nConnection: close";
        let path = format!("/v3/sources/{SERVER_ID}/command_result");
        let length = body.len();
        let request =
            format!("POST {path} HTTP/1.1\r\n{head}\r\nContent-Length: {length}\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).expect("sent");
        stream.read_to_end(&mut Vec::new()).is_ok()
    };
    assert_eq!(obtain(&url, &[]).exit, 0);
    assert_eq!(obtain(&url, &[]).exit, 0);
    assert_eq!(["START", r"\u001b[2J", "STOP"].map(report), [true, false, true]);
    let path = format!("/v3/sources/{SERVER_ID}/command");
    for expected in [
        format!("GET {path} -> 200: command 1, START, delivery 1\n"),
        format!("GET {path} -> 200: command 1, START, delivery 2\n"),
        format!("POST {path}_result -> 200: START success accepted; held: command 1, START\n"),
        format!(
            "POST {path}_result -> 0: \\u{{1b}}[2J success rejected, SMS.6021; held: command 2, STOP\n"
        ),
        format!("POST {path}_result -> 200: STOP success accepted; held: command 2, STOP\n"),
    ] {
        let mut line = String::new();
        lines.read_line(&mut line).expect("a line");
        assert_eq!(line, expected);
    }
    // Each line was there before its response.
    let written = fs::read_to_string(record).expect("written");
    let reports: Vec<serde_json::Value> =
        written.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let first = serde_json::json!({
        "number": 1, "server_id": SERVER_ID, "command_name": "START", "result": "success",
        "result_detail": { "secret": "s" }, "accepted": true, "error_code": null, "status": 200,
        "held": { "index": 0, "deliveries": 2, "json": { "command_name": "START" } },
    });
    assert_eq!(reports[0], first);
    let told = reports.iter().map(|report| (&report["accepted"], &report["status"]));
    let told: Vec<String> = told.map(|(accepted, status)| format!("{accepted} {status}")).collect();
    assert_eq!(told, ["true 200", "false 0", "true 200"]);

    let rejected = run(&["simulate", "--record", "no/such/folder/record"]);
    assert_eq!(rejected.exit, 2);
    assert!(rejected.err.starts_with("error: the record no/such/folder/record cannot be opened: "));
}

/// Other users of the machine can read a process's arguments.
#[test]
#[cfg(target_os = "linux")]
fn the_token_is_not_in_the_process_list() {
    use std::time::Duration;

    let simulator = service([Answer::silent()]);
    let token = file("listed-token", TOKEN);
    let mut command = agent(&["obtain", "--endpoint", &simulator.url(), "--server-id", SERVER_ID]);
    command.args(["--allow-http", "--token-file"]).arg(token);
    let running = Running(command.spawn().expect("runs"));
    assert!(simulator.wait_for_requests(1, Duration::from_secs(60)));
    let listed = std::fs::read(format!("/proc/{}/cmdline", running.0.id())).expect("running");
    let listed = String::from_utf8_lossy(&listed);
    assert!(listed.contains("--token-file") && !listed.contains(TOKEN), "{listed}");
}

#[test]
fn variables_replace_the_options_for_the_ca_and_the_timeout() {
    let ca = file("no-ca.pem", "no certificate");
    for (name, value, part) in [
        ("HW_SMS_CA_CERT", path(&ca), "no-ca.pem"),
        ("HW_SMS_TIMEOUT", "soon", "'--timeout <SECONDS>'"),
        ("HW_SMS_INTERVAL", "often", "'--interval <SECONDS>'"),
    ] {
        let arguments = ["watch", "--endpoint", "https://127.0.0.1:1", "--server-id", SERVER_ID];
        let output = agent(&arguments).env("HW_AUTH_TOKEN", TOKEN).env(name, value).output();
        let output = output.expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn completions_and_manual_pages_name_every_subcommand() {
    let output = agent(&["completions", "bash"]).output().expect("it runs");
    let completions = String::from_utf8(output.stdout).expect("UTF-8");
    let folder = folder().join("man");
    fs::create_dir_all(&folder).expect("created");
    let written = agent(&["man", path(&folder)]).status().expect("it runs");
    assert_eq!(written.code(), Some(0));
    for subcommand in ["obtain", "watch", "token", "completions", "man"] {
        assert!(completions.contains(&format!("sms__agent__subcmd__{subcommand}")), "{subcommand}");
        let page = fs::read_to_string(folder.join(format!("sms-agent-{subcommand}.1")));
        assert!(page.expect("a page").contains(".SH SYNOPSIS"), "{subcommand}");
    }
    let output = agent(&["man", "/no/such/folder"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(7));
}

/// No thread has room for such a stack, so the system starts none.
#[test]
#[cfg(all(target_os = "linux", target_arch = "x86_64", feature = "hyper"))]
fn a_thread_that_cannot_start_is_an_error_with_1_and_not_a_panic() {
    let stack = (1_u64 << 47).to_string();
    for (subcommand, status, problem) in [
        ("obtain", 1, "the async runtime cannot start: "),
        ("doctor", 10, "the async runtime cannot start: "),
        ("watch", 1, "signals cannot be caught: "),
    ] {
        let mut command = agent(&[subcommand, "--endpoint", "https://127.0.0.1:9"]);
        command.args(["--server-id", SERVER_ID, "--transport", "hyper", "--format", "json"]);
        command.env("HW_AUTH_TOKEN", TOKEN).env("RUST_MIN_STACK", &stack);
        let ran = ran(command.output().expect("it runs"));
        assert_eq!(ran.exit, status, "{subcommand}: {}", ran.err);
        assert!(ran.out.contains(problem), "{subcommand}: {}", ran.out);
        assert!(!ran.err.contains("panicked"), "{subcommand}: {}", ran.err);
    }
}
