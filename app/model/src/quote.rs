//! Latest prices.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{Symbol, UnixMs};

/// The latest price of one symbol, and its figures over the hour, the 24 hours and the seven days that end at `as_of`.
/// A figure is `None` (`null` in JSON) where the stored candles do not determine it: they are longer than the span, or
/// do not reach back to its start. Decimals are strings in JSON, so that nothing rounds them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Quote {
    /// Ticker symbol.
    pub symbol: Symbol,
    /// Name of the coin.
    pub name: String,
    /// Latest price in USD.
    #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^-?[0-9]+([.][0-9]+)?$"))]
    pub price: Decimal,
    /// Decimals of the instrument's tick size: how many decimals its prices are shown with.
    pub price_decimals: u8,
    /// Price at the start of the hour, USD: the open of the candle that contains that moment, else the last close before it.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, required = true, pattern = "^-?[0-9]+([.][0-9]+)?$"))]
    pub open_1h: Option<Decimal>,
    /// `(price - open_1h) / open_1h`, in percent.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub change_1h_pct: Option<f64>,
    /// Price at the start of the 24 hours, USD.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, required = true, pattern = "^-?[0-9]+([.][0-9]+)?$"))]
    pub open_24h: Option<Decimal>,
    /// `(price - open_24h) / open_24h`, in percent.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub change_24h_pct: Option<f64>,
    /// Highest price of the 24 hours, USD, from the candle that contains their start on.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, required = true, pattern = "^-?[0-9]+([.][0-9]+)?$"))]
    pub high_24h: Option<Decimal>,
    /// Lowest price of the 24 hours, USD.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, required = true, pattern = "^-?[0-9]+([.][0-9]+)?$"))]
    pub low_24h: Option<Decimal>,
    /// Traded amount of the 24 hours, in base units (coins).
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, required = true, pattern = "^-?[0-9]+([.][0-9]+)?$"))]
    pub volume_24h: Option<Decimal>,
    /// Price at the start of the seven days, USD.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, required = true, pattern = "^-?[0-9]+([.][0-9]+)?$"))]
    pub open_7d: Option<Decimal>,
    /// `(price - open_7d) / open_7d`, in percent.
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub change_7d_pct: Option<f64>,
    /// The end of the last candle, or the time of the last trade, Unix ms.
    pub as_of: UnixMs,
}
