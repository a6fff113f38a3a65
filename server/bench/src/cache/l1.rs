//! A hit in memory, beside a bare get of the library that holds the memory.

use std::hint::black_box;
use std::pin::pin;
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tidemark_cache::{Cache, Loaded, Policy, Tiers, Want};

use crate::error::{BenchError, Result};
use crate::middle::Pairs;
use crate::report::Row;
use crate::value::{Blob, Blobs, Down};
use crate::zipf::Zipf;

const KEYS: usize = 10_000;
/// Gets between two looks at the clock: longer than the threads take to begin together.
const SLICE: usize = 16_384;
const BUDGET: f64 = 1.5;

type Bare = quick_cache::sync::Cache<String, Arc<Vec<u8>>>;

/// Both, filled with the same keys and bytes.
struct Both {
    bare: Bare,
    ours: Blobs,
    names: Vec<String>,
}

impl Both {
    fn fill() -> Result<Self> {
        let day = Duration::from_secs(86_400);
        let cache =
            Cache::builder().l1_bytes(256 << 20).build().map_err(BenchError::at("building a cache"))?;
        let policy = Policy::default().fresh_for(day).stale_for(day).tiers(Tiers::L1);
        let ours: Blobs = cache.category("l1", policy).map_err(BenchError::at("a category"))?;
        let bare = Bare::new(KEYS * 4);
        let names: Vec<String> = (0..KEYS).map(|i| format!("SYM{i}:1h")).collect();
        for name in &names {
            ours.set(name, Blob(vec![0; 64]), 1);
            bare.insert(name.clone(), Arc::new(vec![0; 64]));
        }
        Ok(Self { bare, ours, names })
    }

    fn get_bare(&self, draws: &[usize]) -> usize {
        draws.iter().filter(|i| black_box(self.bare.get(&self.names[**i])).is_some()).count()
    }

    /// A hit is ready at the first poll: no runtime takes part.
    fn get_ours(&self, draws: &[usize]) -> usize {
        let mut context = Context::from_waker(Waker::noop());
        let mut hits = 0;
        for i in draws {
            let load = || async { Err::<Loaded<Blob>, _>(Down) };
            let read = pin!(self.ours.get_or_load(&self.names[*i], Want::any(), load));
            hits += usize::from(matches!(black_box(read.poll(&mut context)), Poll::Ready(Ok(_))));
        }
        hits
    }
}

/// Nanoseconds each, of `slices` slices by each of `threads` threads. All threads do the same at the same time.
fn pairs(both: &Both, threads: usize, slices: usize) -> Result<Pairs> {
    let zipf = Zipf::new(KEYS, 1.0);
    let together = Barrier::new(threads);
    let each = |seed: u64| {
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut pairs, mut lost) = (Pairs::default(), 0);
        for _ in 0..slices {
            let draws: Vec<usize> = (0..SLICE).map(|_| zipf.draw(&mut random)).collect();
            let mut time = |run: &dyn Fn(&[usize]) -> usize| {
                together.wait();
                let begun = Instant::now();
                lost += SLICE - run(&draws);
                begun.elapsed().as_nanos() as f64 / SLICE as f64
            };
            let bare = time(&|draws| both.get_bare(draws));
            pairs.push(time(&|draws| both.get_ours(draws)), bare);
        }
        (pairs, lost)
    };
    std::thread::scope(|scope| {
        let each = &each;
        let running: Vec<_> = (0..threads).map(|t| scope.spawn(move || each(t as u64 + 1))).collect();
        let mut all = Pairs::default();
        for thread in running {
            let (pairs, lost) = thread.join().map_err(|_| BenchError::new("a measuring thread panicked"))?;
            if lost > 0 {
                return Err(BenchError::new(format!("{lost} gets of keys in memory were no hits")));
            }
            all.append(pairs);
        }
        Ok(all)
    })
}

/// Measures; blocks for about `slices` × 10 ms.
pub(super) fn measure(slices: usize) -> Result<Vec<Row>> {
    let both = Both::fill()?;
    [1, 2]
        .into_iter()
        .map(|threads| {
            let middle = pairs(&both, threads, slices)?.middle();
            let plural = if threads == 1 { "" } else { "s" };
            Ok(Row::new(format!("L1 hit, {threads} thread{plural}"), middle.ours, "ns")
                .beside("ns bare get", middle.bare)
                .with_ratio(middle.ratio)
                .judged("<= 1.5", middle.ratio <= BUDGET))
        })
        .collect()
}
