//! What a feed is to the ingest: series whose candles can be asked for at any time.

use std::future::Future;

use model::{Candle, Interval, Source, UnixMs};

use super::running::RunningSeries;
use crate::store::{Store, StoreError, live::LiveWriter};

/// A series that is ready to run.
pub(super) struct Played {
    pub finest: Interval,
    /// Its key in the database.
    pub series: i64,
    /// Everything before this open time is stored in its final state.
    pub ended_until: UnixMs,
    /// With the candles before that time, as far as quotes need them.
    pub running: RunningSeries,
}

/// A candle whose time is over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum FinalState {
    /// It was this one.
    Candle(Candle),
    /// There was none.
    Nothing,
    /// It is not in memory.
    Unknown,
}

/// A feed of candles.
pub(super) trait Play: Send + 'static {
    /// Whose prices these are.
    fn source(&self) -> Source;

    /// Makes the stored series, brings them up to now and fills their holes. What [`candle`](Self::candle) speaks of from
    /// then on, by symbol.
    fn prepare(
        &mut self,
        store: &Store,
        writer: &mut LiveWriter,
    ) -> impl Future<Output = Result<Vec<Played>, StoreError>> + Send;

    /// The candle of the series at this place that runs at a time, in its state then. `None` where there is none.
    fn candle(&self, place: usize, at: UnixMs) -> Option<Candle>;

    /// The candle of the series at this place that opened at a time and has ended.
    fn ended(&self, place: usize, open_time: UnixMs) -> FinalState;

    /// Whether the candle of the series at this place that opens at a time is incomplete also when it has ended.
    fn is_incomplete(&self, _place: usize, _open_time: UnixMs) -> bool {
        false
    }

    /// One candle of the series at this place from one time to another, for feeds that can compute any.
    fn past(&self, _place: usize, _from: UnixMs, _to: UnixMs) -> Option<Candle> {
        None
    }

    /// How many candles are asked for in a second, of so many series together.
    fn candles_per_second(&self, series: usize) -> u32;

    /// Works beside [`candle`](Self::candle), on what that needs. It ends when there is something new to
    /// [`prepare`](Self::prepare).
    fn keep(&self, store: Store) -> impl Future<Output = ()> + Send + 'static;
}
