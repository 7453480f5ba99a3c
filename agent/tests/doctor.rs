//! Tests `sms-agent doctor` with each fault: the first check that fails, the exit status, and the remedy.

mod support;

use std::{
    io::Read,
    net::{SocketAddr, TcpListener},
    process::Command,
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

use huaweicloud_sms_simulator::{
    Answer, Certificate, Script, Simulator, Step,
    proxy::{ProxyBehavior, SimulatedProxy},
};
use serde_json::Value;
use support::{
    SERVER_ID, TOKEN, agent,
    credentials::{AK, LONG, PASSWORD, SK, script},
    file,
    inspecting_proxy::InspectingProxy,
    path, transports,
};

const CHECKS: [&str; 12] = [
    "configuration",
    "clock",
    "name",
    "proxy",
    "tcp",
    "tls",
    "gateway",
    "skew",
    "credential",
    "permission",
    "server",
    "answer",
];

/// The result of `doctor`.
struct Diagnosis {
    exit: i32,
    json: Value,
    /// Both outputs.
    text: String,
}

impl Diagnosis {
    fn of(command: &mut Command) -> Self {
        let output = command.output().expect("runs");
        let out = String::from_utf8(output.stdout).expect("UTF-8");
        let json = serde_json::from_str(&out).unwrap_or_else(|_| panic!("no JSON: {out}"));
        let text = out + &String::from_utf8_lossy(&output.stderr);
        Self { exit: output.status.code().expect("a status"), json, text }
    }

    fn check(&self, name: &str) -> &Value {
        let checks = self.json["steps"].as_array().expect("a list");
        checks.iter().find(|check| check["name"] == name).expect("each check is there")
    }

    /// Returns a member of a check, or an empty text if it is left out.
    fn member(&self, name: &str, member: &str) -> &str {
        self.check(name)[member].as_str().unwrap_or_default()
    }

    /// Asserts that this check is the first one that failed, and that its remedy has this word.
    fn fails(&self, what: &str, name: &str, word: &str) {
        let at = CHECKS.iter().position(|check| *check == name).expect("a check");
        assert_eq!(self.json["failed"], name, "{what}: {}", self.text);
        assert_eq!(self.exit, 10 + i32::try_from(at).expect("small"), "{what}");
        assert_eq!(self.member(name, "verdict"), "FAIL", "{what}");
        assert!(self.member(name, "remedy").contains(word), "{what}: {}", self.text);
        assert!(!self.member(name, "reason").is_empty(), "{what}: {}", self.text);
        self.is_whole();
        for check in CHECKS.iter().filter(|check| self.member(check, "verdict") == "skipped") {
            let because = self.member(check, "reason");
            assert_eq!(because, format!("because of {name}"), "{what}, {check}");
        }
    }

    fn succeeds(&self, what: &str) {
        assert_eq!((self.exit, &self.json["failed"]), (0, &Value::Null), "{what}: {}", self.text);
        self.is_whole();
    }

    /// Asserts that the list has every check once, in order.
    fn is_whole(&self) {
        let checks = self.json["steps"].as_array().expect("a list");
        let names: Vec<_> = checks.iter().map(|check| &check["name"]).collect();
        assert_eq!(names, CHECKS);
    }
}

fn doctor(url: &str, transport: &str, more: &[&str]) -> Command {
    let mut command = agent(&["doctor", "--endpoint", url, "--server-id", SERVER_ID]);
    command.args(["--allow-http", "--format", "json", "--transport", transport]).args(more);
    command
}

/// Returns the same command with the token.
fn with_token(url: &str, transport: &str, more: &[&str]) -> Command {
    let mut command = doctor(url, transport, more);
    command.env("HW_AUTH_TOKEN", TOKEN);
    command
}

fn start(script: Script) -> Simulator {
    Simulator::builder().token(TOKEN).script(script).start().expect("started")
}

fn start_tls(script: Script) -> Simulator {
    Simulator::builder().token(TOKEN).tls().script(script).start().expect("started")
}

fn idle() -> Script {
    Script::new().idle(SERVER_ID, Answer::command("START", Some("2c06")))
}

fn ca(name: &str, pem: &str) -> String {
    path(&file(&format!("doctor-{name}.pem"), pem)).to_owned()
}

fn closed_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

/// Returns the numbers of calls without a credential, of calls with a credential, and of logins.
fn counts(service: &Simulator) -> [usize; 3] {
    let (mut without, mut with, mut logins) = (0, 0, 0);
    for request in service.requests() {
        let has = |name| request.header(name).is_some();
        if request.method == "POST" {
            logins += 1;
        } else if has("x-auth-token") || has("authorization") {
            with += 1;
        } else {
            without += 1;
        }
    }
    [without, with, logins]
}

#[test]
fn a_healthy_call_passes_every_check_and_leaves_the_command() {
    for transport in transports() {
        let service = start_tls(idle());
        let ca = ca(&format!("good-{transport}"), service.ca_pem().expect("a CA"));
        let url = service.url().replace("127.0.0.1", "localhost");
        let diagnosis = Diagnosis::of(&mut with_token(&url, transport, &["--ca-cert", &ca]));
        diagnosis.succeeds(transport);
        for check in CHECKS {
            assert_eq!(diagnosis.member(check, "verdict"), "ok", "{check}: {}", diagnosis.text);
        }
        for (check, word) in [
            ("configuration", "a token from HW_AUTH_TOKEN"),
            ("name", "localhost: "),
            ("proxy", "no variable of the environment"),
            ("tcp", "reached "),
            ("tls", "TLS 1.3, trusted by --ca-cert "),
            ("tls", "CN=huaweicloud-sms simulator, issued by CN=huaweicloud-sms simulator CA "),
            ("tls", "until 4096-01-01T00:00:00Z"),
            ("gateway", "as it should: status 401, SMS.6522"),
            ("skew", "agrees"),
            ("answer", "command START, task_id"),
            ("answer", "was not run"),
        ] {
            assert!(diagnosis.member(check, "found").contains(word), "{}", diagnosis.text);
        }
        for timed in ["name", "tcp", "tls", "gateway", "credential"] {
            assert!(diagnosis.check(timed)["seconds"].is_f64(), "{timed}: {}", diagnosis.text);
        }
        assert_eq!(counts(&service), [1, 1, 0]);
        assert_eq!(service.connection_count(), 2, "a connection for each");
    }
}

/// The form for people has the same checks, one on each line.
#[test]
fn the_text_has_one_line_for_each_check() {
    for transport in transports() {
        let service = start(idle());
        let mut command = with_token(&service.url(), transport, &[]);
        let output = command.args(["--format", "text"]).output();
        // An option that is given twice is an error.
        assert_eq!(output.expect("runs").status.code(), Some(2));
        let mut command =
            agent(&["doctor", "--endpoint", &service.url(), "--server-id", "unknown"]);
        command.args(["--allow-http", "--transport", transport]).env("HW_AUTH_TOKEN", TOKEN);
        let output = command.output().expect("runs");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let names: Vec<_> =
            text.lines().map(|line| line.split_whitespace().nth(1).expect("a name")).collect();
        assert_eq!(names, CHECKS);
        let server = text.lines().nth(10).expect("a line");
        assert!(server.starts_with("FAIL    server") && server.contains("; remedy: "), "{text}");
        assert!(text.ends_with("skipped answer        because of server\n"), "{text}");
        assert_eq!(output.status.code(), Some(20), "{text}");
    }
}

#[test]
fn wrong_usage_ends_with_2_and_wrong_input_fails_the_configuration() {
    let token = file("doctor-token", TOKEN);
    let output = agent(&["doctor"]).output().expect("runs");
    assert_eq!(output.status.code(), Some(2));
    for transport in transports() {
        let service = start(idle());
        let url = service.url();
        for (what, command, word) in [
            ("no credential", &mut doctor(&url, transport, &[]), "--token-file"),
            ("no endpoint", &mut with_token("", transport, &[]), "is empty"),
            ("a bad limit", &mut with_token(&url, transport, &["--timeout", "0"]), "timeout"),
            ("no file", &mut doctor(&url, transport, &["--token-file", "no/such"]), "no/such"),
            (
                "no CA",
                &mut with_token(&url, transport, &["--ca-cert", path(&token)]),
                "has no certificate",
            ),
        ] {
            let diagnosis = Diagnosis::of(command);
            diagnosis.fails(what, "configuration", "correct");
            let reason = diagnosis.member("configuration", "reason");
            assert!(reason.contains(word), "{what}: {reason}");
        }
        // In the cases with an endpoint, only a request without a credential was sent.
        assert_eq!(counts(&service), [2, 0, 0]);
    }
}

#[test]
#[cfg(unix)]
fn a_file_that_everyone_can_read_is_a_warning() {
    use std::{fs, os::unix::fs::PermissionsExt};
    let token = file("doctor-open-token", TOKEN);
    fs::set_permissions(&token, fs::Permissions::from_mode(0o644)).expect("set");
    for transport in transports() {
        let service = start(idle());
        let mut command = doctor(&service.url(), transport, &["--token-file", path(&token)]);
        let diagnosis = Diagnosis::of(&mut command);
        diagnosis.succeeds("mode 644");
        assert_eq!(diagnosis.member("configuration", "verdict"), "warn");
        assert!(diagnosis.member("configuration", "found").contains("(mode 644)"));
        assert!(diagnosis.member("configuration", "remedy").contains("chmod o-rwx"));
    }
}

#[test]
fn each_fault_of_the_network_fails_its_check() {
    for transport in transports() {
        let closed = closed_port();
        let plain = start(idle());
        let mute = start(idle().on_accept([Step::Request, Step::Hold]));
        let resets = start(idle().on_accept([Step::Request, Step::Reset]));
        let tls = start_tls(idle());
        let quick = ["--timeout", "1"];
        for (what, url, more, check, word) in [
            ("unknown name", "https://sms.invalid".into(), &[][..], "name", "this server's DNS"),
            ("closed port", format!("https://127.0.0.1:{closed}"), &[], "tcp", "firewall"),
            ("no TLS", plain.url().replace("http:", "https:"), &[], "tls", "speaks no TLS"),
            ("no response", mute.url(), &quick, "gateway", "does not respond"),
            ("a reset", resets.url(), &[], "gateway", "try again"),
            ("TLS in place of HTTP", tls.url().replace("https:", "http:"), &[], "gateway", "check"),
        ] {
            let diagnosis = Diagnosis::of(&mut with_token(&url, transport, more));
            diagnosis.fails(&format!("{what} over {transport}"), check, word);
            assert!(diagnosis.check(check)["seconds"].is_f64(), "{}", diagnosis.text);
        }
        assert_eq!(counts(&mute)[1] + counts(&resets)[1], 0);
    }
}

/// Starts a peer that reads at most this many bytes of a connection, and then closes it or keeps it open.
fn no_handshake(bytes: usize, holds: bool) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        let mut held = Vec::new();
        for mut stream in listener.incoming().flatten() {
            // The client may already have gone.
            let _ = stream.read(&mut vec![0; bytes]);
            if holds {
                held.push(stream);
            }
        }
    });
    address
}

/// TCP has a connection, so neither the reason nor the remedy is about TCP or names.
#[test]
fn a_handshake_that_the_peer_does_not_complete_fails_the_tls_check() {
    let quick = ["--connect-timeout", "0.5"];
    for (what, bytes, holds, words) in [
        ("closed", 16_384, false, "ended the connection during the TLS handshake ("),
        // With bytes that were not read, the system resets the connection.
        ("reset", 1, false, "ended the connection during the TLS handshake ("),
        ("silent", 1, true, "did not complete the TLS handshake within 0.5 s"),
    ] {
        let peer = no_handshake(bytes, holds);
        let url = format!("https://{peer}");
        for transport in transports() {
            let proxy = SimulatedProxy::start(ProxyBehavior::Tunnel).expect("started");
            let proxy = format!("user:p%40ss@{}", proxy.addr());
            let direct = Diagnosis::of(&mut with_token(&url, transport, &quick));
            let mut command = with_token(&url, transport, &quick);
            let proxied = Diagnosis::of(command.env("HTTPS_PROXY", &proxy));
            let gateway = support::credentials::start(script());
            let mut command = doctor(&gateway.url(), transport, &quick);
            let login = Diagnosis::of(with_user(&mut command, &url, PASSWORD));
            for (way, diagnosis) in
                [("directly", direct), ("through a proxy", proxied), ("to IAM", login)]
            {
                let what = format!("{what} {way} over {transport}");
                diagnosis.fails(&what, "tls", "check that this port speaks TLS");
                assert_eq!(diagnosis.member("tcp", "verdict"), "ok", "{what}: {}", diagnosis.text);
                let reason = diagnosis.member("tls", "reason");
                assert!(reason.starts_with(&peer.to_string()), "{what}: {reason}");
                assert!(reason.contains(words), "{what}: {reason}");
            }
        }
    }
}

/// Linux drops connections to a listener whose queue is full, as a firewall does.
#[test]
#[cfg(target_os = "linux")]
fn an_address_that_does_not_answer_fails_the_tcp_check() {
    use std::{net::TcpStream, time::Duration};
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = listener.local_addr().expect("an address");
    let mut queue = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(50)) {
        queue.push(stream);
        assert!(queue.len() < 10_000, "the queue has an end");
    }
    for transport in transports() {
        let url = format!("https://{address}");
        let mut command = with_token(&url, transport, &["--connect-timeout", "0.5"]);
        let diagnosis = Diagnosis::of(&mut command);
        diagnosis.fails(transport, "tcp", "outbound TCP 443");
        assert_eq!(diagnosis.member("tcp", "found"), format!("{address}: no answer"));
    }
}

/// Runs the program in a mount namespace of its own, in which a system file has another content. Returns
/// `None` if this machine has no such namespaces.
#[cfg(target_os = "linux")]
#[allow(clippy::print_stdout, reason = "says that it was skipped")]
fn with_system_file(name: &str, content: &str, inner: &Command) -> Option<Command> {
    let replacement = file(&format!("doctor-{}", name.replace('/', "-")), content);
    let script = "mount --bind \"$0\" \"$1\" && shift && exec \"$@\"";
    let within = |program: &str| {
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", script, path(&replacement), name, program]);
        command
    };
    if !within("true").output().is_ok_and(|output| output.status.success()) {
        println!("SKIPPED: another {name} (no namespaces here)");
        return None;
    }
    let mut command = within(env!("CARGO_BIN_EXE_sms-agent"));
    command.args(inner.get_args());
    for (variable, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(variable, value),
            None => command.env_remove(variable),
        };
    }
    Some(command)
}

/// The first name server is a closed port. Nobody has the address of the second one, so the look-up hangs if
/// the network drops packets to it.
#[test]
#[cfg(target_os = "linux")]
fn a_look_up_without_a_name_server_fails_the_name_check() {
    for (resolv, word) in [
        ("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n", "this server's DNS"),
        ("nameserver 192.0.2.1\noptions timeout:30\n", "check the endpoint's"),
    ] {
        for transport in transports() {
            let more = ["--connect-timeout", "3"];
            let inner = with_token("https://sms.example.com", transport, &more);
            let command = with_system_file("/etc/resolv.conf", resolv, &inner);
            let Some(mut command) = command else { return };
            Diagnosis::of(&mut command).fails(transport, "name", word);
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn an_address_that_fails_before_another_is_a_warning() {
    let listen = "127.0.0.2:0".parse().expect("an address");
    let service = Simulator::builder().token(TOKEN).script(idle()).listen(listen).start();
    let service = service.expect("started");
    let port = service.addr().port();
    for transport in transports() {
        let inner = with_token(&format!("http://two.test:{port}"), transport, &[]);
        let hosts = "127.0.0.1 two.test\n127.0.0.2 two.test\n";
        let Some(mut command) = with_system_file("/etc/hosts", hosts, &inner) else { return };
        let diagnosis = Diagnosis::of(&mut command);
        diagnosis.succeeds(transport);
        assert_eq!(diagnosis.member("name", "found"), "two.test: 127.0.0.1, 127.0.0.2");
        assert_eq!(diagnosis.member("tcp", "found"), format!("reached 127.0.0.2:{port}"));
        assert_eq!(diagnosis.member("tcp", "verdict"), "warn");
        let reason = diagnosis.member("tcp", "reason");
        assert!(reason.contains(&format!("127.0.0.1:{port}: Connection refused")), "{reason}");
    }
}

#[test]
fn each_bad_certificate_fails_the_tls_check() {
    for (certificate, word) in [
        (Certificate::Expired, "clock"),
        (Certificate::NotYetValid, "clock"),
        (Certificate::OtherHost, "host name"),
        (Certificate::UnknownCa, "--ca-cert"),
        (Certificate::SelfSigned, "--ca-cert"),
        (Certificate::ClientCertificate, "client certificates are not supported"),
        (Certificate::Ca, "CA:FALSE"),
        (Certificate::NoName, "subjectAltName"),
    ] {
        let service = start_tls(idle().certificate(certificate));
        let ca = ca(&format!("{certificate:?}"), service.ca_pem().expect("a CA"));
        for transport in transports() {
            let mut command = with_token(&service.url(), transport, &["--ca-cert", &ca]);
            let diagnosis = Diagnosis::of(&mut command);
            diagnosis.fails(&format!("{certificate:?} over {transport}"), "tls", word);
            let found = diagnosis.member("tls", "found");
            assert!(found.contains(", issued by "), "{certificate:?}: {found}");
            if certificate == Certificate::Expired {
                assert!(found.contains("until 2001-01-01T00:00:00Z"), "{found}");
            }
        }
        assert_eq!(counts(&service), [0, 0, 0], "{certificate:?}");
    }
}

#[test]
fn each_fault_of_a_proxy_fails_its_check() {
    let service = start_tls(idle());
    let ca = ca("proxies", service.ca_pem().expect("a CA"));
    let closed = format!("127.0.0.1:{}", closed_port());
    let start = |behavior| {
        let proxy = SimulatedProxy::start(behavior).expect("started");
        format!("user:p%40ss@{}", proxy.addr())
    };
    use ProxyBehavior::{Challenge, Close, Dribble, Garbage, Hang, Inject, Reject, Tunnel};
    for transport in transports() {
        for (what, proxy, check, word) in [
            ("closed port", closed.clone(), "proxy", "the proxy's address"),
            ("unknown name", "proxy.invalid:3128".into(), "name", "the proxy's host name"),
            ("SOCKS", "socks5://127.0.0.1:9".into(), "proxy", "correct that variable"),
            ("wrong password", start(Tunnel).replace("p%40ss", "wrong-one"), "proxy", "password"),
            ("NTLM", start(Challenge("Proxy-Authenticate: NTLM")), "proxy", "Basic"),
            ("forbidden", start(Reject(403)), "proxy", "allow CONNECT"),
            ("no way out", start(Reject(502)), "proxy", "does not reach the service"),
            ("closes", start(Close), "proxy", "--no-proxy"),
            ("hangs", start(Hang), "proxy", "the proxy"),
            ("dribbles", start(Dribble), "proxy", "the proxy"),
            ("not HTTP", start(Garbage), "proxy", "http:// proxy"),
            ("forges", start(Inject), "proxy", "no proxy"),
        ] {
            let limit = if matches!(what, "hangs" | "dribbles") { "0.5" } else { "10" };
            let more = ["--ca-cert", &ca, "--connect-timeout", limit];
            let mut command = with_token(&service.url(), transport, &more);
            let diagnosis = Diagnosis::of(command.env("HTTPS_PROXY", &proxy));
            diagnosis.fails(&format!("{what} over {transport}"), check, word);
            for secret in ["p%40ss", "p@ss", "wrong-one"] {
                assert!(!diagnosis.text.contains(secret), "{}", diagnosis.text);
            }
        }
    }
    assert_eq!(service.connection_count(), 0, "never past the proxy");
}

#[test]
fn a_proxy_is_named_with_its_origin() {
    let service = start_tls(idle());
    let ca = ca("origin", service.ca_pem().expect("a CA"));
    for transport in transports() {
        let proxy = SimulatedProxy::start(ProxyBehavior::Tunnel).expect("started");
        let open = SimulatedProxy::start(ProxyBehavior::TunnelAfter("HTTP/1.1 200 OK\r\n\r\n"));
        let open = open.expect("started").addr();
        let url = format!("http://user:p%40ss@{}", proxy.addr());
        let option = format!("http://{open}");
        let addr = proxy.addr();
        for (more, variables, found) in [
            (&[][..], &[("https_proxy", url.as_str())][..], format!("{addr} (https_proxy)")),
            (&[], &[("ALL_PROXY", &url)], format!("{addr} (ALL_PROXY)")),
            (&["--proxy", &option], &[("HTTPS_PROXY", &url)], format!("{open} (--proxy)")),
            (&["--no-proxy"], &[("HTTPS_PROXY", &url)], "none for 127.0.0.1 (--no-proxy)".into()),
            (
                &[],
                &[("HTTPS_PROXY", &url), ("NO_PROXY", "127.0.0.0/8")],
                "none for 127.0.0.1 (NO_PROXY)".into(),
            ),
        ] {
            let more = [&["--ca-cert", &ca], more].concat();
            let mut command = with_token(&service.url(), transport, &more);
            let diagnosis = Diagnosis::of(command.envs(variables.iter().copied()));
            diagnosis.succeeds(&found);
            assert!(diagnosis.member("proxy", "found").starts_with(&found), "{}", diagnosis.text);
            assert!(!diagnosis.text.contains("p%40ss"), "{}", diagnosis.text);
            let is_proxied = !found.starts_with("none");
            let tcp = diagnosis.member("tcp", "found");
            assert_eq!(tcp.ends_with("(the proxy)"), is_proxied, "{tcp}");
        }
    }
}

#[test]
fn a_proxy_that_inspects_tls_is_named_and_can_be_trusted() {
    let service = start_tls(idle());
    let inside = InspectingProxy::start(start_tls(idle()));
    let of_service = ca("inspected-service", service.ca_pem().expect("a CA"));
    let of_proxy = ca("inspecting-proxy", inside.ca_pem());
    for transport in transports() {
        let run = |more: &[&str]| {
            let mut command = with_token(&service.url(), transport, more);
            Diagnosis::of(command.env("HTTPS_PROXY", inside.url()))
        };
        for more in [&["--ca-cert", of_service.as_str()][..], &[]] {
            let diagnosis = run(more);
            diagnosis.fails(transport, "tls", "trust it with --ca-cert");
            let reason = diagnosis.member("tls", "reason");
            assert!(reason.contains("a proxy that inspects TLS"), "{reason}");
            assert!(diagnosis.member("proxy", "found").contains("opened a tunnel to 127.0.0.1:"));
        }
        let diagnosis = run(&["--ca-cert", &of_proxy]);
        diagnosis.succeeds(transport);
        let found = diagnosis.member("tls", "found");
        assert!(found.contains("trusted by --ca-cert") && !found.contains("public"), "{found}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_missing_trust_store_fails_the_tls_check() {
    let nothing = file("doctor-no-certificates.pem", "");
    let service = start_tls(idle());
    for transport in transports() {
        let mut command = with_token(&service.url(), transport, &[]);
        command.env("SSL_CERT_FILE", &nothing).env_remove("SSL_CERT_DIR");
        Diagnosis::of(&mut command).fails(transport, "tls", "set it to the system's CA");
    }
}

/// A company may put its own CA into the system's store.
#[test]
#[cfg(target_os = "linux")]
fn a_private_ca_in_the_systems_store_is_a_warning() {
    let service = start_tls(idle());
    let ca = ca("system", service.ca_pem().expect("a CA"));
    for transport in transports() {
        let mut command = with_token(&service.url(), transport, &[]);
        let diagnosis = Diagnosis::of(command.env("SSL_CERT_FILE", &ca).env_remove("SSL_CERT_DIR"));
        diagnosis.succeeds(transport);
        assert_eq!(diagnosis.member("tls", "verdict"), "warn");
        assert!(diagnosis.member("tls", "remedy").contains("can read the credential"));
    }
}

/// Something answers every request in place of the service, so no credential is sent.
#[test]
fn a_server_in_place_of_the_gateway_gets_no_credential() {
    let page = "<html>log in</html>";
    let html = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{page}", page.len());
    let json = r#"{"error_code":"APIGW.0308","error_msg":"throttling threshold"}"#;
    let of = |status: &str, body: &str| {
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    };
    for (what, response, word) in [
        ("a page", html, "check the endpoint and the proxy"),
        ("a redirect", of("302 Found\r\nLocation: https://portal/?token=x", ""), "login page"),
        ("a page of a balancer", of("503 No", "<html>"), "load balancer"),
        ("cut off", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".into(), "try again"),
        ("not HTTP", "SSH-2.0-OpenSSH\r\n\r\n".into(), "not the service"),
        ("throttled", of("429 No", json), "wait"),
        ("IAM is down", of("503 No", &json.replace("0308", "0613")), "wait"),
        ("no such API", of("404 No", &json.replace("0308", "0101")), "no such API is served"),
    ] {
        let script = Script::new().on_accept([Step::Request, Step::send(response), Step::Close]);
        let service = start(script);
        for transport in transports() {
            let diagnosis = Diagnosis::of(&mut with_token(&service.url(), transport, &[]));
            diagnosis.fails(&format!("{what} over {transport}"), "gateway", word);
        }
        assert_eq!(counts(&service)[1], 0, "{what}");
    }
    // A wrong base path.
    for transport in transports() {
        let service = start(idle());
        let url = format!("{}/base", service.url());
        let diagnosis = Diagnosis::of(&mut with_token(&url, transport, &[]));
        diagnosis.fails(transport, "gateway", "no such API is served");
        let found = diagnosis.member("configuration", "found");
        assert!(found.starts_with(&format!("endpoint {url}, server ")), "{found}");
    }
}

/// The gateway rejects a request without a credential, so an answer to it comes from something else.
#[test]
fn an_answer_to_a_request_without_a_credential_fails_the_gateway_check() {
    type WithCredential = fn(&mut Command, &str);
    let credentials: [(&str, WithCredential); 3] = [
        ("a token", |command, _| {
            command.env("HW_AUTH_TOKEN", TOKEN);
        }),
        ("a key", |command, _| {
            with_key(command, AK, SK);
        }),
        ("a user", |command, iam| {
            with_user(command, iam, PASSWORD);
        }),
    ];
    for (answer, head, body) in [
        ("204", "204 No Content", ""),
        ("an empty object", "200 OK\r\nContent-Length: 2", "{}"),
        ("a command", "200 OK\r\nContent-Length: 24", r#"{"command_name":"START"}"#),
    ] {
        let response = format!("HTTP/1.1 {head}\r\n\r\n{body}");
        let script = Script::new().on_accept([Step::Request, Step::send(response), Step::Close]);
        for transport in transports() {
            for (credential, with_credential) in credentials {
                let service = start(script.clone());
                let url = service.url();
                let mut command = doctor(&url, transport, &[]);
                with_credential(&mut command, &url);
                let diagnosis = Diagnosis::of(&mut command);
                let what = format!("{answer}, {credential}, {transport}");
                diagnosis.fails(&what, "gateway", "check the endpoint and the proxy");
                let reason = diagnosis.member("gateway", "reason");
                assert!(reason.contains("something else answers"), "{reason}");
                assert_eq!(service.connection_count(), 1, "{what}: no credential was sent");
            }
        }
    }
}

#[test]
fn an_error_object_without_a_code_or_request_id_is_a_warning() {
    let body = r#"{"code":"blocked","message":"no"}"#;
    let response = format!("HTTP/1.1 403 No\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let script = Script::new().on_accept([Step::Request, Step::send(response), Step::Close]);
    for transport in transports() {
        let service = start(script.clone());
        let diagnosis = Diagnosis::of(&mut with_token(&service.url(), transport, &[]));
        assert_eq!(diagnosis.member("gateway", "verdict"), "warn", "{}", diagnosis.text);
        diagnosis.fails(transport, "permission", "sms:server:getCommand");
    }
}

/// The gateway rejects the request without a credential. These are its responses to the call.
#[test]
fn each_error_of_the_call_fails_its_check() {
    let gateway = |message: &str| Answer::error(401, "APIGW.0301", message);
    let redirect = Answer::body(302, "").header("location", "https://portal/");
    for (what, answer, check, word) in [
        ("rejected", gateway("decrypt token fail"), "credential", "get a new token"),
        ("expired", gateway("token expires, expires_at: 1"), "credential", "get a new token"),
        ("0307", Answer::error(401, "APIGW.0307", "refresh"), "credential", "get a new token"),
        (
            "locked",
            gateway("AK access failed to reach the limit,forbidden."),
            "credential",
            "send nothing for 5 minutes",
        ),
        ("forbidden", Answer::error(403, "SMS.9004", "no"), "permission", "sms:server:getCommand"),
        ("arrears", Answer::error(403, "SMS.6528", "no"), "permission", "arrears"),
        ("unknown server", Answer::error(400, "SMS.7602", "no"), "server", "server id"),
        ("deleted server", Answer::error(404, "SMS.0507", "no"), "server", "register"),
        ("throttled", Answer::error(429, "APIGW.0308", "no"), "answer", "poll less often"),
        ("trouble", Answer::error(500, "SMS.6000", "no"), "answer", "try again"),
        ("bad gateway", Answer::error(502, "APIGW.0202", "no"), "answer", "try again"),
        ("bad request", Answer::error(400, "SMS.9001", "no"), "answer", "look the code up"),
        ("wrong path", Answer::error(400, "APIGW.0205", "no"), "answer", "endpoint's path"),
        ("address", Answer::error(403, "APIGW.0401", "no"), "permission", "rejects by address"),
        ("project", Answer::error(403, "APIGW.0310", "no"), "permission", "project id"),
        ("no API", Answer::error(404, "APIGW.0101", "no"), "answer", "check the endpoint"),
        ("a page", Answer::body(200, "<html>"), "answer", "login page"),
        ("an error's page", Answer::body(502, "<html>"), "answer", "load balancer"),
        ("a redirect", redirect, "answer", "login page"),
        ("an array", Answer::body(200, r#"["START"]"#), "answer", "check the endpoint"),
        (
            "cut off",
            Answer::raw("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"),
            "answer",
            "cuts the connection",
        ),
        ("too large", Answer::body(200, "x".repeat(300_000)), "answer", "--max-body"),
        ("silent", Answer::silent(), "answer", "does not respond"),
    ] {
        for transport in transports() {
            let service = start(Script::new().idle(SERVER_ID, answer.clone()));
            let limit = if what == "silent" { "2" } else { "30" };
            let mut command = with_token(&service.url(), transport, &["--timeout", limit]);
            let diagnosis = Diagnosis::of(&mut command);
            diagnosis.fails(&format!("{what} over {transport}"), check, word);
            assert_eq!(counts(&service), [1, 1, 0], "{what}: no second try");
        }
    }
}

#[test]
fn the_reason_names_the_wait_that_the_service_asks_for() {
    let answer = Answer::error(429, "APIGW.0308", "no").header("retry-after", "7");
    for transport in transports() {
        let service = start(Script::new().idle(SERVER_ID, answer.clone()));
        let diagnosis = Diagnosis::of(&mut with_token(&service.url(), transport, &[]));
        diagnosis.fails(transport, "answer", "wait as long as the service says");
        let reason = diagnosis.member("answer", "reason");
        assert!(reason.ends_with("; it asks to wait 7 s (Retry-After)"), "{reason}");
    }
}

#[test]
fn a_command_a_state_or_no_command_is_not_a_failure() {
    let no_task = Answer::error(400, "SMS.7606", "no task");
    for (answer, verdict, word) in [
        (Answer::body(200, "{}"), "ok", "nothing to do"),
        (Answer::body(204, ""), "ok", "nothing to do"),
        (Answer::command("TASK_HAS_STOPPED", None), "ok", "task TASK_HAS_STOPPED"),
        (Answer::command("STOP", Some("t")), "ok", "was not run"),
        (no_task, "warn", "nothing to do"),
    ] {
        for transport in transports() {
            let service = start(Script::new().idle(SERVER_ID, answer.clone()));
            let diagnosis = Diagnosis::of(&mut with_token(&service.url(), transport, &[]));
            diagnosis.succeeds(word);
            assert_eq!(diagnosis.member("answer", "verdict"), verdict);
            assert!(diagnosis.member("answer", "found").contains(word), "{}", diagnosis.text);
        }
    }
}

fn with_key<'a>(command: &'a mut Command, id: &str, secret: &str) -> &'a mut Command {
    command.env("HW_ACCESS_KEY", id).env("HW_SECRET_KEY", secret)
}

fn with_user<'a>(command: &'a mut Command, iam: &str, password: &str) -> &'a mut Command {
    let [domain, name, secret, url] =
        ["HW_DOMAIN_NAME", "HW_USER_NAME", "HW_USER_PASSWORD", "HW_AUTH_URL"];
    command.env(domain, "my-account").env(name, "migration").env(secret, password).env(url, iam)
}

#[test]
fn a_key_is_used_once() {
    for transport in transports() {
        for (id, secret, word) in
            [(AK, "wrong-secret", "does not belong"), ("EXAMPLEAK00000000009", SK, "no such key")]
        {
            let service = support::credentials::start(script());
            let mut command = doctor(&service.url(), transport, &[]);
            let diagnosis = Diagnosis::of(with_key(&mut command, id, secret));
            diagnosis.fails(transport, "credential", word);
            assert!(diagnosis.member("credential", "remedy").contains("for 5 minutes"));
            assert_eq!(counts(&service), [1, 1, 0]);
        }
        let service = support::credentials::start(script());
        let mut command = doctor(&service.url(), transport, &[]);
        Diagnosis::of(with_key(&mut command, AK, SK)).succeeds(transport);
        assert_eq!(counts(&service), [1, 1, 0]);
    }
}

/// Each rejected signature counts towards the lock of the key.
#[test]
fn no_key_signs_with_a_wrong_clock() {
    let off = 20 * LONG;
    let year = 365 * 24 * 60 * LONG;
    for script in
        [script().clock_ahead(off), script().clock_behind(off), script().clock_ahead(year)]
    {
        for transport in transports() {
            let service = support::credentials::start(script.clone());
            let mut command = doctor(&service.url(), transport, &[]);
            let diagnosis = Diagnosis::of(with_key(&mut command, AK, SK));
            diagnosis.fails(transport, "skew", "--follow-server-clock");
            assert!(diagnosis.member("skew", "remedy").contains("set this server's clock"));
            assert_eq!(counts(&service), [1, 0, 0], "the key was not used");

            let mut command = doctor(&service.url(), transport, &["--follow-server-clock"]);
            let diagnosis = Diagnosis::of(with_key(&mut command, AK, SK));
            diagnosis.succeeds(transport);
            assert_eq!(diagnosis.member("skew", "verdict"), "warn");
            assert_eq!(counts(&service), [2, 1, 0]);
        }
    }
    // A token does not depend on the clock.
    for transport in transports() {
        let service = start(idle().clock_ahead(off));
        let diagnosis = Diagnosis::of(&mut with_token(&service.url(), transport, &[]));
        diagnosis.succeeds(transport);
        assert_eq!(diagnosis.member("skew", "verdict"), "warn");
    }
}

#[test]
fn a_user_logs_in_once() {
    for transport in transports() {
        let service = support::credentials::start(script());
        let url = service.url();
        let mut command = doctor(&url, transport, &[]);
        let diagnosis = Diagnosis::of(with_user(&mut command, &url, PASSWORD));
        diagnosis.succeeds(transport);
        assert!(diagnosis.member("credential", "found").starts_with("logged in, until "));
        assert_eq!(counts(&service), [1, 1, 1]);

        let mut command = doctor(&url, transport, &[]);
        let diagnosis = Diagnosis::of(with_user(&mut command, &url, "wrong-password"));
        diagnosis.fails(transport, "credential", "the password");
        assert_eq!(counts(&service), [2, 1, 2]);
    }
    for (what, answer, word) in [
        ("IAM is in trouble", Answer::body(503, "<html>"), "load balancer"),
        ("a page", Answer::body(200, "<html>"), "login page"),
        ("throttled", Answer::json(429, serde_json::json!({"error": {"code": 429}})), "wait"),
        ("silent", Answer::silent(), "does not respond"),
        ("reset", Answer::steps([Step::Reset]), "try again"),
    ] {
        for transport in transports() {
            let service = support::credentials::start(script().login([answer.clone()]));
            let limit = if what == "silent" { "2" } else { "30" };
            let mut command = doctor(&service.url(), transport, &["--timeout", limit]);
            let diagnosis = Diagnosis::of(with_user(&mut command, &service.url(), PASSWORD));
            diagnosis.fails(&format!("{what} over {transport}"), "credential", word);
            assert_eq!(counts(&service), [1, 0, 1], "{what}");
        }
    }
}

/// The checks of the network cover both hosts.
#[test]
fn faults_on_the_way_to_iam_fail_the_same_checks() {
    let iam = Simulator::builder().tls().script(script()).start().expect("started");
    for transport in transports() {
        for (iam, check, word) in [
            (
                "https://iam.invalid".to_owned(),
                "name",
                "host name in IAM's address (--iam-endpoint,",
            ),
            (
                format!("https://127.0.0.1:{}", closed_port()),
                "tcp",
                "port in IAM's address (--iam-",
            ),
            (iam.url(), "tls", "--ca-cert"),
        ] {
            let service = support::credentials::start(script());
            let mut command = doctor(&service.url(), transport, &[]);
            let diagnosis = Diagnosis::of(with_user(&mut command, &iam, PASSWORD));
            diagnosis.fails(&iam, check, word);
            assert_eq!(diagnosis.member("gateway", "verdict"), "ok", "{}", diagnosis.text);
            assert_eq!(counts(&service), [1, 0, 0]);
        }
        let service = support::credentials::start(script());
        let mut command = doctor(&service.url(), transport, &[]);
        let iam_too = iam.url().replace("127.0.0.1", "localhost");
        let ca = ca(&format!("iam-{transport}"), iam.ca_pem().expect("a CA"));
        let command = with_user(&mut command, &iam_too, PASSWORD).args(["--ca-cert", &ca]);
        // The service does not know the token of another IAM.
        let diagnosis = Diagnosis::of(command);
        diagnosis.fails(transport, "credential", "the account of the source server");
        let name = diagnosis.member("name", "found");
        assert!(name.starts_with("127.0.0.1 is an address; localhost: "), "{name}");
    }
}

/// Every text from outside is withheld if it has a secret, and escaped.
#[test]
fn no_secret_and_no_control_character_is_shown() {
    let message = format!("\u{1b}[2J you sent {TOKEN}");
    for transport in transports() {
        for answer in [
            Answer::error(401, "APIGW.0301", &message),
            Answer::error(500, &message, "m"),
            Answer::body(500, format!("<html>{message}")),
            Answer::command("START", Some(&message)),
        ] {
            let service = start(Script::new().idle(SERVER_ID, answer));
            for format in ["text", "json"] {
                let mut command =
                    agent(&["doctor", "--endpoint", &service.url(), "--server-id", SERVER_ID]);
                command.args(["--allow-http", "-vvv", "--format", format]);
                command.args(["--transport", transport]).env("HW_AUTH_TOKEN", TOKEN);
                let output = command.output().expect("runs");
                let text = [output.stdout, output.stderr].concat();
                let text = String::from_utf8(text).expect("UTF-8");
                assert!(text.contains("[withheld: contains a credential]"), "{text}");
                assert!(!text.contains(&TOKEN[..16]) && !text.contains('\u{1b}'), "{text}");
            }
        }
    }
}

/// The `Date` comes from the simulator.
#[test]
fn the_clock_is_shown() {
    for transport in transports() {
        let service = start(idle());
        let diagnosis = Diagnosis::of(&mut with_token(&service.url(), transport, &[]));
        let found = diagnosis.member("clock", "found");
        let year = 1970
            + SystemTime::now().duration_since(UNIX_EPOCH).expect("later").as_secs() / 31_557_600;
        assert!(found.starts_with(&year.to_string()), "{found}");
    }
}
