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
    /// Change from open to close, with its sign; none of a bar that opens at no price.
    pub change: Option<String>,
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
        change: (candle.open > 0.0).then(|| {
            let pct = (candle.close - candle.open) / candle.open * 100.0;
            let sign = if pct >= 0.005 { "+" } else { "" };
            format!("{sign}{}", format::percent(pct))
        }),
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
        assert_eq!(shown.change.as_deref(), Some("+2.02%"));
        let change = |open, close| legend(&Candle { open, close, ..bar }, 3, Locale::En).change;
        assert_eq!(change(2.0, 1.0).as_deref(), Some("−50.00%"));
        assert_eq!(change(2.0, 2.00001).as_deref(), Some("0.00%"));
        assert_eq!(change(0.0, 1.0), None);
    }
}
