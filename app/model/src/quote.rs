//! Latest prices.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{Symbol, UnixMs};

/// The latest price of one symbol, with the figures of the 24 hours that end at `as_of`. Decimals cross the wire as
/// strings, so that nothing rounds them.
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
    /// Open of the first bar within the 24 hours.
    #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^-?[0-9]+([.][0-9]+)?$"))]
    pub open_24h: Decimal,
    /// `(price - open_24h) / open_24h`, in percent.
    pub change_24h_pct: f64,
    /// Highest price of the 24 hours.
    #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^-?[0-9]+([.][0-9]+)?$"))]
    pub high_24h: Decimal,
    /// Lowest price of the 24 hours.
    #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^-?[0-9]+([.][0-9]+)?$"))]
    pub low_24h: Decimal,
    /// Traded amount of the 24 hours, in base units (coins).
    #[cfg_attr(feature = "openapi", schema(value_type = String, pattern = "^-?[0-9]+([.][0-9]+)?$"))]
    pub volume_24h: Decimal,
    /// The end of the last bar, or the time of the last trade, Unix ms.
    pub as_of: UnixMs,
}
