//! A model of the `Poller`: the steps that it may take, computed from the events alone.

use std::time::Duration;

use huaweicloud_sms_core::{ApiError, ApiErrorKind, Pace, ResponseError, Step};

/// The time since the start of the virtual clock.
pub type Instant = Duration;

/// The pauses in a row after rejections, in minutes. The last one repeats.
const PAUSES: [u64; 5] = [5, 10, 20, 40, 60];
/// The gateway locks an access key for this long.
pub const KEY_LOCK: Duration = Duration::from_secs(5 * 60);

#[derive(Debug)]
pub(crate) struct PollerModel {
    pace: Pace,
    /// The next step is due between these instants. Jitter leaves it open until it is announced.
    pub(crate) earliest: Instant,
    pub(crate) latest: Instant,
    /// The instants between which another request with the same credential is due, if they differ. Such a
    /// request need not wait for the interval after an answer.
    out_of_turn: Option<(Instant, Instant)>,
    /// The end of the timeout of the call that is under way.
    busy_until: Option<Instant>,
    pub(crate) failures: u32,
    /// The number of rejections since the credential was last accepted.
    pub(crate) rejections: u32,
    /// The number of pauses since the last answer.
    pauses: usize,
    /// Whether the credential was renewed after the last rejection.
    is_on_trial: bool,
    /// No renewal and no call before this instant.
    pause_until: Instant,
    /// During the pause after a declined renewal: the instants between which a new credential may be tried.
    resume: Option<(Instant, Instant)>,
}

impl PollerModel {
    pub(crate) fn new(pace: Pace, first: Instant) -> Self {
        Self {
            pace,
            earliest: first,
            latest: first,
            out_of_turn: None,
            busy_until: None,
            failures: 0,
            rejections: 0,
            pauses: 0,
            is_on_trial: false,
            pause_until: Duration::ZERO,
            resume: None,
        }
    }

    /// Checks a step. A wait tells the model the exact instant of the next step.
    pub(crate) fn check(&mut self, now: Instant, step: Step<Instant>) {
        let Self { earliest, latest, .. } = *self;
        if let Step::WaitUntil(next) = step {
            assert!(next > now, "waits for the past: {self:?}");
            assert!(next >= earliest, "1: waits until {next:?}, at least {earliest:?}: {self:?}");
            assert!(next <= latest, "3, 4: waits until {next:?}, at most {latest:?}: {self:?}");
            (self.earliest, self.latest) = (next, next);
            return;
        }
        assert!(now >= earliest, "1: before the announced instant: {self:?}");
        assert!(self.busy_until.is_none_or(|end| now >= end), "2: within a call: {self:?}");
        assert!(now >= self.pause_until, "5: inside the pause: {self:?}");
        assert_eq!(step == Step::RenewCredential, self.wants_renewal(), "{self:?}");
        self.latest = latest.min(now);
    }

    pub(crate) fn start(&mut self, now: Instant) {
        let limit = self.pace.call_limit();
        self.wait(now, limit.max(self.pace.interval()));
        self.busy_until = Some(now + limit);
    }

    pub(crate) fn answer(&mut self, now: Instant) {
        self.answered(now, Duration::ZERO);
    }

    fn answered(&mut self, now: Instant, told: Duration) {
        let out_of_turn = if self.busy_until.is_some() { (now, now) } else { self.out_of_turn() };
        self.failures = 0;
        self.accept();
        self.wait(now, self.pace.interval().max(told));
        if told.is_zero() {
            self.out_of_turn = Some(out_of_turn);
        }
    }

    /// The credential was accepted, maybe by another request.
    pub(crate) fn accept(&mut self) {
        (self.rejections, self.pauses) = (0, 0);
        (self.is_on_trial, self.resume) = (false, None);
    }

    /// Another request got a `Retry-After` of this time.
    pub(crate) fn retry_after(&mut self, now: Instant, told: Duration) {
        self.wait(now, told.min(self.pace.max_retry_after()));
    }

    /// Returns the instants between which another request with the same credential is due.
    pub(crate) fn out_of_turn(&self) -> (Instant, Instant) {
        self.out_of_turn.unwrap_or((self.earliest, self.latest))
    }

    pub(crate) fn error(&mut self, now: Instant, error: &ResponseError) {
        let told = error.retry_after().unwrap_or_default().min(self.pace.max_retry_after());
        let kind = error.api().map(ApiError::kind);
        if kind == Some(ApiErrorKind::NoTask) {
            return self.answered(now, told);
        }
        if error.is_unauthorized() {
            self.rejections += if kind == Some(ApiErrorKind::KeyLocked) { 2 } else { 1 };
            (self.is_on_trial, self.resume) = (false, None);
            if self.rejections == 1 {
                return self.wait(now, told);
            }
            let pause = self.pause().max(told);
            self.pause_until = now + pause;
            return self.wait(now, pause);
        }
        let backoff = match kind.is_some_and(|kind| !kind.is_retryable()) {
            true => self.pace.max_backoff(),
            false => self.backoff(),
        };
        self.failures = self.failures.saturating_add(1);
        self.wait(now, backoff.max(told));
    }

    pub(crate) fn failure(&mut self, now: Instant) {
        let backoff = self.backoff();
        self.failures = self.failures.saturating_add(1);
        self.wait(now, backoff);
    }

    pub(crate) fn renewed(&mut self) {
        self.is_on_trial = self.rejections > 0;
        if let Some((earliest, latest)) = self.resume.take() {
            (self.earliest, self.latest, self.pause_until) = (earliest, latest, earliest);
            self.out_of_turn = None;
        }
    }

    pub(crate) fn decline(&mut self, now: Instant) {
        if self.wants_renewal() && self.rejections == 1 && self.resume.is_none() {
            let resume = (self.earliest.max(now), self.latest.max(now));
            let pause = self.pause();
            self.pause_until = now + pause;
            self.wait(now, pause);
            self.resume = Some(resume);
        } else if self.wants_renewal() && now >= self.latest {
            // The pause is over, so the next rejection counts as the first.
            (self.rejections, self.resume) = (0, None);
        }
    }

    pub(crate) fn wants_renewal(&self) -> bool {
        self.rejections > 0 && !self.is_on_trial
    }

    fn pause(&mut self) -> Duration {
        let minutes = PAUSES[self.pauses.min(PAUSES.len() - 1)];
        self.pauses += 1;
        Duration::from_secs(60 * minutes)
    }

    fn backoff(&self) -> Duration {
        let doubled = self.pace.first_backoff().saturating_mul(1 << self.failures.min(31));
        doubled.min(self.pace.max_backoff())
    }

    /// Waits at least this long, and at most as long as jitter and the cap allow.
    fn wait(&mut self, now: Instant, wait: Duration) {
        let least = wait.min(Pace::MAX);
        let most = with_jitter(self.pace, least).min(Pace::MAX);
        // Only the outcome of a call can shorten the wait.
        let longer = |(earliest, latest): (Instant, Instant)| {
            (earliest.max(now + least), latest.max(now + most))
        };
        if self.busy_until.take().is_some() {
            (self.earliest, self.latest, self.out_of_turn) = (now, now, None);
        }
        (self.earliest, self.latest) = longer((self.earliest, self.latest));
        self.out_of_turn = self.out_of_turn.map(longer);
        self.resume = self.resume.map(|_| (self.earliest, self.latest));
    }
}

/// Returns the longest wait that jitter can make of this one.
#[must_use]
pub fn with_jitter(pace: Pace, wait: Duration) -> Duration {
    wait + wait * u32::from(pace.jitter()) / 100
}
