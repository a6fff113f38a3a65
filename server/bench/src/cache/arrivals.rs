//! Readers whose reads arrive as independent people's do, and who note where the answers come from.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tidemark_cache::{Loaded, Tier, Want};

use crate::error::{BenchError, Result};
use crate::value::{Blob, Blobs, Down};

/// Tasks that share the reads of one stream; together they are as one.
const TASKS: u32 = 32;
/// What a load takes. Meanwhile readers wait for it, or have the stale value: it lengthens an entry's cycle.
pub(super) const LOAD: Duration = Duration::from_millis(5);
/// The clock of the cache may lag by so much, and a task be held up between the answer and our look.
const LAG: Duration = Duration::from_millis(100);

/// Where answers came from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub reads: u64,
    pub l1: u64,
    pub l2: u64,
    /// Waited for a load that another read had begun.
    pub joined: u64,
    pub failed: u64,
    /// Older than the hard life.
    pub outlived: u64,
}

impl Tally {
    /// Reads that began no load and failed not, %.
    pub fn hit_ratio(&self) -> f64 {
        self.percent(self.l1 + self.l2 + self.joined)
    }

    /// So many of the reads, %.
    pub fn percent(&self, count: u64) -> f64 {
        100.0 * count as f64 / self.reads.max(1) as f64
    }

    /// The tiers, in words.
    pub fn tiers(&self) -> String {
        let [l1, l2, joined] = [self.l1, self.l2, self.joined].map(|count| self.percent(count));
        format!("L1 {l1:.2} %, L2 {l2:.2} %, waited for another's load {joined:.2} %")
    }

    pub fn add(&mut self, other: &Self) {
        self.reads += other.reads;
        self.l1 += other.l1;
        self.l2 += other.l2;
        self.joined += other.joined;
        self.failed += other.failed;
        self.outlived += other.outlived;
    }
}

/// One read, counted.
pub(super) async fn read(blobs: &Blobs, key: &String, value: fn() -> Blob, tally: &mut Tally) {
    let ours = Arc::new(AtomicBool::new(false));
    let noted = Arc::clone(&ours);
    let load = move || async move {
        noted.store(true, Ordering::Relaxed);
        tokio::time::sleep(LOAD).await;
        Ok::<_, Down>(Loaded::new(value(), 1))
    };
    tally.reads += 1;
    match blobs.get_or_load(key, Want::any(), load).await {
        Ok(hit) => {
            tally.outlived += u64::from(hit.age() > blobs.policy().stale_for + LAG);
            match hit.tier {
                Tier::L1 => tally.l1 += 1,
                Tier::L2 => tally.l2 += 1,
                Tier::Source => tally.joined += u64::from(!ours.load(Ordering::Relaxed)),
            }
        }
        Err(_) => tally.failed += 1,
    }
}

/// Reads `rate` keys a second that `draw` picks, at random times, for `warm_up` and then for `length`; what happens in the
/// latter is counted.
pub(super) async fn poisson<D>(
    rate: f64,
    warm_up: Duration,
    length: Duration,
    value: fn() -> Blob,
    draw: D,
) -> Result<Tally>
where
    D: Fn(&mut fastrand::Rng) -> (Blobs, String) + Clone + Send + 'static,
{
    let begun = Instant::now();
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let draw = draw.clone();
            tokio::spawn(async move {
                let mut random = fastrand::Rng::with_seed(u64::from(task) + 1);
                let (mut warm, mut counted) = (Tally::default(), Tally::default());
                let mut due = begun;
                loop {
                    // Between independent arrivals lies an exponential time.
                    let gap = -(1.0 - random.f64()).ln() * f64::from(TASKS) / rate;
                    due += Duration::from_secs_f64(gap);
                    if due > begun + warm_up + length {
                        return counted;
                    }
                    tokio::time::sleep_until(due.into()).await;
                    let (blobs, key) = draw(&mut random);
                    let tally = if due < begun + warm_up { &mut warm } else { &mut counted };
                    read(&blobs, &key, value, tally).await;
                }
            })
        })
        .collect();
    let mut all = Tally::default();
    for task in tasks {
        all.add(&task.await.map_err(BenchError::at("a reader"))?);
    }
    Ok(all)
}
