//! One connection: reads requests, writes replies, byte by byte.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    sync::Arc,
    time::{Duration, SystemTime},
};

use http::{StatusCode, header};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::{Request, answer::Reply, date::http_date, service::Service};

const MAX_HEAD: usize = 64 * 1024;
const MAX_BODY: usize = 1024 * 1024;
const MAX_HEADERS: usize = 256;
const IDLE: Duration = Duration::from_secs(60);

/// Serves one connection until either side closes it.
pub(crate) fn serve(
    tcp: TcpStream,
    tls: Option<Arc<ServerConfig>>,
    number: u64,
    service: &Service,
) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    tcp.set_read_timeout(Some(IDLE))?;
    tcp.set_write_timeout(Some(IDLE))?;
    let Some(config) = tls else {
        Connection { stream: &tcp, unread: Vec::new(), number, service }.serve()?;
        return tcp.shutdown(Shutdown::Write);
    };
    let tls = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(tls, tcp);
    Connection { stream: &mut stream, unread: Vec::new(), number, service }.serve()?;
    stream.conn.send_close_notify();
    stream.conn.complete_io(&mut stream.sock)?;
    stream.sock.shutdown(Shutdown::Write)
}

struct Connection<'a, S> {
    stream: S,
    /// Read and not yet used: the next request, if the client does not wait.
    unread: Vec<u8>,
    number: u64,
    service: &'a Service,
}

/// Why no request could be read.
enum NoRequest {
    /// The client closed the connection between requests, or it broke.
    Closed,
    /// It is not HTTP, or more than is taken.
    Refused(StatusCode),
}

impl From<io::Error> for NoRequest {
    fn from(_: io::Error) -> Self {
        Self::Closed
    }
}

impl<S: Read + Write> Connection<'_, S> {
    fn serve(&mut self) -> io::Result<()> {
        loop {
            let (mut request, keep_alive) = match self.read_request() {
                Ok(read) => read,
                Err(NoRequest::Closed) => return Ok(()),
                Err(NoRequest::Refused(status)) => {
                    let request_id = self.service.next_request_id();
                    self.service.record(Request {
                        connection: self.number,
                        head: self.unread.clone(),
                        status: status.as_u16(),
                        ..Request::default()
                    });
                    return self.write_http(status, &[], b"", &request_id, false);
                }
            };
            let request_id = self.service.next_request_id();
            match self.service.reply(&request, &request_id) {
                Reply::Http { status, headers, body } => {
                    request.status = status.as_u16();
                    self.service.record(request);
                    self.write_http(status, &headers, &body, &request_id, keep_alive)?;
                    if !keep_alive {
                        return Ok(());
                    }
                }
                Reply::Raw(bytes) => {
                    self.service.record(request);
                    self.stream.write_all(&bytes)?;
                    return self.stream.flush();
                }
                Reply::Silent => {
                    self.service.record(request);
                    // Until the client closes, the connection breaks or the simulator stops.
                    while self.fill().is_ok_and(|count| count > 0) {
                        self.unread.clear();
                    }
                    return Ok(());
                }
            }
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut buffer = [0; 8192];
        let count = loop {
            match self.stream.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.unread.extend_from_slice(&buffer[..count]);
        Ok(count)
    }

    /// Reads one request, and whether the connection stays open after its answer.
    fn read_request(&mut self) -> Result<(Request, bool), NoRequest> {
        let end = loop {
            if let Some(end) = self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if self.unread.len() > MAX_HEAD {
                break self.unread.len();
            }
            // What can't become HTTP is refused now: its empty line may never come (TLS, say).
            let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
            if httparse::Request::new(&mut headers).parse(&self.unread).is_err() {
                return Err(NoRequest::Refused(StatusCode::BAD_REQUEST));
            }
            if self.fill()? == 0 {
                return Err(NoRequest::Closed);
            }
        };
        if end > MAX_HEAD {
            return Err(NoRequest::Refused(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE));
        }
        let bad = |_: httparse::Error| NoRequest::Refused(StatusCode::BAD_REQUEST);
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        parsed.parse(&self.unread[..end]).map_err(bad)?;
        let mut request = Request {
            connection: self.number,
            method: parsed.method.unwrap_or_default().to_owned(),
            target: parsed.path.unwrap_or_default().to_owned(),
            head: self.unread[..end].to_vec(),
            ..Request::default()
        };
        let is_http_1_0 = parsed.version == Some(0);
        for header in parsed.headers.iter() {
            request.headers.push((header.name.to_owned(), header.value.to_vec()));
        }
        if request.header("transfer-encoding").is_some() {
            return Err(NoRequest::Refused(StatusCode::LENGTH_REQUIRED));
        }
        let length = match request.header("content-length") {
            None => 0,
            Some(value) => std::str::from_utf8(value)
                .ok()
                .and_then(|value| value.parse::<usize>().ok())
                .ok_or(NoRequest::Refused(StatusCode::BAD_REQUEST))?,
        };
        if length > MAX_BODY {
            return Err(NoRequest::Refused(StatusCode::PAYLOAD_TOO_LARGE));
        }
        while self.unread.len() < end + length {
            if self.fill()? == 0 {
                return Err(NoRequest::Closed);
            }
        }
        request.body = self.unread[end..end + length].to_vec();
        self.unread.drain(..end + length);
        let connection = request.header("connection").unwrap_or_default().to_ascii_lowercase();
        let says = |word: &[u8]| connection.split(|b| *b == b',').any(|w| w.trim_ascii() == word);
        let keep_alive = if is_http_1_0 { says(b"keep-alive") } else { !says(b"close") };
        Ok((request, keep_alive))
    }

    fn write_http(
        &mut self,
        status: StatusCode,
        headers: &[(header::HeaderName, header::HeaderValue)],
        body: &[u8],
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
        let date = http_date(SystemTime::now());
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
        if !has_no_body {
            response.extend_from_slice(body);
        }
        self.stream.write_all(&response)?;
        self.stream.flush()
    }
}
