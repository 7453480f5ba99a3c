use core::{fmt, time::Duration};

use http::HeaderMap;

use super::timestamp::Timestamp;

/// The difference between the service's clock and this machine's, accurate to a second or two.
///
/// It compares the response's `Date` with the time at which the response arrived.
///
/// ```
/// # use huaweicloud_sms_core as huaweicloud_sms;
/// use std::time::Duration;
/// use huaweicloud_sms::{ClockSkew, Timestamp};
///
/// let ours = Timestamp::from_unix_time(Duration::from_secs(1_783_296_000));
/// let theirs = Timestamp::from_unix_time(Duration::from_secs(1_783_297_203));
/// let skew = ClockSkew::between(ours, theirs);
/// assert_eq!(skew.to_string(), "the service's clock is 20 min 3 s ahead of this machine's");
/// assert!(skew.is_notable() && skew.exceeds_limit());
/// assert_eq!(skew.correct(ours), theirs);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClockSkew {
    is_ahead: bool,
    magnitude: Duration,
}

impl ClockSkew {
    /// The skew beyond which the operator should set the clock.
    pub const NOTABLE: Duration = Duration::from_secs(5 * 60);
    /// The skew beyond which the gateway rejects a signature.
    pub const LIMIT: Duration = Duration::from_secs(15 * 60);

    /// Returns the skew by the `Date` header of a response that arrived at `ours`, or `None` if the header is
    /// missing or malformed.
    #[must_use]
    pub fn of_response(ours: Timestamp, headers: &HeaderMap) -> Option<Self> {
        let second = Timestamp::from_date_header(headers)?;
        // On average the server's clock is in the middle of the second that the header names.
        let theirs = second.as_unix_time() + Duration::from_millis(500);
        Some(Self::between(ours, Timestamp::from_unix_time(theirs)))
    }

    /// Returns the skew between this machine's time and the service's time.
    #[must_use]
    pub fn between(ours: Timestamp, theirs: Timestamp) -> Self {
        let (ours, theirs) = (ours.as_unix_time(), theirs.as_unix_time());
        Self { is_ahead: theirs > ours, magnitude: theirs.abs_diff(ours) }
    }

    /// Returns whether the service's clock is ahead of this machine's.
    #[must_use]
    pub const fn is_ahead(self) -> bool {
        self.is_ahead
    }

    /// Returns the absolute difference.
    #[must_use]
    pub const fn magnitude(self) -> Duration {
        self.magnitude
    }

    /// Returns whether it is over [`NOTABLE`](Self::NOTABLE).
    #[must_use]
    pub fn is_notable(self) -> bool {
        self.magnitude > Self::NOTABLE
    }

    /// Returns whether it is over [`LIMIT`](Self::LIMIT), so that the gateway rejects signatures.
    #[must_use]
    pub fn exceeds_limit(self) -> bool {
        self.magnitude > Self::LIMIT
    }

    /// Returns whether it may be over [`LIMIT`](Self::LIMIT), because it is accurate only to a few seconds.
    #[must_use]
    pub fn may_exceed_limit(self) -> bool {
        self.magnitude.saturating_add(Duration::from_secs(10)) > Self::LIMIT
    }

    /// Returns the service's time at this machine's time `ours`.
    #[must_use]
    pub fn correct(self, ours: Timestamp) -> Timestamp {
        let ours = ours.as_unix_time();
        Timestamp::from_unix_time(if self.is_ahead {
            ours.saturating_add(self.magnitude)
        } else {
            ours.saturating_sub(self.magnitude)
        })
    }
}

impl fmt::Display for ClockSkew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.magnitude.saturating_add(Duration::from_millis(500)).as_secs();
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
