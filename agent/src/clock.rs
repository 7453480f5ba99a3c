//! Warnings about this machine's clock.

use std::time::Duration;

use huaweicloud_sms::ClockSkew;

/// Skews that differ by less than this count as the same, because a `Date` is rounded and arrives late.
const ACCURACY: Duration = Duration::from_secs(60);

/// Warns if the clock should be set.
pub(crate) fn warn(skew: ClockSkew) {
    if skew.is_notable() {
        log::warn!(
            "{skew}; beyond 15 min signatures are rejected: set the clock and the time zone"
        );
    }
}

/// Warns once, and again after the skew has changed.
#[derive(Default)]
pub(crate) struct Watch {
    warned: Option<ClockSkew>,
}

impl Watch {
    pub(crate) fn note(&mut self, skew: ClockSkew) {
        let is_known = self.warned.is_some_and(|warned| {
            warned.is_ahead() == skew.is_ahead()
                && warned.magnitude().abs_diff(skew.magnitude()) < ACCURACY
        });
        if skew.is_notable() && !is_known {
            warn(skew);
            self.warned = Some(skew);
        } else if skew.magnitude() + ACCURACY < ClockSkew::NOTABLE && self.warned.take().is_some() {
            log::info!("{skew}");
        }
    }
}

#[cfg(test)]
mod tests {
    use huaweicloud_sms::Timestamp;

    use super::*;

    #[test]
    fn warns_once_at_the_limit() {
        let skew = |seconds: u64| {
            let at = |seconds| Timestamp::from_unix_time(Duration::from_secs(seconds));
            ClockSkew::between(at(1_000_000), at(1_000_000 + seconds))
        };
        let mut watch = Watch::default();
        let mut warned = |seconds| {
            watch.note(skew(seconds));
            watch.warned.map(|warned| warned.magnitude().as_secs())
        };
        assert_eq!(warned(299), None);
        for seconds in [301, 299, 302, 300, 250] {
            assert_eq!(warned(seconds), Some(301), "{seconds}");
        }
        assert_eq!(warned(400), Some(400));
        assert_eq!(warned(230), None);
    }
}
