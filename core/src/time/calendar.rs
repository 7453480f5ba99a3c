//! Converts dates of the Gregorian calendar to days since the Unix epoch, and back. Months count from 0, days
//! from 1.

/// Parses one to four digits.
pub(crate) fn number(digits: &str) -> Option<i64> {
    let is_number = (1..=4).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if is_number { digits.parse().ok() } else { None }
}

/// Returns the seconds from 1970-01-01 to this time of this day, or `None` if this time does not exist.
pub(crate) fn seconds_before(
    (year, month, day): (i64, usize, i64),
    (hour, minute, second): (i64, i64, i64),
) -> Option<i64> {
    // 60 is a leap second.
    let is_legal =
        (1..=days_in(month, year)).contains(&day) && (hour < 24 && minute < 60 && second <= 60);
    let seconds = ((days_before(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    is_legal.then_some(seconds)
}

/// Returns the days from 1970-01-01 to this day.
fn days_before(year: i64, month: usize, day: i64) -> i64 {
    days_before_year(year) + days_before_month(month, year) + day - 1
}

/// Returns the date this many days after 1970-01-01.
pub(crate) fn date(days: i64) -> (i64, usize, i64) {
    // The guess ignores leap days, so it is never too early.
    let guess = 1970 + days.div_euclid(365);
    let year = (0..).map(|back| guess - back).find(|year| days_before_year(*year) <= days);
    let year = year.unwrap_or(guess);
    let mut day = days - days_before_year(year);
    let mut month = 0;
    while day >= days_in(month, year) {
        day -= days_in(month, year);
        month += 1;
    }
    (year, month, day + 1)
}

fn days_in(month: usize, year: i64) -> i64 {
    match month {
        1 if is_leap(year) => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_before_month(month: usize, year: i64) -> i64 {
    (0..month).map(|month| days_in(month, year)).sum()
}

fn days_before_year(year: i64) -> i64 {
    let leap_days = |year: i64| year / 4 - year / 100 + year / 400;
    (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_until_the_year_2401_follows_the_day_before() {
        let (mut year, mut month, mut day) = (1970, 0, 1);
        for days in 0.. {
            assert_eq!(date(days), (year, month, day));
            assert_eq!(days_before(year, month, day), days);
            day += 1;
            if day > days_in(month, year) {
                (month, day) = (month + 1, 1);
            }
            if month == 12 {
                (year, month) = (year + 1, 0);
            }
            if year == 2401 {
                break;
            }
        }
        assert_eq!(date(2_932_896), (9999, 11, 31));
    }
}
