//! This process's copy of the clear log, cheap to ask on every hit.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;

use super::{Log, Mark};

/// The copy. Its generation changes whenever the log does: an entry that was alive in this generation still is.
#[derive(Debug)]
pub(crate) struct Mirror {
    generation: AtomicU64,
    state: RwLock<State>,
}

#[derive(Debug)]
struct State {
    log: Log,
    /// No epoch was ever replaced by another: entries loaded before the log was read can still be judged.
    first_epoch: bool,
}

impl Mirror {
    pub fn new(log: Log) -> Self {
        Self { generation: AtomicU64::new(1), state: RwLock::new(State { log, first_epoch: true }) }
    }

    /// The generation. Read it before asking [`alive`](Self::alive), so that a change in between is noticed.
    #[inline]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// What a load that starts now must carry.
    pub fn mark(&self) -> Mark {
        self.state.read().log.mark()
    }

    /// The epoch, and the head below which entries of `category:key` are dead in it.
    pub fn dead_below(&self, category: &str, key: &str) -> Mark {
        let state = self.state.read();
        Mark { epoch: state.log.epoch, head: state.log.dead_below(category, key) }
    }

    /// Whether no active record covers an entry of `category:key` that carries `mark`.
    ///
    /// An entry of another epoch is dead. One that was loaded before the log was first read (epoch 0) could be older
    /// than any record: it lives only while none covers it.
    pub fn alive(&self, mark: Mark, category: &str, key: &str) -> bool {
        let state = self.state.read();
        let below = state.log.dead_below(category, key);
        if mark.epoch == state.log.epoch {
            mark.head >= below
        } else {
            mark.epoch == 0 && state.first_epoch && below == 0
        }
    }

    /// A copy of the log.
    pub fn log(&self) -> Log {
        self.state.read().log.clone()
    }

    /// Takes over what the log has become.
    pub fn adopt(&self, log: Log) {
        let mut state = self.state.write();
        // Answers may arrive out of order: an older state of the same log is no news.
        if log == state.log || (log.epoch == state.log.epoch && !log.continues(&state.log)) {
            return;
        }
        if state.log.epoch != 0 && state.log.epoch != log.epoch {
            state.first_epoch = false;
        }
        state.log = log;
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Changes the log in place: for a log with no Redis behind it.
    pub fn change<T>(&self, change: impl FnOnce(&mut Log) -> T) -> T {
        let mut state = self.state.write();
        let result = change(&mut state.log);
        self.generation.fetch_add(1, Ordering::Release);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clears::Scope;

    #[test]
    fn entries_from_before_the_log_was_read_live_while_nothing_covers_them() {
        let mirror = Mirror::new(Log::unread());
        let early = mirror.mark();
        assert!(mirror.alive(early, "a", "k"));
        let mut log = Log::fresh();
        log.append(Scope::Category("a".into()), 1);
        mirror.adopt(log.clone());
        assert!(!mirror.alive(early, "a", "k"));
        assert!(mirror.alive(early, "b", "k"));
        mirror.adopt(Log::fresh());
        assert!(!mirror.alive(early, "b", "k"), "the log was lost meanwhile");
    }

    #[test]
    fn another_epoch_kills_and_an_older_state_is_no_news() {
        let mirror = Mirror::new(Log::fresh());
        let before = mirror.log();
        let mark = mirror.mark();
        mirror.change(|log| log.append(Scope::All, 5));
        let generation = mirror.generation();
        assert!(!mirror.alive(mark, "a", "k"));
        mirror.adopt(before);
        assert_eq!(mirror.generation(), generation);
        let now = mirror.mark();
        assert!(mirror.alive(now, "a", "k"));
        mirror.adopt(Log::fresh());
        assert!(!mirror.alive(now, "a", "k"));
    }
}
