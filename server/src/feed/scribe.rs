//! Writes what is in the outbox, as long as this process is the one to do so.

use std::{sync::Arc, time::Duration};

use model::{Candle, Interval};
use tokio::time::{Instant, sleep};

use super::{now_ms, outbox::Outbox, stats::FeedStats};
use crate::store::{
    Store, StoreError,
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
    taken: &[(usize, Candle)],
    keys: &[(i64, Interval)],
) -> Result<u64, StoreError> {
    let now = now_ms();
    let mut rows = 0;
    for finest in Interval::ALL {
        let bars: Vec<LiveBar> = taken
            .iter()
            .filter_map(|(place, candle)| {
                let (series, of) = *keys.get(*place)?;
                let runs = candle.open_time + finest.ms() > now;
                (of == finest).then_some(LiveBar { series, runs, candle: *candle })
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
