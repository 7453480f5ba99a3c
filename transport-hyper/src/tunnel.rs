//! A tunnel through an HTTP proxy.
//!
//! hyper-util's keeps the proxy's status to itself, and drops what came behind its answer.

use std::{fmt, io};

use huaweicloud_sms_transport::SettingsError;
use tokio::net::TcpStream;

/// The most that a proxy's answer may take, in bytes and in headers.
const MAX_HEAD: usize = 8 * 1024;
const MAX_HEADERS: usize = 100;

/// The proxy did not open a tunnel.
#[derive(Debug)]
pub(crate) struct ProxyError {
    /// The status it answered with, if it was one.
    pub(crate) status: Option<u16>,
    problem: Problem,
}

#[derive(Debug)]
enum Problem {
    Settings(SettingsError),
    Refused,
    NotHttp(httparse::Error),
    TooLarge,
    TooMuch,
    Closed,
    Io(io::Error),
}

/// Asks the proxy at the other end of `stream` for a tunnel to `host` and `port`.
pub(crate) async fn open(
    stream: &TcpStream,
    host: &str,
    port: u16,
    auth: Option<&str>,
) -> Result<(), ProxyError> {
    let mut request =
        format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n").into_bytes();
    if let Some(auth) = auth {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(auth.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    send(stream, &request).await?;

    let mut answer = Vec::with_capacity(1024);
    loop {
        if answer.len() >= MAX_HEAD {
            return Err(Problem::TooLarge.into());
        }
        if receive(stream, &mut answer).await? == 0 {
            return Err(Problem::Closed.into());
        }
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut head = httparse::Response::new(&mut headers);
        let end = match head.parse(&answer) {
            Ok(httparse::Status::Complete(end)) => end,
            Ok(httparse::Status::Partial) => continue,
            Err(error) => return Err(Problem::NotHttp(error).into()),
        };
        return match head.code {
            Some(200) if end == answer.len() => Ok(()),
            // Or the proxy's bytes would be taken for the service's.
            Some(200) => Err(Problem::TooMuch.into()),
            status => Err(ProxyError { status, problem: Problem::Refused }),
        };
    }
}

async fn send(stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn receive(stream: &TcpStream, bytes: &mut Vec<u8>) -> io::Result<usize> {
    let mut buffer = [0; 1024];
    loop {
        stream.readable().await?;
        match stream.try_read(&mut buffer) {
            Ok(count) => {
                bytes.extend_from_slice(&buffer[..count]);
                return Ok(count);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

impl From<Problem> for ProxyError {
    fn from(problem: Problem) -> Self {
        Self { status: None, problem }
    }
}

impl From<SettingsError> for ProxyError {
    fn from(error: SettingsError) -> Self {
        Problem::Settings(error).into()
    }
}

impl From<io::Error> for ProxyError {
    fn from(error: io::Error) -> Self {
        Problem::Io(error).into()
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            Problem::Settings(_) => f.write_str("the proxy cannot be used"),
            Problem::Refused => {
                write!(f, "the proxy answered with status {}", self.status.unwrap_or(0))
            }
            Problem::NotHttp(error) => write!(f, "the proxy did not speak HTTP: {error}"),
            Problem::TooLarge => write!(f, "the proxy's answer is over {MAX_HEAD} bytes"),
            Problem::TooMuch => f.write_str("the proxy sent more than its answer"),
            Problem::Closed => f.write_str("the proxy closed the connection"),
            Problem::Io(error) => write!(f, "the connection to the proxy failed: {error}"),
        }
    }
}

impl std::error::Error for ProxyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.problem {
            Problem::Settings(error) => Some(error),
            // In the words above: as a source it would be taken for one of the service's connection.
            _ => None,
        }
    }
}
