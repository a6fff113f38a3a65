//! What a reader asks of many symbols at once.

use std::collections::HashSet;

use model::{ChartQuery, Interval, MarketError, Source, Symbol, UnixMs};

/// Most symbols in one call.
pub const BATCH_MAX_SYMBOLS: usize = 100;
/// Most candles in one answer: symbols times limit.
pub const BATCH_MAX_CANDLES: u32 = 100_000;
/// Bars a symbol when no limit is given.
pub const BATCH_DEFAULT_LIMIT: u32 = 100;

/// Ranges of candles, one a symbol: each as of [`ChartQuery`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BatchQuery {
    /// Ticker symbols, 1 to [`BATCH_MAX_SYMBOLS`], each once.
    pub symbols: Vec<Symbol>,
    /// Length of each candle.
    pub interval: Interval,
    /// Earliest open time, inclusive.
    pub from: Option<UnixMs>,
    /// Latest open time, inclusive.
    pub to: Option<UnixMs>,
    /// Most bars of each.
    pub limit: u32,
    /// Whose candles.
    pub source: Option<Source>,
}

impl BatchQuery {
    /// Leaves out symbols named before, and checks what the types alone do not.
    ///
    /// # Errors
    /// [`MarketError::BadParameter`] names the parameter and what is allowed.
    pub fn checked(mut self) -> Result<Self, MarketError> {
        let mut seen = HashSet::new();
        self.symbols.retain(|symbol| seen.insert(symbol.clone()));
        let count = self.symbols.len();
        if !(1..=BATCH_MAX_SYMBOLS).contains(&count) {
            let reason = format!("{count} symbols; 1 to {BATCH_MAX_SYMBOLS} are allowed");
            return Err(MarketError::bad("symbols", reason));
        }
        if let Some(first) = self.symbols.first() {
            self.of(first).validate()?;
        }
        // At most a hundred, as was just checked.
        let most = BATCH_MAX_CANDLES / u32::try_from(count).unwrap_or(u32::MAX);
        if self.limit > most {
            let reason = format!(
                "{} candles of each of {count} symbols are more than {BATCH_MAX_CANDLES}; up to {most} are allowed",
                self.limit
            );
            return Err(MarketError::bad("limit", reason));
        }
        Ok(self)
    }

    /// The part of this symbol.
    pub(super) fn of(&self, symbol: &Symbol) -> ChartQuery {
        ChartQuery {
            symbol: symbol.clone(),
            interval: self.interval,
            from: self.from,
            to: self.to,
            limit: self.limit,
            source: self.source.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_count_once_and_candles_have_a_limit() {
        let query = |count: usize, limit| BatchQuery {
            symbols: (0..count).map(|i| format!("S{i}").parse().unwrap()).collect(),
            interval: Interval::H1,
            from: None,
            to: None,
            limit,
            source: None,
        };
        let named = |query: BatchQuery| match query.checked() {
            Err(MarketError::BadParameter { name, .. }) => name,
            other => format!("{other:?}"),
        };
        let mut twice = query(2, 1);
        twice.symbols.extend(twice.symbols.clone());
        assert_eq!(twice.checked().unwrap().symbols.len(), 2);
        assert!(query(100, 1_000).checked().is_ok());
        assert!(query(20, 5_000).checked().is_ok());
        assert_eq!(named(query(100, 1_001)), "limit");
        assert_eq!(named(query(21, 5_000)), "limit");
        assert_eq!(named(query(1, 5_001)), "limit");
        assert_eq!(named(query(1, 0)), "limit");
        assert_eq!(named(query(0, 1)), "symbols");
        assert_eq!(named(query(101, 1)), "symbols");
    }
}
