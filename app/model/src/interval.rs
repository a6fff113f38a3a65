//! Candle intervals.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{MarketError, UnixMs};

/// Length of one candle. Every interval divides the next coarser one, so a coarser bar is made of whole finer bars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Interval {
    /// One minute.
    #[serde(rename = "1m")]
    M1,
    /// Five minutes.
    #[serde(rename = "5m")]
    M5,
    /// Fifteen minutes.
    #[serde(rename = "15m")]
    M15,
    /// Thirty minutes.
    #[serde(rename = "30m")]
    M30,
    /// One hour.
    #[serde(rename = "1h")]
    H1,
    /// Four hours.
    #[serde(rename = "4h")]
    H4,
    /// One day, from midnight UTC.
    #[serde(rename = "1d")]
    D1,
    /// One week, from Monday midnight UTC.
    #[serde(rename = "1w")]
    W1,
}

/// 1970-01-01 was a Thursday; the first Monday came four days later.
const FIRST_MONDAY_MS: i64 = 4 * 86_400_000;

impl Interval {
    /// All intervals, finest first.
    pub const ALL: [Self; 8] =
        [Self::M1, Self::M5, Self::M15, Self::M30, Self::H1, Self::H4, Self::D1, Self::W1];

    /// The length in milliseconds.
    #[must_use]
    pub const fn ms(self) -> i64 {
        const MINUTE: i64 = 60_000;
        match self {
            Self::M1 => MINUTE,
            Self::M5 => 5 * MINUTE,
            Self::M15 => 15 * MINUTE,
            Self::M30 => 30 * MINUTE,
            Self::H1 => 60 * MINUTE,
            Self::H4 => 240 * MINUTE,
            Self::D1 => 1_440 * MINUTE,
            Self::W1 => 10_080 * MINUTE,
        }
    }

    /// A bar's open time is this many milliseconds past a multiple of its length: 0 but for weeks.
    #[must_use]
    pub const fn offset_ms(self) -> i64 {
        match self {
            Self::W1 => FIRST_MONDAY_MS,
            _ => 0,
        }
    }

    /// The open time of the bar that holds `time`.
    #[must_use]
    pub const fn bucket(self, time: UnixMs) -> UnixMs {
        time - (time - self.offset_ms()).rem_euclid(self.ms())
    }

    /// The text of the API: `1m`, `5m`, `15m`, `30m`, `1h`, `4h`, `1d`, `1w`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::M1 => "1m",
            Self::M5 => "5m",
            Self::M15 => "15m",
            Self::M30 => "30m",
            Self::H1 => "1h",
            Self::H4 => "4h",
            Self::D1 => "1d",
            Self::W1 => "1w",
        }
    }

    /// The interval of this length in seconds, if there is one.
    #[must_use]
    pub fn from_secs(secs: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|i| i.ms() == secs.saturating_mul(1000))
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Interval {
    type Err = MarketError;

    fn from_str(text: &str) -> Result<Self, MarketError> {
        Self::ALL.into_iter().find(|i| i.as_str() == text).ok_or_else(|| {
            let shown: String = text.chars().take(40).collect();
            MarketError::bad("interval", format!("{shown:?} is none of 1m, 5m, 15m, 30m, 1h, 4h, 1d, 1w"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_interval_divides_the_next() {
        for pair in Interval::ALL.windows(2) {
            assert_eq!(pair[1].ms() % pair[0].ms(), 0);
        }
    }

    #[test]
    fn weeks_open_on_monday_midnight_utc() {
        // 2019-03-31T23:30Z was a Sunday; its week opened on Monday 2019-03-25.
        assert_eq!(Interval::W1.bucket(1_554_075_000_000), 1_553_472_000_000);
        assert_eq!(Interval::W1.bucket(1_553_472_000_000), 1_553_472_000_000);
    }

    #[test]
    fn times_before_1970_fall_in_the_bar_below() {
        assert_eq!(Interval::M1.bucket(-1), -60_000);
    }

    #[test]
    fn text_goes_both_ways() {
        for interval in Interval::ALL {
            assert_eq!(interval.as_str().parse::<Interval>().unwrap(), interval);
            assert_eq!(serde_json::to_string(&interval).unwrap(), format!("\"{interval}\""));
        }
        assert!("2h".parse::<Interval>().is_err());
    }
}
