//! Times as files and command lines write them.

use model::UnixMs;

use crate::error::shown;

/// 9999-12-31 and a bit: nothing beyond is a time of a candle.
const LAST_TIME_MS: i64 = 253_402_300_800_000;
/// Whole numbers below are seconds: the year 5138, and as milliseconds 1973.
const SECONDS_BELOW: i64 = 100_000_000_000;
/// Whole numbers below are milliseconds: the year 5138, and as microseconds 1973.
const MILLISECONDS_BELOW: i64 = 100_000_000_000_000;
const DAY_MS: i64 = 86_400_000;

/// What a number of time counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeUnit {
    /// Milliseconds.
    Millis,
    /// Milliseconds or microseconds, by its size.
    MillisOrMicros,
    /// Seconds, milliseconds or microseconds, by its size.
    BySize,
}

/// A time in a field: a number, or a date.
pub(crate) fn time(name: &str, text: &str, unit: TimeUnit) -> Result<UnixMs, String> {
    if let Some(number) = whole(text) {
        return match unit {
            TimeUnit::Millis => in_range(name, number),
            TimeUnit::MillisOrMicros if number < MILLISECONDS_BELOW => in_range(name, number),
            TimeUnit::MillisOrMicros => from_micros(name, number),
            TimeUnit::BySize => by_size(name, number),
        };
    }
    if let Some(time) = date(text) {
        return in_range(name, time);
    }
    let is_spreadsheet = text.contains(['e', 'E']) && text.parse::<f64>().is_ok_and(|number| number > 1e8);
    if is_spreadsheet {
        return Err(format!("{name} {} lost its last digits in a spreadsheet", shown(text)));
    }
    Err(format!("{name} {} is neither a Unix time nor a date as 2019-10-17", shown(text)))
}

/// A whole number, also as spreadsheets and pandas write it: `1546300800.0`.
fn whole(text: &str) -> Option<i64> {
    let digits = match text.split_once('.') {
        Some((digits, zeros)) => {
            (!zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0')).then_some(digits)?
        }
        None => text,
    };
    let unsigned = digits.strip_prefix('-').unwrap_or(digits);
    let all_digits = !unsigned.is_empty() && unsigned.bytes().all(|byte| byte.is_ascii_digit());
    // What does not fit is far beyond any time.
    all_digits.then(|| digits.parse().unwrap_or(i64::MAX))
}

/// Whether a candle can have this time.
fn in_range(name: &str, time: i64) -> Result<UnixMs, String> {
    if (0..LAST_TIME_MS).contains(&time) {
        return Ok(time);
    }
    Err(format!("{name} {time} is not in milliseconds between 1970 and 9999"))
}

/// A number of microseconds in milliseconds.
fn from_micros(name: &str, micros: i64) -> Result<UnixMs, String> {
    if micros / 1000 >= LAST_TIME_MS {
        return Err(format!("{name} {micros} is not in milliseconds or microseconds between 1970 and 9999"));
    }
    if micros % 1000 != 0 {
        return Err(format!("{name} {micros} is no whole number of milliseconds"));
    }
    in_range(name, micros / 1000)
}

fn by_size(name: &str, number: i64) -> Result<UnixMs, String> {
    match number {
        n if n < SECONDS_BELOW => in_range(name, n.saturating_mul(1000)),
        n if n < MILLISECONDS_BELOW => in_range(name, n),
        n => from_micros(name, n),
    }
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

/// `2019-10-17`, `2019/10/17`, `2019-10-17 09-AM`, `2019-10-17 09:00`, `2019-10-17T09:00:00Z`, `2019-10-17T09:00:00+08:00`
/// and the like. UTC without a zone.
pub(crate) fn date(text: &str) -> Option<UnixMs> {
    let (day, rest) = text.split_at_checked(10)?;
    let mut parts = day.split(if day.contains('/') { '/' } else { '-' });
    let year = digits(parts.next()?, 4)?;
    let month = digits(parts.next()?, 2)?;
    let day = digits(parts.next()?, 2)?;
    if parts.next().is_some() || !(1..=12).contains(&month) || !(1..=days_in(year, month)).contains(&day) {
        return None;
    }
    let midnight = days_from_civil(year, month, day) * DAY_MS;
    if rest.is_empty() || rest == "Z" {
        return Some(midnight);
    }
    let (clock_text, offset) = zone(rest.strip_prefix([' ', 'T'])?)?;
    Some(midnight + clock(clock_text)? - offset)
}

/// Cuts the zone off a time of day: what is before it, and how far it is ahead of UTC in milliseconds.
fn zone(text: &str) -> Option<(&str, i64)> {
    for utc in ["Z", " UTC", "UTC", " GMT"] {
        if let Some(text) = text.strip_suffix(utc) {
            return Some((text, 0));
        }
    }
    // The hyphen of 09-AM is nearer to the beginning than one after 09:00 can be.
    let Some(place) = text.rfind(['+', '-']).filter(|place| *place >= 5) else { return Some((text, 0)) };
    let (clock, offset) = text.split_at_checked(place)?;
    let (sign, offset) = offset.split_at_checked(1)?;
    let (hours, minutes) = match offset.split_once(':') {
        Some(parts) => parts,
        None => offset.split_at_checked(2).map(|(h, m)| (h, if m.is_empty() { "00" } else { m }))?,
    };
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    if hours > 14 || minutes > 59 {
        return None;
    }
    let ahead = (hours * 60 + minutes) * 60_000;
    Some((clock.trim_end(), if sign == "-" { -ahead } else { ahead }))
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
    // Microseconds and nanoseconds, as pandas writes them, have no digits beyond the millisecond.
    let (fraction, beyond) = fraction.split_at_checked(3)?;
    if beyond.len() > 6 || beyond.bytes().any(|byte| byte != b'0') {
        return None;
    }
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
            ("1571270400000.0", DAY),
            ("1571270400000000.00", DAY),
            ("2019/10/17", DAY),
            ("2019/10/17 09:00", DAY + 9 * HOUR),
            ("2019-10-17Z", DAY),
            ("2019-10-17T08:00:00+08:00", DAY),
            ("2019-10-17T08:00+0800", DAY),
            ("2019-10-17 08:00:00+08", DAY),
            ("2019-10-16T19:00:00-05:00", DAY),
            ("2019-10-17 05:30:00 +0530", DAY),
            ("2019-10-17 09:00:00 UTC", DAY + 9 * HOUR),
            ("2019-10-17 09:00:00.000000+00:00", DAY + 9 * HOUR),
        ];
        for (text, expected) in cases {
            assert_eq!(time("date", text, TimeUnit::BySize), Ok(expected), "{text}");
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
            "2019-10-17T09:00:00+15:00",
            "2019-10-17T09:00:00+1:00",
            "2019-10-17T09:00:00+",
            "2019-10-17 09:00:00.0001",
            "2019/10-17",
            "2019-10-17 09:00 CET",
            "2019-10-1é",
            "1.57E+12",
            "-1",
        ] {
            assert!(time("date", text, TimeUnit::BySize).is_err(), "{text}");
        }
        let range = "is not in milliseconds between 1970 and 9999";
        assert_eq!(time("date", "1969-12-31", TimeUnit::BySize), Err(format!("date -86400000 {range}")));
        assert!(
            time("unix", "1571270400000001", TimeUnit::BySize)
                .unwrap_err()
                .contains("no whole number of milliseconds")
        );
        assert!(
            time("unix", "9999999999999999999", TimeUnit::BySize)
                .unwrap_err()
                .contains("between 1970 and 9999")
        );
        assert!(time("unix", "1.70407E+12", TimeUnit::BySize).unwrap_err().contains("lost its last digits"));
    }

    #[test]
    fn the_unit_of_a_number_is_that_of_its_layout() {
        let read = |text, unit| time("t", text, unit);
        assert_eq!(read("3600000", TimeUnit::Millis), Ok(HOUR));
        assert_eq!(read("3600000.0", TimeUnit::Millis), Ok(HOUR));
        assert_eq!(read("3600", TimeUnit::BySize), Ok(HOUR));
        assert_eq!(read("1571270400000000", TimeUnit::MillisOrMicros), Ok(DAY));
        assert!(read("1571270400000000", TimeUnit::Millis).is_err());
        assert!(read("-60000", TimeUnit::Millis).unwrap_err().contains("between 1970 and 9999"));
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
