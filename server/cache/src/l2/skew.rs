//! How far this machine's clock is from that of Redis, so that servers whose clocks differ agree on the age of an entry.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use crate::clock;

/// Differences up to this are left alone: the way to Redis and back explains them, and a correction would only add noise.
const IGNORED_MS: i64 = 1_000;
/// From this on the difference is logged.
const LOGGED_MS: i64 = 2_000;
/// Between two questions.
const ASK_EVERY_MS: u64 = 10_000;

/// This machine's clock minus that of Redis.
#[derive(Debug, Default)]
pub(crate) struct Skew {
    /// Milliseconds to be corrected; 0 within [`IGNORED_MS`].
    corrected_ms: AtomicI64,
    /// As last asked.
    ahead_ms: AtomicI64,
    was_told: AtomicBool,
    /// By the monotonic clock; 0 before the first question.
    asked: AtomicU64,
    was_logged: AtomicBool,
}

impl Skew {
    /// Unix milliseconds by the clock of Redis, as far as it is known.
    pub fn unix_ms(&self) -> u64 {
        let corrected = self.corrected_ms.load(Ordering::Relaxed);
        clock::unix_ms().saturating_add_signed(corrected.saturating_neg())
    }

    /// Milliseconds, negative when behind; none before the first answer.
    pub fn ahead_ms(&self) -> Option<i64> {
        self.was_told.load(Ordering::Acquire).then(|| self.ahead_ms.load(Ordering::Relaxed))
    }

    /// Whether it is time to ask for the time; it then counts as asked.
    pub(super) fn is_due(&self) -> bool {
        let now = clock::now();
        let last = self.asked.load(Ordering::Relaxed);
        let due = last == 0 || now.saturating_sub(last) >= ASK_EVERY_MS;
        if due {
            self.asked.store(now, Ordering::Relaxed);
        }
        due
    }

    /// Takes in that Redis answered `theirs` to a question between `before` and `after`, all Unix milliseconds.
    pub fn note(&self, before: u64, theirs: u64, after: u64) {
        let ahead = ahead_ms(before, theirs, after);
        let corrected = if ahead.abs() > IGNORED_MS { ahead } else { 0 };
        self.corrected_ms.store(corrected, Ordering::Relaxed);
        self.ahead_ms.store(ahead, Ordering::Relaxed);
        self.was_told.store(true, Ordering::Release);
        let apart = ahead.abs() > LOGGED_MS;
        if self.was_logged.swap(apart, Ordering::Relaxed) == apart {
            return;
        }
        if apart {
            let way = if ahead > 0 { "ahead of" } else { "behind" };
            let seconds = ahead.abs() / 1_000;
            tracing::warn!(
                ahead_ms = ahead,
                "this machine's clock is {seconds} s {way} Redis' clock; have both set by NTP"
            );
        } else {
            tracing::info!("this machine's clock agrees with Redis' clock again");
        }
    }
}

/// How far a clock that said `before` and `after` is ahead of one that said `theirs` in between, all Unix milliseconds. What the
/// way there and back explains is no difference.
pub(super) fn ahead_ms(before: u64, theirs: u64, after: u64) -> i64 {
    let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
    let (before, theirs, after) = (signed(before), signed(theirs), signed(after));
    if theirs < before { before - theirs } else { (after - theirs).min(0) }
}

/// Unix milliseconds of an answer of `TIME`: seconds and microseconds.
pub(super) fn time_ms((seconds, micros): (u64, u64)) -> u64 {
    seconds.saturating_mul(1_000).saturating_add(micros / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_way_there_does_not_explain_is_corrected() {
        let skew = Skew::default();
        let ahead = |before, theirs, after| {
            skew.note(before, theirs, after);
            skew.corrected_ms.load(Ordering::Relaxed)
        };
        assert_eq!(ahead(10_000, 11_500, 12_000), 0);
        assert_eq!(ahead(10_000, 9_500, 12_000), 0, "half a second is noise");
        assert_eq!(ahead(10_000, 5_000, 10_100), 5_000);
        assert!(skew.unix_ms() <= clock::unix_ms() - 4_900, "our clock is ahead: theirs is earlier");
        assert_eq!(ahead(10_000, 70_100, 10_100), -60_000);
        assert!(skew.unix_ms() >= clock::unix_ms() + 59_900);
        assert_eq!(ahead(10_000, 10_050, 10_100), 0);
    }

    #[test]
    fn the_first_question_is_due_at_once_and_the_next_later() {
        let skew = Skew::default();
        assert!(skew.is_due() && !skew.is_due());
    }
}
