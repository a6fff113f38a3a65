//! An entry as L1 holds it: one allocation for the value and all that decides whether it may answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clears::Mark;
use crate::clock;
use crate::hit::Shared;
use crate::policy::{MAX_LIFE, Policy};
use crate::tags::Tags;

/// Early refresh looks this many mean load times ahead, times `refresh_ahead`: an earlier one has odds below 1 to 20,000.
const AHEAD: f64 = 10.0;

/// Soft and hard life in milliseconds, jitter applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lives {
    pub fresh_ms: u64,
    pub stale_ms: u64,
}

impl Lives {
    /// The lives of a value that is written now. `fresh_for` overrides the policy's soft life; the hard life keeps its
    /// distance from it.
    pub fn draw(policy: &Policy, fresh_for: Option<Duration>) -> Self {
        let grace = policy.stale_for.saturating_sub(policy.fresh_for);
        let fresh = fresh_for.unwrap_or(policy.fresh_for).min(MAX_LIFE);
        let stale = fresh.saturating_add(grace).min(MAX_LIFE);
        let kept = 1.0 - policy.jitter * fastrand::f64();
        let fresh_ms = clock::millis(fresh.mul_f64(kept));
        Self { fresh_ms, stale_ms: clock::millis(stale.mul_f64(kept)).max(fresh_ms) }
    }

    /// One life, with no grace after it: for absences and tombstones.
    pub fn short(life: Duration) -> Self {
        let ms = clock::millis(life);
        Self { fresh_ms: ms, stale_ms: ms }
    }
}

/// All about an entry but its value. What a hit reads comes first, on one cache line.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Meta {
    /// Until when a hit needs no further look; 0 when every one does. By the monotonic clock, like all times here.
    fast_until: AtomicU64,
    /// The stamp of the clear log and the announcements under which it was found alive and current.
    checked: AtomicU64,
    /// Hash of category and key text: what announcements are matched by.
    pub name: u64,
    pub version: u64,
    pub loaded_at: u64,
    pub fresh_until: u64,
    pub stale_until: u64,
    /// When it was last known that no tier had a newer one.
    verified_at: AtomicU64,
    /// Where the clear log stood when the load began.
    pub mark: Mark,
    /// What the load cost, µs.
    pub cost_us: u32,
    /// Bytes in memory, bookkeeping of the table not counted.
    pub weight: u32,
    pub tags: Tags,
}

/// What goes into a [`Meta`].
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub version: u64,
    pub loaded_at: u64,
    pub lives: Lives,
    pub mark: Mark,
    pub name: u64,
    pub cost_us: u32,
    pub weight: usize,
    pub tags: Tags,
    pub verified_at: u64,
}

impl Meta {
    pub fn new(facts: Facts, refresh_ahead: f64) -> Self {
        let fresh_until = facts.loaded_at.saturating_add(facts.lives.fresh_ms);
        let window = f64::from(facts.cost_us) / 1_000.0 * refresh_ahead * AHEAD;
        Self {
            // A cast of a float saturates.
            fast_until: AtomicU64::new(fresh_until.saturating_sub(window as u64)),
            checked: AtomicU64::new(0),
            version: facts.version,
            loaded_at: facts.loaded_at,
            fresh_until,
            stale_until: facts.loaded_at.saturating_add(facts.lives.stale_ms),
            verified_at: AtomicU64::new(facts.verified_at),
            mark: facts.mark,
            name: facts.name,
            cost_us: facts.cost_us,
            weight: u32::try_from(facts.weight.saturating_add(facts.tags.weight())).unwrap_or(u32::MAX),
            tags: facts.tags,
        }
    }

    /// Whether a hit needs no further look: within its soft life, and nothing has been cleared or announced since.
    #[inline]
    pub fn is_fast(&self, now: u64, stamp: u64) -> bool {
        now < self.fast_until.load(Ordering::Relaxed) && self.checked.load(Ordering::Relaxed) == stamp
    }

    #[inline]
    pub fn is_fresh(&self, now: u64) -> bool {
        now < self.fresh_until && self.fast_until.load(Ordering::Relaxed) != 0
    }

    /// Past its hard life an entry is gone.
    #[inline]
    pub fn is_gone(&self, now: u64) -> bool {
        now >= self.stale_until
    }

    pub fn is_checked(&self, stamp: u64) -> bool {
        self.checked.load(Ordering::Relaxed) == stamp
    }

    pub fn note_checked(&self, stamp: u64) {
        self.checked.store(stamp, Ordering::Relaxed);
    }

    pub fn verified_at(&self) -> u64 {
        self.verified_at.load(Ordering::Relaxed)
    }

    /// Notes that at `at` no tier had a newer one.
    pub fn note_verified(&self, at: u64) {
        self.verified_at.fetch_max(at, Ordering::Relaxed);
    }

    /// Ends its soft life.
    pub fn expire(&self) {
        self.fast_until.store(0, Ordering::Relaxed);
    }

    /// Whether to refresh now, though it is fresh: XFetch, with odds that rise towards the end of the soft life, sooner
    /// the more a load costs. Vattani, Chierichetti, Lowenstein, "Optimal Probabilistic Cache Stampede Prevention",
    /// VLDB 2015, figure 2: `now - delta * beta * ln(rand()) >= expiry`.
    pub fn is_due_early(&self, now: u64, refresh_ahead: f64) -> bool {
        if refresh_ahead <= 0.0 || now < self.fast_until.load(Ordering::Relaxed) {
            return false;
        }
        let cost_ms = f64::from(self.cost_us) / 1_000.0;
        // 1 - rand is above zero.
        let ahead = -cost_ms * refresh_ahead * (1.0 - fastrand::f64()).ln();
        now as f64 + ahead >= self.fresh_until as f64
    }
}

/// A value and its facts, in one piece.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Stored<V> {
    pub meta: Meta,
    pub value: V,
}

/// What an entry without a value says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A value.
    Value,
    /// The source has no such thing.
    Absent,
    /// It was removed: nothing of this version or an older one may come back.
    Removed,
}

/// An entry without a value.
#[derive(Debug)]
pub(crate) struct Marker {
    pub meta: Meta,
    pub kind: Kind,
}

/// An entry. Cheap to clone.
#[derive(Debug)]
pub(crate) enum Entry<V> {
    Value(Shared<V>),
    Marker(Arc<Marker>),
}

impl<V> Clone for Entry<V> {
    #[inline]
    fn clone(&self) -> Self {
        match self {
            Self::Value(shared) => Self::Value(shared.clone()),
            Self::Marker(marker) => Self::Marker(Arc::clone(marker)),
        }
    }
}

impl<V> Entry<V> {
    pub fn value(meta: Meta, value: V) -> Self {
        Self::Value(Shared::new(Stored { meta, value }))
    }

    pub fn marker(meta: Meta, kind: Kind) -> Self {
        Self::Marker(Arc::new(Marker { meta, kind }))
    }

    #[inline]
    pub fn meta(&self) -> &Meta {
        match self {
            Self::Value(shared) => shared.meta(),
            Self::Marker(marker) => &marker.meta,
        }
    }

    pub fn kind(&self) -> Kind {
        match self {
            Self::Value(_) => Kind::Value,
            Self::Marker(marker) => marker.kind,
        }
    }

    /// Whether both are the same entry in memory.
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Value(a), Self::Value(b)) => a.is(b),
            (Self::Marker(a), Self::Marker(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }

    /// Whether this one, alive, keeps `other` out: newer by version, then a removal, then clear log, then time of the
    /// load. The script that writes to Redis compares the same.
    pub fn outranks(&self, other: &Self) -> bool {
        self.rank() > other.rank()
    }

    fn rank(&self) -> (u64, bool, u64, u64) {
        let meta = self.meta();
        (meta.version, self.kind() == Kind::Removed, meta.mark.head, meta.loaded_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_only_shortens_and_keeps_the_order() {
        let policy = Policy::default()
            .fresh_for(Duration::from_secs(100))
            .stale_for(Duration::from_secs(1_000))
            .jitter(0.5);
        let mut seen = std::collections::HashSet::new();
        for _ in 0..200 {
            let lives = Lives::draw(&policy, None);
            assert!((50_000..=100_000).contains(&lives.fresh_ms), "{lives:?}");
            assert!((500_000..=1_000_000).contains(&lives.stale_ms), "{lives:?}");
            seen.insert(lives.fresh_ms);
        }
        assert!(seen.len() > 1, "no jitter at all");
    }

    #[test]
    fn an_own_soft_life_moves_the_hard_life() {
        let policy = Policy::default()
            .fresh_for(Duration::from_secs(10))
            .stale_for(Duration::from_secs(60))
            .jitter(0.0);
        let lives = |fresh| Lives::draw(&policy, Some(fresh));
        assert_eq!(lives(Duration::from_secs(100)), Lives { fresh_ms: 100_000, stale_ms: 150_000 });
        let longest = clock::millis(MAX_LIFE);
        assert_eq!(lives(Duration::MAX), Lives { fresh_ms: longest, stale_ms: longest });
        assert_eq!(lives(Duration::ZERO), Lives { fresh_ms: 0, stale_ms: 50_000 });
    }

    fn meta(cost_us: u32, refresh_ahead: f64) -> Meta {
        let facts = Facts {
            version: 1,
            loaded_at: 1_000,
            lives: Lives { fresh_ms: 10_000, stale_ms: 20_000 },
            mark: Mark { epoch: 1, head: 0 },
            name: 0,
            cost_us,
            weight: 0,
            tags: Tags::default(),
            verified_at: 0,
        };
        Meta::new(facts, refresh_ahead)
    }

    #[test]
    fn early_refresh_follows_the_formula() {
        // P(early at time t) = P(-ln u >= (expiry - t) / (cost * beta)) = exp(-(expiry - t) / (cost * beta)).
        let meta = meta(100_000, 1.0);
        for (left_ms, expected) in [(50u64, 0.6065), (100, 0.3679), (300, 0.0498)] {
            let now = meta.fresh_until - left_ms;
            let draws = 40_000;
            let early = (0..draws).filter(|_| meta.is_due_early(now, 1.0)).count() as f64 / f64::from(draws);
            assert!((early - expected).abs() < 0.02, "{left_ms} ms before the end: {early}, not {expected}");
        }
        assert!(!meta.is_due_early(meta.fresh_until - 1_001, 1.0), "outside the window");
        assert!(meta.is_fast(meta.fresh_until - 1_001, 0) && !meta.is_fast(meta.fresh_until - 999, 0));
    }

    #[test]
    fn no_early_refresh_when_off_or_free() {
        assert!(!meta(100_000, 0.0).is_due_early(10_999, 0.0));
        let free = meta(0, 1.0);
        assert!((0..1_000).all(|_| !free.is_due_early(10_999, 1.0)));
    }

    #[test]
    fn an_expired_entry_is_not_fresh_and_not_gone() {
        let meta = meta(0, 1.0);
        assert!(meta.is_fresh(5_000));
        meta.expire();
        assert!(!meta.is_fresh(5_000) && !meta.is_fast(5_000, 0) && !meta.is_gone(5_000));
    }
}
