use core::{fmt, time::Duration};

use http::{HeaderMap, header};

use super::{
    calendar::{date, number, seconds_before},
    http_date,
};

/// A date and time, as the time since the Unix epoch (1970-01-01, UTC).
///
/// The core reads no clock. The facade's `now()` returns the system's time.
///
/// ```
/// # use huaweicloud_sms_core as huaweicloud_sms;
/// use std::time::{Duration, SystemTime};
/// use huaweicloud_sms::Timestamp;
///
/// let now = Timestamp::from_unix_time(SystemTime::UNIX_EPOCH.elapsed()?);
/// let then = Timestamp::from_unix_time(Duration::from_secs(1_783_296_000));
/// assert_eq!(then.to_string(), "2026-07-06T00:00:00Z");
/// # Ok::<(), std::time::SystemTimeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(Duration);

impl Timestamp {
    /// The last second of the year 9999. A signature's date cannot express a later one.
    pub const MAX: Self = Self(Duration::from_secs(253_402_300_799));

    /// Returns the timestamp this long after the Unix epoch. A timestamp after [`MAX`](Self::MAX) becomes `MAX`.
    #[must_use]
    pub const fn from_unix_time(since_epoch: Duration) -> Self {
        if since_epoch.as_secs() > Self::MAX.0.as_secs() { Self::MAX } else { Self(since_epoch) }
    }

    /// Returns the time since the Unix epoch.
    #[must_use]
    pub const fn as_unix_time(self) -> Duration {
        self.0
    }

    /// Parses the `Date` header, which has a resolution of one second. Returns `None` if it is missing
    /// or malformed.
    #[must_use]
    pub fn from_date_header(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(header::DATE)?.to_str().ok()?.trim_ascii();
        let seconds = u64::try_from(http_date::seconds_since_epoch(text)?).ok()?;
        Some(Self::from_unix_time(Duration::from_secs(seconds)))
    }

    /// Parses `2019-02-13T06:52:13.855000Z`, as IAM writes it, with zero to nine digits of a fraction.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
        let (time, fraction) = time.split_once('.').map_or((time, None), |(t, f)| (t, Some(f)));
        let mut date = date.split('-');
        let (year, month) = (digits(date.next()?, 4)?, digits(date.next()?, 2)?);
        let day = digits(date.next()?, 2)?;
        let mut time = time.split(':').map(|part| digits(part, 2));
        let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
        let month = usize::try_from(month - 1).ok().filter(|month| *month < 12)?;
        if date.next().is_some() || time.next().is_some() || year < 1970 {
            return None;
        }
        let seconds = seconds_before((year, month, day), (hour, minute, second))?;
        let seconds = u64::try_from(seconds).ok()?;
        let nanos = match fraction {
            None => 0,
            Some(digits) if (1..=9).contains(&digits.len()) => {
                let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
                let missing = u32::try_from(9 - digits.len()).ok()?;
                digits.parse::<u32>().ok().filter(|_| is_number)? * 10_u32.pow(missing)
            }
            Some(_) => return None,
        };
        Some(Self::from_unix_time(Duration::new(seconds, nanos)))
    }

    /// Returns year, month, day, hour, minute and second.
    fn parts(self) -> [i64; 6] {
        // `MAX` is in the year 9999, so the conversion never fails.
        let seconds = i64::try_from(self.0.as_secs()).unwrap_or(i64::MAX);
        let (year, month, day) = date(seconds / 86_400);
        let month = i64::try_from(month + 1).unwrap_or(i64::MAX);
        [year, month, day, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60]
    }

    /// Returns the form of `X-Sdk-Date`: `20260706T000000Z`.
    pub(crate) fn sdk_date(self) -> impl fmt::Display {
        struct SdkDate([i64; 6]);
        impl fmt::Display for SdkDate {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let [year, month, day, hour, minute, second] = self.0;
                write!(f, "{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
            }
        }
        SdkDate(self.parts())
    }
}

fn digits(text: &str, count: usize) -> Option<i64> {
    number(text).filter(|_| text.len() == count)
}

/// Writes the timestamp as `2026-07-06T00:00:00Z`, without a fraction of a second.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [year, month, day, hour, minute, second] = self.parts();
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_time(Duration::from_secs(seconds))
    }

    #[test]
    fn writes_known_timestamps_in_both_forms() {
        for (seconds, text, sdk_date) in [
            (0, "1970-01-01T00:00:00Z", "19700101T000000Z"),
            (951_825_599, "2000-02-29T11:59:59Z", "20000229T115959Z"),
            (1_783_296_000, "2026-07-06T00:00:00Z", "20260706T000000Z"),
            (1_798_761_599, "2026-12-31T23:59:59Z", "20261231T235959Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z", "99991231T235959Z"),
            (u64::MAX, "9999-12-31T23:59:59Z", "99991231T235959Z"),
        ] {
            assert_eq!(at(seconds).to_string(), text);
            assert_eq!(at(seconds).sdk_date().to_string(), sdk_date);
            assert_eq!(Timestamp::parse(text), Some(at(seconds)));
        }
    }

    #[test]
    fn reads_the_form_of_iam_with_its_fraction() {
        let read = |text| Timestamp::parse(text).map(Timestamp::as_unix_time);
        let base = 1_550_040_733;
        for (text, nanos) in [
            ("2019-02-13T06:52:13.855000Z", 855_000_000),
            ("2019-02-13T06:52:13.8Z", 800_000_000),
            ("2019-02-13T06:52:13.000000001Z", 1),
            ("2019-02-13T06:52:13Z", 0),
        ] {
            assert_eq!(read(text), Some(Duration::new(base, nanos)), "{text}");
        }
        assert_eq!(read("2016-12-31T23:59:60Z"), Some(Duration::from_secs(1_483_228_800)));
    }

    #[test]
    fn rejects_every_other_form() {
        for text in [
            "",
            "Z",
            "2019-02-13T06:52:13",
            "2019-02-13 06:52:13Z",
            "2019-02-13T06:52:13+00:00",
            "2019-02-13T06:52:13.Z",
            "2019-02-13T06:52:13.0123456789Z",
            "2019-02-13T06:52:13.-1Z",
            "2019-02-13T06:52:13.+1Z",
            "2019-02-13T06:52Z",
            "2019-02-13T06:52:13:00Z",
            "2019-02-13-01T06:52:13Z",
            "2019-2-13T06:52:13Z",
            "19-02-13T06:52:13Z",
            "02019-02-13T06:52:13Z",
            "+019-02-13T06:52:13Z",
            "1969-12-31T23:59:59Z",
            "2019-00-13T06:52:13Z",
            "2019-13-13T06:52:13Z",
            "2019-02-00T06:52:13Z",
            "2019-02-29T06:52:13Z",
            "2019-02-13T24:52:13Z",
            "2019-02-13T06:60:13Z",
            "2019-02-13T06:52:61Z",
            "2019-02-13T06:52:13é",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn reads_the_date_header() {
        let of = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::DATE, http::HeaderValue::from_static(value));
            Timestamp::from_date_header(&headers)
        };
        assert_eq!(of("Mon, 06 Jul 2026 00:00:00 GMT"), Some(at(1_783_296_000)));
        assert_eq!(of(" Mon, 06 Jul 2026 00:00:00 GMT "), Some(at(1_783_296_000)));
        assert_eq!(of("Wed, 31 Dec 1969 23:59:59 GMT"), None);
        assert_eq!(of("now"), None);
        assert_eq!(Timestamp::from_date_header(&HeaderMap::new()), None);
    }
}
