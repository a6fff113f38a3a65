//! What a node that is connected refuses, and what of it was logged.

use std::time::{Duration, Instant};

use super::trouble::Trouble;

/// So many refusals in a row are a state, not a moment.
const MANY: u32 = 3;
/// So is one that nothing was taken after for so long.
const LONG: Duration = Duration::from_secs(2);
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

/// Refusals in a row of one kind of request, such as writes.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    /// Why, how often in a row, since when.
    current: Option<(String, u32, Instant)>,
    said: Said,
}

impl Refusals {
    /// Notes a refusal; whether it is to be logged. Reasons are told apart by what they mean: texts may have numbers in them.
    pub fn note(&mut self, why: &str) -> bool {
        let (count, since) =
            self.current.as_ref().map_or((0, Instant::now()), |(_, count, at)| (*count, *at));
        self.current = Some((why.to_owned(), count.saturating_add(1), since));
        self.said.is_news(Trouble::of(why).as_str())
    }

    /// Notes that a request was taken; whether there were refusals before.
    pub fn end(&mut self) -> bool {
        let had = self.current.take().is_some();
        if had {
            self.said.clear();
        }
        had
    }

    /// Why requests are refused, if they have been for a while.
    pub fn reason(&self) -> Option<&str> {
        let (why, count, since) = self.current.as_ref()?;
        (*count >= MANY || since.elapsed() >= LONG).then_some(why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_news_once_and_another_one_too() {
        let mut writes = Refusals::default();
        assert!(writes.note("OOM at 1"));
        assert!(!writes.note("OOM at 2"));
        assert_eq!(writes.reason(), None, "two may be a moment");
        assert!(writes.note("READONLY"));
        assert_eq!(writes.reason(), Some("READONLY"));
        assert!(writes.end() && !writes.end());
        assert_eq!(writes.reason(), None);
        assert!(writes.note("OOM at 3"), "what comes back is news");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut said = Said::default();
        let news = (0..100).filter(|i| said.is_news(&i.to_string())).count();
        assert_eq!(news, MAX_REASONS);
    }
}
