//! A constant load of readers, and what they met with.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tidemark_cache::{Cache, Hit, LoadError, Loaded, Policy, Tiers, Want};
use tokio::time::timeout;

use crate::error::{BenchError, Result};
use crate::value::{Blob, Blobs, Down};

/// Readers of each of the two categories.
pub(super) const READERS: usize = 100;
/// Between two reads of a reader, on average.
const THINK: Duration = Duration::from_millis(20);
/// What a load takes.
const LOAD: Duration = Duration::from_millis(3);
/// A read that takes longer has failed. The policy's own bounds are shorter.
const HANGS: Duration = Duration::from_secs(30);
const BYTES: usize = 500;

/// One read.
#[derive(Debug, Clone, Copy)]
struct Sample {
    begun: Instant,
    took: Duration,
    age: Duration,
    failed: bool,
    stale: bool,
    /// An older version than the same reader had of the same key before, although memory holds it.
    older: bool,
}

/// What all readers met with in a stretch of time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Met {
    pub reads: u64,
    pub failed: u64,
    pub stale: u64,
    pub older: u64,
    /// Of reads that memory may answer, ms.
    pub p99_memory: f64,
    /// Of reads that only Redis or the source can answer, ms.
    pub p99_redis: f64,
    pub worst: f64,
    /// Age of the oldest answer, ms, where there is memory.
    pub oldest_memory: f64,
    /// The same where there is none.
    pub oldest_redis: f64,
}

/// Readers under way; they end with it.
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    pub loads: Arc<AtomicU64>,
    readers: Vec<tokio::task::JoinHandle<Vec<Sample>>>,
}

impl Drop for Load {
    fn drop(&mut self) {
        self.readers.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

/// Microseconds since 1970: a version that grows.
pub(super) fn version() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

impl Load {
    /// Starts a hundred readers of a category with memory, and as many of one without. Soft lives are so short that Redis
    /// and the source are asked all the time.
    pub fn start(cache: &Cache, keys: Vec<String>) -> Result<Self> {
        let policy =
            || Policy::default().fresh_for(Duration::from_millis(200)).stale_for(Duration::from_secs(60));
        let category =
            |name, tiers| cache.category(name, policy().tiers(tiers)).map_err(BenchError::at("a category"));
        let categories: [Blobs; 2] = [category("memory", Tiers::Both)?, category("redis", Tiers::L2)?];
        let (stop, loads) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let keys: Arc<[String]> = keys.into();
        let readers = (0..2 * READERS)
            .map(|reader| {
                let blobs = categories[reader / READERS].clone();
                let (stop, loads, keys) = (Arc::clone(&stop), Arc::clone(&loads), Arc::clone(&keys));
                tokio::spawn(read(blobs, keys, stop, loads))
            })
            .collect();
        Ok(Self { stop, loads, readers })
    }

    /// Ends it; what the readers met with from `from` on.
    pub async fn finish(mut self, from: Instant) -> Result<Met> {
        self.stop.store(true, Ordering::Relaxed);
        let mut met = Met::default();
        let mut took = [Vec::new(), Vec::new()];
        for (reader, task) in std::mem::take(&mut self.readers).into_iter().enumerate() {
            let samples = task.await.map_err(BenchError::at("a reader"))?;
            for sample in samples.into_iter().filter(|sample| sample.begun >= from) {
                met.reads += 1;
                met.failed += u64::from(sample.failed);
                met.stale += u64::from(sample.stale);
                met.older += u64::from(sample.older && reader < READERS);
                let oldest = if reader < READERS { &mut met.oldest_memory } else { &mut met.oldest_redis };
                *oldest = oldest.max(sample.age.as_secs_f64() * 1e3);
                took[reader / READERS].push(sample.took.as_secs_f64() * 1e3);
            }
        }
        met.worst = took.iter().flatten().copied().fold(0.0, f64::max);
        [met.p99_memory, met.p99_redis] = took.map(|mut took| crate::middle::quantile(&mut took, 0.99));
        Ok(met)
    }
}

async fn read(
    blobs: Blobs,
    keys: Arc<[String]>,
    stop: Arc<AtomicBool>,
    loads: Arc<AtomicU64>,
) -> Vec<Sample> {
    let mut random = fastrand::Rng::new();
    let mut newest = vec![0u64; keys.len()];
    let mut samples = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let at = random.usize(..keys.len());
        let loads = Arc::clone(&loads);
        let load = move || async move {
            loads.fetch_add(1, Ordering::Relaxed);
            let version = version();
            tokio::time::sleep(LOAD).await;
            Ok::<_, Down>(Loaded::new(Blob(vec![1; BYTES]), version))
        };
        let begun = Instant::now();
        let answer: std::result::Result<std::result::Result<Hit<Blob>, LoadError<Down>>, _> =
            timeout(HANGS, blobs.get_or_load(&keys[at], Want::any(), load)).await;
        let took = begun.elapsed();
        let mut sample =
            Sample { begun, took, age: Duration::ZERO, failed: true, stale: false, older: false };
        if let Ok(Ok(hit)) = answer {
            sample.failed = false;
            sample.age = hit.age();
            sample.stale = hit.stale.is_some();
            sample.older = hit.version < newest[at];
            newest[at] = newest[at].max(hit.version);
        }
        samples.push(sample);
        tokio::time::sleep(THINK.mul_f64(0.5 + random.f64())).await;
    }
    samples
}
