//! This machine's clock beside another's.

use std::time::Duration;

use super::finding::Finding;
use crate::feed::now_ms;

/// Farther apart than this is worth a word: ages and expiry go by the clock.
const APART_MS: i64 = 2_000;

/// Unix ms.
pub(super) fn now() -> i64 {
    now_ms()
}

/// This machine's clock is so far ahead of another, ms; negative when behind.
pub(super) fn apart(name: &str, ahead_ms: i64) -> Finding {
    if ahead_ms.abs() > APART_MS {
        let way = if ahead_ms > 0 { "ahead" } else { "behind" };
        let detail = format!("this machine's clock is {} s {way}", ahead_ms.abs() / 1_000);
        return Finding::warn(name, detail, "let both machines' clocks be set by NTP");
    }
    Finding::ok(name, "they agree")
}

/// The other clock said `theirs` at some time between `before` and `after` of ours, all Unix ms.
pub(super) fn compare(name: &str, before: i64, theirs: i64, after: i64) -> Finding {
    let ahead = if theirs < before { before - theirs } else { (after - theirs).min(0) };
    let took = Duration::from_millis(u64::try_from(after - before).unwrap_or(0));
    apart(name, ahead).took(took)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::check::finding::State;

    #[test]
    fn only_what_the_way_there_does_not_explain_counts() {
        let state = |before, theirs, after| compare("x", before, theirs, after).state;
        assert_eq!(state(10_000, 11_000, 12_000), State::Ok);
        assert_eq!(state(10_000, 13_900, 12_000), State::Ok);
        assert_eq!(state(10_000, 8_100, 10_000), State::Ok);
        let behind = compare("x", 10_000, 15_000, 12_000);
        assert_eq!(
            (behind.state, behind.detail.as_str()),
            (State::Warn, "this machine's clock is 3 s behind")
        );
        let ahead = compare("x", 10_000, 7_000, 12_000);
        assert_eq!((ahead.state, ahead.detail.as_str()), (State::Warn, "this machine's clock is 3 s ahead"));
    }
}
