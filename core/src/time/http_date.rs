//! Parses HTTP dates, in all three forms of
//! [RFC 9110, section 5.6.7](https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7).

use super::calendar::{number, seconds_before};

/// Parses `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` or
/// `Sun Nov  6 08:49:37 1994`. The name of the day is not checked.
pub(crate) fn seconds_since_epoch(text: &str) -> Option<i64> {
    let (day, month, year, time) = match text.split_once(',') {
        Some((_, rest)) => {
            let rest = rest.strip_prefix(' ')?.strip_suffix(" GMT")?;
            let (date, time) = rest.rsplit_once(' ')?;
            let mut date = date.split([' ', '-']);
            let (day, month, year) = (date.next()?, date.next()?, date.next()?);
            if date.next().is_some() {
                return None;
            }
            let year = match (number(year)?, year.len()) {
                (year, 4) => year,
                // The obsolete form (RFC 9110, section 5.6.7) has a year of two digits.
                (year, 2) => year + if year < 70 { 2000 } else { 1900 },
                _ => return None,
            };
            (day, month, year, time)
        }
        None => {
            let mut words = text.split_ascii_whitespace().skip(1);
            let (month, day) = (words.next()?, words.next()?);
            let (time, year) = (words.next()?, words.next()?);
            if words.next().is_some() || year.len() != 4 {
                return None;
            }
            (day, month, number(year)?, time)
        }
    };
    let month = MONTHS.iter().position(|name| *name == month)?;
    let day = number(day)?;
    let mut time = time.split(':').map(number);
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    if time.next().is_some() {
        return None;
    }
    seconds_before((year, month, day), (hour, minute, second))
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
mod tests {
    use super::seconds_since_epoch as read;

    #[test]
    fn reads_the_three_forms() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(read(text), Some(784_111_777), "{text}");
        }
    }

    #[test]
    fn reads_known_dates() {
        for (text, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Wed, 31 Dec 1969 23:59:59 GMT", -1),
            ("Tue, 29 Feb 2000 12:00:00 GMT", 951_825_600),
            ("Thu, 01 Mar 2001 00:00:00 GMT", 983_404_800),
            ("Mon, 06 Jul 2026 00:00:00 GMT", 1_783_296_000),
            ("Fri, 31 Dec 9999 23:59:60 GMT", 253_402_300_800),
            ("Mon, 01 Mar 2100 00:00:00 GMT", 4_107_542_400),
            ("Friday, 31-Dec-69 00:00:00 GMT", 3_155_673_600),
            ("Thursday, 01-Jan-70 00:00:00 GMT", 0),
        ] {
            assert_eq!(read(text), Some(seconds), "{text}");
        }
    }

    #[test]
    fn rejects_every_other_form() {
        for text in [
            "",
            "0",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun,06 Nov 1994 08:49:37 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Wed, 29 Feb 2001 08:49:37 GMT",
            "Mon, 29 Feb 2100 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 08:60:37 GMT",
            "Sun, 06 Nov 1994 08:49:61 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 1994 08:49:37:00 GMT",
            "Sun, 06 Nov 1994 1 08:49:37 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 19940 08:49:37 GMT",
            "Sun, 06 Nov 994 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994 x",
            "Sun Nov  6 08:49:37 94",
            "Sun Nov  6 08:49:37",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
