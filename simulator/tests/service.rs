//! The simulated service, asked over real sockets.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use huaweicloud_sms_simulator::{Answer, Error, Script, Simulator};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned, pki_types::pem::PemObject,
};

const LONG: Duration = Duration::from_secs(30);

fn connect(simulator: &Simulator) -> TcpStream {
    let stream = TcpStream::connect(simulator.addr()).expect("listening");
    stream.set_read_timeout(Some(LONG)).expect("a limit");
    stream
}

/// A GET as the page documents it.
fn get(path: &str, token: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: h\r\nX-Auth-Token: {token}\r\n\
         Content-Type: application/json\r\n\r\n"
    )
}

const PATH: &str = "/v3/sources/a/command";

/// Reads one response: status, head, body by its length.
fn read_response(stream: &mut impl Read) -> (u16, String, String) {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("a head");
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes).expect("UTF-8").to_ascii_lowercase();
    let status = head[9..12].parse().expect("a status");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().expect("a length"))];
    stream.read_exact(&mut body).expect("a body");
    (status, head, String::from_utf8(body).expect("UTF-8"))
}

fn ask(simulator: &Simulator, request: &str) -> (u16, String, String) {
    let mut stream = connect(simulator);
    stream.write_all(request.as_bytes()).expect("sent");
    read_response(&mut stream)
}

fn with_token() -> Simulator {
    let script = Script::new().server("a", [Answer::command("START", Some("t"))]);
    Simulator::builder().token("right").script(script).start().expect("started")
}

#[test]
fn the_rules_in_their_order() {
    let simulator = with_token();
    let gateway = |id| {
        format!(
            r#"{{"error_code":"APIGW.0101","error_msg":"The API does not exist or has not been published in the environment.","request_id":"{id:032x}"}}"#
        )
    };
    let page =
        |code: &str, message: &str| format!(r#"{{"error_code":"{code}","error_msg":"{message}"}}"#);
    let ok = get(PATH, "right");
    for (number, (request, status, body)) in [
        (get("/", "right"), 404, gateway(1)),
        (get("/v3/sources//command", "right"), 404, gateway(2)),
        (get("/v3/sources/a/b/command", "right"), 404, gateway(3)),
        (get("/v3/sources/%ff/command", "right"), 404, gateway(4)),
        (ok.replace("GET", "POST"), 404, gateway(5)),
        (
            ok.replace("X-Auth-Token: right\r\n", ""),
            401,
            page("SMS.6522", "X-Auth-Token is missing."),
        ),
        (get(PATH, ""), 401, page("SMS.6522", "X-Auth-Token is missing.")),
        (get(PATH, "wrong"), 401, page("SMS.6521", "Token authentication failed.")),
        (
            get("/v3/sources/x/command", "wrong"),
            401,
            page("SMS.6521", "Token authentication failed."),
        ),
        (
            ok.replace("Content-Type: application/json\r\n", ""),
            400,
            page("SMS.6015", "A header is missing."),
        ),
        (
            ok.replace("application/json", "text/plain"),
            400,
            page("SMS.6016", "The content type must be application/json."),
        ),
        (
            get("/v3/sources/x/command", "right"),
            404,
            page("SMS.7602", "The source server does not exist."),
        ),
        (ok.clone(), 200, r#"{"command_name":"START","command_param":{"task_id":"t"}}"#.into()),
        (ok.replace("json", "json;charset=utf8"), 200, "{}".into()),
        (get("/v3/sources/%61/command?x=1", "right"), 200, "{}".into()),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = ask(&simulator, &request);
        assert_eq!((answer.0, answer.2), (status, body), "{request}");
        let id = format!("x-request-id: {:032x}\r\n", number + 1);
        assert!(answer.1.contains(&id) && answer.1.contains("content-type: application/json\r\n"));
        assert!(answer.1.contains("\r\ndate: "), "{}", answer.1);
    }
    let requests = simulator.requests();
    assert_eq!((requests.len(), simulator.request_count()), (15, 15));
    assert_eq!(requests[12].head, ok.as_bytes());
    assert_eq!(requests[12].header("x-auth-token"), Some(&b"right"[..]));
    assert_eq!(requests[12].status, 200);
    assert_eq!(requests[14].target, "/v3/sources/%61/command?x=1");
}

#[test]
fn a_queue_in_order_then_idle() {
    let script = Script::new()
        .server(
            "a",
            [
                Answer::command("STOP", None).times(2),
                Answer::error(503, "X", "m").header("Retry-After", "7"),
            ],
        )
        .idle("a", Answer::body(204, ""));
    let simulator = Simulator::builder().script(script).start().expect("started");
    simulator.push("a", Answer::body(200, "<html>").header("content-type", "text/html"));
    let mut stream = connect(&simulator);
    let mut statuses = Vec::new();
    for _ in 0..6 {
        stream.write_all(get(PATH, "any").as_bytes()).expect("sent");
        let (status, head, body) = read_response(&mut stream);
        match status {
            503 => assert!(head.contains("retry-after: 7\r\n")),
            204 => assert!(!head.contains("content-length") && body.is_empty()),
            _ if body == "<html>" => {
                assert!(head.contains("content-type: text/html\r\n"));
                assert!(!head.contains("application/json"));
            }
            _ => assert_eq!(body, r#"{"command_name":"STOP"}"#),
        }
        statuses.push(status);
    }
    assert_eq!(statuses, [200, 200, 503, 200, 204, 204]);
    assert_eq!(simulator.connection_count(), 1);
    assert!(simulator.requests().iter().all(|request| request.connection == 1));
}

#[test]
fn requests_sent_at_once_are_answered_one_by_one() {
    let simulator = with_token();
    let mut stream = connect(&simulator);
    let post = "POST /x HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody";
    stream.write_all(format!("{post}{}", get(PATH, "right")).as_bytes()).expect("sent");
    assert_eq!(read_response(&mut stream).0, 404);
    assert_eq!(read_response(&mut stream).0, 200);
    assert_eq!(simulator.requests()[0].body, b"body");
}

#[test]
fn connections_close_when_the_request_says_so() {
    let simulator = with_token();
    for request in [
        get(PATH, "right").replace("Host: h", "Host: h\r\nConnection: Close"),
        get(PATH, "right").replace("HTTP/1.1", "HTTP/1.0"),
    ] {
        let mut stream = connect(&simulator);
        stream.write_all(request.as_bytes()).expect("sent");
        let mut all = String::new();
        stream.read_to_string(&mut all).expect("closed after the answer");
        assert!(
            all.starts_with("HTTP/1.1 200 OK\r\n") && all.contains("connection: close"),
            "{all}"
        );
    }
}

#[test]
fn what_is_not_http_is_refused() {
    let simulator = with_token();
    for (request, status) in [
        ("garbage\r\n\r\n".to_owned(), 400),
        (format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(70_000)), 431),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(), 411),
        ("POST / HTTP/1.1\r\nContent-Length: 2000000\r\n\r\n".to_owned(), 413),
        ("POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n".to_owned(), 400),
    ] {
        assert_eq!(ask(&simulator, &request).0, status);
    }
}

#[test]
fn raw_bytes_and_silence() {
    let simulator = with_token();
    simulator.push("b", Answer::raw("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\ncut"));
    simulator.push("b", Answer::silent());
    let mut stream = connect(&simulator);
    stream.write_all(get("/v3/sources/b/command", "right").as_bytes()).expect("sent");
    let mut all = String::new();
    stream.read_to_string(&mut all).expect("closed");
    assert_eq!(all, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\ncut");

    let mut stream = connect(&simulator);
    stream.write_all(get("/v3/sources/b/command", "right").as_bytes()).expect("sent");
    assert!(simulator.wait_for_requests(2, LONG));
    assert!(!simulator.wait_for_requests(3, Duration::ZERO));
    drop(simulator);
    // Stopping ended the silence.
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
fn https_with_its_own_ca_only() {
    let simulator = Simulator::builder().tls().script(Script::example()).start().expect("started");
    assert!(simulator.url().starts_with("https://127.0.0.1:"));
    let config = tls_client(simulator.ca_pem().expect("a CA"));
    for name in ["localhost", "127.0.0.1", "::1"] {
        let mut stream = tls_stream(&simulator, config.clone(), name);
        let request = get("/v3/sources/f32ab4d6-d150-4fb3-aa55-edbb5cf9947f/command", "t");
        let request = request.replace("Host: h", "Host: h\r\nConnection: close");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut all = String::new();
        // Without a close_notify this would be an error.
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
    assert!(ask(&simulator, &get("/base/v3/sources/a/command", "t")).2.contains("SMS.7602"));
    assert!(ask(&simulator, &get(PATH, "t")).2.contains("APIGW.0101"));
    assert_eq!(seen.load(Ordering::SeqCst), 2);
}

#[test]
fn only_loopback() {
    let everywhere: SocketAddr = ([0, 0, 0, 0], 0).into();
    let error = Simulator::builder().listen(everywhere).start().expect_err("refused");
    assert!(matches!(error, Error::NotLoopback(_)));
}

#[test]
fn connections_are_bounded() {
    let simulator = with_token();
    let mut streams: Vec<TcpStream> = (0..300).map(|_| connect(&simulator)).collect();
    // The connections over the limit are closed without an answer.
    let last = streams.last_mut().expect("300 of them");
    assert_eq!(last.read(&mut [0]).unwrap_or(0), 0);
    // When the others go there is room again.
    streams.clear();
    let mut left = 100;
    loop {
        let mut stream = connect(&simulator);
        let sent = stream.write_all(get(PATH, "right").as_bytes());
        if sent.is_ok() && stream.read(&mut [0]).is_ok_and(|count| count == 1) {
            break;
        }
        left -= 1;
        assert!(left > 0, "no room again");
    }
}

#[test]
fn old_requests_are_forgotten() {
    let simulator = Simulator::builder().script(Script::example()).start().expect("started");
    let mut stream = connect(&simulator);
    for _ in 0..4100 {
        stream.write_all(get(PATH, "t").as_bytes()).expect("sent");
        read_response(&mut stream);
    }
    assert_eq!(simulator.request_count(), 4100);
    assert_eq!(simulator.requests().len(), 4096);
}

#[test]
fn scripts() {
    let script = Script::from_json(
        r#"{"servers":{"a":{"answers":[
            {"json":null,"times":2},
            {"status":429,"headers":{"Retry-After":"7"},"body":"x"},
            {"raw":"HTTP/1.1 299 X\r\nContent-Length: 0\r\n\r\n"}
        ]},"b":{"idle":{}}}}"#,
    )
    .expect("a script");
    let simulator = Simulator::builder().script(script).start().expect("started");
    let request = get(PATH, "t");
    let answers: Vec<_> = (0..5).map(|_| ask(&simulator, &request)).map(|a| (a.0, a.2)).collect();
    let expected = [(200, "null"), (200, "null"), (429, "x"), (299, ""), (200, "{}")];
    assert_eq!(answers, expected.map(|(status, body)| (status, body.to_owned())));
    assert_eq!(ask(&simulator, &get("/v3/sources/b/command", "t")).2, "");
}

#[test]
fn scripts_that_are_refused_say_why() {
    let answer = |json: &str| format!(r#"{{"servers":{{"a":{{"answers":[{{}},{json}]}}}}}}"#);
    for (json, why) in [
        ("{".to_owned(), "line 1 column 1"),
        ("[]".into(), "line 1 column"),
        ("{}".into(), "missing field `servers`"),
        (r#"{"servers":{},"x":1}"#.into(), "unknown field `x`"),
        (r#"{"servers":{"a":{"x":1}}}"#.into(), "unknown field `x`"),
        (r#"{"servers":{"a":{},"a":{}}}"#.into(), "server a is there twice"),
        (r#"{"servers":{"":{}}}"#.into(), "id is empty"),
        (answer(r#"{"x":1}"#), "unknown field `x`"),
        (
            answer(r#"{"json":1,"body":"x"}"#),
            "server a, answer 2: json, body, raw, steps and silent exclude",
        ),
        (answer(r#"{"raw":"x","status":200}"#), "answer 2: raw, steps and silent have no status"),
        (answer(r#"{"silent":true,"headers":{"a":"b"}}"#), "steps and silent have no status"),
        (answer(r#"{"status":199}"#), "status must be from 200 to 599"),
        (answer(r#"{"status":600}"#), "status must be from 200 to 599"),
        (answer(r#"{"status":204,"body":"x"}"#), "status 204 has no body"),
        (answer(r#"{"times":0}"#), "times must be from 1"),
        (answer(r#"{"times":1000001}"#), "times must be from 1"),
        (answer(r#"{"headers":{"a b":"c"}}"#), "the header \"a b\" can't be sent"),
        (answer(r#"{"headers":{"a":"b\nc"}}"#), "the header \"a\" can't be sent"),
        (r#"{"servers":{"a":{"idle":{"status":1}}}}"#.into(), "server a, idle: status"),
        (answer(r#"{"steps":["reset"],"raw":"x"}"#), "raw, steps and silent exclude"),
        (answer(r#"{"steps":["reset"],"status":200}"#), "raw, steps and silent have no status"),
        (answer(r#"{"steps":["explode"]}"#), "unknown variant `explode`"),
        (answer(r#"{"steps":[{"dribble":{"text":"x","pause":1}}]}"#), "unknown field `pause`"),
        (answer(r#"{"steps":[{"pause_ms":60001}]}"#), "answer 2: a pause is at most 60000 ms"),
        (answer(r#"{"steps":[{"send_hex":"0"}]}"#), "two hexadecimal digits"),
        (answer(r#"{"steps":[{"send_hex":"+f"}]}"#), "two hexadecimal digits"),
        (answer(r#"{"steps":[{"repeat":{"text":""}}]}"#), "nothing can't be repeated"),
        (r#"{"servers":{},"on_accept":[{"pause_ms":60001}]}"#.into(), "on_accept: a pause is"),
        (r#"{"servers":{},"trickle_ms":60001}"#.into(), "trickle_ms: a pause is"),
        (r#"{"servers":{},"certificate":"forged"}"#.into(), "unknown variant `forged`"),
    ] {
        let error = Script::from_json(&json).expect_err(&json).to_string();
        assert!(error.contains(why), "{json}: {error}");
    }
}
