//! A source, some caches over one Redis, each behind a proxy of its own, and what may happen to them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use local_servers::{Fault, FaultProxy, RedisServer};
use redis::aio::MultiplexedConnection;
use tidemark_cache::{Cache, LoadError, Loaded, Scope, StaleReason, Want};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::common::*;

pub const CACHES: usize = 3;
pub const KEYS: usize = 3;

/// What happens. `cache` and `key` by number.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    /// The source gets a newer value, and the cache is told.
    Set {
        cache: usize,
        key: usize,
    },
    /// A write that was overtaken by another.
    SetOld {
        cache: usize,
        key: usize,
    },
    Get {
        cache: usize,
        key: usize,
    },
    Load {
        cache: usize,
        key: usize,
    },
    /// A load that has read the source and does not come to an end before `Release`.
    SlowLoad {
        cache: usize,
        key: usize,
    },
    Release,
    /// The source loses the value, and the cache is told.
    Remove {
        cache: usize,
        key: usize,
    },
    Expire {
        cache: usize,
        key: usize,
    },
    Clear {
        cache: usize,
        key: usize,
    },
    Undo {
        cache: usize,
    },
    /// All subscriptions end; commands go on.
    CutBus,
    Cut {
        cache: usize,
    },
    BlackHole {
        cache: usize,
    },
    Slow {
        cache: usize,
    },
    Heal {
        cache: usize,
    },
    FlushAll,
    Pause,
}

/// The steps of a seed. A shorter list is the beginning of a longer one.
pub fn steps(seed: u64, count: usize) -> Vec<Step> {
    let mut random = fastrand::Rng::with_seed(seed);
    let step = || {
        let (cache, key) = (random.usize(..CACHES), random.usize(..KEYS));
        match random.u8(..100) {
            0..20 => Step::Set { cache, key },
            20..24 => Step::SetOld { cache, key },
            24..38 => Step::Get { cache, key },
            38..56 => Step::Load { cache, key },
            56..64 => Step::SlowLoad { cache, key },
            64..68 => Step::Release,
            68..71 => Step::Remove { cache, key },
            71..73 => Step::Expire { cache, key },
            73..76 => Step::Clear { cache, key },
            76..79 => Step::Undo { cache },
            79..82 => Step::CutBus,
            82..84 => Step::Cut { cache },
            84..86 => Step::BlackHole { cache },
            86..88 => Step::Slow { cache },
            88..94 => Step::Heal { cache },
            94..96 => Step::FlushAll,
            _ => Step::Pause,
        }
    };
    std::iter::repeat_with(step).take(count).collect()
}

/// What the source has of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Truth {
    version: u64,
    absent: bool,
}

impl Truth {
    fn loaded(self) -> Loaded<Text> {
        if self.absent { Loaded::absent(self.version) } else { Loaded::new(Text("v".into()), self.version) }
    }
}

type Truths = Arc<Mutex<[Truth; KEYS]>>;

struct Process {
    cache: Cache,
    texts: Texts,
    proxy: Arc<FaultProxy>,
}

/// All of it, and what was seen.
pub struct World {
    redis: Arc<RedisServer>,
    plain: MultiplexedConnection,
    processes: Vec<Process>,
    truth: Truths,
    gate: Arc<Semaphore>,
    slow: JoinSet<()>,
    cleared: Option<u64>,
    /// Keys that were cleared once: an older value may take the place of a dead newer one.
    was_cleared: [bool; KEYS],
    /// The version last seen, by cache and key.
    in_memory: HashMap<(usize, usize), u64>,
    answered: HashMap<(usize, usize), u64>,
    in_redis: HashMap<usize, u64>,
}

fn name(key: usize) -> String {
    format!("k{key}")
}

impl World {
    pub async fn new() -> Self {
        let redis = redis().await;
        let mut processes = Vec::new();
        for _ in 0..CACHES {
            let (proxy, url) = proxy_before(&redis).await;
            let cache = connected(builder_at(url)).await;
            // Nothing ends by itself but by what is done to it.
            let policy = steady().lease_for(Duration::from_millis(300)).hard_timeout(Duration::from_secs(60));
            let texts = texts(&cache, policy.soft_timeout(Duration::from_millis(100)));
            processes.push(Process { cache, texts, proxy });
        }
        Self {
            plain: plain(&redis).await,
            redis,
            processes,
            truth: Arc::new(Mutex::new([Truth { version: 0, absent: true }; KEYS])),
            gate: Arc::new(Semaphore::new(0)),
            slow: JoinSet::new(),
            cleared: None,
            was_cleared: [false; KEYS],
            in_memory: HashMap::new(),
            answered: HashMap::new(),
            in_redis: HashMap::new(),
        }
    }

    fn newer(&self, key: usize, absent: bool) -> u64 {
        let mut truth = self.truth.lock().expect("not poisoned");
        truth[key] = Truth { version: truth[key].version + 1, absent };
        truth[key].version
    }

    fn truth(&self, key: usize) -> Truth {
        self.truth.lock().expect("not poisoned")[key]
    }

    /// Does a step and checks what then is.
    pub async fn step(&mut self, step: Step) -> Result<(), String> {
        match step {
            Step::Set { cache, key } => {
                let version = self.newer(key, false);
                self.processes[cache].texts.set(&name(key), Text("v".into()), version);
            }
            Step::SetOld { cache, key } => {
                let version = self.truth(key).version;
                if version > 1 && !self.was_cleared[key] {
                    self.processes[cache].texts.set(&name(key), Text("v".into()), version - 1);
                }
            }
            Step::Get { cache, key } => {
                if let Some(hit) = self.processes[cache].texts.get(&name(key)).await {
                    self.seen(cache, key, hit.version)?;
                }
            }
            Step::Load { cache, key } => {
                // A load that does not come to an end is waited for; this reader goes away.
                let load = self.load(cache, key);
                if let Ok(answer) = tokio::time::timeout(Duration::from_secs(1), load).await
                    && let Some((version, _)) = answer?
                {
                    self.seen(cache, key, version)?;
                }
            }
            Step::SlowLoad { cache, key } => self.load_slowly(cache, key),
            Step::Release => self.gate.add_permits(self.slow.len()),
            Step::Remove { cache, key } => {
                let version = self.newer(key, true);
                self.processes[cache].texts.remove(&name(key), version);
            }
            // In vain while Redis is away.
            Step::Expire { cache, key } => drop(self.processes[cache].texts.expire(&name(key)).await),
            Step::Clear { cache, key } => self.clear(cache, key).await,
            Step::Undo { cache } => {
                if let Some(seq) = self.cleared.take() {
                    drop(self.processes[cache].cache.undo(seq).await);
                }
            }
            Step::CutBus => {
                let mut kill = redis::cmd("CLIENT");
                let _: u64 =
                    kill.arg(&["KILL", "TYPE", "pubsub"]).query_async(&mut self.plain).await.expect("done");
            }
            Step::Cut { cache } => on(&self.processes[cache].proxy, FaultProxy::cut).await,
            Step::BlackHole { cache } => on(&self.processes[cache].proxy, FaultProxy::black_hole).await,
            Step::Slow { cache } => {
                on(&self.processes[cache].proxy, |p| p.delay(Duration::from_millis(60))).await;
            }
            Step::Heal { cache } => on(&self.processes[cache].proxy, FaultProxy::pass).await,
            Step::FlushAll => {
                let () = redis::cmd("FLUSHALL").query_async(&mut self.plain).await.expect("flushed");
                self.in_redis.clear();
            }
            // Not to wait for anything: to let what goes on behind come to different points.
            Step::Pause => tokio::time::sleep(Duration::from_millis(fastrand::u64(..200))).await,
        }
        self.check().await
    }

    /// Reads; the version and whether it was marked, none if absent. An error is one, as the source works.
    async fn load(&self, cache: usize, key: usize) -> Result<Option<(u64, Option<StaleReason>)>, String> {
        let truth = Arc::clone(&self.truth);
        let load = move || async move { Ok::<_, Down>(truth.lock().expect("not poisoned")[key].loaded()) };
        match self.processes[cache].texts.get_or_load(&name(key), Want::any(), load).await {
            Ok(hit) => Ok(Some((hit.version, hit.stale))),
            Err(LoadError::Absent) => Ok(None),
            Err(error) => Err(format!("cache {cache}, key {key}: a read failed: {error}")),
        }
    }

    fn load_slowly(&mut self, cache: usize, key: usize) {
        let (texts, truth, gate) =
            (self.processes[cache].texts.clone(), Arc::clone(&self.truth), Arc::clone(&self.gate));
        self.slow.spawn(async move {
            let load = move || async move {
                let read = truth.lock().expect("not poisoned")[key];
                gate.acquire().await.expect("open").forget();
                Ok::<_, Down>(read.loaded())
            };
            // The version is wanted, so that it loads though there is one.
            let wanted = Want::at_least(u64::MAX);
            let _ = texts.get_or_load(&name(key), wanted, load).await;
        });
    }

    /// Clears while all can hear of it. What a process sets that has not heard yet counts as from before the clear and dies
    /// with it: then an older value of another process may be all there is, until its soft life ends.
    async fn clear(&mut self, cache: usize, key: usize) {
        let undisturbed = |p: &Process| p.proxy.fault() == Fault::None && !p.cache.l2_state().degraded();
        if !self.processes.iter().all(undisturbed) {
            return;
        }
        let scope = Scope::Key(format!("texts:{}", name(key)));
        self.was_cleared[key] = true;
        let Ok(cleared) = self.processes[cache].cache.clear(scope).await else { return };
        self.cleared = Some(cleared.seq);
        until("all know", || self.processes.iter().all(|p| p.cache.stats().clears.head >= cleared.seq)).await;
    }

    /// No reader sees the version go back.
    fn seen(&mut self, cache: usize, key: usize, version: u64) -> Result<(), String> {
        let last = self.answered.insert((cache, key), version).unwrap_or(0);
        if version < last && !self.was_cleared[key] && self.in_memory.contains_key(&(cache, key)) {
            return Err(format!("cache {cache}, key {key}: answered {version} after {last}"));
        }
        Ok(())
    }

    /// In no tier has a version gone back.
    async fn check(&mut self) -> Result<(), String> {
        for key in 0..KEYS {
            for cache in 0..CACHES {
                let held = self.processes[cache].cache.inspect("texts", &name(key)).await.l1;
                let Some(held) = held else {
                    self.in_memory.remove(&(cache, key));
                    continue;
                };
                let last = self.in_memory.insert((cache, key), held.version).unwrap_or(0);
                if held.version < last && !self.was_cleared[key] {
                    return Err(format!(
                        "cache {cache}, key {key}: memory has {} after {last}",
                        held.version
                    ));
                }
            }
            let Some((version, _)) = in_redis(&mut self.plain, &name(key)).await else {
                self.in_redis.remove(&key);
                continue;
            };
            let last = self.in_redis.insert(key, version).unwrap_or(0);
            if version < last && !self.was_cleared[key] {
                return Err(format!("key {key}: Redis has {version} after {last}"));
            }
        }
        Ok(())
    }

    /// Ends all faults and loads; soon every answer is the newest or marked.
    pub async fn heal(&mut self, soon: Duration) -> Result<(), String> {
        for process in &self.processes {
            on(&process.proxy, FaultProxy::pass).await;
        }
        self.gate.add_permits(1_000);
        for process in &self.processes {
            if !process.cache.wait_for_l2(PATIENCE).await {
                return Err(format!("does not come back: {:?}", process.cache.l2_state()));
            }
        }
        while let Some(ended) = tokio::time::timeout(PATIENCE, self.slow.join_next()).await.unwrap_or(None) {
            ended.map_err(|error| error.to_string())?;
        }
        let deadline = tokio::time::Instant::now() + soon;
        loop {
            let Err(wrong) = self.all_right().await else { break };
            if tokio::time::Instant::now() >= deadline {
                return Err(format!("{soon:?} after the last fault: {wrong}"));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.check().await
    }

    async fn all_right(&self) -> Result<(), String> {
        for key in 0..KEYS {
            let truth = self.truth(key);
            for cache in 0..CACHES {
                let answer = self.load(cache, key).await?;
                let newest = match &answer {
                    Some((version, None)) => !truth.absent && *version == truth.version,
                    Some((_, Some(_))) => true,
                    None => truth.absent,
                };
                if !newest {
                    let process = &self.processes[cache].cache;
                    let (entry, stats) = (process.inspect("texts", &name(key)).await, process.stats());
                    return Err(format!(
                        "cache {cache}, key {key}: {answer:?}, but the source has {truth:?}\nmemory: {:?}\nRedis: {:?}\n{:?}\n{:?}",
                        entry.l1, entry.l2, stats.coherence, stats.clears
                    ));
                }
            }
        }
        Ok(())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // The caches first, then what they talk to.
        self.processes.clear();
        drop(Arc::clone(&self.redis));
    }
}
