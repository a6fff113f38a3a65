//! What a coin's page shows beside the chart.

use serde::{Deserialize, Serialize};

use crate::{Interval, Provenance, Quote, Source, Supply, Symbol, UnixMs};

/// One coin: its latest figures, and the intervals that its stored candles can answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Coin {
    /// Latest figures.
    pub quote: Quote,
    /// Intervals that can be asked of its series, finest first.
    pub intervals: Vec<Interval>,
    /// Open time of the first stored bar, Unix ms; none of made-up prices.
    pub first_open: Option<UnixMs>,
    /// The last seven days, where they can be read.
    pub week: Option<Sparkline>,
    /// How many coins there are, where it is known.
    pub supply: Option<Supply>,
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

/// What stands beside the latest prices and changes slowly.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Backdrop {
    /// The last seven days of every symbol; one whose candles cannot be read is left out.
    pub weeks: Vec<Sparkline>,
    /// How many coins there are, of the symbols whose number is known.
    pub supplies: Vec<Supply>,
}
