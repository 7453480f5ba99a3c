//! Tests the promises of both adapters, except for those that the table proves.
#![allow(clippy::print_stdout, reason = "names the adapter of a case that fails")]

use std::time::Duration;

use http::Request;
use huaweicloud_sms_simulator::{
    Answer, Script, Simulator, Step,
    proxy::{ProxyBehavior, SimulatedProxy},
};
use huaweicloud_sms_transport::{
    Phase, Proxy, ProxyUrl, RootCerts, Settings, TransportErrorKind as Kind,
};
use huaweicloud_sms_transport_conformance::{Adapter, Boxed, TOKEN, get, path};

/// A short connect timeout, for calls that reach it.
const SOON: Duration = Duration::from_millis(200);

fn settings() -> Settings {
    settings_with(Proxy::Direct)
}

fn settings_with(proxy: Proxy) -> Settings {
    Settings::default().with_proxy(proxy)
}

fn simulator(answers: impl IntoIterator<Item = Answer>) -> Simulator {
    let simulator = Simulator::builder().token(TOKEN).start().expect("started");
    answers.into_iter().for_each(|answer| simulator.push("id", answer));
    simulator
}

/// Runs a case on every adapter.
fn each(case: impl Fn(Adapter)) {
    for adapter in Adapter::ALL {
        println!("{adapter:?}");
        case(adapter);
    }
}

/// Runs a case on every adapter that makes its connections itself.
fn each_client(case: impl Fn(Adapter)) {
    each(|adapter| {
        if adapter.connects() {
            case(adapter);
        }
    });
}

fn start(adapter: Adapter) -> Boxed {
    adapter.start(settings())
}

#[test]
fn a_request_is_sent_unchanged() {
    each(|adapter| {
        let simulator = simulator([Answer::command("START", Some("t"))]);
        let response = start(adapter).execute(get(&simulator.url(), "id")).expect("a response");
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
        // An agent of the caller adds `Accept`.
        names.retain(|name| adapter != Adapter::UreqAgent || name != "accept");
        assert_eq!(names, ["content-type", "host", "user-agent", "x-auth-token"]);
        assert_eq!(request.header("host"), Some(simulator.addr().to_string().as_bytes()));
        let agent = String::from_utf8_lossy(request.header("user-agent").unwrap_or_default());
        let client = adapter.client();
        assert_eq!(
            agent,
            format!("huaweicloud-sms-transport-{client}/{}", env!("CARGO_PKG_VERSION"))
        );
    });
}

#[test]
fn headers_of_the_request_win() {
    each(|adapter| {
        let simulator = simulator([]);
        let request = Request::get(format!("{}/x?y=z", simulator.url()))
            .header("user-agent", "mine")
            .header("accept", "application/json")
            .header("accept-encoding", "identity")
            .body(Vec::new());
        start(adapter).execute(request.expect("valid")).expect("a response");
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
fn content_length_depends_on_method_and_body() {
    each(|adapter| {
        let simulator = simulator([]);
        let transport = start(adapter);
        for (method, body, length) in [
            ("GET", "", None),
            ("DELETE", "", None),
            ("HEAD", "", None),
            ("POST", "", Some("0")),
            ("PUT", "", Some("0")),
            ("POST", "body", Some("4")),
            ("OPTIONS", "", None),
            ("MERGE", "", None),
            ("MERGE", "body", Some("4")),
            ("GET", "body", Some("4")),
            ("DELETE", "body", Some("4")),
        ] {
            let request = Request::builder().method(method).uri(simulator.url()).body(body.into());
            transport.execute(request.expect("valid")).expect("a response");
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
fn a_request_that_is_not_for_http_is_not_sent() {
    each(|adapter| {
        let simulator = simulator([]);
        let transport = start(adapter);
        let address = simulator.addr();
        for uri in [
            format!("ftp://{address}/"),
            format!("wss://{address}/"),
            format!("http://user:canary@{address}/"),
            format!("http://canary@{address}/"),
            "http://127.0.0.1:99999/".to_owned(),
            "/path".to_owned(),
        ] {
            let request = Request::get(&uri).body(Vec::new()).expect("a request");
            let error = transport.execute(request).expect_err(&uri);
            assert_eq!(error.kind(), Kind::Protocol, "{uri}: {error:?}");
            assert!(error.to_string().starts_with("the request was not sent: "), "{error}");
            assert!(!format!("{error:?}").contains("canary"));
        }
        let connect = Request::connect(simulator.url()).body(Vec::new()).expect("a request");
        assert_eq!(transport.execute(connect).expect_err("rejected").kind(), Kind::Protocol);
        assert_eq!(simulator.connection_count(), 0);
    });
}

#[test]
fn the_longest_token_arrives_whole() {
    each(|adapter| {
        let token = "t".repeat(16_384);
        let simulator = Simulator::builder().token(token.clone()).start().expect("started");
        simulator.push("id", Answer::command("STOP", None));
        let mut request = get(&simulator.url(), "id");
        request.headers_mut().insert("x-auth-token", token.parse().expect("valid"));
        assert_eq!(start(adapter).execute(request).expect("a response").status(), 200);
        assert_eq!(simulator.requests()[0].header("x-auth-token"), Some(token.as_bytes()));
    });
}

#[test]
fn redirects_are_returned_and_not_followed() {
    each(|adapter| {
        let elsewhere = simulator([]);
        let transport = start(adapter);
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
    each(|adapter| {
        let transport = start(adapter);
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
fn a_body_over_the_limit_is_an_error() {
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
    each(|adapter| {
        let transport = adapter.start(settings().with_max_body(1000));
        for make in [&chunked as &dyn Fn(usize) -> Answer, &until_close, &|size| {
            Answer::body(200, vec![b'x'; size])
        }] {
            let simulator = simulator([make(1000), make(1001)]);
            let response = transport.execute(get(&simulator.url(), "id")).expect("at the limit");
            assert_eq!(response.body().len(), 1000);
            let error = transport.execute(get(&simulator.url(), "id")).expect_err("over it");
            let kind = (error.kind(), error.phase());
            assert_eq!(kind, (Kind::TooLarge, Some(Phase::Body)), "{error:?}");
            assert_eq!(error.to_string(), "the body of the response is over 1000 bytes");
            assert_eq!(error.status().map(|status| status.as_u16()), Some(200));
        }
    });
}

#[test]
fn resolves_a_name() {
    each_client(|adapter| {
        let simulator = simulator([Answer::command("STOP", None)]);
        let url = format!("http://localhost:{}", simulator.addr().port());
        assert_eq!(start(adapter).execute(get(&url, "id")).expect("a response").status(), 200);
    });
}

#[test]
fn answers_many_calls_at_once() {
    each(|adapter| {
        let simulator = simulator([Answer::command("STOP", None).times(20)]);
        let transport = start(adapter);
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| {
                    let response = transport.execute(get(&simulator.url(), "id"));
                    assert_eq!(response.expect("a response").status(), 200);
                });
            }
        });
        assert_eq!(simulator.request_count(), 20);
    });
}

#[test]
fn tls_trusts_the_given_certificates() {
    each_client(|adapter| {
        let simulator = Simulator::builder().token(TOKEN).tls().start().expect("started");
        simulator.push("id", Answer::command("STOP", None).times(2));
        let ca = simulator.ca_pem().expect("a CA");
        let other = Simulator::builder().tls().start().expect("started");
        let port = simulator.addr().port();
        let call = |pem: &str, host: &str| {
            let transport = adapter.start(settings().with_root_certs(RootCerts::Pem(pem.into())));
            transport.execute(get(&format!("https://{host}:{port}"), "id"))
        };
        assert_eq!(call(ca, "127.0.0.1").expect("trusted").status(), 200);
        let both = [other.ca_pem().unwrap_or_default(), ca].concat();
        assert_eq!(call(&both, "localhost").expect("trusted").status(), 200);
    });
}

#[test]
fn tls_with_the_systems_trust_store_rejects_the_simulator() {
    each_client(|adapter| {
        let simulator = Simulator::builder().tls().start().expect("started");
        let error = start(adapter).execute(get(&simulator.url(), "id")).expect_err("not trusted");
        assert_eq!(error.kind(), Kind::Tls, "{error:?}");
        assert_eq!(simulator.request_count(), 0);
    });
}

fn through(proxy: &SimulatedProxy, user_info: &str) -> Settings {
    let url = format!("http://{user_info}{}", proxy.addr());
    settings().with_proxy(Proxy::Url(ProxyUrl::new(&url).expect("an address")))
}

#[test]
fn a_proxy_opens_a_tunnel_and_sees_no_token_inside_tls() {
    each_client(|adapter| {
        for tls in [true, false] {
            let builder = Simulator::builder().token(TOKEN);
            let simulator = if tls { builder.tls() } else { builder }.start().expect("started");
            simulator.push("id", Answer::command("STOP", None));
            let proxy = SimulatedProxy::start(ProxyBehavior::Tunnel).expect("started");
            let mut settings = through(&proxy, "user:p%40ss@");
            if let Some(pem) = simulator.ca_pem() {
                settings = settings.with_root_certs(RootCerts::Pem(pem.into()));
            }
            let response = adapter.start(settings).execute(get(&simulator.url(), "id"));
            assert_eq!(response.expect("a response").status(), 200);
            let seen = String::from_utf8_lossy(&proxy.received()).into_owned();
            let connect = format!("CONNECT {} HTTP/1.1\r\n", simulator.addr());
            assert!(seen.starts_with(&connect), "{seen}");
            let agent =
                concat!("\r\nUser-Agent: huaweicloud-sms/", env!("CARGO_PKG_VERSION"), "\r\n");
            assert!(seen.contains(agent), "{seen}");
            assert_eq!(seen.contains(TOKEN), !tls);
            let inside = String::from_utf8_lossy(&simulator.requests()[0].head).to_lowercase();
            assert!(!inside.contains("proxy-"), "{inside}");
        }
    });
}

#[test]
fn an_error_names_ntlm_of_a_proxy() {
    each_client(|adapter| {
        let proxy = SimulatedProxy::start(ProxyBehavior::Challenge("Proxy-Authenticate: NTLM"))
            .expect("started");
        let transport = adapter.start(through(&proxy, "user:canary@"));
        let error = transport.execute(get("https://sms.example", "id")).expect_err("rejected");
        let expected = format!(
            "the proxy {} did not open a tunnel: it wants NTLM, and only Basic is supported (status 407)",
            proxy.addr()
        );
        assert_eq!(error.to_string(), expected);
        assert!(error.advice().contains("Basic") && !error.is_retryable());
    });
}

#[test]
fn errors_of_connecting_name_the_proxy() {
    each_client(|adapter| {
        let hangs = SimulatedProxy::start(ProxyBehavior::Hang).expect("started");
        let settings = through(&hangs, "user:canary@").with_connect_timeout(SOON);
        let error = adapter.start(settings).execute(get("https://sms.example", "id"));
        let error = error.expect_err("no tunnel");
        let address = hangs.addr().to_string();
        assert_eq!((error.kind(), error.proxy()), (Kind::Timeout, Some(address.as_str())));
        assert!(error.to_string().contains(&address), "{error}");
        let url = ProxyUrl::new("http://user:canary@nonexistent.invalid:3128").expect("an address");
        let transport = adapter.start(settings_with(Proxy::Url(url)));
        let error = transport.execute(get("https://sms.example", "id")).expect_err("no name");
        assert_eq!((error.kind(), error.proxy()), (Kind::Dns, Some("nonexistent.invalid:3128")));
        assert!(!format!("{error} {error:?}").contains("canary"));
    });
}

#[test]
fn a_timeout_names_the_proxy() {
    each_client(|adapter| {
        let simulator = simulator([Answer::silent()]);
        let proxy = SimulatedProxy::start(ProxyBehavior::Tunnel).expect("started");
        let settings = through(&proxy, "user:p%40ss@").with_timeout(Duration::from_secs(1));
        let error = adapter.start(settings).execute(get(&simulator.url(), "id"));
        let error = error.expect_err("silence");
        assert_eq!(
            (error.kind(), error.proxy()),
            (Kind::Timeout, Some(&*proxy.addr().to_string()))
        );
        assert!(error.to_string().ends_with(&format!(" (the proxy {})", proxy.addr())), "{error}");
    });
}

#[test]
fn an_error_status_is_returned_when_its_body_times_out() {
    each(|adapter| {
        let begun = "HTTP/1.1 401 No\r\nRetry-After: 9\r\nContent-Length: 100\r\n\r\n{\"error";
        let simulator = simulator([Answer::steps([Step::send(begun), Step::Hold])]);
        let transport = adapter.start(settings().with_timeout(Duration::from_secs(2)));
        let response = transport.execute(get(&simulator.url(), "id")).expect("a status");
        assert_eq!(
            (response.status().as_u16(), &response.headers()["retry-after"]),
            (401, &"9".parse().expect("valid"))
        );
        assert_eq!(response.body(), b"{\"error");
    });
}

#[test]
fn connecting_has_its_own_timeout() {
    each_client(|adapter| {
        let script = Script::new().on_accept([Step::Hold]);
        let simulator = Simulator::builder().tls().script(script).start().expect("started");
        let transport = adapter.start(settings().with_connect_timeout(SOON));
        let error = transport.execute(get(&simulator.url(), "id")).expect_err("silence");
        assert_eq!((error.kind(), error.phase()), (Kind::Timeout, Some(Phase::Connect)));
        assert_eq!(error.limit(), Some(SOON));
        assert_eq!(error.to_string(), "no connection within 0.2 s");
    });
}

#[test]
fn debug_shows_no_password() {
    let proxy = ProxyUrl::new("http://user:canary@127.0.0.1:1").expect("an address");
    let settings = Settings::default().with_proxy(Proxy::Url(proxy));
    let ureq = huaweicloud_sms_transport_ureq::UreqTransport::new(settings.clone());
    let hyper = huaweicloud_sms_transport_hyper::HyperTransport::new(settings);
    let shown = format!("{:?} {:?}", ureq.expect("a transport"), hyper.expect("a transport"));
    assert!(shown.contains("127.0.0.1:1") && !shown.contains("canary"), "{shown}");
}

#[test]
fn rejects_invalid_settings() {
    use huaweicloud_sms_transport::SettingsError;
    let rejected = |settings: Settings| {
        let ureq = huaweicloud_sms_transport_ureq::UreqTransport::new(settings.clone());
        let hyper = huaweicloud_sms_transport_hyper::HyperTransport::new(settings);
        let ureq = ureq.expect_err("rejected");
        assert_eq!(ureq, hyper.expect_err("rejected"));
        ureq
    };
    assert_eq!(rejected(settings().with_timeout(Duration::ZERO)), SettingsError::Timeout);
    let connect = settings().with_connect_timeout(Duration::MAX);
    assert_eq!(rejected(connect), SettingsError::ConnectTimeout);
    assert_eq!(
        rejected(settings().with_root_certs(RootCerts::Pem(Vec::new()))),
        SettingsError::NoCertificate("there is nothing in it".into())
    );
    let error = rejected(settings().with_root_certs(RootCerts::WebpkiRoots));
    assert!(matches!(error, SettingsError::RootCertsNotCompiledIn(_)), "{error}");
}
