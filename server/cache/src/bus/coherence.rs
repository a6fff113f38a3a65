//! What this process knows of the writes of others, cheap to ask on every hit.
//!
//! Announced versions are kept in buckets by the hash of the name. Each bucket has a generation; the sum of it and the
//! clear log's generation is the stamp that an entry was checked under. Both only grow, so an equal sum means that
//! neither changed: one comparison tells a hit that nothing about its key was cleared or announced.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::VERIFIED_FOR;
use crate::clears::Mirror;
use crate::clock;
use crate::entry::Meta;

/// Buckets; a power of two.
const BUCKETS: usize = 1_024;
/// Announced versions kept in one bucket. The oldest goes first, and then all entries of the bucket are in doubt.
const FLOORS: usize = 16;

/// The hash by which an entry is announced.
pub(crate) fn name_hash(category: &str, text: &str) -> u64 {
    xxh3_64_with_seed(text.as_bytes(), xxh3_64(category.as_bytes()))
}

/// The bucket of a name.
#[inline]
fn place(name: u64) -> usize {
    // The mask keeps it within the buckets; a cast cannot lose what the mask leaves.
    name as usize & (BUCKETS - 1)
}

/// Announced: entries of this name below this version are old.
#[derive(Debug, Clone, Copy)]
struct Floor {
    name: u64,
    version: u64,
    /// The soft life of this very version is over, too.
    expired: bool,
    at: u64,
}

#[derive(Debug, Default)]
struct Bucket {
    floors: Vec<Floor>,
    /// Floors were dropped at this time: entries verified before are in doubt.
    doubt_at: u64,
}

/// What is to be thought of an entry in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Judgement {
    /// Another server wrote this version; 0 if none.
    pub needs: u64,
    /// Nothing may have been missed since it was last compared with Redis or loaded.
    pub verified: bool,
    /// The judgement holds until the stamp changes.
    pub lasting: bool,
}

/// What is known of the writes of others.
#[derive(Debug)]
pub(crate) struct Coherence {
    mirror: Arc<Mirror>,
    /// Of the buckets. Apart from them, so that what every hit reads fits into a processor's cache.
    generations: Box<[AtomicU64]>,
    buckets: Box<[Mutex<Bucket>]>,
    /// Messages may have been missed before this time: entries verified earlier are in doubt.
    doubt_at: AtomicU64,
    /// Announcements can be trusted. Always so without Redis, where there is nobody else.
    trusted: AtomicBool,
    /// Other processes are known, or could be there: nobody has listened yet.
    peers: AtomicBool,
    pub doubts: AtomicU64,
    pub announced: AtomicU64,
}

impl Coherence {
    /// `alone`: there is no Redis, so nobody else writes.
    pub fn new(mirror: Arc<Mirror>, alone: bool) -> Self {
        Self {
            mirror,
            generations: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(),
            buckets: (0..BUCKETS).map(|_| Mutex::default()).collect(),
            doubt_at: AtomicU64::new(0),
            trusted: AtomicBool::new(alone),
            peers: AtomicBool::new(!alone),
            doubts: AtomicU64::new(0),
            announced: AtomicU64::new(0),
        }
    }

    /// Changes whenever something was cleared, or announced in the bucket of `name`.
    /// Read it before judging, so that a change in between is noticed.
    #[inline]
    pub fn stamp(&self, name: u64) -> u64 {
        self.mirror.generation().wrapping_add(self.generations[place(name)].load(Ordering::Acquire))
    }

    /// Takes in that `version` of `name` was written, by another process or, told by Redis, before us.
    pub fn raise(&self, name: u64, version: u64, expired: bool) {
        self.announced.fetch_add(1, Ordering::Relaxed);
        let now = clock::now();
        let mut inner = self.buckets[place(name)].lock();
        match inner.floors.iter_mut().find(|floor| floor.name == name) {
            Some(floor) if floor.version < version => {
                (floor.version, floor.expired, floor.at) = (version, expired, now);
            }
            Some(floor) => {
                floor.expired |= expired && floor.version == version;
                floor.at = now;
            }
            None => {
                if inner.floors.len() >= FLOORS
                    && let Some(oldest) = (0..inner.floors.len()).min_by_key(|i| inner.floors[*i].at)
                {
                    inner.floors.swap_remove(oldest);
                    // Read before the removal, an entry may still be too old.
                    inner.doubt_at = now;
                }
                inner.floors.push(Floor { name, version, expired, at: now });
            }
        }
        drop(inner);
        self.generations[place(name)].fetch_add(1, Ordering::Release);
    }

    /// Drops what was announced of `name` up to `version` before `asked`: the source itself, asked then, has said that
    /// there is nothing newer. Of what was announced since it could not know.
    pub fn settle(&self, name: u64, version: u64, asked: u64) {
        let mut bucket = self.buckets[place(name)].lock();
        bucket.floors.retain(|f| f.name != name || f.version > version || f.at >= asked);
    }

    /// Something may have been missed: everything held is to be compared with Redis before it answers again.
    pub fn doubt(&self) {
        self.doubt_before(clock::now());
    }

    /// The same for what was compared or loaded before `at`: what came since was heard.
    pub fn doubt_before(&self, at: u64) {
        self.doubts.fetch_add(1, Ordering::Relaxed);
        self.doubt_at.fetch_max(at, Ordering::AcqRel);
        self.mirror.bump();
    }

    /// Whether announcements can be trusted from now on. Gaining trust needs a [`doubt`](Self::doubt) first.
    pub fn set_trusted(&self, trusted: bool) {
        if self.trusted.swap(trusted, Ordering::AcqRel) != trusted {
            self.mirror.bump();
        }
    }

    /// Whether other processes are there. Who is alone has nothing to miss while Redis is away.
    pub fn set_peers(&self, peers: bool) {
        if self.peers.swap(peers, Ordering::AcqRel) != peers {
            self.mirror.bump();
        }
    }

    pub fn has_peers(&self) -> bool {
        self.peers.load(Ordering::Acquire)
    }

    pub fn is_trusted(&self) -> bool {
        self.trusted.load(Ordering::Acquire)
    }

    /// Judges an entry. Takes a lock: for entries whose stamp is out of date.
    pub fn judge(&self, meta: &Meta) -> Judgement {
        let trusted = self.is_trusted() || !self.has_peers();
        let verified_at = meta.verified_at();
        let (floor, doubt_here) = {
            let inner = self.buckets[place(meta.name)].lock();
            (inner.floors.iter().find(|floor| floor.name == meta.name).copied(), inner.doubt_at)
        };
        let needs = match floor {
            Some(floor) if floor.version > meta.version => floor.version,
            Some(floor) if floor.version == meta.version && floor.expired && floor.at >= meta.loaded_at => {
                meta.expire();
                0
            }
            _ => 0,
        };
        // What Redis has lost, an older one may stand in for there: who holds the newer one has to see it.
        let doubt_at = self.doubt_at.load(Ordering::Acquire).max(doubt_here).max(self.mirror.lost_at());
        // The clock is coarse: what happened in the same tick may have happened before.
        let verified = verified_at > doubt_at || doubt_at == 0;
        let recent = clock::now() <= verified_at.saturating_add(clock::millis(VERIFIED_FOR));
        Judgement {
            needs,
            verified: verified && (trusted || recent),
            lasting: trusted && verified && needs == 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clears::{Log, Mark};
    use crate::entry::{Facts, Lives};
    use crate::tags::Tags;

    fn meta(name: u64, version: u64) -> Meta {
        let now = clock::now();
        let facts = Facts {
            version,
            loaded_at: now,
            lives: Lives::short(Duration::from_secs(100)),
            mark: Mark { epoch: 1, head: 0 },
            name,
            cost_us: 0,
            weight: 0,
            tags: Tags::default(),
            verified_at: now,
        };
        Meta::new(facts, 0.0)
    }

    fn coherence() -> Coherence {
        let coherence = Coherence::new(Arc::new(Mirror::new(Log::fresh())), false);
        coherence.set_trusted(true);
        coherence
    }

    #[test]
    fn an_announced_version_is_needed_by_that_name_alone() {
        let coherence = coherence();
        let name = name_hash("charts", "BTC");
        let stamp = coherence.stamp(name);
        coherence.raise(name, 5, false);
        assert_ne!(coherence.stamp(name), stamp);
        assert_eq!(coherence.judge(&meta(name, 4)).needs, 5);
        assert_eq!(coherence.judge(&meta(name, 5)).needs, 0);
        assert_eq!(coherence.judge(&meta(name_hash("charts", "ETH"), 4)).needs, 0);
        coherence.raise(name, 3, false);
        assert_eq!(coherence.judge(&meta(name, 4)).needs, 5, "an older one changes nothing");
        coherence.settle(name, 5, clock::now() - 1_000);
        assert_eq!(coherence.judge(&meta(name, 4)).needs, 5, "announced since the source was asked");
        coherence.settle(name, 5, clock::now() + 1_000);
        assert_eq!(coherence.judge(&meta(name, 4)).needs, 0);
    }

    #[test]
    fn a_full_bucket_forgets_the_oldest_and_doubts_the_rest() {
        let coherence = coherence();
        // All of one bucket.
        let names: Vec<u64> = (0..=FLOORS as u64).map(|i| i * BUCKETS as u64).collect();
        let held = meta(names[0], 1);
        assert!(coherence.judge(&held).verified);
        for name in &names {
            coherence.raise(*name, 9, false);
        }
        let judgement = coherence.judge(&held);
        assert!(judgement.needs == 9 || !judgement.verified, "neither known nor in doubt: {judgement:?}");
    }

    #[test]
    fn doubt_asks_for_a_comparison_and_distrust_for_one_now_and_then() {
        let coherence = coherence();
        let held = meta(1, 1);
        assert!(coherence.judge(&held).lasting);
        coherence.doubt();
        assert!(!coherence.judge(&held).verified);
        held.note_verified(clock::now() + 1_000);
        assert!(coherence.judge(&held).lasting);
        coherence.set_trusted(false);
        let judgement = coherence.judge(&held);
        assert!(judgement.verified && !judgement.lasting);
    }

    #[test]
    fn an_announced_end_of_the_soft_life_ends_it() {
        let coherence = coherence();
        let held = meta(1, 7);
        coherence.raise(1, 7, true);
        coherence.judge(&held);
        assert!(!held.is_fresh(clock::now()) && !held.is_gone(clock::now()));
    }
}
