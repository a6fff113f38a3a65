//! Times as files and command lines write them.

use model::UnixMs;

use crate::error::shown;

/// 9999-12-31 and a bit: nothing beyond is a time of a candle.
const LAST_TIME_MS: i64 = 253_402_300_800_000;
/// Whole numbers below are seconds: the year 5138, and as milliseconds 1973.
const SECONDS_BELOW: i64 = 100_000_000_000;
/// Whole numbers below are milliseconds: the year 5138, and as microseconds 1973.
pub(crate) const MILLISECONDS_BELOW: i64 = 100_000_000_000_000;
const DAY_MS: i64 = 86_400_000;

/// A whole number in a field.
pub(crate) fn whole(name: &str, text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| format!("{name} {} is not a whole number", shown(text)))
}

/// Whether a candle can have this time.
pub(crate) fn in_range(name: &str, time: i64) -> Result<UnixMs, String> {
    if (0..LAST_TIME_MS).contains(&time) {
        return Ok(time);
    }
    Err(format!("{name} {time} is not in milliseconds between 1970 and 9999"))
}

/// A number of microseconds in milliseconds.
pub(crate) fn from_micros(name: &str, micros: i64) -> Result<UnixMs, String> {
    if micros / 1000 >= LAST_TIME_MS {
        return Err(format!("{name} {micros} is not in milliseconds or microseconds between 1970 and 9999"));
    }
    if micros % 1000 != 0 {
        return Err(format!("{name} {micros} is no whole number of milliseconds"));
    }
    in_range(name, micros / 1000)
}

/// Seconds, milliseconds or microseconds, told apart by their size.
fn by_magnitude(name: &str, number: i64) -> Result<UnixMs, String> {
    match number {
        n if n < SECONDS_BELOW => in_range(name, n.saturating_mul(1000)),
        n if n < MILLISECONDS_BELOW => in_range(name, n),
        n => from_micros(name, n),
    }
}

/// A Unix time in seconds, milliseconds or microseconds, or a date.
pub(crate) fn unix_or_date(name: &str, text: &str) -> Result<UnixMs, String> {
    // Spreadsheets and pandas write whole seconds as 1546300800.0.
    let digits = text.strip_suffix(".0").unwrap_or(text);
    if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        return by_magnitude(name, whole(name, digits)?);
    }
    let time = date(text)
        .ok_or_else(|| format!("{name} {} is neither a Unix time nor a date as 2019-10-17", shown(text)))?;
    in_range(name, time)
}

/// Reads a time of a command line: Unix milliseconds, or a date `YYYY-MM-DD[THH:MM[:SS]][Z]`, always UTC.
///
/// # Errors
/// What is allowed.
pub fn parse_time(text: &str) -> Result<UnixMs, String> {
    let text = text.trim();
    let time = text.parse().ok().or_else(|| date(text));
    time.ok_or_else(|| {
        "is neither Unix milliseconds nor a date as 2019-10-17 or 2019-10-17T09:30Z".to_owned()
    })
}

/// `2019-10-17`, `2019-10-17 09-AM`, `2019-10-17 09:00`, `2019-10-17T09:00:00Z` and the like; always UTC.
pub(crate) fn date(text: &str) -> Option<UnixMs> {
    let (day, rest) = text.split_at_checked(10)?;
    let mut parts = day.split('-');
    let year = digits(parts.next()?, 4)?;
    let month = digits(parts.next()?, 2)?;
    let day = digits(parts.next()?, 2)?;
    if parts.next().is_some() || !(1..=12).contains(&month) || !(1..=days_in(year, month)).contains(&day) {
        return None;
    }
    let midnight = days_from_civil(year, month, day) * DAY_MS;
    let rest = rest.strip_suffix('Z').or_else(|| rest.strip_suffix("+00:00")).unwrap_or(rest);
    if rest.is_empty() {
        return Some(midnight);
    }
    Some(midnight + clock(rest.strip_prefix([' ', 'T'])?)?)
}

/// `09-AM`, `09:00`, `09:00:00`, `09:00:00.000` in milliseconds since midnight.
fn clock(text: &str) -> Option<i64> {
    if let Some((hour, half)) = text.split_once('-') {
        let hour = digits(hour, hour.len().clamp(1, 2))?;
        let half = match half.to_ascii_uppercase().as_str() {
            "AM" => 0,
            "PM" => 12,
            _ => return None,
        };
        // 12-AM is midnight and 12-PM noon.
        return (1..=12).contains(&hour).then(|| (hour % 12 + half) * 3_600_000);
    }
    let mut parts = text.split(':');
    let hour = digits(parts.next()?, 2)?;
    let minute = digits(parts.next()?, 2)?;
    let second = parts.next().unwrap_or("00");
    let (second, fraction) = second.split_once('.').unwrap_or((second, "000"));
    let (second, ms) = (digits(second, 2)?, digits(fraction, 3)?);
    let fits = parts.next().is_none() && hour < 24 && minute < 60 && second < 60;
    fits.then_some(((hour * 60 + minute) * 60 + second) * 1000 + ms)
}

/// Exactly so many decimal digits.
fn digits(text: &str, count: usize) -> Option<i64> {
    (text.len() == count && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

fn days_in(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01, Gregorian: <https://howardhinnant.github.io/date_algorithms.html#days_from_civil>.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of a day since 1970-01-01: the inverse, from the same page.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// A time as a date in messages and files: `2019-10-17 09:00:00`.
#[must_use]
pub fn date_text(time: UnixMs) -> String {
    let (year, month, day) = civil_from_days(time.div_euclid(DAY_MS));
    let seconds = time.rem_euclid(DAY_MS) / 1000;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2019-10-17T00:00Z.
    const DAY: i64 = 1_571_270_400_000;
    const HOUR: i64 = 3_600_000;

    #[test]
    fn reads_the_dates_of_files() {
        let cases = [
            ("2019-10-17", DAY),
            ("2019-10-17 12-AM", DAY),
            ("2019-10-17 09-AM", DAY + 9 * HOUR),
            ("2019-10-17 9-am", DAY + 9 * HOUR),
            ("2019-10-17 12-PM", DAY + 12 * HOUR),
            ("2019-10-17 11-PM", DAY + 23 * HOUR),
            ("2019-10-17 09:30", DAY + 9 * HOUR + HOUR / 2),
            ("2019-10-17 09:00:00", DAY + 9 * HOUR),
            ("2019-10-17T09:00:00Z", DAY + 9 * HOUR),
            ("2019-10-17T09:00Z", DAY + 9 * HOUR),
            ("2019-10-17 09:00:01.250", DAY + 9 * HOUR + 1_250),
            ("2019-10-17 09:00:00+00:00", DAY + 9 * HOUR),
            ("1970-01-01", 0),
            ("2000-02-29", 951_782_400_000),
            ("1571270400", DAY),
            ("1571270400.0", DAY),
            ("1571270400000", DAY),
            ("1571270400000000", DAY),
        ];
        for (text, time) in cases {
            assert_eq!(unix_or_date("date", text), Ok(time), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_date() {
        for text in [
            "",
            "2019-10-17 13-PM",
            "2019-10-17 00-AM",
            "2019-10-17 24:00",
            "2019-10-17 09:60",
            "2019-10-17 09",
            "2019-02-29",
            "1900-02-29",
            "2019-13-01",
            "2019-00-01",
            "2019-10-32",
            "10/17/2019",
            "17-10-2019",
            "2019-10-17x",
            "2019-10-17 ",
            "2019-10-17T09:00:00+01:00",
            "2019-10-1é",
            "1.57E+12",
            "-1",
        ] {
            assert!(unix_or_date("date", text).is_err(), "{text}");
        }
        let range = "is not in milliseconds between 1970 and 9999";
        assert_eq!(unix_or_date("date", "1969-12-31"), Err(format!("date -86400000 {range}")));
        assert!(
            unix_or_date("unix", "1571270400000001").unwrap_err().contains("no whole number of milliseconds")
        );
        assert!(unix_or_date("unix", "9999999999999999999").unwrap_err().contains("not a whole number"));
    }

    #[test]
    fn dates_go_both_ways() {
        assert_eq!(date_text(DAY + 9 * HOUR + 61_000), "2019-10-17 09:01:01");
        for days in (0..2_932_896).step_by(37).chain([0, 59, 11_016, 2_932_895]) {
            let time = days * DAY_MS + days % 86_400 * 1000;
            assert_eq!(date(&date_text(time)), Some(time));
        }
    }

    #[test]
    fn reads_times_of_the_command_line() {
        assert_eq!(parse_time("0"), Ok(0));
        assert_eq!(parse_time("1571270400000"), Ok(DAY));
        assert_eq!(parse_time(" 2019-10-17T09:00Z "), Ok(DAY + 9 * HOUR));
        assert!(parse_time("yesterday").is_err());
    }
}
