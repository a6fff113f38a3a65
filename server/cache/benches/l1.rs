//! What the memory tier costs, and which library suits it: `cargo bench -p tidemark-cache --bench l1`.
//!
//! Prints tables; judges nothing. All figures of one run are of the same machine in the same minutes: compare within a
//! run. What was concluded is in `docs/decisions/0003-l1-library.md`.

use std::env;
use std::hint::black_box;
use std::pin::pin;
use std::process::Command;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tidemark_cache::{Cache, CodecError, Loaded, Policy, Tiers, Value, Want};

type Key = String;
type Bytes = Arc<Vec<u8>>;

/// What the libraries are asked to do.
trait Library: Send + Sync {
    fn get(&self, key: &Key) -> Option<Bytes>;
    fn insert(&self, key: Key, value: Bytes);
    /// Finishes what the library does behind.
    fn settle(&self) {}
}

/// What an entry is counted as by both.
fn weight(key: &Key, value: &Bytes) -> u32 {
    u32::try_from(key.len() + value.len() + 100).unwrap_or(u32::MAX)
}

#[derive(Clone)]
struct Weigh;

impl quick_cache::Weighter<Key, Bytes> for Weigh {
    fn weight(&self, key: &Key, value: &Bytes) -> u64 {
        u64::from(weight(key, value))
    }
}

struct Quick(quick_cache::sync::Cache<Key, Bytes, Weigh>);

impl Library for Quick {
    fn get(&self, key: &Key) -> Option<Bytes> {
        self.0.get(key)
    }
    fn insert(&self, key: Key, value: Bytes) {
        self.0.insert(key, value);
    }
}

struct Moka(moka::sync::Cache<Key, Bytes>);

impl Library for Moka {
    fn get(&self, key: &Key) -> Option<Bytes> {
        self.0.get(key)
    }
    fn insert(&self, key: Key, value: Bytes) {
        self.0.insert(key, value);
    }
    fn settle(&self) {
        self.0.run_pending_tasks();
    }
}

const LIBRARIES: [&str; 2] = ["quick_cache", "moka"];

fn library(name: &str, bytes: u64) -> Arc<dyn Library> {
    match name {
        "moka" => Arc::new(Moka(moka::sync::Cache::builder().weigher(weight).max_capacity(bytes).build())),
        _ => Arc::new(Quick(quick_cache::sync::Cache::with_weighter((bytes / 512) as usize, bytes, Weigh))),
    }
}

/// Numbers below `n`, `i` with a probability in proportion to 1/(i+1), shuffled so that hot ones are not neighbours.
fn zipf(n: usize, draws: usize, seed: u64) -> Vec<u32> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut names: Vec<u32> = (0..n as u32).collect();
    random.shuffle(&mut names);
    let mut sum = 0.0;
    let cumulative: Vec<f64> = (1..=n)
        .map(|rank| {
            sum += 1.0 / rank as f64;
            sum
        })
        .collect();
    (0..draws)
        .map(|_| {
            let at = random.f64() * sum;
            names[cumulative.partition_point(|c| *c < at).min(n - 1)]
        })
        .collect()
}

fn name(i: u32) -> Key {
    format!("SYM{i}:1h")
}

/// Runs `run` in slices shorter than a scheduler's, so that other work on the machine spoils some and not all.
/// Returns nanoseconds of one get in the slice that a tenth of the slices beat.
fn quick_slices(draws: &[u32], mut run: impl FnMut(&[u32])) -> f64 {
    let mut slices: Vec<f64> = draws
        .chunks_exact(SLICE)
        .map(|slice| {
            let start = Instant::now();
            run(slice);
            start.elapsed().as_nanos() as f64 / SLICE as f64
        })
        .collect();
    slices.sort_by(f64::total_cmp);
    slices[slices.len() / 10]
}

const SLICE: usize = 4_096;
const KEYS: usize = 10_000;
const GETS: usize = 1 << 21;

/// Nanoseconds of one get by each of `threads` threads, all hits.
fn get_hits(library: &Arc<dyn Library>, threads: usize) -> f64 {
    let names: Arc<Vec<Key>> = Arc::new((0..KEYS as u32).map(name).collect());
    for key in names.iter() {
        library.insert(key.clone(), Arc::new(vec![0; 64]));
    }
    library.settle();
    let draws: Vec<Arc<Vec<u32>>> = (0..threads).map(|t| Arc::new(zipf(KEYS, GETS, t as u64))).collect();
    std::thread::scope(|scope| {
        let running: Vec<_> = draws
            .iter()
            .map(|draws| {
                scope.spawn(|| {
                    quick_slices(draws, |slice| {
                        for i in slice {
                            assert!(black_box(library.get(&names[*i as usize])).is_some());
                        }
                    })
                })
            })
            .collect();
        running.into_iter().map(|thread| thread.join().expect("no panic")).fold(0.0, f64::max)
    })
}

struct Blob(Vec<u8>);

impl Value for Blob {
    const SCHEMA: u16 = 1;
    fn encode(&self) -> Result<Vec<u8>, CodecError> {
        Ok(self.0.clone())
    }
    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        Ok(Self(bytes.to_vec()))
    }
    fn weight(&self) -> usize {
        self.0.len()
    }
}

/// The ways to read a category.
#[derive(Debug, Clone, Copy)]
enum Way {
    GetOrLoad,
    Get,
    /// A hundred keys in one call.
    GetMany,
}

const WAYS: [(&str, Way); 3] =
    [("get_or_load", Way::GetOrLoad), ("get", Way::Get), ("get_many", Way::GetMany)];
/// Keys of one call for many.
const MANY: usize = 100;

type Blobs = tidemark_cache::Category<Key, Blob>;

/// Reads these keys, all of them in memory. A hit is ready at the first poll: no runtime takes part.
fn read(category: &Blobs, names: &[Key], slice: &[u32], way: Way) {
    let mut context = Context::from_waker(Waker::noop());
    match way {
        Way::GetOrLoad => {
            for i in slice {
                let load = || async { Err::<Loaded<Blob>, _>("a hit loads nothing") };
                let read = pin!(category.get_or_load(&names[*i as usize], Want::any(), load));
                assert!(matches!(black_box(read.poll(&mut context)), Poll::Ready(Ok(_))));
            }
        }
        Way::Get => {
            for i in slice {
                let read = pin!(category.get(&names[*i as usize]));
                assert!(matches!(black_box(read.poll(&mut context)), Poll::Ready(Some(_))));
            }
        }
        Way::GetMany => {
            for part in slice.chunks(MANY) {
                let keys: Vec<Key> = part.iter().map(|i| names[*i as usize].clone()).collect();
                let load = |_| async { Err::<Vec<(Key, Loaded<Blob>)>, _>("a hit loads nothing") };
                let read = pin!(category.get_many_or_load(&keys, Want::any(), load));
                let Poll::Ready(answers) = read.poll(&mut context) else { panic!("a hit is ready at once") };
                assert!(black_box(answers).iter().all(Result::is_ok));
            }
        }
    }
}

/// The same through a category, each thread polling by itself.
fn category_hits(threads: usize, way: Way) -> f64 {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let _inside = runtime.enter();
    let cache = Cache::builder().l1_bytes(256 << 20).build().expect("builds");
    let day = Duration::from_secs(86_400);
    let policy = Policy::default().fresh_for(day).stale_for(day).tiers(Tiers::L1);
    let category: Blobs = cache.category("bench", policy).expect("a category");
    let names: Vec<Key> = (0..KEYS as u32).map(name).collect();
    for key in &names {
        category.set(key, Blob(vec![0; 64]), 1);
    }
    let draws: Vec<Vec<u32>> = (0..threads).map(|t| zipf(KEYS, GETS, t as u64)).collect();
    std::thread::scope(|scope| {
        let running: Vec<_> = draws
            .iter()
            .map(|draws| scope.spawn(|| quick_slices(draws, |slice| read(&category, &names, slice, way))))
            .collect();
        running.into_iter().map(|thread| thread.join().expect("no panic")).fold(0.0, f64::max)
    })
}

/// Share of reads answered, misses being put in. `scan`: every fifth read is of a key never seen before.
fn hit_ratio(library: &Arc<dyn Library>, scan: bool) -> f64 {
    let draws = zipf(100_000, 2_000_000, 9);
    let (mut hits, mut reads, mut fresh) = (0u64, 0u64, 1_000_000u32);
    for (n, i) in draws.iter().enumerate() {
        let scanned = scan && n % 5 == 0;
        if scanned {
            fresh += 1;
        }
        let key = name(if scanned { fresh } else { *i });
        let found = library.get(&key).is_some();
        if !found {
            library.insert(key, Arc::new(vec![0; 200]));
        }
        // The first half warms up; what is scanned can never hit.
        if n >= draws.len() / 2 && !scanned {
            reads += 1;
            hits += u64::from(found);
        }
    }
    hits as f64 / reads as f64
}

/// Resident memory of this process in bytes, from `/proc`; 0 where there is none.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1_024
}

const LIMIT: u64 = 64 << 20;

/// Fills three times what fits and says what the process grew by. Run in a process of its own.
fn memory(what: &str) {
    let before = resident();
    let count = 3 * LIMIT / 300;
    let grown = if what == "category" {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let cache = Cache::builder().l1_bytes(LIMIT).build().expect("builds");
            let policy = Policy::default().tiers(Tiers::L1);
            let category = cache.category::<Key, Blob>("bench", policy).expect("a category");
            for i in 0..count {
                category.set(&name(i as u32), Blob(vec![1; 200]), 1);
            }
            let grown = resident().saturating_sub(before);
            let held = cache.stats().categories["bench"].l1_entries;
            println!("{:<14}{:>8.1} MiB resident for {held} entries", what, grown as f64 / 1_048_576.0);
            grown
        })
    } else {
        let library = library(what, LIMIT);
        for i in 0..count {
            library.insert(name(i as u32), Arc::new(vec![1; 200]));
        }
        library.settle();
        let grown = resident().saturating_sub(before);
        let held = (0..count as u32).filter(|i| library.get(&name(*i)).is_some()).count();
        println!("{:<14}{:>8.1} MiB resident for {held} entries", what, grown as f64 / 1_048_576.0);
        grown
    };
    black_box(grown);
}

fn main() {
    let arguments: Vec<String> = env::args().collect();
    if let Some(at) = arguments.iter().position(|a| a == "--memory") {
        memory(&arguments[at + 1]);
        return;
    }
    println!("get, all hits, {KEYS} keys, Zipf 1.0, ns each");
    println!("{:<14}{:>10}{:>10}", "", "1 thread", "2 threads");
    // In turns, and the least of each: what else the machine does hits all alike.
    let mut least = [[f64::INFINITY; 2]; LIBRARIES.len() + WAYS.len()];
    for _ in 0..3 {
        for threads in [1, 2] {
            let libraries = LIBRARIES.map(|which| get_hits(&library(which, 256 << 20), threads));
            let ways = WAYS.map(|(_, way)| category_hits(threads, way));
            for (row, ns) in libraries.into_iter().chain(ways).enumerate() {
                least[row][threads - 1] = ns.min(least[row][threads - 1]);
            }
        }
    }
    let ways = WAYS.map(|(which, _)| which);
    for (row, which) in LIBRARIES.into_iter().chain(ways).enumerate() {
        println!("{which:<14}{:>10.1}{:>10.1}", least[row][0], least[row][1]);
    }
    let ratio = |at: usize| least[LIBRARIES.len()][at] / least[0][at];
    println!("{:<14}{:>9.2}x{:>9.2}x of {}", "get_or_load", ratio(0), ratio(1), LIBRARIES[0]);

    println!("\nhit ratio, 100,000 keys, Zipf 1.0, room for about 10,000");
    println!("{:<14}{:>10}{:>10}", "", "plain", "with scan");
    for which in LIBRARIES {
        let ratio = [false, true].map(|scan| hit_ratio(&library(which, 10_000 * 310), scan));
        println!("{which:<14}{:>9.1}%{:>9.1}%", ratio[0] * 100.0, ratio[1] * 100.0);
    }

    println!("\nmemory under a limit of {} MiB, values of 200 bytes", LIMIT >> 20);
    for which in LIBRARIES.into_iter().chain(["category"]) {
        let status = env::current_exe().and_then(|exe| Command::new(exe).args(["--memory", which]).status());
        if !status.is_ok_and(|status| status.success()) {
            println!("{which}: could not be measured");
        }
    }
}
