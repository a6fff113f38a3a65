//! Which roll-ups are stored, and the rolling up of what is read.
//!
//! A bar of a coarser interval has the first open, the highest high, the lowest low, the last close and the summed
//! volume of its finer bars. Reading folds rows as they stream in; `write` makes the stored levels.

use model::{Candle, Interval, UnixMs};

/// A level is stored only if one of its bars stands for at least this many of the level below: storing more costs
/// imports more than it saves reads (docs/decisions/0004).
const MIN_STEP: i64 = 12;

/// The coarser levels that are stored for a series, finest first. At most hours and days.
pub(super) fn stored_levels(finest: Interval) -> impl Iterator<Item = Interval> {
    let mut below = finest;
    [Interval::H1, Interval::D1].into_iter().filter(move |level| {
        let stored = level.ms() / below.ms() >= MIN_STEP;
        if stored {
            below = *level;
        }
        stored
    })
}

/// The coarsest stored level that `interval` is made of: itself, a stored roll-up, or the finest.
pub(super) fn base_level(finest: Interval, interval: Interval) -> Interval {
    stored_levels(finest).filter(|level| *level <= interval).last().unwrap_or(finest)
}

/// A stored row: a candle and how many of the finest candles are in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub bars: i64,
    pub candle: Candle,
}

/// Folds rows of one level, by ascending time, into bars of a coarser one (or of the same).
pub(super) struct RollUp {
    interval: Interval,
    /// How many of the finest candles make a whole bar.
    whole: i64,
    /// Open time of the bar of this interval that still runs.
    running: Option<UnixMs>,
    bars: Vec<Row>,
}

impl RollUp {
    pub(super) fn new(finest: Interval, interval: Interval) -> Self {
        Self { interval, whole: interval.ms() / finest.ms(), running: None, bars: Vec::new() }
    }

    /// Of the finest bars the one that opens then still runs.
    pub(super) fn running(mut self, open_time: Option<UnixMs>) -> Self {
        self.running = open_time.map(|time| self.interval.bucket(time));
        self
    }

    pub(super) fn push(&mut self, row: Row) {
        let open_time = self.interval.bucket(row.candle.open_time);
        match self.bars.last_mut() {
            Some(bar) if bar.candle.open_time == open_time => {
                bar.bars += row.bars;
                bar.candle.high = bar.candle.high.max(row.candle.high);
                bar.candle.low = bar.candle.low.min(row.candle.low);
                bar.candle.close = row.candle.close;
                bar.candle.volume += row.candle.volume;
            }
            _ => self.bars.push(Row { bars: row.bars, candle: Candle { open_time, ..row.candle } }),
        }
    }

    /// The first or the last `limit` bars, by ascending time, and the open times of those that lack some of their finer
    /// bars.
    pub(super) fn finish(mut self, limit: usize, last: bool) -> (Vec<Candle>, Vec<UnixMs>) {
        if last {
            self.bars.drain(..self.bars.len().saturating_sub(limit));
        } else {
            self.bars.truncate(limit);
        }
        let is_partial = |bar: &&Row| bar.bars < self.whole || self.running == Some(bar.candle.open_time);
        let partial = self.bars.iter().filter(is_partial).map(|bar| bar.candle.open_time).collect();
        (self.bars.into_iter().map(|b| b.candle).collect(), partial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    fn row(minute: i64, price: f64) -> Row {
        let candle = Candle {
            open_time: minute * MINUTE,
            open: price,
            high: price + 2.0,
            low: price - 1.0,
            close: price + 1.0,
            volume: 0.5,
        };
        Row { bars: 1, candle }
    }

    #[test]
    fn folds_and_marks_what_lacks_bars() {
        let mut fold = RollUp::new(Interval::M1, Interval::M5);
        for minute in [0, 1, 2, 3, 4, 6, 15] {
            fold.push(row(minute, 10.0 + minute as f64));
        }
        let (bars, partial) = fold.finish(10, false);
        assert_eq!(
            bars[0],
            Candle { open_time: 0, open: 10.0, high: 16.0, low: 9.0, close: 15.0, volume: 2.5 }
        );
        let times: Vec<_> = bars.iter().map(|bar| bar.open_time / MINUTE).collect();
        assert_eq!(times, [0, 5, 15], "a time without candles has no bar");
        assert_eq!(partial, [5 * MINUTE, 15 * MINUTE]);
    }

    #[test]
    fn a_bar_that_runs_is_partial_though_none_is_missing() {
        for (interval, expected) in [(Interval::M1, 9), (Interval::M5, 5)] {
            let mut fold = RollUp::new(Interval::M1, interval).running(Some(9 * MINUTE));
            (0..10).for_each(|minute| fold.push(row(minute, 10.0)));
            assert_eq!(fold.finish(10, true).1, [expected * MINUTE]);
        }
    }

    #[test]
    fn limits_at_either_end() {
        for (last, expected) in [(false, [0, 5]), (true, [10, 15])] {
            let mut fold = RollUp::new(Interval::M1, Interval::M5);
            (0..20).for_each(|minute| fold.push(row(minute, 10.0)));
            let times: Vec<_> = fold.finish(2, last).0.iter().map(|bar| bar.open_time / MINUTE).collect();
            assert_eq!(times, expected);
        }
    }

    #[test]
    fn stores_only_levels_that_save_much() {
        let levels = |finest| stored_levels(finest).collect::<Vec<_>>();
        assert_eq!(levels(Interval::M1), [Interval::H1, Interval::D1]);
        assert_eq!(levels(Interval::M5), [Interval::H1, Interval::D1]);
        assert_eq!(levels(Interval::M15), [Interval::D1]);
        assert_eq!(levels(Interval::M30), [Interval::D1]);
        assert_eq!(levels(Interval::H1), [Interval::D1]);
        for finest in [Interval::H4, Interval::D1, Interval::W1] {
            assert_eq!(levels(finest), []);
        }
    }

    #[test]
    fn reads_from_the_coarsest_level_within() {
        assert_eq!(base_level(Interval::M30, Interval::M30), Interval::M30);
        assert_eq!(base_level(Interval::M30, Interval::H4), Interval::M30);
        assert_eq!(base_level(Interval::M30, Interval::W1), Interval::D1);
        assert_eq!(base_level(Interval::M1, Interval::H4), Interval::H1);
        assert_eq!(base_level(Interval::D1, Interval::W1), Interval::D1);
    }
}
