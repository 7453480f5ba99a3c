//! What a careless client, observer or script does, and what must come of it.

use std::{
    io::{Read, Write},
    net::{Ipv6Addr, SocketAddr, TcpStream},
    thread,
    time::Duration,
};

use huaweicloud_sms_simulator::{Answer, Script, Simulator};

const LONG: Duration = Duration::from_secs(10);
const GET: &str = "GET /v3/sources/a/command HTTP/1.1\r\nHost: h\r\nX-Auth-Token: t\r\n\
                   Content-Type: application/json\r\n\r\n";

fn connect(simulator: &Simulator) -> TcpStream {
    let stream = TcpStream::connect(simulator.addr()).expect("listening");
    stream.set_read_timeout(Some(LONG)).expect("a limit");
    stream
}

fn started(answers: impl IntoIterator<Item = Answer>) -> Simulator {
    Simulator::builder().script(Script::new().server("a", answers)).start().expect("started")
}

/// Everything the service sends until it closes the connection.
fn whole(simulator: &Simulator, request: &str) -> String {
    let mut stream = connect(simulator);
    stream.write_all(request.as_bytes()).expect("sent");
    let mut all = String::new();
    stream.read_to_string(&mut all).expect("closed in time");
    all
}

/// A last request, after whose answer the connection closes.
fn closing() -> String {
    GET.replace("Host: h", "Host: h\r\nConnection: close")
}

#[test]
fn a_panicking_observer_ends_its_connection_only() {
    let simulator = Simulator::builder()
        .script(Script::example())
        .on_request(|request| assert_eq!(request.status, 404, "this panic is part of the test"))
        .start()
        .expect("started");
    let path = "/v3/sources/f32ab4d6-d150-4fb3-aa55-edbb5cf9947f/command";
    // More than there may be connections at once: none of them keeps its place.
    for _ in 0..260 {
        assert_eq!(whole(&simulator, &GET.replace("/v3/sources/a/command", path)), "");
    }
    assert_eq!((simulator.request_count(), simulator.requests().len()), (260, 260));
    assert!(whole(&simulator, &closing()).contains("SMS.7602"));
}

#[test]
fn an_answer_to_head_has_no_body() {
    let simulator = started([]);
    let all = whole(&simulator, &format!("{}{}", GET.replace("GET", "HEAD"), closing()));
    let (head, rest) = all.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 404 ") && head.contains("content-length: 1"), "{all}");
    assert!(rest.starts_with("HTTP/1.1 200 OK\r\n"), "{all}");
}

#[test]
fn heads_end_where_the_parser_says() {
    let simulator = started([]);
    for request in [format!("\r\n\r\n{}", closing()), closing().replace("\r\n", "\n")] {
        let all = whole(&simulator, &format!("{request}{GET}"));
        assert!(all.starts_with("HTTP/1.1 200 OK\r\n"), "{all}");
    }
    assert_eq!(simulator.request_count(), 2);
}

#[test]
fn lengths_that_contradict_are_refused() {
    let simulator = started([]);
    for lengths in ["Content-Length: 1\r\nContent-Length: 2", "Content-Length: +1"] {
        let all = whole(&simulator, &GET.replace("Host: h", lengths));
        assert!(all.starts_with("HTTP/1.1 400 "), "{lengths}: {all}");
    }
}

#[test]
fn refused_requests_are_recorded_as_far_as_they_were_read() {
    let simulator = started([]);
    let request = "POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert!(whole(&simulator, request).starts_with("HTTP/1.1 411 "));
    let recorded = &simulator.requests()[0];
    assert_eq!((recorded.method.as_str(), recorded.target.as_str()), ("POST", "/x"));
    assert_eq!((recorded.status, recorded.head.as_slice()), (411, request.as_bytes()));
    assert_eq!(recorded.headers, [("Transfer-Encoding".to_owned(), b"chunked".to_vec())]);
}

#[test]
fn an_answer_that_says_close_is_the_last() {
    let simulator = started([Answer::command("STOP", None).header("Connection", "close")]);
    let all = whole(&simulator, &format!("{GET}{GET}"));
    assert_eq!(all.matches("HTTP/1.1 ").count(), 1, "{all}");
}

#[test]
fn media_types_have_no_case() {
    let simulator = started([]);
    let all = whole(&simulator, &closing().replace("application/json", "Application/JSON"));
    assert!(all.starts_with("HTTP/1.1 200 "), "{all}");
}

#[test]
fn waiting_ends_with_the_request() {
    let simulator = started([]);
    assert!(!simulator.wait_for_requests(1, Duration::ZERO));
    thread::scope(|scope| {
        // As long as it takes: no moment lies that far ahead.
        let waits = scope.spawn(|| simulator.wait_for_requests(1, Duration::MAX));
        whole(&simulator, &closing());
        assert!(waits.join().expect("no panic"));
    });
}

#[test]
fn stopping_ends_idle_connections_and_listening() {
    let mut simulator = started([]);
    let (addr, mut idle) = (simulator.addr(), connect(&simulator));
    idle.write_all(GET.as_bytes()).expect("sent");
    assert!(simulator.wait_for_requests(1, LONG));
    simulator.stop();
    simulator.stop();
    let mut rest = Vec::new();
    // What is left of the answer, then the end; a reset is one too.
    let _ = idle.read_to_end(&mut rest);
    assert!(TcpStream::connect(addr).is_err());
    assert_eq!(simulator.request_count(), 1);
}

#[test]
fn over_ipv6() {
    let here = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
    // Not every machine has IPv6.
    if std::net::TcpListener::bind(here).is_err() {
        return;
    }
    let script = Script::new().server("a", []);
    let simulator = Simulator::builder().listen(here).script(script).start().expect("started");
    assert_eq!(simulator.url(), format!("http://[::1]:{}", simulator.addr().port()));
    assert!(whole(&simulator, &closing()).starts_with("HTTP/1.1 200 "));
}

#[test]
fn the_readmes_script_does_what_it_says() {
    let readme = include_str!("../README.md");
    let json = readme.split("```json\n").nth(1).and_then(|rest| rest.split("```").next());
    let script = Script::from_json(json.expect("an example")).expect("a script");
    let simulator = Simulator::builder().script(script).start().expect("started");
    let request = closing().replace("/a/", "/f32ab4d6-d150-4fb3-aa55-edbb5cf9947f/");
    for (start, end) in [
        ("HTTP/1.1 200 ", r#"{"command_name":"START","command_param":{"task_id":"2c06"}}"#),
        ("HTTP/1.1 200 ", r#"{"command_name":"START","command_param":{"task_id":"2c06"}}"#),
        ("HTTP/1.1 429 ", r#"{"error_code":"APIGW.0308","error_msg":"Too many requests."}"#),
        ("HTTP/1.1 200 ", "<html>login</html>"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\ncut", ""),
    ] {
        let all = whole(&simulator, &request);
        assert!(all.starts_with(start) && all.ends_with(end), "{all}");
    }
    let mut reset = connect(&simulator);
    reset.write_all(request.as_bytes()).expect("sent");
    let mut all = Vec::new();
    reset.read_to_end(&mut all).expect_err("reset");
    assert_eq!(all, b"HTTP/1.1 200 OK\r\n\xff");
    let mut silent = connect(&simulator);
    silent.write_all(request.as_bytes()).expect("sent");
    assert!(simulator.wait_for_requests(7, LONG));
    assert!(whole(&simulator, &request).ends_with("\r\n\r\n{}"));
}
