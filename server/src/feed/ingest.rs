//! From a feed to the cache at once, and to the database behind a bounded queue.
//!
//! One process feeds at a time: the one that holds a lock in the database. It goes on while the database is away, and steps
//! down when another has the lock after that.

use std::{sync::Arc, time::Duration};

use model::{Quote, Source, UnixMs};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::{
    now_ms,
    outbox::Outbox,
    play::{Play, Played},
    running::RunningSeries,
    scribe::{self, Ended},
    stats::FeedStats,
};
use crate::store::{Away, Store, StoreError, live::LiveWriter};

/// How often prices are shown to readers, at most.
const SHOW_EVERY: Duration = Duration::from_millis(500);
/// How often bars are asked for, at most.
const STEP: Duration = Duration::from_millis(50);
/// How often another process is asked whether it still feeds.
const STANDBY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(5);

/// Where prices are shown.
pub(super) trait Show: Clone + Send + Sync + 'static {
    /// The version of what was shown last, by whichever process.
    fn shown(&self, source: &Source) -> impl Future<Output = u64> + Send;
    /// Takes note that another process shows prices.
    fn is_shown(&self);
    /// Shows a table. Never older than one before.
    fn show(&self, source: &Source, quotes: Vec<Quote>, version: u64);
}

/// Feeds for ever. Ends when it is dropped.
pub(super) async fn run<P: Play>(mut play: P, store: Store, show: impl Show, stats: Arc<FeedStats>) {
    let mut retry = STANDBY;
    let mut stands_by = false;
    if show.shown(&play.source()).await > 0 {
        show.is_shown();
    }
    loop {
        let failed = match lead_next(&mut play, &store, &show, &stats).await {
            Ok(Turn::Led) => {
                stands_by = false;
                None
            }
            Ok(Turn::Another) => {
                if !std::mem::replace(&mut stands_by, true) {
                    tracing::info!("another process feeds this database; standing by");
                    show.is_shown();
                }
                None
            }
            Err(error) => Some(error),
        };
        stats.leads.set(0);
        stats.series.set(0);
        stats.standby.set(u64::from(stands_by));
        match failed {
            None => {
                *stats.trouble.lock() = None;
                retry = STANDBY;
            }
            Some(error) => {
                // Once for each trouble: that the database is away altogether is said by who watches over it.
                let before = stats.trouble.lock().replace(error.clause());
                if before == Some(error.clause())
                    || matches!(error, StoreError::Unavailable { away: Away::Unreachable, .. })
                {
                    tracing::debug!(%error, "the feed waits for the database");
                } else {
                    tracing::info!(%error, "the feed waits for the database: {error}");
                }
                retry = (retry * 2).min(LAST_RETRY);
            }
        }
        sleep(retry).await;
    }
}

/// What became of an attempt to feed.
enum Turn {
    /// This process fed, and does not any more.
    Led,
    /// Another one feeds.
    Another,
}

/// Feeds, if nobody else does.
async fn lead_next<P: Play>(
    play: &mut P,
    store: &Store,
    show: &impl Show,
    stats: &Arc<FeedStats>,
) -> Result<Turn, StoreError> {
    // A database of a newer program is not written to.
    store.ping().await?;
    match LiveWriter::take(store).await? {
        None => Ok(Turn::Another),
        Some(writer) => {
            stats.standby.set(0);
            lead(play, writer, store, show, stats).await?;
            Ok(Turn::Led)
        }
    }
}

/// Feeds until another process does, or there is something to be made ready anew.
async fn lead<P: Play>(
    play: &mut P,
    mut writer: LiveWriter,
    store: &Store,
    show: &impl Show,
    stats: &Arc<FeedStats>,
) -> Result<(), StoreError> {
    let begun = Instant::now();
    let played = play.prepare(store, &mut writer).await?;
    let source = play.source();
    tracing::info!(%source, series = played.len(), "feeding {} series of {source}, ready after {:.1?}", played.len(), begun.elapsed());
    stats.leads.set(1);
    *stats.trouble.lock() = None;
    stats.series.set(played.len() as u64);
    let mut desk = Desk::new(&played, show.shown(&source).await);
    let outbox = Arc::new(Outbox::new(Arc::clone(stats)));
    let keys: Vec<_> = played.iter().map(|it| (it.series, it.finest)).collect();
    let mut writing = AbortOnDrop(tokio::spawn(scribe::write_on(
        writer,
        store.clone(),
        Arc::clone(&outbox),
        keys,
        Arc::clone(stats),
    )));
    let mut keeping = AbortOnDrop(tokio::spawn(play.keep(store.clone())));
    let rate = f64::from(play.bars_per_second(played.len()));
    let mut steps = interval(STEP);
    let mut shows = interval(SHOW_EVERY);
    for ticks in [&mut steps, &mut shows] {
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    }
    let (mut due, mut last, mut place) = (0.0, Instant::now(), 0);
    loop {
        tokio::select! {
            now = steps.tick() => {
                // After a pause no more than one round is made up for: each bar is taken as it stands.
                due = (due + (now - last).as_secs_f64() * rate).min(played.len() as f64);
                last = now;
                let at = now_ms();
                while due >= 1.0 {
                    due -= 1.0;
                    if let Some(candle) = play.bar(place, at)
                        && desk.series[place].take(candle)
                    {
                        outbox.put(place, candle);
                        stats.bars.add(1);
                        desk.is_new = true;
                    }
                    place = (place + 1) % played.len();
                }
            }
            _ = shows.tick() => {
                if let Some((quotes, version)) = desk.table(now_ms()) {
                    show.show(&source, quotes, version);
                    stats.tables.add(1);
                }
            }
            ended = &mut writing.0 => {
                match ended {
                    Ok(Ended::AnotherFeeds) => tracing::warn!("another process feeds this database now; stepping down"),
                    Ok(Ended::Gap) => tracing::info!("bars were given up while the database was away; they are drawn anew"),
                    Err(error) => tracing::error!(%error, "the writing of bars broke off"),
                }
                return Ok(());
            }
            _ = &mut keeping.0 => {
                tracing::info!("what is fed has changed");
                return Ok(());
            }
        }
    }
}

/// The series that run, and the table of their prices.
struct Desk {
    series: Vec<RunningSeries>,
    version: u64,
    is_new: bool,
}

impl Desk {
    fn new(played: &[Played], version: u64) -> Self {
        let series = played.iter().map(|it| {
            let mut series = RunningSeries::new(it.symbol.clone(), it.finest);
            it.recent.iter().for_each(|bar| {
                series.take(*bar);
            });
            series
        });
        Self { series: series.collect(), version, is_new: true }
    }

    /// The table, if anything has changed, with a version above all before.
    fn table(&mut self, at: UnixMs) -> Option<(Vec<Quote>, u64)> {
        if !std::mem::take(&mut self.is_new) {
            return None;
        }
        let quotes: Vec<Quote> = self.series.iter().filter_map(|series| series.quote(at)).collect();
        self.version = (self.version + 1).max(u64::try_from(at).unwrap_or(0) * 1_000);
        (!quotes.is_empty()).then_some((quotes, self.version))
    }
}

/// A task that ends with its owner.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
