//! A category: the typed face of the cache.

use std::sync::Arc;
use std::time::Duration;

use crate::builder::ConfigError;
use crate::cache::SourceError;
use crate::clock;
use crate::codec::Value;
use crate::core::Core;
use crate::entry::{Entry, Kind};
use crate::hit::{Hit, LoadError, Loaded, StaleReason, Tier, Want};
use crate::hot::HotKey;
use crate::key::Key;
use crate::l1::L1;
use crate::l2::L2Error;
use crate::load::Limits;
use crate::outgoing::Origin;
use crate::policy::Policy;
use crate::shared::{CategoryParts, Shared};
use crate::stats::Counters;
use crate::tags::{TagError, Tags};

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

impl<K: Key, V: Value> Category<K, V> {
    pub(crate) fn new(
        name: &'static str,
        policy: Policy,
        l1_bytes: u64,
        shared: Arc<Shared>,
    ) -> Result<Self, ConfigError> {
        let counters = Arc::new(Counters::default());
        let l1 = if policy.tiers.has_l1() {
            let l1 = L1::new(l1_bytes, policy.large_entries, Arc::clone(&counters))
                .map_err(|why| ConfigError::Limit { field: "l1_bytes", why })?;
            Some(Arc::new(l1))
        } else {
            None
        };
        Ok(Self { core: Arc::new(Core::new(name, policy, l1, counters, shared)) })
    }

    /// What the cache keeps of a category: to divide memory, to report, to make good.
    pub(crate) fn parts(&self) -> CategoryParts {
        CategoryParts {
            share: self.core.policy.l1_share,
            memory: self.core.l1.clone().map(|l1| l1 as _),
            counters: Arc::clone(&self.core.counters),
            hot: Arc::clone(&self.core.hot) as _,
            view: Arc::downgrade(&self.core) as _,
            stale_for: self.core.policy.stale_for,
        }
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
    /// However many ask at once, one load runs, in a task of its own: a reader that goes away, or is not polled for a while,
    /// keeps nobody else waiting. The wait is bounded: by the soft timeout with an older value at hand, otherwise by the time
    /// limit of Redis, the lease and the hard timeout. A value past its soft life answers at once and is refreshed behind the reader.
    ///
    /// ```no_run
    /// # use tidemark_cache::{Category, LoadError, Loaded, Value, Want};
    /// # async fn example<V: Value>(charts: Category<String, V>, read: fn() -> Result<V, String>) {
    /// let load = move || async move { Ok::<_, String>(Loaded::new(read()?, 7).tag("coin:BTC")) };
    /// match charts.get_or_load(&"BTC:1h".to_owned(), Want::any(), load).await {
    ///     Ok(hit) => println!("version {} from {:?}, {:?} old", hit.version, hit.tier, hit.age()),
    ///     Err(LoadError::Absent) => println!("no such chart"),
    ///     Err(error) => println!("{error}"),
    /// }
    /// # }
    /// ```
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

    /// The values at `keys`, in their order. What memory does not have is asked of Redis in one round trip a node; what
    /// Redis does not have, `loader` loads in one call. It gets the keys to load and returns what it found of them; a key
    /// that it leaves out is absent, as of version 0.
    ///
    /// Each key is answered by itself, and each is loaded once however many ask for it, by itself or with others. The soft
    /// timeout and the hard timeout bound the whole call, not each key.
    ///
    /// ```no_run
    /// # use tidemark_cache::{Category, Loaded, Value, Want};
    /// # async fn example<V: Value>(prices: Category<String, V>, read: fn(Vec<String>) -> Vec<(String, V)>) {
    /// let keys = ["BTC".to_owned(), "ETH".to_owned()];
    /// let load = move |missing: Vec<String>| async move {
    ///     Ok::<_, String>(read(missing).into_iter().map(|(key, value)| (key, Loaded::new(value, 7))).collect())
    /// };
    /// for (key, answer) in keys.iter().zip(prices.get_many_or_load(&keys, Want::any(), load).await) {
    ///     println!("{key}: {}", answer.is_ok());
    /// }
    /// # }
    /// ```
    pub async fn get_many_or_load<E, F, Fut>(
        &self,
        keys: &[K],
        want: Want,
        loader: F,
    ) -> Vec<Result<Hit<V>, LoadError<E>>>
    where
        E: SourceError,
        F: Fn(Vec<K>) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = Result<Vec<(K, Loaded<V>)>, E>> + Send + 'static,
    {
        crate::many::get_many_or_load(&self.core, keys, |_| want, None, loader).await
    }

    /// As [`get_many_or_load`](Self::get_many_or_load), each key with a want of its own. One soft timeout and one hard
    /// timeout bound the whole call, however many keys have to be waited for.
    pub async fn get_each_or_load<E, F, Fut>(
        &self,
        keys: &[K],
        want_of: impl Fn(&K) -> Want,
        loader: F,
    ) -> Vec<Result<Hit<V>, LoadError<E>>>
    where
        E: SourceError,
        F: Fn(Vec<K>) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = Result<Vec<(K, Loaded<V>)>, E>> + Send + 'static,
    {
        self.get_each_within(keys, want_of, None, loader).await
    }

    /// As [`get_each_or_load`](Self::get_each_or_load), within [`limits`](Self::limits) that several calls share.
    pub async fn get_each_or_load_within<E, F, Fut>(
        &self,
        keys: &[K],
        want_of: impl Fn(&K) -> Want,
        limits: Limits,
        loader: F,
    ) -> Vec<Result<Hit<V>, LoadError<E>>>
    where
        E: SourceError,
        F: Fn(Vec<K>) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = Result<Vec<(K, Loaded<V>)>, E>> + Send + 'static,
    {
        self.get_each_within(keys, want_of, Some(limits), loader).await
    }

    async fn get_each_within<E, F, Fut>(
        &self,
        keys: &[K],
        want_of: impl Fn(&K) -> Want,
        limits: Option<Limits>,
        loader: F,
    ) -> Vec<Result<Hit<V>, LoadError<E>>>
    where
        E: SourceError,
        F: Fn(Vec<K>) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = Result<Vec<(K, Loaded<V>)>, E>> + Send + 'static,
    {
        let want_at = |at: usize| keys.get(at).map_or_else(Want::any, &want_of);
        crate::many::get_many_or_load(&self.core, keys, want_at, limits, loader).await
    }

    /// Until when a reader that begins now waits, by the policy: the soft timeout with an older value at hand, otherwise the
    /// hard timeout and what looking into Redis takes. For a reader that asks for its keys in several calls.
    pub fn limits(&self) -> Limits {
        Limits::from_now(&self.core)
    }

    /// The value at `key` if memory or Redis has it, past its soft life marked stale. Loads nothing.
    pub async fn get(&self, key: &K) -> Option<Hit<V>> {
        if let Some(hit) = self.core.fresh_in_l1(key, Want::any()) {
            return Some(hit);
        }
        let core = &self.core;
        let looked = core.look(key);
        let known =
            looked.as_ref().is_some_and(|l| l.needs == 0 && (l.verified || !core.l2_is_open_for(key)));
        let verified = looked.as_ref().is_some_and(|l| l.verified);
        let (entry, tier, verified) = match looked {
            Some(looked) if known => (looked.entry, Tier::L1, verified),
            looked => {
                core.counters.l1.misses.add(u64::from(core.l1.is_some()));
                let text = key.to_string();
                match core.fetch(&text).await {
                    Some(entry) => {
                        let vouched = entry.meta().verified_at() != 0;
                        let kept = core.keep_from_l2(key, &text, entry);
                        let judged = core.judge(kept.meta());
                        (kept, Tier::L2, judged.needs == 0 && (vouched || judged.verified))
                    }
                    None => (looked?.entry, Tier::L1, false),
                }
            }
        };
        let Entry::Value(value) = entry else { return None };
        let fresh = value.meta().is_fresh(clock::now());
        let stale = match (fresh, verified) {
            (true, true) => None,
            (true, false) => Some(StaleReason::Unverified),
            (false, _) => Some(StaleReason::Expired),
        };
        Some(core.answer(key, value, tier, stale))
    }

    /// Puts a value into the tiers, unless they hold a newer version. The write to Redis happens behind the caller; the
    /// other processes are told.
    pub fn set(&self, key: &K, value: V, version: u64) {
        self.put(key, Loaded::new(value, version), Tags::default());
    }

    /// As [`set`](Self::set), with tags and a life of its own, or an absence.
    ///
    /// # Errors
    /// Tags that an entry cannot carry; nothing is put.
    pub fn set_loaded(&self, key: &K, mut loaded: Loaded<V>) -> Result<(), TagError> {
        let tags = Tags::new(std::mem::take(&mut loaded.tags))?;
        self.put(key, loaded, tags);
        Ok(())
    }

    fn put(&self, key: &K, loaded: Loaded<V>, tags: Tags) {
        let core = &self.core;
        let text = key.to_string();
        let entry = core.entry(loaded, tags, &text, core.mirror.mark(), 0, clock::now());
        core.forget_trouble(key);
        if core.keep(key, &text, entry.clone()).is(&entry) {
            core.write_behind(&text, &entry, Origin::Set);
        }
    }

    /// Removes the value at `key`: it is gone from every tier, and no value of `version` or an older one comes back,
    /// whatever load or write of it is under way. Remembered for longer than a load can take.
    ///
    /// ```no_run
    /// # use tidemark_cache::{Category, Value};
    /// # fn example<V: Value>(charts: Category<String, V>) {
    /// charts.remove(&"BTC:1h".to_owned(), 8);
    /// # }
    /// ```
    pub fn remove(&self, key: &K, version: u64) {
        let core = &self.core;
        let text = key.to_string();
        let entry = core.tombstone(&text, version);
        if core.keep(key, &text, entry.clone()).is(&entry) {
            core.write_behind(&text, &entry, Origin::Set);
        }
    }

    /// Ends the soft life of the value at `key` in every tier: the next reader gets it marked, and it is loaded anew.
    ///
    /// # Errors
    /// Redis cannot be reached. The value in memory is past its soft life all the same.
    pub async fn expire(&self, key: &K) -> Result<(), L2Error> {
        let core = &self.core;
        let text = key.to_string();
        let held = core.l1.as_ref().and_then(|l1| l1.peek(key));
        if let Some(entry) = &held {
            entry.meta().expire();
        }
        if core.policy.tiers.has_l2() {
            core.shared.expire(core.name, &text, held.map_or(0, |entry| entry.meta().version)).await?;
        }
        Ok(())
    }

    /// The keys that this process reads most, hottest first, at most `most`; from a sample of the reads.
    pub fn hot_keys(&self, most: usize) -> Vec<HotKey> {
        self.core.hot.hottest(self.core.name, most)
    }

    /// Loads the keys that were hot in this and other processes before, at most `most`, `at_once` at a time, within
    /// `limit`. Keys in Redis come from there. `parse` makes a key of its text; `loader` loads it. Without Redis there is
    /// no memory of hot keys, and nothing to do.
    pub async fn warm<E, P, F, Fut>(&self, how: WarmUp, parse: P, loader: F) -> Warmed
    where
        E: SourceError,
        P: Fn(&str) -> Option<K> + Send,
        F: Fn(K) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<Loaded<V>, E>> + Send + 'static,
    {
        crate::warm::warm(&self.core, how, parse, loader).await
    }
}

/// How to warm up. See [`Category::warm`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WarmUp {
    /// Keys at most.
    pub most: usize,
    /// Loads at once.
    pub at_once: usize,
    /// Time for all of it.
    pub limit: Duration,
}

/// What a warm-up did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Warmed {
    /// Keys that were remembered as hot.
    pub remembered: u64,
    /// Of those, now in memory.
    pub loaded: u64,
    /// Of those, absent or not to be loaded.
    pub failed: u64,
    /// Whether the time ran out.
    pub out_of_time: bool,
}

/// What the cache asks of a category whose types it does not know.
pub(crate) trait View: Send + Sync {
    /// Calls back with the key text, the facts and the kind of every entry in memory.
    fn for_each(&self, visit: &mut dyn FnMut(&str, &crate::entry::Meta, Kind));

    /// Entries and bytes in memory that a clear covers.
    fn cleared(&self) -> (u64, u64);
}

impl<K: Key, V: Value> View for Core<K, V> {
    fn for_each(&self, visit: &mut dyn FnMut(&str, &crate::entry::Meta, Kind)) {
        if let Some(l1) = &self.l1 {
            l1.for_each(|key, entry| visit(&key.to_string(), entry.meta(), entry.kind()));
        }
    }

    fn cleared(&self) -> (u64, u64) {
        let (mut entries, mut bytes) = (0, 0);
        if let Some(l1) = &self.l1 {
            l1.for_each(|key, entry| {
                let meta = entry.meta();
                // What was found alive under the newest stamp need not be looked at.
                if !meta.is_checked(self.coherence.stamp(meta.name))
                    && !self.mirror.alive(meta.mark, self.name, &key.to_string(), &meta.tags)
                {
                    entries += 1;
                    bytes += L1::weight_of(key, entry);
                }
            });
        }
        (entries, bytes)
    }
}
