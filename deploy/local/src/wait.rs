//! How long a server's start is waited for.

use std::time::{Duration, Instant};

use crate::{ports::wait_until, programs::last_line};

/// How long to wait for a server, and what to do meanwhile.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Longest wait.
    pub bound: Duration,
    /// Called about once a second with the time waited and the last line of the server's log; the wait ends when it says no.
    pub goes_on: fn(Duration, &str) -> bool,
}

impl Patience {
    /// This long, in silence.
    #[must_use]
    pub const fn silent(bound: Duration) -> Self {
        Self { bound, goes_on: |_, _| true }
    }

    /// As [`wait_until`]; `log` is the server's.
    pub fn wait(self, log: Option<&std::path::Path>, mut cond: impl FnMut() -> bool) -> bool {
        let began = Instant::now();
        let mut told = 0;
        let mut met = false;
        wait_until(self.bound, || {
            met = cond();
            let waited = began.elapsed();
            let mut goes_on = true;
            if !met && waited.as_secs() > told {
                told = waited.as_secs();
                goes_on = (self.goes_on)(waited, &log.map(last_line).unwrap_or_default());
            }
            met || !goes_on
        });
        met
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_can_be_ended_and_is_told_the_last_line() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        std::fs::write(&log, "one\ntwo\n\n").unwrap();
        let goes_on = |waited: Duration, line: &str| waited < Duration::from_secs(2) && line == "two";
        let patience = Patience { bound: Duration::from_secs(600), goes_on };
        let began = Instant::now();
        assert!(!patience.wait(Some(&log), || false));
        assert!(began.elapsed() < Duration::from_secs(300));
        assert!(patience.wait(None, || true));
    }
}
