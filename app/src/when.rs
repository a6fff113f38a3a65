//! Times and ages as the pages show them. UTC, for the server does not know the reader's zone.

use model::UnixMs;

use crate::chart::civil::Civil;

/// `31 Mar 2019`
#[must_use]
pub fn date(time: UnixMs) -> String {
    let civil = Civil::from_ms(time);
    format!("{} {}", civil.day, civil.month_year())
}

/// `31 Mar 2019, 23:30 UTC`
#[must_use]
pub fn date_time(time: UnixMs) -> String {
    format!("{}, {} UTC", date(time), Civil::from_ms(time).clock())
}

/// `0.4 s`, `12 s`, `3 min`, `2 h`, `5 days`
#[must_use]
pub fn age(ms: u64) -> String {
    const SECOND: u64 = 1_000;
    const MINUTE: u64 = 60 * SECOND;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    match ms {
        0..10_000 => format!("{}.{} s", ms / SECOND, ms % SECOND / 100),
        10_000..MINUTE => format!("{} s", ms / SECOND),
        MINUTE..HOUR => format!("{} min", ms / MINUTE),
        HOUR..DAY => format!("{} h", ms / HOUR),
        DAY.. => match ms / DAY {
            1 => "1 day".to_owned(),
            days => format!("{days} days"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_grow_their_unit() {
        let cases = [
            (0, "0.0 s"),
            (449, "0.4 s"),
            (9_999, "9.9 s"),
            (10_000, "10 s"),
            (60_000, "1 min"),
            (7_200_000, "2 h"),
            (86_400_000, "1 day"),
            (400_000_000, "4 days"),
        ];
        for (ms, text) in cases {
            assert_eq!(age(ms), text);
        }
    }

    #[test]
    fn dates_are_utc() {
        assert_eq!(date_time(1_554_075_000_000), "31 Mar 2019, 23:30 UTC");
        assert_eq!(date(1_506_816_000_000), "1 Oct 2017");
    }
}
