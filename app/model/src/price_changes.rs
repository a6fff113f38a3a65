//! Prices that changed, in short.

use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeTuple};

use crate::{Provenance, Quote, Symbol, UnixMs};

/// Most symbols in one question for changes.
pub const MAX_CHANGE_SYMBOLS: usize = 200;

/// Answer of `GET /api/price_changes`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PriceChanges {
    /// Version of the table that was compared: `since` of the next question.
    pub version: u64,
    /// Newest `as_of` of the whole table, Unix ms.
    pub as_of: UnixMs,
    /// The quotes that changed, in the order asked for.
    pub changes: Vec<PriceChange>,
    /// Where it comes from.
    pub provenance: Provenance,
}

/// The figures of a quote that moved. On the wire it is the array `[symbol, price, price_decimals, open_1h, open_24h,
/// high_24h, low_24h, volume_24h, open_7d, as_of]`; each as in [`Quote`].
#[derive(Clone, Debug, PartialEq)]
pub struct PriceChange {
    /// Ticker symbol.
    pub symbol: Symbol,
    /// Latest price, USD.
    pub price: Decimal,
    /// Decimals that prices are shown with.
    pub price_decimals: u8,
    /// Price at the start of the hour, USD.
    pub open_1h: Option<Decimal>,
    /// Price at the start of the 24 hours, USD.
    pub open_24h: Option<Decimal>,
    /// Highest price of the 24 hours, USD.
    pub high_24h: Option<Decimal>,
    /// Lowest price of the 24 hours, USD.
    pub low_24h: Option<Decimal>,
    /// Traded amount of the 24 hours, in coins.
    pub volume_24h: Option<Decimal>,
    /// Price at the start of the seven days, USD.
    pub open_7d: Option<Decimal>,
    /// The time that the price is of, Unix ms.
    pub as_of: UnixMs,
}

impl From<&Quote> for PriceChange {
    fn from(quote: &Quote) -> Self {
        Self {
            symbol: quote.symbol.clone(),
            price: quote.price,
            price_decimals: quote.price_decimals,
            open_1h: quote.open_1h,
            open_24h: quote.open_24h,
            high_24h: quote.high_24h,
            low_24h: quote.low_24h,
            volume_24h: quote.volume_24h,
            open_7d: quote.open_7d,
            as_of: quote.as_of,
        }
    }
}

impl PriceChange {
    /// The whole quote of the coin of this name. The changes in percent follow from the prices.
    #[must_use]
    pub fn into_quote(self, name: String) -> Quote {
        let pct = |open: Option<Decimal>| {
            let (price, open) = (self.price.to_f64()?, open?.to_f64()?);
            (open != 0.0).then(|| (price - open) / open * 100.0)
        };
        Quote {
            name,
            change_1h_pct: pct(self.open_1h),
            change_24h_pct: pct(self.open_24h),
            change_7d_pct: pct(self.open_7d),
            symbol: self.symbol,
            price: self.price,
            price_decimals: self.price_decimals,
            open_1h: self.open_1h,
            open_24h: self.open_24h,
            high_24h: self.high_24h,
            low_24h: self.low_24h,
            volume_24h: self.volume_24h,
            open_7d: self.open_7d,
            as_of: self.as_of,
        }
    }
}

impl Serialize for PriceChange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut tuple = serializer.serialize_tuple(10)?;
        tuple.serialize_element(&self.symbol)?;
        tuple.serialize_element(&self.price)?;
        tuple.serialize_element(&self.price_decimals)?;
        let figures =
            [self.open_1h, self.open_24h, self.high_24h, self.low_24h, self.volume_24h, self.open_7d];
        for figure in figures {
            tuple.serialize_element(&figure)?;
        }
        tuple.serialize_element(&self.as_of)?;
        tuple.end()
    }
}

impl<'de> Deserialize<'de> for PriceChange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (symbol, price, price_decimals, open_1h, open_24h, high_24h, low_24h, volume_24h, open_7d, as_of) =
            Deserialize::deserialize(deserializer)?;
        Ok(Self {
            symbol,
            price,
            price_decimals,
            open_1h,
            open_24h,
            high_24h,
            low_24h,
            volume_24h,
            open_7d,
            as_of,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_an_array_from_which_the_quote_follows() {
        let quote = Quote {
            symbol: "BTC".parse().unwrap(),
            name: "Bitcoin".to_owned(),
            price: "102".parse().unwrap(),
            price_decimals: 1,
            open_1h: None,
            change_1h_pct: None,
            open_24h: Some("100".parse().unwrap()),
            change_24h_pct: Some(2.0),
            high_24h: Some("103.5".parse().unwrap()),
            low_24h: Some("99".parse().unwrap()),
            volume_24h: Some("7.25".parse().unwrap()),
            open_7d: Some("0".parse().unwrap()),
            change_7d_pct: None,
            as_of: 1_000,
        };
        let json = serde_json::to_string(&PriceChange::from(&quote)).unwrap();
        assert_eq!(json, r#"["BTC","102",1,null,"100","103.5","99","7.25","0",1000]"#);
        let change: PriceChange = serde_json::from_str(&json).unwrap();
        assert_eq!(change.into_quote("Bitcoin".to_owned()), quote, "nothing is divided by zero");
    }
}
