//! The simulation as a feed: its bars are stored in series of their own, as those of any other feed.

use std::sync::Arc;

use model::{Candle, Interval, Source, UnixMs};

use super::{Simulation, bars, coins::Coin};
use crate::{
    feed::{
        now_ms,
        play::{Play, Played},
    },
    store::{
        Store, StoreError,
        live::{LiveBar, LiveWriter},
    },
};

const FINEST: Interval = Interval::M1;
const DAY_MS: i64 = 86_400_000;
/// Bars given to the database at once.
const CHUNK: usize = 5_000;

/// How much history a series begins with.
struct Depth {
    days: i64,
    hours: i64,
    minutes: i64,
}

/// With few coins, as much as charts want to show; with many, enough for the figures and the line of a week.
fn depth(coins: usize) -> Depth {
    if coins <= 50 {
        Depth { days: 3 * 365, hours: 90 * 24, minutes: 2 * 1_440 }
    } else {
        Depth { days: 90, hours: 8 * 24, minutes: 0 }
    }
}

/// The feed.
pub(crate) struct SimulatedPlay {
    simulation: Arc<Simulation>,
    /// Bars a second of all series together; one a series without it.
    rate: Option<u32>,
}

impl SimulatedPlay {
    pub(crate) fn new(simulation: Arc<Simulation>, rate: Option<u32>) -> Self {
        Self { simulation, rate }
    }
}

/// What a series is given before it runs.
struct History {
    days: Vec<Candle>,
    hours: Vec<Candle>,
    minutes: Vec<Candle>,
    /// The last 24 hours.
    recent: Vec<Candle>,
}

/// The bars from one time to before another, both starts of bars.
fn between(coin: &Coin, interval: Interval, from: UnixMs, to: UnixMs, now: UnixMs) -> Vec<Candle> {
    bars(coin, interval, from, (to - from).max(0) / interval.ms(), now)
}

/// What a coin's series lacks; `stored` is the open time of its last bar. Minutes are whole hours from their first on, so
/// that hours can be rolled up from them, and hours whole days.
fn history(coin: &Coin, depth: &Depth, stored: Option<UnixMs>, now: UnixMs) -> History {
    let (hour, day) = (Interval::H1, Interval::D1);
    let stored = stored.unwrap_or(0).clamp(0, now);
    let minutes_from = hour.bucket(stored.max(now - depth.minutes * FINEST.ms()));
    let hours_from =
        hour.bucket(stored.max(now - depth.hours * hour.ms())).min(day.bucket(minutes_from)).max(0);
    let days_from = day.bucket(stored.max(now - depth.days * day.ms()).max(0));
    let half_hour = Interval::M30.bucket(now);
    let mut recent = between(coin, Interval::M30, Interval::M30.bucket(now - DAY_MS), half_hour, now);
    recent.extend(between(coin, FINEST, half_hour, FINEST.bucket(now) + FINEST.ms(), now));
    History {
        days: between(coin, day, days_from, day.bucket(minutes_from), now),
        hours: between(coin, hour, hours_from, minutes_from, now),
        minutes: between(coin, FINEST, minutes_from, FINEST.bucket(now) + FINEST.ms(), now),
        recent,
    }
}

impl Play for SimulatedPlay {
    fn source(&self) -> Source {
        Source::SIMULATED
    }

    async fn prepare(&mut self, store: &Store, writer: &mut LiveWriter) -> Result<Vec<Played>, StoreError> {
        let wanted: Vec<_> = self.simulation.symbols.iter().map(|symbol| (symbol.clone(), FINEST)).collect();
        let ids = writer.series(&Source::SIMULATED, &wanted).await?;
        let directory = store.directory().await?;
        let depth = Arc::new(depth(wanted.len()));
        let mut played = Vec::with_capacity(wanted.len());
        for (place, series) in ids.into_iter().enumerate() {
            let stored = directory.series.iter().find(|it| it.id == series).map(|it| it.last_open);
            let (simulation, depth) = (Arc::clone(&self.simulation), Arc::clone(&depth));
            // Thousands of bars take longer than a task may hold its thread.
            let drawn = tokio::task::spawn_blocking(move || {
                history(&simulation.coins[place], &depth, stored, now_ms())
            });
            let History { days, hours, minutes, recent } = drawn.await.map_err(StoreError::stopped)?;
            writer.write_level(FINEST, Interval::D1, series, &days).await?;
            writer.write_level(FINEST, Interval::H1, series, &hours).await?;
            let bars: Vec<_> =
                minutes.into_iter().map(|candle| LiveBar { series, runs: false, candle }).collect();
            for some in bars.chunks(CHUNK) {
                writer.write(FINEST, some).await?;
            }
            played.push(Played { symbol: wanted[place].0.clone(), finest: FINEST, series, recent });
        }
        Ok(played)
    }

    fn bar(&self, place: usize, at: UnixMs) -> Option<Candle> {
        bars(self.simulation.coins.get(place)?, FINEST, FINEST.bucket(at), 1, at).pop()
    }

    fn bars_per_second(&self, series: usize) -> u32 {
        self.rate.unwrap_or_else(|| u32::try_from(series).unwrap_or(u32::MAX))
    }

    fn keep(&self, _store: Store) -> impl Future<Output = ()> + Send + 'static {
        // It is a function of the clock alone.
        std::future::pending()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2024-06-05T14:37:21Z, a Wednesday.
    const NOW: i64 = 1_717_598_241_000;

    #[test]
    fn each_level_goes_on_where_the_coarser_ends() {
        let simulation = Simulation::new(60);
        let coin = &simulation.coins[0];
        for depth in [depth(10), depth(500)] {
            for stored in [None, Some(NOW - 3 * 3_600_000), Some(NOW - 400 * DAY_MS), Some(NOW - 60_000)] {
                let History { days, hours, minutes, recent } = history(coin, &depth, stored, NOW);
                let first = minutes.first().unwrap().open_time;
                assert_eq!(Interval::H1.bucket(first), first);
                assert_eq!(minutes.last().unwrap().open_time, Interval::M1.bucket(NOW));
                if let Some(last) = hours.last() {
                    assert_eq!(last.open_time + Interval::H1.ms(), first);
                    // The day of the first minute is rolled up from all its hours.
                    assert!(hours[0].open_time <= Interval::D1.bucket(first));
                }
                if let Some(last) = days.last() {
                    assert_eq!(last.open_time + DAY_MS, Interval::D1.bucket(first));
                }
                if stored.is_none() {
                    assert!(days.len() >= 88);
                }
                assert!(recent.windows(2).all(|pair| pair[0].open_time < pair[1].open_time));
            }
        }
    }
}
