//! The first tier: process memory, within a limit of bytes.

use std::hash::BuildHasher;
use std::sync::Arc;

use parking_lot::Mutex;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, Lifecycle, OptionsBuilder, Weighter};

use crate::entry::{Entry, Meta};
use crate::key::Key;
use crate::stats::Counters;

/// Writers of one key take turns; so many keys may be written at once.
const STRIPES: usize = 64;
/// A shard is not made smaller than this: an entry larger than its shard is never kept.
const MIN_SHARD_BYTES: u64 = 4 << 20;
/// The average entry that the table is laid out for.
const TYPICAL_ENTRY_BYTES: u64 = 2_048;

/// Bytes that an entry takes beside its value: its place in the table, which may be three times larger than it is full,
/// and what lies beside the value behind it.
const fn overhead<K, V>() -> u64 {
    (3 * (size_of::<K>() + size_of::<Entry<V>>() + 24) + size_of::<Meta>() + 32) as u64
}

#[derive(Debug, Clone)]
struct Weigh;

impl<K, V> Weighter<K, Entry<V>> for Weigh {
    fn weight(&self, _: &K, entry: &Entry<V>) -> u64 {
        u64::from(entry.meta().weight) + overhead::<K, V>()
    }
}

/// What one request of the table puts out.
#[derive(Default)]
struct Request<S> {
    /// Whether the library will yet tell of the entry that the new one takes the place of, as it does of one that is put out
    /// for want of room.
    replaces: bool,
    waiting: S,
}

/// Counts evictions. What is evicted is dropped outside the lock, as by the library's own default.
#[derive(Clone)]
struct Evictions<L> {
    counters: Arc<Counters>,
    default: L,
}

impl<K, V> Lifecycle<K, Entry<V>> for Evictions<DefaultLifecycle<K, Entry<V>>> {
    type RequestState = Request<<DefaultLifecycle<K, Entry<V>> as Lifecycle<K, Entry<V>>>::RequestState>;

    fn on_evict(&self, state: &mut Self::RequestState, key: K, entry: Entry<V>) {
        // Which of them is told of first does not matter. Never counted and then taken back: a counter must not fall.
        if !std::mem::take(&mut state.replaces) {
            self.counters.l1.evictions.add(1);
        }
        self.default.on_evict(&mut state.waiting, key, entry);
    }
}

type Table<K, V> = Cache<K, Entry<V>, Weigh, DefaultHashBuilder, Evictions<DefaultLifecycle<K, Entry<V>>>>;

/// The memory tier of one category.
pub(crate) struct L1<K: Key, V> {
    table: Table<K, V>,
    hasher: DefaultHashBuilder,
    stripes: Box<[Mutex<()>]>,
}

impl<K: Key, V> L1<K, V> {
    /// A table that may later grow to `most_bytes`. An entry may take one shard: there is only one for `large_entries`.
    pub fn new(most_bytes: u64, large_entries: bool, counters: Arc<Counters>) -> Result<Self, String> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let most_shards = if large_entries { 1 } else { most_bytes / MIN_SHARD_BYTES };
        let shards =
            (threads * 4).next_power_of_two().min(usize::try_from(most_shards).unwrap_or(usize::MAX)).max(1);
        let options = OptionsBuilder::new()
            .estimated_items_capacity(
                usize::try_from(most_bytes / TYPICAL_ENTRY_BYTES).unwrap_or(usize::MAX).max(32),
            )
            .weight_capacity(most_bytes)
            .shards(shards)
            .build()
            .map_err(|error| error.to_string())?;
        let lifecycle = Evictions { counters, default: DefaultLifecycle::default() };
        Ok(Self {
            table: Cache::with_options(options, Weigh, DefaultHashBuilder::default(), lifecycle),
            hasher: DefaultHashBuilder::default(),
            stripes: (0..STRIPES).map(|_| Mutex::new(())).collect(),
        })
    }

    #[inline]
    pub fn get(&self, key: &K) -> Option<Entry<V>> {
        self.table.get(key)
    }

    /// Puts `entry` at `key`, unless one there, alive by `is_alive`, outranks it. Returns the one that answers now.
    pub fn put(&self, key: &K, entry: Entry<V>, is_alive: impl FnOnce(&Entry<V>) -> bool) -> Entry<V> {
        let _turn = self.turn(key);
        let held = self.table.peek(key);
        let replaces = held.is_some();
        if let Some(held) = held
            && held.outranks(&entry)
            && is_alive(&held)
        {
            return held;
        }
        let mut request = Request { replaces, ..Request::default() };
        self.table.insert_with_lifecycle(key.clone(), entry.clone(), &mut request);
        entry
    }

    /// Everything held, in no order. The walk locks one shard at a time.
    pub fn for_each(&self, mut visit: impl FnMut(&K, &Entry<V>)) {
        for (key, entry) in self.table.iter() {
            visit(&key, &entry);
        }
    }

    /// The entry at `key`, without counting as a use.
    pub fn peek(&self, key: &K) -> Option<Entry<V>> {
        self.table.peek(key)
    }

    fn turn(&self, key: &K) -> parking_lot::MutexGuard<'_, ()> {
        let hash = self.hasher.hash_one(key);
        self.stripes[usize::try_from(hash % STRIPES as u64).unwrap_or(0)].lock()
    }
}

/// What the cache as a whole asks of every category's memory.
pub(crate) trait Memory: Send + Sync {
    fn set_limit(&self, bytes: u64);
    fn bytes(&self) -> u64;
    fn limit(&self) -> u64;
    fn entries(&self) -> u64;
}

impl<K: Key, V: Send + Sync> Memory for L1<K, V> {
    fn set_limit(&self, bytes: u64) {
        // The library rounds up to a multiple of the shards.
        let shards = self.table.num_shards() as u64;
        self.table.set_capacity(bytes / shards * shards);
    }

    fn bytes(&self) -> u64 {
        self.table.weight()
    }

    fn limit(&self) -> u64 {
        self.table.capacity()
    }

    fn entries(&self) -> u64 {
        self.table.len() as u64
    }
}
