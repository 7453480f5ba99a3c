//! Tests that no log holds a token, a key, a password or a part of one, at any level.
//!
//! One test makes all calls, because a process has one set of loggers. It keeps every record of `log` and
//! `tracing`. It searches them unchanged, with rows joined, and with dumps decoded.
#![allow(clippy::print_stdout, reason = "names the targets that logged")]

use std::{
    collections::BTreeSet,
    env,
    fmt::{self, Write},
    net::{SocketAddr, TcpListener},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use http::Request;
use huaweicloud_sms_core::{
    AccessKey, Endpoint, IamUser, IssueToken, ObtainCommand, Operation, Scope, ServerId, Timestamp,
    Unauthenticated,
};
use huaweicloud_sms_simulator::{
    Answer, Simulator,
    proxy::{ProxyBehavior, SimulatedProxy},
};
use huaweicloud_sms_transport::{Proxy, ProxyUrl, RootCerts, Settings};
use huaweicloud_sms_transport_conformance::{Adapter, TOKEN, get};
use tracing::{
    field::{Field, Visit},
    span,
};

/// The log target that dumps all sent bytes. The documentation says to turn its TRACE level off.
const DUMPS: &str = "ureq_proto";

/// The target and the text of every record, oldest first.
static RECORDS: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

fn records() -> MutexGuard<'static, Vec<(String, String)>> {
    RECORDS.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Log;

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let text = format!("{} {}", record.level(), record.args());
        records().push((record.target().to_owned(), text));
    }

    fn flush(&self) {}
}

struct Tracing;

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {}={value:?}", field.name()).expect("a text takes everything");
    }
}

impl tracing::Subscriber for Tracing {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        let mut text = Text(span.metadata().name().to_owned());
        span.record(&mut text);
        records().push((span.metadata().target().to_owned(), text.0));
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        let mut text = Text(String::new());
        values.record(&mut text);
        records().push((String::new(), text.0));
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut text = Text(event.metadata().level().to_string());
        event.record(&mut text);
        records().push((event.metadata().target().to_owned(), text.0));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// Returns the log unchanged, without white space, and with decoded bytes. It decodes decimal bytes, and
/// hexadecimal ones in words of two digits or of any even length.
fn readings(log: &str) -> Vec<String> {
    let words = || log.split(|character: char| !character.is_ascii_alphanumeric());
    let hexadecimal = |word: &str| -> Option<Vec<u8>> {
        let pairs = word.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
        pairs
            .map(|pair| pair.filter(|p| p.len() == 2).and_then(|p| u8::from_str_radix(p, 16).ok()))
            .collect()
    };
    let text = |bytes: Vec<u8>| bytes.into_iter().map(char::from).collect::<String>();
    vec![
        log.to_owned(),
        log.split_whitespace().collect(),
        text(words().filter(|word| word.len() == 2).filter_map(hexadecimal).flatten().collect()),
        text(words().filter(|word| word.len() > 2).filter_map(hexadecimal).flatten().collect()),
        text(words().filter_map(|word| word.parse().ok()).collect()),
    ]
}

/// Returns the first secret that the log holds, or the half of a long one.
fn leak(secrets: &[&str], log: &str) -> Option<String> {
    let readings = readings(log);
    let pieces = secrets.iter().flat_map(|secret| {
        let (front, back) = secret.split_at(secret.len() / 2);
        if secret.len() >= 16 { vec![front, back] } else { vec![*secret] }
    });
    let mut pieces = pieces.map(str::to_owned);
    pieces.find(|piece| readings.iter().any(|reading| reading.contains(piece)))
}

#[test]
fn finds_a_secret_in_every_notation() {
    let secret = ["canarySECRETcanary"];
    for log in [
        "x-auth-token: canarySECRETcanary",
        "a canarySEC\n b",
        "63 61 6e 61 72 79 53 45 43\n0010 52 45 54",
        "63616e617279534543",
        "[99, 97, 110, 97, 114, 121, 83, 69, 67]",
    ] {
        assert!(leak(&secret, log).is_some(), "{log}");
    }
    assert_eq!(leak(&secret, "canary 63 61 6e"), None);
}

/// Sends these requests. Returns the log and the texts of the errors.
fn logged(adapter: Adapter, settings: Settings, requests: Vec<Request<Vec<u8>>>) -> String {
    records().clear();
    let mut said = String::new();
    {
        let transport = adapter.start(settings);
        for request in requests {
            if let Err(error) = transport.execute(request) {
                // `Debug` holds the sources.
                said.push_str(&format!("error: {error} {error:?}\n"));
            }
        }
    }
    said.extend(records().iter().map(|(target, text)| format!("{target}: {text}\n")));
    said
}

/// Returns the log of a program that follows the documentation: without the records of [`DUMPS`].
fn guarded(log: &str) -> String {
    let is_dump = |line: &&str| line.starts_with(DUMPS) && line.contains(": TRACE");
    log.lines().filter(|line| !is_dump(line)).map(|line| format!("{line}\n")).collect()
}

fn settings() -> Settings {
    Settings::default().with_proxy(Proxy::Direct).with_timeout(Duration::from_secs(20))
}

fn closed_port() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("an address")
}

/// A user and a password with an encoded character.
const USER_INFO: &str = "user:p%40ss-canary";
const SECRETS: [&str; 8] = [
    TOKEN,
    "p%40ss-canary",
    "p@ss-canary",
    "dXNlcjpwQHNzLWNhbmFyeQ",
    SECRET_KEY,
    SECURITY_TOKEN,
    PASSWORD,
    ISSUED_TOKEN,
];

const SECRET_KEY: &str = "SKcanarySECRETcanaryKEYcanary";
const SECURITY_TOKEN: &str = "STcanarySECURITYcanaryTOKENcanary";
const PASSWORD: &str = "PWcanaryPASSWORDcanary";
const ISSUED_TOKEN: &str = "ITcanaryISSUEDcanaryTOKENcanary";

/// Makes a signed request and a login.
fn of_other_credentials(url: &str) -> Vec<Request<Vec<u8>>> {
    let endpoint = Endpoint::new(url).or_else(|_| Endpoint::cleartext(url)).expect("an endpoint");
    let call = ObtainCommand::new(&endpoint, &ServerId::new("id").expect("an id"));
    let key = AccessKey::new("EXAMPLEAK", SECRET_KEY).expect("a key");
    let key = key.with_security_token(SECURITY_TOKEN).expect("valid");
    let now = Timestamp::from_unix_time(SystemTime::UNIX_EPOCH.elapsed().expect("after 1970"));
    let user = IamUser::new("account", "user", PASSWORD).expect("a user");
    let login = IssueToken::new(&endpoint, &user, Scope::Account).expect("valid");
    vec![call.request(&key.signer(now)), login.request(&Unauthenticated)]
}

/// This variable is set in a child of this test, whose environment names a proxy.
const IN_CHILD: &str = "SMS_TEST_PROXY_OF_ENVIRONMENT";

#[test]
fn no_log_holds_a_secret() {
    log::set_logger(&Log).expect("the first logger");
    log::set_max_level(log::LevelFilter::Trace);
    tracing::subscriber::set_global_default(Tracing).expect("the first subscriber");

    let mut targets = BTreeSet::new();
    for adapter in Adapter::ALL {
        let http = Simulator::builder().token(TOKEN).start().expect("started");
        let https = Simulator::builder().token(TOKEN).tls().start().expect("started");
        let elsewhere = Simulator::builder().start().expect("started");
        for simulator in [&http, &https] {
            simulator.push_login(Answer::body(201, "{}").header("x-adapter-token", ISSUED_TOKEN));
            simulator.push("id", Answer::command("START", Some("t")));
            simulator.push("id", Answer::body(307, "").header("location", &elsewhere.url()));
            simulator.push("id", Answer::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"));
            simulator.push("id", Answer::raw("garbage"));
        }
        let (http, https_url) = (http.url(), https.url());
        let closed = format!("http://{}", closed_port());
        let gets = |urls: &[&String]| urls.iter().map(|url| get(url, "id")).collect::<Vec<_>>();
        let mut ways = vec![
            ("http", settings(), gets(&[&http; 4])),
            ("closed port", settings(), gets(&[&closed])),
        ];
        let tunnel = SimulatedProxy::start(ProxyBehavior::Tunnel).expect("started");
        let trusting = || {
            settings().with_root_certs(RootCerts::Pem(https.ca_pem().unwrap_or_default().into()))
        };
        if adapter.connects() {
            let through = |proxy: &SimulatedProxy| {
                let url = format!("http://{USER_INFO}@{}", proxy.addr());
                trusting().with_proxy(Proxy::Url(ProxyUrl::new(&url).expect("an address")))
            };
            let one_each = gets(&[&https_url, &http]);
            ways.push(("https", trusting(), gets(&[&https_url; 4])));
            ways.push(("not trusted", settings(), gets(&[&https_url])));
            ways.push(("proxy, http", through(&tunnel), gets(&[&http])));
            let rejecting = SimulatedProxy::start(ProxyBehavior::Reject(407)).expect("started");
            ways.push(("rejecting proxy", through(&rejecting), one_each.clone()));
            if env::var_os(IN_CHILD).is_some() {
                ways.push(("environment", trusting().with_proxy(Proxy::FromEnvironment), one_each));
            }
            ways.push(("proxy, https", through(&tunnel), gets(&[&https_url])));
            ways.push(("key and login, https", trusting(), of_other_credentials(&https_url)));
        }
        ways.push(("key and login", settings(), of_other_credentials(&http)));
        for (way, settings, requests) in ways {
            let before = tunnel.received().len();
            let log = logged(adapter, settings, requests);
            if let Some(piece) = leak(&SECRETS, &guarded(&log)) {
                panic!("{adapter:?}, {way}: {piece:?} is in the log");
            }
            // Without the guard, the search must find the dumps of ureq's parser. So the search works.
            if adapter.client() == "ureq" && matches!(way, "http" | "https" | "key and login") {
                assert!(leak(&SECRETS, &log).is_some(), "{way}: the guard is no longer needed");
            }
            let seen = String::from_utf8_lossy(&tunnel.received()[before..]).into_owned();
            assert_eq!(seen.contains(TOKEN), way == "proxy, http", "{adapter:?}, {way}");
            targets.extend(records().iter().map(|(target, _)| root(target).to_owned()));
        }
        assert_eq!(elsewhere.connection_count(), 0, "no redirect is followed");
    }
    println!("logs of: {targets:?}");
    for target in ["ureq", DUMPS, "hyper_util", "rustls"] {
        assert!(targets.contains(target), "{target} logged nothing");
    }
}

/// Returns the crate of a log target.
fn root(target: &str) -> &str {
    target.split("::").next().unwrap_or_default()
}

/// Runs the test above in a child process, because the proxy comes from the environment of a process.
#[test]
fn no_log_holds_a_secret_with_the_proxy_of_the_environment() {
    if env::var_os(IN_CHILD).is_some() {
        return;
    }
    let proxy = SimulatedProxy::start(ProxyBehavior::Tunnel).expect("started");
    let mut child = Command::new(env::current_exe().expect("this test"));
    for name in ["https_proxy", "http_proxy", "all_proxy", "no_proxy"] {
        child.env_remove(name).env_remove(name.to_uppercase());
    }
    let url = format!("http://{USER_INFO}@{}", proxy.addr());
    child.args(["--exact", "no_log_holds_a_secret"]);
    child.env(IN_CHILD, "1").env("ALL_PROXY", url);
    let output = child.output().expect("runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let seen = String::from_utf8_lossy(&proxy.received()).into_owned();
    let tunnels = seen.matches("CONNECT ").count();
    let clients = Adapter::connecting().count();
    assert_eq!(tunnels, 2 * clients, "one for https and one for http by each");
    assert_eq!(seen.matches(TOKEN).count(), clients, "in clear with http only");
}
