//! One connection: reads requests, writes replies, byte by byte.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::TcpStream,
    sync::Arc,
    time::Duration,
};

use http::{StatusCode, header};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::{
    Request, Step,
    answer::Reply,
    date::http_date,
    service::{Presence, Service},
    wire::{Batch, End, Wire},
};

const MAX_HEAD: usize = 64 * 1024;
const MAX_BODY: usize = 1024 * 1024;
const MAX_HEADERS: usize = 256;
const IDLE: Duration = Duration::from_secs(60);

/// Serves one connection until either side closes it.
pub(crate) fn serve(
    tcp: &TcpStream,
    tls: Option<Arc<ServerConfig>>,
    number: u64,
    service: &Service,
    presence: &Presence<'_>,
) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    tcp.set_read_timeout(Some(IDLE))?;
    tcp.set_write_timeout(Some(IDLE))?;
    let batch = &Batch::default();
    let mut wire = Wire { tcp, trickle: service.trickle(), batch, service, presence };
    let mut accepted = Connection { stream: &mut wire, batch, unread: Vec::new(), number, service };
    if let Some(end) = accepted.run(&service.on_accept())? {
        return wire.end(end);
    }
    let Some(config) = tls else {
        let unread = accepted.unread;
        let end = Connection { stream: &mut wire, batch, unread, number, service }.serve()?;
        return wire.end(end);
    };
    let tls = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(tls, wire);
    let end =
        Connection { stream: &mut stream, batch, unread: Vec::new(), number, service }.serve()?;
    if end == End::Close {
        stream.conn.send_close_notify();
        stream.conn.complete_io(&mut stream.sock)?;
    }
    stream.sock.end(end)
}

struct Connection<'a, S> {
    stream: S,
    batch: &'a Batch,
    /// Read and not yet used: the next request, if the client does not wait.
    unread: Vec<u8>,
    number: u64,
    service: &'a Service,
}

/// Why no request could be read.
enum NoRequest {
    /// The client closed the connection between requests, or it broke.
    Closed,
    /// It is not HTTP, or more than is taken; with what was understood of it.
    Refused(StatusCode, Box<Request>),
}

impl From<io::Error> for NoRequest {
    fn from(_: io::Error) -> Self {
        Self::Closed
    }
}

impl<S: Read + Write> Connection<'_, S> {
    /// Serves requests, and returns how the connection is to end.
    fn serve(&mut self) -> io::Result<End> {
        loop {
            let (mut request, keep_alive) = match self.read_request() {
                Ok(read) => read,
                Err(NoRequest::Closed) => return Ok(End::Close),
                Err(NoRequest::Refused(status, mut request)) => {
                    let request_id = self.service.next_request_id();
                    request.status = status.as_u16();
                    self.service.record(*request);
                    self.write_http(status, &[], b"", false, &request_id, false)?;
                    return Ok(End::Close);
                }
            };
            let request_id = self.service.next_request_id();
            match self.service.reply(&request, &request_id) {
                Reply::Http { status, headers, body } => {
                    request.status = status.as_u16();
                    let is_head = request.method == "HEAD";
                    self.service.record(request);
                    let is_last = |(name, value): &(header::HeaderName, header::HeaderValue)| {
                        name == header::CONNECTION && says(value.as_bytes(), "close")
                    };
                    let keep_alive = keep_alive && !headers.iter().any(is_last);
                    self.write_http(status, &headers, &body, is_head, &request_id, keep_alive)?;
                    if !keep_alive {
                        return Ok(End::Close);
                    }
                }
                Reply::Steps(steps) => {
                    self.service.record(request);
                    let goes_on = matches!(steps.last(), Some(Step::Continue));
                    match self.run(&steps)? {
                        None if goes_on => {}
                        end => return Ok(end.unwrap_or(End::Close)),
                    }
                }
            }
        }
    }

    /// Takes steps, and returns how the connection is to end if one of them says so.
    fn run(&mut self, steps: &[Step]) -> io::Result<Option<End>> {
        for step in steps {
            match step {
                Step::Send(bytes) => self.send(bytes)?,
                Step::Records(pieces) => {
                    self.batch.is_on.set(true);
                    pieces.iter().try_for_each(|piece| self.send(piece))?;
                    self.batch.is_on.set(false);
                    self.stream.flush()?;
                }
                Step::Dribble(bytes, pause) => {
                    for byte in bytes {
                        self.service.pause(*pause)?;
                        self.send(&[*byte])?;
                    }
                }
                // Or endless nothing would be sent until the end of days.
                Step::Repeat(bytes, _) if bytes.is_empty() => {}
                Step::Repeat(bytes, times) => {
                    let mut sent = 0;
                    while times.is_none_or(|times| sent < times) {
                        self.stream.write_all(bytes)?;
                        sent = sent.wrapping_add(1);
                    }
                    self.stream.flush()?;
                }
                Step::Pause(pause) => self.service.pause(*pause)?,
                Step::Wait => self.service.wait_to_go_on()?,
                Step::Request => match self.read_request() {
                    Ok((request, _)) => self.service.record(request),
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

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)?;
        self.stream.flush()
    }

    /// Until the client closes, the connection breaks or the simulator stops.
    fn wait_for_close(&mut self) -> io::Result<()> {
        loop {
            match self.fill() {
                Ok(0) => return Ok(()),
                Ok(_) => self.unread.clear(),
                // Being idle is what this is for. Systems differ in what they call it.
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

    /// Reads one request, and whether the connection stays open after its answer.
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
            Err(status) => return Err(NoRequest::Refused(status, Box::new(request))),
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

    /// The head that was read and whether it is of HTTP/1.0, or none if more has to come.
    fn parse_head(&self) -> Result<Option<(Request, bool)>, NoRequest> {
        let refused = |status| {
            let head = self.unread.clone();
            let request = Request { connection: self.number, head, ..Request::default() };
            NoRequest::Refused(status, Box::new(request))
        };
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        let end = match parsed.parse(&self.unread) {
            Ok(httparse::Status::Complete(end)) if end <= MAX_HEAD => end,
            Ok(httparse::Status::Partial) if self.unread.len() <= MAX_HEAD => return Ok(None),
            Ok(_) => return Err(refused(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)),
            // What can't become HTTP is refused now: its empty line may never come (TLS, say).
            Err(_) => return Err(refused(StatusCode::BAD_REQUEST)),
        };
        let headers = parsed.headers.iter();
        let request = Request {
            connection: self.number,
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
        headers: &[(header::HeaderName, header::HeaderValue)],
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
        let date = http_date(self.service.now());
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
        // An answer to HEAD says how long the body would be.
        if !has_no_body && !is_head {
            response.extend_from_slice(body);
        }
        self.stream.write_all(&response)?;
        self.stream.flush()
    }
}

/// How much body follows a head.
fn body_length(request: &Request) -> Result<usize, StatusCode> {
    if request.header("transfer-encoding").is_some() {
        return Err(StatusCode::LENGTH_REQUIRED);
    }
    let is_length = |name: &str| name.eq_ignore_ascii_case("content-length");
    let mut lengths = request.headers.iter().filter(|(name, _)| is_length(name));
    let Some((_, length)) = lengths.next() else { return Ok(0) };
    // `parse` would take a sign.
    if lengths.any(|(_, other)| other != length) || !length.iter().all(u8::is_ascii_digit) {
        return Err(StatusCode::BAD_REQUEST);
    }
    let length = std::str::from_utf8(length).ok().and_then(|length| length.parse().ok());
    match length.ok_or(StatusCode::BAD_REQUEST)? {
        length if length > MAX_BODY => Err(StatusCode::PAYLOAD_TOO_LARGE),
        length => Ok(length),
    }
}

/// Whether a `Connection` header has this word.
fn says(connection: &[u8], word: &str) -> bool {
    connection
        .split(|byte| *byte == b',')
        .any(|said| said.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::{Answer, Script};

    /// A stream with these reads; what is written to it is dropped.
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
    fn silence_outlasts_the_idle_limit() {
        let script = Script::new().server("a", [Answer::silent()]);
        let service = Service::new(script, None, String::new(), None);
        let mut stream = Reads(VecDeque::from([
            Ok("GET /v3/sources/a/command HTTP/1.1\r\nX-Auth-Token: t\r\n"),
            Ok("Content-Type: application/json\r\n\r\n"),
            Err(ErrorKind::WouldBlock.into()),
            Err(ErrorKind::TimedOut.into()),
            Ok("still there"),
            Err(ErrorKind::WouldBlock.into()),
            Ok(""),
        ]));
        let batch = &Batch::default();
        let unread = Vec::new();
        let mut connection =
            Connection { stream: &mut stream, batch, unread, number: 1, service: &service };
        connection.serve().expect("closed by the client");
        assert_eq!(service.request_count(), 1);
        assert!(stream.0.is_empty(), "ended before the client did");
    }
}
