//! The forms of timestamps in requests and responses. All are UTC.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::{Date, Month, OffsetDateTime, Time};

/// Formats as `Sun, 06 Nov 1994 08:49:37 GMT`, for the `Date` header. Times before 1970 become 1970.
pub(crate) fn http_date(timestamp: SystemTime) -> String {
    let at = utc(timestamp);
    let (weekday, month) = (at.weekday().to_string(), at.month().to_string());
    let (hour, minute, second) = at.to_hms();
    format!(
        "{weekday:.3}, {:02} {month:.3} {} {hour:02}:{minute:02}:{second:02} GMT",
        at.day(),
        at.year()
    )
}

/// Formats as `2019-02-13T06:52:13.855000Z`, for IAM. Times before 1970 become 1970.
pub(crate) fn iam_date(timestamp: SystemTime) -> String {
    let at = utc(timestamp);
    let (year, month, day) = at.to_calendar_date();
    let (hour, minute, second, micros) = at.to_hms_micro();
    let month = u8::from(month);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
}

/// Parses the `X-Sdk-Date` header, such as `20190213T065213Z`. Returns `None` before 1970.
pub(crate) fn parse_sdk_date(date: &[u8]) -> Option<SystemTime> {
    if date.len() != 16 || date[8] != b'T' || date[15] != b'Z' {
        return None;
    }
    let pair = |at: usize| {
        let is_number = date[at].is_ascii_digit() && date[at + 1].is_ascii_digit();
        is_number.then(|| (date[at] - b'0') * 10 + (date[at + 1] - b'0'))
    };
    let year = i32::from(pair(0)?) * 100 + i32::from(pair(2)?);
    let day = Date::from_calendar_date(year, Month::try_from(pair(4)?).ok()?, pair(6)?).ok()?;
    let time = Time::from_hms(pair(9)?, pair(11)?, pair(13)?).ok()?;
    let seconds = u64::try_from(day.with_time(time).assume_utc().unix_timestamp()).ok()?;
    Some(UNIX_EPOCH + Duration::from_secs(seconds))
}

fn utc(timestamp: SystemTime) -> OffsetDateTime {
    let since_1970 = timestamp.duration_since(UNIX_EPOCH).unwrap_or_default();
    let since_1970 = since_1970.try_into().unwrap_or(time::Duration::MAX);
    OffsetDateTime::UNIX_EPOCH.saturating_add(since_1970)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_timestamps_are_formatted_and_parsed() {
        for (seconds, date, sdk) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT", "19700101T000000Z"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT", "19941106T084937Z"),
            (951_825_600, "Tue, 29 Feb 2000 12:00:00 GMT", "20000229T120000Z"),
        ] {
            let timestamp = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(http_date(timestamp), date);
            assert_eq!(parse_sdk_date(sdk.as_bytes()), Some(timestamp), "{sdk}");
        }
        assert_eq!(http_date(UNIX_EPOCH - Duration::from_secs(1)), "Thu, 01 Jan 1970 00:00:00 GMT");
        let timestamp = UNIX_EPOCH + Duration::from_micros(1_550_040_733_855_000);
        assert_eq!(iam_date(timestamp), "2019-02-13T06:52:13.855000Z");
    }

    #[test]
    fn malformed_timestamps_are_rejected() {
        for date in [
            "",
            "20260706T000000",
            "20260706T000000Z ",
            "20260706t000000Z",
            "20260706T000000z",
            "2026-706T000000Z",
            "+0260706T000000Z",
            "19691231T235959Z",
            "20260006T000000Z",
            "20261306T000000Z",
            "20260700T000000Z",
            "20260732T000000Z",
            "20260229T000000Z",
            "20260706T240000Z",
            "20260706T006000Z",
            "20260706T000060Z",
        ] {
            assert_eq!(parse_sdk_date(date.as_bytes()), None, "{date}");
        }
    }
}
