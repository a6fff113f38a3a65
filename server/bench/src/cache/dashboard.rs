//! The dashboard's own reads: the price table, and charts of eight intervals of 200 symbols.

use std::sync::Arc;
use std::time::Duration;

use tidemark_cache::Policy;

use super::arrivals::{Tally, poisson, read};
use crate::error::{BenchError, Result};
use crate::report::Row;
use crate::servers::{connected, namespace};
use crate::value::{Blob, Blobs};
use crate::zipf::Zipf;

const SYMBOLS: usize = 200;
/// Each interval, and how many of a hundred charts are asked for in it.
const INTERVALS: [(&str, u32); 8] =
    [("1m", 6), ("5m", 8), ("15m", 15), ("30m", 6), ("1h", 28), ("4h", 10), ("1d", 22), ("1w", 5)];
/// Of ten reads so many are of the table: it is on every page, and polled.
const TABLE_IN_TEN: u32 = 6;
/// The server's policies, their lives divided by this: minutes of use go by in seconds.
const FASTER: u32 = 20;
const BUDGET: f64 = 99.0;

/// A table of 200 quotes, and a chart of 500 candles, half of which compresses away.
fn value() -> Blob {
    let mut bytes = crate::value::noise(11_500, 1);
    bytes.resize(23_000, 0);
    Blob(bytes)
}

/// One server: its categories, which hold its cache.
#[derive(Clone)]
struct Server {
    prices: Blobs,
    charts: Blobs,
}

impl Server {
    async fn start(url: &str, namespace: String) -> Result<Self> {
        let cache = connected(url, |builder| builder.namespace(namespace)).await?;
        let policy = |fresh: u32, stale: u32| {
            let seconds = |count: u32| Duration::from_secs(count.into()) / FASTER;
            Policy::default().fresh_for(seconds(fresh)).stale_for(seconds(stale))
        };
        let prices = cache.category("prices", policy(10, 600)).map_err(BenchError::at("a category"))?;
        let charts = cache.category("charts", policy(60, 3_600)).map_err(BenchError::at("a category"))?;
        Ok(Self { prices, charts })
    }

    /// Reads every key once.
    async fn warm(&self) -> Result<()> {
        let mut tally = Tally::default();
        read(&self.prices, &"all".to_owned(), value, &mut tally).await;
        for symbol in 0..SYMBOLS {
            for (interval, _) in INTERVALS {
                read(&self.charts, &chart(symbol, interval), value, &mut tally).await;
            }
        }
        if tally.failed > 0 {
            return Err(BenchError::new(format!("{} reads failed while warming up", tally.failed)));
        }
        Ok(())
    }

    async fn serve(&self, rate: f64, length: Duration) -> Result<Tally> {
        let (server, zipf) = (self.clone(), Arc::new(Zipf::new(SYMBOLS, 1.0)));
        let draw = move |random: &mut fastrand::Rng| {
            if random.u32(..10) < TABLE_IN_TEN {
                return (server.prices.clone(), "all".to_owned());
            }
            (server.charts.clone(), chart(zipf.draw(random), interval(random.u32(..100))))
        };
        poisson(rate, Duration::ZERO, length, value, draw).await
    }
}

fn chart(symbol: usize, interval: &str) -> String {
    format!("SYM{symbol}/recorded/1m/{interval}/-/-/500")
}

/// The interval that the `at`th of a hundred charts is asked for in.
fn interval(at: u32) -> &'static str {
    let mut sum = 0;
    let found = INTERVALS.into_iter().find(|(_, weight)| {
        sum += weight;
        at < sum
    });
    found.map_or("1h", |(name, _)| name)
}

/// Measures a warm server for `length`, then for as long one that has just started on the same Redis. The tally is of both.
pub(super) async fn measure(url: &str, rate: f64, length: Duration) -> Result<(Vec<Row>, Tally)> {
    let namespace = namespace();
    let server = Server::start(url, namespace.clone()).await?;
    server.warm().await?;
    let warm = server.serve(rate, length).await?;
    drop(server);
    let restarted = Server::start(url, namespace).await?.serve(rate, length).await?;
    let row = |what: &str, tally: &Tally| {
        let hits = tally.hit_ratio();
        Row::new(what, hits, "%").judged(">= 99", hits >= BUDGET && tally.failed == 0).note(format!(
            "{}; {} reads",
            tally.tiers(),
            tally.reads
        ))
    };
    let rows = vec![
        row("hit ratio, dashboard's keys, warm", &warm),
        row("hit ratio, dashboard's keys, restarted", &restarted),
    ];
    let mut both = warm;
    both.add(&restarted);
    Ok((rows, both))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_charts_are_shared_out() {
        assert_eq!(INTERVALS.iter().map(|(_, weight)| weight).sum::<u32>(), 100);
        let hours = (0..100).filter(|at| interval(*at) == "1h").count();
        assert_eq!((hours, interval(0), interval(99)), (28, "1m", "1w"));
    }
}
