//! What the service answers: the rules of the page, the queues, the record.

use std::{
    cell::Cell,
    collections::VecDeque,
    io,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use http::StatusCode;
use percent_encoding::percent_decode_str;

use crate::{
    Answer, Request, Script, Step,
    answer::Reply,
    date::iam_date,
    iam,
    refusal::{gateway, page, unauthenticated},
    secret::is_same,
    signature::is_signed,
    target,
    tokens::{Standing, Tokens},
};

/// How many requests are remembered.
const MAX_REQUESTS: usize = 4096;

/// A connection that is there, counted until it is dropped.
pub(crate) struct Presence<'a> {
    service: &'a Service,
    is_open: Cell<bool>,
}

impl<'a> Presence<'a> {
    pub(crate) fn new(service: &'a Service) -> Self {
        let mut state = service.state();
        state.open += 1;
        state.live += 1;
        drop(state);
        Self { service, is_open: Cell::new(true) }
    }

    /// This side has ended it.
    pub(crate) fn closed(&self) {
        if self.is_open.replace(false) {
            self.service.state().open -= 1;
            self.service.changed.notify_all();
        }
    }
}

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        self.closed();
        self.service.state().live -= 1;
        self.service.changed.notify_all();
    }
}

pub(crate) type Observer = Box<dyn Fn(&Request) + Send + Sync>;

pub(crate) struct Service {
    token: Option<String>,
    base_path: String,
    observer: Option<Observer>,
    state: Mutex<State>,
    /// Signals that the state has changed.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    script: Script,
    tokens: Tokens,
    requests: VecDeque<Request>,
    request_count: u64,
    connection_count: u64,
    next_id: u64,
    /// Connections that neither side has ended.
    open: u64,
    /// Connections that are not yet gone.
    live: u64,
    /// How many steps may go on.
    permits: u64,
    is_stopping: bool,
}

impl Service {
    pub(crate) fn new(
        script: Script,
        token: Option<String>,
        base_path: String,
        observer: Option<Observer>,
    ) -> Self {
        let state = Mutex::new(State { script, ..State::default() });
        Self { token, base_path, observer, state, changed: Condvar::new() }
    }

    /// A panic elsewhere does not make the record wrong.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn base_path(&self) -> &str {
        &self.base_path
    }

    pub(crate) fn push(&self, id: &str, answer: Answer) {
        self.state().script.servers.entry(id.to_owned()).or_default().answers.push_back(answer);
    }

    pub(crate) fn push_login(&self, answer: Answer) {
        self.state().script.logins.push_back(answer);
    }

    pub(crate) fn set_password(&self, domain: &str, name: &str, password: &str) {
        self.state().script.users.set(domain, name, password);
    }

    pub(crate) fn revoke_tokens(&self) {
        self.state().tokens.revoke();
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.state().script.clock.advance(by);
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.state().script.clock.now()
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.state().requests.iter().cloned().collect()
    }

    pub(crate) fn request_count(&self) -> u64 {
        self.state().request_count
    }

    pub(crate) fn connection_count(&self) -> u64 {
        self.state().connection_count
    }

    /// Counts a new connection and returns its number.
    pub(crate) fn connected(&self) -> u64 {
        let mut state = self.state();
        state.connection_count += 1;
        state.connection_count
    }

    pub(crate) fn wait_for_requests(&self, count: u64, timeout: Duration) -> bool {
        self.wait(timeout, |state| state.request_count >= count)
    }

    pub(crate) fn wait_until_closed(&self, timeout: Duration) -> bool {
        self.wait(timeout, |state| state.open == 0)
    }

    pub(crate) fn wait_until_gone(&self, timeout: Duration) -> bool {
        self.wait(timeout, |state| state.live == 0)
    }

    /// Waits until `is_so`; `false` if it was not in time.
    fn wait(&self, timeout: Duration, is_so: impl Fn(&State) -> bool) -> bool {
        // None: it lies further ahead than any moment, and each wait is as long as can be.
        let deadline = Instant::now().checked_add(timeout);
        let mut state = self.state();
        while !is_so(&state) {
            let left = deadline.map_or(timeout, |at| at.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return false;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Ends all that waits here, now and later.
    pub(crate) fn stop(&self) {
        self.state().is_stopping = true;
        self.changed.notify_all();
    }

    /// Lets one connection's [`wait_to_go_on`](Self::wait_to_go_on) return.
    pub(crate) fn go_on(&self) {
        self.state().permits += 1;
        self.changed.notify_all();
    }

    pub(crate) fn wait_to_go_on(&self) -> io::Result<()> {
        let mut state = self.state();
        while !state.is_stopping {
            if state.permits > 0 {
                state.permits -= 1;
                return Ok(());
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Err(stopped())
    }

    pub(crate) fn pause(&self, pause: Duration) -> io::Result<()> {
        if self.wait(pause, |state| state.is_stopping) { Err(stopped()) } else { Ok(()) }
    }

    /// What is done with each connection first.
    pub(crate) fn on_accept(&self) -> Arc<[Step]> {
        Arc::clone(&self.state().script.on_accept)
    }

    /// The pause before each byte, if they are sent one by one.
    pub(crate) fn trickle(&self) -> Option<Duration> {
        self.state().script.trickle
    }

    /// Remembers a request, before its answer is written: who has the answer finds the request.
    pub(crate) fn record(&self, request: Request) {
        // A panic ends this connection, but the request was there.
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
        self.changed.notify_all();
        drop(state);
        if let Err(panic) = observed {
            resume_unwind(panic);
        }
    }

    /// An id for the next answer: 32 hexadecimal digits, as the gateway's are.
    pub(crate) fn next_request_id(&self) -> String {
        let mut state = self.state();
        state.next_id += 1;
        format!("{:032x}", state.next_id)
    }

    /// The reply to a request that was understood as HTTP.
    pub(crate) fn reply(&self, request: &Request, request_id: &str) -> Reply {
        let path = target::path(&request.target).strip_prefix(self.base_path.as_str());
        let (path, mut state) = (path.unwrap_or_default(), self.state());
        let state = &mut *state;
        if path == iam::PATH && request.method == "POST" {
            return iam::reply(&mut state.script, &mut state.tokens, request, request_id);
        }
        let Some(id) = server_id(path).filter(|_| request.method == "GET") else {
            let message = "The API does not exist or has not been published in the environment.";
            return gateway(StatusCode::NOT_FOUND, "APIGW.0101", message, request_id);
        };
        if let Err(refusal) = self.authenticate(state, request, request_id) {
            return refusal;
        }
        match request.header("content-type").map(is_json) {
            None => return page(StatusCode::BAD_REQUEST, "SMS.6015", "A header is missing."),
            Some(true) => {}
            Some(false) => {
                let message = "The content type must be application/json.";
                return page(StatusCode::BAD_REQUEST, "SMS.6016", message);
            }
        }
        match state.script.servers.get_mut(&id) {
            Some(queue) => queue.next(),
            None => page(StatusCode::NOT_FOUND, "SMS.7602", "The source server does not exist."),
        }
    }

    /// Whether a request may be answered: by its signature if it has one, else by its token.
    fn authenticate(
        &self,
        state: &mut State,
        request: &Request,
        request_id: &str,
    ) -> Result<(), Reply> {
        let now = state.script.clock.now();
        if is_signed(request) {
            let verified = state.script.keys.verify(request, now);
            return verified.map_err(|refused| unauthenticated(refused.message(), request_id));
        }
        let refused = |code, message| Err(page(StatusCode::UNAUTHORIZED, code, message));
        let token = match request.header("x-auth-token") {
            None | Some(b"") => return refused("SMS.6522", "X-Auth-Token is missing."),
            Some(token) => token,
        };
        let is_given = match &self.token {
            Some(expected) => is_same(token, expected.as_bytes()),
            None => !state.script.has_credentials(),
        };
        if is_given {
            return Ok(());
        }
        match state.tokens.standing(token, now) {
            Standing::Good => Ok(()),
            Standing::Expired(at) => {
                let why = format!("token expires, expires_at: {}", iam_date(at));
                Err(unauthenticated(&why, request_id))
            }
            Standing::Revoked => Err(unauthenticated("decrypt token fail", request_id)),
            Standing::Unknown => refused("SMS.6521", "Token authentication failed."),
        }
    }
}

/// The id in `/v3/sources/{server_id}/command`.
fn server_id(path: &str) -> Option<String> {
    let segment = path.strip_prefix("/v3/sources/")?.strip_suffix("/command")?;
    if segment.is_empty() || segment.contains('/') {
        return None;
    }
    percent_decode_str(segment).decode_utf8().ok().map(Into::into)
}

fn stopped() -> io::Error {
    io::Error::other("the simulator stops")
}

/// Whether a content type is JSON, whatever its parameters.
pub(crate) fn is_json(content_type: &[u8]) -> bool {
    let media_type = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
    media_type.trim_ascii().eq_ignore_ascii_case(b"application/json")
}
