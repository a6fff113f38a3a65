//! What a feed is to the ingest: series whose bars can be asked for at any time.

use std::future::Future;

use model::{Candle, Interval, Source, Symbol, UnixMs};

use crate::store::{Store, StoreError, live::LiveWriter};

/// A series that is ready to run.
pub(super) struct Played {
    pub symbol: Symbol,
    pub finest: Interval,
    /// Its key in the database.
    pub series: i64,
    /// Bars of the last 24 hours by ascending open time, of half an hour at most, or of the finest interval.
    pub recent: Vec<Candle>,
}

/// A feed of bars.
pub(super) trait Play: Send + 'static {
    /// Whose prices these are.
    fn source(&self) -> Source;

    /// Makes the stored series and brings them up to now. What [`bar`](Self::bar) speaks of from then on, by symbol.
    fn prepare(
        &mut self,
        store: &Store,
        writer: &mut LiveWriter,
    ) -> impl Future<Output = Result<Vec<Played>, StoreError>> + Send;

    /// The bar of the series at this place as it stands at a time. `None` where there is none.
    fn bar(&self, place: usize, at: UnixMs) -> Option<Candle>;

    /// How many bars are asked for in a second, of so many series together.
    fn bars_per_second(&self, series: usize) -> u32;

    /// Works beside [`bar`](Self::bar), on what that needs. It ends when there is something new to [`prepare`](Self::prepare).
    fn keep(&self, store: Store) -> impl Future<Output = ()> + Send + 'static;
}
