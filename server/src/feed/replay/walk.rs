//! A bar on its way: through open, high, low and close in the time that it lasts.

use model::{Candle, UnixMs};

/// The bar as it stands when the part `done` of its time, 0 to 1, is over, with its open time moved to `open_time`.
///
/// The extreme that is nearer to the open comes first, as chart programs assume where nothing finer is known. Each of the three
/// legs takes a third of the time. Prices are rounded to `decimals`, so that none is finer than the recorded ones.
pub(super) fn stand(bar: &Candle, open_time: UnixMs, done: f64, decimals: u32) -> Candle {
    let done = done.clamp(0.0, 1.0);
    let Candle { open, high, low, close, volume, .. } = *bar;
    let turns = if high - open < open - low { [open, high, low, close] } else { [open, low, high, close] };
    let legs = done * 3.0;
    let leg = (legs as usize).min(2);
    let (from, to) = (turns[leg], turns[leg + 1]);
    // At the end of a leg the recorded price itself, whatever rounding does.
    let part = legs - leg as f64;
    let price = if part >= 1.0 { to } else { round(from + (to - from) * part, decimals).clamp(low, high) };
    let so_far = || turns[..=leg].iter().copied().chain([price]);
    Candle {
        open_time,
        open,
        high: so_far().fold(open, f64::max),
        low: so_far().fold(open, f64::min),
        close: price,
        volume: if done >= 1.0 { volume } else { round(volume * done, 8) },
    }
}

fn round(number: f64, decimals: u32) -> f64 {
    let power = 10_f64.powi(decimals as i32);
    let rounded = (number * power).round() / power;
    // Too large to be scaled: it has no decimals to speak of.
    if rounded.is_finite() { rounded } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAR: Candle =
        Candle { open_time: 0, open: 10.0, high: 16.0, low: 8.5, close: 11.25, volume: 9.000_000_1 };

    #[test]
    fn it_begins_at_the_open_and_ends_as_recorded() {
        let begun = stand(&BAR, 7, 0.0, 2);
        assert_eq!(
            begun,
            Candle { open_time: 7, open: 10.0, high: 10.0, low: 10.0, close: 10.0, volume: 0.0 }
        );
        assert_eq!(stand(&BAR, 0, 1.0, 2), BAR);
        assert_eq!(stand(&BAR, 0, 7.0, 0), BAR, "not rounded at its turns");
    }

    #[test]
    fn the_nearer_extreme_comes_first() {
        // Down to 8.5, then up to 16.
        assert_eq!(stand(&BAR, 0, 1.0 / 6.0, 2).close, 9.25);
        assert_eq!(stand(&BAR, 0, 0.5, 2).close, 12.25);
        let high_first = Candle { high: 11.5, low: 1.0, ..BAR };
        assert_eq!(stand(&high_first, 0, 1.0 / 6.0, 2).close, 10.75);
    }

    #[test]
    fn every_stage_is_a_sound_bar_and_none_goes_back() {
        let mut before = stand(&BAR, 0, 0.0, 2);
        for step in 0..=1_000 {
            let now = stand(&BAR, 0, f64::from(step) / 1_000.0, 2);
            assert!(now.low <= now.open.min(now.close) && now.high >= now.open.max(now.close), "{now:?}");
            assert!(now.high >= before.high && now.low <= before.low && now.volume >= before.volume);
            assert!(now.high <= BAR.high && now.low >= BAR.low);
            before = now;
        }
    }
}
