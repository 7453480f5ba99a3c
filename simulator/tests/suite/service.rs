//! Tests of the simulated service: its rules, its record, its start and stop.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use huaweicloud_sms_simulator::{Answer, Error, Script, Simulator};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, pki_types::pem::PemObject,
};

use crate::{LONG, PATH, Response, closing, connect, get, send, started, whole, with_server};

fn with_token() -> Simulator {
    let script = Script::new().server("a", [Answer::command("START", Some("t"))]);
    Simulator::builder().token("right").script(script).start().expect("started")
}

#[test]
fn rules_are_checked_in_order() {
    let simulator = with_token();
    let body = |number: usize, code: &str| {
        let message = match code {
            "APIGW.0101" => "The API does not exist or has not been published in the environment.",
            "SMS.6522" => "X-Auth-Token is missing.",
            "SMS.6521" => "Token authentication failed.",
            "SMS.6015" => "A header is missing.",
            "SMS.6016" => "The content type must be application/json.",
            "SMS.7602" => "The source server does not exist.",
            body => return body.to_owned(),
        };
        let id = format!(r#","request_id":"{number:032x}""#);
        let id = if code == "APIGW.0101" { id.as_str() } else { "" };
        format!(r#"{{"error_code":"{code}","error_msg":"{message}"{id}}}"#)
    };
    let start = r#"{"command_name":"START","command_param":{"task_id":"t"}}"#;
    let ok = get(PATH, "right");
    for (index, (request, status, code)) in [
        (get("/", "right"), 404, "APIGW.0101"),
        (get("/v3/sources//command", "right"), 404, "APIGW.0101"),
        (get("/v3/sources/a/b/command", "right"), 404, "APIGW.0101"),
        (get("/v3/sources/%ff/command", "right"), 404, "APIGW.0101"),
        (ok.replace("GET", "POST"), 404, "APIGW.0101"),
        (ok.replace("X-Auth-Token: right\r\n", ""), 401, "SMS.6522"),
        (get(PATH, ""), 401, "SMS.6522"),
        (get(PATH, "wrong"), 401, "SMS.6521"),
        (get("/v3/sources/x/command", "wrong"), 401, "SMS.6521"),
        (ok.replace("Content-Type: application/json\r\n", ""), 400, "SMS.6015"),
        (ok.replace("application/json", "text/plain"), 400, "SMS.6016"),
        (get("/v3/sources/x/command", "right"), 404, "SMS.7602"),
        (ok.clone(), 200, start),
        (ok.replace("json", "json;charset=utf8"), 200, "{}"),
        (ok.replace("application/json", "Application/JSON"), 200, "{}"),
        (get("/v3/sources/%61/command?x=1", "right"), 200, "{}"),
    ]
    .into_iter()
    .enumerate()
    {
        let response = send(&simulator, &request);
        assert_eq!(response.status, status, "{request}");
        assert_eq!(response.body, body(index + 1, code), "{request}");
        let id = format!("{:032x}", index + 1);
        assert_eq!(response.header("x-request-id"), Some(id.as_str()));
        assert_eq!(response.header("content-type"), Some("application/json"));
        assert!(response.header("date").is_some());
    }
    let requests = simulator.requests();
    assert_eq!((requests.len(), simulator.request_count()), (16, 16));
    assert_eq!(requests[12].head, ok.as_bytes());
    assert_eq!(requests[12].header("x-auth-token"), Some(&b"right"[..]));
    assert_eq!(requests[12].status, 200);
    assert_eq!(requests[15].target, "/v3/sources/%61/command?x=1");
}

#[test]
fn a_queue_is_given_in_order_and_then_its_idle_answer() {
    let script = Script::new()
        .server("a", [Answer::command("STOP", None).times(2)])
        .server("a", [Answer::error(503, "X", "m").header("Retry-After", "7")])
        .idle("a", Answer::body(204, ""));
    let simulator = started(script);
    simulator.push("a", Answer::body(200, "<html>").header("content-type", "text/html"));
    let mut stream = connect(&simulator);
    let mut statuses = Vec::new();
    for _ in 0..6 {
        stream.write_all(get(PATH, "any").as_bytes()).expect("sent");
        let response = Response::read(&mut stream);
        match response.status {
            503 => assert_eq!(response.header("retry-after"), Some("7")),
            204 => assert_eq!((response.header("content-length"), &*response.body), (None, "")),
            _ if response.body == "<html>" => {
                let mut types = response.headers.iter().filter(|(name, _)| name == "content-type");
                assert_eq!(types.next().map(|(_, value)| value.as_str()), Some("text/html"));
                assert_eq!(types.next(), None);
            }
            _ => assert_eq!(response.body, r#"{"command_name":"STOP"}"#),
        }
        statuses.push(response.status);
    }
    assert_eq!(statuses, [200, 200, 503, 200, 204, 204]);
    assert_eq!(simulator.connection_count(), 1);
    assert!(simulator.requests().iter().all(|request| request.connection == 1));
}

#[test]
fn raw_bytes_are_sent_unchanged_and_silence_ends_with_the_simulator() {
    let simulator = with_token();
    simulator.push("b", Answer::raw("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\ncut"));
    simulator.push("b", Answer::silent());
    let all = whole(&simulator, &get("/v3/sources/b/command", "right"));
    assert_eq!(all, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\ncut");

    let mut stream = connect(&simulator);
    stream.write_all(get("/v3/sources/b/command", "right").as_bytes()).expect("sent");
    assert!(simulator.wait_for_requests(2, LONG));
    assert!(!simulator.wait_for_requests(3, Duration::ZERO));
    drop(simulator);
    // The stop has ended the silence.
    assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
}

fn tls_client(ca_pem: &str) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots
        .add(rustls::pki_types::CertificateDer::from_pem_slice(ca_pem.as_bytes()).expect("PEM"))
        .expect("a CA");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Arc::new(config.expect("versions").with_root_certificates(roots).with_no_client_auth())
}

fn tls_stream(
    simulator: &Simulator,
    config: Arc<ClientConfig>,
    name: &'static str,
) -> StreamOwned<ClientConnection, TcpStream> {
    let connection = ClientConnection::new(config, name.try_into().expect("a name"));
    StreamOwned::new(connection.expect("a client"), connect(simulator))
}

#[test]
fn https_is_trusted_by_its_own_ca_only() {
    let simulator = Simulator::builder().tls().script(Script::example()).start().expect("started");
    assert!(simulator.url().starts_with("https://127.0.0.1:"));
    let config = tls_client(simulator.ca_pem().expect("a CA"));
    for name in ["localhost", "127.0.0.1", "::1"] {
        let mut stream = tls_stream(&simulator, config.clone(), name);
        let request = get("/v3/sources/f32ab4d6-d150-4fb3-aa55-edbb5cf9947f/command", "t");
        let request = request.replace("Host: h", "Host: h\r\nConnection: close");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut all = String::new();
        // This fails without a close_notify.
        stream.read_to_string(&mut all).expect("closed properly");
        assert!(all.ends_with("\"task_id\":\"2c0689c860ad4728a497c91ec0844384\"}}"), "{all}");
    }
    let other = Simulator::builder().tls().start().expect("started");
    let mut stream = tls_stream(&simulator, tls_client(other.ca_pem().expect("a CA")), "localhost");
    let error = stream.write_all(b"GET").and_then(|()| stream.flush()).expect_err("not trusted");
    assert!(error.to_string().contains("UnknownIssuer"), "{error}");
    let mut stream = tls_stream(&simulator, config, "example.com");
    let error = stream.write_all(b"GET").and_then(|()| stream.flush()).expect_err("another host");
    assert!(error.to_string().contains("not valid for name"), "{error}");
}

#[test]
fn observers_see_every_request() {
    let seen = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&seen);
    let simulator = Simulator::builder()
        .base_path("/base")
        .on_request(move |request| {
            assert_eq!(request.status, 404);
            counter.fetch_add(1, Ordering::SeqCst);
        })
        .start()
        .expect("started");
    assert!(simulator.url().ends_with("/base"));
    assert!(send(&simulator, &get("/base/v3/sources/a/command", "t")).body.contains("SMS.7602"));
    assert!(send(&simulator, &get(PATH, "t")).body.contains("APIGW.0101"));
    assert_eq!(seen.load(Ordering::SeqCst), 2);
}

#[test]
fn only_loopback_addresses_are_accepted() {
    let everywhere: SocketAddr = ([0, 0, 0, 0], 0).into();
    let error = Simulator::builder().listen(everywhere).start().expect_err("rejected");
    assert!(matches!(error, Error::NotLoopback(_)));
}

#[test]
fn connections_are_bounded() {
    let simulator = with_token();
    let mut streams: Vec<TcpStream> = (0..300).map(|_| connect(&simulator)).collect();
    // The connections over the limit are closed without an answer.
    let last = streams.last_mut().expect("300 of them");
    assert_eq!(last.read(&mut [0]).unwrap_or(0), 0);
    // Closing the others makes room.
    streams.clear();
    let mut left = 100;
    loop {
        let mut stream = connect(&simulator);
        let sent = stream.write_all(get(PATH, "right").as_bytes());
        if sent.is_ok() && stream.read(&mut [0]).is_ok_and(|count| count == 1) {
            break;
        }
        left -= 1;
        assert!(left > 0, "no room");
    }
}

#[test]
fn only_the_newest_requests_are_kept() {
    let simulator = started(Script::example());
    let mut stream = connect(&simulator);
    for _ in 0..4100 {
        stream.write_all(get(PATH, "t").as_bytes()).expect("sent");
        Response::read(&mut stream);
    }
    assert_eq!(simulator.request_count(), 4100);
    assert_eq!(simulator.requests().len(), 4096);
}

#[test]
fn a_panic_of_the_observer_ends_its_connection_only() {
    let simulator = Simulator::builder()
        .script(Script::example())
        .on_request(|request| assert_eq!(request.status, 404, "this panic is part of the test"))
        .start()
        .expect("started");
    let request = get("/v3/sources/f32ab4d6-d150-4fb3-aa55-edbb5cf9947f/command", "t");
    // These are more connections than the limit, so the simulator must forget those that panicked.
    for _ in 0..260 {
        assert_eq!(whole(&simulator, &request), "");
    }
    assert_eq!((simulator.request_count(), simulator.requests().len()), (260, 260));
    assert!(whole(&simulator, &closing()).contains("SMS.7602"));
}

#[test]
fn waiting_ends_with_the_request() {
    let simulator = with_server(Script::new());
    assert!(!simulator.wait_for_requests(1, Duration::ZERO));
    thread::scope(|scope| {
        // No instant is as far ahead as the longest timeout.
        let waits = scope.spawn(|| simulator.wait_for_requests(1, Duration::MAX));
        whole(&simulator, &closing());
        assert!(waits.join().expect("no panic"));
    });
}

#[test]
fn stopping_ends_idle_connections_and_listening() {
    let mut simulator = with_server(Script::new());
    let (addr, mut idle) = (simulator.addr(), connect(&simulator));
    idle.write_all(get(PATH, "t").as_bytes()).expect("sent");
    assert!(simulator.wait_for_requests(1, LONG));
    simulator.stop();
    simulator.stop();
    // Reads the rest of the response. The connection may end with a reset.
    let _ = idle.read_to_end(&mut Vec::new());
    assert!(TcpStream::connect(addr).is_err());
    assert_eq!(simulator.request_count(), 1);
}
