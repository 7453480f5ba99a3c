mod action;
mod auth;
mod credential;
mod event;
mod pace;
mod pending_report;
mod poller;
mod rejections;
mod server_clock;
mod token_cache;

use alloc::{boxed::Box, vec::Vec};
use core::{fmt, mem, ops::Add, time::Duration};

use http::{Request, Response};

pub use self::{
    action::Action,
    credential::Credential,
    event::Event,
    pace::Pace,
    poller::{Poller, Step},
    rejections::{Permit, Rejections},
};
use self::{
    auth::{Auth, Identity},
    pending_report::PendingReport,
    server_clock::{ServerClock, correct},
    token_cache::TokenCache,
};
use crate::{
    auth::{Authorize, Fingerprint, Unauthenticated},
    command::{ReportResult, report},
    error::{ApiError, ApiErrorKind, ResponseError},
    operation::Operation,
    time::{ClockSkew, Timestamp},
    token::{self, IssuedToken},
};

/// Polls an operation with a token, an access key or an IAM user. It is a state machine without clock,
/// randomness or I/O.
///
/// It decides what to send and when. It signs each request, logs in, renews tokens before they expire,
/// backs off after failures, honours `Retry-After`, and pauses after a rejected credential, because the
/// gateway locks an access key after repeated rejections. [`Poller`] lists the waits.
///
/// # Example
///
/// This loop works on any runtime and with any HTTP client. It ends after the first report:
///
/// ```
/// # use huaweicloud_sms_core as huaweicloud_sms;
/// use std::{collections::BTreeMap, io, thread, time::{Instant, SystemTime}};
/// use huaweicloud_sms::{
///     AccessKey, Action, Answer, CommandResult, Endpoint, Event, ObtainCommand, Pace, ReportResult, ServerId,
///     Session, Timestamp, http,
/// };
///
/// // Put your HTTP client, your timer and your source of credentials here.
/// fn send(_request: http::Request<Vec<u8>>) -> io::Result<http::Response<Vec<u8>>> {
///     Ok(http::Response::new(br#"{"command_name":"STOP"}"#.to_vec()))
/// }
/// fn sleep_until(instant: Instant) {
///     thread::sleep(instant.saturating_duration_since(Instant::now()));
/// }
/// fn new_key() -> Option<AccessKey> {
///     None
/// }
///
/// let endpoint = Endpoint::new("https://sms.ap-southeast-3.myhuaweicloud.com")?;
/// let server_id = ServerId::new("f32ab4d6-d150-4fb3-aa55-edbb5cf9947f")?;
/// let call = ObtainCommand::new(&endpoint, &server_id);
/// let key = AccessKey::new("EXAMPLEAK00000000001", "ExampleSecretKey")?;
/// let clock = || Timestamp::from_unix_time(SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default());
///
/// let mut session = Session::new(call, key, Pace::default(), 42, Instant::now());
/// loop {
///     match session.poll(Instant::now(), clock()) {
///         Action::WaitUntil(instant) => sleep_until(instant),
///         Action::Send(request) => match send(request) {
///             Ok(response) => match session.on_response(Instant::now(), clock(), &response) {
///                 // The service returns a command until it accepts the report.
///                 Event::Answer(Answer::Command(command)) if session.pending_report().is_none() => {
///                     println!("{command:?}"); // In place of this line: carry it out.
///                     let (result, detail) = (CommandResult::Success, BTreeMap::from([("msg", "done")]));
///                     let report = ReportResult::new(&endpoint, &server_id, command, result, &detail)?;
///                     session.report(Instant::now(), report).expect("no other report is pending");
///                 }
///                 Event::Reported => break,
///                 Event::CredentialRejected(error) => match new_key() {
///                     Some(key) => session.renew(key),
///                     None => eprintln!("{error}"),
///                 },
///                 event => eprintln!("{event:?}"),
///             },
///             Err(error) => {
///                 session.on_failure(Instant::now());
///                 eprintln!("{error}");
///             }
///         },
///     }
/// }
/// # Ok::<(), huaweicloud_sms::InvalidInput>(())
/// ```
///
/// # Guarantees
///
/// * One request (a call, a login or a report) is under way at a time. If you never report its outcome, the
///   session does not send the next request before the pace's call limit, even with a new credential.
/// * An early, late or repeated `poll` sends nothing twice and loses no pause.
/// * It never sends a token that has expired or was rejected.
/// * A rejected credential is not sent again for 5 minutes, then 10, 20, 40 and 60 for each further rejection
///   in a row. After a first rejection, a new credential ([`renew`](Self::renew)) is sent at once. If it is
///   rejected as well, the next one is sent after the pause.
///
/// `T` is an instant of a monotonic clock, to which 24 hours can be added: `Instant` of std or tokio,
/// or a `Duration` since some start. Expiry and waits are measured on it, so a wrong system clock
/// affects signatures only; see [`follow_server_clock`](Self::follow_server_clock).
pub struct Session<O, T> {
    call: O,
    /// It is boxed, so that the sessions of a fleet are small.
    identity: Box<Identity>,
    /// The logins of a user. They keep their pauses while another credential is in use.
    tokens: Option<Box<TokenCache<T>>>,
    poller: Poller<T>,
    report: Option<Box<PendingReport<T>>>,
    clock: ServerClock,
    /// The kind of the request that was sent last.
    sent: Sent,
    /// The end of the timeout of the request that is under way.
    busy_until: Option<T>,
    /// Whether the credential of the last request has been replaced since.
    is_replaced: bool,
    /// The latest instant that was reported.
    now: T,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    Call,
    Login,
    Report,
}

enum Due<T> {
    At(T),
    Now(Sent),
}

impl<O: Operation, T: Copy + Ord + Add<Duration, Output = T>> Session<O, T> {
    /// Creates a session whose first request is due now.
    ///
    /// The jitter is derived from `seed`. Give each session of a fleet its own.
    pub fn new(call: O, credential: impl Into<Credential>, pace: Pace, seed: u64, now: T) -> Self {
        let mut session = Self {
            call,
            identity: Box::new(credential.into().into()),
            tokens: None,
            poller: Poller::new(pace, seed, now),
            report: None,
            clock: ServerClock::default(),
            sent: Sent::Call,
            busy_until: None,
            is_replaced: false,
            now,
        };
        session.prepare_logins();
        session
    }

    /// Signs with the server's clock instead of this machine's.
    ///
    /// If the gateway rejects a signature and the clocks differ by 15 minutes, the session signs once
    /// more with the corrected time. The server then chooses the signing time. Over TLS only the real
    /// server can do so.
    #[must_use]
    pub fn follow_server_clock(mut self, is_followed: bool) -> Self {
        self.clock.is_followed = is_followed;
        self
    }

    /// Decides the next action at the instant `now` and the system's time `clock`.
    ///
    /// Call it when you start, after each outcome, after [`report`](Self::report) and
    /// [`renew`](Self::renew), and when the instant of [`Action::WaitUntil`] is reached. An early call is
    /// harmless.
    pub fn poll(&mut self, now: T, clock: Timestamp) -> Action<T> {
        self.decline(now);
        match self.next(now) {
            Due::At(instant) => Action::WaitUntil(instant),
            Due::Now(request) => {
                self.start(now, request);
                Action::Send(self.request(now, clock))
            }
        }
    }

    /// Sends the result of a command to the service.
    ///
    /// It is sent as soon as the credential and the backoff allow, before the next call and without waiting
    /// for the poll interval. It is sent again until the service accepts it ([`Event::Reported`]) or will
    /// never accept it ([`Event::ReportRejected`]). The session polls meanwhile.
    ///
    /// A report has only the name of its command, so the service may apply a late report to another command
    /// of the same name. Do not hand over the report of a command that a later answer has replaced, because
    /// the session keeps no answers. If the outcome of a report is unknown, the session polls before it sends
    /// the report again, and drops it if the answer is another command. It cannot distinguish two equal
    /// commands.
    ///
    /// # Errors
    /// Returns the report if another one is pending, because the service holds one command at a time.
    pub fn report(&mut self, now: T, report: ReportResult) -> Result<(), ReportResult> {
        if self.report.is_some() {
            return Err(report);
        }
        let (pace, seed) = (self.poller.pace(), self.poller.random());
        self.report = Some(Box::new(PendingReport::new(report, pace, seed, now)));
        Ok(())
    }

    /// Returns the report that was neither accepted nor dropped.
    pub fn pending_report(&self) -> Option<&ReportResult> {
        self.report.as_ref().map(|report| &report.call)
    }

    /// Returns the credential that the next [`poll`](Self::poll) sends, if a request is due: a token, a key
    /// or a user. Returns `None` for a call or report with the token of a login.
    ///
    /// Several sessions need it to share their rejected credentials; see [`Rejections`].
    pub fn credential_due(&mut self, now: T) -> Option<Fingerprint> {
        self.decline(now);
        match self.next(now) {
            Due::At(_) => None,
            Due::Now(Sent::Call | Sent::Report) if self.is_user() => None,
            Due::Now(_) => Some(self.identity.fingerprint),
        }
    }

    /// Applies the rejection of another session's request with the same credential. Call it in place of
    /// sending the request that is due.
    pub fn on_rejected_elsewhere(&mut self, now: T, error: ResponseError) -> Event<O::Output> {
        self.now = now.max(self.now);
        if let Due::Now(request) = self.next(now) {
            self.start(now, request);
        }
        self.busy_until = None;
        match self.sent {
            Sent::Call => self.on_call(now, Err(error)),
            Sent::Login => self.on_login(now, Err(error)),
            Sent::Report => self.on_report(now, Err(error)),
        }
    }

    /// Reads the response to the last request, which arrived at the instant `now` and the system's time
    /// `clock`.
    pub fn on_response<B: AsRef<[u8]>>(
        &mut self,
        now: T,
        clock: Timestamp,
        response: &Response<B>,
    ) -> Event<O::Output> {
        self.now = now.max(self.now);
        // The `Date` of a response that is read late is old.
        let is_prompt = self.busy_until.take().is_some_and(|end| now <= end);
        let headers = response.headers();
        match self.sent {
            Sent::Login => {
                let result = token::read_response(response);
                let result = self.clock.on_result(clock, headers, is_prompt, result);
                self.on_login(now, result)
            }
            Sent::Call => {
                let result = self.call.parse(response);
                let result = self.clock.on_result(clock, headers, is_prompt, result);
                self.on_call(now, result)
            }
            Sent::Report => {
                let result = report::read_response(response);
                let result = self.clock.on_result(clock, headers, is_prompt, result);
                self.on_report(now, result)
            }
        }
    }

    /// Records that the last request got no response.
    pub fn on_failure(&mut self, now: T) {
        self.now = now.max(self.now);
        self.busy_until = None;
        match self.sent {
            Sent::Call => self.poller.on_failure(now),
            Sent::Login => {
                if let Some(tokens) = &mut self.tokens {
                    tokens.on_failure(now);
                }
            }
            Sent::Report => {
                if let Some(report) = self.report_under_way() {
                    report.on_failure(now);
                }
            }
        }
    }

    /// Replaces the credential. You may call it at any time, even if the credential was not rejected.
    ///
    /// After a login, the old user's token stays in use until it expires.
    pub fn renew(&mut self, credential: impl Into<Credential>) {
        self.is_replaced = true;
        let was_user = self.is_user();
        *self.identity = credential.into().into();
        if !(was_user && self.is_user()) {
            self.poller.on_renewed();
            if let Some(tokens) = &mut self.tokens {
                tokens.discard();
            }
        }
        self.prepare_logins();
    }

    /// Starts the pause after a rejection, because there is no new credential. The next [`poll`](Self::poll)
    /// does the same, so you need this only to read [`due`](Self::due) before.
    pub fn decline(&mut self, now: T) {
        self.now = now.max(self.now);
        match (&self.identity.auth, &mut self.tokens) {
            (Auth::Login(_), Some(tokens)) if tokens.poll(now) == Step::RenewCredential => {
                tokens.decline(now);
            }
            (Auth::Login(_), _) => {}
            _ if self.poller.poll(now) == Step::RenewCredential => self.poller.decline(now),
            _ => {}
        }
    }

    /// Returns the instant at which the next request is due, or `now` if it is due already.
    pub fn due(&self, now: T) -> T {
        match self.next(now) {
            Due::At(instant) => instant,
            Due::Now(_) => now,
        }
    }

    /// Returns whether the request that was sent last is a login.
    pub fn is_login(&self) -> bool {
        self.sent == Sent::Login
    }

    /// Returns whether the request that was sent last is a report.
    pub fn is_report(&self) -> bool {
        self.sent == Sent::Report
    }

    /// Returns the difference between the service's clock and this machine's. It comes from the last response
    /// of the service that had a `Date`.
    pub fn clock_skew(&self) -> Option<ClockSkew> {
        self.clock.skew
    }

    /// Sets the difference between the clocks, for example from another session.
    pub fn set_clock_skew(&mut self, skew: ClockSkew) {
        self.clock.skew = Some(skew);
    }

    /// Returns the poller of the call. It has the instant of the next call, and the number of failures in a
    /// row.
    pub fn poller(&self) -> &Poller<T> {
        &self.poller
    }

    fn is_user(&self) -> bool {
        matches!(self.identity.auth, Auth::Login(_))
    }

    /// Prepares to log in with a new user, as soon as the pause of an earlier user allows.
    fn prepare_logins(&mut self) {
        if !self.is_user() {
            return;
        }
        match &mut self.tokens {
            Some(tokens) => tokens.on_renewed(),
            None => {
                let (pace, seed) = (self.poller.pace(), self.poller.random());
                self.tokens = Some(Box::new(TokenCache::new(pace, seed, self.now)));
            }
        }
    }

    fn next(&self, now: T) -> Due<T> {
        let Some(end) = self.busy_until.filter(|end| now < *end) else {
            return self.next_when_free(now);
        };
        // A request is under way.
        match self.next_when_free(end) {
            Due::At(instant) => Due::At(instant),
            Due::Now(_) => Due::At(end),
        }
    }

    /// Decides the next action at the instant `now`, when no request is under way.
    fn next_when_free(&self, now: T) -> Due<T> {
        let request = self.next_call_or_report(now);
        let (Auth::Login(_), Some(tokens)) = (&self.identity.auth, &self.tokens) else {
            return match request {
                Some((due, request)) if due <= now => Due::Now(request),
                Some((due, _)) => Due::At(due),
                // Nothing can be sent until the caller renews or declines.
                None => Due::At(now),
            };
        };
        let login = match tokens.poll(now) {
            Step::WaitUntil(instant) => instant,
            Step::Send | Step::RenewCredential => now,
        };
        // Without a valid token, the session can only log in.
        let request = request.filter(|(due, _)| tokens.token(*due).is_some());
        match (request, login <= now) {
            // Logins take turns with the other requests, so that neither blocks the other.
            (Some((due, request)), true) if due <= now && self.sent == Sent::Login => {
                Due::Now(request)
            }
            (_, true) => Due::Now(Sent::Login),
            (Some((due, request)), false) if due <= now => Due::Now(request),
            (Some((due, _)), false) => Due::At(due.min(login)),
            (None, false) => Due::At(login),
        }
    }

    /// Returns the next call or report and the instant at which it is due. A report goes first. Returns
    /// `None` while the credential is rejected.
    fn next_call_or_report(&self, now: T) -> Option<(T, Sent)> {
        let call = match self.poller.poll(now) {
            Step::WaitUntil(instant) => instant,
            Step::Send => now,
            Step::RenewCredential => return None,
        };
        let report = self.report.as_ref().and_then(|report| report.due(now, &self.poller));
        Some(match report {
            Some(report) if report <= call => (report, Sent::Report),
            _ => (call, Sent::Call),
        })
    }

    /// Records that this request is sent now.
    fn start(&mut self, now: T, request: Sent) {
        self.sent = request;
        self.busy_until = Some(now + self.poller.pace().call_limit());
        self.is_replaced = false;
        match (request, &mut self.tokens, &mut self.report) {
            (Sent::Login, Some(tokens), _) => tokens.on_start(now),
            (Sent::Report, _, Some(report)) => report.on_start(now),
            _ => self.poller.on_start(now),
        }
        if let Auth::Key(key) = &mut self.identity.auth {
            key.signed_with = self.clock.correction();
        }
    }

    fn request(&self, now: T, clock: Timestamp) -> Request<Vec<u8>> {
        match &self.identity.auth {
            Auth::Token(token) => self.call_or_report(token),
            Auth::Key(key) => self.call_or_report(&key.key.signer(correct(clock, key.signed_with))),
            Auth::Login(login) if self.sent == Sent::Login => login.request(&Unauthenticated),
            Auth::Login(_) => match self.tokens.as_ref().and_then(|tokens| tokens.token(now)) {
                Some(token) => self.call_or_report(token),
                None => unreachable!("a call or report is due only with a valid token"),
            },
        }
    }

    fn call_or_report(&self, auth: &impl Authorize) -> Request<Vec<u8>> {
        match &self.report {
            Some(report) if self.sent == Sent::Report => report.call.request(auth),
            _ => self.call.request(auth),
        }
    }

    fn on_login(&mut self, now: T, result: Result<IssuedToken, ResponseError>) -> Event<O::Output> {
        let Some(tokens) = &mut self.tokens else {
            unreachable!("a login is sent only for a user")
        };
        let error = match result {
            Ok(issued) => {
                if mem::take(&mut self.is_replaced) {
                    tokens.on_issued_to_another(now);
                } else {
                    tokens.on_issued(now, issued.clone());
                    self.poller.on_renewed();
                }
                return Event::LoggedIn(issued);
            }
            Err(error) => error,
        };
        tokens.on_error(now, &error);
        if !error.is_unauthorized() {
            return Event::LoginError(error);
        }
        if mem::take(&mut self.is_replaced) {
            // The old password was rejected. The new one has not been tried.
            tokens.on_renewed();
            return Event::LoginError(error);
        }
        match self.identity.auth {
            Auth::Login(_) => Event::CredentialRejected(error),
            Auth::Token(_) | Auth::Key(_) => Event::LoginError(error),
        }
    }

    fn on_call(&mut self, now: T, result: Result<O::Output, ResponseError>) -> Event<O::Output> {
        let error = match result {
            Ok(answer) => {
                self.poller.on_answer(now);
                self.compare_report(|report| O::holds_another(&answer, report));
                return Event::Answer(answer);
            }
            Err(error) => error,
        };
        self.poller.on_error(now, &error);
        if error.is_unauthorized() {
            return self.on_unauthorized(error, Event::Error);
        }
        if kind(&error) == Some(ApiErrorKind::NoTask) {
            self.compare_report(|_| false);
        }
        Event::Error(error)
    }

    fn on_report(&mut self, now: T, result: Result<(), ResponseError>) -> Event<O::Output> {
        let error = match result {
            Ok(()) => {
                if self.report_under_way().is_some() {
                    self.report = None;
                    self.poller.on_accepted();
                }
                return Event::Reported;
            }
            Err(error) => error,
        };
        if error.is_unauthorized() {
            self.poller.on_error(now, &error);
            if let Some(report) = self.report_under_way() {
                report.on_rejected(now);
            }
            return self.on_unauthorized(error, Event::ReportError);
        }
        if kind(&error) == Some(ApiErrorKind::Throttled) {
            self.poller.on_error(now, &error);
        } else if let Some(retry_after) = error.retry_after() {
            self.poller.on_retry_after(now, retry_after);
        }
        let is_final = pending_report::is_final(&error);
        if let Some(report) = self.report_under_way() {
            report.on_error(now, &error);
            if is_final {
                self.report = None;
            }
        }
        if is_final { Event::ReportRejected(error) } else { Event::ReportError(error) }
    }

    /// Returns the report whose request is under way. A repeated outcome of an earlier report must not end a
    /// report that was handed over since.
    fn report_under_way(&mut self) -> Option<&mut PendingReport<T>> {
        self.report.as_deref_mut().filter(|report| report.is_under_way())
    }

    /// Compares the pending report with the outcome of a poll. If the service holds another command, the
    /// session drops the report. Otherwise it may send the report again.
    fn compare_report(&mut self, holds_another: impl FnOnce(&ReportResult) -> bool) {
        match &mut self.report {
            Some(report) if holds_another(&report.call) => self.report = None,
            Some(report) => report.on_no_other_command(),
            None => {}
        }
    }

    /// Handles a rejected credential, after the poller of the call has recorded the rejection.
    fn on_unauthorized(
        &mut self,
        error: ResponseError,
        event: impl FnOnce(ResponseError) -> Event<O::Output>,
    ) -> Event<O::Output> {
        match &mut self.identity.auth {
            // The password may still be valid: log in again.
            Auth::Login(_) => {
                if let Some(tokens) = &mut self.tokens {
                    tokens.discard();
                }
                event(error)
            }
            // The old credential was rejected. The new one has not been tried.
            _ if mem::take(&mut self.is_replaced) => {
                self.poller.on_renewed();
                event(error)
            }
            Auth::Key(key) if key.was_signed_at_another_time(self.clock) => {
                self.poller.on_renewed();
                event(error)
            }
            Auth::Token(_) | Auth::Key(_) => Event::CredentialRejected(error),
        }
    }
}

fn kind(error: &ResponseError) -> Option<ApiErrorKind> {
    error.api().map(ApiError::kind)
}

impl<O, T: fmt::Debug> fmt::Debug for Session<O, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let credential = match self.identity.auth {
            Auth::Token(_) => "Token",
            Auth::Key(_) => "Key",
            Auth::Login(_) => "Login",
        };
        f.debug_struct("Session")
            .field("credential", &credential)
            .field("poller", &self.poller)
            .field("report", &self.report)
            .field("clock_skew", &self.clock.skew)
            .finish_non_exhaustive()
    }
}
