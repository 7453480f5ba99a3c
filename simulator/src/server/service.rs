//! The service: its rules, its state, and the record of requests.

use std::{
    collections::{HashMap, VecDeque},
    io,
    net::TcpStream,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use http::StatusCode;
use percent_encoding::percent_decode_str;
use rustls::ServerConfig;

use super::report;
use crate::{
    answer::{self, Reply, rejection},
    auth::{
        login,
        signature::is_signed,
        tokens::{TokenStatus, Tokens},
    },
    report::Report,
    request::Request,
    script::Script,
    secret::is_same,
    time::date::iam_date,
};

/// The number of requests that are kept.
const MAX_REQUESTS: usize = 4096;

/// The number of reports that are kept.
const MAX_REPORTS: usize = 4096;

type Observer = Box<dyn Fn(&Request) + Send + Sync>;

#[derive(Default)]
pub(super) struct Service {
    pub(super) token: Option<String>,
    pub(super) base_path: String,
    pub(super) observer: Option<Observer>,
    pub(super) tls: Option<Arc<ServerConfig>>,
    state: Mutex<State>,
    /// Signals that the state has changed.
    changed: Condvar,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) script: Script,
    pub(super) tokens: Tokens,
    pub(super) requests: VecDeque<Request>,
    pub(super) request_count: u64,
    pub(super) reports: VecDeque<Report>,
    report_count: u64,
    pub(super) accepted_count: u64,
    pub(super) connection_count: u64,
    /// The connections that are being served, by their numbers.
    pub(super) live: HashMap<u64, Live>,
    next_id: u64,
    /// The number of steps that may continue.
    permits: u64,
    pub(super) is_stopping: bool,
}

/// A connection that is being served.
pub(super) struct Live {
    pub(super) stream: TcpStream,
    /// [`Simulator::stop`](crate::Simulator::stop) takes and joins it.
    pub(super) thread: Option<JoinHandle<()>>,
    /// Whether neither side has closed it.
    pub(super) is_open: bool,
}

/// Removes a connection when its thread ends, also after a panic of the observer.
pub(super) struct ConnectionGuard<'a> {
    pub(super) service: &'a Service,
    pub(super) number: u64,
}

impl ConnectionGuard<'_> {
    /// Records that the simulator has closed its side.
    pub(super) fn closed(&self) {
        if let Some(live) = self.service.state().live.get_mut(&self.number) {
            live.is_open = false;
        }
        self.service.changed.notify_all();
    }
}

impl Drop for ConnectionGuard<'_> {
    fn drop(&mut self) {
        // This closes the last handle of the connection before others can see that it is gone.
        self.service.state().live.remove(&self.number);
        self.service.changed.notify_all();
    }
}

impl Service {
    /// Locks the state. It stays valid if another thread panics.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `is_met` returns true. Returns `false` after the timeout.
    pub(super) fn wait(&self, timeout: Duration, is_met: impl Fn(&State) -> bool) -> bool {
        let is_pending = |state: &mut State| !is_met(state);
        let waited = self.changed.wait_timeout_while(self.state(), timeout, is_pending);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Ends all waits and pauses, now and later.
    pub(super) fn stop(&self) {
        self.state().is_stopping = true;
        self.changed.notify_all();
    }

    /// Lets one connection's [`wait_to_go_on`](Self::wait_to_go_on) return.
    pub(super) fn go_on(&self) {
        self.state().permits += 1;
        self.changed.notify_all();
    }

    pub(super) fn wait_to_go_on(&self) -> io::Result<()> {
        let is_pending = |state: &mut State| state.permits == 0 && !state.is_stopping;
        let state = self.changed.wait_while(self.state(), is_pending);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        if state.is_stopping {
            return Err(stopped());
        }
        state.permits -= 1;
        Ok(())
    }

    pub(super) fn pause(&self, pause: Duration) -> io::Result<()> {
        if self.wait(pause, |state| state.is_stopping) { Err(stopped()) } else { Ok(()) }
    }

    /// Records a request before its response is written, so that a client that has the response
    /// finds the request in the record.
    pub(super) fn record(&self, request: Request) {
        // If the observer panics, this connection ends, but the request is still recorded.
        let observed = self
            .observer
            .as_ref()
            .map_or(Ok(()), |observer| catch_unwind(AssertUnwindSafe(|| observer(&request))));
        let mut state = self.state();
        state.request_count += 1;
        if state.requests.len() == MAX_REQUESTS {
            state.requests.pop_front();
        }
        state.requests.push_back(request);
        drop(state);
        self.changed.notify_all();
        if let Err(panic) = observed {
            resume_unwind(panic);
        }
    }

    /// Returns the id for the next response: 32 hexadecimal digits, as the gateway's ids.
    pub(super) fn next_request_id(&self) -> String {
        let mut state = self.state();
        state.next_id += 1;
        format!("{:032x}", state.next_id)
    }

    /// Returns the reply to a request that is valid HTTP. Notes in the request what it delivers or
    /// reports.
    pub(super) fn reply(&self, request: &mut Request, request_id: &str) -> Reply {
        let path = request.path().strip_prefix(self.base_path.as_str()).unwrap_or_default();
        let mut state = self.state();
        let operation = state.operation(&request.method, path);
        let fault = match &operation {
            Operation::Login => state.script.faults.login.next(),
            Operation::Obtain(_) => state.script.faults.get.next(),
            Operation::Report(_) => state.script.faults.report.next(),
            Operation::Other(_) => None,
        };
        let is_login = matches!(operation, Operation::Login);
        let mut reply = match fault {
            Some(fault) if !fault.is_after_processing => fault.reply,
            fault => {
                let token = self.token.as_deref();
                let reply = state.process(operation, token, request, request_id);
                fault.map_or(reply, |fault| fault.reply)
            }
        };
        if is_login && !reply.has_header("x-iam-trace-id") {
            let id = format!("token_simulator_null_{request_id}");
            reply.add_header("x-iam-trace-id", &id).expect("a valid header");
        }
        reply
    }
}

/// The operation of a request.
enum Operation {
    Login,
    /// `GET /v3/sources/{server_id}/command`
    Obtain(String),
    /// `POST /v3/sources/{server_id}/command_result`
    Report(String),
    /// The script's reply to another method or path, if it has one.
    Other(Option<Reply>),
}

impl State {
    fn operation(&self, method: &str, path: &str) -> Operation {
        let operation = match method {
            "POST" if path == login::PATH => Some(Operation::Login),
            "POST" => server_id(path, "/command_result").map(Operation::Report),
            "GET" => server_id(path, "/command").map(Operation::Obtain),
            _ => None,
        };
        operation.unwrap_or_else(|| Operation::Other(self.script.route_to(method, path)))
    }

    fn process(
        &mut self,
        operation: Operation,
        only_token: Option<&str>,
        request: &mut Request,
        request_id: &str,
    ) -> Reply {
        let (id, is_report) = match operation {
            Operation::Login => return self.login(request),
            Operation::Other(None) => {
                let message =
                    "The API does not exist or has not been published in the environment.";
                let status = StatusCode::NOT_FOUND;
                return rejection::gateway(status, "APIGW.0101", message, request_id);
            }
            Operation::Other(Some(reply)) => {
                let checked = self.authenticate(only_token, request, request_id);
                return checked.err().unwrap_or(reply);
            }
            Operation::Obtain(id) => (id, false),
            Operation::Report(id) => (id, true),
        };
        if let Err(rejection) = self.authenticate(only_token, request, request_id) {
            return rejection;
        }
        let (status, code, message) = match (request.is_json(), self.script.servers.get_mut(&id)) {
            (Some(true), Some(queue)) if is_report => {
                let number = self.report_count + 1;
                let (reply, report) =
                    report::take(&mut queue.commands, (number, id), &request.body);
                self.keep(report.clone());
                request.report = Some(report);
                return reply;
            }
            (Some(true), Some(queue)) => {
                let (reply, delivered) = queue.next();
                request.delivered = delivered;
                return reply;
            }
            (None, _) => (StatusCode::BAD_REQUEST, "SMS.6015", "A header is missing."),
            (Some(false), _) => {
                let message = "The content type must be application/json.";
                (StatusCode::BAD_REQUEST, "SMS.6016", message)
            }
            (_, None) => (StatusCode::NOT_FOUND, "SMS.7602", "The source server does not exist."),
        };
        rejection::service(status, code, message)
    }

    /// Keeps the record of a report.
    fn keep(&mut self, report: Report) {
        self.report_count += 1;
        self.accepted_count += u64::from(report.is_accepted());
        if self.reports.len() == MAX_REPORTS {
            self.reports.pop_front();
        }
        self.reports.push_back(report);
    }

    fn login(&mut self, request: &Request) -> Reply {
        let Self { script, tokens, .. } = self;
        answer::next(&mut script.logins).unwrap_or_else(|| {
            let times = (script.clock.now(), script.effective_token_life());
            login::issue(&script.users, tokens, times, request)
        })
    }

    /// Checks the signature of a request, or its token if it has no signature.
    fn authenticate(
        &mut self,
        only_token: Option<&str>,
        request: &Request,
        request_id: &str,
    ) -> Result<(), Reply> {
        let now = self.script.clock.now();
        if is_signed(request) {
            let verified = self.script.keys.verify(request, now);
            return verified
                .map_err(|error| rejection::unauthenticated(error.message(), request_id));
        }
        let reject =
            |code, message| Err(rejection::service(StatusCode::UNAUTHORIZED, code, message));
        let token = match request.header("x-auth-token") {
            None | Some(b"") => return reject("SMS.6522", "X-Auth-Token is missing."),
            Some(token) => token,
        };
        let is_accepted = match only_token {
            Some(expected) => is_same(token, expected.as_bytes()),
            None => !self.script.has_credentials(),
        };
        if is_accepted {
            return Ok(());
        }
        match self.tokens.status(token, now) {
            TokenStatus::Good => Ok(()),
            TokenStatus::Expired(at) => {
                let why = format!("token expires, expires_at: {}", iam_date(at));
                Err(rejection::unauthenticated(&why, request_id))
            }
            TokenStatus::Revoked => {
                Err(rejection::unauthenticated("decrypt token fail", request_id))
            }
            TokenStatus::Unknown => reject("SMS.6521", "Token authentication failed."),
        }
    }
}

/// Returns the id in the path `/v3/sources/{server_id}` followed by `end`.
fn server_id(path: &str, end: &str) -> Option<String> {
    let segment = path.strip_prefix("/v3/sources/")?.strip_suffix(end)?;
    if segment.is_empty() || segment.contains('/') {
        return None;
    }
    percent_decode_str(segment).decode_utf8().ok().map(Into::into)
}

fn stopped() -> io::Error {
    io::Error::other("the simulator stops")
}
