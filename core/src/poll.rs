use core::{fmt, ops::Add, time::Duration};

use crate::{
    ApiErrorKind, ResponseError,
    invalid_input::{InvalidInput, Problem},
};

/// The longest wait, whatever is set or told.
const MAX_WAIT: Duration = Duration::from_secs(24 * 60 * 60);
/// How long an access key is locked after more than 5 refusals in a row (the gateway's documents).
const KEY_LOCK: Duration = Duration::from_secs(5 * 60);

/// How often to ask, and how long to wait after what.
///
/// ```
/// use std::time::Duration;
/// use huaweicloud_sms_core::Pace;
///
/// let pace = Pace::default().interval(Duration::from_secs(30)).jitter(10);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Pace {
    interval: Duration,
    call_limit: Duration,
    first_backoff: Duration,
    max_backoff: Duration,
    jitter: u8,
}

impl Default for Pace {
    /// 10 s between calls, 30 s for a call, 5 s to 5 min after failures, up to 20 % longer each.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(10),
            call_limit: Duration::from_secs(30),
            first_backoff: Duration::from_secs(5),
            max_backoff: Duration::from_secs(5 * 60),
            jitter: 20,
        }
    }
}

impl Pace {
    /// The longest accepted duration, and the longest wait of a [`Poller`].
    pub const MAX: Duration = MAX_WAIT;

    /// From an answer to the next call. Default: 10 s, well within the age at which the transports
    /// give an idle connection up. Each call is an audit event (CTS) at the customer.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// How long a call may take, which is the transport's time limit. Default: 30 s. Should a
    /// call's outcome never be told, the next one goes out no sooner than this after its start.
    pub fn call_limit(mut self, limit: Duration) -> Self {
        self.call_limit = limit;
        self
    }

    /// After failures in a row: `first` after the first, twice as long after each further one, `max`
    /// at most. Default: 5 s to 5 min.
    pub fn backoff(mut self, first: Duration, max: Duration) -> Self {
        (self.first_backoff, self.max_backoff) = (first, max);
        self
    }

    /// By how many percent a wait is lengthened at most, at random; never shortened. Default: 20.
    pub fn jitter(mut self, percent: u8) -> Self {
        self.jitter = percent;
        self
    }

    fn check(&self) -> Result<(), InvalidInput> {
        let refuse = |what| Err(InvalidInput::new("pace", Problem::Is(what)));
        let is_legal = |duration: Duration| !duration.is_zero() && duration <= Self::MAX;
        if !is_legal(self.interval) {
            return refuse("must have an interval of more than 0 and at most 24 hours");
        }
        if !is_legal(self.call_limit) {
            return refuse("must have a call limit of more than 0 and at most 24 hours");
        }
        if !is_legal(self.first_backoff) || !is_legal(self.max_backoff) {
            return refuse("must have backoffs of more than 0 and at most 24 hours");
        }
        if self.first_backoff > self.max_backoff {
            return refuse("must not have a first backoff over the largest");
        }
        if self.jitter > 100 {
            return refuse("must have a jitter of at most 100 percent");
        }
        Ok(())
    }
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<T> {
    /// Call [`on_start`](Poller::on_start), send the request, tell the outcome.
    Obtain,
    /// Nothing until this moment.
    WaitUntil(T),
    /// Get a new credential and call [`on_auth_renewed`](Poller::on_auth_renewed); or, if there is
    /// none, [`on_auth_kept`](Poller::on_auth_kept).
    RenewAuth,
}

/// Says **when** to ask: a state machine without a clock, for months of polling.
///
/// The caller owns clock, credential and I/O. In a loop: ask [`poll`](Self::poll) what to do now, do
/// it, and tell what came of it, each time with the present moment.
///
/// | it was told | it waits |
/// |---|---|
/// | [`on_start`](Self::on_start) | the call's limit, or the interval if that is longer; any outcome overrides it |
/// | [`on_answer`](Self::on_answer), also `SMS.7606` (no task) | the interval |
/// | [`on_failure`](Self::on_failure), an error object that may pass, and what is no answer of the service at all (a login page, a redirect) | 5 s, doubling up to 5 min |
/// | an error object that needs somebody's hand: unknown server, missing permission, frozen account, no such API, wrong request | 5 min, the largest backoff |
/// | throttled | as after a failure |
/// | a refused credential, also over the clock | not at all: it asks for a new one |
/// | a refused credential again, or a locked key | 5 min, the time for which a key is locked; then it asks for a new one |
/// | `Retry-After` with any error | that long, if it is longer |
/// | no new credential to be had | the lock of 5 min; then it asks again, and at worst tries the old one |
///
/// (The figures are those of [`Pace::default`], each lengthened by up to its jitter.) It never gives
/// up by itself and keeps no error: whoever tells it one has it.
///
/// # Invariants
///
/// For any sequence of events with moments that never go back:
///
/// 1. It never says `Obtain` before the moment it announced.
/// 2. It never says `Obtain` while a started call is within its time.
/// 3. It never waits longer than its cap of 24 hours.
/// 4. After one success it is back to the interval.
/// 5. It never asks for a second renewal inside the pause after a refusal.
///
/// ```
/// use std::time::{Duration, Instant};
/// use huaweicloud_sms_core::{Pace, Poller, Step};
///
/// let mut now = Instant::now();
/// // The seed spreads the pollers of a fleet: take the process id, a hash of the server id, ...
/// let mut poller = Poller::new(Pace::default(), 42, now)?;
/// assert_eq!(poller.poll(now), Step::Obtain);
///
/// poller.on_start(now);
/// now += Duration::from_millis(80); // The call takes its time and fails.
/// poller.on_failure(now);
/// let Step::WaitUntil(next) = poller.poll(now) else { panic!() };
/// assert!(next >= now + Duration::from_secs(5));
/// assert_eq!(poller.poll(next), Step::Obtain);
/// # Ok::<(), huaweicloud_sms_core::InvalidInput>(())
/// ```
///
/// `T` is a moment of a clock that never goes back, to which 24 hours can be added: `Instant` of std
/// or of tokio, or a `Duration` since some start.
#[derive(Clone)]
pub struct Poller<T> {
    pace: Pace,
    /// No step but waiting before this.
    next: T,
    random: u64,
    failures: u32,
    auth: Auth,
    /// Whether a call was started and its outcome was not told yet.
    is_calling: bool,
}

/// What is known of the credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Auth {
    /// Accepted, or not tried yet.
    Good,
    /// Refused: a renewal is due.
    Refused,
    /// Renewed or kept after a refusal, and not accepted since.
    OnTrial,
    /// Refused on trial, or not to be had, or of no use for now: a renewal is due after the lock.
    Locked,
}

impl<T: Copy + Ord + Add<Duration, Output = T>> Poller<T> {
    /// A poller whose first call goes out at `first`.
    ///
    /// Jitter is drawn from `seed`: the same seed and events give the same moments. Of many pollers
    /// each needs a seed, and best a `first`, of its own.
    ///
    /// # Errors
    /// A duration of the pace is zero or over [`Pace::MAX`], the first backoff is over the largest,
    /// or the jitter over 100 percent.
    pub fn new(pace: Pace, seed: u64, first: T) -> Result<Self, InvalidInput> {
        pace.check()?;
        Ok(Self {
            pace,
            next: first,
            random: seed,
            failures: 0,
            auth: Auth::Good,
            is_calling: false,
        })
    }

    /// What to do now. Changes nothing: asking early or often is harmless.
    pub fn poll(&self, now: T) -> Step<T> {
        if now < self.next {
            Step::WaitUntil(self.next)
        } else if matches!(self.auth, Auth::Refused | Auth::Locked) {
            Step::RenewAuth
        } else {
            Step::Obtain
        }
    }

    /// A call goes out now. Before it is sent: should its outcome be lost (a dropped future, a
    /// panic), the next call waits all the same.
    pub fn on_start(&mut self, now: T) {
        self.is_calling = false;
        self.wait(now, self.pace.call_limit.max(self.pace.interval));
        self.is_calling = true;
    }

    /// The call was answered: a command, a state or nothing to do.
    ///
    /// An outcome of no started call, be it this or another, never shortens a wait.
    pub fn on_answer(&mut self, now: T) {
        self.failures = 0;
        self.auth = Auth::Good;
        self.wait(now, self.pace.interval);
    }

    /// The call was answered by an error.
    pub fn on_error(&mut self, now: T, error: &ResponseError) {
        let told = error.retry_after().unwrap_or_default();
        let kind = match error {
            ResponseError::Api(error) => Some(error.kind()),
            ResponseError::Status(_) | ResponseError::Body(_) => None,
        };
        let wait = match kind {
            Some(ApiErrorKind::NoTask) => return self.on_answer(now),
            Some(ApiErrorKind::KeyLocked) => {
                self.auth = Auth::Locked;
                KEY_LOCK
            }
            _ if error.is_unauthorized() => {
                if self.auth == Auth::Good {
                    self.auth = Auth::Refused;
                    // A renewal sends nothing to the service: at once, unless told otherwise.
                    Duration::ZERO
                } else {
                    self.auth = Auth::Locked;
                    KEY_LOCK
                }
            }
            Some(ApiErrorKind::Throttled | ApiErrorKind::Unavailable) | None => self.next_backoff(),
            // Until somebody does something, the answer will be the same.
            Some(_) => {
                self.next_backoff();
                self.pace.max_backoff
            }
        };
        self.wait(now, wait.max(told));
    }

    /// The call got no response: see the transport's error.
    pub fn on_failure(&mut self, now: T) {
        let wait = self.next_backoff();
        self.wait(now, wait);
    }

    /// There is a new credential, or a key signs by another clock now. It is tried at once after a first
    /// refusal, else when the pause is over; unasked it changes nothing.
    pub fn on_auth_renewed(&mut self) {
        if self.auth != Auth::Good {
            self.auth = Auth::OnTrial;
        }
    }

    /// There is no new credential. It asks once more after the lock of 5 minutes; if there is none
    /// then either, it tries the old one.
    pub fn on_auth_kept(&mut self, now: T) {
        match self.auth {
            Auth::Refused => {
                self.auth = Auth::Locked;
                self.wait(now, KEY_LOCK);
            }
            Auth::Locked if now >= self.next => self.auth = Auth::OnTrial,
            Auth::Good | Auth::Locked | Auth::OnTrial => {}
        }
    }

    /// What it was made with.
    pub fn pace(&self) -> Pace {
        self.pace
    }

    /// How many calls in a row failed or were answered by an error, refused credentials apart.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    fn next_backoff(&mut self) -> Duration {
        let doublings = self.failures.min(31);
        self.failures = self.failures.saturating_add(1);
        self.pace.first_backoff.saturating_mul(1 << doublings).min(self.pace.max_backoff)
    }

    fn wait(&mut self, now: T, at_least: Duration) {
        let next = now + (at_least + self.jitter(at_least)).min(MAX_WAIT);
        // The outcome overrides what the start of its call announced, and nothing else.
        self.next = if self.is_calling { next } else { next.max(self.next) };
        self.is_calling = false;
    }

    /// A part of a wait, drawn anew each time: up to the pace's percentage of it.
    pub(crate) fn jitter(&mut self, wait: Duration) -> Duration {
        let share = self.random_below(u32::from(self.pace.jitter) * 10_000 + 1);
        wait.min(MAX_WAIT) * share / 1_000_000
    }

    /// SplitMix64, whose steps any seed may start; its bias for so small a bound is none.
    fn random_below(&mut self, bound: u32) -> u32 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.random;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        // The upper half, scaled: `bound` is at most 1,000,001.
        let scaled = ((bits >> 32) * u64::from(bound)) >> 32;
        u32::try_from(scaled).unwrap_or(u32::MAX)
    }
}

impl<T: fmt::Debug> fmt::Debug for Poller<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poller")
            .field("next", &self.next)
            .field("failures", &self.failures)
            .field("auth", &self.auth)
            .field("pace", &self.pace)
            .finish_non_exhaustive()
    }
}
