//! Answers of the two reads.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Candle, Interval, Provenance, Quote, Source, Symbol, UnixMs};

/// Answer of `GET /api/latest_prices`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LatestPrices {
    /// One quote a symbol, in the order asked for, otherwise by symbol.
    pub prices: Vec<Quote>,
    /// Where it comes from.
    pub provenance: Provenance,
}

/// Answer of `GET /api/chart_data`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChartData {
    /// Ticker symbol.
    pub symbol: Symbol,
    /// Length of each candle.
    pub interval: Interval,
    /// Whose candles these are.
    pub source: Source,
    /// Decimals of the instrument's tick size: how many decimals its prices are shown with.
    pub price_decimals: u8,
    /// Bars by ascending open time. A time without trades has no bar.
    pub candles: Vec<Candle>,
    /// Open times of bars that lack some of their finer bars, or have not ended.
    pub partial: Vec<UnixMs>,
    /// Indicator values by id, aligned with `candles`.
    pub indicators: BTreeMap<String, Vec<Option<f64>>>,
    /// Where it comes from.
    pub provenance: Provenance,
}
