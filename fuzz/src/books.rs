//! What a `Poller` may say, kept anew from the events alone: for itself, and for the logins of a
//! `TokenCache`.

use std::time::Duration;

use huaweicloud_sms_core::{ApiErrorKind, Pace, ResponseError, Step};

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
    pub(crate) fn pace(&self) -> Pace {
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

#[derive(Debug)]
pub(crate) struct Books {
    durations: Durations,
    /// Between which moments the next step is due: as long as it is not announced, jitter leaves it
    /// open.
    pub(crate) earliest: Moment,
    pub(crate) latest: Moment,
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

impl Books {
    pub(crate) fn new(durations: Durations, first: Moment) -> Self {
        Self {
            durations,
            earliest: first,
            latest: first,
            busy_until: None,
            failures: 0,
            refusals: 0,
            on_trial: false,
            pause_until: Duration::ZERO,
        }
    }

    /// The moment of the next step is this one.
    pub(crate) fn announced(&mut self, next: Moment) {
        let Self { earliest, latest, .. } = *self;
        assert!(next >= earliest, "waits until {next:?}, at least {earliest:?}: {self:?}");
        assert!(next <= latest, "3, 4: waits until {next:?}, at most {latest:?}: {self:?}");
        (self.earliest, self.latest) = (next, next);
    }

    /// Checks a step other than to wait.
    pub(crate) fn check(&self, now: Moment, step: Step<Moment>) {
        assert!(now >= self.earliest, "1: before the announced moment: {self:?}");
        assert!(self.busy_until.is_none_or(|end| now >= end), "2: within a call: {self:?}");
        assert!(now >= self.pause_until, "5: inside the pause: {self:?}");
        assert_eq!(step == Step::RenewAuth, self.wants_renewal(), "{self:?}");
    }

    pub(crate) fn start(&mut self, now: Moment) {
        let limit = self.durations.call_limit;
        self.wait(now, limit.max(self.durations.interval));
        self.busy_until = Some(now + limit);
    }

    pub(crate) fn answer(&mut self, now: Moment) {
        (self.failures, self.refusals, self.on_trial) = (0, 0, false);
        self.wait(now, self.durations.interval);
    }

    pub(crate) fn error(&mut self, now: Moment, error: &ResponseError) {
        let told = error.retry_after().unwrap_or_default();
        let kind = match error {
            ResponseError::Api(error) => Some(error.kind()),
            _ => None,
        };
        if kind == Some(ApiErrorKind::NoTask) {
            return self.answer(now);
        }
        if error.is_unauthorized() {
            self.refusals += 1;
            self.on_trial = false;
            let is_locked = kind == Some(ApiErrorKind::KeyLocked);
            if is_locked || self.refusals > 1 {
                self.refusals = self.refusals.max(2);
                self.pause_until = now + KEY_LOCK.max(told);
                return self.wait(now, KEY_LOCK.max(told));
            }
            return self.wait(now, told);
        }
        let needs_a_hand = kind.is_some_and(|kind| !kind.is_retryable());
        let backoff = match needs_a_hand {
            true => self.durations.max_backoff,
            false => self.backoff(),
        };
        self.failures = self.failures.saturating_add(1);
        self.wait(now, backoff.max(told));
    }

    pub(crate) fn failure(&mut self, now: Moment) {
        let backoff = self.backoff();
        self.failures = self.failures.saturating_add(1);
        self.wait(now, backoff);
    }

    pub(crate) fn renewed(&mut self) {
        self.on_trial = self.refusals > 0;
    }

    pub(crate) fn kept(&mut self, now: Moment) {
        if self.wants_renewal() && self.refusals == 1 {
            // As good as a second refusal: the renewal itself was of no use.
            self.refusals = 2;
            self.pause_until = now + KEY_LOCK;
            self.wait(now, KEY_LOCK);
        } else if now >= self.latest {
            self.on_trial = self.refusals > 0;
        }
    }

    fn wants_renewal(&self) -> bool {
        self.refusals > 0 && !self.on_trial
    }

    fn backoff(&self) -> Duration {
        let doubled = self.durations.first_backoff.saturating_mul(1 << self.failures.min(31));
        doubled.min(self.durations.max_backoff)
    }

    /// No sooner than this, no later than jitter allows, and never beyond the cap.
    fn wait(&mut self, now: Moment, wait: Duration) {
        let least = wait.min(Pace::MAX);
        let most = self.durations.with_jitter(least).min(Pace::MAX);
        // What was no call's outcome can't shorten the wait.
        let (earliest, latest) = match self.busy_until.take() {
            Some(_) => (now, now),
            None => (self.earliest, self.latest),
        };
        self.earliest = earliest.max(now + least);
        self.latest = latest.max(now + most);
    }
}
