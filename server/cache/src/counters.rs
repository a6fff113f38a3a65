//! Counters, cheap enough to be always on.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// A counter that is seldom counted.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Threads that count alone. So many more share one lane.
const STRIPES: usize = 16;

/// One counter on cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Lane(AtomicU64);

/// A counter that every hit counts: threads count apart, so that they do not fight for one cache line.
#[derive(Debug, Default)]
pub(crate) struct HotCount([Lane; STRIPES + 1]);

static NEXT_STRIPE: AtomicUsize = AtomicUsize::new(0);
const NO_STRIPE: usize = usize::MAX;

thread_local! {
    /// The lane that is this thread's, or the shared one. Numbers are not given twice: a lane has one writer at most.
    static STRIPE: Cell<usize> = const { Cell::new(NO_STRIPE) };
}

/// The lane of this thread.
#[inline]
fn stripe() -> usize {
    let stripe = STRIPE.get();
    if stripe == NO_STRIPE { take_stripe() } else { stripe }
}

#[cold]
fn take_stripe() -> usize {
    let stripe = NEXT_STRIPE.fetch_add(1, Ordering::Relaxed).min(STRIPES);
    STRIPE.set(stripe);
    stripe
}

/// One in so many counts of a [`HotCount`] is a sample.
pub(crate) const SAMPLE: u64 = 64;

impl HotCount {
    /// Counts; true for one count in [`SAMPLE`]. The first is the one in the middle of the first so many: a sample stands for
    /// [`SAMPLE`] counts, and the very first would for what is yet to come.
    #[inline]
    pub fn increment(&self) -> bool {
        self.add(1) % SAMPLE == SAMPLE / 2
    }

    /// Adds; what this thread had before.
    #[inline]
    pub fn add(&self, n: u64) -> u64 {
        let stripe = stripe();
        let lane = &self.0[stripe.min(STRIPES)].0;
        if stripe < STRIPES {
            // Nobody else writes here: a plain addition costs a fifth of one that locks out others.
            let before = lane.load(Ordering::Relaxed);
            lane.store(before.wrapping_add(n), Ordering::Relaxed);
            before
        } else {
            lane.fetch_add(n, Ordering::Relaxed)
        }
    }

    pub fn get(&self) -> u64 {
        self.0.iter().map(|lane| lane.0.load(Ordering::Relaxed)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_however_many_threads_count() {
        const THREADS: u64 = 3 * STRIPES as u64;
        let count = HotCount::default();
        let samples: u64 = std::thread::scope(|scope| {
            let each = || (0..1_000).filter(|_| count.increment()).count() as u64;
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(each)).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
        });
        assert_eq!(count.get(), THREADS * 1_000);
        // A thread's lane may have been begun by nobody else; the shared one is sampled as a whole.
        assert!((THREADS * 1_000 / SAMPLE..=THREADS * (1_000 / SAMPLE + 1)).contains(&samples), "{samples}");
        count.add(5);
        assert_eq!(count.get(), THREADS * 1_000 + 5);
        let young = HotCount::default();
        assert!((0..SAMPLE / 2).all(|_| !young.increment()), "a sample of too few");
    }
}
