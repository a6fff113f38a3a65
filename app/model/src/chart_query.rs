//! What a reader asks of a chart.

use serde::{Deserialize, Serialize};

use crate::{Interval, MarketError, Source, Symbol, UnixMs};

/// Bars in an answer when no limit is given.
pub const DEFAULT_LIMIT: u32 = 500;
/// The most bars in one answer.
pub const MAX_LIMIT: u32 = 5_000;

/// A range of candles: with `from` the first `limit` bars, otherwise the last.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ChartQuery {
    /// Ticker symbol.
    pub symbol: Symbol,
    /// Length of each candle.
    pub interval: Interval,
    /// Earliest open time, inclusive.
    pub from: Option<UnixMs>,
    /// Latest open time, inclusive.
    pub to: Option<UnixMs>,
    /// Most bars to answer, 1 to [`MAX_LIMIT`].
    pub limit: u32,
    /// Whose candles; the active feed's, otherwise the recorded ones, if not given.
    pub source: Option<Source>,
}

impl ChartQuery {
    /// The last [`DEFAULT_LIMIT`] bars.
    #[must_use]
    pub fn last(symbol: Symbol, interval: Interval) -> Self {
        Self { symbol, interval, from: None, to: None, limit: DEFAULT_LIMIT, source: None }
    }

    /// Checks what the types alone do not: the limit, the times, and that the range is not turned round.
    ///
    /// # Errors
    /// [`MarketError::BadParameter`] names the parameter and what is allowed.
    pub fn validate(&self) -> Result<(), MarketError> {
        if !(1..=MAX_LIMIT).contains(&self.limit) {
            return Err(MarketError::bad(
                "limit",
                format!("{} is not between 1 and {MAX_LIMIT}", self.limit),
            ));
        }
        for (name, time) in [("from", self.from), ("to", self.to)] {
            if let Some(time) = time {
                check_time(name, time)?;
            }
        }
        if let (Some(from), Some(to)) = (self.from, self.to)
            && from > to
        {
            return Err(MarketError::bad("from", format!("{from} is after to={to}")));
        }
        Ok(())
    }
}

/// The latest time that may be asked for, Unix ms: the last of the year 9999. Postgres and JavaScript both hold these years;
/// beyond them arithmetic on times overflows.
pub const LAST_TIME: UnixMs = 253_402_300_799_999;
/// The earliest time that may be asked for besides 0, Unix ms: March 1973. No crypto market is that old. A Unix time in
/// seconds stays below it until the year 5138.
pub const FIRST_TIME: UnixMs = 100_000_000_000;

/// Checks a time that a reader gave as the parameter `name`. 0 is the beginning of all that is stored.
///
/// # Errors
/// [`MarketError::BadParameter`]: the time is outside of 1970 to 9999, or so small that seconds must be meant.
pub fn check_time(name: &str, time: UnixMs) -> Result<(), MarketError> {
    if !(0..=LAST_TIME).contains(&time) {
        return Err(MarketError::bad(name, "not a Unix time in milliseconds between 1970 and 9999"));
    }
    if (1..FIRST_TIME).contains(&time) {
        let reason =
            format!("{time} looks like seconds; times are Unix milliseconds: {}", time.saturating_mul(1_000));
        return Err(MarketError::bad(name, reason));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_parameter_that_is_off() {
        let good = ChartQuery::last("BTC".parse().unwrap(), Interval::H1);
        assert!(good.validate().is_ok());
        let cases = [
            (ChartQuery { limit: 0, ..good.clone() }, "limit"),
            (ChartQuery { limit: 5_001, ..good.clone() }, "limit"),
            (ChartQuery { from: Some(-1), ..good.clone() }, "from"),
            (ChartQuery { to: Some(i64::MAX), ..good.clone() }, "to"),
            (ChartQuery { from: Some(FIRST_TIME + 1), to: Some(FIRST_TIME), ..good }, "from"),
        ];
        for (query, parameter) in cases {
            match query.validate() {
                Err(MarketError::BadParameter { name, .. }) => assert_eq!(name, parameter),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn seconds_are_refused_and_zero_is_the_beginning() {
        for good in [0, FIRST_TIME, 1_546_300_800_000, LAST_TIME] {
            assert_eq!(check_time("from", good), Ok(()), "{good}");
        }
        for bad in [i64::MIN, -1, 1, 1_546_300_800, FIRST_TIME - 1, LAST_TIME + 1, i64::MAX] {
            assert!(check_time("from", bad).is_err(), "{bad}");
        }
        assert_eq!(
            check_time("to", 1_546_300_800).unwrap_err().to_string(),
            "bad to: 1546300800 looks like seconds; times are Unix milliseconds: 1546300800000"
        );
    }
}
