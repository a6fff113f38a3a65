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

use model::{Candle, Source, UnixMs};

use self::{choice::choose, reel::Reel};
use super::{
    now_ms,
    play::{Play, Played},
};
use crate::store::{SeriesInfo, Store, StoreError, live::LiveWriter, replays::Replayed};

/// How often it is seen to that what plays next is in memory.
const LOOK_AHEAD_EVERY: Duration = Duration::from_secs(1);
/// How often it is looked for other recordings.
const LOOK_FOR_OTHERS_EVERY: Duration = Duration::from_secs(15);
/// A recording that changed less than this ago may be in the middle of an import.
const QUIET_US: u64 = 10_000_000;
const DAY_MS: i64 = 86_400_000;

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
        let (mut reels, mut played) = (Vec::new(), Vec::new());
        for (recording, series) in recordings.into_iter().zip(ids) {
            let stored = directory.series.iter().find(|it| it.id == series);
            let replayed = fill::up_to_now(store, series, stored, recording).await?;
            let reel = Reel::new(replayed, recording.finest);
            let now = now_ms();
            reel.look_ahead(store, now).await?;
            played.push(Played {
                symbol: recording.symbol.clone(),
                finest: recording.finest,
                series,
                recent: recent(store, series, &reel, now).await?,
            });
            reels.push(reel);
        }
        self.reels = reels.into();
        Ok(played)
    }

    fn bar(&self, place: usize, at: UnixMs) -> Option<Candle> {
        self.reels.get(place)?.bar(at)
    }

    fn bars_per_second(&self, series: usize) -> u32 {
        u32::try_from(series).unwrap_or(u32::MAX)
    }

    fn keep(&self, store: Store) -> impl Future<Output = ()> + Send + 'static {
        keep(Arc::clone(&self.reels), store)
    }
}

/// The bars of the last day, the one that runs among them.
async fn recent(store: &Store, series: i64, reel: &Reel, now: UnixMs) -> Result<Vec<Candle>, StoreError> {
    let read = store.candles(series, reel.finest, Some(now - DAY_MS), Some(now), model::MAX_LIMIT).await?;
    let mut bars = read.map(|read| read.candles).unwrap_or_default();
    if let Some(running) = reel.bar(now) {
        bars.retain(|bar| bar.open_time < running.open_time);
        bars.push(running);
    }
    Ok(bars)
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
        && recordings.iter().zip(reels).all(|(recording, reel)| is_of(&reel.replayed, recording));
    Ok(is_quiet && !is_same)
}

/// Whether this is what a series would replay of a recording.
fn is_of(replayed: &Replayed, recording: &SeriesInfo) -> bool {
    replayed.recorded_id == recording.id
        && replayed.first_open == recording.first_open
        && replayed.end_time == recording.last_open + recording.finest.ms()
}
