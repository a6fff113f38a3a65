//! What a node that is connected refuses, and what of it was logged.

use std::time::{Duration, Instant};

use super::trouble::Trouble;

/// So many refusals are a state, not a moment.
const MANY: u32 = 3;
/// So is one that nothing was taken after for so long.
const LONG: Duration = Duration::from_secs(2);
/// A full node refuses some writes and takes others: refusals end when there was none for so long.
const QUIET: Duration = Duration::from_secs(3);
/// What was logged is not logged again for so long after the refusals ended.
const REMEMBERED: Duration = Duration::from_secs(60);
/// Reasons remembered at most; further ones are not logged.
const MAX_REASONS: usize = 16;

/// What was logged of one outage, so that a reason is logged when it is new and not each second.
#[derive(Debug, Default)]
pub(super) struct Said(Vec<String>);

impl Said {
    /// Whether this reason is to be logged now; it then counts as logged.
    pub fn is_news(&mut self, reason: &str) -> bool {
        let is_news = self.0.len() < MAX_REASONS && !self.0.iter().any(|said| said == reason);
        if is_news {
            self.0.push(reason.to_owned());
        }
        is_news
    }

    /// Forgets everything: the next reason is news, whatever it is.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// Refusals of one kind of request, such as writes.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    current: Option<Current>,
    said: Said,
    ended: Option<Instant>,
}

#[derive(Debug)]
struct Current {
    why: String,
    count: u32,
    since: Instant,
    last: Instant,
    /// It was logged that there are refusals.
    is_said: bool,
}

impl Refusals {
    /// Notes a refusal; whether it is to be logged. Reasons are told apart by what they mean: texts may have numbers in them.
    pub fn note(&mut self, why: &str) -> bool {
        self.note_at(why, Instant::now())
    }

    fn note_at(&mut self, why: &str, now: Instant) -> bool {
        if self.current.is_none() && self.ended.is_some_and(|ended| now.duration_since(ended) >= REMEMBERED) {
            self.said.clear();
        }
        let is_news = self.said.is_news(Trouble::of(why).as_str());
        let current = self.current.get_or_insert_with(|| Current {
            why: String::new(),
            count: 0,
            since: now,
            last: now,
            is_said: false,
        });
        why.clone_into(&mut current.why);
        current.count = current.count.saturating_add(1);
        current.last = now;
        current.is_said |= is_news;
        is_news
    }

    /// Notes that a request was taken, which ends refusals that are some seconds old; whether that is to be logged.
    pub fn end(&mut self) -> bool {
        self.end_at(Instant::now())
    }

    fn end_at(&mut self, now: Instant) -> bool {
        match &self.current {
            Some(current) if now.duration_since(current.last) >= QUIET => self.end_now(),
            _ => false,
        }
    }

    /// Ends refusals whose end is certain; whether that is to be logged.
    pub fn end_now(&mut self) -> bool {
        let Some(current) = self.current.take() else { return false };
        self.ended = Some(Instant::now());
        current.is_said
    }

    /// Whether there are refusals that have not ended.
    pub fn are_there(&self) -> bool {
        self.current.is_some()
    }

    /// Why requests are refused, if they have been for a while.
    pub fn reason(&self) -> Option<&str> {
        let current = self.current.as_ref()?;
        (current.count >= MANY || current.since.elapsed() >= LONG).then_some(current.why.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_news_once_and_another_one_too() {
        let mut writes = Refusals::default();
        let start = Instant::now();
        assert!(writes.note_at("OOM at 1", start));
        assert!(!writes.note_at("OOM at 2", start));
        assert_eq!(writes.reason(), None, "two may be a moment");
        assert!(writes.note_at("READONLY", start));
        assert_eq!(writes.reason(), Some("READONLY"));
        assert!(!writes.end_at(start) && writes.are_there(), "the next one may be refused again");
        assert!(writes.end_at(start + QUIET) && !writes.are_there());
        assert!(!writes.end_at(start + QUIET));
        assert_eq!(writes.reason(), None);
        assert!(!writes.note_at("OOM at 3", start + 2 * QUIET), "it was logged a moment ago");
        assert!(!writes.end_now(), "and so is its end not");
        assert!(writes.note_at("OOM at 4", Instant::now() + 2 * REMEMBERED), "what comes back is news");
    }

    #[test]
    fn refused_and_taken_writes_that_alternate_are_one_state() {
        let mut writes = Refusals::default();
        let start = Instant::now();
        let mut said = 0;
        for i in 0..100 {
            let now = start + Duration::from_millis(100 * i);
            said += usize::from(writes.note_at("OOM", now)) + usize::from(writes.end_at(now));
        }
        assert_eq!((said, writes.reason()), (1, Some("OOM")));
    }

    #[test]
    fn refusals_that_nothing_ends_stay_however_rare_they_are() {
        let mut writes = Refusals::default();
        let start = Instant::now();
        for seconds in [0, 4, 8] {
            writes.note_at("OOM", start + Duration::from_secs(seconds));
        }
        assert_eq!(writes.reason(), Some("OOM"));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut said = Said::default();
        let news = (0..100).filter(|i| said.is_news(&i.to_string())).count();
        assert_eq!(news, MAX_REASONS);
    }
}
