//! Tests the text, the limits and the correction of a clock skew.

use std::time::Duration;

use huaweicloud_sms_core::{ClockSkew, Timestamp};

fn at(millis: u64) -> Timestamp {
    Timestamp::from_unix_time(Duration::from_millis(millis))
}

const NOW: u64 = 1_783_296_000_000;

#[test]
#[rustfmt::skip]
fn a_skew_has_its_text_and_limits() {
    const MINUTE: i64 = 60_000;
    // by how many milliseconds the service's clock is ahead, in words, notable, rejected
    for (ahead, words, is_notable, is_rejected) in [
        (0, "agrees with this machine's", false, false),
        (499, "agrees with this machine's", false, false),
        (-499, "agrees with this machine's", false, false),
        (500, "is 1 s ahead of this machine's", false, false),
        (-59_500, "is 1 min behind this machine's", false, false),
        (1_000, "is 1 s ahead of this machine's", false, false),
        (-1_000, "is 1 s behind this machine's", false, false),
        (5 * MINUTE, "is 5 min ahead of this machine's", false, false),
        (5 * MINUTE + 1, "is 5 min ahead of this machine's", true, false),
        (15 * MINUTE - 10_000, "is 14 min 50 s ahead of this machine's", true, false),
        (15 * MINUTE - 9_999, "is 14 min 50 s ahead of this machine's", true, false),
        (-15 * MINUTE, "is 15 min behind this machine's", true, false),
        (-15 * MINUTE - 1, "is 15 min behind this machine's", true, true),
        (60 * MINUTE, "is 1 h ahead of this machine's", true, true),
        (-8 * 60 * MINUTE, "is 8 h behind this machine's", true, true),
        (2 * 24 * 60 * MINUTE + 3_000, "is 2 d 3 s ahead of this machine's", true, true),
        (-(86_400_000 + 3_600_000 + 61_000), "is 1 d 1 h 1 min 1 s behind this machine's", true, true),
    ] {
        let (ours, theirs) = (at(NOW), at(NOW.checked_add_signed(ahead).expect("after 1970")));
        let skew = ClockSkew::between(ours, theirs);
        assert_eq!(skew.to_string(), format!("the service's clock {words}"));
        assert_eq!((skew.is_notable(), skew.exceeds_limit()), (is_notable, is_rejected), "{ahead}");
        // A `Date` has a resolution of one second, and the response takes time to arrive.
        let explains = ahead.unsigned_abs() > (15 * MINUTE - 10_000).unsigned_abs();
        assert_eq!(skew.may_exceed_limit(), explains, "{ahead}");
        assert_eq!(skew.is_ahead(), ahead > 0, "{ahead}");
        assert_eq!(skew.magnitude(), Duration::from_millis(ahead.unsigned_abs()));
        // The correction gives the service's time, then and later.
        assert_eq!(skew.correct(ours), theirs);
        assert_eq!(skew.correct(at(NOW + 60_000)), at(NOW.checked_add_signed(ahead).expect("valid") + 60_000));
    }
}

/// Corrects a clock that was never set to the last timestamp, and back.
#[test]
fn a_correction_stays_within_the_calendar() {
    let (first, last) = (at(0), Timestamp::MAX);
    let skew = ClockSkew::between(first, last);
    assert_eq!((skew.correct(first), skew.correct(last)), (last, last));
    let back = ClockSkew::between(last, first);
    assert_eq!((back.correct(last), back.correct(first)), (first, first));
}
