//! Rows about the bytes of a response.

use std::time::Duration;

use huaweicloud_sms_simulator::{Answer, Step};

use crate::{
    gzip_bomb::gzip_bomb,
    outcome::{
        Outcome::{NoCommand, Status, Unreadable},
        START, error,
    },
    row::{Row, Scenario, row},
};

/// A body that is a whole command.
const BODY: &str = r#"{"command_name":"START","command_param":{"task_id":"t"}}"#;
/// The beginning of such a body.
const CUT: &str = r#"{"command_name":"STA"#;
const OK: &str = "HTTP/1.1 200 OK\r\n";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

const ENDS_ANYHOW: &str =
    "ureq takes any end of TCP for the end of the body; a truncated body is not valid JSON";
const UNMETERED: &str = "only the timeout limits how much the client skips";
const SIZE_LINE: &str = "ureq allows 20 characters in the line of a chunk's size";
const LAST_LINE: &str = "ureq does not wait for the end of the line behind the last chunk";

/// Returns a complete response with this command.
pub(crate) fn whole(name: &str) -> String {
    let body = format!(r#"{{"command_name":"{name}"}}"#);
    format!("{OK}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// Returns a complete response of `bytes` bytes.
pub(crate) fn long(name: &str, bytes: usize) -> String {
    let short = whole(name).len();
    let body = format!(r#"{{{:1$}"command_name":"{name}"}}"#, "", bytes - short);
    format!("{OK}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// Returns a response with this status line, these headers, a length and `BODY`.
fn under(head: &str) -> String {
    format!("{head}Content-Length: {}\r\n\r\n{BODY}", BODY.len())
}

fn send(bytes: impl Into<Vec<u8>>) -> Step {
    Step::send(bytes)
}

fn response(steps: impl IntoIterator<Item = Step>) -> Scenario {
    Scenario::Response(Answer::steps(steps))
}

/// The server sends these bytes, then closes the connection.
fn raw(bytes: impl Into<Vec<u8>>) -> Scenario {
    response([send(bytes)])
}

fn over_tls(steps: impl IntoIterator<Item = Step>) -> Scenario {
    Scenario::TlsResponse(Answer::steps(steps))
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

pub(crate) fn rows() -> Vec<Row> {
    [valid(), ends(), errors(), lengths(), chunks(), heads(), informational(), slow(), encoded()]
        .into_iter()
        .flatten()
        .collect()
}

/// Rows about valid responses, some of them unusual.
fn valid() -> Vec<Row> {
    vec![
        row("a response", raw(under(OK)), START),
        row("HTTP/1.0 with a length", raw(under("HTTP/1.0 200 OK\r\n")), START),
        row("HTTP/1.0 until the end", raw(format!("HTTP/1.0 200 OK\r\n\r\n{BODY}")), START),
        row("lines that end in LF", raw(under(OK).replace("\r\n", "\n")), START),
        row("an empty line before the response", raw(format!("\r\n{}", under(OK))), START),
        row("no reason phrase", raw(under("HTTP/1.1 200\r\n")), START),
        row("status 204 with a body", raw(whole("DELETE").replace("200 OK", "204 No")), NoCommand),
        row(
            "status 304 with a body",
            raw(whole("DELETE").replace("200 OK", "304 No")),
            Status(304),
        ),
        row("status 999", raw(under("HTTP/1.1 999 No\r\n")), Status(999)),
        row("an empty body", raw(format!("{OK}Content-Length: 0\r\n\r\n")), NoCommand),
    ]
}

/// Rows about a connection that ends early.
fn ends() -> Vec<Row> {
    let in_head = || send("HTTP/1.1 200 OK\r\nContent-");
    let in_body = || send(format!("{OK}Content-Length: 100\r\n\r\n{BODY}"));
    let behind_head = || send(format!("{OK}Content-Length: 100\r\n\r\n"));
    let until_end = |body: &str| send(format!("{OK}\r\n{body}"));
    vec![
        row("closed before the head", response([Step::Close]), error("closed")),
        row("reset before the head", response([Step::Reset]), error("closed")),
        row("closed in the head", response([in_head(), Step::Close]), error("closed")),
        row("reset in the head", response([in_head(), Step::Reset]), error("closed")),
        row("closed behind the head", response([behind_head(), Step::Close]), error("closed")),
        row("reset behind the head", response([behind_head(), Step::Reset]), error("closed")),
        row("closed in a body with a length", response([in_body(), Step::Close]), error("closed")),
        row("reset in a body with a length", response([in_body(), Step::Reset]), error("closed")),
        row("closed behind a body without length", response([until_end(BODY)]), START),
        row("closed in a body without length", response([until_end(CUT)]), Unreadable),
        row(
            "reset behind a body without length",
            response([until_end(BODY), Step::Reset]),
            error("closed"),
        )
        .ureq(START, ENDS_ANYHOW),
        row(
            "reset in a body without length",
            response([until_end(CUT), Step::Reset]),
            error("closed"),
        )
        .ureq(Unreadable, ENDS_ANYHOW),
        row("closed in place of a body", response([until_end("")]), error("closed")),
        row("reset in place of a body", response([until_end(""), Step::Reset]), error("closed")),
        row("TLS cut in place of a body", over_tls([until_end(""), Step::Cut]), error("closed")),
        row("an error without length or body", raw("HTTP/1.0 502 Bad\r\n\r\n"), Status(502)),
        row("status 204 without length", raw("HTTP/1.1 204 No\r\n\r\n"), NoCommand),
        row("TLS cut behind a body with a length", over_tls([send(under(OK)), Step::Cut]), START),
        row("TLS cut in a body with a length", over_tls([in_body(), Step::Cut]), error("closed")),
        row("TLS cut in the head", over_tls([in_head(), Step::Cut]), error("closed")),
        row(
            "TLS cut behind a body without length",
            over_tls([until_end(BODY), Step::Cut]),
            error("closed"),
        )
        .ureq(START, ENDS_ANYHOW),
        row(
            "TLS cut in a body without length",
            over_tls([until_end(CUT), Step::Cut]),
            error("closed"),
        )
        .ureq(Unreadable, ENDS_ANYHOW),
    ]
}

/// Rows about the status of an error. The transport returns it even if the body fails.
fn errors() -> Vec<Row> {
    let head = |headers: &str| format!("HTTP/1.1 401 No\r\n{headers}\r\n");
    let in_body = || send(format!("{}{CUT}", head("Content-Length: 100\r\n")));
    let chunked =
        |chunks: &str| send(format!("{}{chunks}", head("Transfer-Encoding: chunked\r\n")));
    let forever = || Step::forever(" ".repeat(4096));
    let large = format!("{}{}", head("Content-Length: 100000\r\n"), " ".repeat(100_000));
    let over_length = |status: &str| raw(large.replace("401", status));
    vec![
        row("401 with a body over the limit", over_length("401"), Status(401)),
        row("302 with a body over the limit", over_length("302"), Status(302)),
        row("500 with a body over the limit", over_length("500"), Status(500)),
        row("401 without length and end", response([send(head("")), forever()]), Status(401)),
        row(
            "401 with a chunk without end",
            response([chunked("fffffff\r\n"), forever()]),
            Status(401),
        ),
        row("401 with a malformed chunk", response([chunked("x\r\n{}\r\n")]), Status(401)),
        row("401, closed in the body", response([in_body(), Step::Close]), Status(401)),
        row("401, reset in the body", response([in_body(), Step::Reset]), Status(401)),
        row("401, TLS cut in the body", over_tls([in_body(), Step::Cut]), Status(401)),
        row(
            "401, closed behind the head",
            response([send(head("Content-Length: 9\r\n")), Step::Close]),
            Status(401),
        ),
        row(
            "401, reset before the last chunk",
            response([chunked(&chunk(CUT)), Step::Reset]),
            Status(401),
        ),
        row("431 before the request is read", Scenario::LongRequest, Status(431))
            .own_client([Status(431), error("closed")], "the client may stop at its failed write"),
    ]
}

fn lengths() -> Vec<Row> {
    let with = |lengths: &str| raw(format!("{OK}{lengths}\r\n\r\n{BODY}"));
    let length = BODY.len();
    let once = format!("Content-Length: {length}");
    vec![
        row(
            "a length that is too small",
            raw(format!("{OK}Content-Length: 2\r\n\r\n{{}}{}", whole("DELETE"))),
            NoCommand,
        ),
        row("the same length twice", with(&format!("{once}\r\n{once}")), START),
        row("the same length twice in a line", with(&format!("{once}, {length}")), START),
        row("two lengths", with(&format!("{once}\r\nContent-Length: 2")), error("protocol")),
        row("a length with a sign", with("Content-Length: +56"), error("protocol")),
        row("a negative length", with("Content-Length: -1"), error("protocol")),
        row("a length that is no number", with("Content-Length: many"), error("protocol")),
        row(
            "a length over 64 bits",
            with("Content-Length: 18446744073709551616"),
            error("protocol"),
        ),
        // No more bytes follow. A client that waited for them would end in a timeout.
        row(
            "a length of 10 GiB",
            response([send(format!("{OK}Content-Length: 10737418240\r\n\r\n{{}}")), Step::Hold]),
            error("too large body"),
        ),
        row(
            "a length and chunks",
            raw(format!(
                "{OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n",
                chunk(BODY)
            )),
            START,
        ),
        row(
            "an unknown transfer coding",
            raw(format!("{OK}Transfer-Encoding: other\r\n\r\n{BODY}")),
            START,
        ),
        row(
            "no length and no end",
            response([send(format!("{OK}\r\n")), Step::forever(" ".repeat(4096))]),
            error("too large body"),
        ),
    ]
}

fn chunks() -> Vec<Row> {
    let chunked = |chunks: &str| format!("{CHUNKED}{chunks}");
    let (all, last) = (chunk(BODY), "0\r\n\r\n");
    let extended = |extension: &str| {
        raw(chunked(&format!("{:x};{extension}\r\n{BODY}\r\n{last}", BODY.len())))
    };
    vec![
        row(
            "chunks",
            raw(chunked(&format!("{}{}{last}", chunk(CUT), chunk(&BODY[CUT.len()..])))),
            START,
        ),
        row("a chunk size with a sign", raw(chunked(&format!("+{all}{last}"))), error("protocol"))
            .ureq(START, "ureq reads a number with a sign; the size is the same"),
        row("a chunk size with 20 zeros", raw(chunked(&format!("{:020}{all}{last}", 0))), START)
            .ureq(error("protocol"), SIZE_LINE),
        row(
            "chunks in HTTP/1.0",
            raw(chunked(&format!("{all}{last}")).replace("HTTP/1.1", "HTTP/1.0")),
            error("protocol"),
        ),
        row("a chunk size that is no number", raw(chunked("x\r\n{}\r\n")), error("protocol")),
        row(
            "a chunk longer than its size",
            raw(chunked("2\r\n{}xy\r\n0\r\n\r\n")),
            error("protocol"),
        ),
        row(
            "a chunk size over 64 bits",
            raw(chunked("fffffffffffffffff\r\n{}")),
            error("protocol"),
        ),
        row(
            "a chunk size without end",
            response([send(CHUNKED), Step::forever("1")]),
            error("protocol"),
        )
        .ureq(error("closed"), "ureq takes it for a connection that ended within the size"),
        row(
            "a chunk size of megabytes of zeros",
            response([send(CHUNKED), Step::repeat("0".repeat(100), 20_000), Step::Hold]),
            error("too large body"),
        )
        .ureq(error("closed"), "ureq takes it for a connection that ended within the size")
        .own_client([error("closed"), error("timeout body")], UNMETERED),
        row("closed in a chunk", raw(chunked("38\r\n{}")), error("closed")),
        row(
            "reset in a chunk",
            response([send(chunked("38\r\n{}")), Step::Reset]),
            error("closed"),
        ),
        row("closed before the last chunk", raw(chunked(&all)), error("closed")),
        row(
            "reset before the last chunk",
            response([send(chunked(&all)), Step::Reset]),
            error("closed"),
        ),
        row(
            "TLS cut before the last chunk",
            over_tls([send(chunked(&all)), Step::Cut]),
            error("closed"),
        ),
        row(
            "closed within the end of the last chunk",
            raw(chunked(&format!("{all}0\r\n"))),
            error("closed"),
        )
        .ureq(START, LAST_LINE),
        row("a short chunk extension", extended("a=b"), START),
        row("a chunk extension of 40 bytes", extended(&"x".repeat(40)), START)
            .ureq(error("protocol"), SIZE_LINE),
        row("a chunk extension of 100 KiB", extended(&"x".repeat(100 * 1024)), error("protocol")),
        row("a trailer", raw(chunked(&format!("{all}0\r\nx: y\r\n\r\n"))), START),
        row(
            "20,000 trailers",
            raw(chunked(&format!(
                "{all}0\r\n{}\r\n",
                "x: 0123456789012345678901234567890123456789\r\n".repeat(20_000)
            ))),
            error("protocol"),
        )
        .ureq(START, "ureq skips trailers until the timeout"),
        row(
            "chunks without end",
            response([send(CHUNKED), Step::forever(chunk(&" ".repeat(1000)))]),
            error("too large body"),
        ),
        row(
            "chunks of one byte without end",
            response([send(CHUNKED), Step::forever(chunk(" ").repeat(1000))]),
            error("too large body"),
        ),
    ]
}

fn heads() -> Vec<Row> {
    let with = |header: &[u8]| raw([OK.as_bytes(), header, b"\r\n", under("").as_bytes()].concat());
    let headers = |count: usize| {
        // `Content-Length` is one more header.
        let lines: String = (1..count).map(|index| format!("x-{index}: y\r\n")).collect();
        raw(under(&format!("{OK}{lines}")))
    };
    vec![
        row("not HTTP", raw("SSH-2.0-OpenSSH_9.2\r\n\r\n"), error("protocol")),
        row("a TLS alert", raw("\x15\x03\x01\x00\x02\x02\x50\r\n\r\n"), error("protocol")),
        row("a status that is no number", raw(under("HTTP/1.1 abc OK\r\n")), error("protocol")),
        row("status 099", raw(under("HTTP/1.1 099 OK\r\n")), error("protocol")),
        row("status 1000", raw(under("HTTP/1.1 1000 OK\r\n")), error("protocol")),
        row("HTTP/1.2", raw(under("HTTP/1.2 200 OK\r\n")), error("protocol")),
        row("HTTP/2.0 as text", raw(under("HTTP/2.0 200 OK\r\n")), error("protocol")),
        row("a header without colon", with(b"bad header"), error("protocol")),
        row("space before a header's colon", with(b"x : y"), error("protocol")),
        row("a folded header", with(b"x: y\r\n z"), error("protocol")),
        row("NUL in a header", with(b"x: a\0b"), error("protocol")),
        row("a bare CR in a header", with(b"x: a\rb"), error("protocol")),
        row("a header that is Latin-1", with(b"x: caf\xe9"), START),
        row("a header that is not UTF-8", with(b"x: \xff\xfe"), START),
        row("100 headers", headers(100), START),
        row("101 headers", headers(101), error("too large head")),
        row("129 headers", headers(129), error("too large head")),
        row(
            "100 headers of 1 KiB",
            raw(under(&format!("{OK}{}", format!("x: {}\r\n", "y".repeat(1024)).repeat(100)))),
            error("too large head"),
        ),
        row("a header of 32 KiB", with(format!("x: {}", "y".repeat(32 * 1024)).as_bytes()), START),
        row(
            "a header of 64 KiB",
            with(format!("x: {}", "y".repeat(64 * 1024)).as_bytes()),
            error("too large head"),
        ),
        row(
            "a header of 1 MiB",
            with(format!("x: {}", "y".repeat(1024 * 1024)).as_bytes()),
            error("too large head"),
        ),
        row(
            "a head without end",
            response([send(format!("{OK}x: ")), Step::forever("y".repeat(4096))]),
            error("too large head"),
        ),
    ]
}

/// Rows about interim responses.
fn informational() -> Vec<Row> {
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    vec![
        row(
            "100 before the response",
            raw(format!("HTTP/1.1 100 Continue\r\n\r\n{}", under(OK))),
            START,
        ),
        row(
            "100 with a header before the response",
            raw(format!("HTTP/1.1 100 Continue\r\nx: y\r\n\r\n{}", under(OK))),
            START,
        )
        .ureq(error("protocol"), "ureq accepts no headers with a 100"),
        row("103 before the response", raw(format!("{hints}{}", under(OK))), START),
        row(
            "1000 times 103 before the response",
            raw(format!("{}{}", hints.repeat(1000), under(OK))),
            START,
        ),
        row(
            "megabytes of 103",
            response([Step::repeat(hints, 50_000), Step::Hold]),
            error("too large head"),
        )
        .own_client([error("too large head"), error("timeout head")], UNMETERED),
        row(
            "an unsolicited 101",
            raw(format!(
                "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n{}",
                whole("DELETE")
            )),
            Status(101),
        ),
    ]
}

fn slow() -> Vec<Row> {
    let short = Duration::from_millis(1);
    // Each read gets its byte in time, but the response is not complete before the timeout.
    let drip = || Step::dribble("x".repeat(6000), Duration::from_millis(20));
    let begun = || send(format!("{OK}Content-Length: 6000\r\n\r\n{{"));
    vec![
        row("silence after the request", response([Step::Hold]), error("timeout head")),
        row("silence in the head", response([send(OK), Step::Hold]), error("timeout head")),
        row("silence in the body", response([begun(), Step::Hold]), error("timeout body")),
        row(
            "silence behind a chunk",
            response([send(format!("{CHUNKED}{}", chunk(BODY))), Step::Hold]),
            error("timeout body"),
        ),
        row(
            "a head byte by byte, too slow",
            response([send(format!("{OK}x: ")), drip()]),
            error("timeout head"),
        ),
        row("a body byte by byte, too slow", response([begun(), drip()]), error("timeout body")),
        row("a response byte by byte, in time", response([Step::dribble(under(OK), short)]), START),
    ]
}

/// Rows about encoded bodies. The transport returns them without decoding.
fn encoded() -> Vec<Row> {
    let head =
        |coding: &str, length: usize| format!("{OK}{coding}Content-Length: {length}\r\n\r\n");
    let bomb = gzip_bomb();
    let with = |coding: &str| raw([head(coding, bomb.len()).into_bytes(), bomb.clone()].concat());
    vec![
        row(
            "Content-Encoding: identity",
            raw(under(&format!("{OK}Content-Encoding: identity\r\n"))),
            START,
        ),
        row(
            "Content-Encoding: utf-8",
            raw(under(&format!("{OK}Content-Encoding: utf-8\r\n"))),
            START,
        ),
        row("a gzip bomb with its label", with("Content-Encoding: gzip\r\n"), Unreadable),
        row("a gzip bomb without label", with(""), Unreadable),
    ]
}
