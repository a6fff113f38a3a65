//! Writes what is in the outbox, as long as this process is the one to do so.

use std::{sync::Arc, time::Duration};

use model::Interval;
use tokio::time::{Instant, sleep};

use super::{now_ms, outbox::Outbox, stats::FeedStats};
use crate::store::{
    MarkedCandle, Store, StoreError,
    live::{LiveBar, LiveWriter},
};

/// Rest between two transactions. What runs is written that often; readers of prices do not wait for it.
const REST: Duration = Duration::from_secs(2);
/// Bars in a transaction.
const CHUNK: usize = 5_000;
const FIRST_RETRY: Duration = Duration::from_millis(250);
const LAST_RETRY: Duration = Duration::from_secs(5);

/// Why it stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The lock was lost with the connection, and another process had it after that.
    AnotherFeeds,
    /// Candles were dropped because too many waited. Nothing newer is stored: what is missing begins with the last stored
    /// candle.
    Gap,
}

/// Writes until it has to stop. `keys`: the series of each place, and its finest interval.
pub(super) async fn write_on(
    mut writer: LiveWriter,
    store: Store,
    outbox: Arc<Outbox>,
    keys: Vec<(i64, Interval)>,
    stats: Arc<FeedStats>,
) -> Ended {
    let dropped = stats.dropped.get();
    let mut is_away = false;
    loop {
        // Before anything newer than a dropped candle is stored: the gap would lie behind the last stored one, where it is
        // not looked for.
        if stats.dropped.get() > dropped && writer.is_held().await {
            return Ended::Gap;
        }
        let taken = outbox.take(CHUNK);
        let rest = if taken.len() < CHUNK { REST } else { Duration::ZERO };
        let begun = Instant::now();
        match write(&mut writer, &taken, &keys).await {
            Ok(rows) => {
                *stats.trouble.lock() = None;
                if std::mem::take(&mut is_away) {
                    tracing::info!("the feed is stored again");
                }
                stats.rows.add(rows);
                stats.writes.add(u64::from(!taken.is_empty()));
                stats.last_write_us.set(u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX));
                sleep(rest).await;
            }
            Err(error) => {
                let error = store.for_user(error);
                outbox.give_back(taken);
                stats.failures.add(1);
                *stats.trouble.lock() = Some(error.clause());
                if !std::mem::replace(&mut is_away, true) {
                    tracing::warn!(%error, "the feed cannot be stored: {error}; prices go on from memory");
                }
                match again(&mut writer, &store).await {
                    true => {}
                    false => return Ended::AnotherFeeds,
                }
            }
        }
    }
}

/// Writes these bars, the series of each finest interval in a transaction of their own.
async fn write(
    writer: &mut LiveWriter,
    taken: &[(usize, MarkedCandle)],
    keys: &[(i64, Interval)],
) -> Result<u64, StoreError> {
    let now = now_ms();
    let mut rows = 0;
    for finest in Interval::ALL {
        let bars: Vec<LiveBar> = taken
            .iter()
            .filter_map(|(place, MarkedCandle { candle, incomplete })| {
                let (series, of) = *keys.get(*place)?;
                let runs = candle.open_time + finest.ms() > now;
                (of == finest).then_some(LiveBar { series, runs, incomplete: *incomplete, candle: *candle })
            })
            .collect();
        rows += writer.write(finest, &bars).await?;
    }
    Ok(rows)
}

/// Waits until the database can be written to again. False if another process does so by then.
async fn again(writer: &mut LiveWriter, store: &Store) -> bool {
    let mut retry = FIRST_RETRY;
    loop {
        sleep(retry).await;
        retry = (retry * 2).min(LAST_RETRY);
        // A refused statement, such as on a full disk, leaves the connection and the lock as they are.
        if writer.is_held().await {
            return true;
        }
        match writer.retake(store).await {
            Ok(Some(taken)) => {
                *writer = taken;
                return true;
            }
            // A session that was ended keeps the lock for a moment more; another process keeps it.
            Ok(None) if retry < LAST_RETRY => {}
            Ok(None) => return false,
            Err(error) => tracing::debug!(%error, "the database is away"),
        }
    }
}

#[cfg(test)]
mod tests {
    use local_servers::PostgresServer;
    use model::{Candle, Source};

    use super::*;

    async fn until(what: &str, good: impl Fn() -> bool) {
        for _ in 0..3_000 {
            if good() {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("waited in vain: {what}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn nothing_newer_is_stored_once_a_candle_was_dropped() {
        let server = tokio::task::spawn_blocking(|| PostgresServer::ephemeral().unwrap()).await.unwrap();
        let store = Store::connect_lazy(&server.url()).unwrap();
        store.migrate().await.unwrap();
        let mut writer = LiveWriter::take(&store).await.unwrap().unwrap();
        let wanted = [("GAP".parse().unwrap(), Interval::H1)];
        let id = writer.series(&Source::REPLAY, &wanted).await.unwrap()[0];
        let stats: Arc<FeedStats> = Arc::default();
        let outbox = Arc::new(Outbox::with_limit(Arc::clone(&stats), 3));
        let put = |hour: i64| {
            let open_time = hour * 3_600_000;
            let candle = Candle { open_time, open: 1.0, high: 1.0, low: 1.0, close: 1.0, volume: 1.0 };
            outbox.put(0, candle.into());
        };
        let keys = vec![(id, Interval::H1)];
        let writing =
            tokio::spawn(write_on(writer, store.clone(), Arc::clone(&outbox), keys, Arc::clone(&stats)));
        put(0);
        until("the first is stored", || stats.rows.get() == 1).await;
        server.kill().unwrap();
        put(1);
        until("the writer notices", || stats.failures.get() > 0).await;
        (2..7).for_each(put);
        assert!(stats.dropped.get() > 0);
        tokio::task::block_in_place(|| server.start().unwrap());
        let ended = tokio::time::timeout(Duration::from_secs(60), writing).await.unwrap().unwrap();
        assert_eq!(ended, Ended::Gap);
        // What is missing begins with the last stored one, where the next start looks for it.
        let stored = store.candles(id, Interval::H1, None, None, 10).await.unwrap().unwrap();
        assert_eq!(stored.candles.iter().map(|candle| candle.open_time).collect::<Vec<_>>(), [0]);
    }
}
