//! An entry as L1 holds it.

use std::sync::Arc;
use std::time::Duration;

use crate::clears::Mark;
use crate::clock;
use crate::hit::{Hit, StaleReason, Tier};
use crate::policy::{MAX_LIFE, Policy};

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
}

/// A value with all that decides whether it may answer. Cheap to clone.
#[derive(Debug)]
pub(crate) struct Entry<V> {
    pub value: Arc<V>,
    pub version: u64,
    /// By the monotonic clock, like all times here.
    pub loaded_at: u64,
    pub fresh_until: u64,
    pub stale_until: u64,
    /// Where the clear log stood when the load began.
    pub mark: Mark,
    /// The generation of the mirror in which no clear covered it.
    pub checked: u64,
    /// Bytes in memory, key and bookkeeping not counted.
    pub weight: u32,
}

impl<V> Clone for Entry<V> {
    #[inline]
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), ..*self }
    }
}

impl<V> Entry<V> {
    #[inline]
    pub fn is_fresh(&self, now: u64) -> bool {
        now < self.fresh_until
    }

    /// Past its hard life an entry is gone.
    #[inline]
    pub fn is_gone(&self, now: u64) -> bool {
        now >= self.stale_until
    }

    /// Whether this one, alive, keeps `other` out: newer by version, then clear log, then time of the load.
    pub fn outranks<W>(&self, other: &Entry<W>) -> bool {
        let rank = |version, head, at| (version, head, at);
        rank(self.version, self.mark.head, self.loaded_at)
            > rank(other.version, other.mark.head, other.loaded_at)
    }

    #[inline]
    pub fn into_hit(self, now: u64, tier: Tier, stale: Option<StaleReason>) -> Hit<V> {
        Hit {
            value: self.value,
            version: self.version,
            tier,
            age: Duration::from_millis(now.saturating_sub(self.loaded_at)),
            stale,
        }
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
}
