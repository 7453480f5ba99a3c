use std::{fmt, time::Duration};

use http::{Request, Response};
use huaweicloud_sms_core::{
    AccessKey, Action, Answer, ApiError, ApiErrorKind, AuthToken, ClockSkew, Command, Credential,
    IssuedToken, ObtainCommand, Operation, Pace, ReportResult, ResponseError, Session, Step,
    Timestamp,
};
use serde_json::Value;

use crate::{
    poller_model::{Instant, KEY_LOCK, PollerModel},
    reference::plain_time,
    report_model::{ReportModel, is_final},
};

/// The kinds of credentials in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A token of the caller.
    Token,
    /// An access key.
    Key,
    /// The password of a user, in a login.
    User,
    /// A token that a login returned.
    Issued,
}

/// The content of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The kind of its credential.
    pub kind: Kind,
    /// The number of its credential. Each kind of credential is numbered from 0.
    pub number: u64,
    /// The timestamp of its signature.
    pub date: Option<Timestamp>,
    /// The purpose of the request.
    pub purpose: Purpose,
}

/// The purposes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It obtains a command.
    Call,
    /// It logs in.
    Login,
    /// It reports a result.
    Report,
}

/// A [`Session`] on a virtual clock and a model of it, which panics as soon as the session breaks a
/// promise of its docs.
pub struct CheckedSession {
    session: Session<ObtainCommand, Instant>,
    pace: Pace,
    now: Instant,
    /// This machine's clock at the start.
    clock: Duration,
    is_followed: bool,
    skew: Option<ClockSkew>,
    signed_with: Option<ClockSkew>,
    calls: PollerModel,
    logins: Option<PollerModel>,
    login_start: Option<Instant>,
    credential: (Kind, u64),
    is_replaced: bool,
    rejected: Option<((Kind, u64), Instant)>,
    token: Option<Token>,
    report: Option<ReportModel>,
    /// The number of reports that were handed over.
    reports: u64,
    /// The purpose of the last request.
    last: Purpose,
    busy_until: Instant,
    /// Whether a request was sent whose outcome the session has not got yet.
    is_under_way: bool,
    /// The instant that the last poll announced, if nothing has happened since.
    announced: Option<Instant>,
}

/// The token of the last login.
#[derive(Clone, Copy, Debug)]
struct Token {
    number: u64,
    /// The next login is due between this instant and `latest`.
    earliest: Instant,
    latest: Instant,
    expires_at: Instant,
}

impl CheckedSession {
    /// Creates a session whose first request is due now.
    ///
    /// # Panics
    /// If the session breaks a promise. So do all methods.
    #[must_use]
    pub fn new(kind: Kind, pace: Pace, seed: u64, is_followed: bool) -> Self {
        let now = Duration::from_secs(1_000_000);
        let session = Session::new(crate::call(), credential(kind, 0), pace, seed, now);
        Self {
            session: session.follow_server_clock(is_followed),
            pace,
            now,
            clock: Duration::from_secs(1_783_296_000),
            is_followed,
            skew: None,
            signed_with: None,
            calls: PollerModel::new(pace, now),
            logins: (kind == Kind::User).then(|| PollerModel::new(pace, now)),
            login_start: None,
            credential: (kind, 0),
            is_replaced: false,
            rejected: None,
            token: None,
            report: None,
            reports: 0,
            last: Purpose::Call,
            busy_until: now,
            is_under_way: false,
            announced: None,
        }
    }

    /// Returns the present instant.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Returns the kind of the credential.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.credential.0
    }

    /// Returns whether no login is due. Without an IAM user, this is always true.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.kind() != Kind::User || self.token.is_some_and(|token| self.now < token.earliest)
    }

    /// Returns the command whose report is pending.
    #[must_use]
    pub fn pending_report(&self) -> Option<&Command> {
        self.session.pending_report().map(ReportResult::command)
    }

    /// Lets time pass. It may end before or after the announced instant.
    pub fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// Sets this machine's clock so that its time at the start is `clock`.
    pub fn set_clock(&mut self, clock: Duration) {
        self.clock = clock;
    }

    /// Tells the session how far the service's clock is ahead or behind.
    pub fn set_clock_skew(&mut self, skew: ClockSkew) {
        self.session.set_clock_skew(skew);
        self.skew = Some(skew);
    }

    /// Returns this machine's time.
    #[must_use]
    pub fn clock(&self) -> Timestamp {
        Timestamp::from_unix_time(self.clock + self.now)
    }

    /// Polls the session, and checks the request that is due now.
    ///
    /// # Errors
    /// No request is due before the returned instant.
    pub fn poll(&mut self) -> Result<Sent, Instant> {
        self.skip_what_jitter_leaves_open();
        self.check_calls();
        let due = self.session.due(self.now);
        let declines = self.model_decline();
        let (now, clock) = (self.now, self.clock());
        let action = self.session.poll(now, clock);
        let instant = match &action {
            Action::WaitUntil(instant) => {
                self.check_calls();
                *instant
            }
            Action::Send(_) => now,
        };
        assert_eq!(due, if declines { now.max(self.busy_until) } else { instant }, "{self:?}");
        if let Some(announced) = self.announced.filter(|announced| now < *announced) {
            assert_eq!(instant, announced, "{self:?}");
        }

        // Nothing is sent while a request is under way.
        let from = now.max(self.busy_until);
        let call = self.calls.latest.max(from);
        let (report_from, report_to) = self.report_is_due(from);
        let (login_from, login_to) = self.login_is_due();
        let can_send = |at: Instant| {
            self.kind() != Kind::User
                || self.token.is_some_and(|token| at < token.expires_at)
                    && !(self.calls.wants_renewal() && call == from)
        };
        match action {
            Action::WaitUntil(instant) => {
                let within = |request: Instant, login: Instant| match can_send(request) {
                    true => request.min(login.max(from)),
                    false => login.max(from),
                };
                let bounds = within(call.min(report_from), login_from)
                    ..=within(call.min(report_to), login_to);
                assert!(instant > now, "waits for the past: {self:?}");
                assert!(bounds.contains(&instant), "{instant:?} is not in {bounds:?}: {self:?}");
                self.announced = Some(instant);
                Err(instant)
            }
            Action::Send(request) => {
                assert!(now >= self.busy_until, "two requests at once: {self:?}");
                let sent = read(&request);
                match sent.purpose {
                    Purpose::Login => {
                        let is_other_due = can_send(now) && call.min(report_to) == now;
                        let was_login = self.last == Purpose::Login;
                        assert!(now >= login_from, "logs in too soon: {self:?}");
                        assert!(!(is_other_due && was_login), "it is the other's turn: {self:?}");
                    }
                    Purpose::Call => {
                        assert!(can_send(now) && call == now, "calls too soon: {self:?}");
                        assert!(now < report_to, "it is the report's turn: {self:?}");
                    }
                    Purpose::Report => {
                        assert!(can_send(now) && report_from <= now, "reports too soon: {self:?}");
                        let report = self.report.as_ref().expect("one is pending");
                        report.check_body(request.body());
                    }
                }
                if sent.purpose != Purpose::Login && self.last != Purpose::Login {
                    assert!(now < login_to, "it is the login's turn: {self:?}");
                }
                self.check_credential(&sent, clock);
                self.start(sent.purpose);
                Ok(sent)
            }
        }
    }

    /// Returns the instants between which the report is due, unless a login comes first.
    fn report_is_due(&self, from: Instant) -> (Instant, Instant) {
        let due = self.report.as_ref().and_then(|report| report.is_due(&self.calls));
        due.map_or((Instant::MAX, Instant::MAX), |(earliest, latest)| {
            (earliest.max(from), latest.max(from))
        })
    }

    /// Lets the time of the jitter pass. Within it, the model does not know whether the pause after a
    /// rejected password is over.
    fn skip_what_jitter_leaves_open(&mut self) {
        let (from, to) = self.login_is_due();
        if self.logins.as_ref().is_some_and(PollerModel::wants_renewal) && self.now >= from {
            self.now = self.now.max(to);
        }
    }

    /// Returns the instants between which the next login is due.
    fn login_is_due(&self) -> (Instant, Instant) {
        let Some(logins) = self.logins.as_ref().filter(|_| self.kind() == Kind::User) else {
            return (Instant::MAX, Instant::MAX);
        };
        let (earliest, latest) =
            self.token.map_or_else(Default::default, |token| (token.earliest, token.latest));
        (logins.earliest.max(earliest), logins.latest.max(latest))
    }

    /// Returns whether the session declines now. It declines if nobody renewed a rejected credential.
    fn model_decline(&mut self) -> bool {
        let (call, login) = (self.calls.latest, self.login_is_due().1);
        let (poller, due) = match &mut self.logins {
            Some(logins) if self.credential.0 == Kind::User => (logins, login),
            _ => (&mut self.calls, call),
        };
        let declines = poller.wants_renewal() && self.now >= due;
        if declines {
            poller.decline(self.now);
        }
        declines
    }

    fn check_calls(&mut self) {
        let poller = self.session.poller();
        assert_eq!(poller.failures(), self.calls.failures);
        self.calls.check(self.now, poller.poll(self.now));
    }

    fn start(&mut self, purpose: Purpose) {
        let now = self.now;
        assert_eq!(self.session.is_login(), purpose == Purpose::Login);
        assert_eq!(self.session.is_report(), purpose == Purpose::Report);
        (self.last, self.is_replaced) = (purpose, false);
        match purpose {
            Purpose::Call => {
                self.calls.check(now, Step::Send);
                self.calls.start(now);
            }
            Purpose::Login => {
                self.login_start = Some(now);
                let logins = self.logins.as_mut().expect("logins");
                logins.check(now, Step::Send);
                logins.start(now);
            }
            Purpose::Report => {
                let report = self.report.as_mut().expect("one is pending");
                report.poller.check(now, Step::Send);
                report.start(now);
            }
        }
        if purpose != Purpose::Login {
            self.signed_with = self.correction();
        }
        (self.busy_until, self.is_under_way) = (now + self.pace.call_limit(), true);
        self.changed();
    }

    /// Returns the poller that counts the rejections of the last request's credential.
    fn rejections(&self) -> &PollerModel {
        match &self.logins {
            Some(logins) if self.last == Purpose::Login => logins,
            _ => &self.calls,
        }
    }

    /// Returns the report if it was sent and its outcome is not known.
    fn report_under_way(&mut self) -> Option<&mut ReportModel> {
        self.report.as_mut().filter(|report| report.is_under_way())
    }

    fn changed(&mut self) {
        self.announced = None;
        let report = self.report.as_ref().map(ReportModel::report);
        assert_eq!(self.session.pending_report(), report.as_ref(), "{self:?}");
        self.check_calls();
    }

    fn check_credential(&self, sent: &Sent, clock: Timestamp) {
        let expected = match (self.credential, self.token) {
            ((Kind::User, _), Some(token)) if sent.kind == Kind::Issued => {
                assert!(self.now < token.expires_at, "an expired token: {self:?}");
                (Kind::Issued, token.number)
            }
            (credential, _) => credential,
        };
        assert_eq!((sent.kind, sent.number), expected, "{self:?}");
        if let Some((_, at)) = self.rejected.filter(|(rejected, _)| *rejected == expected) {
            assert!(self.now >= at + KEY_LOCK, "was rejected at {at:?}: {self:?}");
        }
        let clock = self.correction().map_or(clock, |skew| skew.correct(clock));
        let date = (sent.kind == Kind::Key).then(|| clock.to_string());
        assert_eq!(sent.date.map(|date| date.to_string()), date, "{self:?}");
    }

    /// Returns the skew by which signatures are corrected.
    fn correction(&self) -> Option<ClockSkew> {
        self.skew.filter(|_| self.is_followed)
    }

    /// Hands the response to the last request to the session. Returns the event's name.
    pub fn respond<B: AsRef<[u8]>>(&mut self, response: &Response<B>) -> &'static str {
        let clock = self.clock();
        let event = self.session.on_response(self.now, clock, response);
        // The date of a response that is read late says nothing about the clock.
        let is_prompt = std::mem::take(&mut self.is_under_way) && self.now <= self.busy_until;
        self.busy_until = self.now;
        let expected = match self.last {
            Purpose::Login => {
                let result = crate::login().parse(response);
                self.learn_clock(response, is_prompt, &result);
                self.on_login(&result)
            }
            Purpose::Call => {
                let result = crate::call().parse(response);
                self.learn_clock(response, is_prompt, &result);
                self.on_call(&result)
            }
            Purpose::Report => {
                let report =
                    ReportModel::new(crate::command("STOP", 0), 0, self.pace, self.now).report();
                let result = report.parse(response);
                self.learn_clock(response, is_prompt, &result);
                self.on_report(&result)
            }
        };
        // The credential was accepted meanwhile, or its pause is over.
        if self.rejections().rejections == 0 {
            self.rejected = None;
        }
        assert_eq!(self.session.clock_skew(), self.skew);
        let event = serde_json::to_value(&event).expect("JSON");
        let name = event["event"].as_str().expect("a name");
        assert_eq!(name, expected, "{self:?}");
        self.changed();
        expected
    }

    /// Learns the service's clock from a response. A page of another server says nothing about it.
    fn learn_clock<A, B>(
        &mut self,
        response: &Response<B>,
        is_prompt: bool,
        result: &Result<A, ResponseError>,
    ) {
        if is_prompt && matches!(result, Ok(_) | Err(ResponseError::Api(_))) {
            self.skew = ClockSkew::of_response(self.clock(), response.headers()).or(self.skew);
        }
    }

    fn on_call(&mut self, result: &Result<Answer, ResponseError>) -> &'static str {
        match result {
            Ok(_) => self.calls.answer(self.now),
            Err(error) => self.calls.error(self.now, error),
        }
        match result {
            Err(error) if error.is_unauthorized() => return self.on_unauthorized("error"),
            Err(error) if kind(error) != Some(ApiErrorKind::NoTask) => return "error",
            _ => {}
        }
        let answer = result.as_ref().ok();
        self.report = self.report.take().and_then(|mut report| {
            let is_kept = report.on_answer(answer);
            is_kept.then_some(report)
        });
        if answer.is_some() { "answer" } else { "error" }
    }

    fn on_report(&mut self, result: &Result<(), ResponseError>) -> &'static str {
        let (now, pace) = (self.now, self.pace);
        let Err(error) = result else {
            if self.report_under_way().is_some() {
                self.report = None;
                self.calls.accept();
            }
            return "reported";
        };
        if error.is_unauthorized() {
            self.calls.error(now, error);
            if let Some(report) = self.report_under_way() {
                report.reject(pace, now);
            }
            return self.on_unauthorized("report_error");
        }
        match (kind(error), error.retry_after()) {
            (Some(ApiErrorKind::Throttled), _) => self.calls.error(now, error),
            (_, Some(told)) => self.calls.retry_after(now, told),
            _ => {}
        }
        let is_final = is_final(error);
        if let Some(report) = self.report_under_way() {
            report.error(now, error);
            if is_final {
                self.report = None;
            }
        }
        if is_final { "report_rejected" } else { "report_error" }
    }

    /// The credential of a call or report was rejected. Returns the name of the expected event: `event`,
    /// unless the caller has to renew the credential.
    fn on_unauthorized(&mut self, event: &'static str) -> &'static str {
        match self.kind() {
            Kind::User => self.token = None,
            _ if std::mem::take(&mut self.is_replaced) => self.calls.renewed(),
            // A timestamp may be wrong by 15 minutes. A measured skew is wrong by a few seconds at most.
            Kind::Key
                if ahead(self.signed_with).abs_diff(ahead(self.correction())) > 890 * SECOND =>
            {
                self.calls.renewed();
            }
            _ => {
                self.rejected = Some((self.credential, self.now));
                return "credential_rejected";
            }
        }
        event
    }

    fn on_login(&mut self, result: &Result<IssuedToken, ResponseError>) -> &'static str {
        let (now, start) = (self.now, self.login_start.take());
        let is_user = self.kind() == Kind::User;
        let logins = self.logins.as_mut().expect("logins");
        let error = match result {
            Err(error) => error,
            Ok(issued) => {
                logins.answer(now);
                if !std::mem::take(&mut self.is_replaced) {
                    self.calls.renewed();
                    self.token = Some(self.token(start.unwrap_or(now), issued));
                }
                return "logged_in";
            }
        };
        logins.error(now, error);
        if error.is_unauthorized() {
            if std::mem::take(&mut self.is_replaced) {
                logins.renewed();
            } else if is_user {
                self.rejected = Some((self.credential, now));
                return "credential_rejected";
            }
        }
        "login_error"
    }

    /// Returns a new token. It is renewed when a quarter of its life is left, or half an hour if that is
    /// less. Jitter makes this earlier.
    fn token(&self, start: Instant, issued: &IssuedToken) -> Token {
        let life = issued.lifetime().min(Pace::MAX);
        let usable = life - (life / 4).min(Duration::from_secs(30 * 60));
        let early = usable * u32::from(self.pace.jitter()) / 100;
        Token {
            number: number(issued.token.reveal()),
            earliest: start + usable - early,
            latest: start + usable,
            expires_at: start + life,
        }
    }

    /// Tells the session that the last request got no response.
    pub fn fail(&mut self) {
        let now = self.now;
        self.session.on_failure(now);
        match self.last {
            Purpose::Call => self.calls.failure(now),
            Purpose::Login => self.logins.as_mut().expect("logins").failure(now),
            Purpose::Report => {
                if let Some(report) = self.report_under_way() {
                    report.failure(now);
                }
            }
        }
        (self.busy_until, self.is_under_way, self.login_start) = (now, false, None);
        self.changed();
    }

    /// Hands over a new credential. Its number is one more than that of the last one.
    pub fn renew(&mut self, kind: Kind) {
        let (old, number) = self.credential;
        self.credential = (kind, number + 1);
        self.session.renew(credential(kind, number + 1));
        // A new key has signed nothing.
        (self.is_replaced, self.signed_with) = (true, None);
        if (old, kind) != (Kind::User, Kind::User) {
            self.token = None;
            self.calls.renewed();
        }
        match &mut self.logins {
            Some(logins) if kind == Kind::User => logins.renewed(),
            None if kind == Kind::User => self.logins = Some(PollerModel::new(self.pace, self.now)),
            _ => {}
        }
        self.changed();
    }

    /// Hands the report of this command over. Returns whether the session took it. The session rejects it only
    /// if another one is pending.
    pub fn report(&mut self, command: Command) -> bool {
        let report = ReportModel::new(command, self.reports, self.pace, self.now);
        let is_taken = self.report.is_none();
        let expected = if is_taken { Ok(()) } else { Err(report.report()) };
        assert_eq!(self.session.report(self.now, report.report()), expected);
        if is_taken {
            self.reports += 1;
            self.report = Some(report);
        }
        self.changed();
        is_taken
    }

    /// Tells the session that there is no new credential.
    pub fn decline(&mut self) {
        self.skip_what_jitter_leaves_open();
        self.session.decline(self.now);
        self.model_decline();
        self.changed();
    }
}

impl fmt::Debug for CheckedSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { now, credential, token, report, busy_until, calls, logins, .. } = self;
        write!(f, "at {now:?}, {credential:?}, {token:?}, under way until {busy_until:?}, ")?;
        write!(f, "calls {calls:?}, logins {logins:?}, {report:?}, {:?}", self.session)
    }
}

fn credential(kind: Kind, number: u64) -> Credential {
    match kind {
        Kind::Key => AccessKey::new(&format!("k{number}"), "secret").expect("valid").into(),
        Kind::User => crate::login_with(&format!("p{number}")).into(),
        Kind::Token | Kind::Issued => AuthToken::new(&format!("t{number}")).expect("valid").into(),
    }
}

/// Reads the number in the name of a credential, behind its letter.
fn number(name: &str) -> u64 {
    name[1..].parse().expect("a number")
}

/// Reads a request, which must be complete.
fn read(request: &Request<Vec<u8>>) -> Sent {
    let text = |name| request.headers().get(name).map(|value| value.to_str().expect("ASCII"));
    let length = request.body().len();
    assert_eq!(text("host"), request.uri().host());
    assert_eq!(text("content-length"), (length > 0).then(|| length.to_string()).as_deref());
    let date = text("x-sdk-date").map(|date| {
        let [year, month, hour, minute] = [&date[..4], &date[4..6], &date[6..11], &date[11..13]];
        let date = plain_time(&format!("{year}-{month}-{hour}:{minute}:{}", &date[13..]));
        Timestamp::from_unix_time(date.expect("a date"))
    });
    let path = request.uri().path();
    let (purpose, method) = match path {
        "/v3/sources/id/command" => (Purpose::Call, "GET"),
        "/v3/sources/id/command_result" => (Purpose::Report, "POST"),
        _ => (Purpose::Login, "POST"),
    };
    assert_eq!(request.method(), method);
    let (kind, name) = match (path, text("x-auth-token"), text("authorization")) {
        ("/v3/auth/tokens", None, None) => {
            let body: Value = serde_json::from_slice(request.body()).expect("JSON");
            let password = &body["auth"]["identity"]["password"]["user"]["password"];
            (Kind::User, password.as_str().expect("a password").to_owned())
        }
        (_, Some(token), None) if purpose != Purpose::Login => {
            let kind = if token.starts_with('i') { Kind::Issued } else { Kind::Token };
            (kind, token.to_owned())
        }
        (_, None, Some(signature)) if purpose != Purpose::Login => {
            let id = signature.strip_prefix("SDK-HMAC-SHA256 Access=").expect("a signature");
            (Kind::Key, id.split(',').next().expect("an id").to_owned())
        }
        _ => panic!("not one credential: {request:?}"),
    };
    Sent { kind, number: number(&name), date, purpose }
}

fn kind(error: &ResponseError) -> Option<ApiErrorKind> {
    error.api().map(ApiError::kind)
}

const SECOND: u128 = 1_000_000_000;

/// Returns how far the service's clock is ahead, in nanoseconds.
fn ahead(skew: Option<ClockSkew>) -> i128 {
    let Some(skew) = skew else { return 0 };
    let nanos = i128::try_from(skew.magnitude().as_nanos()).expect("small");
    if skew.is_ahead() { nanos } else { -nanos }
}

/// Returns the response to a login, with the token of this number, issued at `clock`.
#[must_use]
pub fn issued(number: u64, clock: Timestamp, life: Duration) -> Response<String> {
    let expires_at = Timestamp::from_unix_time(clock.as_unix_time() + life);
    let body = format!(r#"{{"token":{{"issued_at":"{clock}","expires_at":"{expires_at}"}}}}"#);
    let response = Response::builder().status(201).header("x-subject-token", format!("i{number}"));
    response.body(body).expect("valid")
}

/// Adds a `Date`. Its day is always Monday, because the core does not read the name of the day.
#[must_use]
pub fn dated(mut response: Response<String>, clock: Timestamp) -> Response<String> {
    let text = clock.to_string();
    let month = text[5..7].parse().ok().and_then(|month: u8| time::Month::try_from(month).ok());
    let month = month.expect("a month").to_string();
    let (day, year, time) = (&text[8..10], &text[..4], &text[11..19]);
    let text = format!("Mon, {day} {} {year} {time} GMT", &month[..3]);
    response.headers_mut().insert("date", text.parse().expect("a value"));
    response
}
