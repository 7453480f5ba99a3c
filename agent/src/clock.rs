//! What the operator is told of this machine's clock.

use huaweicloud_sms::{ClockSkew, Timestamp};

/// Says it if the clock should be set.
pub(crate) fn warn(skew: ClockSkew) {
    if skew.is_notable() {
        log::warn!("{skew}; beyond 15 min signatures are refused: set the clock and the time zone");
    }
}

/// Whether a signature by the second moment is worth trying when the first was refused.
pub(crate) fn is_another(first: Timestamp, second: Timestamp) -> bool {
    ClockSkew::between(first, second).is_notable()
}

/// Says it once, and again when it has changed.
#[derive(Default)]
pub(crate) struct Watch {
    said: Option<ClockSkew>,
}

impl Watch {
    pub(crate) fn note(&mut self, skew: ClockSkew) {
        // A response's date is one of seconds, and takes its time to come.
        let is_told = self.said.is_some_and(|said| {
            said.is_ahead() == skew.is_ahead() && said.by().abs_diff(skew.by()).as_secs() < 60
        });
        if skew.is_notable() && !is_told {
            warn(skew);
            self.said = Some(skew);
        } else if !skew.is_notable() && self.said.take().is_some() {
            log::info!("{skew}");
        }
    }
}
