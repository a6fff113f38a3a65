//! This process's copy of the clear log, cheap to ask on every hit.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;

use super::log::Record;
use super::{Log, Mark, Scope};
use crate::clock;
use crate::tags::Tags;

/// The copy. Its generation changes whenever the log does: an entry that was alive in this generation still is.
#[derive(Debug)]
pub(crate) struct Mirror {
    generation: AtomicU64,
    /// When it was last heard that the log, and so all else in Redis, had been lost; 0 if never.
    lost_at: AtomicU64,
    /// When the last reading of the log began; 0 if never.
    read_at: AtomicU64,
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
        let state = RwLock::new(State { log, first_epoch: true });
        Self { generation: AtomicU64::new(1), lost_at: AtomicU64::new(0), read_at: AtomicU64::new(0), state }
    }

    /// The generation. Read it before asking [`alive`](Self::alive), so that a change in between is noticed.
    #[inline]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// When it was last heard that Redis had lost everything, by the monotonic clock; 0 if never.
    pub fn lost_at(&self) -> u64 {
        self.lost_at.load(Ordering::Acquire)
    }

    /// When the last reading of the log in Redis began, by the monotonic clock; 0 if never.
    pub fn read_at(&self) -> u64 {
        self.read_at.load(Ordering::Acquire)
    }

    /// Notes that the log was read, from `at` on.
    pub fn note_read(&self, at: u64) {
        self.read_at.fetch_max(at, Ordering::AcqRel);
    }

    /// What a load that starts now must carry.
    pub fn mark(&self) -> Mark {
        self.state.read().log.mark()
    }

    /// The epoch, and the head below which entries of `category:key` are dead in it, tags not considered.
    pub fn dead_below(&self, category: &str, key: &str) -> Mark {
        let state = self.state.read();
        Mark { epoch: state.log.epoch, head: state.log.dead_below(category, key, &Tags::default()) }
    }

    /// The active clears of tags, newest first: entries with the tag and a head below the number are dead.
    pub fn tag_clears(&self) -> Vec<(String, u64)> {
        let state = self.state.read();
        let active = state.log.records.iter().rev().filter(|r| !r.undone);
        active
            .filter_map(|r| match &r.scope {
                Scope::Tag(tag) => Some((tag.clone(), r.seq)),
                _ => None,
            })
            .collect()
    }

    /// The scope of a record, and whether it is undone.
    pub fn record(&self, seq: u64) -> Option<(Scope, bool)> {
        let state = self.state.read();
        state.log.records.iter().find(|r| r.seq == seq).map(|r| (r.scope.clone(), r.undone))
    }

    /// Whether no active record covers an entry of `category:key` that carries `mark` and `tags`.
    ///
    /// An entry of another epoch is dead. One that was loaded before the log was first read (epoch 0) could be older
    /// than any record: it lives only while none covers it.
    #[inline]
    pub fn alive(&self, mark: Mark, category: &str, key: &str, tags: &Tags) -> bool {
        self.alive_but_for(None, mark, (category, key), tags)
    }

    /// The same as if there were no record of the sequence `without`.
    pub fn alive_but_for(
        &self,
        without: Option<u64>,
        mark: Mark,
        (category, key): (&str, &str),
        tags: &Tags,
    ) -> bool {
        let state = self.state.read();
        let below = state.log.dead_below_but_for(without, category, key, tags);
        if mark.epoch == state.log.epoch {
            mark.head >= below
        } else {
            mark.epoch == 0 && state.first_epoch && below == 0
        }
    }

    /// Whether a record newer than `mark` may cover `category:key`, whatever its tags are.
    pub fn covers_since(&self, mark: Mark, category: &str, key: &str) -> bool {
        let state = self.state.read();
        let newer = |r: &&Record| !r.undone && (mark.epoch != state.log.epoch || r.seq > mark.head);
        let another_log = mark.epoch != state.log.epoch && !(mark.epoch == 0 && state.first_epoch);
        another_log
            || (mark.epoch == state.log.epoch && mark.head < state.log.floor)
            || state
                .log
                .records
                .iter()
                .filter(newer)
                .any(|r| matches!(r.scope, Scope::Tag(_)) || r.scope.covers(category, key, &Tags::default()))
    }

    /// A copy of the log.
    pub fn log(&self) -> Log {
        self.state.read().log.clone()
    }

    /// Changes the generation: whoever was found alive is to be looked at again.
    pub fn bump(&self) {
        self.generation.fetch_add(1, Ordering::Release);
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
        if state.log.epoch == log.epoch && state.log.lost != log.lost {
            self.lost_at.store(clock::now(), Ordering::Release);
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

    #[test]
    fn entries_from_before_the_log_was_read_live_while_nothing_covers_them() {
        let mirror = Mirror::new(Log::unread());
        let early = mirror.mark();
        assert!(mirror.alive(early, "a", "k", &Tags::default()));
        let mut log = Log::fresh();
        log.append(Scope::Category("a".into()), 1);
        mirror.adopt(log.clone());
        assert!(!mirror.alive(early, "a", "k", &Tags::default()));
        assert!(mirror.alive(early, "b", "k", &Tags::default()));
        mirror.adopt(Log::fresh());
        assert!(!mirror.alive(early, "b", "k", &Tags::default()), "the log was lost meanwhile");
    }

    #[test]
    fn another_epoch_kills_and_an_older_state_is_no_news() {
        let mirror = Mirror::new(Log::fresh());
        let before = mirror.log();
        let mark = mirror.mark();
        mirror.change(|log| log.append(Scope::All, 5));
        let generation = mirror.generation();
        assert!(!mirror.alive(mark, "a", "k", &Tags::default()));
        mirror.adopt(before);
        assert_eq!(mirror.generation(), generation);
        let now = mirror.mark();
        assert!(mirror.alive(now, "a", "k", &Tags::default()));
        mirror.adopt(Log::fresh());
        assert!(!mirror.alive(now, "a", "k", &Tags::default()));
    }
}
