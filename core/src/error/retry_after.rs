//! Reads `Retry-After`, [RFC 9110, section 10.2.3](https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3).

use alloc::string::String;
use core::time::Duration;

use http::{HeaderMap, header};

use crate::{
    text::excerpt,
    time::{Timestamp, http_date},
};

/// The content of `Retry-After`: seconds, or a date. The longest of several values counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RetryAfter {
    wait: Option<Duration>,
    /// The latest date of a response that has no `Date` to compare it with.
    until: Option<Timestamp>,
    ignored: Option<String>,
}

impl RetryAfter {
    /// The longest wait. It is capped, so that it can be added to any instant.
    const MAX: Duration = Duration::from_secs(24 * 60 * 60);
    /// The longest kept part of a value that cannot be read, in characters.
    const MAX_IGNORED: usize = 100;

    pub(super) fn read(headers: &HeaderMap) -> Self {
        let date = headers.get(header::DATE).and_then(|value| value.to_str().ok());
        let date = date.and_then(|text| http_date::seconds_since_epoch(text.trim_ascii()));
        let mut read = Self::default();
        for value in headers.get_all(header::RETRY_AFTER) {
            match value.to_str() {
                Ok(list) => items(list).for_each(|item| read.add(item.trim_ascii(), date)),
                Err(_) => read.ignore(value.as_bytes()),
            }
        }
        read
    }

    fn add(&mut self, item: &str, date: Option<i64>) {
        if let Some(wait) = seconds(item) {
            return self.lengthen(wait);
        }
        let Some(until) = http_date::seconds_since_epoch(item) else {
            return self.ignore(item.as_bytes());
        };
        let since = |start| Duration::from_secs(u64::try_from(until - start).unwrap_or(0));
        match date {
            Some(date) => self.lengthen(since(date)),
            None => self.until = self.until.max(Some(Timestamp::from_unix_time(since(0)))),
        }
    }

    fn lengthen(&mut self, wait: Duration) {
        self.wait = self.wait.max(Some(wait.min(Self::MAX)));
    }

    fn ignore(&mut self, value: &[u8]) {
        self.ignored.get_or_insert_with(|| excerpt(value, Self::MAX_IGNORED));
    }

    /// Compares a date that had no `Date` beside it with the time at which the response arrived.
    pub(super) fn arrived_at(&mut self, clock: Timestamp) {
        if let Some(until) = self.until.take() {
            self.lengthen(until.as_unix_time().saturating_sub(clock.as_unix_time()));
        }
    }

    pub(super) fn wait(&self) -> Option<Duration> {
        self.wait
    }

    pub(super) fn ignored_mut(&mut self) -> Option<&mut String> {
        self.ignored.as_mut()
    }

    /// Returns the first value that cannot be read, escaped.
    pub(super) fn ignored(&self) -> Option<&str> {
        self.ignored.as_deref()
    }
}

/// Splits a list into its items. Some proxies join two headers to one with a comma.
fn items(list: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(list);
    core::iter::from_fn(move || {
        let list = rest?;
        let mut commas = list.match_indices(',').map(|(at, _)| at);
        // A date has a comma after the name of the day.
        let is_day = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphabetic());
        let end = match commas.next() {
            Some(comma) if is_day(list[..comma].trim_ascii()) => commas.next(),
            comma => comma,
        };
        rest = end.map(|end| &list[end + 1..]);
        Some(&list[..end.unwrap_or(list.len())])
    })
}

/// Parses a number of seconds. Some servers send a fraction, which is rounded up.
fn seconds(text: &str) -> Option<Duration> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if !is_number(whole) || !is_number(fraction) {
        return None;
    }
    // A number that does not fit means a long wait.
    let whole = whole.parse().unwrap_or(u64::MAX);
    let has_fraction = fraction.bytes().any(|digit| digit != b'0');
    Some(Duration::from_secs(whole.saturating_add(has_fraction.into())))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    /// 50 s before [`DATE`], by the clock of the test.
    const ARRIVAL: u64 = 784_111_777 - 50;

    fn read(values: &[&[u8]], date: Option<&str>) -> RetryAfter {
        let mut headers = HeaderMap::new();
        for value in values {
            let value = HeaderValue::from_bytes(value).expect("a legal value");
            headers.append(header::RETRY_AFTER, value);
        }
        if let Some(date) = date {
            headers.insert(header::DATE, date.parse().expect("a legal value"));
        }
        let mut read = RetryAfter::read(&headers);
        read.arrived_at(Timestamp::from_unix_time(Duration::from_secs(ARRIVAL)));
        read
    }

    #[test]
    fn reads_seconds_dates_and_lists() {
        for (values, wait) in [
            (&["120"][..], 120),
            (&[" 7 "], 7),
            (&["0"], 0),
            (&["120.0"], 120),
            (&["119.001"], 120),
            (&["0.5"], 1),
            (&["99999999999999999999"], 86_400),
            (&["99999999999999999999.5"], 86_400),
            (&["18446744073709551615.5"], 86_400),
            (&["1795900000"], 86_400),
            (&["7", "7"], 7),
            (&["7, 7"], 7),
            (&["7,9"], 9),
            (&["9", "7"], 9),
            (&["1.5, 1.5"], 2),
            (&[DATE], 50),
            (&["Sunday, 06-Nov-94 08:49:37 GMT"], 50),
            (&["Sun Nov  6 08:49:37 1994"], 50),
            (&["Xxx, 06 Nov 1994 08:49:37 GMT"], 50),
            (&["Fri, 31 Dec 9999 23:59:59 GMT"], 86_400),
            (&["Wed, 31 Dec 1969 23:59:59 GMT"], 0),
            (&["Sun, 06 Nov 1994 08:49:00 GMT, Sun, 06 Nov 1994 08:49:37 GMT"], 50),
            (&["Sun, 06 Nov 1994 08:49:37 GMT, 20"], 50),
            (&["60, Sun, 06 Nov 1994 08:49:37 GMT"], 60),
            (&["Sun Nov  6 08:49:37 1994, 60"], 60),
        ] {
            let bytes: alloc::vec::Vec<_> = values.iter().map(|value| value.as_bytes()).collect();
            let read = read(&bytes, None);
            assert_eq!(read.wait(), Some(Duration::from_secs(wait)), "{values:?}");
            assert_eq!(read.ignored(), None, "{values:?}");
        }
        assert_eq!(read(&[], None), RetryAfter::default());
    }

    #[test]
    fn compares_a_date_with_the_date_of_the_response_if_it_has_one() {
        for (date, wait) in [
            ("Sun, 06 Nov 1994 08:47:37 GMT", 120),
            ("Sun, 06 Nov 1994 08:50:37 GMT", 0),
            ("Sunday, 06-Nov-94 08:47:37 GMT", 120),
            ("yesterday", 50),
        ] {
            let read = read(&[DATE.as_bytes()], Some(date));
            assert_eq!(read.wait(), Some(Duration::from_secs(wait)), "{date}");
        }
    }

    #[test]
    fn keeps_an_ignored_value() {
        for (value, ignored) in [
            ("", ""),
            ("+120", "+120"),
            ("-1", "-1"),
            ("120s", "120s"),
            ("\"120\"", "\"120\""),
            ("1.", "1."),
            (".5", ".5"),
            ("1.5.1", "1.5.1"),
            ("1e3", "1e3"),
            ("Sun, 06 Nov 1994 08:49:37 gmt", "Sun, 06 Nov 1994 08:49:37 gmt"),
            ("Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 UTC"),
            ("Sun, 06 Nov 1994 08:49:37 +0000", "Sun, 06 Nov 1994 08:49:37 +0000"),
            ("a\tb", "a\\tb"),
            ("1\u{202e}2", "1\\u{202e}2"),
        ] {
            let alone = read(&[value.as_bytes()], Some(DATE));
            assert_eq!((alone.wait(), alone.ignored()), (None, Some(ignored)), "{value}");
            let beside = read(&[value.as_bytes(), b"120"], None);
            assert_eq!(beside.wait(), Some(Duration::from_secs(120)), "{value}");
            assert_eq!(beside.ignored(), Some(ignored), "{value}");
        }
        let long = read(&[&[b'x'; 1000]], None);
        assert_eq!(long.ignored().map(str::len), Some(RetryAfter::MAX_IGNORED));
    }
}
