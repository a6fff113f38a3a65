//! Time, cheap enough to be read on every hit.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Added to every reading, so that a value loaded before this machine booted still has a time of its own.
const OFFSET_MS: u64 = 1 << 42;

/// Monotonic milliseconds. Only differences mean anything.
///
/// Reads the coarse clock: it may lag by some milliseconds, and costs a fifth of `Instant::now`.
#[inline]
pub(crate) fn now() -> u64 {
    let ticks = coarsetime::Instant::now_without_cache_update().as_ticks();
    // A tick is 2^-32 s.
    let whole = (ticks >> 32) * 1_000;
    let part = ((ticks & 0xffff_ffff) * 1_000) >> 32;
    OFFSET_MS + whole + part
}

/// Unix milliseconds of the wall clock; 0 when it stands before 1970.
pub(crate) fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map(millis).unwrap_or(0)
}

/// Unix microseconds of the wall clock; 0 when it stands before 1970.
pub(crate) fn unix_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map(micros).unwrap_or(0)
}

/// A duration in whole milliseconds, saturating.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A duration in whole microseconds, saturating.
pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_precise_clock() {
        let precise = std::time::Instant::now();
        let start = now();
        while now() == start {
            assert!(precise.elapsed() < Duration::from_secs(10), "the clock stands still");
            std::hint::spin_loop();
        }
        let coarse = now() - start;
        // The coarse step is at most some tens of milliseconds, whatever the machine does meanwhile.
        assert!(coarse <= millis(precise.elapsed()) + 50);
    }
}
