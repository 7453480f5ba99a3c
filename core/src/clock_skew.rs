use core::{fmt, time::Duration};

use crate::Timestamp;

/// By how much the service's clock differs from this machine's, to the second or two: the
/// response's `Date` against the moment at which it came.
///
/// ```
/// use std::time::Duration;
/// use huaweicloud_sms_core::{ClockSkew, Timestamp};
///
/// let ours = Timestamp::from_unix_time(Duration::from_secs(1_783_296_000));
/// let theirs = Timestamp::from_unix_time(Duration::from_secs(1_783_297_203));
/// let skew = ClockSkew::between(ours, theirs);
/// assert_eq!(skew.to_string(), "the service's clock is 20 min 3 s ahead of this machine's");
/// assert!(skew.is_notable() && skew.is_refused());
/// assert_eq!(skew.correct(ours), theirs);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClockSkew {
    is_ahead: bool,
    by: Duration,
}

impl ClockSkew {
    /// Beyond this a clock should be set.
    pub const NOTABLE: Duration = Duration::from_secs(5 * 60);
    /// Beyond this the gateway refuses a signature.
    pub const LIMIT: Duration = Duration::from_secs(15 * 60);

    /// The skew between this machine's time and the service's at one moment.
    #[must_use]
    pub fn between(ours: Timestamp, theirs: Timestamp) -> Self {
        let (ours, theirs) = (ours.as_unix_time(), theirs.as_unix_time());
        Self { is_ahead: theirs > ours, by: theirs.abs_diff(ours) }
    }

    /// Whether the service's clock is ahead of this machine's.
    #[must_use]
    pub const fn is_ahead(self) -> bool {
        self.is_ahead
    }

    /// By how much they differ.
    #[must_use]
    pub const fn by(self) -> Duration {
        self.by
    }

    /// Whether it is over [`NOTABLE`](Self::NOTABLE).
    #[must_use]
    pub fn is_notable(self) -> bool {
        self.by > Self::NOTABLE
    }

    /// Whether it is over [`LIMIT`](Self::LIMIT), so that signatures are refused.
    #[must_use]
    pub fn is_refused(self) -> bool {
        self.by > Self::LIMIT
    }

    /// Whether a signature may have been refused for it: as [`is_refused`](Self::is_refused), but for the
    /// few seconds by which this may be wrong.
    #[must_use]
    pub fn explains_refusal(self) -> bool {
        self.by.saturating_add(Duration::from_secs(10)) > Self::LIMIT
    }

    /// The service's time when it is `ours` on this machine.
    #[must_use]
    pub fn correct(self, ours: Timestamp) -> Timestamp {
        let ours = ours.as_unix_time();
        Timestamp::from_unix_time(match self.is_ahead {
            true => ours.saturating_add(self.by),
            false => ours.saturating_sub(self.by),
        })
    }
}

impl fmt::Display for ClockSkew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.by.saturating_add(Duration::from_millis(500)).as_secs();
        let parts = [
            (seconds / 86_400, "d"),
            (seconds / 3600 % 24, "h"),
            (seconds / 60 % 60, "min"),
            (seconds % 60, "s"),
        ];
        f.write_str("the service's clock ")?;
        if seconds == 0 {
            return f.write_str("agrees with this machine's");
        }
        f.write_str("is")?;
        for (count, unit) in parts.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, " {count} {unit}")?;
        }
        f.write_str(if self.is_ahead { " ahead of" } else { " behind" })?;
        f.write_str(" this machine's")
    }
}
