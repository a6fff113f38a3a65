//! A hundred keys of the cluster in one call, beside one bare round trip.

use std::time::{Duration, Instant};

use local_servers::{Fault, RedisCluster};
use tidemark_cache::{Loaded, Policy, Tiers, Want};

use crate::bare::{Bare, ClusterClient};
use crate::error::{BenchError, Result};
use crate::middle::median;
use crate::report::Row;
use crate::servers::{blocking, connected, written};
use crate::value::{Blob, Blobs, Down, noise};

const KEYS: usize = 100;
/// About what a quote takes.
const BYTES: usize = 200;
const BUDGET: f64 = 3.0;
/// How long each byte is under way to a cluster in the next data centre of the same region, each way.
const AWAY: Duration = Duration::from_micros(250);

fn bare_name(key: &str) -> String {
    format!("bench:many:{{{key}}}")
}

/// What one call of each kind takes, in µs.
struct Middles {
    ping: f64,
    get: f64,
    client: Option<f64>,
    pipelines: f64,
    many: f64,
}

/// Measures `rounds` times on the cluster at `url`.
pub(super) async fn measure(url: &str, rounds: usize) -> Result<Vec<Row>> {
    let Middles { ping, get, client, pipelines, many } = middles(url, rounds).await?;
    let mut rows = vec![
        Row::new("get_many_or_load, 100 keys, cluster", many, "µs")
            .beside("µs bare GET", get)
            .judged("<= 3", many <= BUDGET * get)
            .note(format!("a bare PING takes {ping:.0} µs")),
        Row::new("the same beside bare pipelines", many, "µs").beside("µs bare pipelines", pipelines),
    ];
    if let Some(client) = client {
        rows.push(Row::new("the same beside redis-rs", many, "µs").beside("µs MGET by redis-rs", client));
    }
    Ok(rows)
}

/// The same on a cluster of our own that every byte needs [`AWAY`] to and from: round trips are what counts there.
pub(super) async fn measure_far(rounds: usize) -> Result<Vec<Row>> {
    let start = || {
        let cluster = RedisCluster::ephemeral_behind_proxies()?;
        for node in (0..cluster.size()).map(|index| cluster.node(index)) {
            node.client_proxy().map_or(Ok(()), |proxy| proxy.set(Fault::Delay(AWAY)))?;
        }
        Ok::<_, local_servers::Error>(cluster)
    };
    let cluster =
        blocking(move || start().map_err(BenchError::at("starting a Redis cluster far away"))).await?;
    let Middles { get, many, .. } = middles(&cluster.cluster_url(), rounds).await?;
    // Ending six servers takes a moment.
    blocking(move || {
        drop(cluster);
        Ok(())
    })
    .await?;
    Ok(vec![
        Row::new("the same, 0.25 ms away each way", many, "µs")
            .beside("µs bare GET", get)
            .judged("<= 3", many <= BUDGET * get),
    ])
}

/// Measures in a task: as in a server, where the waker of an answer is a thread that works already.
async fn middles(url: &str, rounds: usize) -> Result<Middles> {
    let url = url.to_owned();
    let measuring = tokio::spawn(async move { middles_here(&url, rounds).await });
    measuring.await.map_err(BenchError::at("the measuring task"))?
}

async fn middles_here(url: &str, rounds: usize) -> Result<Middles> {
    let cache = connected(url, |builder| builder).await?;
    let hour = Duration::from_secs(3_600);
    let policy = Policy::default().fresh_for(hour / 2).stale_for(hour).jitter(0.0).tiers(Tiers::L2);
    let ours: Blobs = cache.category("many", policy).map_err(BenchError::at("a category"))?;
    let bare = Bare::connect(url).await?;
    let client = ClusterClient::connect(url).await?;
    let keys: Vec<String> = (0..KEYS).map(|i| format!("SYM{i}")).collect();
    let bare_keys: Vec<String> = keys.iter().map(|key| bare_name(key)).collect();
    for (key, bare_key) in keys.iter().zip(&bare_keys) {
        ours.set(key, Blob(noise(BYTES, 1)), 1);
        bare.set(bare_key, &noise(BYTES + 80, 1)).await?;
    }
    written(&cache, "many", KEYS as u64).await?;
    let [mut ping, mut get, mut by_client, mut pipelines, mut many] = [const { Vec::new() }; 5];
    for round in 0..rounds + 10 {
        // The first rounds warm up.
        let is_counted = round >= 10;
        let note = |times: &mut Vec<f64>, begun: Instant| {
            if is_counted {
                times.push(begun.elapsed().as_secs_f64() * 1e6);
            }
        };
        let begun = Instant::now();
        bare.call(round % bare.size(), &redis::cmd("PING")).await?;
        note(&mut ping, begun);
        let begun = Instant::now();
        bare.get(&bare_keys[round % KEYS]).await?;
        note(&mut get, begun);
        let begun = Instant::now();
        let by_pipelines = bare.get_many(&bare_keys).await?;
        note(&mut pipelines, begun);
        let mut found_by_client = KEYS;
        if let Some(client) = &client {
            let begun = Instant::now();
            found_by_client = client.get_many(&bare_keys).await?;
            note(&mut by_client, begun);
        }
        let begun = Instant::now();
        let load = |_| async { Err::<Vec<(String, Loaded<Blob>)>, _>(Down) };
        let answers = ours.get_many_or_load(&keys, Want::any(), load).await;
        note(&mut many, begun);
        let is_found = answers.iter().all(std::result::Result::is_ok);
        if (by_pipelines, found_by_client, is_found) != (KEYS, KEYS, true) {
            return Err(BenchError::new("a key that is in Redis was not found there"));
        }
    }
    Ok(Middles {
        ping: median(&mut ping),
        get: median(&mut get),
        client: client.is_some().then(|| median(&mut by_client)),
        pipelines: median(&mut pipelines),
        many: median(&mut many),
    })
}
