//! A category's reads of Redis, and its side of writes and leases.

use std::sync::Arc;
use std::time::Duration;

use crate::clears::Mark;
use crate::clock;
use crate::codec::Value;
use crate::core::Core;
use crate::entry::{self, Entry, Kind, Lives, Meta};
use crate::frame::{self, Content, Facts};
use crate::header::{self, Invalid};
use crate::key::{Key, entry_key, lease_key};
use crate::l2::{Access, Bar, Fetched, L2Error, Leased};
use crate::outgoing::{Lease, Origin, Outgoing};

/// What became of asking for a lease.
pub(crate) enum Right<V> {
    /// Load; give the lease back, if there is one.
    Load(Option<Lease>),
    /// Another process has loaded meanwhile.
    Found(Entry<V>),
    /// Another process loads, for so long yet at most.
    Wait(Duration),
    /// Redis gave no answer.
    Unknown,
}

impl<K: Key, V: Value> Core<K, V> {
    /// Whether Redis could be asked for `key` now.
    pub fn l2_is_open_for(&self, key: &K) -> bool {
        let Some(l2) = self.shared.l2.as_ref().filter(|_| self.policy.tiers.has_l2()) else { return false };
        let key = entry_key(&self.shared.namespace, self.name, &key.to_string());
        l2.router.is_open_for(&key, self.access())
    }

    fn access(&self) -> Access {
        if self.policy.read_replicas { Access::ReadAnywhere } else { Access::Read }
    }

    fn most_bytes(&self) -> usize {
        self.shared.max_entry_bytes + header::LEN + MAX_EXTRA
    }

    /// The living entry in Redis, if it answers in time. Whatever is wrong is counted, and a miss.
    pub async fn fetch(&self, text: &str) -> Option<Entry<V>> {
        let l2 = self.shared.l2.as_ref().filter(|_| self.policy.tiers.has_l2())?;
        let key = entry_key(&self.shared.namespace, self.name, text);
        let asked_at = clock::now();
        let fetched = l2.ops.fetch(&l2.router, l2.timeout, &key, self.most_bytes(), self.access()).await;
        let (entry, unreadable) = self.read((&key, text), fetched, self.asked(&key, asked_at));
        if let Some(bytes) = unreadable {
            // Boxed, so that every read does not carry the size of this.
            let _ = Box::pin(l2.ops.discard(&l2.router, l2.timeout, &key, &bytes)).await;
        }
        entry
    }

    /// The keys in Redis of these key texts.
    pub fn entry_keys<'a>(&self, texts: impl Iterator<Item = &'a str>) -> Vec<String> {
        texts.map(|text| entry_key(&self.shared.namespace, self.name, text)).collect()
    }

    /// Asks for many entries by their keys in Redis, one round trip a node. `each` is called once a key as the nodes
    /// answer, with its place and the answer: for [`read_one`](Self::read_one).
    pub async fn fetch_many(&self, keys: &[String], mut each: impl FnMut(usize, Result<Fetched, L2Error>)) {
        match self.shared.l2.as_ref().filter(|_| self.policy.tiers.has_l2()) {
            Some(l2) => l2.router.fetch_many(l2.timeout, keys, self.most_bytes(), self.access(), each).await,
            None => (0..keys.len()).for_each(|i| each(i, Err(L2Error::NotConfigured))),
        }
    }

    /// The living entry in an answer to what was asked at `asked_at`. What is unreadable is discarded when it is asked for
    /// by itself, or overwritten by what is loaded now.
    pub fn read_one(
        &self,
        (key, text): (&str, &str),
        fetched: Result<Fetched, L2Error>,
        asked_at: u64,
    ) -> Option<Entry<V>> {
        self.policy.tiers.has_l2().then(|| self.read((key, text), fetched, self.asked(key, asked_at)).0)?
    }

    /// As of when Redis says what is the newest: 0 if the node that was asked cannot know.
    fn asked(&self, key: &str, asked_at: u64) -> u64 {
        let vouched = self.shared.l2.as_ref().is_none_or(|l2| l2.router.vouches_for(key));
        if vouched { asked_at } else { 0 }
    }

    /// Judges what Redis answered. Beside the entry: bytes that are in the way.
    fn read(
        &self,
        (key, text): (&str, &str),
        fetched: Result<Fetched, L2Error>,
        asked_at: u64,
    ) -> (Option<Entry<V>>, Option<Vec<u8>>) {
        let counters = &self.counters.l2;
        let bytes = match fetched {
            Ok(Fetched::Bytes(bytes)) => bytes,
            other => {
                match other {
                    Ok(Fetched::Oversized) => counters.invalid.add(1),
                    Ok(Fetched::Foreign) => self.note_foreign(key),
                    Err(L2Error::Timeout) => counters.timeouts.add(1),
                    Err(L2Error::Disconnected(_)) => counters.skipped.add(1),
                    Err(L2Error::Broken(_)) => counters.broken.add(1),
                    Err(_) => counters.errors.add(1),
                    Ok(_) => counters.misses.add(1),
                }
                return (None, None);
            }
        };
        counters.bytes_read.add(bytes.len() as u64);
        match frame::decode::<V>(&bytes, self.shared.max_entry_bytes) {
            Ok((content, facts)) => (self.admit(text, content, facts, asked_at), None),
            Err(Invalid::Foreign) => {
                self.note_foreign(key);
                (None, None)
            }
            Err(invalid) => {
                counters.invalid.add(1);
                tracing::debug!(category = self.name, key = text, %invalid, "entry in Redis is unreadable");
                // Another schema may be of use to a server of another release; the rest is in the way.
                (None, (invalid != Invalid::Schema).then_some(bytes))
            }
        }
    }

    fn note_foreign(&self, key: &str) {
        self.counters.l2.foreign.add(1);
        if let Some(l2) = &self.shared.l2 {
            l2.router.note_foreign(key);
        }
    }

    /// An entry from Redis, if it is alive.
    fn admit(&self, text: &str, content: Content<V>, facts: Facts, asked_at: u64) -> Option<Entry<V>> {
        let counters = &self.counters.l2;
        let mark = Mark { epoch: facts.clear_epoch, head: facts.clear_head };
        if !self.mirror.alive(mark, self.name, text, &facts.tags) {
            counters.dead.add(1);
            return None;
        }
        // Taken for new it would count as new each time it is read, until our clock has caught up with the one it was made by.
        if facts.created_ms > self.shared.unix_ms().saturating_add(MAX_FUTURE_MS) {
            counters.invalid.add(1);
            return None;
        }
        let entry = self.arrived(text, content, facts, mark, asked_at);
        if entry.meta().is_gone(clock::now()) {
            counters.misses.add(1);
            return None;
        }
        Some(entry)
    }

    /// An entry from Redis in terms of the monotonic clock. One that is a little ahead of our clock counts as new.
    fn arrived(&self, text: &str, content: Content<V>, facts: Facts, mark: Mark, asked_at: u64) -> Entry<V> {
        let age = self.shared.unix_ms().saturating_sub(facts.created_ms);
        let weight = match &content {
            Content::Value(value) => value.weight(),
            Content::Absent | Content::Removed => 0,
        };
        let meta = entry::Facts {
            version: facts.version,
            loaded_at: clock::now().saturating_sub(age),
            lives: Lives { fresh_ms: facts.fresh_ms, stale_ms: facts.stale_ms },
            mark,
            name: self.name_hash(text),
            cost_us: facts.cost_us,
            weight: weight.saturating_add(text.len()),
            tags: facts.tags,
            // Redis may have got a newer one since it was asked, not before.
            verified_at: asked_at,
        };
        let meta = Meta::new(meta, self.policy.refresh_ahead);
        match content {
            Content::Value(value) => Entry::value(meta, value),
            Content::Absent => Entry::marker(meta, Kind::Absent),
            Content::Removed => Entry::marker(meta, Kind::Removed),
        }
    }

    /// Writes an entry to Redis behind the caller.
    pub fn write_behind(self: &Arc<Self>, text: &str, entry: &Entry<V>, origin: Origin) {
        if self.shared.l2.is_none() || !self.policy.tiers.has_l2() {
            return;
        }
        let place = (self.shared.namespace.as_str(), self.name, text);
        let now_ms = self.shared.unix_ms();
        match Outgoing::new(place, entry, &origin, &self.policy, self.shared.max_entry_bytes, now_ms) {
            Ok(outgoing) => self.shared.write_behind(&self.counters, outgoing),
            Err(error) => {
                self.counters.l2.write_errors.add(1);
                tracing::debug!(category = self.name, key = text, %error, "value stays out of Redis");
                if let Origin::Loaded(Some(lease)) = origin {
                    self.shared.release_behind(lease);
                }
            }
        }
    }

    /// Puts an entry from Redis into memory. If memory has a newer one, Redis has lost it, or an older one took its place
    /// after it was lost: it gets it again.
    pub fn keep_from_l2(self: &Arc<Self>, key: &K, text: &str, entry: Entry<V>) -> Entry<V> {
        let version = entry.meta().version;
        let kept = self.keep(key, text, entry);
        let meta = kept.meta();
        // One that is known to be old, or past its soft life, is loaded anew, and that is written.
        if meta.version > version && self.judge(meta).needs == 0 && meta.is_fresh(clock::now()) {
            self.write_behind(text, &kept, Origin::Memory);
        }
        kept
    }

    /// Asks for the right to load for a flight that began at `mark` of the clear log.
    /// `newer_than`: entries loaded before, by the monotonic clock, are no use.
    pub async fn ask_lease(&self, text: &str, mark: Mark, min_version: u64, newer_than: u64) -> Right<V> {
        let Some(l2) = self.shared.l2.as_ref().filter(|_| self.policy.tiers.has_l2()) else {
            return Right::Load(None);
        };
        if self.policy.lease_for.is_zero() || !l2.router.is_open() {
            return Right::Load(None);
        }
        let lease = Lease {
            key: lease_key(&self.shared.namespace, self.name, text),
            token: Lease::token(l2.outbox.publisher, mark),
        };
        let (now, now_ms) = (clock::now(), self.shared.unix_ms());
        let bar = Bar {
            schema: V::SCHEMA,
            dead_below: self.mirror.dead_below(self.name, text),
            tag_clears: self.mirror.tag_clears(),
            min_version,
            now_ms,
            newer_than_ms: now_ms.saturating_sub(now.saturating_sub(newer_than)),
            max_bytes: self.most_bytes(),
        };
        let key = entry_key(&self.shared.namespace, self.name, text);
        let asked = l2.leases.ask(&l2.router, l2.timeout, &key, &lease, self.policy.lease_for, &bar).await;
        match asked {
            Ok(Leased::Granted) => {
                self.counters.source.leases.add(1);
                Right::Load(Some(lease))
            }
            Ok(Leased::Unavailable) => Right::Load(None),
            Ok(Leased::Held(left)) => Right::Wait(left),
            Ok(Leased::Entry(bytes)) => {
                match self.read((&key, text), Ok(Fetched::Bytes(bytes)), self.asked(&key, now)) {
                    (Some(entry), _) => Right::Found(entry),
                    // Cleared between, or it does not decode: then it has to be loaded.
                    (None, _) => Right::Load(None),
                }
            }
            Err(_) => Right::Unknown,
        }
    }
}

/// An entry whose load ended later than this, by our clock and that of Redis, is not used: it cannot be told how old it is.
const MAX_FUTURE_MS: u64 = 2_000;
/// Bytes between header and payload at most.
const MAX_EXTRA: usize = crate::scan::MAX_TAGS_LEN;
