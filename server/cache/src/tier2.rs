//! A category's reads and writes of Redis.

use std::sync::Arc;
use std::time::Duration;

use crate::category::Core;
use crate::clears::Mark;
use crate::clock;
use crate::codec::Value;
use crate::entry::Entry;
use crate::frame::{self, Meta};
use crate::header::{self, Invalid};
use crate::key::{Key, entry_key};
use crate::l2::{Access, Fetched, L2Error, Written};

impl<K: Key, V: Value> Core<K, V> {
    /// The living entry in Redis, if it answers in time. Whatever is wrong is counted, and a miss.
    pub async fn fetch(&self, text: &str) -> Option<Entry<V>> {
        let l2 = self.shared.l2.as_ref().filter(|_| self.policy.tiers.has_l2())?;
        let counters = &self.counters.l2;
        let key = entry_key(&self.shared.namespace, self.name, text);
        if !l2.router.is_open_for(&key, Access::Read) {
            counters.skipped.add(1);
            return None;
        }
        let most = self.shared.max_entry_bytes + header::LEN;
        let bytes = match l2.ops.fetch(&l2.router, l2.timeout, &key, most, Access::Read).await {
            Ok(Fetched::Bytes(bytes)) => bytes,
            Ok(Fetched::Nothing) => {
                counters.misses.add(1);
                return None;
            }
            Ok(Fetched::Unusable) => {
                counters.invalid.add(1);
                return None;
            }
            Err(L2Error::Timeout) => {
                counters.timeouts.add(1);
                return None;
            }
            Err(_) => {
                counters.errors.add(1);
                return None;
            }
        };
        counters.bytes_read.add(bytes.len() as u64);
        let (value, meta) = match frame::decode::<V>(&bytes, self.shared.max_entry_bytes) {
            Ok(decoded) => decoded,
            Err(invalid) => {
                counters.invalid.add(1);
                tracing::debug!(%key, %invalid, "entry in Redis is unreadable");
                // Another schema may be of use to a server of another release; the rest is in the way.
                if invalid != Invalid::Schema {
                    let _ = l2.ops.discard(&l2.router, l2.timeout, &key, &bytes).await;
                }
                return None;
            }
        };
        let mark = Mark { epoch: meta.clear_epoch, head: meta.clear_head };
        if !self.mirror.alive(mark, self.name, text) {
            counters.dead.add(1);
            return None;
        }
        let entry = arrived(value, &meta, mark, text.len());
        if entry.is_gone(clock::now()) {
            counters.misses.add(1);
            return None;
        }
        Some(entry)
    }

    /// Writes an entry to Redis in a task of its own, if there is a connection and a free slot.
    pub fn write_behind(self: &Arc<Self>, text: String, entry: Entry<V>, cost: Duration) {
        let Some(l2) = self.shared.l2.as_ref().filter(|_| self.policy.tiers.has_l2()) else {
            return;
        };
        // An entry that was loaded before the clear log was read could not be judged by others.
        let key = entry_key(&self.shared.namespace, self.name, &text);
        if entry.mark.epoch == 0 || !l2.router.is_open_for(&key, Access::Write) {
            self.counters.l2.skipped.add(1);
            return;
        }
        let Ok(slot) = Arc::clone(&l2.writes).try_acquire_owned() else {
            self.counters.l2.dropped.add(1);
            return;
        };
        let core = Arc::clone(self);
        self.shared.runtime.spawn(async move {
            core.write(&text, &entry, cost).await;
            drop(slot);
        });
    }

    async fn write(&self, text: &str, entry: &Entry<V>, cost: Duration) {
        let Some(l2) = &self.shared.l2 else { return };
        let counters = &self.counters.l2;
        let now = clock::now();
        let meta = Meta {
            cost_us: u32::try_from(cost.as_micros()).unwrap_or(u32::MAX),
            created_ms: clock::unix_ms().saturating_sub(now.saturating_sub(entry.loaded_at)),
            fresh_ms: entry.fresh_until - entry.loaded_at,
            stale_ms: entry.stale_until - entry.loaded_at,
            version: entry.version,
            clear_epoch: entry.mark.epoch,
            clear_head: entry.mark.head,
        };
        let limit = self.shared.max_entry_bytes;
        let bytes = match frame::encode(&*entry.value, &meta, self.policy.compress_over, limit) {
            Ok(bytes) => bytes,
            Err(error) => {
                counters.write_errors.add(1);
                tracing::debug!(category = self.name, key = text, %error, "value stays out of Redis");
                return;
            }
        };
        let dead_below = self.mirror.dead_below(self.name, text);
        if entry.is_gone(now) || !self.mirror.alive(entry.mark, self.name, text) {
            return;
        }
        let key = entry_key(&self.shared.namespace, self.name, text);
        let life = entry.stale_until - now;
        match l2.ops.write(&l2.router, l2.timeout, &key, &bytes, life, dead_below).await {
            Ok(Written::Stored) => {
                counters.writes.add(1);
                counters.bytes_written.add(bytes.len() as u64);
            }
            Ok(Written::Refused) => counters.refused.add(1),
            Err(_) => counters.write_errors.add(1),
        }
    }
}

/// An entry from Redis in terms of the monotonic clock. One from the future, by a clock ahead of ours, counts as new.
fn arrived<V: Value>(value: V, meta: &Meta, mark: Mark, key_weight: usize) -> Entry<V> {
    let age = clock::unix_ms().saturating_sub(meta.created_ms);
    let now = clock::now();
    let loaded_at = now.saturating_sub(age);
    let weight = value.weight().saturating_add(key_weight);
    Entry {
        version: meta.version,
        loaded_at,
        fresh_until: loaded_at.saturating_add(meta.fresh_ms),
        stale_until: loaded_at.saturating_add(meta.stale_ms),
        mark,
        checked: 0,
        weight: u32::try_from(weight).unwrap_or(u32::MAX),
        value: Arc::new(value),
    }
}
