use core::{fmt, ops::Add, time::Duration};

use crate::{AuthToken, InvalidInput, IssuedToken, Pace, Poller, ResponseError, Step};

/// Keeps a token, and says **when** to get a new one: a state machine without a clock, as [`Poller`].
///
/// It owns a token's expiry; refusals and pauses are the poller's, of which it has one for the
/// logins. A token's life is counted from the start of its login on the caller's own clock, so that it
/// matters to nobody whether that agrees with IAM's.
///
/// In a loop: ask [`poll`](Self::poll) what to do now, do it, and tell what came of it, each time with
/// the present moment; [`token`](Self::token) is what to send meanwhile.
///
/// | it was told | then |
/// |---|---|
/// | nothing | it wants a login at once |
/// | [`on_issued`](Self::on_issued) | the token is handed out until it expires; the next login is due a quarter of its life before that, at most half an hour, and earlier still by a random part (the pace's jitter) |
/// | [`on_refused`](Self::on_refused): the service refused the token | the token is handed out no more, and a login is due, though not within the pace's interval after the last token |
/// | [`on_error`](Self::on_error), [`on_failure`](Self::on_failure) of a login | what a [`Poller`] does; the old token stays in use until it expires |
/// | a refused password | [`Step::RenewAuth`]: a new one is tried at once ([`on_auth_renewed`](Self::on_auth_renewed)), the old one ([`on_auth_kept`](Self::on_auth_kept)) after 5 minutes, the time for which a key is locked |
///
/// Beside a [`Poller`] for the service, a round of a driver:
///
/// ```
/// use std::time::{Duration, Instant};
/// use huaweicloud_sms_core::{
///     AuthToken, Endpoint, IamUser, IssueToken, ObtainCommand, Operation, Pace, Poller, Scope,
///     ServerId, Step, TokenCache, Unauthenticated, http,
/// };
/// # // Stands in for the network: IAM's tokens are good for 60 s, and the service refuses the second one.
/// # let mut issued = 0;
/// # let mut send = |request: http::Request<Vec<u8>>| {
/// #     let response = http::Response::builder();
/// #     match request.uri().path() {
/// #         "/v3/auth/tokens" => {
/// #             issued += 1;
/// #             let times = r#"{"token":{"issued_at":"2026-07-06T00:00:00Z","expires_at":"2026-07-06T00:01:00Z"}}"#;
/// #             response.status(201).header("x-subject-token", issued.to_string()).body(times)
/// #         }
/// #         _ if request.headers()["x-auth-token"] == "2" => response.status(401).body(""),
/// #         _ => response.status(200).body(r#"{"command_name":"STOP"}"#),
/// #     }
/// # };
///
/// let iam = Endpoint::new("https://iam.ap-southeast-3.myhuaweicloud.com")?;
/// let user = IamUser::new("my-account", "migration", "not-a-real-password")?;
/// let login = IssueToken::new(&iam, &user, Scope::Account)?;
/// let sms = Endpoint::new("https://sms.ap-southeast-3.myhuaweicloud.com")?;
/// let call = ObtainCommand::new(&sms, &ServerId::new("f32ab4d6-d150-4fb3-aa55-edbb5cf9947f")?);
///
/// let mut now = Instant::now();
/// let mut tokens = TokenCache::new(Pace::default(), 42, now)?;
/// let mut poller = Poller::new(Pace::default(), 43, now)?;
/// let mut answers = 0;
/// while answers < 20 {
///     let step = poller.poll(now);
///     if step == Step::RenewAuth {
///         tokens.on_refused();
///     }
///     match (tokens.poll(now), step, tokens.token(now)) {
///         (Step::Obtain, ..) => {
///             tokens.on_start(now);
///             match login.parse(&send(login.request(&Unauthenticated))?) {
///                 Ok(issued) => {
///                     tokens.on_issued(now, issued);
///                     poller.on_auth_renewed();
///                 }
///                 Err(error) => tokens.on_error(now, &error), // Or `on_failure` without a response.
///             }
///         }
///         (Step::RenewAuth, ..) => tokens.on_auth_kept(now), // Or a login with another password.
///         (Step::WaitUntil(_), Step::Obtain, Some(token)) => {
///             poller.on_start(now);
///             match call.parse(&send(call.request(token))?) {
///                 Ok(_) => {
///                     poller.on_answer(now);
///                     answers += 1;
///                 }
///                 Err(error) => poller.on_error(now, &error),
///             }
///         }
///         // Nothing is due, or there is no token for what is: time passes.
///         (Step::WaitUntil(login), Step::WaitUntil(call), Some(_)) => now = login.min(call),
///         (Step::WaitUntil(login), ..) => now = login,
///     }
/// }
/// # assert!((4..=7).contains(&issued), "{issued}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TokenCache<T> {
    /// When to log in, were there no token.
    logins: Poller<T>,
    /// When the login that is under way has started.
    started: Option<T>,
    token: Option<Kept<T>>,
}

struct Kept<T> {
    token: AuthToken,
    renew_at: T,
    expires_at: T,
}

/// How long before its expiry a token is to be replaced at the latest: time for failed logins to be
/// repeated.
const MARGIN: Duration = Duration::from_secs(30 * 60);

impl<T: Copy + Ord + Add<Duration, Output = T>> TokenCache<T> {
    /// A cache without a token, whose first login is due at `first`. The interval of the pace is the
    /// least time from a token to the next login; for the rest see [`Poller::new`].
    ///
    /// # Errors
    /// As [`Poller::new`].
    pub fn new(pace: Pace, seed: u64, first: T) -> Result<Self, InvalidInput> {
        Ok(Self { logins: Poller::new(pace, seed, first)?, started: None, token: None })
    }

    /// The token to send now, if there is one that is good.
    pub fn token(&self, now: T) -> Option<&AuthToken> {
        self.token.as_ref().filter(|kept| now < kept.expires_at).map(|kept| &kept.token)
    }

    /// What to do now: log in ([`Step::Obtain`]), get another password ([`Step::RenewAuth`]), or
    /// nothing. Changes nothing itself.
    pub fn poll(&self, now: T) -> Step<T> {
        let due = self.token.as_ref().map_or(now, |kept| kept.renew_at);
        match self.logins.poll(now) {
            Step::WaitUntil(next) => Step::WaitUntil(next.max(due)),
            // Whatever came of another login: this token is good.
            Step::Obtain | Step::RenewAuth if now < due => Step::WaitUntil(due),
            step => step,
        }
    }

    /// A login goes out now.
    pub fn on_start(&mut self, now: T) {
        self.started = Some(now);
        self.logins.on_start(now);
    }

    /// The login was answered by a token.
    pub fn on_issued(&mut self, now: T, issued: IssuedToken) {
        self.logins.on_answer(now);
        // Whoever tells of no start gets a life that may end later than the token's.
        let from = self.started.take().unwrap_or(now);
        // A cap that any clock can bear; what lives longer is merely replaced sooner.
        let life = issued.lifetime().min(Pace::MAX);
        let usable = life - (life / 4).min(MARGIN);
        let renew_at = from + (usable - self.logins.jitter(usable));
        self.token = Some(Kept { token: issued.token, renew_at, expires_at: from + life });
    }

    /// The login was answered by an error.
    pub fn on_error(&mut self, now: T, error: &ResponseError) {
        self.started = None;
        self.logins.on_error(now, error);
    }

    /// The login got no response.
    pub fn on_failure(&mut self, now: T) {
        self.started = None;
        self.logins.on_failure(now);
    }

    /// The service refused the token that was handed out.
    pub fn on_refused(&mut self) {
        self.token = None;
    }

    /// There is a new password: as [`Poller::on_auth_renewed`]. A token that is good stays in use.
    pub fn on_auth_renewed(&mut self) {
        self.logins.on_auth_renewed();
    }

    /// There is no new password: as [`Poller::on_auth_kept`].
    pub fn on_auth_kept(&mut self, now: T) {
        self.logins.on_auth_kept(now);
    }

    /// How many logins in a row failed, refused passwords apart.
    pub fn failures(&self) -> u32 {
        self.logins.failures()
    }
}

impl<T: fmt::Debug> fmt::Debug for TokenCache<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.token.as_ref();
        f.debug_struct("TokenCache")
            .field("renew_at", &kept.map(|kept| &kept.renew_at))
            .field("expires_at", &kept.map(|kept| &kept.expires_at))
            .field("logins", &self.logins)
            .finish_non_exhaustive()
    }
}
