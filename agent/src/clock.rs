//! What the operator is told of this machine's clock.

use std::time::Duration;

use huaweicloud_sms::ClockSkew;

/// What differs by less is the same: a response's date is one of seconds, and takes its time to come.
const ACCURACY: Duration = Duration::from_secs(60);

/// Says it if the clock should be set.
pub(crate) fn warn(skew: ClockSkew) {
    if skew.is_notable() {
        log::warn!("{skew}; beyond 15 min signatures are refused: set the clock and the time zone");
    }
}

/// Says it once, and again when it has changed.
#[derive(Default)]
pub(crate) struct Watch {
    said: Option<ClockSkew>,
}

impl Watch {
    pub(crate) fn note(&mut self, skew: ClockSkew) {
        let is_told = self.said.is_some_and(|said| {
            said.is_ahead() == skew.is_ahead() && said.by().abs_diff(skew.by()) < ACCURACY
        });
        if skew.is_notable() && !is_told {
            warn(skew);
            self.said = Some(skew);
        } else if skew.by() + ACCURACY < ClockSkew::NOTABLE && self.said.take().is_some() {
            log::info!("{skew}");
        }
    }
}

#[cfg(test)]
mod tests {
    use huaweicloud_sms::Timestamp;

    use super::*;

    #[test]
    fn at_the_limit_it_is_said_once() {
        let skew = |seconds: u64| {
            let at = |seconds| Timestamp::from_unix_time(Duration::from_secs(seconds));
            ClockSkew::between(at(1_000_000), at(1_000_000 + seconds))
        };
        let mut watch = Watch::default();
        let mut is_said = |seconds| {
            watch.note(skew(seconds));
            watch.said.map(|said| said.by().as_secs())
        };
        assert_eq!(is_said(299), None);
        for seconds in [301, 299, 302, 300, 250] {
            assert_eq!(is_said(seconds), Some(301), "{seconds}");
        }
        assert_eq!(is_said(400), Some(400));
        assert_eq!(is_said(230), None);
    }
}
