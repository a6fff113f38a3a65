//! Bars as they are drawn: cleaned, and no more of them than pixels can show.

use std::collections::HashSet;

use model::{Candle, UnixMs};

/// A bar to draw. All prices are finite, `low` and `high` hold the others between them, the volume is not negative.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar {
    /// The prices; of several candles when they share the pixels.
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

/// Joins neighbours until there are at most `most` bars: first open, highest high, lowest low, last close, sum of
/// volumes. Extremes stay, which picking every n-th bar would lose. A joined bar is partial if all its bars are.
#[must_use]
pub fn rebucket(bars: Vec<Bar>, most: usize) -> Vec<Bar> {
    let per = bars.len().div_ceil(most.max(1)).max(1);
    if per == 1 {
        return bars;
    }
    let join = |chunk: &[Bar]| {
        let (first, rest) = chunk.split_first()?;
        let mut joined = *first;
        for bar in rest {
            joined.candle.high = joined.candle.high.max(bar.candle.high);
            joined.candle.low = joined.candle.low.min(bar.candle.low);
            joined.candle.close = bar.candle.close;
            // The sum of the largest volumes is no number to draw; the largest number is.
            joined.candle.volume = (joined.candle.volume + bar.candle.volume).min(f64::MAX);
            joined.partial &= bar.partial;
        }
        Some(joined)
    };
    bars.chunks(per).filter_map(join).collect()
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
    fn joined_bars_keep_extremes_and_sums() {
        let bars: Vec<Bar> = (0..7)
            .map(|i| {
                let p = i as f64;
                let spike = if i == 1 { 100.0 } else { p + 1.0 };
                Bar { candle: candle(i, [p, spike, p - 1.0, p + 0.5], 2.0), partial: i == 6 }
            })
            .collect();
        let joined = rebucket(bars.clone(), 3);
        assert_eq!(joined.len(), 3);
        assert_eq!(joined[0].candle, candle(0, [0.0, 100.0, -1.0, 2.5], 6.0));
        assert_eq!(joined[2], bars[6]);
        assert_eq!(rebucket(bars.clone(), 7), bars);
        assert_eq!(rebucket(bars, 0).len(), 1);
    }
}
