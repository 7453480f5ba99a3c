//! No HTTP client at all: the core's values over std's `TcpStream`, a thread that sleeps.
//!
//! `cargo run --example std_tcp --features httparse`

use std::{
    error::Error,
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream, ToSocketAddrs},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use huaweicloud_sms_core::{
    ObtainCommand, Operation, Poller, Step,
    http::{Request, Response},
};
use huaweicloud_sms_examples::wire;

mod support;
use support::{Service, print_answer, print_error};

/// For a whole call.
const LIMIT: Duration = Duration::from_secs(30);

fn main() -> Result<(), Box<dyn Error>> {
    let service = Service::find()?;
    if !service.endpoint.is_cleartext() {
        // It would be a `rustls::StreamOwned` around the stream.
        return Err("this example speaks no TLS".into());
    }
    let call = ObtainCommand::new(&service.endpoint, &service.server_id);
    let mut token = service.token.clone();
    // A seed that differs from agent to agent keeps them from asking all at once.
    let seed = u64::from(std::process::id());
    let mut poller = Poller::new(service.pace.call_limit(LIMIT), seed, Instant::now())?;
    loop {
        let now = Instant::now();
        match poller.poll(now) {
            Step::WaitUntil(moment) => thread::sleep(moment - now),
            Step::RenewAuth => match service.new_token() {
                Some(new) => {
                    token = new;
                    poller.on_auth_renewed();
                }
                None => poller.on_auth_kept(now),
            },
            Step::Obtain => {
                poller.on_start(now);
                let result = exchange(&call.request(&token));
                let now = Instant::now();
                match result.map(|response| call.parse(&response)) {
                    Ok(Ok(answer)) => {
                        poller.on_answer(now);
                        print_answer(&answer);
                        if service.is_last(&answer) {
                            return Ok(());
                        }
                    }
                    Ok(Err(error)) => {
                        poller.on_error(now, &error);
                        print_error(&error);
                    }
                    Err(error) => {
                        poller.on_failure(now);
                        print_error(&error);
                    }
                }
            }
        }
    }
}

/// Sends a request over a connection of its own. A redirect is a response like any other.
fn exchange(request: &Request<Vec<u8>>) -> io::Result<Response<Vec<u8>>> {
    let deadline = Instant::now() + LIMIT;
    let mut stream = connect(request, deadline)?;
    stream.set_write_timeout(Some(left(deadline)?))?;
    stream.write_all(&wire::encode(request))?;
    let (mut received, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        // For each read what is left of the whole: a server that sends drop by drop gains nothing.
        stream.set_read_timeout(Some(left(deadline)?))?;
        let count = stream.read(&mut buffer)?;
        received.extend(&buffer[..count]);
        // It also refuses what is too large.
        if let Some(response) = wire::decode(&received, count == 0)? {
            return Ok(response);
        }
    }
}

/// To the endpoint and nowhere else: the request holds the token.
fn connect(request: &Request<Vec<u8>>, deadline: Instant) -> io::Result<TcpStream> {
    let uri = request.uri();
    let host = uri.host().unwrap_or_default();
    let mut last = io::Error::new(ErrorKind::NotFound, "the host has no address");
    for address in look_up(format!("{host}:{}", uri.port_u16().unwrap_or(80)), deadline)? {
        match TcpStream::connect_timeout(&address, left(deadline)?) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// std's look-up knows no limit, so it is left behind on its thread when it takes too long.
fn look_up(host: String, deadline: Instant) -> io::Result<Vec<SocketAddr>> {
    let (answer, answered) = mpsc::channel();
    let look_up = move || {
        // Nobody listens any more once the time is up.
        let _ = answer.send(host.to_socket_addrs().map(Iterator::collect));
    };
    thread::Builder::new().spawn(look_up)?;
    answered.recv_timeout(left(deadline)?).unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
}

fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
}
