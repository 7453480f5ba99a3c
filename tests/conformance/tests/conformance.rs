//! Every promise of a transport, on every subject; what servers and networks do to it is in the
//! table beside.
#![allow(clippy::print_stdout, reason = "the subject is shown when its case fails")]

use std::time::Duration;

use http::Request;
use huaweicloud_sms_simulator::{
    Answer, Simulator,
    proxy::{ProxyBehavior, SimulatedProxy},
};
use huaweicloud_sms_transport::{Error, Part, Proxy, ProxyUrl, Settings, Trust};
use huaweicloud_sms_transport_conformance::{SUBJECTS, Subject, TOKEN, Transport, get, path};

fn settings() -> Settings {
    Settings::default().proxy(Proxy::None)
}

fn simulator(answers: impl IntoIterator<Item = Answer>) -> Simulator {
    let simulator = Simulator::builder().token(TOKEN).start().expect("started");
    answers.into_iter().for_each(|answer| simulator.push("id", answer));
    simulator
}

/// Runs a case on every subject.
fn each(case: impl Fn(Subject)) {
    for subject in SUBJECTS {
        println!("{subject:?}");
        case(subject);
    }
}

/// Runs a case on every subject that makes its own connections.
fn each_client(case: impl Fn(Subject)) {
    each(|subject| {
        if subject.connects() {
            case(subject);
        }
    });
}

fn start(subject: Subject) -> Transport {
    subject.start(settings())
}

#[test]
fn a_get_goes_out_as_it_is() {
    each(|subject| {
        let simulator = simulator([Answer::command("START", Some("t"))]);
        let response = start(subject).execute(get(&simulator.url(), "id")).expect("an answer");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(response.body(), br#"{"command_name":"START","command_param":{"task_id":"t"}}"#);
        let requests = simulator.requests();
        assert_eq!(requests.len(), 1);
        let request = &requests[0];
        assert_eq!((request.method.as_str(), request.target.clone()), ("GET", path("id")));
        assert!(request.head.starts_with(b"GET /v3/sources/id/command HTTP/1.1\r\n"));
        let mut names: Vec<_> = request.headers.iter().map(|h| h.0.to_lowercase()).collect();
        names.sort_unstable();
        // What an agent of the caller's adds by itself is the caller's.
        names.retain(|name| subject != Subject::UreqAgent || name != "accept");
        assert_eq!(names, ["content-type", "host", "user-agent", "x-auth-token"]);
        assert_eq!(request.header("host"), Some(simulator.addr().to_string().as_bytes()));
        let agent = String::from_utf8_lossy(request.header("user-agent").unwrap_or_default());
        let client = subject.client();
        assert_eq!(
            agent,
            format!("huaweicloud-sms-transport-{client}/{}", env!("CARGO_PKG_VERSION"))
        );
    });
}

#[test]
fn what_the_request_says_wins() {
    each(|subject| {
        let simulator = simulator([]);
        let request = Request::get(format!("{}/x?y=z", simulator.url()))
            .header("user-agent", "mine")
            .header("accept", "application/json")
            .header("accept-encoding", "identity")
            .body(Vec::new());
        start(subject).execute(request.expect("valid")).expect("an answer");
        let requests = simulator.requests();
        assert_eq!(requests[0].target, "/x?y=z");
        for (name, value) in [
            ("user-agent", "mine"),
            ("accept", "application/json"),
            ("accept-encoding", "identity"),
        ] {
            let values = requests[0].headers.iter().filter(|h| h.0.eq_ignore_ascii_case(name));
            assert_eq!(values.map(|h| h.1.as_slice()).collect::<Vec<_>>(), [value.as_bytes()]);
        }
    });
}

#[test]
fn lengths_by_method_and_body() {
    each(|subject| {
        let simulator = simulator([]);
        let transport = start(subject);
        for (method, body, length) in [
            ("GET", "", None),
            ("DELETE", "", None),
            ("HEAD", "", None),
            ("POST", "", Some("0")),
            ("PUT", "", Some("0")),
            ("POST", "body", Some("4")),
        ] {
            let request = Request::builder().method(method).uri(simulator.url()).body(body.into());
            transport.execute(request.expect("valid")).expect("an answer");
            let requests = simulator.requests();
            let request = requests.last().expect("a request");
            assert_eq!(request.method, method);
            assert_eq!(request.header("content-length"), length.map(str::as_bytes), "{method}");
            assert_eq!(request.header("transfer-encoding"), None);
            assert_eq!(request.body, body.as_bytes());
        }
    });
}

#[test]
fn the_longest_token_arrives_whole() {
    each(|subject| {
        let token = "t".repeat(16_384);
        let simulator = Simulator::builder().token(token.clone()).start().expect("started");
        simulator.push("id", Answer::command("STOP", None));
        let mut request = get(&simulator.url(), "id");
        request.headers_mut().insert("x-auth-token", token.parse().expect("valid"));
        assert_eq!(start(subject).execute(request).expect("an answer").status(), 200);
        assert_eq!(simulator.requests()[0].header("x-auth-token"), Some(token.as_bytes()));
    });
}

#[test]
fn redirects_are_returned_and_nothing_goes_there() {
    each(|subject| {
        let elsewhere = simulator([]);
        let transport = start(subject);
        for status in [301, 302, 303, 307, 308] {
            let answer = Answer::body(status, "moved").header("location", &elsewhere.url());
            let simulator = simulator([answer]);
            let response = transport.execute(get(&simulator.url(), "id")).expect("a response");
            assert_eq!(response.status(), status);
            assert_eq!(response.body(), b"moved");
            assert_eq!(response.headers()["location"], elsewhere.url());
            assert_eq!(simulator.request_count(), 1);
        }
        assert_eq!((elsewhere.request_count(), elsewhere.connection_count()), (0, 0));
    });
}

#[test]
fn no_status_is_an_error() {
    each(|subject| {
        let transport = start(subject);
        for status in [200, 202, 204, 304, 400, 401, 403, 404, 407, 429, 500, 502, 503, 599] {
            let body = if matches!(status, 204 | 304) { "" } else { "the reason" };
            let simulator = simulator([Answer::body(status, body).header("retry-after", "7")]);
            let response = transport.execute(get(&simulator.url(), "id")).expect("a response");
            assert_eq!(
                (response.status().as_u16(), response.headers()["retry-after"].as_bytes()),
                (status, &b"7"[..])
            );
            assert_eq!(response.body(), body.as_bytes());
        }
    });
}

#[test]
fn bodies_up_to_the_limit() {
    let chunked = |size: usize| {
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n";
        let mut raw = head.as_bytes().to_vec();
        for _ in 0..size {
            raw.extend(b"1\r\nx\r\n");
        }
        raw.extend(b"0\r\n\r\n");
        Answer::raw(raw)
    };
    let until_close =
        |size: usize| Answer::raw([b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'x'; size]].concat());
    each(|subject| {
        let transport = subject.start(settings().max_body(1000));
        for make in [&chunked as &dyn Fn(usize) -> Answer, &until_close, &|size| {
            Answer::body(200, vec![b'x'; size])
        }] {
            let simulator = simulator([make(1000), make(1001)]);
            let response = transport.execute(get(&simulator.url(), "id")).expect("at the limit");
            assert_eq!(response.body().len(), 1000);
            let error = transport.execute(get(&simulator.url(), "id")).expect_err("over it");
            assert!(
                matches!(error, Error::TooLarge { part: Part::Body, limit: 1000 }),
                "{error:?}"
            );
            assert_eq!(error.to_string(), "the body of the answer is over 1000 bytes");
        }
    });
}

#[test]
fn names() {
    each_client(|subject| {
        let simulator = simulator([Answer::command("STOP", None)]);
        let url = format!("http://localhost:{}", simulator.addr().port());
        assert_eq!(start(subject).execute(get(&url, "id")).expect("an answer").status(), 200);
    });
}

#[test]
fn many_calls_at_once() {
    each(|subject| {
        let simulator = simulator([Answer::command("STOP", None).times(20)]);
        let transport = start(subject);
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| {
                    let response = transport.execute(get(&simulator.url(), "id"));
                    assert_eq!(response.expect("an answer").status(), 200);
                });
            }
        });
        assert_eq!(simulator.request_count(), 20);
    });
}

#[test]
fn tls_trusts_what_it_is_told_to() {
    each_client(|subject| {
        let simulator = Simulator::builder().token(TOKEN).tls().start().expect("started");
        simulator.push("id", Answer::command("STOP", None).times(2));
        let ca = simulator.ca_pem().expect("a CA");
        let other = Simulator::builder().tls().start().expect("started");
        let port = simulator.addr().port();
        let ask = |pem: &str, host: &str| {
            let transport = subject.start(settings().trust(Trust::Pem(pem.into())));
            transport.execute(get(&format!("https://{host}:{port}"), "id"))
        };
        assert_eq!(ask(ca, "127.0.0.1").expect("trusted").status(), 200);
        let both = [other.ca_pem().unwrap_or_default(), ca].concat();
        assert_eq!(ask(&both, "localhost").expect("trusted").status(), 200);
    });
}

#[test]
fn tls_with_the_systems_trust_does_not_trust_the_simulator() {
    each_client(|subject| {
        let simulator = Simulator::builder().tls().start().expect("started");
        let error = start(subject).execute(get(&simulator.url(), "id")).expect_err("not trusted");
        assert!(matches!(error, Error::Tls { .. }), "{error:?}");
        assert_eq!(simulator.request_count(), 0);
    });
}

fn through(proxy: &SimulatedProxy, user_info: &str) -> Settings {
    let url = format!("http://{user_info}{}", proxy.addr());
    settings().proxy(Proxy::Url(ProxyUrl::new(&url).expect("an address")))
}

#[test]
fn a_proxy_opens_a_tunnel_and_sees_no_token_inside_tls() {
    each_client(|subject| {
        for tls in [true, false] {
            let builder = Simulator::builder().token(TOKEN);
            let simulator = if tls { builder.tls() } else { builder }.start().expect("started");
            simulator.push("id", Answer::command("STOP", None));
            let proxy = SimulatedProxy::start(ProxyBehavior::Tunnel).expect("started");
            let mut settings = through(&proxy, "user:p%40ss@");
            if let Some(pem) = simulator.ca_pem() {
                settings = settings.trust(Trust::Pem(pem.into()));
            }
            let response = subject.start(settings).execute(get(&simulator.url(), "id"));
            assert_eq!(response.expect("an answer").status(), 200);
            let seen = String::from_utf8_lossy(&proxy.received()).into_owned();
            let connect = format!("CONNECT {} HTTP/1.1\r\n", simulator.addr());
            assert!(seen.starts_with(&connect), "{seen}");
            assert_eq!(seen.contains(TOKEN), !tls);
            let inside = String::from_utf8_lossy(&simulator.requests()[0].head).to_lowercase();
            assert!(!inside.contains("proxy-"), "{inside}");
        }
    });
}

#[test]
fn debug_shows_no_password() {
    let proxy = ProxyUrl::new("http://user:canary@127.0.0.1:1").expect("an address");
    let settings = Settings::default().proxy(Proxy::Url(proxy));
    let ureq = huaweicloud_sms_transport_ureq::UreqTransport::new(settings.clone());
    let hyper = huaweicloud_sms_transport_hyper::HyperTransport::new(settings);
    let shown = format!("{:?} {:?}", ureq.expect("a transport"), hyper.expect("a transport"));
    assert!(shown.contains("127.0.0.1:1") && !shown.contains("canary"), "{shown}");
}

#[test]
fn settings_that_are_refused() {
    use huaweicloud_sms_transport::SettingsError;
    let refused = |settings: Settings| {
        let ureq = huaweicloud_sms_transport_ureq::UreqTransport::new(settings.clone());
        let hyper = huaweicloud_sms_transport_hyper::HyperTransport::new(settings);
        let ureq = ureq.expect_err("refused");
        assert_eq!(ureq, hyper.expect_err("refused"));
        ureq
    };
    assert_eq!(refused(settings().timeout(Duration::ZERO)), SettingsError::Timeout);
    assert_eq!(refused(settings().trust(Trust::Pem(Vec::new()))), SettingsError::NoCertificate);
    let error = refused(settings().trust(Trust::WebpkiRoots));
    assert!(matches!(error, SettingsError::TrustNotCompiledIn(_)), "{error}");
}
