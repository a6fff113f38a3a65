//! From a feed to the cache at once, and to the database behind a bounded queue.
//!
//! One process feeds at a time: the one that holds a lock in the database. It goes on while the database is away, and steps
//! down when another has the lock after that.

use std::{sync::Arc, time::Duration};

use model::{Candle, Interval, Quote, Source, UnixMs};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::{
    now_ms,
    outbox::Outbox,
    play::{FinalState, Play, Played},
    running::RunningSeries,
    scribe::{self, Ended},
    stats::FeedStats,
};
use crate::store::{Away, MarkedCandle, Store, StoreError, live::LiveWriter};

/// How often prices are shown to readers, at most.
const SHOW_EVERY: Duration = Duration::from_millis(500);
/// How often candles are asked for, at most.
const STEP: Duration = Duration::from_millis(50);
/// How often another process is asked whether it still feeds.
const STANDBY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(5);
/// Ended candles of a series that are made up for at once; the rest at its next turn.
const MOST_ENDED: usize = 500;
/// The process, or the whole machine, stood still if so much time went by between two steps.
const PAUSE_MS: i64 = 10_000;
/// Ended candles that are made up for from memory after a pause. With more, everything is prepared again: the way of a
/// start is faster, and the outbox does not overflow.
const MOST_BEHIND: i64 = 20_000;

/// Where prices are shown.
pub(super) trait Show: Clone + Send + Sync + 'static {
    /// The version of what was shown last, by whichever process.
    fn shown(&self, source: &Source) -> impl Future<Output = u64> + Send;
    /// Takes note that there are prices of the source: another process shows them, or they are stored.
    fn is_shown(&self);
    /// Shows a table. Never older than one before.
    fn show(&self, source: &Source, quotes: Vec<Quote>, version: u64);
}

/// Feeds for ever. Ends when it is dropped.
pub(super) async fn run<P: Play>(mut play: P, store: Store, show: impl Show, stats: Arc<FeedStats>) {
    let mut retry = STANDBY;
    let mut stands_by = false;
    let mut is_first = true;
    if show.shown(&play.source()).await > 0 {
        show.is_shown();
    }
    loop {
        let failed = match lead_next(&mut play, &store, &show, &stats, &mut is_first).await {
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
            Err(error) => Some(store.for_user(error)),
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
    is_first: &mut bool,
) -> Result<Turn, StoreError> {
    // A database of a newer program is not written to.
    store.ping().await?;
    if *is_first {
        // What an earlier process stored is shown at once, before it is brought up to now. Later some of the series may be
        // there and others not yet.
        let source = play.source();
        if store.directory().await?.series.iter().any(|series| series.source == source) {
            show.is_shown();
        }
        *is_first = false;
    }
    match LiveWriter::take(store).await? {
        None => Ok(Turn::Another),
        Some(writer) => {
            stats.standby.set(0);
            lead(play, writer, store, show, stats).await?;
            Ok(Turn::Led)
        }
    }
}

/// Feeds until another process does, or there is something to prepare again.
async fn lead<P: Play>(
    play: &mut P,
    mut writer: LiveWriter,
    store: &Store,
    show: &impl Show,
    stats: &Arc<FeedStats>,
) -> Result<(), StoreError> {
    let begun = Instant::now();
    let played = play.prepare(store, &mut writer).await?;
    let play = &*play;
    let source = play.source();
    tracing::info!(%source, series = played.len(), "feeding {} series of {source}, ready after {:.1?}", played.len(), begun.elapsed());
    stats.leads.set(1);
    *stats.trouble.lock() = None;
    stats.series.set(played.len() as u64);
    let keys: Vec<_> = played.iter().map(|it| (it.series, it.finest)).collect();
    let mut desk = Desk::new(played, show.shown(&source).await);
    let outbox = Arc::new(Outbox::new(Arc::clone(stats)));
    let mut writing = AbortOnDrop(tokio::spawn(scribe::write_on(
        writer,
        store.clone(),
        Arc::clone(&outbox),
        keys,
        Arc::clone(stats),
    )));
    let mut keeping = AbortOnDrop(tokio::spawn(play.keep(store.clone())));
    let put = |place: usize, candle: Candle| {
        let incomplete = play.is_incomplete(place, candle.open_time);
        outbox.put(place, MarkedCandle { candle, incomplete });
        stats.bars.add(1);
    };
    // All series once, so that the first table is of now.
    let mut last_at = now_ms();
    for place in 0..desk.series.len() {
        desk.advance(play, place, last_at, put);
    }
    let rate = f64::from(play.candles_per_second(desk.series.len()));
    let mut steps = interval(STEP);
    let mut shows = interval(SHOW_EVERY);
    for ticks in [&mut steps, &mut shows] {
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    }
    let (mut due, mut last, mut place) = (0.0, Instant::now(), 0);
    loop {
        tokio::select! {
            now = steps.tick() => {
                let at = now_ms();
                if at - std::mem::replace(&mut last_at, at) > PAUSE_MS {
                    let behind = desk.behind(at);
                    tracing::info!(behind, "the process stood still; {behind} candles ended meanwhile");
                    if behind > MOST_BEHIND {
                        return Ok(());
                    }
                }
                // After a pause no more than one round is made up for: each series is taken in its state now.
                due = (due + (now - last).as_secs_f64() * rate).min(desk.series.len() as f64);
                last = now;
                while due >= 1.0 {
                    due -= 1.0;
                    if desk.advance(play, place, at, put) == Advance::Lost {
                        tracing::info!("candles that ended are not in memory; what is fed is prepared again");
                        return Ok(());
                    }
                    place = (place + 1) % desk.series.len();
                }
            }
            _ = shows.tick() => {
                if let Some((quotes, version)) = desk.table(now_ms(), play) {
                    show.show(&source, quotes, version);
                    stats.tables.add(1);
                }
            }
            ended = &mut writing.0 => {
                match ended {
                    Ok(Ended::AnotherFeeds) => tracing::warn!("another process feeds this database now; stepping down"),
                    Ok(Ended::Gap) => tracing::info!(
                        "candles were dropped while the database was away; what is stored is brought up to now again, from the last stored candle on"
                    ),
                    Err(error) => tracing::error!(%error, "the writing of candles broke off"),
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

/// How far a series came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Advance {
    /// Up to the time asked for.
    Done,
    /// Not yet; the rest comes at its next turn.
    Behind,
    /// Candles that ended are not in memory, and will not be.
    Lost,
}

/// A series of the desk.
struct Running {
    series: RunningSeries,
    finest: Interval,
    /// Each candle before this open time was put in its final state.
    ended_until: UnixMs,
}

/// The series that run, and the table of their prices.
struct Desk {
    series: Vec<Running>,
    version: u64,
    is_new: bool,
}

impl Desk {
    fn new(played: Vec<Played>, version: u64) -> Self {
        let series = played.into_iter().map(|it| Running {
            series: it.running,
            finest: it.finest,
            ended_until: it.ended_until,
        });
        Self { series: series.collect(), version, is_new: true }
    }

    /// Brings one series up to a time: first the final state of each candle that ended since its last turn, however many
    /// there are and however long ago that was, then the one that runs.
    fn advance<P: Play>(
        &mut self,
        play: &P,
        place: usize,
        at: UnixMs,
        mut put: impl FnMut(usize, Candle),
    ) -> Advance {
        let Some(it) = self.series.get_mut(place) else { return Advance::Done };
        let runs_since = it.finest.bucket(at);
        let mut left = MOST_ENDED;
        while it.ended_until < runs_since {
            if left == 0 {
                return Advance::Behind;
            }
            left -= 1;
            match play.ended(place, it.ended_until) {
                FinalState::Candle(candle) => {
                    // Put in any case: what is stored may be of a moment before its end.
                    put(place, candle);
                    self.is_new |= it.series.take(candle);
                }
                FinalState::Nothing => {}
                // While the database is away, what runs now is not in memory either: then it is waited for.
                FinalState::Unknown if play.candle(place, at).is_some() => return Advance::Lost,
                FinalState::Unknown => return Advance::Behind,
            }
            it.ended_until += it.finest.ms();
        }
        if let Some(candle) = play.candle(place, at)
            && it.series.take(candle)
        {
            put(place, candle);
            self.is_new = true;
        }
        Advance::Done
    }

    /// How many candles ended that were not put in their final state.
    fn behind(&self, at: UnixMs) -> i64 {
        let of = |it: &Running| (it.finest.bucket(at) - it.ended_until).max(0) / it.finest.ms();
        self.series.iter().map(of).sum()
    }

    /// The table, if anything has changed, with a version above all before.
    fn table<P: Play>(&mut self, at: UnixMs, play: &P) -> Option<(Vec<Quote>, u64)> {
        if !std::mem::take(&mut self.is_new) {
            return None;
        }
        let quotes = self.series.iter_mut().enumerate();
        let quotes: Vec<Quote> = quotes
            .filter_map(|(place, it)| it.series.quote(at, |from, to| play.past(place, from, to)))
            .collect();
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

#[cfg(test)]
mod tests {
    use std::{cell::Cell, collections::BTreeMap, future};

    use model::span::WEEK_MS;

    use super::*;

    const MINUTE: i64 = 60_000;
    /// 2024-06-05T00:00Z.
    const START: i64 = 1_717_545_600_000;

    /// Candles whose close is their minute when they have ended, and half of it before. There is none in minutes that end
    /// with 7; what ended before a time is forgotten.
    struct Recorded {
        forgotten_before: Cell<UnixMs>,
    }

    fn candle(minute: i64, close: f64) -> Candle {
        let open_time = START + minute * MINUTE;
        Candle { open_time, open: 1.0, high: 1e9, low: 0.25, close, volume: 1.0 }
    }

    impl Play for Recorded {
        fn source(&self) -> Source {
            Source::REPLAY
        }

        async fn prepare(&mut self, _: &Store, _: &mut LiveWriter) -> Result<Vec<Played>, StoreError> {
            Ok(Vec::new())
        }

        fn candle(&self, _: usize, at: UnixMs) -> Option<Candle> {
            let minute = (at - START).div_euclid(MINUTE);
            (minute % 10 != 7).then(|| candle(minute, minute as f64 / 2.0))
        }

        fn ended(&self, _: usize, open_time: UnixMs) -> FinalState {
            let minute = (open_time - START).div_euclid(MINUTE);
            match minute % 10 {
                _ if open_time < self.forgotten_before.get() => FinalState::Unknown,
                7 => FinalState::Nothing,
                _ => FinalState::Candle(candle(minute, minute as f64)),
            }
        }

        fn candles_per_second(&self, _: usize) -> u32 {
            1
        }

        fn keep(&self, _: Store) -> impl Future<Output = ()> + Send + 'static {
            future::pending()
        }
    }

    fn desk() -> Desk {
        let running = RunningSeries::new("BTC".parse().unwrap(), Interval::M1, 2, WEEK_MS);
        let one = Played { finest: Interval::M1, series: 1, ended_until: START + MINUTE, running };
        Desk::new(vec![one], 0)
    }

    #[test]
    fn every_candle_that_ends_is_put_in_its_final_state_whatever_lies_between_two_turns() {
        let play = Recorded { forgotten_before: Cell::new(0) };
        let mut desk = desk();
        let mut stored: BTreeMap<i64, f64> = BTreeMap::new();
        let mut put = |_: usize, candle: Candle| {
            stored.insert((candle.open_time - START) / MINUTE, candle.close);
        };
        // Half-way through minutes: the next, some that are skipped, and a pause.
        for minute in [1, 2, 3, 6, 9, 30] {
            let at = START + minute * MINUTE + MINUTE / 2;
            assert_eq!(desk.advance(&play, 0, at, &mut put), Advance::Done);
        }
        let expected: BTreeMap<i64, f64> = (1..30)
            .filter(|minute| minute % 10 != 7)
            .map(|minute| (minute, minute as f64))
            .chain([(30, 15.0)])
            .collect();
        assert_eq!(stored, expected);
        let (table, _) = desk.table(START + 30 * MINUTE, &play).unwrap();
        assert_eq!(table[0].price.to_string(), "15");
    }

    #[test]
    fn a_long_pause_is_made_up_for_in_parts() {
        let play = Recorded { forgotten_before: Cell::new(0) };
        let mut desk = desk();
        let at = START + 1_200 * MINUTE;
        assert_eq!(desk.behind(at), 1_199);
        let mut turns = 0;
        let count = Cell::new(0);
        while desk.advance(&play, 0, at, |_, _| count.set(count.get() + 1)) == Advance::Behind {
            turns += 1;
        }
        assert_eq!((turns, desk.behind(at)), (2, 0));
        // All but every tenth, and the one that runs.
        assert_eq!(count.get(), 1_199 - 120 + 1);
    }

    #[test]
    fn what_is_no_longer_in_memory_is_not_passed_over() {
        let play = Recorded { forgotten_before: Cell::new(START + 5 * MINUTE) };
        let mut desk = desk();
        let none = |_: usize, _: Candle| panic!("nothing newer is stored");
        assert_eq!(desk.advance(&play, 0, START + 9 * MINUTE, none), Advance::Lost);
        // Nothing is known of now either: the database is away.
        assert_eq!(desk.advance(&play, 0, START + 7 * MINUTE, none), Advance::Behind);
    }

    #[test]
    fn a_clock_that_goes_back_changes_nothing() {
        let play = Recorded { forgotten_before: Cell::new(0) };
        let mut desk = desk();
        assert_eq!(desk.advance(&play, 0, START + 20 * MINUTE, |_, _| {}), Advance::Done);
        let none = |_: usize, _: Candle| panic!("older than what was put");
        assert_eq!(desk.advance(&play, 0, START + 10 * MINUTE, none), Advance::Done);
    }
}
