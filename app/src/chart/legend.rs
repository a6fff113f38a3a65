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

/// The figures of a bar. All prices have as many decimals as the close, so that the line does not jump about 1.00.
#[must_use]
pub fn legend(candle: &Candle, locale: Locale) -> Legend {
    let decimals = format::price_decimals(candle.close);
    let price = |value| format::fixed(value, decimals);
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
    fn all_prices_have_the_decimals_of_the_close() {
        let bar = Candle { open_time: 0, open: 0.99, high: 1.02, low: 0.98, close: 1.01, volume: 9_741.2 };
        let shown = legend(&bar, Locale::En);
        assert_eq!([shown.open, shown.high, shown.low, shown.close], ["0.99", "1.02", "0.98", "1.01"]);
        assert_eq!(shown.volume, "9.74K");
    }
}
