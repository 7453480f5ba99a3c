use std::time::Duration;

use arbitrary::{Result, Unstructured};
use huaweicloud_sms_core::{ApiErrorKind, Operation, Pace, Poller, ResponseError, Step};

/// A moment: the time since some start.
pub type Moment = Duration;

/// The gateway locks an access key for this long.
const KEY_LOCK: Duration = Duration::from_secs(5 * 60);

/// The durations of a pace, for the checks to calculate with.
#[derive(Clone, Copy, Debug)]
pub struct Durations {
    /// From an answer to the next call.
    pub interval: Duration,
    /// How long a call may take.
    pub call_limit: Duration,
    /// The first backoff.
    pub first_backoff: Duration,
    /// The largest one.
    pub max_backoff: Duration,
    /// In percent.
    pub jitter: u8,
}

impl Durations {
    fn pace(&self) -> Pace {
        Pace::default()
            .interval(self.interval)
            .call_limit(self.call_limit)
            .backoff(self.first_backoff, self.max_backoff)
            .jitter(self.jitter)
    }

    fn with_jitter(&self, wait: Duration) -> Duration {
        wait + wait * u32::from(self.jitter) / 100
    }
}

/// A [`Poller`] on a virtual clock that panics as soon as an invariant of its docs does not hold.
/// It keeps the books anew, from the events alone.
pub struct Watched {
    poller: Poller<Moment>,
    durations: Durations,
    now: Moment,
    /// The moment that was announced after the last event.
    announced: Moment,
    /// Until when the call that is under way may take.
    busy_until: Option<Moment>,
    failures: u32,
    /// How often the credential was refused since it was last accepted.
    refusals: u32,
    /// Whether it was renewed, or kept for want of a new one, after the last refusal.
    on_trial: bool,
    /// No renewal and no call before this.
    pause_until: Moment,
}

impl Watched {
    /// A poller whose first call goes out at once.
    ///
    /// # Panics
    /// If the pace is refused or an invariant does not hold; so do all methods.
    #[must_use]
    pub fn new(durations: Durations, seed: u64) -> Self {
        let now = Duration::from_secs(1_000_000);
        let poller = Poller::new(durations.pace(), seed, now).expect("a legal pace");
        let watched = Self {
            poller,
            durations,
            now,
            announced: now,
            busy_until: None,
            failures: 0,
            refusals: 0,
            on_trial: false,
            pause_until: Duration::ZERO,
        };
        assert_eq!(watched.step(), Step::Obtain);
        watched
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.now
    }

    /// Lets time pass: an early wake-up, a late one, a suspended machine.
    pub fn pass(&mut self, time: Duration) {
        self.now += time;
        self.step();
    }

    /// What to do now, checked.
    #[allow(clippy::must_use_candidate, reason = "the checks alone are reason enough to ask")]
    pub fn step(&self) -> Step<Moment> {
        let step = self.poller.poll(self.now);
        assert_eq!(step, self.poller.poll(self.now), "asking changes nothing");
        match step {
            Step::WaitUntil(next) => {
                assert!(next > self.now, "waits for what is over");
                assert_eq!(next, self.announced, "announces one moment after an event");
            }
            Step::Obtain | Step::RenewAuth => {
                assert!(self.now >= self.announced, "1: before the announced moment");
                assert!(self.busy_until.is_none_or(|end| self.now >= end), "2: within a call");
                assert!(self.now >= self.pause_until, "5: inside the pause");
                assert_eq!(step == Step::RenewAuth, self.wants_renewal(), "{self:?}");
            }
        }
        step
    }

    /// A call goes out.
    pub fn start(&mut self) {
        assert_eq!(self.step(), Step::Obtain);
        self.poller.on_start(self.now);
        let limit = self.durations.call_limit;
        self.announce(limit.max(self.durations.interval));
        self.busy_until = Some(self.now + limit);
    }

    /// The call was answered.
    pub fn answer(&mut self) {
        self.poller.on_answer(self.now);
        self.answered();
    }

    /// The call was answered by an error.
    pub fn error(&mut self, error: &ResponseError) {
        self.poller.on_error(self.now, error);
        let told = error.retry_after().unwrap_or_default();
        let kind = match error {
            ResponseError::Api(error) => Some(error.kind()),
            _ => None,
        };
        if kind == Some(ApiErrorKind::NoTask) {
            return self.answered();
        }
        if error.is_unauthorized() {
            self.refusals += 1;
            self.on_trial = false;
            let is_locked = kind == Some(ApiErrorKind::KeyLocked);
            if is_locked || self.refusals > 1 {
                self.refusals = self.refusals.max(2);
                self.pause_until = self.now + KEY_LOCK.max(told);
                return self.announce(KEY_LOCK.max(told));
            }
            return self.announce(told);
        }
        let needs_a_hand = kind.is_some_and(|kind| !kind.is_retryable());
        let backoff = match needs_a_hand {
            true => self.durations.max_backoff,
            false => self.backoff(),
        };
        self.failures = self.failures.saturating_add(1);
        self.announce(backoff.max(told));
    }

    /// The call got no response.
    pub fn failure(&mut self) {
        self.poller.on_failure(self.now);
        let backoff = self.backoff();
        self.failures = self.failures.saturating_add(1);
        self.announce(backoff);
    }

    /// A new credential is there, asked for or not.
    pub fn renewed(&mut self) {
        self.poller.on_auth_renewed();
        self.on_trial = self.refusals > 0;
        self.step();
    }

    /// There is no new credential.
    pub fn kept(&mut self) {
        let is_first = self.wants_renewal() && self.refusals == 1;
        self.poller.on_auth_kept(self.now);
        if is_first {
            // As good as a second refusal: the renewal itself was of no use.
            self.refusals = 2;
            self.pause_until = self.now + KEY_LOCK;
            self.announce(KEY_LOCK);
        } else if self.now >= self.announced {
            self.on_trial = self.refusals > 0;
        }
        self.step();
    }

    fn wants_renewal(&self) -> bool {
        self.refusals > 0 && !self.on_trial
    }

    fn backoff(&self) -> Duration {
        let doubled = self.durations.first_backoff.saturating_mul(1 << self.failures.min(31));
        doubled.min(self.durations.max_backoff)
    }

    fn answered(&mut self) {
        (self.failures, self.refusals, self.on_trial) = (0, 0, false);
        self.announce(self.durations.interval);
    }

    /// Checks what is announced after an event: no sooner than this, no later than jitter allows,
    /// and never beyond the cap.
    fn announce(&mut self, wait: Duration) {
        // What was no call's outcome can't shorten the wait.
        let floor = match self.busy_until.take() {
            Some(_) => Duration::ZERO,
            None => self.announced.saturating_sub(self.now),
        };
        let least = wait.min(Pace::MAX);
        let most = self.durations.with_jitter(least).min(Pace::MAX).max(floor);
        let least = least.max(floor);
        self.announced = match self.poller.poll(self.now) {
            Step::WaitUntil(next) => next,
            Step::Obtain | Step::RenewAuth => self.now,
        };
        let wait = self.announced - self.now;
        assert!(wait >= least, "waits {wait:?}, at least {least:?}: {self:?}");
        assert!(wait <= most, "3, 4: waits {wait:?}, at most {most:?}: {self:?}");
        self.step();
    }
}

impl std::fmt::Debug for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { poller, now, refusals, on_trial, .. } = self;
        write!(f, "at {now:?}, {refusals} refusals, on trial: {on_trial}, {poller:?}")
    }
}

/// An error of each kind that makes a difference to the poller; `retry_after` in seconds.
///
/// # Panics
/// If there is no such number; there are [`ERRORS`].
#[must_use]
pub fn error(number: usize, retry_after: Option<u64>) -> ResponseError {
    let (status, body) = RESPONSES[number];
    let mut response = http::Response::builder().status(status);
    if let Some(seconds) = retry_after {
        response = response.header("retry-after", seconds);
    }
    let response = response.body(body).expect("valid");
    crate::call().parse(&response).expect_err("an error")
}

/// How many errors [`error`] knows.
pub const ERRORS: usize = RESPONSES.len();

const RESPONSES: [(u16, &str); 14] = [
    (401, r#"{"error_code":"SMS.6521","error_msg":"m"}"#),
    (401, r#"{"error_code":"APIGW.0307","error_msg":"m"}"#),
    (401, "<html>"),
    (401, r#"{"error_code":"APIGW.0301","error_msg":"failed to reach the limit"}"#),
    (400, r#"{"error_code":"SMS.0205","error_msg":"m"}"#),
    (429, r#"{"error_code":"APIGW.0308","error_msg":"m"}"#),
    (500, r#"{"error_code":"SMS.6000","error_msg":"m"}"#),
    (503, ""),
    (404, r#"{"error_code":"SMS.7602","error_msg":"m"}"#),
    (403, r#"{"error_code":"SMS.6542","error_msg":"m"}"#),
    (400, r#"{"error_code":"SMS.6016","error_msg":"m"}"#),
    (400, r#"{"error_code":"SMS.7606","error_msg":"m"}"#),
    (200, "<html>"),
    (302, ""),
];

/// **Property 5.** Whatever happens, and in whatever order, the poller keeps the invariants of its
/// docs.
pub fn poll(data: &[u8]) {
    // Ends where the data does.
    let _ = events(&mut Unstructured::new(data));
}

fn events(u: &mut Unstructured<'_>) -> Result<()> {
    let mut durations = [Duration::ZERO; 4];
    for duration in &mut durations {
        *duration = Duration::from_millis(u.int_in_range(1..=86_400_000)?);
    }
    let [interval, call_limit, one, other] = durations;
    let jitter = u.int_in_range(0..=100)?;
    let (first_backoff, max_backoff) = (one.min(other), one.max(other));
    let durations = Durations { interval, call_limit, first_backoff, max_backoff, jitter };
    let mut poller = Watched::new(durations, u.arbitrary()?);
    while !u.is_empty() {
        match u.int_in_range(0..=7)? {
            0 => poller.pass(Duration::from_millis(u.int_in_range(0..=100_000_000)?)),
            1 => {
                if let Step::WaitUntil(next) = poller.step() {
                    poller.pass(next - poller.now());
                }
            }
            2 => match poller.step() {
                Step::Obtain => poller.start(),
                Step::RenewAuth => poller.renewed(),
                Step::WaitUntil(_) => {}
            },
            3 => poller.answer(),
            4 => {
                let retry_after = u.arbitrary::<Option<u32>>()?.map(u64::from);
                poller.error(&error(u.choose_index(ERRORS)?, retry_after));
            }
            5 => poller.failure(),
            6 => poller.renewed(),
            _ => poller.kept(),
        }
    }
    Ok(())
}
