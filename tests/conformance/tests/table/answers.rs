//! Rows about the bytes of an answer.

use std::time::Duration;

use huaweicloud_sms_simulator::{Answer, Step};

use crate::row::{Row, World, differing, row};

/// A body that is a whole command.
const START: &str = r#"{"command_name":"START","command_param":{"task_id":"t"}}"#;
/// Its beginning.
const CUT: &str = r#"{"command_name":"STA"#;
const OK: &str = "HTTP/1.1 200 OK\r\n";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

const ENDS_ANYHOW: &str = "ureq takes any end of TCP for the body's; a body cut short is no JSON";
const UNMETERED: &str = "the clients read them away; our own connections are metered";
const LAST_LINE: &str = "ureq does not wait for the line end behind the last chunk";

/// A whole and honest answer.
pub(crate) fn whole(name: &str) -> String {
    let body = format!(r#"{{"command_name":"{name}"}}"#);
    format!("{OK}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// The same, of so many bytes.
pub(crate) fn long(name: &str, bytes: usize) -> String {
    let short = whole(name).len();
    let body = format!(r#"{{{:1$}"command_name":"{name}"}}"#, "", bytes - short);
    format!("{OK}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// The command under these status line and headers, with its length.
fn under(head: &str) -> String {
    format!("{head}Content-Length: {}\r\n\r\n{START}", START.len())
}

fn send(bytes: impl Into<Vec<u8>>) -> Step {
    Step::send(bytes)
}

fn answer(steps: impl IntoIterator<Item = Step>) -> World {
    World::Answer(Answer::steps(steps))
}

/// Bytes, then an orderly end.
fn raw(bytes: impl Into<Vec<u8>>) -> World {
    answer([send(bytes)])
}

fn over_tls(steps: impl IntoIterator<Item = Step>) -> World {
    World::TlsAnswer(Answer::steps(steps))
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

pub(crate) fn rows() -> Vec<Row> {
    [honest(), ends(), lengths(), chunks(), heads(), informational(), slow(), encoded()]
        .into_iter()
        .flatten()
        .collect()
}

/// What is unusual and right.
fn honest() -> Vec<Row> {
    vec![
        row("an answer", raw(under(OK)), "command START"),
        row("HTTP/1.0 with a length", raw(under("HTTP/1.0 200 OK\r\n")), "command START"),
        row(
            "HTTP/1.0 until the end",
            raw(format!("HTTP/1.0 200 OK\r\n\r\n{START}")),
            "command START",
        ),
        row("lines that end in LF", raw(under(OK).replace("\r\n", "\n")), "command START"),
        row("an empty line before the answer", raw(format!("\r\n{}", under(OK))), "command START"),
        row("no reason phrase", raw(under("HTTP/1.1 200\r\n")), "command START"),
        row("status 204 with a body", raw(whole("DELETE").replace("200 OK", "204 No")), "nothing"),
        row(
            "status 304 with a body",
            raw(whole("DELETE").replace("200 OK", "304 No")),
            "status 304",
        ),
        row("status 999", raw(under("HTTP/1.1 999 No\r\n")), "status 999"),
        row("an empty body", raw(format!("{OK}Content-Length: 0\r\n\r\n")), "nothing"),
    ]
}

/// Where the connection ends.
fn ends() -> Vec<Row> {
    let in_head = || send("HTTP/1.1 200 OK\r\nContent-");
    let in_body = || send(format!("{OK}Content-Length: 100\r\n\r\n{START}"));
    let behind_head = || send(format!("{OK}Content-Length: 100\r\n\r\n"));
    let until_end = |body: &str| send(format!("{OK}\r\n{body}"));
    vec![
        row("closed before the head", answer([Step::Close]), "closed"),
        row("reset before the head", answer([Step::Reset]), "closed"),
        row("closed in the head", answer([in_head(), Step::Close]), "closed"),
        row("reset in the head", answer([in_head(), Step::Reset]), "closed"),
        row("closed behind the head", answer([behind_head(), Step::Close]), "closed"),
        row("reset behind the head", answer([behind_head(), Step::Reset]), "closed"),
        row("closed in a body with a length", answer([in_body(), Step::Close]), "closed"),
        row("reset in a body with a length", answer([in_body(), Step::Reset]), "closed"),
        row("closed behind a body without length", answer([until_end(START)]), "command START"),
        row("closed in a body without length", answer([until_end(CUT)]), "no answer"),
        differing(
            "reset behind a body without length",
            answer([until_end(START), Step::Reset]),
            "command START",
            "closed",
            ENDS_ANYHOW,
        ),
        differing(
            "reset in a body without length",
            answer([until_end(CUT), Step::Reset]),
            "no answer",
            "closed",
            ENDS_ANYHOW,
        ),
        row("closed in place of a body", answer([until_end("")]), "closed"),
        row("reset in place of a body", answer([until_end(""), Step::Reset]), "closed"),
        row("TLS cut in place of a body", over_tls([until_end(""), Step::Cut]), "closed"),
        row("an error without length or body", raw("HTTP/1.0 502 Bad\r\n\r\n"), "status 502"),
        row("status 204 without length", raw("HTTP/1.1 204 No\r\n\r\n"), "nothing"),
        row(
            "TLS cut behind a body with a length",
            over_tls([send(under(OK)), Step::Cut]),
            "command START",
        ),
        row("TLS cut in a body with a length", over_tls([in_body(), Step::Cut]), "closed"),
        row("TLS cut in the head", over_tls([in_head(), Step::Cut]), "closed"),
        differing(
            "TLS cut behind a body without length",
            over_tls([until_end(START), Step::Cut]),
            "command START",
            "closed",
            ENDS_ANYHOW,
        ),
        differing(
            "TLS cut in a body without length",
            over_tls([until_end(CUT), Step::Cut]),
            "no answer",
            "closed",
            ENDS_ANYHOW,
        ),
    ]
}

fn lengths() -> Vec<Row> {
    let with = |lengths: &str| raw(format!("{OK}{lengths}\r\n\r\n{START}"));
    let length = START.len();
    let once = format!("Content-Length: {length}");
    vec![
        row(
            "a length that is too small",
            raw(format!("{OK}Content-Length: 2\r\n\r\n{{}}{}", whole("DELETE"))),
            "nothing",
        ),
        row("the same length twice", with(&format!("{once}\r\n{once}")), "command START"),
        row("the same length twice in a line", with(&format!("{once}, {length}")), "command START"),
        row("two lengths", with(&format!("{once}\r\nContent-Length: 2")), "protocol"),
        row("a length with a sign", with("Content-Length: +56"), "protocol"),
        row("a negative length", with("Content-Length: -1"), "protocol"),
        row("a length that is no number", with("Content-Length: many"), "protocol"),
        row("a length over 64 bits", with("Content-Length: 18446744073709551616"), "protocol"),
        // Nothing more comes: who waited for it would end in a timeout.
        row(
            "a length of 10 GiB",
            answer([send(format!("{OK}Content-Length: 10737418240\r\n\r\n{{}}")), Step::Hold]),
            "too large body",
        ),
        row(
            "a length and chunks",
            raw(format!(
                "{OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n",
                chunk(START)
            )),
            "command START",
        ),
        row(
            "an unknown transfer coding",
            raw(format!("{OK}Transfer-Encoding: other\r\n\r\n{START}")),
            "command START",
        ),
        row(
            "no length and no end",
            answer([send(format!("{OK}\r\n")), Step::forever(" ".repeat(4096))]),
            "too large body",
        ),
    ]
}

fn chunks() -> Vec<Row> {
    let chunked = |chunks: &str| format!("{CHUNKED}{chunks}");
    let (all, last) = (chunk(START), "0\r\n\r\n");
    let extended = |extension: &str| {
        raw(chunked(&format!("{:x};{extension}\r\n{START}\r\n{last}", START.len())))
    };
    vec![
        row(
            "chunks",
            raw(chunked(&format!("{}{}{last}", chunk(CUT), chunk(&START[CUT.len()..])))),
            "command START",
        ),
        row("a chunk size that is no number", raw(chunked("x\r\n{}\r\n")), "protocol"),
        row("a chunk longer than its size", raw(chunked("2\r\n{}xy\r\n0\r\n\r\n")), "protocol"),
        row("a chunk size over 64 bits", raw(chunked("fffffffffffffffff\r\n{}")), "protocol"),
        differing(
            "a chunk size without end",
            answer([send(CHUNKED), Step::forever("1")]),
            "closed",
            "protocol",
            "to ureq it is the same as an end within it",
        ),
        differing(
            "a chunk size of megabytes of zeros",
            answer([send(CHUNKED), Step::repeat("0".repeat(100), 20_000), Step::Hold]),
            "closed",
            "too large body",
            "",
        )
        .callers("closed | timeout body", UNMETERED),
        row("closed in a chunk", raw(chunked("38\r\n{}")), "closed"),
        row("reset in a chunk", answer([send(chunked("38\r\n{}")), Step::Reset]), "closed"),
        row("closed before the last chunk", raw(chunked(&all)), "closed"),
        row("reset before the last chunk", answer([send(chunked(&all)), Step::Reset]), "closed"),
        row("TLS cut before the last chunk", over_tls([send(chunked(&all)), Step::Cut]), "closed"),
        differing(
            "closed within the end of the last chunk",
            raw(chunked(&format!("{all}0\r\n"))),
            "command START",
            "closed",
            LAST_LINE,
        ),
        row("a short chunk extension", extended("a=b"), "command START"),
        differing(
            "a chunk extension of 40 bytes",
            extended(&"x".repeat(40)),
            "protocol",
            "command START",
            "ureq takes 20 characters for a chunk's size line",
        ),
        row("a chunk extension of 100 KiB", extended(&"x".repeat(100 * 1024)), "protocol"),
        row("a trailer", raw(chunked(&format!("{all}0\r\nx: y\r\n\r\n"))), "command START"),
        differing(
            "20,000 trailers",
            raw(chunked(&format!(
                "{all}0\r\n{}\r\n",
                "x: 0123456789012345678901234567890123456789\r\n".repeat(20_000)
            ))),
            "command START",
            "protocol",
            "ureq reads trailers away, within the time limit",
        ),
        row(
            "chunks without end",
            answer([send(CHUNKED), Step::forever(chunk(&" ".repeat(1000)))]),
            "too large body",
        ),
        row(
            "chunks of one byte without end",
            answer([send(CHUNKED), Step::forever(chunk(" ").repeat(1000))]),
            "too large body",
        ),
    ]
}

fn heads() -> Vec<Row> {
    let with = |header: &[u8]| raw([OK.as_bytes(), header, b"\r\n", under("").as_bytes()].concat());
    let headers = |count: usize| {
        // One more is the length.
        let lines: String = (1..count).map(|index| format!("x-{index}: y\r\n")).collect();
        raw(under(&format!("{OK}{lines}")))
    };
    vec![
        row("not HTTP", raw("SSH-2.0-OpenSSH_9.2\r\n\r\n"), "protocol"),
        row("a TLS alert", raw("\x15\x03\x01\x00\x02\x02\x50\r\n\r\n"), "protocol"),
        row("a status that is no number", raw(under("HTTP/1.1 abc OK\r\n")), "protocol"),
        row("status 099", raw(under("HTTP/1.1 099 OK\r\n")), "protocol"),
        row("status 1000", raw(under("HTTP/1.1 1000 OK\r\n")), "protocol"),
        row("HTTP/1.2", raw(under("HTTP/1.2 200 OK\r\n")), "protocol"),
        row("HTTP/2.0 as text", raw(under("HTTP/2.0 200 OK\r\n")), "protocol"),
        row("a header without colon", with(b"bad header"), "protocol"),
        row("space before a header's colon", with(b"x : y"), "protocol"),
        row("a folded header", with(b"x: y\r\n z"), "protocol"),
        row("NUL in a header", with(b"x: a\0b"), "protocol"),
        row("a bare CR in a header", with(b"x: a\rb"), "protocol"),
        row("a header that is Latin-1", with(b"x: caf\xe9"), "command START"),
        row("a header that is not UTF-8", with(b"x: \xff\xfe"), "command START"),
        row("100 headers", headers(100), "command START"),
        row("101 headers", headers(101), "too large head"),
        row("129 headers", headers(129), "too large head"),
        row(
            "100 headers of 1 KiB",
            raw(under(&format!("{OK}{}", format!("x: {}\r\n", "y".repeat(1024)).repeat(100)))),
            "too large head",
        ),
        row(
            "a header of 32 KiB",
            with(format!("x: {}", "y".repeat(32 * 1024)).as_bytes()),
            "command START",
        ),
        row(
            "a header of 64 KiB",
            with(format!("x: {}", "y".repeat(64 * 1024)).as_bytes()),
            "too large head",
        ),
        row(
            "a header of 1 MiB",
            with(format!("x: {}", "y".repeat(1024 * 1024)).as_bytes()),
            "too large head",
        ),
        row(
            "a head without end",
            answer([send(format!("{OK}x: ")), Step::forever("y".repeat(4096))]),
            "too large head",
        ),
    ]
}

/// What comes before an answer.
fn informational() -> Vec<Row> {
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    vec![
        row(
            "100 before the answer",
            raw(format!("HTTP/1.1 100 Continue\r\n\r\n{}", under(OK))),
            "command START",
        ),
        differing(
            "100 with a header before the answer",
            raw(format!("HTTP/1.1 100 Continue\r\nx: y\r\n\r\n{}", under(OK))),
            "protocol",
            "command START",
            "ureq takes no headers with a 100",
        ),
        row("103 before the answer", raw(format!("{hints}{}", under(OK))), "command START"),
        row(
            "1000 times 103 before the answer",
            raw(format!("{}{}", hints.repeat(1000), under(OK))),
            "command START",
        ),
        row(
            "megabytes of 103",
            answer([Step::repeat(hints, 50_000), Step::Hold]),
            "too large head",
        )
        .callers("too large head | timeout head", UNMETERED),
        row(
            "101 that nobody asked for",
            raw(format!(
                "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n{}",
                whole("DELETE")
            )),
            "status 101",
        ),
    ]
}

fn slow() -> Vec<Row> {
    let short = Duration::from_millis(1);
    // Always something within the time of a single read, and never enough.
    let drip = || Step::dribble("x".repeat(6000), Duration::from_millis(20));
    let begun = || send(format!("{OK}Content-Length: 6000\r\n\r\n{{"));
    vec![
        row("silence after the request", answer([Step::Hold]), "timeout head"),
        row("silence in the head", answer([send(OK), Step::Hold]), "timeout head"),
        row("silence in the body", answer([begun(), Step::Hold]), "timeout body"),
        row(
            "silence behind a chunk",
            answer([send(format!("{CHUNKED}{}", chunk(START))), Step::Hold]),
            "timeout body",
        ),
        row(
            "a head byte by byte, too slow",
            answer([send(format!("{OK}x: ")), drip()]),
            "timeout head",
        ),
        row("a body byte by byte, too slow", answer([begun(), drip()]), "timeout body"),
        row(
            "an answer byte by byte, in time",
            answer([Step::dribble(under(OK), short)]),
            "command START",
        ),
    ]
}

/// Neither client was asked to decode.
fn encoded() -> Vec<Row> {
    let head =
        |coding: &str, length: usize| format!("{OK}{coding}Content-Length: {length}\r\n\r\n");
    let bomb = bomb();
    let with = |coding: &str| raw([head(coding, bomb.len()).into_bytes(), bomb.clone()].concat());
    vec![
        row("a gzip bomb with its label", with("Content-Encoding: gzip\r\n"), "no answer"),
        row("a gzip bomb without label", with(""), "no answer"),
    ]
}

/// 8 MiB of spaces as gzip of 52 KiB, in one block of fixed codes: a space, then copies of 258.
fn bomb() -> Vec<u8> {
    const COPIES: usize = 8 * 1024 * 1024 / 258;
    let mut bits: Vec<bool> = Vec::new();
    let mut code = |value: u32, width: u32| {
        // Huffman codes begin with their highest bit.
        bits.extend((0..width).rev().map(|bit| (value >> bit) & 1 == 1));
    };
    // The last block (1), with fixed codes (1, sent from its lowest bit).
    code(0b110, 3);
    code(0x30 + u32::from(b' '), 8);
    for _ in 0..COPIES {
        // Length 258 is symbol 285, without more bits; distance 1 is symbol 0.
        code(0b1100_0101, 8);
        code(0, 5);
    }
    code(0, 7);
    let mut gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\xff".to_vec();
    gzip.extend(bits.chunks(8).map(|byte| {
        byte.iter().enumerate().fold(0, |sum, (index, bit)| sum | u8::from(*bit) << index)
    }));
    let size = 1 + 258 * COPIES;
    gzip.extend(crc(size).to_le_bytes());
    gzip.extend(u32::try_from(size).expect("8 MiB").to_le_bytes());
    gzip
}

/// The CRC-32 of that many spaces.
fn crc(count: usize) -> u32 {
    // Of one byte more, from each state, by table.
    let table: Vec<u32> = (0..256)
        .map(|index| (0..8).fold(index, |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1))))
        .collect();
    let next = |crc: u32, _| {
        let [low, ..] = crc.to_le_bytes();
        table[usize::from(low ^ b' ')] ^ (crc >> 8)
    };
    !(0..count).fold(u32::MAX, next)
}
