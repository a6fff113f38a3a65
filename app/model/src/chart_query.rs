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

    /// Checks what the types alone do not: the limit, and that the range is not turned round.
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
        // Postgres and JavaScript both hold these years; beyond them arithmetic on times overflows.
        const YEAR_9999_MS: i64 = 253_402_300_800_000;
        for (name, time) in [("from", self.from), ("to", self.to)] {
            if time.is_some_and(|t| !(0..YEAR_9999_MS).contains(&t)) {
                return Err(MarketError::bad(name, "not a Unix time in milliseconds between 1970 and 9999"));
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
            (ChartQuery { from: Some(2), to: Some(1), ..good }, "from"),
        ];
        for (query, parameter) in cases {
            match query.validate() {
                Err(MarketError::BadParameter { name, .. }) => assert_eq!(name, parameter),
                other => panic!("{other:?}"),
            }
        }
    }
}
