//! The simulator's own clock.

use std::time::{Duration, SystemTime};

/// The largest offset of the clock in a script, and the longest life of a token: ten years.
pub(crate) const MAX_SPAN: Duration = Duration::from_secs(10 * 365 * 86_400);

/// The largest offset after `advance`: a hundred years, which every system can represent.
const MAX_AHEAD: Duration = Duration::from_secs(100 * 365 * 86_400);

/// The system's clock with an offset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Clock {
    ahead: Duration,
    behind: Duration,
}

impl Clock {
    pub(crate) fn ahead(by: Duration) -> Self {
        Self { ahead: by.min(MAX_SPAN), behind: Duration::ZERO }
    }

    pub(crate) fn behind(by: Duration) -> Self {
        Self { ahead: Duration::ZERO, behind: by.min(MAX_SPAN) }
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        self.ahead = self.ahead.saturating_add(by).min(MAX_AHEAD);
    }

    pub(crate) fn now(self) -> SystemTime {
        self.at(SystemTime::now())
    }

    /// Returns this clock's time at the system's time `system`. Ignores the offset if the result cannot be
    /// represented.
    fn at(self, system: SystemTime) -> SystemTime {
        let moved = system.checked_add(self.ahead).and_then(|at| at.checked_sub(self.behind));
        moved.unwrap_or(system)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_added_and_bounded() {
        let system = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let (minute, mut clock) = (Duration::from_secs(60), Clock::default());
        assert_eq!(clock.at(system), system);
        clock.advance(minute);
        clock.advance(minute);
        assert_eq!(clock.at(system), system + 2 * minute);
        let mut clock = Clock::behind(3 * minute);
        assert_eq!(clock.at(system), system - 3 * minute);
        clock.advance(minute);
        assert_eq!(clock.at(system), system - 2 * minute);
        assert_eq!(Clock::ahead(Duration::MAX).at(system), system + MAX_SPAN);
        assert_eq!(Clock::behind(Duration::MAX).at(system), system - MAX_SPAN);
        clock.advance(Duration::MAX);
        assert_eq!(clock.at(system), system + MAX_AHEAD - 3 * minute);
    }
}
