//! A hit in Redis by 64 readers, beside bare GETs of the same bytes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tidemark_cache::{Loaded, Policy, Tier, Tiers, Want};

use crate::bare::{Bare, ClusterClient};
use crate::error::{BenchError, Result};
use crate::middle::Pairs;
use crate::report::Row;
use crate::servers::{connected, written};
use crate::value::{Blob, Blobs, Down, noise};

const READERS: usize = 64;
/// Keys of each reader: none waits for another's answer.
const KEYS_EACH: usize = 16;
const BYTES: usize = 1_024;
/// What the cache adds to a value in Redis.
const HEADER: usize = 80;
const BUDGET: f64 = 0.8;

/// How a reader reads.
#[derive(Debug, Clone, Copy)]
enum How {
    Bare,
    /// By the library's own client of a cluster.
    Client,
    GetOrLoad,
    Get,
}

struct Bench {
    bare: Bare,
    client: Option<ClusterClient>,
    ours: Blobs,
}

fn name(reader: usize, key: usize) -> String {
    format!("reader{reader}-{key}")
}

fn bare_name(key: &str) -> String {
    format!("bench:l2:{{{key}}}")
}

impl Bench {
    async fn read(&self, how: How, key: &String, bare_key: &str) -> Result<bool> {
        Ok(match how {
            How::Bare => self.bare.get(bare_key).await?.len() == BYTES + HEADER,
            How::Client => match &self.client {
                Some(client) => client.get(bare_key).await?.len() == BYTES + HEADER,
                None => false,
            },
            How::GetOrLoad => {
                let load = || async { Err::<Loaded<Blob>, _>(Down) };
                let hit = self.ours.get_or_load(key, Want::any(), load).await;
                hit.is_ok_and(|hit| hit.tier == Tier::L2 && hit.value.0.len() == BYTES)
            }
            How::Get => self.ours.get(key).await.is_some_and(|hit| hit.value.0.len() == BYTES),
        })
    }

    /// Reads a second by all readers together, over `slice`.
    async fn rate(self: &Arc<Self>, how: How, slice: Duration) -> Result<f64> {
        let begun = Instant::now();
        let readers: Vec<_> = (0..READERS)
            .map(|reader| {
                let bench = Arc::clone(self);
                tokio::spawn(async move {
                    let keys: Vec<_> = (0..KEYS_EACH).map(|key| name(reader, key)).collect();
                    let bare_keys: Vec<_> = keys.iter().map(|key| bare_name(key)).collect();
                    let (mut reads, mut lost) = (0u64, 0u64);
                    while begun.elapsed() < slice {
                        let at = reads as usize % KEYS_EACH;
                        lost += u64::from(!bench.read(how, &keys[at], &bare_keys[at]).await?);
                        reads += 1;
                    }
                    Ok::<_, BenchError>((reads, lost))
                })
            })
            .collect();
        let (mut reads, mut lost) = (0, 0);
        for reader in readers {
            let (its_reads, its_lost) = reader.await.map_err(BenchError::at("a reader"))??;
            (reads, lost) = (reads + its_reads, lost + its_lost);
        }
        // A timeout on a machine held up for a second is no hit; many would be a broken measurement.
        if lost * 1_000 > reads {
            return Err(BenchError::new(format!("{lost} of {reads} reads were no hits in Redis")));
        }
        Ok(reads as f64 / begun.elapsed().as_secs_f64())
    }
}

/// Measures for about `slices` × 3 × `slice`. `place`: what is at `url`.
pub(super) async fn measure(place: &str, url: &str, slices: usize, slice: Duration) -> Result<Vec<Row>> {
    let cache = connected(url, |builder| builder).await?;
    let hour = Duration::from_secs(3_600);
    let policy = Policy::default().fresh_for(hour / 2).stale_for(hour).jitter(0.0).tiers(Tiers::L2);
    let ours: Blobs = cache.category("l2", policy).map_err(BenchError::at("a category"))?;
    let bare = Bare::connect(url).await?;
    for key in (0..READERS).flat_map(|reader| (0..KEYS_EACH).map(move |key| name(reader, key))) {
        ours.set(&key, Blob(noise(BYTES, 1)), 1);
        bare.set(&bare_name(&key), &noise(BYTES + HEADER, 1)).await?;
    }
    written(&cache, "l2", (READERS * KEYS_EACH) as u64).await?;
    let client = ClusterClient::connect(url).await?;
    let has_client = client.is_some();
    let bench = Arc::new(Bench { bare, client, ours });
    let [mut by_client, mut by_hand, mut gets] = [const { Pairs::new() }; 3];
    for round in 0..=slices {
        let bare = bench.rate(How::Bare, slice).await?;
        let load = bench.rate(How::GetOrLoad, slice).await?;
        let client = if has_client { bench.rate(How::Client, slice).await? } else { 0.0 };
        let get = bench.rate(How::Get, slice).await?;
        // The first round warms up.
        if round > 0 {
            by_client.push(load, client);
            by_hand.push(load, bare);
            gets.push(get, bare);
        }
    }
    let [by_client, by_hand, gets] = [by_client, by_hand, gets].map(Pairs::middle);
    let row = |what: String, beside: &'static str, middle: crate::middle::Middle| {
        Row::new(what, middle.ours, "reads/s").beside(beside, middle.bare).with_ratio(middle.ratio)
    };
    let judge = |row: Row, ratio: f64| row.judged(">= 0.8", ratio >= BUDGET);
    let name = format!("L2 hit, {READERS} readers, 1 kB, {place}");
    let mut rows = Vec::new();
    if has_client {
        rows.push(judge(row(name, "redis-rs GET/s", by_client), by_client.ratio));
        rows.push(row("the same, owners by hand".to_owned(), "bare GET/s", by_hand));
    } else {
        rows.push(judge(row(name, "redis-rs GET/s", by_hand), by_hand.ratio));
    }
    rows.push(row(format!("the same by `get`, {place}"), "bare GET/s", gets));
    Ok(rows)
}
