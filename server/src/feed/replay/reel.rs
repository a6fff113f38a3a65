//! The part of a recording that plays now and next, in memory: Postgres may be away for a while.

use std::sync::Arc;

use model::{Candle, Interval, UnixMs};
use parking_lot::Mutex;

use super::{
    schedule::Schedule,
    walk::{decimals, stand},
};
use crate::store::{Store, StoreError, replays::Replayed};

/// Bars of a page: 20 days of half-hours, 16 hours of minutes.
const PAGE: u32 = 1_000;

/// Bars of the recording, all that lie between two times.
struct Page {
    from: UnixMs,
    to: UnixMs,
    bars: Vec<Candle>,
    decimals: u32,
}

impl Page {
    fn has(&self, time: UnixMs) -> bool {
        (self.from..self.to).contains(&time)
    }
}

/// One recording that plays.
pub(super) struct Reel {
    pub replayed: Replayed,
    pub finest: Interval,
    pub schedule: Schedule,
    /// The page that plays and the one after it, as far as they are there.
    pages: Mutex<Vec<Arc<Page>>>,
}

impl Reel {
    pub fn new(replayed: Replayed, finest: Interval) -> Self {
        Self { schedule: Schedule::new(&replayed), replayed, finest, pages: Mutex::new(Vec::new()) }
    }

    /// The bar that plays at `time`, as it stands then. `None` where none was recorded, or it could not be read yet.
    pub fn bar(&self, time: UnixMs) -> Option<Candle> {
        let recorded = self.schedule.recorded(time);
        let page = self.pages.lock().iter().find(|page| page.has(recorded)).cloned()?;
        let open_time = self.finest.bucket(recorded);
        let index = page.bars.binary_search_by_key(&open_time, |bar| bar.open_time).ok()?;
        let done = (recorded - open_time) as f64 / self.finest.ms() as f64;
        Some(stand(&page.bars[index], self.finest.bucket(time), done, page.decimals))
    }

    /// Reads the page that plays at `time` and the next, unless they are there.
    pub async fn look_ahead(&self, store: &Store, time: UnixMs) -> Result<(), StoreError> {
        let recorded = self.schedule.recorded(time);
        let now = match self.page_with(recorded) {
            Some(page) => page,
            None => self.read(store, recorded).await?,
        };
        // Behind the end comes the beginning.
        let next = if now.to >= self.replayed.end_time { self.replayed.first_open } else { now.to };
        let next = match self.page_with(next) {
            Some(page) => page,
            None => self.read(store, next).await?,
        };
        *self.pages.lock() = vec![now, next];
        Ok(())
    }

    fn page_with(&self, recorded: UnixMs) -> Option<Arc<Page>> {
        self.pages.lock().iter().find(|page| page.has(recorded)).cloned()
    }

    async fn read(&self, store: &Store, recorded: UnixMs) -> Result<Arc<Page>, StoreError> {
        let Replayed { recorded_id, end_time, .. } = self.replayed;
        let from = self.finest.bucket(recorded);
        let read = store.candles(recorded_id, self.finest, Some(from), Some(end_time - 1), PAGE).await?;
        let bars = read.map(|read| read.candles).unwrap_or_default();
        // A page that is not full goes to the end; a full one holds all up to its last bar.
        let to = match bars.last() {
            Some(last) if bars.len() >= PAGE as usize => last.open_time + self.finest.ms(),
            _ => end_time,
        };
        Ok(Arc::new(Page { from, to, decimals: decimals(&bars), bars }))
    }
}
