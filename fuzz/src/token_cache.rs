use std::time::Duration;

use arbitrary::{Result, Unstructured};
use huaweicloud_sms_core::{
    IssuedToken, Operation, Pace, ResponseError, Step, Timestamp, TokenCache,
};

use crate::{
    books::{Books, Durations, Moment},
    poll::{ERRORS, durations, error},
};

/// A [`TokenCache`] on a virtual clock that panics as soon as it breaks a promise of its docs.
pub struct WatchedTokens {
    cache: TokenCache<Moment>,
    durations: Durations,
    /// Those of the logins.
    books: Books,
    now: Moment,
    started: Option<Moment>,
    token: Option<Token>,
    /// How many were issued, which is the last one's name.
    issued: u64,
    /// No login before this: the interval after the last token.
    rest_until: Moment,
}

#[derive(Clone, Copy, Debug)]
struct Token {
    /// Between which moments it is to be replaced.
    earliest: Moment,
    latest: Moment,
    expires_at: Moment,
}

impl WatchedTokens {
    /// A cache whose first login is due at once.
    ///
    /// # Panics
    /// If the pace is refused or a promise is broken; so do all methods.
    #[must_use]
    pub fn new(durations: Durations, seed: u64) -> Self {
        let now = Duration::from_secs(1_000_000);
        let cache = TokenCache::new(durations.pace(), seed, now).expect("a legal pace");
        let mut watched = Self {
            cache,
            durations,
            books: Books::new(durations, now),
            now,
            started: None,
            token: None,
            issued: 0,
            rest_until: now,
        };
        assert_eq!(watched.step(), Step::Obtain);
        watched
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.now
    }

    /// Lets time pass.
    pub fn pass(&mut self, time: Duration) {
        self.now += time;
        self.step();
    }

    /// The number of the token to send now, checked.
    #[must_use]
    pub fn token(&self) -> Option<u64> {
        let number = self.cache.token(self.now).map(|token| token.reveal().parse());
        let number = number.map(|number| number.expect("a number"));
        let is_good = self.token.is_some_and(|token| self.now < token.expires_at);
        assert_eq!(number, is_good.then_some(self.issued), "{self:?}");
        number
    }

    /// Whether there is a token that is not to be replaced yet.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.token.is_some_and(|token| self.now < token.earliest)
    }

    /// What to do now, checked.
    #[allow(clippy::must_use_candidate, reason = "the checks alone are reason enough to ask")]
    pub fn step(&mut self) -> Step<Moment> {
        let step = self.cache.poll(self.now);
        assert_eq!(step, self.cache.poll(self.now), "asking changes nothing");
        let _ = self.token();
        match step {
            Step::WaitUntil(next) => {
                assert!(next > self.now, "waits for what is over");
                self.announced(next);
            }
            Step::Obtain | Step::RenewAuth => {
                self.books.check(self.now, step);
                let is_due = self.token.is_none_or(|token| self.now >= token.earliest);
                assert!(is_due, "replaces a token that is good: {self:?}");
                assert!(self.now >= self.rest_until || step == Step::RenewAuth, "{self:?}");
            }
        }
        step
    }

    /// The later one of two moments: the logins' and the token's.
    fn announced(&mut self, next: Moment) {
        let Some(token) = &mut self.token else { return self.books.announced(next) };
        let (earliest, latest) =
            (token.earliest.max(self.books.earliest), token.latest.max(self.books.latest));
        assert!((earliest..=latest).contains(&next), "waits until {next:?}: {self:?}");
        // Which of the two it is shows where the other can't be so late.
        if self.books.latest < next {
            (token.earliest, token.latest) = (next, next);
        } else if token.latest < next {
            self.books.announced(next);
        } else {
            token.latest = token.latest.min(next);
            self.books.latest = self.books.latest.min(next);
        }
    }

    /// A login goes out.
    pub fn start(&mut self) {
        assert_eq!(self.step(), Step::Obtain);
        self.cache.on_start(self.now);
        self.books.start(self.now);
        self.started = Some(self.now);
        self.step();
    }

    /// The login was answered by a token that lives so many whole seconds, when it is `clock` by the
    /// clock of IAM.
    pub fn issued(&mut self, clock: Timestamp, life: Duration) {
        self.issued += 1;
        self.cache.on_issued(self.now, issued(self.issued, clock, life));
        self.books.answer(self.now);
        let from = self.started.take().unwrap_or(self.now);
        let life = life.min(Pace::MAX);
        // A quarter of its life before its end, at most half an hour; sooner by jitter.
        let usable = life - (life / 4).min(Duration::from_secs(30 * 60));
        let early = usable * u32::from(self.durations.jitter) / 100;
        let (earliest, latest) = (from + usable - early, from + usable);
        let expires_at = from + life;
        assert!(latest < expires_at);
        self.token = Some(Token { earliest, latest, expires_at });
        self.rest_until = self.now + self.durations.interval;
        self.step();
    }

    /// The login was answered by an error.
    pub fn error(&mut self, error: &ResponseError) {
        self.started = None;
        self.cache.on_error(self.now, error);
        self.books.error(self.now, error);
        self.step();
    }

    /// The login got no response.
    pub fn failure(&mut self) {
        self.started = None;
        self.cache.on_failure(self.now);
        self.books.failure(self.now);
        self.step();
    }

    /// The service refused the token.
    pub fn refused(&mut self) {
        self.cache.on_refused();
        self.token = None;
        self.step();
    }

    /// A new password is there, asked for or not.
    pub fn renewed(&mut self) {
        self.cache.on_auth_renewed();
        self.books.renewed();
        self.step();
    }

    /// There is no new password.
    pub fn kept(&mut self) {
        // Behind a good token's moment the logins' own one may be open, and with it what this does.
        if self.now < self.books.earliest || self.now >= self.books.latest {
            self.cache.on_auth_kept(self.now);
            self.books.kept(self.now);
        }
        self.step();
    }
}

impl std::fmt::Debug for WatchedTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { now, token, rest_until, books, cache, .. } = self;
        write!(f, "at {now:?}, {token:?}, rests until {rest_until:?}, {books:?}, {cache:?}")
    }
}

fn issued(number: u64, clock: Timestamp, life: Duration) -> IssuedToken {
    let expires_at = Timestamp::from_unix_time(clock.as_unix_time() + life);
    let body = format!(r#"{{"token":{{"issued_at":"{clock}","expires_at":"{expires_at}"}}}}"#);
    let response = http::Response::builder().status(201).header("x-subject-token", number);
    crate::login().parse(&response.body(body).expect("valid")).expect("a token")
}

/// **Property 8.** Whatever happens, and in whatever order: the cache never hands out a token that has
/// expired or was refused; it never asks for a login before the moment it announced, within the interval
/// after a token, while another login is within its time, or inside the pause after a refused password;
/// and a token is replaced before it expires.
pub fn token_cache(data: &[u8]) {
    // Ends where the data does.
    let _ = events(&mut Unstructured::new(data));
}

fn events(u: &mut Unstructured<'_>) -> Result<()> {
    let mut tokens = WatchedTokens::new(durations(u)?, u.arbitrary()?);
    while !u.is_empty() {
        match u.int_in_range(0..=8)? {
            0 => tokens.pass(Duration::from_millis(u.int_in_range(0..=100_000_000)?)),
            1 => {
                if let Step::WaitUntil(next) = tokens.step() {
                    tokens.pass(next - tokens.now());
                }
            }
            2 => match tokens.step() {
                Step::Obtain => tokens.start(),
                Step::RenewAuth => tokens.renewed(),
                Step::WaitUntil(_) => {}
            },
            3 => {
                let clock =
                    Timestamp::from_unix_time(Duration::from_secs(u.arbitrary::<u32>()?.into()));
                tokens.issued(clock, Duration::from_secs(u.int_in_range(1..=200_000)?));
            }
            4 => {
                let retry_after = u.arbitrary::<Option<u32>>()?.map(u64::from);
                tokens.error(&error(u.choose_index(ERRORS)?, retry_after));
            }
            5 => tokens.failure(),
            6 => tokens.refused(),
            7 => tokens.renewed(),
            _ => tokens.kept(),
        }
    }
    Ok(())
}
