//! Bars as they are drawn: each is one candle, cleaned. They are never merged: a drawn bar covers the interval that the
//! chart is labelled with.

use std::collections::HashSet;

use model::{Candle, Interval, UnixMs};

/// A bar to draw. All prices are finite, `low` and `high` hold the others between them, the volume is not negative.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar {
    /// The prices.
    pub candle: Candle,
    /// Whether it lacks some of its finer bars, or has not ended.
    pub partial: bool,
}

/// Prices beyond this cannot be labelled and are taken for damage.
const MAX_PRICE: f64 = 1e15;

/// The bars of `candles` that can be drawn, in their order. A bar with a price that is not finite or is beyond 10¹⁵
/// is left out; a low above a body is put below it; a volume that is no amount counts as 0.
#[must_use]
pub fn clean(candles: &[Candle], partial: &[UnixMs]) -> Vec<Bar> {
    let partial: HashSet<UnixMs> = partial.iter().copied().collect();
    let bar = |c: &Candle| {
        let prices = [c.open, c.high, c.low, c.close];
        if prices.iter().any(|p| !p.is_finite() || p.abs() > MAX_PRICE) {
            return None;
        }
        let high = prices.into_iter().fold(c.high, f64::max);
        let low = prices.into_iter().fold(c.low, f64::min);
        let volume = if c.volume.is_finite() { c.volume.max(0.0) } else { 0.0 };
        Some(Bar { candle: Candle { high, low, volume, ..*c }, partial: partial.contains(&c.open_time) })
    };
    candles.iter().filter_map(bar).collect()
}

/// A time without candles: the next drawn bar opens later than the one before it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Index of the first bar after it.
    pub bar: usize,
    /// Its length, ms.
    pub ms: i64,
}

/// The gaps between bars of an interval, in their order.
#[must_use]
pub fn gaps(bars: &[Bar], interval: Interval) -> Vec<Gap> {
    let opens = bars.iter().map(|bar| bar.candle.open_time);
    let pairs = opens.clone().zip(opens.skip(1)).enumerate();
    let gap = |(i, (before, after)): (usize, (UnixMs, UnixMs))| {
        let ms = after.saturating_sub(before).saturating_sub(interval.ms());
        (ms > 0).then_some(Gap { bar: i + 1, ms })
    };
    pairs.filter_map(gap).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candle(open_time: i64, [open, high, low, close]: [f64; 4], volume: f64) -> Candle {
        Candle { open_time, open, high, low, close, volume }
    }

    #[test]
    fn leaves_out_what_is_no_price_and_mends_what_is_askew() {
        let bars = clean(
            &[
                candle(0, [1.0, 2.0, f64::NAN, 1.5], 1.0),
                candle(1, [1.0, f64::INFINITY, 1.0, 1.0], 1.0),
                candle(2, [1.0, 1.5, 1.2, 2.0], f64::NAN),
            ],
            &[2],
        );
        assert_eq!(bars, [Bar { candle: candle(2, [1.0, 2.0, 1.0, 2.0], 0.0), partial: true }]);
    }

    #[test]
    fn a_gap_is_a_time_without_candles() {
        let hour = Interval::H1.ms();
        let candles = [0, 1, 4, 5, 5].map(|i| candle(i * hour, [1.0; 4], 1.0));
        let bars = clean(&candles, &[]);
        assert_eq!(gaps(&bars, Interval::H1), [Gap { bar: 2, ms: 2 * hour }]);
        assert_eq!(gaps(&bars[..1], Interval::H1), []);
        assert_eq!(gaps(&bars, Interval::H4), []);
    }
}
