//! What reads, loads and writes of a category share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::bus::{Coherence, Judgement, name_hash};
use crate::clears::{Mark, Mirror};
use crate::clock;
use crate::codec::Value;
use crate::entry::{Entry, Facts, Kind, Lives, Meta};
use crate::failure::Trouble;
use crate::flight::Flights;
use crate::hit::{self, Hit, Loaded, StaleReason, Tier, Want};
use crate::hot::HotKeys;
use crate::key::Key;
use crate::l1::{L1, Put};
use crate::policy::Policy;
use crate::shared::Shared;
use crate::stats::Counters;
use crate::tags::Tags;

/// Keys whose trouble is remembered at most.
const MAX_TROUBLES: usize = 4_096;

/// The inside of a category.
pub(crate) struct Core<K: Key, V: Value> {
    pub name: &'static str,
    pub policy: Policy,
    pub l1: Option<Arc<L1<K, V>>>,
    pub flights: Flights<K, V>,
    /// Until when a key is left alone, and why.
    troubles: quick_cache::sync::Cache<K, (u64, Trouble)>,
    /// When the last of them is over: mostly there are none, and then nobody looks.
    troubled_until: AtomicU64,
    pub counters: Arc<Counters>,
    pub hot: Arc<HotKeys<K>>,
    pub mirror: Arc<Mirror>,
    pub coherence: Arc<Coherence>,
    pub shared: Arc<Shared>,
}

/// An entry in memory, alive, and what is to be thought of it.
pub(crate) struct Looked<V> {
    pub entry: Entry<V>,
    /// Another server wrote this version; 0 if none.
    pub needs: u64,
    /// Nothing may have been missed since it was last compared with Redis or loaded.
    pub verified: bool,
}

impl<K: Key, V: Value> Core<K, V> {
    pub fn new(
        name: &'static str,
        policy: Policy,
        l1: Option<Arc<L1<K, V>>>,
        counters: Arc<Counters>,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            name,
            policy,
            l1,
            flights: Flights::new(),
            troubles: quick_cache::sync::Cache::new(MAX_TROUBLES),
            troubled_until: AtomicU64::new(0),
            counters,
            hot: Arc::new(HotKeys::new()),
            mirror: Arc::clone(&shared.mirror),
            coherence: Arc::clone(&shared.coherence),
            shared,
        }
    }

    /// The hash by which the entry of this key text is announced.
    pub fn name_hash(&self, text: &str) -> u64 {
        name_hash(self.name, text)
    }

    /// The answer if memory has a fresh one about which nothing was cleared or announced. The hot path: it allocates and
    /// formats nothing, and takes no lock of ours but, once in many hits, that of the hot keys.
    #[inline]
    pub fn fresh_in_l1(&self, key: &K, want: Want) -> Option<Hit<V>> {
        let Entry::Value(value) = self.l1.as_ref()?.get(key)? else { return None };
        let now = clock::now();
        let meta = value.meta();
        if !meta.is_fast(now, self.coherence.stamp(meta.name)) || meta.version < want.min_version {
            return None;
        }
        if self.counters.l1.hits.increment() {
            self.hot.note_sampled(key, meta.weight);
        }
        Some(Hit::new(value, now, Tier::L1, None))
    }

    /// The entry in memory if it is alive: not past its hard life, not covered by a clear. Counts nothing.
    pub fn look(&self, key: &K) -> Option<Looked<V>> {
        let entry = self.l1.as_ref()?.get(key)?;
        let meta = entry.meta();
        if meta.is_gone(clock::now()) {
            return None;
        }
        let stamp = self.coherence.stamp(meta.name);
        if meta.is_checked(stamp) {
            return Some(Looked { entry, needs: 0, verified: true });
        }
        if !self.mirror.alive(meta.mark, self.name, &key.to_string(), &meta.tags) {
            return None;
        }
        let Judgement { needs, verified, lasting } = self.judge(meta);
        if lasting {
            meta.note_checked(stamp);
        }
        Some(Looked { entry, needs, verified })
    }

    /// What is to be thought of an entry. In a category of memory alone there is nobody else.
    pub fn judge(&self, meta: &Meta) -> Judgement {
        if self.policy.tiers.has_l2() {
            self.coherence.judge(meta)
        } else {
            Judgement { needs: 0, verified: true, lasting: true }
        }
    }

    /// Makes an entry of what was loaded, its lives drawn. `begun`: when the load began.
    pub fn entry(
        &self,
        loaded: Loaded<V>,
        tags: Tags,
        text: &str,
        mark: Mark,
        cost_us: u32,
        begun: u64,
    ) -> Entry<V> {
        let lives = match &loaded.value {
            Some(_) => Lives::draw(&self.policy, loaded.fresh_for),
            None => Lives::short(self.policy.negative_for),
        };
        let weight = loaded.value.as_ref().map_or(0, Value::weight).saturating_add(text.len());
        let facts = Facts {
            version: loaded.version,
            loaded_at: clock::now(),
            lives,
            mark,
            name: self.name_hash(text),
            cost_us,
            weight,
            tags,
            verified_at: begun,
        };
        let meta = Meta::new(facts, self.policy.refresh_ahead);
        match loaded.value {
            Some(value) => Entry::value(meta, value),
            None => Entry::marker(meta, Kind::Absent),
        }
    }

    /// A tombstone.
    pub fn tombstone(&self, text: &str, version: u64) -> Entry<V> {
        let now = clock::now();
        let facts = Facts {
            version,
            loaded_at: now,
            lives: Lives::short(self.policy.tombstone_for()),
            mark: self.mirror.mark(),
            name: self.name_hash(text),
            cost_us: 0,
            weight: text.len(),
            tags: Tags::default(),
            verified_at: now,
        };
        Entry::marker(Meta::new(facts, 0.0), Kind::Removed)
    }

    /// Puts an entry into memory if it is alive and nothing newer is there. Returns the one that should answer.
    pub fn keep(&self, key: &K, text: &str, entry: Entry<V>) -> Entry<V> {
        let Some(l1) = &self.l1 else { return entry };
        let meta = entry.meta();
        let stamp = self.coherence.stamp(meta.name);
        if !self.mirror.alive(meta.mark, self.name, text, &meta.tags) {
            return entry;
        }
        if self.judge(meta).lasting {
            meta.note_checked(stamp);
        }
        let now = clock::now();
        if meta.is_gone(now) {
            return entry;
        }
        let put = l1.put(key, &entry, |held| {
            let held = held.meta();
            !held.is_gone(now)
                && (held.is_checked(stamp) || self.mirror.alive(held.mark, self.name, text, &held.tags))
        });
        match put {
            Put::Kept => self.counters.l1.inserts.add(1),
            Put::Oversized => self.counters.l1.oversized.add(1),
            Put::Refused(held) => {
                self.counters.l1.refused.add(1);
                // Whoever brought the other one has asked, and found nothing newer than ours.
                held.meta().note_verified(meta.verified_at());
                return held;
            }
        }
        entry
    }

    /// What is remembered of a key's last load, if it still counts.
    pub fn trouble(&self, key: &K) -> Option<Trouble> {
        let now = clock::now();
        if now >= self.troubled_until.load(Ordering::Acquire) {
            return None;
        }
        let (until, trouble) = self.troubles.get(key)?;
        (now < until).then_some(trouble)
    }

    pub fn remember(&self, key: &K, trouble: Trouble) {
        let until = clock::now() + clock::millis(self.policy.retry_after);
        self.troubles.insert(key.clone(), (until, trouble));
        self.troubled_until.fetch_max(until, Ordering::AcqRel);
    }

    pub fn forget_trouble(&self, key: &K) {
        if clock::now() < self.troubled_until.load(Ordering::Acquire) {
            self.troubles.remove(key);
        }
    }

    /// Counts an answer from a tier.
    pub fn count_answer(&self, key: &K, tier: Tier, stale: bool, weight: u32) {
        let counters = &self.counters;
        match (tier, stale) {
            (Tier::L1, false) => {
                if counters.l1.hits.increment() {
                    self.hot.note_sampled(key, weight);
                }
                return;
            }
            (Tier::L1, true) => counters.l1.stale.add(1),
            (Tier::L2, false) => {
                counters.l2.hits.increment();
                return self.hot.note_some(key, weight);
            }
            (Tier::L2, true) => counters.l2.stale.add(1),
            (Tier::Source, _) => counters.source.answered.add(1),
        }
        self.hot.note(key, weight);
    }

    /// Counts and wraps an answer.
    pub fn answer(&self, key: &K, value: hit::Shared<V>, tier: Tier, stale: Option<StaleReason>) -> Hit<V> {
        self.count_answer(key, tier, stale.is_some(), value.meta().weight);
        Hit::new(value, clock::now(), tier, stale)
    }
}
