//! Polls over std's `TcpStream`, without an HTTP client and without TLS.
//!
//! `cargo run --example std_tcp --features httparse`, with `HW_SMS_ENDPOINT` (`http://` only: the
//! credential is sent in clear text), `HW_SMS_SERVER_ID` and the first of these credentials set:
//!
//! * a token: `HW_AUTH_TOKEN`
//! * an access key: `HUAWEICLOUD_SDK_AK`, `HUAWEICLOUD_SDK_SK`, or `HW_ACCESS_KEY`, `HW_SECRET_KEY`. A
//!   temporary key also needs `HUAWEICLOUD_SDK_SECURITY_TOKEN` or `HW_SECURITY_TOKEN`.
//! * an IAM user: `HW_DOMAIN_NAME`, `HW_USER_NAME`, `HW_USER_PASSWORD`, and IAM's address in
//!   `HUAWEICLOUD_SDK_IAM_ENDPOINT` or `HW_AUTH_URL`
//!
//! In a crate of your own, this file needs:
//!
//! ```toml
//! [dependencies]
//! httparse = "1.10"
//! huaweicloud-sms-core = { path = "../huaweicloud-sms/core" } # Not published yet.
//! ```
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example's purpose")]

use std::{
    env,
    error::Error,
    io::{self, ErrorKind, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    process::ExitCode,
    thread,
    time::{Duration, Instant, SystemTime},
};

use huaweicloud_sms_core::{
    AccessKey, Action, Answer, AuthToken, Credential, Endpoint, Event, IamUser, IssueToken,
    ObtainCommand, Pace, Scope, ServerId, Session, Timestamp,
    http::{Request, Response, header},
};

/// The timeout of one request and its response. The look-up before it has a timeout of the system.
const LIMIT: Duration = Duration::from_secs(30);
const MAX_RESPONSE: usize = 256 * 1024;

fn main() -> ExitCode {
    let Err(error) = poll() else { return ExitCode::SUCCESS };
    eprintln!("error: {}", with_causes(&*error));
    ExitCode::FAILURE
}

fn poll() -> Result<(), Box<dyn Error>> {
    let endpoint = Endpoint::cleartext(&required("HW_SMS_ENDPOINT")?)?;
    let call = ObtainCommand::new(&endpoint, &ServerId::new(&required("HW_SMS_SERVER_ID")?)?);
    let pace = Pace::default().with_call_limit(LIMIT)?;
    // Each agent of a fleet needs its own seed, so that they do not all poll at once.
    let seed = u64::from(std::process::id());
    let clock = || Timestamp::from_unix_time(SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default());

    let mut session = Session::new(call, credential()?, pace, seed, Instant::now());
    loop {
        match session.poll(Instant::now(), clock()) {
            Action::WaitUntil(instant) => thread::sleep(instant - Instant::now()),
            Action::Send(request) => match send(&request) {
                Ok(response) => print(session.on_response(Instant::now(), clock(), &response))?,
                Err(error) => {
                    session.on_failure(Instant::now());
                    println!("error: {}", with_causes(&error));
                }
            },
        }
    }
}

fn print(event: Event<Answer>) -> Result<(), Box<dyn Error>> {
    match event {
        Event::Answer(Answer::Command(command)) => println!("command {}", command.name),
        Event::Answer(answer) => println!("{answer:?}"),
        Event::LoggedIn(token) => println!("logged in until {}", token.expires_at),
        Event::Error(error) | Event::LoginError(error) => {
            println!("error: {}", with_causes(&error))
        }
        // A program that can get a new credential calls `session.renew(..)` instead.
        Event::CredentialRejected(error) => return Err(error.into()),
        event => println!("{event:?}"),
    }
    Ok(())
}

/// Sends a request over a connection of its own.
fn send(request: &Request<Vec<u8>>) -> io::Result<Response<Vec<u8>>> {
    let deadline = Instant::now() + LIMIT;
    let mut stream = connect(request, deadline)?;
    stream.set_write_timeout(Some(left(deadline)?))?;
    stream.write_all(&encode(request))?;
    let (mut received, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        // A server that sends byte by byte does not extend the deadline.
        stream.set_read_timeout(Some(left(deadline)?))?;
        let count = stream.read(&mut buffer)?;
        received.extend(&buffer[..count]);
        if let Some(response) = decode(&received, count == 0)? {
            return Ok(response);
        }
    }
}

fn connect(request: &Request<Vec<u8>>, deadline: Instant) -> io::Result<TcpStream> {
    let uri = request.uri();
    let host = format!("{}:{}", uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(80));
    let mut result = Err(io::Error::new(ErrorKind::NotFound, "the host has no address"));
    for address in host.to_socket_addrs()? {
        result = TcpStream::connect_timeout(&address, left(deadline)?);
        if result.is_ok() {
            break;
        }
    }
    result
}

fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
}

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

fn credential() -> Result<Credential, Box<dyn Error>> {
    if let Some(token) = variable("HW_AUTH_TOKEN") {
        return Ok(AuthToken::new(&token)?.into());
    }
    for [id, secret, security_token] in [
        ["HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_SECURITY_TOKEN"],
        ["HW_ACCESS_KEY", "HW_SECRET_KEY", "HW_SECURITY_TOKEN"],
    ] {
        let Some(id) = variable(id) else { continue };
        let key = AccessKey::new(&id, &required(secret)?)?;
        return Ok(match variable(security_token) {
            Some(token) => key.with_security_token(&token)?.into(),
            None => key.into(),
        });
    }
    let name = variable("HW_USER_NAME").ok_or("no credential: see the head of this example")?;
    let (account, password) = (required("HW_DOMAIN_NAME")?, required("HW_USER_PASSWORD")?);
    let iam = variable("HUAWEICLOUD_SDK_IAM_ENDPOINT").or_else(|| variable("HW_AUTH_URL"));
    let iam = iam.ok_or("no address of IAM: set HW_AUTH_URL")?;
    // Terraform's form of the address ends with the version of the API.
    let iam = Endpoint::cleartext(iam.trim_end_matches('/').trim_end_matches("/v3"))?;
    Ok(IssueToken::new(&iam, &IamUser::new(&account, &name, &password)?, Scope::Account)?.into())
}

fn required(name: &str) -> Result<String, String> {
    variable(name).ok_or_else(|| format!("{name} is not set: see the head of this example"))
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn with_causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
