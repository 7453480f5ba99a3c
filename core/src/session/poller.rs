use core::{fmt, mem, ops::Add, time::Duration};

use super::pace::Pace;
use crate::error::{ApiError, ApiErrorKind, ResponseError};

/// Returns the pause after `earlier` pauses in a row: 5, 10, 20, 40 and 60 minutes.
///
/// The gateway locks an access key for 5 minutes after more than 5 rejections in a row. The pauses grow,
/// so that a forgotten program cannot keep a key locked for its other users.
pub(super) fn rejection_pause(earlier: u8) -> Duration {
    const MINUTE: u64 = 60;
    Duration::from_secs(MINUTE * (5 << earlier.min(4)).min(60))
}

/// The next step; see [`Poller::poll`].
///
/// The enum is exhaustive, because a step that your loop ignores would stop it silently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<T> {
    /// Call [`on_start`](Poller::on_start), send the request, and report its outcome.
    Send,
    /// Do nothing until this instant.
    WaitUntil(T),
    /// Get a new credential and call [`on_renewed`](Poller::on_renewed). If you have no new credential, call
    /// [`decline`](Poller::decline).
    RenewCredential,
}

/// Decides **when** to send a call, without a clock and without I/O.
///
/// Use it if you bring your own credential logic. Otherwise use a [`Session`](crate::Session), which
/// contains one.
///
/// In a loop, call [`poll`](Self::poll), do its step, and report the outcome, each time with the present
/// instant. It never gives up, and it keeps no error.
///
/// | you report | it waits |
/// |---|---|
/// | [`on_start`](Self::on_start) | the call limit, or the interval if that is longer; any outcome replaces this wait |
/// | [`on_answer`](Self::on_answer), also `SMS.7606` (no task) | the interval |
/// | [`on_failure`](Self::on_failure), an error object that is retryable, or a response that does not come from the service (a login page, a redirect) | 5 s, doubled after each further failure, up to 5 min |
/// | an error object that a person must act on: unknown server, missing permission, frozen account, no such API, wrong request | 5 min, the longest backoff |
/// | throttling | as after a failure |
/// | a rejected credential, also because of the clock | not at all; it wants a new credential |
/// | a second rejected credential, or a locked key | a pause of 5, 10, 20, 40 and then 60 min; then it wants a new credential |
/// | [`decline`](Self::decline): there is no new credential | the same pause, but a new credential ends it; after it, the old one is tried |
/// | `Retry-After` with any error | this time, if it is longer; at most [`Pace::max_retry_after`] |
///
/// The gateway locks an access key for 5 minutes after more than 5 rejections in a row. Each pause in a row
/// is longer than the one before, so that a forgotten program cannot keep a key locked for its other users.
/// An answer ends the row. A new credential does not.
///
/// The values are those of [`Pace::default`]. Each is lengthened by up to the jitter.
///
/// # Invariants
///
/// For any sequence of reports with instants that never go back:
///
/// 1. It never returns [`Send`](Step::Send) before the instant that it announced, unless a new credential
///    ends the wait.
/// 2. It never returns [`Send`](Step::Send) while a started call is within its limit.
/// 3. It never waits longer than 24 hours.
/// 4. After one success it waits for the interval again.
/// 5. It never wants a second renewal within the pause after a rejection.
///
/// # Example
///
/// ```
/// # use huaweicloud_sms_core as huaweicloud_sms;
/// use std::time::{Duration, Instant};
/// use huaweicloud_sms::{Pace, Poller, Step};
///
/// let mut now = Instant::now();
/// // The seed spreads the pollers of a fleet: use the process id, a hash of the server id, ...
/// let mut poller = Poller::new(Pace::default(), 42, now);
/// assert_eq!(poller.poll(now), Step::Send);
///
/// poller.on_start(now);
/// now += Duration::from_millis(80); // The call takes a while and fails.
/// poller.on_failure(now);
/// let Step::WaitUntil(next) = poller.poll(now) else { panic!() };
/// assert!(next >= now + Duration::from_secs(5));
/// assert_eq!(poller.poll(next), Step::Send);
/// ```
///
/// `T` is an instant of a monotonic clock, to which 24 hours can be added: `Instant` of std or tokio,
/// or a `Duration` since some start.
#[derive(Clone)]
pub struct Poller<T> {
    pace: Pace,
    /// The only step before this instant is to wait.
    next: T,
    /// The instant `next` without the interval after an answer.
    next_out_of_turn: T,
    random: u64,
    failures: u32,
    /// The number of pauses after rejections since the last answer.
    pauses: u8,
    credential: Status<T>,
    /// Whether a call was started and its outcome was not reported yet.
    is_calling: bool,
}

/// The status of the credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status<T> {
    /// Accepted, or not tried yet.
    Good,
    /// Rejected: a renewal is due.
    Rejected,
    /// Rejected, and the caller had no new one. A new one may be tried from this instant on.
    Declined(T),
    /// Renewed after a rejection, and not accepted since.
    OnTrial,
    /// Rejected on trial, or the key is locked: a renewal is due after the pause.
    Locked,
}

impl<T: Copy + Ord + Add<Duration, Output = T>> Poller<T> {
    /// Creates a poller whose first call is due at `first`.
    ///
    /// The jitter is derived from `seed`, so the same seed and reports give the same instants. Give each
    /// poller of a fleet its own seed, and preferably its own `first`.
    pub fn new(pace: Pace, seed: u64, first: T) -> Self {
        Self {
            pace,
            next: first,
            next_out_of_turn: first,
            random: seed,
            failures: 0,
            pauses: 0,
            credential: Status::Good,
            is_calling: false,
        }
    }

    /// Returns the next step. This changes nothing, so an early or repeated call is harmless.
    pub fn poll(&self, now: T) -> Step<T> {
        if now < self.next {
            return Step::WaitUntil(self.next);
        }
        match self.credential {
            Status::Good | Status::OnTrial => Step::Send,
            Status::Rejected | Status::Declined(_) | Status::Locked => Step::RenewCredential,
        }
    }

    /// Returns the instant at which another request with the same credential may be sent, without the wait
    /// for the interval. Returns `None` while the credential is rejected.
    pub(super) fn due_out_of_turn(&self, now: T) -> Option<T> {
        match self.credential {
            Status::Good | Status::OnTrial => Some(self.next_out_of_turn.max(now)),
            Status::Rejected | Status::Declined(_) | Status::Locked => None,
        }
    }

    /// Records that a call is sent now. Call this before you send the request, so that the next call waits
    /// even if the outcome is lost (a dropped future, a panic).
    pub fn on_start(&mut self, now: T) {
        self.is_calling = false;
        self.wait(now, self.pace.call_limit().max(self.pace.interval()));
        self.is_calling = true;
    }

    /// Records that the call returned an answer: a command, a state or no command.
    ///
    /// An outcome without a started call never shortens a wait. This holds for the other outcomes, too.
    pub fn on_answer(&mut self, now: T) {
        self.answered(now, Duration::ZERO);
    }

    /// Records that the call returned an error.
    pub fn on_error(&mut self, now: T, error: &ResponseError) {
        let retry_after = error.retry_after().unwrap_or_default().min(self.pace.max_retry_after());
        let wait = match error.api().map(ApiError::kind) {
            Some(ApiErrorKind::NoTask) => return self.answered(now, retry_after),
            Some(ApiErrorKind::KeyLocked) => {
                self.credential = Status::Locked;
                self.next_pause()
            }
            _ if error.is_unauthorized() && self.credential == Status::Good => {
                self.credential = Status::Rejected;
                // A renewal sends nothing to the service.
                Duration::ZERO
            }
            _ if error.is_unauthorized() => {
                self.credential = Status::Locked;
                self.next_pause()
            }
            Some(ApiErrorKind::Throttled | ApiErrorKind::Unavailable) | None => self.next_backoff(),
            // The response stays the same until a person acts.
            Some(_) => {
                self.next_backoff();
                self.pace.max_backoff()
            }
        };
        self.wait(now, wait.max(retry_after));
    }

    /// Records that the call got no response.
    pub fn on_failure(&mut self, now: T) {
        let wait = self.next_backoff();
        self.wait(now, wait);
    }

    /// Records that there is a new credential. After a first rejection, the poller tries it at once. After a
    /// second one, it tries it when the pause is over. Without a rejection, this has no effect.
    pub fn on_renewed(&mut self) {
        if let Status::Declined(resume) = self.credential {
            (self.next, self.next_out_of_turn) = (resume, resume);
        }
        if self.credential != Status::Good {
            self.credential = Status::OnTrial;
        }
    }

    /// Records that there is no new credential. This starts a pause. After it, the poller wants a renewal
    /// again. If there is still no new credential, it tries the old one.
    pub fn decline(&mut self, now: T) {
        match self.credential {
            Status::Rejected => {
                let resume = self.next.max(now);
                let pause = self.next_pause();
                self.wait(now, pause);
                self.credential = Status::Declined(resume);
            }
            // The pause is over.
            Status::Declined(_) | Status::Locked if now >= self.next => {
                self.credential = Status::Good;
            }
            Status::Good | Status::Declined(_) | Status::OnTrial | Status::Locked => {}
        }
    }

    /// Returns the pace that the poller was made with.
    pub fn pace(&self) -> Pace {
        self.pace
    }

    /// Returns the number of failures and errors in a row. Rejected credentials do not count.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Records that another request showed that the credential is accepted.
    pub(super) fn on_accepted(&mut self) {
        self.pauses = 0;
        self.credential = Status::Good;
    }

    /// Records the `Retry-After` of another request, which holds for the call as well.
    pub(super) fn on_retry_after(&mut self, now: T, retry_after: Duration) {
        self.wait(now, retry_after.min(self.pace.max_retry_after()));
    }

    fn answered(&mut self, now: T, retry_after: Duration) {
        let next_out_of_turn = if self.is_calling { now } else { self.next_out_of_turn };
        self.failures = 0;
        self.on_accepted();
        self.wait(now, self.pace.interval().max(retry_after));
        if retry_after.is_zero() {
            self.next_out_of_turn = next_out_of_turn;
        }
    }

    fn next_backoff(&mut self) -> Duration {
        let doublings = self.failures.min(31);
        self.failures = self.failures.saturating_add(1);
        self.pace.first_backoff().saturating_mul(1 << doublings).min(self.pace.max_backoff())
    }

    fn next_pause(&mut self) -> Duration {
        self.pauses = self.pauses.saturating_add(1);
        rejection_pause(self.pauses - 1)
    }

    fn wait(&mut self, now: T, at_least: Duration) {
        let next = now + (at_least + self.jitter(at_least)).min(Pace::MAX);
        // An outcome replaces the wait that the start of its call announced, and no other wait.
        let is_outcome = mem::take(&mut self.is_calling);
        for wait in [&mut self.next, &mut self.next_out_of_turn] {
            *wait = if is_outcome { next } else { next.max(*wait) };
        }
        if let Status::Declined(resume) = &mut self.credential {
            *resume = self.next;
        }
    }

    /// Returns a random part of a wait, up to the jitter's percentage.
    pub(super) fn jitter(&mut self, wait: Duration) -> Duration {
        let share = self.random_below(u32::from(self.pace.jitter()) * 10_000 + 1);
        wait.min(Pace::MAX) * share / 1_000_000
    }

    /// Returns a random number below `bound` from SplitMix64, which accepts any seed. Its bias is negligible
    /// for such a small bound.
    pub(super) fn random_below(&mut self, bound: u32) -> u32 {
        // The upper half, scaled: `bound` is at most 1,000,001.
        let scaled = ((self.random() >> 32) * u64::from(bound)) >> 32;
        u32::try_from(scaled).unwrap_or(u32::MAX)
    }

    pub(super) fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.random;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}

impl<T: fmt::Debug> fmt::Debug for Poller<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poller")
            .field("next", &self.next)
            .field("failures", &self.failures)
            .field("credential", &self.credential)
            .field("pace", &self.pace)
            .finish_non_exhaustive()
    }
}
