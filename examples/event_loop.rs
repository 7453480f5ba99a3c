//! Polls for 1,000 servers on one thread: a `Session` for each, non-blocking sockets over mio, at most
//! 64 calls at once, and no TLS.
//!
//! `cargo run --example event_loop --features mio`, with the servers' ids in `HW_SMS_SERVER_ID`,
//! separated by commas. An IAM user logs in once for each server here. A fleet of your own would log in
//! once and hand the token to every session with `Session::renew`.
#![allow(clippy::print_stdout, reason = "an example's purpose")]

use std::{
    io::{self, ErrorKind, Read, Write},
    net::ToSocketAddrs,
    process::ExitCode,
    time::{Duration, Instant, SystemTime},
};

use huaweicloud_sms_core::{
    Action, Answer, Event, Fingerprint, ObtainCommand, Pace, Permit, Rejections, Session,
    Timestamp,
    http::{Request, Response, header},
};
use huaweicloud_sms_examples::{Failure, describe, environment, exit, with_causes};
use mio::{Events, Interest, Poll, Registry, Token, net::TcpStream};

const MAX_CALLS: usize = 64;
/// The timeout of one request and its response.
const LIMIT: Duration = Duration::from_secs(30);
const MAX_RESPONSE: usize = 256 * 1024;

fn main() -> ExitCode {
    exit(poll())
}

fn poll() -> Result<(), Failure> {
    let (calls, credential) = (environment::calls()?, environment::credential()?);
    let pace = Pace::default().with_call_limit(LIMIT)?;
    let start = Instant::now();
    let server = |(number, call)| {
        // The first requests are spread over a second.
        let first = start + Duration::from_millis(number % 1_000);
        let session = Session::new(call, credential.clone(), pace, number, first);
        Server { number, session, credential: None, call: None }
    };
    let mut servers: Vec<Server> = (1..).zip(calls).map(server).collect();
    // A wrong key is sent once, not once for each server.
    let mut rejections = Rejections::default();
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(MAX_CALLS);
    // Each round begins with the server after the one that sent last, so that each gets its turn.
    let mut first = 0;
    loop {
        let mut wake_up = Instant::now() + LIMIT;
        let mut calls = servers.iter().filter(|server| server.call.is_some()).count();
        for index in (first..servers.len()).chain(0..first) {
            let server = &mut servers[index];
            let was_calling = server.call.is_some();
            if was_calling || calls < MAX_CALLS {
                let registry = poll.registry();
                wake_up = wake_up.min(server.poll(registry, Token(index), &mut rejections)?);
            }
            if !was_calling && server.call.is_some() {
                calls += 1;
                first = index + 1;
            }
        }
        match poll.poll(&mut events, Some(wake_up.saturating_duration_since(Instant::now()))) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        for event in &events {
            servers[event.token().0].advance(&mut rejections)?;
        }
    }
}

struct Server {
    number: u64,
    session: Session<ObtainCommand, Instant>,
    /// The credential of the call.
    credential: Option<Fingerprint>,
    call: Option<Call>,
}

impl Server {
    /// Starts a call that is due, or ends one that has timed out. Returns when to call this again.
    fn poll(
        &mut self,
        registry: &Registry,
        token: Token,
        rejections: &mut Rejections<Instant>,
    ) -> Result<Instant, Failure> {
        let now = Instant::now();
        if let Some(call) = &self.call {
            if now >= call.deadline {
                self.finish(Err(ErrorKind::TimedOut.into()), rejections)?;
                return Ok(now);
            }
            return Ok(call.deadline);
        }
        self.credential = self.session.credential_due(now);
        match self.credential.map(|credential| rejections.poll(credential, now)) {
            Some(Permit::WaitUntil(instant)) => return Ok(instant),
            Some(Permit::Rejected(error)) => {
                let event = self.session.on_rejected_elsewhere(now, error);
                return self.print(event).map(|()| now);
            }
            Some(Permit::Send) | None => {}
        }
        match self.session.poll(now, clock()) {
            Action::WaitUntil(instant) => Ok(instant),
            Action::Send(request) => {
                match Call::start(&request, registry, token) {
                    Ok(call) => self.call = Some(call),
                    Err(error) => self.finish(Err(error), rejections)?,
                }
                Ok(now + LIMIT)
            }
        }
    }

    /// Continues the call after an event of its socket.
    fn advance(&mut self, rejections: &mut Rejections<Instant>) -> Result<(), Failure> {
        match self.call.as_mut().map(Call::advance) {
            // The call ended before its event arrived, or needs more bytes.
            None | Some(Ok(None)) => Ok(()),
            Some(Ok(Some(response))) => self.finish(Ok(response), rejections),
            Some(Err(error)) => self.finish(Err(error), rejections),
        }
    }

    fn finish(
        &mut self,
        result: io::Result<Response<Vec<u8>>>,
        rejections: &mut Rejections<Instant>,
    ) -> Result<(), Failure> {
        self.call = None;
        let (credential, now) = (self.credential.take(), Instant::now());
        match result {
            Ok(response) => {
                let event = self.session.on_response(now, clock(), &response);
                if let Some(credential) = credential {
                    rejections.on_event(credential, now, &event);
                }
                self.print(event)
            }
            Err(error) => {
                self.session.on_failure(now);
                if let Some(credential) = credential {
                    rejections.on_failure(credential);
                }
                println!("server {}: error: {}", self.number, with_causes(&error));
                Ok(())
            }
        }
    }

    fn print(&self, event: Event<Answer>) -> Result<(), Failure> {
        println!("server {}: {}", self.number, describe(event)?);
        Ok(())
    }
}

fn clock() -> Timestamp {
    Timestamp::from_unix_time(SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default())
}

/// A request that is under way, over a connection of its own.
struct Call {
    stream: TcpStream,
    unsent: Vec<u8>,
    received: Vec<u8>,
    deadline: Instant,
}

impl Call {
    fn start(request: &Request<Vec<u8>>, registry: &Registry, token: Token) -> io::Result<Self> {
        let uri = request.uri();
        if uri.scheme_str() != Some("http") {
            return Err(invalid("this example has no TLS"));
        }
        // A look-up would stop the loop. Use IP addresses, or a resolver that does not block.
        let host = format!("{}:{}", uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(80));
        let address = host.to_socket_addrs()?.next().ok_or(ErrorKind::NotFound)?;
        let mut stream = TcpStream::connect(address)?;
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        let (unsent, received) = (encode(request), Vec::new());
        Ok(Self { stream, unsent, received, deadline: Instant::now() + LIMIT })
    }

    /// Sends and receives until the socket would block.
    fn advance(&mut self) -> io::Result<Option<Response<Vec<u8>>>> {
        match self.exchange() {
            // Some systems report a socket that is still connecting as not connected.
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) =>
            {
                Ok(None)
            }
            result => result.map(Some),
        }
    }

    fn exchange(&mut self) -> io::Result<Response<Vec<u8>>> {
        while !self.unsent.is_empty() {
            let count = self.stream.write(&self.unsent)?;
            self.unsent.drain(..count);
        }
        let mut buffer = [0; 4096];
        loop {
            let count = self.stream.read(&mut buffer)?;
            self.received.extend(&buffer[..count]);
            if let Some(response) = decode(&self.received, count == 0)? {
                return Ok(response);
            }
        }
    }
}

// The rest is HTTP/1.1, as in `std_tcp`.

/// Encodes a request. It already has `Host` and `Content-Length`.
fn encode(request: &Request<Vec<u8>>) -> Vec<u8> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let mut bytes = format!("{} {path} HTTP/1.1\r\n", request.method()).into_bytes();
    for (name, value) in request.headers() {
        bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    bytes.extend(b"connection: close\r\n\r\n");
    bytes.extend(request.body());
    bytes
}

/// Decodes a response. Returns `None` if it needs more bytes. `is_end` is true if the server has closed the
/// connection.
fn decode(bytes: &[u8], is_end: bool) -> io::Result<Option<Response<Vec<u8>>>> {
    if bytes.len() > MAX_RESPONSE {
        return Err(invalid("the response is too large"));
    }
    let more = || if is_end { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(None) };
    let mut headers = [httparse::EMPTY_HEADER; 128];
    let mut head = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(start) = head.parse(bytes).map_err(io::Error::other)? else {
        return more();
    };
    let mut response = Response::builder().status(head.code.unwrap_or_default());
    for header in head.headers.iter() {
        response = response.header(header.name, header.value);
    }
    let mut response = response.body(bytes[start..].to_vec()).map_err(io::Error::other)?;
    if response.headers().contains_key(header::TRANSFER_ENCODING) {
        return Err(invalid("this example reads no chunked body"));
    }
    match response.headers().get(header::CONTENT_LENGTH).map(|length| length.to_str()) {
        Some(length) => {
            let length = length.ok().and_then(|length| length.parse().ok());
            let length = length.ok_or_else(|| invalid("a bad Content-Length"))?;
            if response.body().len() < length {
                return more();
            }
            response.body_mut().truncate(length);
        }
        None if !is_end => return Ok(None),
        None => {}
    }
    Ok(Some(response))
}

fn invalid(reason: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, reason)
}
