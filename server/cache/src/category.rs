//! A category: the typed face of the cache.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use crate::builder::ConfigError;
use crate::cache::{Shared, SourceError};
use crate::clears::Mirror;
use crate::clock;
use crate::codec::Value;
use crate::entry::{Entry, Lives};
use crate::failure::Trouble;
use crate::flight::Flights;
use crate::hit::{Hit, LoadError, Loaded, StaleReason, Tier, Want};
use crate::key::Key;
use crate::l1::{L1, Memory};
use crate::policy::Policy;
use crate::stats::Counters;

/// Keys whose trouble is remembered at most.
const MAX_TROUBLES: usize = 4_096;

/// A category of a [`Cache`](crate::Cache): keys of one type, values of one type, one policy. Cheap to clone.
pub struct Category<K: Key, V: Value> {
    pub(crate) core: Arc<Core<K, V>>,
}

impl<K: Key, V: Value> Clone for Category<K, V> {
    fn clone(&self) -> Self {
        Self { core: Arc::clone(&self.core) }
    }
}

impl<K: Key, V: Value> std::fmt::Debug for Category<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Category").field("name", &self.core.name).finish_non_exhaustive()
    }
}

/// What reads, loads and writes of a category share.
pub(crate) struct Core<K: Key, V: Value> {
    pub name: &'static str,
    pub policy: Policy,
    pub l1: Option<Arc<L1<K, V>>>,
    pub flights: Flights<K, V>,
    /// Until when a key is left alone, and why.
    troubles: quick_cache::sync::Cache<K, (u64, Trouble)>,
    pub counters: Arc<Counters>,
    pub mirror: Arc<Mirror>,
    pub shared: Arc<Shared>,
}

impl<K: Key, V: Value> Category<K, V> {
    pub(crate) fn new(
        name: &'static str,
        policy: Policy,
        l1_bytes: u64,
        shared: Arc<Shared>,
    ) -> Result<Self, ConfigError> {
        let counters = Arc::new(Counters::default());
        let l1 = if policy.tiers.has_l1() {
            let l1 = L1::new(l1_bytes, Arc::clone(&counters))
                .map_err(|why| ConfigError::Limit { field: "l1_bytes", why })?;
            Some(Arc::new(l1))
        } else {
            None
        };
        Ok(Self {
            core: Arc::new(Core {
                name,
                policy,
                l1,
                flights: Flights::new(),
                troubles: quick_cache::sync::Cache::new(MAX_TROUBLES),
                counters,
                mirror: Arc::clone(&shared.mirror),
                shared,
            }),
        })
    }

    /// What the cache keeps of a category to divide memory and to report.
    pub(crate) fn registration(&self) -> (Option<Arc<dyn Memory>>, Arc<Counters>) {
        let memory = self.core.l1.clone().map(|l1| l1 as Arc<dyn Memory>);
        (memory, Arc::clone(&self.core.counters))
    }

    /// The category's name.
    pub fn name(&self) -> &'static str {
        self.core.name
    }

    /// The category's policy.
    pub fn policy(&self) -> &Policy {
        &self.core.policy
    }

    /// The value at `key`, loaded by `loader` if neither memory nor Redis can answer.
    ///
    /// However many ask at once, one load runs, in a task of its own: a reader that goes away cancels nobody's load. The
    /// wait is bounded: by the soft timeout with an older value at hand, otherwise by the time limit of Redis and the
    /// hard timeout. A value past its soft life answers at once and is refreshed behind the reader.
    pub async fn get_or_load<E, F, Fut>(&self, key: &K, want: Want, loader: F) -> Result<Hit<V>, LoadError<E>>
    where
        E: SourceError,
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<Loaded<V>, E>> + Send + 'static,
    {
        if let Some(hit) = self.core.fresh_in_l1(key, want) {
            return Ok(hit);
        }
        // Boxed, so that a hit does not pay for the size of all this.
        Box::pin(crate::load::get_or_load(&self.core, key, want, loader)).await
    }

    /// The value at `key` if memory or Redis has it, past its soft life marked stale. Loads nothing.
    pub async fn get(&self, key: &K) -> Option<Hit<V>> {
        if let Some(hit) = self.core.fresh_in_l1(key, Want::any()) {
            return Some(hit);
        }
        let core = &self.core;
        let (entry, tier) = match core.look(key) {
            Some(entry) => (entry, Tier::L1),
            None => {
                core.counters.l1.misses.add(u64::from(core.l1.is_some()));
                let text = key.to_string();
                (core.keep(key, &text, core.fetch(&text).await?), Tier::L2)
            }
        };
        let now = clock::now();
        let stale = (!entry.is_fresh(now)).then_some(StaleReason::Expired);
        core.count_answer(tier, stale.is_some());
        Some(entry.into_hit(now, tier, stale))
    }

    /// Puts a value into the tiers, unless they hold a newer version. The write to Redis happens behind the caller.
    pub fn set(&self, key: &K, value: V, version: u64) {
        let core = &self.core;
        let entry = core.entry(Loaded::new(value, version), core.mirror.mark(), key_weight(key));
        let text = key.to_string();
        let kept = core.keep(key, &text, entry.clone());
        if Arc::ptr_eq(&kept.value, &entry.value) {
            core.write_behind(text, entry, Duration::ZERO);
        }
    }
}

/// What a key is counted as. Its text is as good a measure as any of what it owns.
fn key_weight(key: &impl Display) -> usize {
    use std::fmt::Write;
    struct Len(usize);
    impl Write for Len {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            self.0 += text.len();
            Ok(())
        }
    }
    let mut len = Len(0);
    // Only counts: cannot fail unless the key's own Display does.
    let _ = write!(len, "{key}");
    len.0
}

impl<K: Key, V: Value> Core<K, V> {
    /// The answer if memory has a fresh one that no clear can have touched since it was last checked. The hot path.
    #[inline]
    fn fresh_in_l1(&self, key: &K, want: Want) -> Option<Hit<V>> {
        let entry = self.l1.as_ref()?.get(key)?;
        let now = clock::now();
        if entry.is_fresh(now)
            && entry.version >= want.min_version
            && entry.checked == self.mirror.generation()
        {
            self.counters.l1.hits.increment();
            return Some(entry.into_hit(now, Tier::L1, None));
        }
        None
    }

    /// The entry in memory if it is alive: not past its hard life, not covered by a clear. Counts nothing.
    pub fn look(&self, key: &K) -> Option<Entry<V>> {
        let l1 = self.l1.as_ref()?;
        let mut entry = l1.get(key)?;
        if entry.is_gone(clock::now()) {
            return None;
        }
        let generation = self.mirror.generation();
        if entry.checked != generation {
            if !self.mirror.alive(entry.mark, self.name, &key.to_string()) {
                return None;
            }
            entry.checked = generation;
            l1.note_checked(key, &entry, generation);
        }
        Some(entry)
    }

    /// Makes an entry of what was loaded, its lives drawn.
    pub fn entry(&self, loaded: Loaded<V>, mark: crate::clears::Mark, key_weight: usize) -> Entry<V> {
        let lives = Lives::draw(&self.policy, loaded.fresh_for);
        let now = clock::now();
        let weight = loaded.value.weight().saturating_add(key_weight);
        Entry {
            version: loaded.version,
            loaded_at: now,
            fresh_until: now + lives.fresh_ms,
            stale_until: now + lives.stale_ms,
            mark,
            // Nobody has asked the clear log yet.
            checked: 0,
            weight: u32::try_from(weight).unwrap_or(u32::MAX),
            value: Arc::new(loaded.value),
        }
    }

    /// Puts an entry into memory if it is alive and nothing newer is there. Returns the one that should answer.
    pub fn keep(&self, key: &K, text: &str, mut entry: Entry<V>) -> Entry<V> {
        let Some(l1) = &self.l1 else { return entry };
        let generation = self.mirror.generation();
        if !self.mirror.alive(entry.mark, self.name, text) {
            return entry;
        }
        entry.checked = generation;
        let now = clock::now();
        let offered = Arc::clone(&entry.value);
        let kept = l1.put(key, entry, |held| {
            !held.is_gone(now)
                && (held.checked == generation || self.mirror.alive(held.mark, self.name, text))
        });
        if Arc::ptr_eq(&kept.value, &offered) {
            self.counters.l1.inserts.add(1);
        } else {
            self.counters.l1.refused.add(1);
        }
        kept
    }

    /// What is remembered of a key's last load, if it still counts.
    pub fn trouble(&self, key: &K) -> Option<Trouble> {
        let (until, trouble) = self.troubles.get(key)?;
        (clock::now() < until).then_some(trouble)
    }

    pub fn remember(&self, key: &K, trouble: Trouble) {
        let until = clock::now() + clock::millis(self.policy.retry_after);
        self.troubles.insert(key.clone(), (until, trouble));
    }

    pub fn forget_trouble(&self, key: &K) {
        if !self.troubles.is_empty() {
            self.troubles.remove(key);
        }
    }

    /// Counts an answer from a tier.
    pub fn count_answer(&self, tier: Tier, stale: bool) {
        let counters = &self.counters;
        match (tier, stale) {
            (Tier::L1, false) => counters.l1.hits.increment(),
            (Tier::L1, true) => counters.l1.stale.add(1),
            (Tier::L2, false) => counters.l2.hits.add(1),
            (Tier::L2, true) => counters.l2.stale.add(1),
            (Tier::Source, _) => {}
        }
    }
}
