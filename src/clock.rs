//! This machine's clock.

use std::time::UNIX_EPOCH;

use crate::Timestamp;

/// The present moment by the system's clock, as [`AccessKey::at`](crate::AccessKey::at) takes it. A
/// clock before 1970 is taken for 1970.
#[must_use]
pub fn now() -> Timestamp {
    Timestamp::from_unix_time(UNIX_EPOCH.elapsed().unwrap_or_default())
}
