//! The part of a recording that plays now and next, in memory: Postgres may be away for a while.

use std::sync::Arc;

use model::{Candle, Interval, UnixMs};
use parking_lot::Mutex;

use super::{schedule::Schedule, walk::stand};
use crate::{
    feed::play::FinalState,
    store::{Store, StoreError, replays::Replayed},
};

/// Candles of a page: 20 days of half-hours, 16 hours of minutes.
const PAGE: u32 = 1_000;

/// Candles of the recording, all that lie between two times.
struct Page {
    from: UnixMs,
    to: UnixMs,
    candles: Vec<Candle>,
    /// Open times of those that are incomplete.
    incomplete: Vec<UnixMs>,
}

impl Page {
    fn has(&self, time: UnixMs) -> bool {
        (self.from..self.to).contains(&time)
    }
}

/// What is in memory, as far as it is there.
#[derive(Default)]
struct Pages {
    /// The page that played before the one that plays: its last candles may still have to be stored.
    before: Option<Arc<Page>>,
    now: Option<Arc<Page>>,
    next: Option<Arc<Page>>,
}

impl Pages {
    fn with(&self, recorded: UnixMs) -> Option<Arc<Page>> {
        [&self.now, &self.next, &self.before].into_iter().flatten().find(|page| page.has(recorded)).cloned()
    }
}

/// One recording that plays.
pub(super) struct Reel {
    pub replayed: Replayed,
    pub finest: Interval,
    pub price_decimals: u8,
    pub schedule: Schedule,
    pages: Mutex<Pages>,
}

impl Reel {
    pub fn new(replayed: Replayed, finest: Interval, price_decimals: u8) -> Self {
        let schedule = Schedule::new(&replayed);
        Self { schedule, replayed, finest, price_decimals, pages: Mutex::default() }
    }

    /// The candle that plays at `time`, in its state then. `None` where none was recorded, or it could not be read yet.
    pub fn candle(&self, time: UnixMs) -> Option<Candle> {
        let recorded = self.schedule.recorded(time);
        let open_time = self.finest.bucket(recorded);
        let candle = self.recorded(open_time)??;
        let done = (recorded - open_time) as f64 / self.finest.ms() as f64;
        Some(stand(&candle, self.finest.bucket(time), done, self.price_decimals.into()))
    }

    /// The candle that opened at `open_time`, as it was when it ended: the recorded one.
    pub fn ended(&self, open_time: UnixMs) -> FinalState {
        match self.recorded(self.schedule.recorded(open_time)) {
            Some(Some(candle)) => FinalState::Candle(Candle { open_time, ..candle }),
            Some(None) => FinalState::Nothing,
            None => FinalState::Unknown,
        }
    }

    /// Whether the candle that opens at `open_time` was recorded as an incomplete one, as far as that is in memory.
    pub fn is_incomplete(&self, open_time: UnixMs) -> bool {
        let recorded = self.schedule.recorded(open_time);
        let page = self.pages.lock().with(recorded);
        page.is_some_and(|page| page.incomplete.contains(&recorded))
    }

    /// The recorded candle that opens then, if there is one. `None` where that is not in memory.
    fn recorded(&self, open_time: UnixMs) -> Option<Option<Candle>> {
        let page = self.pages.lock().with(open_time)?;
        let found = page.candles.binary_search_by_key(&open_time, |candle| candle.open_time);
        Some(found.ok().map(|index| page.candles[index]))
    }

    /// Reads the page that plays at `time` and the next, unless they are there.
    pub async fn look_ahead(&self, store: &Store, time: UnixMs) -> Result<(), StoreError> {
        let now = self.page(store, self.schedule.recorded(time)).await?;
        // Behind the end comes the beginning.
        let next = if now.to >= self.replayed.end_time { self.replayed.first_open } else { now.to };
        let next = self.page(store, next).await?;
        let mut pages = self.pages.lock();
        let former = pages.now.replace(Arc::clone(&now));
        if let Some(former) = former.filter(|former| !Arc::ptr_eq(former, &now)) {
            pages.before = Some(former);
        }
        pages.next = Some(next);
        Ok(())
    }

    async fn page(&self, store: &Store, recorded: UnixMs) -> Result<Arc<Page>, StoreError> {
        let known = self.pages.lock().with(recorded);
        match known {
            Some(page) => Ok(page),
            None => self.read(store, recorded).await,
        }
    }

    async fn read(&self, store: &Store, recorded: UnixMs) -> Result<Arc<Page>, StoreError> {
        let Replayed { recorded_id, end_time, .. } = self.replayed;
        let from = self.finest.bucket(recorded);
        let read = store.candles(recorded_id, self.finest, Some(from), Some(end_time - 1), PAGE).await?;
        let (candles, incomplete) = read.map(|read| (read.candles, read.partial)).unwrap_or_default();
        // A page that is not full goes to the end; a full one holds all up to its last candle.
        let to = match candles.last() {
            Some(last) if candles.len() >= PAGE as usize => last.open_time + self.finest.ms(),
            _ => end_time,
        };
        Ok(Arc::new(Page { from, to, candles, incomplete }))
    }
}
