//! One connection: reads requests and writes responses at the level of bytes.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    sync::Arc,
    time::Duration,
};

use http::{HeaderName, HeaderValue, StatusCode, header};
use rustls::{ServerConnection, StreamOwned};

use super::{
    service::ConnectionGuard,
    wire::{Batch, End, Wire},
};
use crate::{
    answer::{Reply, Step},
    request::Request,
    time::date::http_date,
};

const MAX_HEAD: usize = 64 * 1024;
const MAX_BODY: usize = 1024 * 1024;
const MAX_HEADERS: usize = 256;
const IDLE: Duration = Duration::from_secs(60);

/// Serves one connection until either side closes it.
pub(super) fn serve(tcp: &TcpStream, guard: &ConnectionGuard<'_>) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    tcp.set_read_timeout(Some(IDLE))?;
    tcp.set_write_timeout(Some(IDLE))?;
    let (trickle, on_accept) = {
        let script = &guard.service.state().script;
        (script.trickle, Arc::clone(&script.on_accept))
    };
    let batch = &Batch::default();
    let mut wire = Wire { tcp, trickle, batch, guard };
    let mut connection = Connection { stream: &mut wire, batch, unread: Vec::new(), guard };
    if let Some(end) = connection.run(&on_accept)? {
        return wire.end(end);
    }
    let Some(config) = guard.service.tls.clone() else {
        let end = connection.serve()?;
        return wire.end(end);
    };
    let tls = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(tls, wire);
    let end = Connection { stream: &mut stream, batch, unread: Vec::new(), guard }.serve()?;
    if end == End::Close {
        stream.conn.send_close_notify();
        stream.conn.complete_io(&mut stream.sock)?;
    }
    stream.sock.end(end)
}

struct Connection<'a, S> {
    stream: S,
    batch: &'a Batch,
    /// Bytes that were read but belong to the next request, if the client pipelines.
    unread: Vec<u8>,
    guard: &'a ConnectionGuard<'a>,
}

/// The reason why no request could be read.
enum NoRequest {
    /// The client closed the connection between requests, or it broke.
    Closed,
    /// It is not HTTP, or exceeds a limit. Holds the status, and the parts that could be parsed.
    Rejected(StatusCode, Box<Request>),
}

impl From<io::Error> for NoRequest {
    fn from(_: io::Error) -> Self {
        Self::Closed
    }
}

impl<S: Read + Write> Connection<'_, S> {
    /// Serves requests. Returns how to end the connection.
    fn serve(&mut self) -> io::Result<End> {
        loop {
            let (mut request, keep_alive) = match self.read_request() {
                Ok(read) => read,
                Err(NoRequest::Closed) => return Ok(End::Close),
                Err(NoRequest::Rejected(status, mut request)) => {
                    let request_id = self.guard.service.next_request_id();
                    request.status = status.as_u16();
                    self.guard.service.record(*request);
                    self.write_http(status, &[], b"", false, &request_id, false)?;
                    return Ok(End::Close);
                }
            };
            let request_id = self.guard.service.next_request_id();
            match self.guard.service.reply(&mut request, &request_id) {
                Reply::Http { status, headers, body } => {
                    request.status = status.as_u16();
                    let is_head = request.method == "HEAD";
                    self.guard.service.record(request);
                    let is_last = |(name, value): &(HeaderName, HeaderValue)| {
                        name == header::CONNECTION && says(value.as_bytes(), "close")
                    };
                    let keep_alive = keep_alive && !headers.iter().any(is_last);
                    self.write_http(status, &headers, &body, is_head, &request_id, keep_alive)?;
                    if !keep_alive {
                        return Ok(End::Close);
                    }
                }
                Reply::Steps(steps) => {
                    self.guard.service.record(request);
                    let goes_on = matches!(steps.last(), Some(Step::Continue));
                    match self.run(&steps)? {
                        None if goes_on => {}
                        end => return Ok(end.unwrap_or(End::Close)),
                    }
                }
            }
        }
    }

    /// Takes steps. Returns how to end the connection if a step ends it.
    fn run(&mut self, steps: &[Step]) -> io::Result<Option<End>> {
        for step in steps {
            match step {
                Step::Send(bytes) => self.send(bytes)?,
                Step::Records(pieces) => self.send_at_once(pieces, false)?,
                Step::HalfRecord(pieces) => self.send_at_once(pieces, true)?,
                Step::Dribble(bytes, pause) => {
                    for byte in bytes {
                        self.guard.service.pause(*pause)?;
                        self.send(&[*byte])?;
                    }
                }
                // An endless loop without a write would never notice that the client has gone.
                Step::Repeat(bytes, _) if bytes.is_empty() => {}
                Step::Repeat(bytes, times) => {
                    let mut sent = 0;
                    while times.is_none_or(|times| sent < times) {
                        self.stream.write_all(bytes)?;
                        sent = sent.wrapping_add(1);
                    }
                    self.stream.flush()?;
                }
                Step::Pause(pause) => self.guard.service.pause(*pause)?,
                Step::Wait => self.guard.service.wait_to_go_on()?,
                Step::Request => match self.read_request() {
                    Ok((request, _)) => self.guard.service.record(request),
                    Err(_) => return Ok(Some(End::Close)),
                },
                Step::Continue => return Ok(None),
                Step::Hold => {
                    self.wait_for_close()?;
                    return Ok(Some(End::Close));
                }
                Step::Close => return Ok(Some(End::Close)),
                Step::Cut => return Ok(Some(End::Cut)),
                Step::Reset => return Ok(Some(End::Reset)),
            }
        }
        Ok(None)
    }

    fn send_at_once(&mut self, pieces: &[Vec<u8>], only_half_of_last: bool) -> io::Result<()> {
        self.batch.is_on.set(true);
        let mut end = 0;
        for piece in pieces {
            end = self.batch.len();
            self.send(piece)?;
        }
        self.batch.is_on.set(false);
        let limit = usize::midpoint(end, self.batch.len());
        self.batch.limit.set(only_half_of_last.then_some(limit));
        self.stream.flush()?;
        self.batch.limit.set(None);
        Ok(())
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// Waits until the client closes, the connection breaks or the simulator stops.
    fn wait_for_close(&mut self) -> io::Result<()> {
        loop {
            match self.fill() {
                Ok(0) => return Ok(()),
                Ok(_) => self.unread.clear(),
                // The read timed out, which is intended here. The kind of the error depends on the system.
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut buffer = [0; 8192];
        let count = loop {
            match self.stream.read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.unread.extend_from_slice(&buffer[..count]);
        Ok(count)
    }

    /// Reads one request. Also returns whether the connection stays open after the response.
    fn read_request(&mut self) -> Result<(Request, bool), NoRequest> {
        let (mut request, is_http_1_0) = loop {
            if let Some(head) = self.parse_head()? {
                break head;
            }
            if self.fill()? == 0 {
                return Err(NoRequest::Closed);
            }
        };
        let end = request.head.len();
        let length = match body_length(&request) {
            Ok(length) => length,
            Err(status) => return Err(NoRequest::Rejected(status, Box::new(request))),
        };
        while self.unread.len() < end + length {
            if self.fill()? == 0 {
                return Err(NoRequest::Closed);
            }
        }
        request.body = self.unread[end..end + length].to_vec();
        self.unread.drain(..end + length);
        let connection = request.header("connection").unwrap_or_default();
        let keep_alive =
            if is_http_1_0 { says(connection, "keep-alive") } else { !says(connection, "close") };
        Ok((request, keep_alive))
    }

    /// Parses the head. Also returns whether it is HTTP/1.0. Returns `None` if the head is incomplete.
    fn parse_head(&self) -> Result<Option<(Request, bool)>, NoRequest> {
        let rejected = |status| {
            let head = self.unread.clone();
            let request = Request { connection: self.guard.number, head, ..Request::default() };
            NoRequest::Rejected(status, Box::new(request))
        };
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        let end = match parsed.parse(&self.unread) {
            Ok(httparse::Status::Complete(end)) if end <= MAX_HEAD => end,
            Ok(httparse::Status::Partial) if self.unread.len() <= MAX_HEAD => return Ok(None),
            Ok(_) => return Err(rejected(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)),
            // The simulator rejects it at once. If this is not HTTP but TLS, for example, an empty line may
            // never come.
            Err(_) => return Err(rejected(StatusCode::BAD_REQUEST)),
        };
        let headers = parsed.headers.iter();
        let request = Request {
            connection: self.guard.number,
            method: parsed.method.unwrap_or_default().to_owned(),
            target: parsed.path.unwrap_or_default().to_owned(),
            headers: headers
                .map(|header| (header.name.to_owned(), header.value.to_vec()))
                .collect(),
            head: self.unread[..end].to_vec(),
            ..Request::default()
        };
        Ok(Some((request, parsed.version == Some(0))))
    }

    fn write_http(
        &mut self,
        status: StatusCode,
        headers: &[(HeaderName, HeaderValue)],
        body: &[u8],
        is_head: bool,
        request_id: &str,
        keep_alive: bool,
    ) -> io::Result<()> {
        let reason = status.canonical_reason().unwrap_or_default();
        let mut response = format!("HTTP/1.1 {} {reason}\r\n", status.as_u16()).into_bytes();
        let has_no_body = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let mut add = |name: &str, value: &[u8]| {
            response.extend_from_slice(name.as_bytes());
            response.extend_from_slice(b": ");
            response.extend_from_slice(value);
            response.extend_from_slice(b"\r\n");
        };
        for (name, value) in headers {
            add(name.as_str(), value.as_bytes());
        }
        let length = body.len().to_string();
        let date = http_date(self.guard.service.state().script.clock.now());
        let ours = [
            ("content-type", "application/json", !has_no_body),
            ("content-length", length.as_str(), !has_no_body),
            ("date", date.as_str(), true),
            ("x-request-id", request_id, true),
            ("connection", "close", !keep_alive),
        ];
        for (name, value, applies) in ours {
            if applies && !headers.iter().any(|(given, _)| given == name) {
                add(name, value.as_bytes());
            }
        }
        response.extend_from_slice(b"\r\n");
        // The response to HEAD has the length of the body, but no body.
        if !has_no_body && !is_head {
            response.extend_from_slice(body);
        }
        self.stream.write_all(&response)?;
        self.stream.flush()
    }
}

/// Returns the length of the body after a head.
fn body_length(request: &Request) -> Result<usize, StatusCode> {
    if request.header("transfer-encoding").is_some() {
        return Err(StatusCode::LENGTH_REQUIRED);
    }
    let mut lengths = request.all("content-length");
    let Some(length) = lengths.next() else { return Ok(0) };
    // `parse` would accept a sign.
    if lengths.any(|other| other != length) || !length.iter().all(u8::is_ascii_digit) {
        return Err(StatusCode::BAD_REQUEST);
    }
    let length = std::str::from_utf8(length).ok().and_then(|length| length.parse().ok());
    match length.ok_or(StatusCode::BAD_REQUEST)? {
        length if length > MAX_BODY => Err(StatusCode::PAYLOAD_TOO_LARGE),
        length => Ok(length),
    }
}

/// Returns whether a `Connection` header contains this option.
fn says(connection: &[u8], option: &str) -> bool {
    connection
        .split(|byte| *byte == b',')
        .any(|said| said.trim_ascii().eq_ignore_ascii_case(option.as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::{answer::Answer, script::Script, server::service::Service};

    /// A stream that returns these reads and discards all writes.
    struct Reads(VecDeque<io::Result<&'static str>>);

    impl Read for Reads {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let text = self.0.pop_front().expect("read no more after the end")?;
            buffer[..text.len()].copy_from_slice(text.as_bytes());
            Ok(text.len())
        }
    }

    impl Write for Reads {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_silent_answer_outlasts_the_idle_limit() {
        let service = Service::default();
        service.state().script = Script::new().server("a", [Answer::silent()]);
        let mut stream = Reads(VecDeque::from([
            Ok("GET /v3/sources/a/command HTTP/1.1\r\nX-Auth-Token: t\r\n"),
            Ok("Content-Type: application/json\r\n\r\n"),
            Err(ErrorKind::WouldBlock.into()),
            Err(ErrorKind::TimedOut.into()),
            Ok("still there"),
            Err(ErrorKind::WouldBlock.into()),
            Ok(""),
        ]));
        let (guard, batch) = (&ConnectionGuard { service: &service, number: 1 }, &Batch::default());
        let unread = Vec::new();
        let mut connection = Connection { stream: &mut stream, batch, unread, guard };
        connection.serve().expect("closed by the client");
        assert_eq!(service.state().request_count, 1);
        assert!(stream.0.is_empty(), "ended before the client did");
    }
}
