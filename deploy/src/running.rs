//! A process that is remembered.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use local_servers::Process;
use serde::{Deserialize, Serialize};

/// A process that we started. The number alone is not trusted: numbers are used again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Process number.
    pub pid: u32,
    /// See [`local_servers::mark_of`].
    pub mark: String,
    /// When it was started, Unix seconds.
    pub started: u64,
}

impl Running {
    /// Notes a process that was just started; `None` when it has ended already.
    pub fn note(pid: u32) -> Option<Self> {
        Some(Self { pid, mark: local_servers::mark_of(pid)?, started: now() })
    }

    /// Notes a process that runs for a while already.
    pub fn found(pid: u32) -> Option<Self> {
        let age = local_servers::age_of(pid).unwrap_or_default().as_secs();
        Self::note(pid).map(|it| Self { started: it.started.saturating_sub(age), ..it })
    }

    /// The process, if it is still the one that was noted.
    pub fn process(&self) -> Option<Process> {
        Process::attach(self.pid, &self.mark)
    }

    /// Time since it was started.
    pub fn uptime(&self) -> Duration {
        Duration::from_secs(now().saturating_sub(self.started))
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_was_used_again_is_stale() {
        let living = Running::note(std::process::id()).unwrap();
        assert!(living.process().is_some());
        let stale = Running { mark: "an earlier boot:1".to_owned(), ..living };
        assert!(stale.process().is_none());
    }
}
