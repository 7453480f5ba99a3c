use crate::Settings;

/// More came for one answer than any answer takes; its own type, so that it is told from other
/// errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("far more came than any answer takes")]
pub struct Flood;

/// Counts what comes in for one answer, all that belongs to no body included: interim responses
/// without end, chunk sizes without end. The clients read those away, with one core busy until the
/// time is over, and hyper so eagerly that its runtime may not see that it is.
#[derive(Clone, Copy, Debug)]
pub struct Meter {
    received: u64,
    limit: u64,
}

impl Meter {
    /// A meter for answers within these settings: for each byte of a body it lets eight pass (one
    /// byte takes six in a chunk of its own), and a megabyte besides.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let body = u64::try_from(settings.get_max_body()).unwrap_or(u64::MAX);
        Self { received: 0, limit: body.saturating_mul(8).saturating_add(1024 * 1024) }
    }

    /// A request goes out: what comes now is the next answer's.
    pub fn sent(&mut self) {
        self.received = 0;
    }

    /// So many bytes came.
    ///
    /// # Errors
    /// [`Flood`], if those were too many.
    pub fn received(&mut self, count: usize) -> Result<(), Flood> {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.received = self.received.saturating_add(count);
        if self.received > self.limit { Err(Flood) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_for_each_answer() {
        let mut meter = Meter::new(&Settings::default().max_body(0));
        for _ in 0..3 {
            assert_eq!(meter.received(1024 * 1024), Ok(()));
            assert_eq!(meter.received(1), Err(Flood));
            meter.sent();
        }
        let mut meter = Meter::new(&Settings::default().max_body(usize::MAX));
        assert_eq!(meter.received(usize::MAX), Ok(()));
    }
}
