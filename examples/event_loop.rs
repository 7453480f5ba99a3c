//! A fleet on one thread: a `Poller` for each of 1,000 servers, non-blocking sockets over mio, and
//! at most 64 calls at once; what is due beyond that waits its turn.
//!
//! `cargo run --example event_loop --features mio`
#![allow(clippy::print_stdout, reason = "an example's purpose")]

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    error::Error,
    io::{self, ErrorKind, Read, Write},
    net::{SocketAddr, ToSocketAddrs},
    time::{Duration, Instant},
};

use huaweicloud_sms_core::{
    AuthToken, ObtainCommand, Operation, Poller, Step,
    http::{Response, Uri},
};
use huaweicloud_sms_examples::wire;
use mio::{Events, Interest, Poll, Token, net::TcpStream};

mod support;
use support::{Service, print_answer, print_error};

const SERVERS: usize = 1_000;
const MAX_CALLS: usize = 64;
/// For a whole call.
const LIMIT: Duration = Duration::from_secs(30);
/// Of the first servers answers are printed, of all the sums.
const SHOWN: usize = 3;

/// One source server: what to ask, and when.
struct Server {
    call: ObtainCommand,
    poller: Poller<Instant>,
}

/// A call that is under way, in one of `MAX_CALLS` places.
struct Call {
    server: usize,
    stream: TcpStream,
    unsent: Vec<u8>,
    received: Vec<u8>,
    deadline: Instant,
}

struct Fleet {
    service: Service,
    token: AuthToken,
    address: SocketAddr,
    servers: Vec<Server>,
    /// Every server without a call, and when to look at it again; the earliest first.
    due: BinaryHeap<Reverse<(Instant, usize)>>,
    calls: [Option<Call>; MAX_CALLS],
    answers: usize,
    errors: usize,
    /// How many simulated servers were told their last word.
    done: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut fleet = Fleet::new()?;
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(MAX_CALLS);
    while fleet.done < fleet.servers.len() {
        fleet.start_what_is_due(&poll)?;
        let wake_up = fleet.next_moment().map(|at| at.saturating_duration_since(Instant::now()));
        match poll.poll(&mut events, wake_up) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => other?,
        }
        for event in &events {
            fleet.advance(event.token().0);
        }
        fleet.end_what_is_late();
    }
    println!(
        "{} servers, {} answers, {} errors, at most {MAX_CALLS} calls at once",
        fleet.servers.len(),
        fleet.answers,
        fleet.errors
    );
    Ok(())
}

impl Fleet {
    fn new() -> Result<Self, Box<dyn Error>> {
        let (service, ids) = Service::find_for(SERVERS)?;
        if !service.endpoint.is_cleartext() {
            // Bytes in and bytes out, it would be a `rustls::ClientConnection` in each call.
            return Err("this example speaks no TLS".into());
        }
        let now = Instant::now();
        let (mut servers, mut due) = (Vec::new(), BinaryHeap::new());
        for (number, id) in ids.iter().enumerate() {
            // Spaced over the first second, so that they don't ask all at once.
            let first = now + Duration::from_secs(1) * number as u32 / ids.len() as u32;
            let pace = service.pace.call_limit(LIMIT);
            let call = ObtainCommand::new(&service.endpoint, id);
            servers.push(Server { call, poller: Poller::new(pace, number as u64, first)? });
            due.push(Reverse((first, number)));
        }
        // std's look-up would stop the loop, so there is one, before it.
        let address = address(servers.first().ok_or("no server")?.call.uri())?;
        Ok(Self {
            token: service.token.clone(),
            service,
            address,
            servers,
            due,
            calls: [const { None }; MAX_CALLS],
            answers: 0,
            errors: 0,
            done: 0,
        })
    }

    /// Does what the pollers say, as long as there is place for a call.
    fn start_what_is_due(&mut self, poll: &Poll) -> io::Result<()> {
        while let Some(place) = self.calls.iter().position(Option::is_none) {
            let now = Instant::now();
            let Some(&Reverse((moment, number))) = self.due.peek() else { return Ok(()) };
            if moment > now {
                return Ok(());
            }
            self.due.pop();
            let server = &mut self.servers[number];
            match server.poller.poll(now) {
                Step::WaitUntil(moment) => self.due.push(Reverse((moment, number))),
                Step::RenewAuth => {
                    // One token serves all, so a new one does as well.
                    match self.service.new_token() {
                        Some(new) => {
                            self.token = new;
                            server.poller.on_auth_renewed();
                        }
                        None => server.poller.on_auth_kept(now),
                    }
                    self.due.push(Reverse((now, number)));
                }
                Step::Obtain => {
                    server.poller.on_start(now);
                    let unsent = wire::encode(&server.call.request(&self.token));
                    match TcpStream::connect(self.address) {
                        Ok(mut stream) => {
                            let interest = Interest::READABLE | Interest::WRITABLE;
                            poll.registry().register(&mut stream, Token(place), interest)?;
                            let deadline = now + LIMIT;
                            let received = Vec::new();
                            self.calls[place] =
                                Some(Call { server: number, stream, unsent, received, deadline });
                        }
                        Err(error) => self.finish(number, Err(error)),
                    }
                }
            }
        }
        Ok(())
    }

    /// When there is something to do even if no socket says so.
    fn next_moment(&self) -> Option<Instant> {
        let deadline = self.calls.iter().flatten().map(|call| call.deadline).min();
        let has_place = self.calls.iter().any(Option::is_none);
        let due = self.due.peek().filter(|_| has_place).map(|Reverse((moment, _))| *moment);
        due.into_iter().chain(deadline).min()
    }

    /// A socket has something to say.
    fn advance(&mut self, place: usize) {
        // An event of a call that has ended.
        let Some(call) = &mut self.calls[place] else { return };
        let result = match call.advance() {
            Ok(None) => return,
            Ok(Some(response)) => Ok(response),
            Err(error) => Err(error),
        };
        let number = call.server;
        self.calls[place] = None;
        self.finish(number, result);
    }

    fn end_what_is_late(&mut self) {
        let now = Instant::now();
        for place in 0..MAX_CALLS {
            let late = self.calls[place].take_if(|call| call.deadline <= now);
            if let Some(call) = late {
                self.finish(call.server, Err(ErrorKind::TimedOut.into()));
            }
        }
    }

    /// Tells the poller, and the user.
    fn finish(&mut self, number: usize, result: io::Result<Response<Vec<u8>>>) {
        let now = Instant::now();
        let server = &mut self.servers[number];
        let is_shown = number < SHOWN;
        if is_shown {
            print!("server {}: ", number + 1);
        }
        match result.map(|response| server.call.parse(&response)) {
            Ok(Ok(answer)) => {
                server.poller.on_answer(now);
                self.answers += 1;
                if is_shown {
                    print_answer(&answer);
                }
                if self.service.is_last(&answer) {
                    self.done += 1;
                    return; // Never due again.
                }
            }
            Ok(Err(error)) => {
                server.poller.on_error(now, &error);
                self.errors += 1;
                if is_shown {
                    print_error(&error);
                }
            }
            Err(error) => {
                server.poller.on_failure(now);
                self.errors += 1;
                if is_shown {
                    print_error(&error);
                }
            }
        }
        let next = match server.poller.poll(now) {
            Step::WaitUntil(moment) => moment,
            Step::Obtain | Step::RenewAuth => now,
        };
        self.due.push(Reverse((next, number)));
    }
}

impl Call {
    /// Sends and receives what can be without waiting. mio tells of each change once only.
    fn advance(&mut self) -> io::Result<Option<Response<Vec<u8>>>> {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(count) => drop(self.unsent.drain(..count)),
                Err(error) if is_not_yet(&error) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        let mut buffer = [0; 4096];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(count) => {
                    self.received.extend(&buffer[..count]);
                    // It also refuses what is too large.
                    if let Some(response) = wire::decode(&self.received, count == 0)? {
                        return Ok(Some(response));
                    }
                }
                Err(error) if is_not_yet(&error) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }
}

/// Nothing more to be had now, or (as some systems say it) still connecting.
fn is_not_yet(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected)
}

/// To the endpoint and nowhere else: the requests hold the token.
fn address(uri: &Uri) -> Result<SocketAddr, Box<dyn Error>> {
    let host = format!("{}:{}", uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(80));
    host.to_socket_addrs()?.next().ok_or_else(|| "the host has no address".into())
}
