//! What the watches of both modules share: what is asked, by whom, and when.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    time::Instant,
};

use http::{Request, Response};
use huaweicloud_sms_core::http;

use crate::{
    AccessKey, AuthToken, ClockSkew, Credential, Error, Event, InvalidInput, IssueToken, Operation,
    Pace, Poller, Step, TokenCache, Unauthenticated, now, server_clock::ServerClock,
};

pub(crate) struct State<O> {
    call: O,
    held: Held,
    poller: Poller<Instant>,
    clock: ServerClock,
    /// Whether what was sent last is a login.
    is_login: bool,
    /// Whether the caller was asked for a credential and has not handed one over.
    is_asked: bool,
    /// Whether the last call was sent with a credential that has been replaced since.
    is_replaced: bool,
}

/// The credential, and what has to be known of it. The rarer ones are boxed: a fleet has many.
enum Held {
    Token(AuthToken),
    Key(Box<Key>),
    Login(Box<Login>),
}

struct Key {
    key: AccessKey,
    /// By what the moment of the last signature was corrected.
    corrected_by: Option<ClockSkew>,
}

impl Key {
    /// Whether the service's clock has turned out to be so much another one since the last signature that
    /// this was refused for it.
    fn has_another_moment(&self, clock: &ServerClock) -> bool {
        let now = now();
        let correct = |skew: Option<ClockSkew>| skew.map_or(now, |skew| skew.correct(now));
        let skew = ClockSkew::between(correct(self.corrected_by), correct(clock.correction()));
        skew.explains_refusal()
    }
}

struct Login {
    call: IssueToken,
    tokens: TokenCache<Instant>,
}

/// What a watch is to do.
pub(crate) enum Next<A, T> {
    WaitUntil(Instant),
    Send(Request<Vec<u8>>),
    Tell(Event<A, T>),
}

enum Act {
    Wait(Instant),
    Call,
    LogIn,
    Ask,
}

impl Held {
    fn new(credential: Credential, pace: Pace, now: Instant) -> Result<Self, InvalidInput> {
        Ok(match credential {
            Credential::Token(token) => Self::Token(token),
            Credential::Key(key) => Self::Key(Box::new(Key { key, corrected_by: None })),
            Credential::Login(call) => {
                let tokens = TokenCache::new(pace, seed(), now)?;
                Self::Login(Box::new(Login { call, tokens }))
            }
        })
    }
}

/// std's only randomness: the keys of a new hasher.
fn seed() -> u64 {
    RandomState::new().build_hasher().finish()
}

impl<O: Operation> State<O> {
    pub(crate) fn new(
        call: O,
        credential: Credential,
        pace: Pace,
        clock: ServerClock,
        now: Instant,
    ) -> Result<Self, InvalidInput> {
        let poller = Poller::new(pace, seed(), now)?;
        let held = Held::new(credential, pace, now)?;
        Ok(Self { call, held, poller, clock, is_login: false, is_asked: false, is_replaced: false })
    }

    pub(crate) fn poller(&self) -> &Poller<Instant> {
        &self.poller
    }

    /// When the next call or login goes out; now, or before, if one is due.
    pub(crate) fn due(&self, now: Instant) -> Instant {
        let moment = |step| match step {
            Step::WaitUntil(moment) => moment,
            Step::Obtain | Step::RenewAuth => now,
        };
        let step = self.poller.poll(now);
        let call = moment(step);
        let Held::Login(login) = &self.held else { return call };
        let tokens = &login.tokens;
        let login = moment(tokens.poll(now));
        // Without a token that the service takes no call goes out.
        let has_token = step != Step::RenewAuth && tokens.token(call).is_some();
        if has_token { call.min(login) } else { login }
    }

    #[cfg(feature = "hyper")]
    pub(crate) fn is_login(&self) -> bool {
        self.is_login
    }

    pub(crate) fn renew(&mut self, credential: Credential, now: Instant) {
        self.is_asked = false;
        self.is_replaced = true;
        match (&mut self.held, credential) {
            // Its token may be good still, and its pauses go on.
            (Held::Login(login), Credential::Login(call)) => {
                login.call = call;
                login.tokens.on_auth_renewed();
            }
            (_, credential) => {
                // The pace was accepted when the watch was made.
                if let Ok(held) = Held::new(credential, self.poller.pace(), now) {
                    self.held = held;
                }
                self.poller.on_auth_renewed();
            }
        }
    }

    pub(crate) fn keep(&mut self, now: Instant) {
        if std::mem::take(&mut self.is_asked) {
            match &mut self.held {
                Held::Login(login) => login.tokens.on_auth_kept(now),
                Held::Token(_) | Held::Key(_) => self.poller.on_auth_kept(now),
            }
        }
    }

    pub(crate) fn next<T>(&mut self, now: Instant) -> Next<O::Output, T> {
        // Who was asked and only goes on has no new one.
        self.keep(now);
        match self.act(now) {
            Act::Wait(moment) => Next::WaitUntil(moment),
            Act::Call => {
                (self.is_login, self.is_replaced) = (false, false);
                self.poller.on_start(now);
                Next::Send(self.request(now))
            }
            Act::LogIn => {
                self.is_login = true;
                Next::Send(self.request(now))
            }
            Act::Ask => {
                self.is_asked = true;
                Next::Tell(Event::RenewAuth)
            }
        }
    }

    fn act(&mut self, now: Instant) -> Act {
        let step = self.poller.poll(now);
        match &mut self.held {
            Held::Login(login) => {
                let tokens = &login.tokens;
                let is_call_due = step == Step::Obtain && tokens.token(now).is_some();
                match tokens.poll(now) {
                    // Sends nothing, so it need not wait for what does.
                    Step::RenewAuth => Act::Ask,
                    // In turns, where both are due: neither must wait for the other for ever.
                    Step::Obtain if !(is_call_due && self.is_login) => Act::LogIn,
                    _ if is_call_due => Act::Call,
                    Step::Obtain => Act::LogIn,
                    Step::WaitUntil(_) => Act::Wait(self.due(now)),
                }
            }
            Held::Key(key) if step == Step::RenewAuth && key.has_another_moment(&self.clock) => {
                self.poller.on_auth_renewed();
                Act::Call
            }
            Held::Key(_) | Held::Token(_) => match step {
                Step::WaitUntil(moment) => Act::Wait(moment),
                Step::Obtain => Act::Call,
                Step::RenewAuth => Act::Ask,
            },
        }
    }

    fn request(&mut self, now: Instant) -> Request<Vec<u8>> {
        match &mut self.held {
            Held::Token(token) => self.call.request(token),
            Held::Key(held) => {
                held.corrected_by = self.clock.correction();
                self.call.request(&held.key.at(self.clock.now()))
            }
            Held::Login(login) if self.is_login => {
                login.tokens.on_start(now);
                login.call.request(&Unauthenticated)
            }
            Held::Login(login) => match login.tokens.token(now) {
                Some(token) => self.call.request(token),
                // Not reached: a call needs a token to be due.
                None => self.call.request(&Unauthenticated),
            },
        }
    }

    /// Takes in what came of what was sent last.
    pub(crate) fn finish<B: AsRef<[u8]>, T>(
        &mut self,
        now: Instant,
        result: Result<Response<B>, T>,
    ) -> Event<O::Output, T> {
        match &mut self.held {
            Held::Login(login) if self.is_login => {
                let event = login.finish(now, result, &self.clock);
                if matches!(event, Event::LoggedIn(_)) {
                    self.poller.on_auth_renewed();
                }
                event
            }
            _ => self.finish_call(now, result),
        }
    }

    fn finish_call<B: AsRef<[u8]>, T>(
        &mut self,
        now: Instant,
        result: Result<Response<B>, T>,
    ) -> Event<O::Output, T> {
        let error = match self.clock.read(&self.call, result) {
            Ok(answer) => {
                self.poller.on_answer(now);
                return Event::Answer(answer);
            }
            Err(error) => error,
        };
        match &error {
            Error::Transport(_) => self.poller.on_failure(now),
            Error::Response(error) => {
                self.poller.on_error(now, error);
                match &mut self.held {
                    Held::Login(login) if error.is_unauthorized() => login.tokens.on_refused(),
                    // Refused is the old credential, and the new one still has its try. A login has it when
                    // it gets a token.
                    Held::Token(_) | Held::Key(_) if self.is_replaced => {
                        self.poller.on_auth_renewed();
                    }
                    _ => {}
                }
            }
        }
        Event::Error(error)
    }
}

impl Login {
    fn finish<B: AsRef<[u8]>, A, T>(
        &mut self,
        now: Instant,
        result: Result<Response<B>, T>,
        clock: &ServerClock,
    ) -> Event<A, T> {
        let error = match clock.read(&self.call, result) {
            Ok(issued) => {
                self.tokens.on_issued(now, issued.clone());
                return Event::LoggedIn(issued);
            }
            Err(error) => error,
        };
        match &error {
            Error::Transport(_) => self.tokens.on_failure(now),
            Error::Response(error) => self.tokens.on_error(now, error),
        }
        Event::LoginError(error)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Answer, Endpoint, IamUser, ObtainCommand, Scope, ServerId};

    const CALL: &str = "/v3/sources/id/command";
    const LOGIN: &str = "/v3/auth/tokens";

    type Response = http::Response<&'static str>;

    /// A watch at whatever moment it is told.
    struct Driven {
        state: State<ObtainCommand>,
        now: Instant,
    }

    impl Driven {
        fn new(credential: impl Into<Credential>) -> Self {
            let endpoint = Endpoint::new("https://sms.example").expect("valid");
            let call = ObtainCommand::new(&endpoint, &ServerId::new("id").expect("valid"));
            let now = Instant::now();
            let pace = Pace::default().jitter(0);
            let clock = ServerClock::default();
            let state = State::new(call, credential.into(), pace, clock, now).expect("a watch");
            Self { state, now }
        }

        /// A user who has logged in, for a token that lives for a minute.
        fn logged_in() -> Self {
            let mut watch = Self::new(login("p"));
            assert_eq!(watch.next(), LOGIN);
            watch.finish(issued());
            watch
        }

        /// What it does next, without waiting for it: the path that is asked, or why not.
        fn next(&mut self) -> String {
            match self.state.next::<()>(self.now) {
                Next::Send(request) => request.uri().path().to_owned(),
                Next::WaitUntil(moment) => format!("waits {} s", (moment - self.now).as_secs()),
                Next::Tell(event) => format!("{event:?}"),
            }
        }

        fn finish(&mut self, response: Response) -> Event<Answer, ()> {
            self.state.finish(self.now, Ok(response))
        }

        fn pass(&mut self, seconds: u64) {
            self.now += Duration::from_secs(seconds);
        }
    }

    fn response(status: u16, body: &'static str) -> Response {
        http::Response::builder().status(status).body(body).expect("valid")
    }

    /// A token that lives for a minute.
    fn issued() -> Response {
        let body =
            r#"{"token":{"issued_at":"2026-07-06T00:00:00Z","expires_at":"2026-07-06T00:01:00Z"}}"#;
        let response = http::Response::builder().status(201).header("x-subject-token", "t");
        response.body(body).expect("valid")
    }

    fn login(password: &str) -> IssueToken {
        let iam = Endpoint::new("https://iam.example").expect("valid");
        let user = IamUser::new("account", "user", password).expect("valid");
        IssueToken::new(&iam, &user, Scope::Account).expect("valid")
    }

    fn key(secret: &str) -> AccessKey {
        AccessKey::new("id", secret).expect("valid")
    }

    /// With a caller so slow that a call is due each time.
    #[test]
    fn a_due_login_is_not_starved_by_due_calls() {
        let mut watch = Driven::logged_in();
        for _ in 0..4 {
            assert_eq!(watch.next(), CALL);
            watch.finish(response(200, "{}"));
            watch.pass(11);
        }
        // 44 s: due a second later.
        watch.pass(1);
        assert_eq!(watch.next(), LOGIN);
        // It fails. When both are due again, the call is first, with the token that is good for 15 s more.
        watch.finish(response(503, ""));
        watch.pass(5);
        assert_eq!(watch.next(), CALL);
        watch.finish(response(200, "{}"));
        assert_eq!(watch.next(), LOGIN);
    }

    #[test]
    fn each_watch_has_its_own_jitter() {
        assert_ne!(seed(), seed());
    }

    /// The call that is under way was signed by the old key.
    #[test]
    fn the_old_keys_refusal_is_not_the_new_ones() {
        let mut watch = Driven::new(key("old"));
        assert_eq!(watch.next(), CALL);
        watch.state.renew(key("new").into(), watch.now);
        watch.finish(response(401, ""));
        assert_eq!(watch.next(), CALL);
        watch.finish(response(401, ""));
        // That was the new one's try.
        assert_eq!(watch.next(), "waits 300 s");
    }

    #[test]
    fn a_new_password_logs_in_after_the_old_ones_token_was_refused() {
        let mut watch = Driven::logged_in();
        assert_eq!(watch.next(), CALL);
        watch.state.renew(login("new").into(), watch.now);
        watch.finish(response(401, ""));
        watch.pass(10);
        assert_eq!(watch.next(), LOGIN);
        watch.finish(issued());
        assert_eq!(watch.next(), CALL);
    }

    /// What is announced is what happens: a service manager counts on it.
    #[test]
    fn a_refused_tokens_wait_is_that_of_the_login() {
        let mut watch = Driven::logged_in();
        assert_eq!(watch.next(), CALL);
        watch.finish(response(200, "{}"));
        // The renewal is refused, and waits out its lock.
        watch.pass(45);
        assert_eq!(watch.next(), LOGIN);
        watch.finish(response(401, ""));
        assert_eq!(watch.next(), "RenewAuth");
        // The token, good for 15 s more, dies before its time.
        assert_eq!(watch.next(), CALL);
        watch.finish(response(401, ""));
        let due = watch.state.due(watch.now);
        assert_eq!(due, watch.now + Duration::from_secs(300));
        assert_eq!(watch.next(), "waits 300 s");
    }

    /// With a caller so slow that a call is due each time.
    #[test]
    fn a_refused_password_is_told_though_a_call_is_due() {
        let mut watch = Driven::logged_in();
        assert_eq!(watch.next(), CALL);
        watch.finish(response(200, "{}"));
        watch.pass(45);
        assert_eq!(watch.next(), LOGIN);
        watch.finish(response(401, ""));
        assert_eq!(watch.next(), "RenewAuth");
        assert_eq!(watch.next(), CALL);
    }

    #[test]
    fn without_a_token_it_waits_for_the_login() {
        let mut watch = Driven::new(login("p"));
        assert_eq!(watch.next(), LOGIN);
        watch.finish(response(401, ""));
        assert_eq!(watch.next(), "RenewAuth");
        assert_eq!(watch.next(), "waits 300 s");
        assert_eq!(watch.state.due(watch.now), watch.now + Duration::from_secs(300));
        watch.pass(300);
        // The lock is over: asked once more, then the old one is tried.
        assert_eq!(watch.next(), "RenewAuth");
        assert_eq!(watch.next(), LOGIN);
    }
}
