//! Tests of HTTP/1.1, valid, unusual and malformed.

use std::{io::Write, net::Ipv6Addr};

use huaweicloud_sms_simulator::{Answer, Script, Simulator};

use crate::{PATH, Response, closing, connect, get, started, whole, with_server};

#[test]
fn pipelined_requests_are_answered_in_order() {
    let simulator = with_server(Script::new());
    let mut stream = connect(&simulator);
    let post = "POST /x HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody";
    stream.write_all(format!("{post}{}", get(PATH, "t")).as_bytes()).expect("sent");
    assert_eq!(Response::read(&mut stream).status, 404);
    assert_eq!(Response::read(&mut stream).status, 200);
    assert_eq!(simulator.requests()[0].body, b"body");
}

#[test]
fn connections_close_when_the_request_says_so() {
    let simulator = with_server(Script::new());
    for request in [
        get(PATH, "t").replace("Host: h", "Host: h\r\nConnection: Close"),
        get(PATH, "t").replace("HTTP/1.1", "HTTP/1.0"),
    ] {
        let all = whole(&simulator, &request);
        assert!(all.starts_with("HTTP/1.1 200 OK\r\n") && all.contains("connection: close"));
    }
}

#[test]
fn connections_close_when_the_answer_says_so() {
    let answer = Answer::command("STOP", None).header("Connection", "close");
    let simulator = started(Script::new().server("a", [answer]));
    let get = get(PATH, "t");
    let all = whole(&simulator, &format!("{get}{get}"));
    assert_eq!(all.matches("HTTP/1.1 ").count(), 1, "{all}");
}

#[test]
fn malformed_requests_are_rejected() {
    let simulator = with_server(Script::new());
    let post = |header: &str| format!("POST / HTTP/1.1\r\n{header}\r\n\r\n");
    for (request, status) in [
        ("garbage\r\n\r\n".to_owned(), 400),
        (format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(70_000)), 431),
        (post("Transfer-Encoding: chunked"), 411),
        (post("Content-Length: 2000000"), 413),
        (post("Content-Length: x"), 400),
        (post("Content-Length: +1"), 400),
        (post("Content-Length: 1\r\nContent-Length: 2"), 400),
    ] {
        let all = whole(&simulator, &request);
        assert!(all.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {all}");
    }
}

#[test]
fn rejected_requests_are_recorded_as_far_as_they_were_read() {
    let simulator = with_server(Script::new());
    let request = "POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert!(whole(&simulator, request).starts_with("HTTP/1.1 411 "));
    let recorded = &simulator.requests()[0];
    assert_eq!((recorded.method.as_str(), recorded.target.as_str()), ("POST", "/x"));
    assert_eq!((recorded.status, recorded.head.as_slice()), (411, request.as_bytes()));
    assert_eq!(recorded.headers, [("Transfer-Encoding".to_owned(), b"chunked".to_vec())]);
}

#[test]
fn the_response_to_head_has_no_body() {
    let simulator = with_server(Script::new());
    let head = get(PATH, "t").replace("GET", "HEAD");
    let all = whole(&simulator, &format!("{head}{}", closing()));
    let (head, rest) = all.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 404 ") && head.contains("content-length: 1"), "{all}");
    assert!(rest.starts_with("HTTP/1.1 200 OK\r\n"), "{all}");
}

#[test]
fn empty_lines_before_a_request_and_bare_line_feeds_are_accepted() {
    let simulator = with_server(Script::new());
    for request in [format!("\r\n\r\n{}", closing()), closing().replace("\r\n", "\n")] {
        let all = whole(&simulator, &format!("{request}{}", get(PATH, "t")));
        assert!(all.starts_with("HTTP/1.1 200 OK\r\n"), "{all}");
    }
    assert_eq!(simulator.request_count(), 2);
}

#[test]
fn serves_over_ipv6() {
    let address = (Ipv6Addr::LOCALHOST, 0).into();
    // Not every machine has IPv6.
    if std::net::TcpListener::bind(address).is_err() {
        return;
    }
    let script = Script::new().server("a", []);
    let simulator = Simulator::builder().listen(address).script(script).start().expect("started");
    assert_eq!(simulator.url(), format!("http://[::1]:{}", simulator.addr().port()));
    assert!(whole(&simulator, &closing()).starts_with("HTTP/1.1 200 "));
}
