//! A hundred keys of the cluster in one call, beside one bare round trip.

use std::time::{Duration, Instant};

use tidemark_cache::{Loaded, Policy, Tiers, Want};

use crate::bare::Bare;
use crate::error::{BenchError, Result};
use crate::middle::median;
use crate::report::Row;
use crate::servers::{connected, written};
use crate::value::{Blob, Blobs, Down, noise};

const KEYS: usize = 100;
/// About what a quote takes.
const BYTES: usize = 200;
const BUDGET: f64 = 3.0;

fn bare_name(key: &str) -> String {
    format!("bench:many:{{{key}}}")
}

/// Measures `rounds` times, in a task: as in a server, where the waker of an answer is a thread that works already.
pub(super) async fn measure(url: &str, rounds: usize) -> Result<Vec<Row>> {
    let url = url.to_owned();
    let measuring = tokio::spawn(async move { measure_here(&url, rounds).await });
    measuring.await.map_err(BenchError::at("the measuring task"))?
}

async fn measure_here(url: &str, rounds: usize) -> Result<Vec<Row>> {
    let cache = connected(url, |builder| builder).await?;
    let hour = Duration::from_secs(3_600);
    let policy = Policy::default().fresh_for(hour / 2).stale_for(hour).jitter(0.0).tiers(Tiers::L2);
    let ours: Blobs = cache.category("many", policy).map_err(BenchError::at("a category"))?;
    let bare = Bare::connect(url).await?;
    let keys: Vec<String> = (0..KEYS).map(|i| format!("SYM{i}")).collect();
    let bare_keys: Vec<String> = keys.iter().map(|key| bare_name(key)).collect();
    for (key, bare_key) in keys.iter().zip(&bare_keys) {
        ours.set(key, Blob(noise(BYTES, 1)), 1);
        bare.set(bare_key, &noise(BYTES + 80, 1)).await?;
    }
    written(&cache, "many", KEYS as u64).await?;
    let [mut ping, mut get, mut pipelines, mut many] = [const { Vec::new() }; 4];
    for round in 0..rounds + 10 {
        let begun = Instant::now();
        bare.call(round % bare.size(), &redis::cmd("PING")).await?;
        let ping_took = begun.elapsed();
        let begun = Instant::now();
        bare.get(&bare_keys[round % KEYS]).await?;
        let get_took = begun.elapsed();
        let begun = Instant::now();
        let found = bare.get_many(&bare_keys).await?;
        let pipelines_took = begun.elapsed();
        let begun = Instant::now();
        let load = |_| async { Err::<Vec<(String, Loaded<Blob>)>, _>(Down) };
        let answers = ours.get_many_or_load(&keys, Want::any(), load).await;
        let many_took = begun.elapsed();
        if found != KEYS || answers.iter().any(std::result::Result::is_err) {
            return Err(BenchError::new("a key that is in Redis was not found there"));
        }
        // The first rounds warm up.
        if round >= 10 {
            let took = [ping_took, get_took, pipelines_took, many_took];
            for (times, took) in [&mut ping, &mut get, &mut pipelines, &mut many].into_iter().zip(took) {
                times.push(took.as_secs_f64() * 1e6);
            }
        }
    }
    let [ping, get, pipelines, many] = [ping, get, pipelines, many].map(|mut times| median(&mut times));
    Ok(vec![
        Row::new("get_many_or_load, 100 keys, cluster", many, "µs")
            .beside("µs bare GET", get)
            .judged("<= 3", many <= BUDGET * get)
            .note(format!("a bare PING takes {ping:.0} µs")),
        Row::new("the same beside bare pipelines", many, "µs").beside("µs bare pipelines", pipelines),
    ])
}
