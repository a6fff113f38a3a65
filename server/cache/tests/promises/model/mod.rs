//! A source, some caches over one Redis, each with a way of its own, and what may happen to them.

mod checks;
mod site;
mod source;
mod steps;

use std::time::Duration;

use local_servers::Fault;
use tidemark_cache::{Cache, LoadError, Scope, StaleReason, Want};
use tokio::task::JoinSet;

use crate::common::*;
use checks::{Seen, is_right, pairs};
pub use site::Kind;
use site::Site;
use source::Source;
pub use steps::{Step, steps};

pub const CACHES: usize = 3;
pub const KEYS: usize = 3;

struct Process {
    cache: Cache,
    texts: Texts,
}

/// All of it, and what was seen.
pub struct World {
    // The caches end before what they talk to: fields drop in this order.
    processes: Vec<Process>,
    slow: JoinSet<()>,
    site: Site,
    source: Source,
    cleared: Option<u64>,
    /// Keys that were cleared once: an older value may then take the place of a dead newer one, so none is set on purpose.
    was_cleared: [bool; KEYS],
    seen: Seen,
}

fn name(key: usize) -> String {
    format!("k{key}")
}

impl World {
    pub async fn new(kind: Kind) -> Self {
        let site = Site::start(kind, CACHES).await;
        let mut processes = Vec::new();
        for number in 0..CACHES {
            let cache = connected(builder_at(site.url(number))).await;
            assert!(site.is_way_of(number, &cache), "by its own way: {:?}", cache.l2_state());
            // Nothing ends by itself but by what is done to it.
            let policy = steady().lease_for(Duration::from_millis(300)).hard_timeout(Duration::from_secs(60));
            let texts = texts(&cache, policy.soft_timeout(Duration::from_millis(100)));
            processes.push(Process { cache, texts });
        }
        Self {
            processes,
            slow: JoinSet::new(),
            site,
            source: Source::default(),
            cleared: None,
            was_cleared: [false; KEYS],
            seen: Seen::default(),
        }
    }

    /// Does a step and checks what then is.
    pub async fn step(&mut self, step: Step) -> Result<(), String> {
        match step {
            Step::Set { cache, key } => {
                let version = self.source.newer(key, false);
                self.processes[cache].texts.set(&name(key), Text("v".into()), version);
            }
            Step::SetOld { cache, key } => {
                let version = self.source.truth(key).version;
                if version > 1 && !self.was_cleared[key] {
                    self.processes[cache].texts.set(&name(key), Text("v".into()), version - 1);
                }
            }
            Step::Get { cache, key } => {
                if let Some(hit) = self.processes[cache].texts.get(&name(key)).await {
                    self.seen.answer(cache, key, hit.version)?;
                }
            }
            Step::Load { cache, key } => {
                // A load that does not come to an end is waited for; this reader goes away.
                let load = self.load(cache, key);
                if let Ok(answer) = tokio::time::timeout(Duration::from_secs(1), load).await
                    && let Some((version, _)) = answer?
                {
                    self.seen.answer(cache, key, version)?;
                }
            }
            Step::SlowLoad { cache, key } => self.load_slowly(cache, key),
            Step::Release => self.source.release(self.slow.len()),
            Step::Remove { cache, key } => {
                let version = self.source.newer(key, true);
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
            Step::CutBus => self.site.cut_bus().await,
            Step::Cut { cache } => self.site.disturb(cache, Fault::Cut).await,
            Step::BlackHole { cache } => self.site.disturb(cache, Fault::BlackHole).await,
            Step::Slow { cache } => {
                self.site.disturb(cache, Fault::Delay(Duration::from_millis(60))).await;
            }
            Step::Heal { cache } => self.site.disturb(cache, Fault::None).await,
            Step::FlushAll => {
                self.site.flush().await;
                self.seen.flushed();
            }
            Step::LoseNode { cache, node } => self.site.lose_node(cache, node).await,
            Step::Move { key } => self.site.move_slot(&name(key)).await,
            Step::MoveHalf { key } => self.site.move_half(&name(key)).await,
            Step::Failover { key } => self.site.failover(&name(key)).await,
            // Not to wait for anything: to let what goes on behind come to different points.
            Step::Pause => tokio::time::sleep(Duration::from_millis(fastrand::u64(..200))).await,
        }
        self.check().await
    }

    /// Reads; the version and whether it was marked, none if absent. An error is one, as the source works.
    async fn load(&self, cache: usize, key: usize) -> Result<Option<(u64, Option<StaleReason>)>, String> {
        let source = self.source.clone();
        let load = move || source.read(key);
        match self.processes[cache].texts.get_or_load(&name(key), Want::any(), load).await {
            Ok(hit) => Ok(Some((hit.version, hit.stale))),
            Err(LoadError::Absent) => Ok(None),
            Err(error) => Err(format!("cache {cache}, key {key}: a read failed: {error}")),
        }
    }

    fn load_slowly(&mut self, cache: usize, key: usize) {
        let (texts, source) = (self.processes[cache].texts.clone(), self.source.clone());
        self.slow.spawn(async move {
            // The version is wanted, so that it loads though there is one.
            let wanted = Want::at_least(u64::MAX);
            let _ = texts.get_or_load(&name(key), wanted, move || source.read_slowly(key)).await;
        });
    }

    /// Clears while all can hear of it. What a process sets that has not heard yet counts as from before the clear and dies
    /// with it: then an older value of another process may be all there is, until its soft life ends.
    async fn clear(&mut self, cache: usize, key: usize) {
        if !self.site.is_sound() || self.processes.iter().any(|p| p.cache.l2_state().degraded()) {
            return;
        }
        let scope = Scope::Key(format!("texts:{}", name(key)));
        self.was_cleared[key] = true;
        self.seen.cleared(key);
        let Ok(cleared) = self.processes[cache].cache.clear(scope).await else { return };
        self.cleared = Some(cleared.seq);
        until("all know", || self.processes.iter().all(|p| p.cache.stats().clears.head >= cleared.seq)).await;
    }

    /// In no tier has the version of what lives gone back.
    async fn check(&mut self) -> Result<(), String> {
        for (cache, key) in pairs() {
            let held = self.processes[cache].cache.inspect("texts", &name(key)).await.l1;
            self.seen.memory(cache, key, held.filter(|held| held.alive).map(|held| held.version))?;
        }
        for key in 0..KEYS {
            let version = self.site.version(&name(key)).await;
            self.seen.redis(key, version)?;
        }
        Ok(())
    }

    /// Ends all faults and loads; soon every answer is the newest and not marked.
    pub async fn heal(&mut self, soon: Duration) -> Result<(), String> {
        self.site.heal().await;
        self.source.release(1_000);
        for process in &self.processes {
            if !process.cache.wait_for_l2(PATIENCE).await {
                return Err(format!("does not come back: {:?}", process.cache.l2_state()));
            }
        }
        while let Some(ended) = tokio::time::timeout(PATIENCE, self.slow.join_next()).await.unwrap_or(None) {
            ended.map_err(|error| error.to_string())?;
        }
        // Whatever is held is marked once more, so that what never loses its mark shows in every run.
        for key in 0..KEYS {
            drop(self.processes[key % CACHES].texts.expire(&name(key)).await);
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

    /// Every cache is asked for every key before any answer is judged: when Redis has lost what it had, whoever holds a newer
    /// one in memory puts it back when it is asked for it, not before.
    async fn all_right(&self) -> Result<(), String> {
        let mut answers = Vec::new();
        for (cache, key) in pairs() {
            answers.push((cache, key, self.load(cache, key).await?));
        }
        for (cache, key, answer) in answers {
            let truth = self.source.truth(key);
            if !is_right(answer.as_ref().map(|(version, stale)| (*version, stale.is_some())), truth) {
                let process = &self.processes[cache].cache;
                let (entry, stats) = (process.inspect("texts", &name(key)).await, process.stats());
                return Err(format!(
                    "cache {cache}, key {key}: {answer:?}, but the source has {truth:?}\nmemory: {:?}\nRedis: {:?}\n{:?}\n{:?}",
                    entry.l1, entry.l2, stats.coherence, stats.clears
                ));
            }
        }
        Ok(())
    }
}
