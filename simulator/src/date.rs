//! Moments as the service writes and reads them, all of them UTC.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment as `Sun, 06 Nov 1994 08:49:37 GMT`: the `Date` header; before 1970 it is 1970.
pub(crate) fn http_date(moment: SystemTime) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let Civil { weekday, year, month, day, hour, minute, second, .. } = Civil::of(moment);
    let (weekday, month) = (DAYS[weekday], MONTHS[month]);
    format!("{weekday}, {day:02} {month} {year} {hour:02}:{minute:02}:{second:02} GMT")
}

/// A moment as `2019-02-13T06:52:13.855000Z`: in IAM's answers; before 1970 it is 1970.
pub(crate) fn iam_date(moment: SystemTime) -> String {
    let Civil { year, month, day, hour, minute, second, micros, .. } = Civil::of(moment);
    let month = month + 1;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
}

/// Reads `20190213T065213Z`: the `X-Sdk-Date` header, from 1970 on.
pub(crate) fn parse_sdk_date(date: &[u8]) -> Option<SystemTime> {
    if date.len() != 16 || date[8] != b'T' || date[15] != b'Z' {
        return None;
    }
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0, |number, digit| {
            digit.is_ascii_digit().then(|| number * 10 + u64::from(digit - b'0'))
        })
    };
    let (year, month, day) = (number(&date[..4])?, number(&date[4..6])?, number(&date[6..8])?);
    let (hour, minute, second) =
        (number(&date[9..11])?, number(&date[11..13])?, number(&date[13..15])?);
    let month = usize::try_from(month).ok()?.checked_sub(1)?;
    let lengths = month_lengths(year);
    let is_moment = year >= 1970
        && (1..=*lengths.get(month)?).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    let days = (1970..year).map(year_length).sum::<u64>()
        + lengths[..month].iter().sum::<u64>()
        + day.checked_sub(1)?;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second;
    is_moment.then_some(UNIX_EPOCH + Duration::from_secs(seconds))
}

/// A moment by the calendar.
struct Civil {
    /// 0 is Thursday, as 1970 began.
    weekday: usize,
    year: u64,
    /// 0 is January.
    month: usize,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
    micros: u32,
}

impl Civil {
    fn of(moment: SystemTime) -> Self {
        let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
        let (mut day, time) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
        let weekday = usize::try_from(day % 7).unwrap_or(0);
        let mut year = 1970;
        while day >= year_length(year) {
            day -= year_length(year);
            year += 1;
        }
        let lengths = month_lengths(year);
        let mut month = 0;
        while day >= lengths[month] {
            day -= lengths[month];
            month += 1;
        }
        let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
        let micros = since.subsec_micros();
        Self { weekday, year, month, day: day + 1, hour, minute, second, micros }
    }
}

fn year_length(year: u64) -> u64 {
    month_lengths(year).iter().sum()
}

fn month_lengths(year: u64) -> [u64; 12] {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    [31, 28 + u64::from(is_leap), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments() {
        for (seconds, date, sdk) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT", "19700101T000000Z"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT", "19941106T084937Z"),
            (951_825_600, "Tue, 29 Feb 2000 12:00:00 GMT", "20000229T120000Z"),
            (978_307_199, "Sun, 31 Dec 2000 23:59:59 GMT", "20001231T235959Z"),
            (983_404_800, "Thu, 01 Mar 2001 00:00:00 GMT", "20010301T000000Z"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT", "21000301T000000Z"),
        ] {
            let moment = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(http_date(moment), date);
            assert_eq!(parse_sdk_date(sdk.as_bytes()), Some(moment), "{sdk}");
        }
        assert_eq!(http_date(UNIX_EPOCH - Duration::from_secs(1)), "Thu, 01 Jan 1970 00:00:00 GMT");
        let moment = UNIX_EPOCH + Duration::from_micros(1_550_040_733_855_000);
        assert_eq!(iam_date(moment), "2019-02-13T06:52:13.855000Z");
    }

    #[test]
    fn what_is_no_moment_is_not_read() {
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
