//! Loading at the start what was read most before it, so that the first readers find it in memory.

use std::time::Duration;

use tidemark_cache::{Cache, LoadError, WarmUp, Warmed};
use tokio::time::{Instant, sleep, timeout_at};

use super::{
    LoadFailure, Market,
    charts::read_range,
    directory::{of_symbol, read_directory},
    past::read_sparklines,
    prices::read_table,
};
use crate::config::Feed;

/// Charts loaded at most.
const MOST_CHARTS: usize = 128;
/// Price tables, and tables of lines, loaded at most: there is one a source.
const MOST_TABLES: usize = 8;
/// Longest wait for the other servers to be heard, which takes about a second.
const HEARD_WITHIN: Duration = Duration::from_secs(2);
/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Loads at once, of each category: readers come first, also at the start.
const AT_ONCE: usize = 4;

impl Market {
    /// Loads the keys that were hot before, within `limit`. Keys in Redis come from there. Returns what was done, all
    /// categories together. `cache` is the one that this market reads through.
    pub async fn warm_up(&self, cache: &Cache, limit: Duration) -> Warmed {
        // The simulation's prices are old after a second.
        if limit.is_zero() || (self.0.feed == Feed::Simulated && self.0.store.is_none()) {
            return Warmed::default();
        }
        let until = Instant::now() + limit;
        heard(cache, until.min(Instant::now() + HEARD_WITHIN)).await;
        let how =
            |most| WarmUp { most, at_once: AT_ONCE, limit: until.saturating_duration_since(Instant::now()) };
        let store = self.0.store.clone();
        // First, because the others need it.
        let parse = |text: &str| text.parse().ok();
        let directory = self.0.directory.warm(how(1), parse, move |_| read_directory(store.clone())).await;

        let store = self.0.store.clone();
        let parse = |text: &str| text.parse().ok();
        let tables = self.0.prices.warm(how(MOST_TABLES), parse, move |key| read_table(store.clone(), key.0));

        let store = self.0.store.clone();
        let parse = |text: &str| text.parse().ok();
        let lines =
            self.0.sparklines.warm(how(MOST_TABLES), parse, move |key| read_sparklines(store.clone(), key.0));

        let market = self.clone();
        let parse = |text: &str| text.parse().ok();
        let charts = self.0.charts.warm(how(MOST_CHARTS), parse, move |key| {
            let market = market.clone();
            async move {
                let directory = market.directory().await.map_err(own_failure)?;
                let mut series = of_symbol(&directory.0.series, &key.symbol).iter();
                let found = series.find(|s| s.source == key.source && s.finest == key.finest);
                let id = found.ok_or(LoadFailure::Gone)?.id;
                read_range(market.0.store.clone(), key, id).await
            }
        });
        let (tables, lines, charts) = tokio::join!(tables, lines, charts);
        let all = [directory, tables, lines, charts].into_iter().fold(Warmed::default(), |sum, one| Warmed {
            remembered: sum.remembered + one.remembered,
            loaded: sum.loaded + one.loaded,
            failed: sum.failed + one.failed,
            out_of_time: sum.out_of_time || one.out_of_time,
        });
        tracing::info!(
            remembered = all.remembered,
            loaded = all.loaded,
            failed = all.failed,
            out_of_time = all.out_of_time,
            "warmed up: {} of {} hot keys are in memory",
            all.loaded,
            all.remembered
        );
        all
    }
}

/// Waits until the announcements of other servers are heard: what was loaded before would be compared with Redis at its
/// first read.
async fn heard(cache: &Cache, until: Instant) {
    let listening = async {
        while !cache.stats().coherence.trusted {
            sleep(LOOK_EVERY).await;
        }
    };
    if timeout_at(until, listening).await.is_err() {
        tracing::debug!("warming up although other servers are not heard yet");
    }
}

/// A failure of the directory is one of the chart that needs it.
fn own_failure(error: LoadError<LoadFailure>) -> LoadFailure {
    match error {
        LoadError::Source(failure) => failure,
        _ => LoadFailure::Gone,
    }
}
