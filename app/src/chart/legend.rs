//! The figures of one bar, written out.

use model::Candle;

use crate::{format, words::Locale};

/// The figures of one bar as text, for the line in the chart's corner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Legend {
    /// First price.
    pub open: String,
    /// Highest price.
    pub high: String,
    /// Lowest price.
    pub low: String,
    /// Last price.
    pub close: String,
    /// Traded amount in coins, compact.
    pub volume: String,
}

/// The figures of a bar, with the decimals of the instrument.
#[must_use]
pub fn legend(candle: &Candle, decimals: u8, locale: Locale) -> Legend {
    let price = |value| format::price(value, decimals);
    Legend {
        open: price(candle.open),
        high: price(candle.high),
        low: price(candle.low),
        close: price(candle.close),
        volume: format::compact(candle.volume, locale),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_prices_have_the_decimals_of_the_instrument() {
        let bar = Candle { open_time: 0, open: 0.99, high: 1.02, low: 0.98, close: 1.01, volume: 9_741.2 };
        let shown = legend(&bar, 3, Locale::En);
        assert_eq!([shown.open, shown.high, shown.low, shown.close], ["0.990", "1.020", "0.980", "1.010"]);
        assert_eq!(shown.volume, "9.74K");
    }
}
