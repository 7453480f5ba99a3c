use core::time::Duration;

use crate::invalid_input::{InvalidInput, Problem};

/// The poll interval of a [`Session`](crate::Session) or [`Poller`](crate::Poller), and its waits after
/// failures.
///
/// Each value is checked when it is set.
///
/// ```
/// # use huaweicloud_sms_core as huaweicloud_sms;
/// use std::time::Duration;
/// use huaweicloud_sms::Pace;
///
/// let pace = Pace::default().with_interval(Duration::from_secs(30))?.with_jitter(10)?;
/// assert_eq!(pace.interval(), Duration::from_secs(30));
/// # Ok::<(), huaweicloud_sms::InvalidInput>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Pace {
    interval: Duration,
    call_limit: Duration,
    first_backoff: Duration,
    max_backoff: Duration,
    max_retry_after: Duration,
    jitter: u8,
}

impl Default for Pace {
    /// Returns an interval of 10 s, a call limit of 30 s, a backoff of 5 s to 5 min, a `Retry-After` of up to
    /// 24 h, and a jitter of 20 %.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(10),
            call_limit: Duration::from_secs(30),
            first_backoff: Duration::from_secs(5),
            max_backoff: Duration::from_secs(5 * 60),
            max_retry_after: Self::MAX,
            jitter: 20,
        }
    }
}

impl Pace {
    /// The longest accepted duration, and the longest wait.
    pub const MAX: Duration = Duration::from_secs(24 * 60 * 60);

    /// Sets the poll interval, which is the time from an answer to the next call. Default: 10 s, so that the
    /// transports still have the idle connection. Each call is an audit event (CTS) of the customer.
    ///
    /// # Errors
    /// The interval is zero or longer than [`MAX`](Self::MAX).
    pub fn with_interval(self, interval: Duration) -> Result<Self, InvalidInput> {
        check(interval, "must have an interval of more than 0 and at most 24 hours")?;
        Ok(Self { interval, ..self })
    }

    /// Sets the longest time of a call, which is your HTTP client's timeout. Default: 30 s. If you never
    /// report the outcome of a call, the next one is not sent before this time after its start.
    ///
    /// # Errors
    /// The limit is zero or longer than [`MAX`](Self::MAX).
    pub fn with_call_limit(self, call_limit: Duration) -> Result<Self, InvalidInput> {
        check(call_limit, "must have a call limit of more than 0 and at most 24 hours")?;
        Ok(Self { call_limit, ..self })
    }

    /// Sets the waits after failures in a row. The first one is `first`. Each further one is twice as long,
    /// but at most `max`. Default: 5 s to 5 min.
    ///
    /// # Errors
    /// One of them is zero or longer than [`MAX`](Self::MAX), or `first` is longer than `max`.
    pub fn with_backoff(self, first: Duration, max: Duration) -> Result<Self, InvalidInput> {
        check(first.min(max), "must have backoffs of more than 0 and at most 24 hours")?;
        check(max, "must have backoffs of more than 0 and at most 24 hours")?;
        if first > max {
            return Err(reject("must not have a first backoff over the largest"));
        }
        Ok(Self { first_backoff: first, max_backoff: max, ..self })
    }

    /// Sets the longest wait that the service can ask for with `Retry-After`. A longer value counts as this
    /// one. Default: 24 h.
    ///
    /// # Errors
    /// The limit is zero or longer than [`MAX`](Self::MAX).
    pub fn with_max_retry_after(self, limit: Duration) -> Result<Self, InvalidInput> {
        check(limit, "must have a limit of Retry-After of more than 0 and at most 24 hours")?;
        Ok(Self { max_retry_after: limit, ..self })
    }

    /// Sets the jitter. Each wait is lengthened at random, by at most this percentage. Default: 20.
    ///
    /// # Errors
    /// The jitter is over 100 percent.
    pub fn with_jitter(self, percent: u8) -> Result<Self, InvalidInput> {
        if percent > 100 {
            return Err(reject("must have a jitter of at most 100 percent"));
        }
        Ok(Self { jitter: percent, ..self })
    }

    /// Returns the poll interval.
    #[must_use]
    pub const fn interval(&self) -> Duration {
        self.interval
    }

    /// Returns the longest time of a call.
    #[must_use]
    pub const fn call_limit(&self) -> Duration {
        self.call_limit
    }

    /// Returns the wait after a first failure.
    #[must_use]
    pub const fn first_backoff(&self) -> Duration {
        self.first_backoff
    }

    /// Returns the longest wait after failures.
    #[must_use]
    pub const fn max_backoff(&self) -> Duration {
        self.max_backoff
    }

    /// Returns the longest wait that the service can ask for with `Retry-After`.
    #[must_use]
    pub const fn max_retry_after(&self) -> Duration {
        self.max_retry_after
    }

    /// Returns the percentage by which a wait is lengthened at most.
    #[must_use]
    pub const fn jitter(&self) -> u8 {
        self.jitter
    }
}

fn check(duration: Duration, rule: &'static str) -> Result<(), InvalidInput> {
    if duration.is_zero() || duration > Pace::MAX { Err(reject(rule)) } else { Ok(()) }
}

fn reject(rule: &'static str) -> InvalidInput {
    InvalidInput::new("pace", Problem::Is(rule))
}
