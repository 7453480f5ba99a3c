use std::{fmt, time::Duration};

use http::{Request, Response};
use huaweicloud_sms_core::{
    AccessKey, Action, AuthToken, ClockSkew, Credential, IssuedToken, ObtainCommand, Operation,
    Pace, ResponseError, Session, Step, Timestamp,
};
use serde_json::Value;

use crate::{
    poller_model::{Instant, KEY_LOCK, PollerModel},
    reference::plain_time,
};

/// What a request proves an identity with.
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

/// What is read from a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The kind of its credential.
    pub kind: Kind,
    /// The number of its credential among those of its kind.
    pub number: u64,
    /// The timestamp of its signature.
    pub date: Option<Timestamp>,
}

/// A [`Session`] on a virtual clock and a model of it, which panics as soon as the session breaks a
/// promise of its docs.
pub struct CheckedSession {
    session: Session<ObtainCommand, Instant>,
    pace: Pace,
    now: Instant,
    /// What this machine's clock shows at the start.
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
    is_login: bool,
    busy_until: Instant,
    /// Whether a request was sent and no outcome was reported.
    is_under_way: bool,
    /// What the last poll announced, if nothing has happened since.
    announced: Option<Instant>,
}

/// The token of the last login.
#[derive(Clone, Copy, Debug)]
struct Token {
    number: u64,
    /// The next login is due between these instants.
    earliest: Instant,
    latest: Instant,
    expires_at: Instant,
}

impl CheckedSession {
    /// A session whose first request is due now.
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
            is_login: false,
            busy_until: now,
            is_under_way: false,
            announced: None,
        }
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The kind of the credential.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.credential.0
    }

    /// Whether the next login is not due yet, if there are logins at all.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.kind() != Kind::User || self.token.is_some_and(|token| self.now < token.earliest)
    }

    /// Lets time pass: an early wake-up, a late one, a suspended machine.
    pub fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    /// Sets this machine's clock, by what it shows at the start.
    pub fn set_clock(&mut self, clock: Duration) {
        self.clock = clock;
    }

    /// Tells the session how far the service's clock is ahead, or behind.
    pub fn set_clock_skew(&mut self, skew: ClockSkew) {
        self.session.set_clock_skew(skew);
        self.skew = Some(skew);
    }

    /// This machine's time.
    #[must_use]
    pub fn clock(&self) -> Timestamp {
        Timestamp::from_unix_time(self.clock + self.now)
    }

    /// The request that is due now, or the instant at which to poll again.
    ///
    /// # Errors
    /// Nothing is due before this instant.
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
        let (login_from, login_to) = self.login_is_due();
        let can_call = self.kind() != Kind::User
            || self.token.is_some_and(|token| call < token.expires_at)
                && !(self.calls.wants_renewal() && call == from);
        match action {
            Action::WaitUntil(instant) => {
                let within = |login: Instant| match can_call {
                    true => call.min(login.max(from)),
                    false => login.max(from),
                };
                let bounds = within(login_from)..=within(login_to);
                assert!(instant > now, "waits for the past: {self:?}");
                assert!(bounds.contains(&instant), "{instant:?} is not in {bounds:?}: {self:?}");
                self.announced = Some(instant);
                Err(instant)
            }
            Action::Send(request) => {
                assert!(now >= self.busy_until, "two requests at once: {self:?}");
                let sent = read(&request);
                let is_call_due = can_call && call == now;
                if sent.kind == Kind::User {
                    assert!(now >= login_from, "logs in too soon: {self:?}");
                    assert!(!(is_call_due && self.is_login), "it is the call's turn: {self:?}");
                } else {
                    assert!(is_call_due, "calls too soon: {self:?}");
                    assert!(self.is_login || now < login_to, "it is the login's turn: {self:?}");
                }
                self.check_credential(&sent, clock);
                self.start(sent.kind == Kind::User);
                Ok(sent)
            }
        }
    }

    /// Whether a pause after a rejected password is over is known only outside of its jitter.
    fn skip_what_jitter_leaves_open(&mut self) {
        let (from, to) = self.login_is_due();
        if self.logins.as_ref().is_some_and(PollerModel::wants_renewal) && self.now >= from {
            self.now = self.now.max(to);
        }
    }

    /// Between which instants the next login is due.
    fn login_is_due(&self) -> (Instant, Instant) {
        let Some(logins) = self.logins.as_ref().filter(|_| self.kind() == Kind::User) else {
            return (Instant::MAX, Instant::MAX);
        };
        let (earliest, latest) =
            self.token.map_or_else(Default::default, |token| (token.earliest, token.latest));
        (logins.earliest.max(earliest), logins.latest.max(latest))
    }

    /// Whether the session declines now, as it does if nobody renewed a rejected credential.
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

    fn start(&mut self, is_login: bool) {
        let now = self.now;
        assert_eq!(self.session.is_login(), is_login);
        (self.is_login, self.is_replaced) = (is_login, false);
        self.poller().check(now, Step::Send);
        self.poller().start(now);
        match is_login {
            true => self.login_start = Some(now),
            false => self.signed_with = self.correction(),
        }
        (self.busy_until, self.is_under_way) = (now + self.pace.call_limit(), true);
        self.changed();
    }

    /// The poller of the last request.
    fn poller(&mut self) -> &mut PollerModel {
        match &mut self.logins {
            Some(logins) if self.is_login => logins,
            _ => &mut self.calls,
        }
    }

    fn changed(&mut self) {
        self.announced = None;
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

    /// The skew by which signatures are corrected.
    fn correction(&self) -> Option<ClockSkew> {
        self.skew.filter(|_| self.is_followed)
    }

    /// The response to the last request. Returns the event's name.
    pub fn respond<B: AsRef<[u8]>>(&mut self, response: &Response<B>) -> &'static str {
        let clock = self.clock();
        let event = self.session.on_response(self.now, clock, response);
        // A response that is read late tells no clock.
        let is_prompt = std::mem::take(&mut self.is_under_way) && self.now <= self.busy_until;
        self.busy_until = self.now;
        let expected = match self.is_login {
            true => {
                let result = crate::login().parse(response);
                self.learn_clock(response, is_prompt, &result);
                self.on_login(&result)
            }
            false => {
                let result = crate::call().parse(response);
                self.learn_clock(response, is_prompt, &result);
                self.on_call(&result)
            }
        };
        // It was accepted meanwhile, or its pause is over.
        if self.poller().rejections == 0 {
            self.rejected = None;
        }
        assert_eq!(self.session.clock_skew(), self.skew);
        let event = serde_json::to_value(&event).expect("JSON");
        let name = event["event"].as_str().expect("a name");
        assert_eq!(name, expected, "{self:?}");
        self.changed();
        expected
    }

    /// A page of another server says nothing of the service's clock.
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

    fn on_call<A>(&mut self, result: &Result<A, ResponseError>) -> &'static str {
        let Err(error) = result else {
            self.calls.answer(self.now);
            return "answer";
        };
        self.calls.error(self.now, error);
        if !error.is_unauthorized() {
            return "error";
        }
        match self.kind() {
            Kind::User => self.token = None,
            _ if std::mem::take(&mut self.is_replaced) => self.calls.renewed(),
            // The limit is 15 minutes, and a skew is accurate to a few seconds.
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
        "error"
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

    /// A token is renewed a quarter of its life before its end, at most half an hour; sooner by jitter.
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

    /// The last request got no response.
    pub fn fail(&mut self) {
        let now = self.now;
        self.session.on_failure(now);
        self.poller().failure(now);
        (self.busy_until, self.is_under_way, self.login_start) = (now, false, None);
        self.changed();
    }

    /// There is a new credential. Its number is one more than that of the last one.
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

    /// There is no new credential.
    pub fn decline(&mut self) {
        self.skip_what_jitter_leaves_open();
        self.session.decline(self.now);
        self.model_decline();
        self.changed();
    }
}

impl fmt::Debug for CheckedSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { now, credential, token, busy_until, calls, logins, .. } = self;
        write!(f, "at {now:?}, {credential:?}, {token:?}, under way until {busy_until:?}, ")?;
        write!(f, "calls {calls:?}, logins {logins:?}, {:?}", self.session)
    }
}

fn credential(kind: Kind, number: u64) -> Credential {
    match kind {
        Kind::Key => AccessKey::new(&format!("k{number}"), "secret").expect("valid").into(),
        Kind::User => crate::login_with(&format!("p{number}")).into(),
        Kind::Token | Kind::Issued => AuthToken::new(&format!("t{number}")).expect("valid").into(),
    }
}

/// The number behind the letter of a kind.
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
    let (kind, name) = match (request.uri().path(), text("x-auth-token"), text("authorization")) {
        ("/v3/auth/tokens", None, None) => {
            let body: Value = serde_json::from_slice(request.body()).expect("JSON");
            let password = &body["auth"]["identity"]["password"]["user"]["password"];
            (Kind::User, password.as_str().expect("a password").to_owned())
        }
        ("/v3/sources/id/command", Some(token), None) => {
            let kind = if token.starts_with('i') { Kind::Issued } else { Kind::Token };
            (kind, token.to_owned())
        }
        ("/v3/sources/id/command", None, Some(signature)) => {
            let id = signature.strip_prefix("SDK-HMAC-SHA256 Access=").expect("a signature");
            (Kind::Key, id.split(',').next().expect("an id").to_owned())
        }
        _ => panic!("not one credential: {request:?}"),
    };
    Sent { kind, number: number(&name), date }
}

const SECOND: u128 = 1_000_000_000;

/// How far the service's clock is ahead, in nanoseconds.
fn ahead(skew: Option<ClockSkew>) -> i128 {
    let Some(skew) = skew else { return 0 };
    let nanos = i128::try_from(skew.magnitude().as_nanos()).expect("small");
    if skew.is_ahead() { nanos } else { -nanos }
}

/// The response to a login, with the token of this number, issued at `clock`.
#[must_use]
pub fn issued(number: u64, clock: Timestamp, life: Duration) -> Response<String> {
    let expires_at = Timestamp::from_unix_time(clock.as_unix_time() + life);
    let body = format!(r#"{{"token":{{"issued_at":"{clock}","expires_at":"{expires_at}"}}}}"#);
    let response = Response::builder().status(201).header("x-subject-token", format!("i{number}"));
    response.body(body).expect("valid")
}

/// Adds a `Date`. It is always a Monday, since the name of the day is not read.
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
