//! The first tier: process memory, within a limit of bytes.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, Lifecycle, Options, OptionsBuilder, Weighter};

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

/// What one request of the table evicts.
struct Request<V, S> {
    /// Whether the library will yet report the entry that the new one replaces, as it reports one that is evicted for want
    /// of room.
    replaces: bool,
    /// The entry that is put in. Reported as evicted, it was too large to be kept at all.
    inserted: Option<Entry<V>>,
    is_oversized: bool,
    waiting: S,
}

impl<V, S: Default> Default for Request<V, S> {
    fn default() -> Self {
        Self { replaces: false, inserted: None, is_oversized: false, waiting: S::default() }
    }
}

/// Counts evictions. What is evicted is dropped outside the lock, as by the library's own default.
#[derive(Clone)]
struct Evictions<L> {
    counters: Arc<Counters>,
    default: L,
}

impl<K, V> Lifecycle<K, Entry<V>> for Evictions<DefaultLifecycle<K, Entry<V>>> {
    type RequestState = Request<V, <DefaultLifecycle<K, Entry<V>> as Lifecycle<K, Entry<V>>>::RequestState>;

    fn on_evict(&self, state: &mut Self::RequestState, key: K, entry: Entry<V>) {
        if state.inserted.as_ref().is_some_and(|inserted| inserted.is(&entry)) {
            state.is_oversized = true;
        // Which of them is reported first does not matter. Never counted and then taken back: a counter must not fall.
        } else if !std::mem::take(&mut state.replaces) {
            self.counters.l1.evictions.add(1);
        }
        self.default.on_evict(&mut state.waiting, key, entry);
    }
}

type Table<K, V> = Cache<K, Entry<V>, Weigh, DefaultHashBuilder, Evictions<DefaultLifecycle<K, Entry<V>>>>;

/// What became of an entry that was put into memory.
pub(crate) enum Put<V> {
    /// It is there.
    Kept,
    /// This one is there, alive and newer.
    Refused(Entry<V>),
    /// It is larger than a shard, and nothing is there.
    Oversized,
}

/// The memory tier of one category.
///
/// The number of shards cannot change later, and an entry larger than its shard is never kept. So the table is made for
/// the first entry: by then all categories are there, and the limit is this category's own part of the memory.
pub(crate) struct L1<K: Key, V> {
    table: OnceLock<Table<K, V>>,
    /// Bytes.
    limit: AtomicU64,
    /// Held while the table is made or resized, so that neither misses the other.
    sizing: Mutex<()>,
    large_entries: bool,
    counters: Arc<Counters>,
    hasher: DefaultHashBuilder,
    stripes: Box<[Mutex<()>]>,
}

impl<K: Key, V> L1<K, V> {
    /// An empty tier of `limit` bytes, until it is set anew. An entry may take one shard: there is only one for
    /// `large_entries`.
    pub fn new(limit: u64, large_entries: bool, counters: Arc<Counters>) -> Result<Self, String> {
        options(limit, large_entries)?;
        Ok(Self {
            table: OnceLock::new(),
            limit: AtomicU64::new(limit),
            sizing: Mutex::new(()),
            large_entries,
            counters,
            hasher: DefaultHashBuilder::default(),
            stripes: (0..STRIPES).map(|_| Mutex::new(())).collect(),
        })
    }

    #[inline]
    pub fn get(&self, key: &K) -> Option<Entry<V>> {
        self.table.get()?.get(key)
    }

    /// Puts `entry` at `key`, unless one there, alive by `is_alive`, outranks it.
    pub fn put(&self, key: &K, entry: &Entry<V>, is_alive: impl FnOnce(&Entry<V>) -> bool) -> Put<V> {
        let Some(table) = self.table() else { return Put::Oversized };
        let _turn = self.turn(key);
        let held = table.peek(key);
        let replaces = held.is_some();
        if let Some(held) = held
            && held.outranks(entry)
            && is_alive(&held)
        {
            return Put::Refused(held);
        }
        let mut request = Request { replaces, inserted: Some(entry.clone()), ..Request::default() };
        table.insert_with_lifecycle(key.clone(), entry.clone(), &mut request);
        if request.is_oversized { Put::Oversized } else { Put::Kept }
    }

    /// Everything held, in no order. The walk locks one shard at a time.
    pub fn for_each(&self, mut visit: impl FnMut(&K, &Entry<V>)) {
        for (key, entry) in self.table.get().into_iter().flat_map(Table::iter) {
            visit(&key, &entry);
        }
    }

    /// Bytes that an entry takes of the limit.
    pub fn weight_of(key: &K, entry: &Entry<V>) -> u64 {
        Weigh.weight(key, entry)
    }

    /// The entry at `key`, without counting as a use.
    pub fn peek(&self, key: &K) -> Option<Entry<V>> {
        self.table.get()?.peek(key)
    }

    /// The table, made if it is not there yet. `None` cannot happen: [`new`](Self::new) has checked the options.
    fn table(&self) -> Option<&Table<K, V>> {
        if let Some(table) = self.table.get() {
            return Some(table);
        }
        let _sizing = self.sizing.lock();
        let options = options(self.limit.load(Ordering::Relaxed), self.large_entries).ok()?;
        Some(self.table.get_or_init(|| {
            let lifecycle =
                Evictions { counters: Arc::clone(&self.counters), default: DefaultLifecycle::default() };
            Table::with_options(options, Weigh, DefaultHashBuilder::default(), lifecycle)
        }))
    }

    fn turn(&self, key: &K) -> parking_lot::MutexGuard<'_, ()> {
        let hash = self.hasher.hash_one(key);
        self.stripes[usize::try_from(hash % STRIPES as u64).unwrap_or(0)].lock()
    }
}

/// The layout of a table of `bytes`.
fn options(bytes: u64, large_entries: bool) -> Result<Options, String> {
    let shards = shards(bytes, large_entries);
    OptionsBuilder::new()
        .estimated_items_capacity(usize::try_from(bytes / TYPICAL_ENTRY_BYTES).unwrap_or(usize::MAX).max(32))
        // The library rounds up to a multiple of the shards.
        .weight_capacity(bytes / shards as u64 * shards as u64)
        .shards(shards)
        .build()
        .map_err(|error| error.to_string())
}

/// Shards of a table of `bytes`: four a core as long as each has [`MIN_SHARD_BYTES`]. A power of two, as the library would
/// round up to one.
fn shards(bytes: u64, large_entries: bool) -> usize {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let most = if large_entries { 1 } else { usize::try_from(bytes / MIN_SHARD_BYTES).unwrap_or(usize::MAX) };
    let most = most.checked_ilog2().map_or(1, |power| 1 << power);
    (threads * 4).next_power_of_two().min(most)
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
        let _sizing = self.sizing.lock();
        self.limit.store(bytes, Ordering::Relaxed);
        if let Some(table) = self.table.get() {
            // The library rounds up to a multiple of the shards.
            let shards = table.num_shards() as u64;
            table.set_capacity(bytes / shards * shards);
        }
    }

    fn bytes(&self) -> u64 {
        self.table.get().map_or(0, Table::weight)
    }

    fn limit(&self) -> u64 {
        self.table.get().map_or_else(|| self.limit.load(Ordering::Relaxed), Table::capacity)
    }

    fn entries(&self) -> u64 {
        self.table.get().map_or(0, |table| table.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_no_smaller_than_the_least_and_a_power_of_two() {
        for bytes in [0, 64 << 10, MIN_SHARD_BYTES - 1, (64 << 20) / 3, 100 << 20, 1 << 40] {
            let count = shards(bytes, false);
            assert!(count.is_power_of_two(), "{bytes}: {count}");
            assert!(count == 1 || bytes / count as u64 >= MIN_SHARD_BYTES, "{bytes}: {count}");
            assert_eq!(shards(bytes, true), 1);
        }
    }
}
