use crate::Settings;

/// The server sent far more than any response takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server sent far more than any response takes")]
pub struct ReadLimitExceeded;

/// Limits the bytes received for one response. It also counts bytes that are not part of a body, such as
/// endless interim responses or an endless chunk size.
///
/// Without this limit, both HTTP clients keep one core busy with such bytes until the timeout. hyper reads so
/// eagerly that its runtime may not notice the timeout.
#[derive(Clone, Copy, Debug)]
pub struct ReadLimit {
    received: u64,
    limit: u64,
}

impl ReadLimit {
    /// Allows one megabyte, and eight bytes for each byte of a body. A byte in a chunk of its own takes six
    /// bytes.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let body = u64::try_from(settings.max_body()).unwrap_or(u64::MAX);
        Self { received: 0, limit: body.saturating_mul(8).saturating_add(1024 * 1024) }
    }

    /// Restarts the count, because a request was sent and the next bytes belong to its response.
    pub fn sent(&mut self) {
        self.received = 0;
    }

    /// Counts received bytes.
    ///
    /// # Errors
    /// [`ReadLimitExceeded`].
    pub fn received(&mut self, count: usize) -> Result<(), ReadLimitExceeded> {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.received = self.received.saturating_add(count);
        if self.received > self.limit { Err(ReadLimitExceeded) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_response_has_the_whole_limit() {
        let mut limit = ReadLimit::new(&Settings::default().with_max_body(0));
        for _ in 0..3 {
            assert_eq!(limit.received(1024 * 1024), Ok(()));
            assert_eq!(limit.received(1), Err(ReadLimitExceeded));
            limit.sent();
        }
        let mut limit = ReadLimit::new(&Settings::default().with_max_body(usize::MAX));
        assert_eq!(limit.received(usize::MAX), Ok(()));
    }
}
