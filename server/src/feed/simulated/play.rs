//! The simulation as a feed: its bars are stored in series of their own, as those of any other feed.

use std::sync::Arc;

use model::{
    Candle, Interval, Source, UnixMs,
    span::{DAY_MS, HOUR_MS},
};

use super::{
    Simulation, bar, bars,
    coins::Coin,
    path::{Reader, seed_of},
};
use crate::{
    feed::{
        now_ms,
        play::{FinalState, Play, Played},
        running::RunningSeries,
    },
    store::{
        Store, StoreError,
        live::{LiveBar, LiveWriter},
    },
};

const FINEST: Interval = Interval::M1;
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
    /// The half-hours of the last 24 hours that have ended, from the one on that contains their start.
    half_hours: Vec<Candle>,
    /// The minutes after them that have ended.
    recent: Vec<Candle>,
    /// Open time of the minute that runs.
    running: UnixMs,
}

fn decimals_of(coin: &Coin) -> u8 {
    u8::try_from(coin.decimals).unwrap_or(u8::MAX)
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
    let running = FINEST.bucket(now);
    History {
        days: between(coin, day, days_from, day.bucket(minutes_from), now),
        hours: between(coin, hour, hours_from, minutes_from, now),
        minutes: between(coin, FINEST, minutes_from, running + FINEST.ms(), now),
        half_hours: between(coin, Interval::M30, Interval::M30.bucket(now - DAY_MS), half_hour, now),
        recent: between(coin, FINEST, half_hour, running, now),
        running,
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
        let decimals: Vec<_> =
            ids.iter().copied().zip(self.simulation.coins.iter().map(decimals_of)).collect();
        writer.set_price_decimals(&decimals).await?;
        let mut played = Vec::with_capacity(wanted.len());
        for (place, series) in ids.into_iter().enumerate() {
            let stored = directory.series.iter().find(|it| it.id == series).map(|it| it.last_open);
            let (simulation, depth) = (Arc::clone(&self.simulation), Arc::clone(&depth));
            // Thousands of bars take longer than a task may hold its thread.
            let drawn = tokio::task::spawn_blocking(move || {
                history(&simulation.coins[place], &depth, stored, now_ms())
            });
            let History { days, hours, minutes, half_hours, recent, running: ended_until } =
                drawn.await.map_err(StoreError::stopped)?;
            writer.write_level(FINEST, Interval::D1, series, &days).await?;
            writer.write_level(FINEST, Interval::H1, series, &hours).await?;
            let bars: Vec<_> = minutes
                .into_iter()
                .map(|candle| LiveBar { series, runs: false, incomplete: false, candle })
                .collect();
            for some in bars.chunks(CHUNK) {
                writer.write(FINEST, some).await?;
            }
            // Older prices are a function of the clock: they need not be kept.
            let (symbol, decimals) = (&wanted[place].0, decimals_of(&self.simulation.coins[place]));
            let mut running = RunningSeries::new(symbol.clone(), FINEST, decimals, HOUR_MS);
            half_hours.iter().for_each(|candle| running.take_half_hour(candle));
            for candle in recent {
                running.take(candle);
            }
            played.push(Played { finest: FINEST, series, ended_until, running });
        }
        Ok(played)
    }

    fn candle(&self, place: usize, at: UnixMs) -> Option<Candle> {
        bars(self.simulation.coins.get(place)?, FINEST, FINEST.bucket(at), 1, at).pop()
    }

    fn ended(&self, place: usize, open_time: UnixMs) -> FinalState {
        self.past(place, open_time, open_time + FINEST.ms()).map_or(FinalState::Nothing, FinalState::Candle)
    }

    fn past(&self, place: usize, from: UnixMs, to: UnixMs) -> Option<Candle> {
        let coin = self.simulation.coins.get(place)?;
        Some(bar(coin, &mut Reader::new(seed_of(&coin.symbol), coin.beta), from.max(0), to.max(0)))
    }

    fn candles_per_second(&self, series: usize) -> u32 {
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
                let History { days, hours, minutes, half_hours, recent, running } =
                    history(coin, &depth, stored, NOW);
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
                // 24 hours without a hole, up to the minute that runs.
                assert_eq!(half_hours[0].open_time, Interval::M30.bucket(NOW - DAY_MS));
                assert_eq!(half_hours.len(), 48);
                let last = half_hours[47].open_time + Interval::M30.ms();
                let opens: Vec<_> = recent.iter().map(|candle| candle.open_time).collect();
                let expected: Vec<_> = (last..running).step_by(60_000).collect();
                assert_eq!(opens, expected);
            }
        }
    }
}
