//! Checks whether this machine's clock is plausible, and how far it is from the service's.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use huaweicloud_sms::{ClockSkew, timestamp};

use super::check::Check;

/// 2026-11-01. This check was written later, so an earlier clock is wrong.
const EARLIEST: Duration = Duration::from_secs(1_793_491_200);
/// 2100-01-01.
const LATEST: Duration = Duration::from_secs(4_102_444_800);

const SET_IT: &str = "set this server's clock and time zone, and have a time service (NTP) keep it";

/// Checks whether the clock is plausible.
pub(super) fn local(now: SystemTime) -> Check {
    let since = now.duration_since(UNIX_EPOCH).ok();
    let found = timestamp(now).to_string();
    match since {
        None => Check::fail(found, "the clock is before 1970", SET_IT),
        Some(since) if since < EARLIEST => {
            Check::fail(found, "the clock is before this program was written", SET_IT)
        }
        Some(since) if since >= LATEST => {
            Check::fail(found, "the clock is after the year 2099", SET_IT)
        }
        Some(_) => Check::ok(found),
    }
}

/// Checks the skew of the service's clock. `signs` is true if a key signs with this machine's clock.
pub(super) fn skew(skew: Option<ClockSkew>, signs: bool) -> Check {
    let Some(skew) = skew else {
        return Check::warn(
            "no Date in the response",
            "the service's clock is unknown",
            "compare this server's clock with another one",
        );
    };
    let found = skew.to_string();
    if signs && skew.may_exceed_limit() {
        return Check::fail(
            found,
            "beyond 15 min signatures are rejected, and each rejection counts towards the lock of the \
             key; so the key was not used",
            format!("{SET_IT}, or use --follow-server-clock"),
        );
    }
    match skew.is_notable() {
        true => Check::warn(found, "beyond 15 min signatures of a key are rejected", SET_IT),
        false => Check::ok(found),
    }
}

#[cfg(test)]
mod tests {
    use huaweicloud_sms::Timestamp;

    use super::{super::check::Verdict, *};

    #[test]
    fn a_clock_is_plausible_from_2026_to_2099() {
        for (seconds, verdict, shown) in [
            (0, Verdict::Fail, "1970-01-01T00:00:00Z"),
            (1_793_491_199, Verdict::Fail, "2026-10-31T23:59:59Z"),
            (1_793_491_200, Verdict::Ok, "2026-11-01T00:00:00Z"),
            (4_102_444_799, Verdict::Ok, "2099-12-31T23:59:59Z"),
            (4_102_444_800, Verdict::Fail, "2100-01-01T00:00:00Z"),
            // This time is later than the last one that a timestamp can show.
            (253_402_300_800, Verdict::Fail, "9999-12-31T23:59:59Z"),
        ] {
            let check = local(UNIX_EPOCH + Duration::from_secs(seconds));
            assert_eq!((check.verdict, check.found.as_str()), (verdict, shown));
        }
        let check = local(UNIX_EPOCH - Duration::from_secs(1));
        assert_eq!(check.verdict, Verdict::Fail);
    }

    #[test]
    fn only_a_signature_fails_for_the_clock() {
        let at = |seconds| Timestamp::from_unix_time(Duration::from_secs(seconds));
        for (seconds, signs, verdict) in [
            (299, true, Verdict::Ok),
            (301, true, Verdict::Warn),
            (889, true, Verdict::Warn),
            // A `Date` is accurate to a few seconds, so the check fails a little before 15 minutes.
            (891, true, Verdict::Fail),
            (891, false, Verdict::Warn),
            (1_000_000, false, Verdict::Warn),
        ] {
            let other = ClockSkew::between(at(1_800_000_000), at(1_800_000_000 - seconds));
            assert_eq!(skew(Some(other), signs).verdict, verdict, "{seconds}");
        }
        assert_eq!(skew(None, true).verdict, Verdict::Warn);
    }
}
