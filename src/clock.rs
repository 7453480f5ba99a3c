use std::time::{SystemTime, UNIX_EPOCH};

use crate::Timestamp;

/// Returns the system's time, for [`AccessKey::signer`](crate::AccessKey::signer) and
/// [`Session::poll`](crate::Session::poll).
#[must_use]
pub fn now() -> Timestamp {
    timestamp(SystemTime::now())
}

/// Converts a system time. A time before 1970 becomes the start of 1970, and a time after 9999 the
/// end of 9999.
#[must_use]
pub fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp::from_unix_time(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_time_out_of_range_becomes_the_nearest_timestamp() {
        let text = |time| timestamp(time).to_string();
        assert_eq!(text(UNIX_EPOCH - Duration::from_secs(1)), "1970-01-01T00:00:00Z");
        assert_eq!(text(UNIX_EPOCH + Duration::from_secs(1)), "1970-01-01T00:00:01Z");
        let far = UNIX_EPOCH.checked_add(Duration::from_secs(253_402_300_800));
        assert_eq!(text(far.expect("within the range")), "9999-12-31T23:59:59Z");
    }
}
