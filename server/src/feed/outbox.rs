//! Bars that are still to be stored. Of each only the newest word is kept, and there is a limit to how many.

use std::{collections::BTreeMap, sync::Arc};

use model::UnixMs;
use parking_lot::Mutex;

use super::stats::FeedStats;
use crate::store::MarkedCandle;

/// Bars kept while the database is away: an hour of minutes of 1,000 symbols, with some to spare.
const MOST: usize = 65_536;

/// When a bar opens, and the place of its series.
type Slot = (UnixMs, usize);

/// The queue between prices and the database.
pub(super) struct Outbox {
    bars: Mutex<BTreeMap<Slot, MarkedCandle>>,
    most: usize,
    stats: Arc<FeedStats>,
}

impl Outbox {
    pub fn new(stats: Arc<FeedStats>) -> Self {
        Self { bars: Mutex::default(), most: MOST, stats }
    }

    /// One of another limit.
    #[cfg(test)]
    pub fn with_limit(stats: Arc<FeedStats>, most: usize) -> Self {
        Self { most, ..Self::new(stats) }
    }

    /// Puts in what is known of a bar now. Beyond the limit the oldest goes.
    pub fn put(&self, place: usize, bar: MarkedCandle) {
        let mut bars = self.bars.lock();
        bars.insert((bar.candle.open_time, place), bar);
        if bars.len() > self.most {
            bars.pop_first();
            self.stats.dropped.add(1);
        }
        self.stats.queued.set(bars.len() as u64);
    }

    /// Takes the oldest, so many at most.
    pub fn take(&self, most: usize) -> Vec<(usize, MarkedCandle)> {
        let mut bars = self.bars.lock();
        let mut taken = Vec::new();
        while taken.len() < most
            && let Some(((_, place), bar)) = bars.pop_first()
        {
            taken.push((place, bar));
        }
        self.stats.queued.set(bars.len() as u64);
        taken
    }

    /// Puts back what could not be stored, but for that of which there is newer word.
    pub fn give_back(&self, taken: Vec<(usize, MarkedCandle)>) {
        let mut bars = self.bars.lock();
        for (place, bar) in taken {
            bars.entry((bar.candle.open_time, place)).or_insert(bar);
        }
        while bars.len() > self.most {
            bars.pop_first();
            self.stats.dropped.add(1);
        }
        self.stats.queued.set(bars.len() as u64);
    }
}

#[cfg(test)]
mod tests {
    use model::Candle;

    use super::*;

    fn bar(open_time: UnixMs, close: f64) -> MarkedCandle {
        Candle { open_time, open: 1.0, high: 9.0, low: 1.0, close, volume: 0.0 }.into()
    }

    fn outbox(most: usize) -> Outbox {
        Outbox::with_limit(Arc::default(), most)
    }

    #[test]
    fn the_newest_word_about_each_bar_is_kept_and_the_oldest_bars_come_first() {
        let outbox = outbox(10);
        for (place, open_time, close) in [(1, 60, 2.0), (0, 0, 3.0), (1, 0, 4.0), (1, 60, 5.0)] {
            outbox.put(place, bar(open_time, close));
        }
        assert_eq!(outbox.take(2), [(0, bar(0, 3.0)), (1, bar(0, 4.0))]);
        assert_eq!(outbox.stats.queued.get(), 1);
        assert_eq!(outbox.take(9), [(1, bar(60, 5.0))]);
        assert!(outbox.take(9).is_empty());
    }

    #[test]
    fn what_comes_back_is_older_than_what_came_meanwhile() {
        let outbox = outbox(10);
        outbox.put(0, bar(0, 1.0));
        let taken = outbox.take(9);
        outbox.put(0, bar(0, 2.0));
        outbox.give_back(taken);
        assert_eq!(outbox.take(9), [(0, bar(0, 2.0))]);
    }

    #[test]
    fn beyond_the_limit_the_oldest_go_and_are_counted() {
        let outbox = outbox(3);
        (0..5).for_each(|i| outbox.put(0, bar(i, 1.0)));
        assert_eq!(outbox.stats.dropped.get(), 2);
        let taken = outbox.take(9);
        assert_eq!(taken.iter().map(|(_, bar)| bar.candle.open_time).collect::<Vec<_>>(), [2, 3, 4]);
        outbox.put(0, bar(9, 1.0));
        outbox.give_back(taken);
        assert_eq!((outbox.stats.dropped.get(), outbox.stats.queued.get()), (3, 3));
    }
}
