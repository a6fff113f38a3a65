//! The lengths of bars that files come in.

use std::{fmt, str::FromStr};

use model::Interval;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// How long the bars of a file are: all lengths of Binance, which are more than the intervals that are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BarLength {
    /// An interval that is stored as it is.
    Stored(Interval),
    /// Shorter than a stored interval that it divides: rolled up to that while reading.
    Divides {
        /// Length in milliseconds.
        ms: i64,
        /// The next coarser interval that it divides.
        into: Interval,
    },
    /// Three days, counted from 1970: no stored interval holds a whole number of them.
    ThreeDays,
    /// A calendar month.
    Month,
}

impl BarLength {
    /// All lengths, shortest first, with the names that Binance gives them.
    pub const ALL: [(&'static str, Self); 16] = [
        ("1s", Self::Divides { ms: SECOND, into: Interval::M1 }),
        ("1m", Self::Stored(Interval::M1)),
        ("3m", Self::Divides { ms: 3 * MINUTE, into: Interval::M15 }),
        ("5m", Self::Stored(Interval::M5)),
        ("15m", Self::Stored(Interval::M15)),
        ("30m", Self::Stored(Interval::M30)),
        ("1h", Self::Stored(Interval::H1)),
        ("2h", Self::Divides { ms: 2 * HOUR, into: Interval::H4 }),
        ("4h", Self::Stored(Interval::H4)),
        ("6h", Self::Divides { ms: 6 * HOUR, into: Interval::D1 }),
        ("8h", Self::Divides { ms: 8 * HOUR, into: Interval::D1 }),
        ("12h", Self::Divides { ms: 12 * HOUR, into: Interval::D1 }),
        ("1d", Self::Stored(Interval::D1)),
        ("3d", Self::ThreeDays),
        ("1w", Self::Stored(Interval::W1)),
        ("1mo", Self::Month),
    ];

    /// The name that Binance gives it: `1s`, `1m` … `1w`, `1mo`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, length)| *length == self).map_or("?", |(name, _)| name)
    }

    /// The length in milliseconds; none for a month.
    #[must_use]
    pub const fn ms(self) -> Option<i64> {
        match self {
            Self::Stored(interval) => Some(interval.ms()),
            Self::Divides { ms, .. } => Some(ms),
            Self::ThreeDays => Some(3 * DAY),
            Self::Month => None,
        }
    }

    /// The interval of the candles that are made of such bars; none if there is none.
    #[must_use]
    pub const fn stored_as(self) -> Option<Interval> {
        match self {
            Self::Stored(interval) | Self::Divides { into: interval, .. } => Some(interval),
            Self::ThreeDays | Self::Month => None,
        }
    }

    /// The length of so many milliseconds, if there is one.
    #[must_use]
    pub fn from_ms(ms: i64) -> Option<Self> {
        Self::ALL.into_iter().map(|(_, length)| length).find(|length| length.ms() == Some(ms))
    }

    /// A number of minutes, as names of Kraken and TradingView have it: `60`.
    pub(crate) fn from_minutes(word: &str) -> Option<Self> {
        let is_number = !word.is_empty() && word.len() <= 5 && word.bytes().all(|b| b.is_ascii_digit());
        Self::from_ms(word.parse::<i64>().ok().filter(|_| is_number)? * MINUTE)
    }

    /// Reads the words of file names: `1h`, `d`, `4hr`, `1min`, `minute`, `daily`. `M` is a month, `m` a minute.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        let digits = word.bytes().take_while(u8::is_ascii_digit).count();
        let (count, unit) = word.split_at(digits);
        let count: i64 =
            if count.is_empty() { 1 } else { count.parse().ok().filter(|c| (1..=86_400).contains(c))? };
        let is_month = unit == "M" || ["mo", "month", "monthly"].iter().any(|m| unit.eq_ignore_ascii_case(m));
        if is_month {
            return (count == 1).then_some(Self::Month);
        }
        let unit = match unit.to_ascii_lowercase().as_str() {
            "s" | "sec" | "second" | "seconds" => SECOND,
            "m" | "min" | "mins" | "minute" | "minutes" => MINUTE,
            "h" | "hr" | "hrs" | "hour" | "hours" | "hourly" => HOUR,
            "d" | "day" | "days" | "daily" => DAY,
            "w" | "week" | "weeks" | "weekly" => 7 * DAY,
            _ => return None,
        };
        Self::from_ms(count * unit)
    }
}

impl From<Interval> for BarLength {
    fn from(interval: Interval) -> Self {
        Self::Stored(interval)
    }
}

impl fmt::Display for BarLength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for BarLength {
    type Err = String;

    /// The names of Binance; `1M` for `1mo` too.
    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|(name, _)| *name == text).map(|(_, length)| length);
        found.or((text == "1M").then_some(Self::Month)).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|(name, _)| *name).collect();
            format!("is none of {}", names.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_bars_divide_what_they_are_stored_as() {
        for (name, length) in BarLength::ALL {
            assert_eq!(name.parse(), Ok(length));
            assert_eq!(length.to_string(), name);
            let Some(interval) = length.stored_as() else { continue };
            let ms = length.ms().unwrap();
            assert_eq!(interval.ms() % ms, 0, "{name}");
            // The next coarser that it divides, and none between.
            let next = Interval::ALL.into_iter().find(|i| i.ms() >= ms && i.ms() % ms == 0);
            assert_eq!(next, Some(interval), "{name}");
            assert!(interval.ms() / ms <= 60, "{name}");
        }
        assert_eq!("1M".parse(), Ok(BarLength::Month));
        assert!("1H".parse::<BarLength>().unwrap_err().contains("1mo"));
    }

    #[test]
    fn reads_minutes_of_names() {
        for (word, name) in [("1", "1m"), ("60", "1h"), ("720", "12h"), ("1440", "1d"), ("10080", "1w")] {
            assert_eq!(BarLength::from_minutes(word).map(BarLength::as_str), Some(name), "{word}");
        }
        for word in ["", "0", "7", "2019", "21600", "-60", "+60", "60m"] {
            assert_eq!(BarLength::from_minutes(word), None, "{word}");
        }
    }

    #[test]
    fn reads_words_of_names() {
        let cases = [
            ("d", "1d"),
            ("day", "1d"),
            ("daily", "1d"),
            ("24h", "1d"),
            ("1h", "1h"),
            ("hour", "1h"),
            ("Hourly", "1h"),
            ("60min", "1h"),
            ("4hr", "4h"),
            ("1min", "1m"),
            ("minute", "1m"),
            ("m", "1m"),
            ("15m", "15m"),
            ("1s", "1s"),
            ("weekly", "1w"),
            ("7d", "1w"),
            ("M", "1mo"),
            ("1M", "1mo"),
            ("1mo", "1mo"),
            ("3d", "3d"),
        ];
        for (word, name) in cases {
            assert_eq!(BarLength::from_word(word).map(BarLength::as_str), Some(name), "{word}");
        }
        for word in ["", "7m", "0h", "99999999999999999999h", "x", "1hx", "h1", "2mo", "USD", "2019"] {
            assert_eq!(BarLength::from_word(word), None, "{word}");
        }
    }
}
