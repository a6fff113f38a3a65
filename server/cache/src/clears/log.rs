//! The clear log as data: records, what they kill, how they fold.

use std::time::Duration;

use super::Scope;
use crate::policy::MAX_LIFE;
use crate::tags::Tags;

/// The log holds at most this many records.
pub(crate) const MAX_RECORDS: usize = 256;
/// Records older than this can cover no living entry: the longest life, and a day for loads and clocks.
pub(crate) const HORIZON: Duration = MAX_LIFE.saturating_add(Duration::from_secs(24 * 3600));

/// A place in the log: what an entry carries from the start of its load. Epoch 0 stands for a log not read yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    pub epoch: u64,
    pub head: u64,
}

/// One clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub seq: u64,
    pub undone: bool,
    pub at_us: u64,
    pub scope: Scope,
}

/// The log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Log {
    /// Random, drawn when the log is made: a log that was lost and made anew has another one. Never 0 in a real log.
    pub epoch: u64,
    /// Sequence of the newest record ever made.
    pub head: u64,
    /// Entries with a head below it are dead, whatever they are: it stands for the active records folded away.
    pub floor: u64,
    /// Drawn anew each time it is put back after it was lost from Redis, with all else there. Not a count: who puts it
    /// back may have missed another time.
    pub lost: u64,
    /// Changes with every change of the log.
    pub rev: String,
    /// Ascending by sequence.
    pub records: Vec<Record>,
}

impl Log {
    /// The stand-in for a log that has not been read.
    pub fn unread() -> Self {
        Self { epoch: 0, head: 0, floor: 0, lost: 0, rev: String::new(), records: Vec::new() }
    }

    /// An empty log of its own epoch.
    pub fn fresh() -> Self {
        let epoch = fastrand::u64(1..);
        Self { epoch, rev: format!("0.{epoch}"), ..Self::unread() }
    }

    pub fn mark(&self) -> Mark {
        Mark { epoch: self.epoch, head: self.head }
    }

    /// Entries of `category:key` with these tags, loaded in this epoch with a head below the result, are dead.
    pub fn dead_below(&self, category: &str, key: &str, tags: &Tags) -> u64 {
        self.dead_below_but_for(None, category, key, tags)
    }

    /// The same as if there were no record of the sequence `without`.
    pub fn dead_below_but_for(&self, without: Option<u64>, category: &str, key: &str, tags: &Tags) -> u64 {
        self.records
            .iter()
            .rev()
            .find(|r| !r.undone && without != Some(r.seq) && r.scope.covers(category, key, tags))
            .map_or(self.floor, |r| r.seq.max(self.floor))
    }

    /// Appends a record and folds. For a log with no Redis behind it; the script in `store` does the same there.
    pub fn append(&mut self, scope: Scope, now_us: u64) -> u64 {
        self.head += 1;
        self.records.push(Record { seq: self.head, undone: false, at_us: now_us, scope });
        self.fold(now_us);
        self.rev = format!("{}.{now_us}", self.head);
        self.head
    }

    /// Strikes a record. False when there is none of this sequence.
    pub fn undo(&mut self, seq: u64) -> bool {
        let Some(record) = self.records.iter_mut().find(|r| r.seq == seq) else {
            return false;
        };
        record.undone = true;
        true
    }

    /// Drops what can matter no longer; if the log is still too long, struck records, oldest first; if it still is, the
    /// oldest, raising the floor over it: that kills more than asked, and brings nothing back.
    fn fold(&mut self, now_us: u64) {
        let oldest = now_us.saturating_sub(crate::clock::micros(HORIZON));
        self.records.retain(|r| r.at_us >= oldest);
        while self.records.len() > MAX_RECORDS {
            let at = self.records.iter().position(|r| r.undone).unwrap_or(0);
            let gone = self.records.remove(at);
            if !gone.undone {
                self.floor = self.floor.max(gone.seq);
            }
        }
    }

    /// The same, to be put back after it was lost.
    pub fn put_back(&self) -> Self {
        let lost = fastrand::u64(1..);
        Self { lost, rev: format!("{}.lost{lost}", self.head), ..self.clone() }
    }

    /// Whether this log can be a later state of `earlier`. If not, the log was lost or went back, and the marks of
    /// entries mean nothing any more.
    pub fn continues(&self, earlier: &Self) -> bool {
        self.epoch == earlier.epoch
            && self.head >= earlier.head
            && self.floor >= earlier.floor
            && earlier.records.iter().all(|old| {
                self.records
                    .iter()
                    .find(|new| new.seq == old.seq)
                    // Folded away is fine, another record in its place is not.
                    .is_none_or(|new| new.at_us == old.at_us && new.scope == old.scope)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn category(name: &str) -> Scope {
        Scope::Category(name.into())
    }

    #[test]
    fn the_latest_active_record_decides() {
        let mut log = Log::fresh();
        assert_eq!(log.dead_below("a", "k", &Tags::default()), 0);
        let first = log.append(category("a"), 1);
        let second = log.append(Scope::All, 2);
        log.append(category("b"), 3);
        assert_eq!(log.dead_below("a", "k", &Tags::default()), second);
        assert!(log.undo(second));
        assert_eq!(log.dead_below("a", "k", &Tags::default()), first);
        assert_eq!(log.dead_below("c", "k", &Tags::default()), 0);
        assert!(!log.undo(99));
    }

    #[test]
    fn folding_never_brings_an_entry_back_and_prefers_struck_records() {
        let mut log = Log::fresh();
        let first = log.append(category("a"), 1);
        let second = log.append(category("b"), 2);
        assert!(log.undo(second));
        for i in 0..MAX_RECORDS as u64 - 1 {
            log.append(category("c"), 3 + i);
        }
        assert_eq!(log.records.len(), MAX_RECORDS);
        assert_eq!(
            (
                log.floor,
                log.dead_below("a", "k", &Tags::default()),
                log.dead_below("b", "k", &Tags::default())
            ),
            (0, first, 0)
        );
        log.append(category("c"), 1_000);
        assert_eq!(log.records.len(), MAX_RECORDS);
        assert_eq!(log.floor, first, "the oldest active record became the floor");
        assert!(log.dead_below("a", "k", &Tags::default()) >= first);
    }

    #[test]
    fn records_past_every_life_go_without_a_floor() {
        let mut log = Log::fresh();
        log.append(category("a"), 1);
        log.append(category("b"), 2 + crate::clock::micros(HORIZON));
        assert_eq!((log.records.len(), log.floor), (1, 0));
    }

    #[test]
    fn a_log_that_went_back_is_seen() {
        let mut earlier = Log::fresh();
        earlier.append(category("a"), 1);
        let mut later = earlier.clone();
        later.append(Scope::All, 2);
        later.undo(1);
        assert!(later.continues(&earlier));
        assert!(!earlier.continues(&later), "a record was lost");
        let mut diverged = earlier.clone();
        diverged.append(category("z"), 3);
        diverged.append(Scope::All, 4);
        assert!(!diverged.continues(&later), "another record took the place of a lost one");
        assert!(!Log::fresh().continues(&earlier));
    }
}
