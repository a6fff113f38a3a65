//! What a coin's page shows beside the chart.

use serde::{Deserialize, Serialize};

use crate::{Interval, Provenance, Quote, Source, Symbol, UnixMs};

/// One coin: its latest figures, and the intervals that its stored candles can answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Coin {
    /// Latest figures.
    pub quote: Quote,
    /// Intervals that can be asked of its series, finest first.
    pub intervals: Vec<Interval>,
    /// Open time of the first stored bar, Unix ms; none of made-up prices.
    pub first_open: Option<UnixMs>,
    /// Where the figures come from.
    pub provenance: Provenance,
}

/// Closing prices of the last seven days, for a line in a table row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sparkline {
    /// Ticker symbol.
    pub symbol: Symbol,
    /// Whose prices these are: they stand only beside others of the same source.
    pub source: Source,
    /// Closes of four-hour bars, or of the finest stored where those are longer; oldest first.
    pub closes: Vec<f64>,
}

impl Sparkline {
    /// Change from the first close to the last, in percent; none with fewer than two closes.
    #[must_use]
    pub fn change_pct(&self) -> Option<f64> {
        match (self.closes.first(), self.closes.last()) {
            (Some(first), Some(last)) if self.closes.len() > 1 && *first > 0.0 => {
                Some((last - first) / first * 100.0)
            }
            _ => None,
        }
    }
}
