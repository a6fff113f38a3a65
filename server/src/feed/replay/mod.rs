//! The replay: recorded candles played again as if they came in now, in series of their own.
//!
//! What is played when is a function of the clock and of a stored epoch, so that every server and every start agree. The
//! recording is moved to end at the epoch, a month after the first start: what lies before now is written at once, the rest is
//! played, each candle through open, high, low and close in its own time. At the epoch it begins again, over and over.

mod choice;
mod fill;
mod reel;
mod schedule;
mod walk;

use std::{sync::Arc, time::Duration};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use model::{
    Candle, Interval, MAX_LIMIT, Source, UnixMs,
    span::{DAY_MS, WEEK_MS},
};

use self::{choice::choose, fill::Filled, reel::Reel};
use super::{
    now_ms,
    play::{FinalState, Play, Played},
    running::{self, RunningSeries},
};
use crate::store::{SeriesInfo, Store, StoreError, live::LiveWriter, replays::Replayed};

/// How often it is seen to that what plays next is in memory.
const LOOK_AHEAD_EVERY: Duration = Duration::from_secs(1);
/// How often it is looked for other recordings.
const LOOK_FOR_OTHERS_EVERY: Duration = Duration::from_secs(15);
/// A recording that changed less than this ago may be in the middle of an import.
const QUIET_US: u64 = 10_000_000;
/// Series made ready at once, each with one connection of the pool and up to two of its own. Readers come first.
const AT_ONCE: usize = 4;
/// Memory for what figures over seven days need, of all series together, bytes: enough for 1,000 series of minutes.
const MOST_KEPT: i64 = 128 * 1_024 * 1_024;

/// The feed.
#[derive(Default)]
pub(super) struct Replay {
    reels: Arc<[Reel]>,
}

impl Play for Replay {
    fn source(&self) -> Source {
        Source::REPLAY
    }

    async fn prepare(&mut self, store: &Store, writer: &mut LiveWriter) -> Result<Vec<Played>, StoreError> {
        let directory = store.directory().await?;
        let recordings = choose(&directory.series);
        let wanted: Vec<_> = recordings.iter().map(|it| (it.symbol.clone(), it.finest)).collect();
        let ids = writer.series(&Source::REPLAY, &wanted).await?;
        let memory = memory(&recordings);
        // Owned, as a stream of borrowed ones cannot cross threads.
        let of_series = recordings.into_iter().cloned().zip(ids).map(|(recording, series)| {
            let stored = directory.series.iter().find(|it| it.id == series).cloned();
            ready(store.clone(), series, stored, recording, memory)
        });
        let of_series: Vec<_> = of_series.collect();
        let all: Vec<(Reel, Played)> = stream::iter(of_series).buffered(AT_ONCE).try_collect().await?;
        let decimals: Vec<_> =
            all.iter().map(|(reel, played)| (played.series, reel.price_decimals)).collect();
        writer.set_price_decimals(&decimals).await?;
        let (reels, played): (Vec<Reel>, Vec<Played>) = all.into_iter().unzip();
        self.reels = reels.into();
        // While the others were made ready the first may have come to the end of their pages.
        look_ahead(&self.reels, store).await?;
        Ok(played)
    }

    fn candle(&self, place: usize, at: UnixMs) -> Option<Candle> {
        self.reels.get(place)?.candle(at)
    }

    fn ended(&self, place: usize, open_time: UnixMs) -> FinalState {
        self.reels.get(place).map_or(FinalState::Unknown, |reel| reel.ended(open_time))
    }

    fn is_incomplete(&self, place: usize, open_time: UnixMs) -> bool {
        self.reels.get(place).is_some_and(|reel| reel.is_incomplete(open_time))
    }

    fn candles_per_second(&self, series: usize) -> u32 {
        u32::try_from(series).unwrap_or(u32::MAX)
    }

    fn keep(&self, store: Store) -> impl Future<Output = ()> + Send + 'static {
        keep(Arc::clone(&self.reels), store)
    }
}

/// How much of the past the series keep at their finest interval, ms: a week, or a day where the weeks of all would take too
/// much memory. Then the figures over seven days are unknown.
fn memory(recordings: &[&SeriesInfo]) -> i64 {
    let weeks: i64 = recordings.iter().map(|it| running::bytes(it.finest, WEEK_MS)).sum();
    if weeks <= MOST_KEPT {
        return WEEK_MS;
    }
    tracing::warn!(
        "{} series are too many to keep a week of each in memory: their figures over seven days are unknown",
        recordings.len()
    );
    DAY_MS
}

/// Brings a series up to now, and reads what plays next. `stored` is the series as it was found, if it has candles.
async fn ready(
    store: Store,
    series: i64,
    stored: Option<SeriesInfo>,
    recording: SeriesInfo,
    memory: i64,
) -> Result<(Reel, Played), StoreError> {
    let SeriesInfo { finest, price_decimals, .. } = recording;
    let Filled { replayed, until } = fill::up_to_now(&store, series, stored.as_ref(), &recording).await?;
    let reel = Reel::new(replayed, finest, price_decimals);
    // From the first candle on that is not stored in its final state.
    reel.look_ahead(&store, until).await?;
    let running = RunningSeries::new(recording.symbol, finest, price_decimals, memory);
    let running = recent(&store, series, running, finest, until, memory).await?;
    Ok((reel, Played { finest, series, ended_until: until, running }))
}

/// The series with its stored candles before a time, as far as its memory goes back from the last of them, and the one before
/// them: where nothing was recorded its close counts.
async fn recent(
    store: &Store,
    series: i64,
    mut running: RunningSeries,
    finest: Interval,
    until: UnixMs,
    memory: i64,
) -> Result<RunningSeries, StoreError> {
    // In a gap a quote is as of the end of the last candle.
    let last = store.candles(series, finest, None, Some(until - 1), 1).await?;
    let last = last.and_then(|read| read.candles.last().map(|candle| candle.open_time + finest.ms()));
    let Some(end) = last else { return Ok(running) };
    let mut from = finest.bucket(end.min(until) - memory);
    let before = store.candles(series, finest, None, Some(from - 1), 1).await?;
    before.into_iter().flat_map(|read| read.candles).for_each(|candle| {
        running.take(candle);
    });
    while from < until {
        let read = store.candles(series, finest, Some(from), Some(until - 1), MAX_LIMIT).await?;
        let candles = read.map(|read| read.candles).unwrap_or_default();
        let Some(last) = candles.last() else { break };
        from = last.open_time + finest.ms();
        for candle in candles {
            running.take(candle);
        }
    }
    Ok(running)
}

async fn keep(reels: Arc<[Reel]>, store: Store) {
    let mut looks = tokio::time::interval(LOOK_AHEAD_EVERY);
    let mut others = tokio::time::interval(LOOK_FOR_OTHERS_EVERY);
    for ticks in [&mut looks, &mut others] {
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        ticks.tick().await;
    }
    loop {
        let done = tokio::select! {
            _ = looks.tick() => look_ahead(&reels, &store).await.map(|()| false),
            _ = others.tick() => is_other(&reels, &store).await,
        };
        match done {
            Ok(true) => return,
            Ok(false) => {}
            // Said by who writes; what is in memory goes on for hours.
            Err(error) => tracing::debug!(%error, "the replay cannot read ahead"),
        }
    }
}

async fn look_ahead(reels: &[Reel], store: &Store) -> Result<(), StoreError> {
    let now = now_ms();
    for reel in reels {
        reel.look_ahead(store, now).await?;
    }
    Ok(())
}

/// Whether there are other recordings to be played than those that are, and no import of them under way.
async fn is_other(reels: &[Reel], store: &Store) -> Result<bool, StoreError> {
    let directory = store.directory().await?;
    let recordings = choose(&directory.series);
    let now_us = u64::try_from(now_ms()).unwrap_or(0) * 1_000;
    let is_quiet = recordings.iter().all(|recording| recording.revision + QUIET_US < now_us);
    let is_same = recordings.len() == reels.len()
        && recordings.iter().zip(reels).all(|(recording, reel)| {
            is_of(&reel.replayed, recording) && reel.price_decimals == recording.price_decimals
        });
    Ok(is_quiet && !is_same)
}

/// Whether this is what a series would replay of a recording.
fn is_of(replayed: &Replayed, recording: &SeriesInfo) -> bool {
    replayed.recorded_id == recording.id
        && replayed.first_open == recording.first_open
        && replayed.end_time == recording.last_open + recording.finest.ms()
}
