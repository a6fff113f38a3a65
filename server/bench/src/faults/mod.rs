//! `bench faults`: the cache under load while its servers fail.

mod catalogue;
mod load;
mod probe;
mod site;
mod table;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use local_servers::key_slot;
use tidemark_cache::Cache;

use self::catalogue::{FAULTS, Fault, Lasting};
use self::load::Load;
use self::probe::Probe;
use self::site::Site;
use self::table::BACK_WITHIN_S;
pub use self::table::{Row, Table};
use crate::error::{BenchError, Result};
use crate::report::Verdict;
use crate::servers::{blocking, namespace, on};

/// The load runs for so long before the fault.
const SETTLE: Duration = Duration::from_secs(3);
/// And for so long after all is well.
const TAIL: Duration = Duration::from_secs(2);
/// Longest wait for Redis to be back.
const BACK: Duration = Duration::from_secs(60);
const CONNECT: Duration = Duration::from_secs(30);
/// The key that is written all the time.
const PROBE: &str = "probe";
/// Keys that are read, and how many of them are in the slot of the probe.
const KEYS: usize = 200;
const KEYS_IN_SLOT: usize = 8;

/// Which faults, and for how long.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Only the faults whose name has this in it, such as kill, node/ or cluster/failover
    #[arg(long, value_name = "NAME")]
    pub only: Option<String>,
    /// How long a fault lasts that nobody but us ends
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=120))]
    pub seconds: u64,
    /// JSON instead of a table
    #[arg(long)]
    pub json: bool,
}

/// Goes through the faults, each with servers of its own. Progress goes to standard error.
///
/// # Errors
/// No fault has that name, or servers cannot be started or steered.
pub async fn measure(args: &Args) -> Result<Table> {
    let only = args.only.as_deref().unwrap_or_default();
    let faults: Vec<Fault> = FAULTS.into_iter().filter(|fault| fault.name.contains(only)).collect();
    if faults.is_empty() {
        let names: Vec<&str> = FAULTS.iter().map(|fault| fault.name).collect();
        return Err(BenchError::new(format!("no fault is called {only}; there are {}", names.join(", "))));
    }
    let mut table = Table::default();
    for fault in faults {
        eprintln!("{}", fault.name);
        table.rows.push(bear(fault, Duration::from_secs(args.seconds)).await?);
    }
    Ok(table)
}

/// Names of keys, some of them in the slot of the probe.
fn keys() -> Vec<String> {
    let slot = key_slot(PROBE.as_bytes());
    let near = (0u32..).map(|i| format!("near{i}")).filter(|key| key_slot(key.as_bytes()) == slot);
    near.take(KEYS_IN_SLOT).chain((KEYS_IN_SLOT..KEYS).map(|i| format!("SYM{i}"))).collect()
}

async fn bear(fault: Fault, given: Duration) -> Result<Row> {
    let site = Arc::new(
        blocking(move || Site::start(fault.place, PROBE).map_err(BenchError::at("starting servers"))).await?,
    );
    // As it is shipped: what is measured is what its limits are worth.
    let cache = Cache::builder().redis(Some(site.url())).namespace(namespace()).build();
    let cache = cache.map_err(BenchError::at("building a cache"))?;
    if !cache.wait_for_l2(CONNECT).await {
        return Err(BenchError::new("the servers cannot be reached"));
    }
    let probe = Probe::start(&cache, PROBE.to_owned())?;
    let load = Load::start(&cache, keys())?;
    tokio::time::sleep(SETTLE).await;
    if probe.written_since(Instant::now(), BACK).await.is_none() {
        return Err(BenchError::new("nothing can be written even before the fault"));
    }

    let (begun, loads) = (Instant::now(), load.loads.load(Ordering::Relaxed));
    on(&site, move |site| site.begin(fault.kind)).await?;
    if fault.lasting == Lasting::UntilReplaced {
        if !on(&site, |site| Ok(site.wait_until_replaced())).await? {
            eprintln!("  no replica took over");
        }
        // A write of this process, too, has to find the new master before the old one is back.
        let _ = probe.written_since(Instant::now(), BACK).await;
    } else {
        tokio::time::sleep(given).await;
    }
    on(&site, move |site| site.end(fault.kind)).await?;
    let ended = Instant::now();
    let written = probe.written_since(ended, BACK).await;
    let loads = load.loads.load(Ordering::Relaxed) - loads;
    let loads_per_s = loads as f64 / begun.elapsed().as_secs_f64();
    tokio::time::sleep(TAIL).await;
    let met = load.finish(begun).await?;

    let from_end = fault.lasting == Lasting::Given;
    let reference = if from_end { ended } else { begun };
    let since = |at: Option<Instant>| at.map(|at| at.duration_since(reference).as_secs_f64());
    let writes_again_s =
        if from_end { since(written) } else { written.map(|_| probe.longest_gap(begun).as_secs_f64()) };
    let is_back = writes_again_s.is_some_and(|time| time < BACK_WITHIN_S);
    Ok(Row {
        fault: fault.name,
        reads: met.reads,
        failed: met.failed,
        p99_memory_ms: met.p99_memory,
        p99_redis_ms: met.p99_redis,
        worst_ms: met.worst,
        answers_again_s: since(probe.answered_since(reference)),
        writes_again_s,
        from_end,
        loads_per_s,
        stale: met.stale,
        oldest_memory_ms: met.oldest_memory,
        oldest_redis_ms: met.oldest_redis,
        went_back: met.older,
        verdict: Verdict::of(met.failed == 0 && met.older == 0 && is_back),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_keys_are_distinct() {
        let names: std::collections::BTreeSet<_> = FAULTS.iter().map(|fault| fault.name).collect();
        assert_eq!(names.len(), FAULTS.len());
        let keys: std::collections::BTreeSet<_> = keys().into_iter().collect();
        assert_eq!(keys.len(), KEYS);
        let slot = key_slot(PROBE.as_bytes());
        assert!(keys.iter().filter(|key| key_slot(key.as_bytes()) == slot).count() >= KEYS_IN_SLOT);
    }
}
