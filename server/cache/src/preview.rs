//! What a clear would cover, and what undoing one brings back.

use std::time::Duration;

use serde::Serialize;

use crate::clears::{Mark, Scope, Undone};
use crate::entry::Kind;
use crate::key::KeyText;
use crate::scan::{Found, Walked, walk};
use crate::shared::Shared;
use crate::tags::Tags;

/// Time for looking through Redis.
pub(crate) const LIMIT: Duration = Duration::from_secs(1);
/// Names shown.
const SAMPLE: usize = 20;

/// What is known of the number of entries in Redis.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// There is no Redis: memory is all there is.
    #[default]
    NoRedis,
    /// No node could be looked at: nothing is known.
    Unknown,
    /// Some nodes could not be looked at: there are at least as many as were found.
    AtLeast,
    /// The time did not suffice for all: an estimate from a part, with its error.
    Estimate,
    /// All were looked at.
    Exact,
}

impl Counted {
    fn of(shared: &Shared, walked: &Walked) -> Self {
        match (&shared.l2, walked.errors.is_empty()) {
            (None, _) => Self::NoRedis,
            (Some(_), true) if walked.complete => Self::Exact,
            (Some(_), true) if walked.looked_at > 0 => Self::Estimate,
            (Some(_), false) if walked.reached > 0 => Self::AtLeast,
            (Some(_), _) => Self::Unknown,
        }
    }
}

/// What a clear would cover.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Preview {
    /// Living entries in the memory of this process. Exact.
    pub l1_entries: u64,
    /// Bytes of those.
    pub l1_bytes: u64,
    /// Living entries in Redis that were found.
    pub l2_found: u64,
    /// Bytes of those.
    pub l2_found_bytes: u64,
    /// Whether all of Redis was looked at. If so the found are all there are.
    pub complete: bool,
    /// What `l2_entries` is: a count, an estimate, a lower bound, or nothing.
    pub l2_counted: Counted,
    /// Entries in Redis: found, or as the part that was looked at lets expect.
    pub l2_entries: u64,
    /// Bytes of those.
    pub l2_bytes: u64,
    /// An estimate is within this of the truth, with a confidence of 95 %; otherwise 0. The keys come in an order without
    /// pattern, so that the part is a sample.
    pub l2_entries_error: u64,
    /// Entries among the found that may or may not be covered: of long keys only the beginning is known.
    pub uncertain: u64,
    /// Nodes that could not be looked at.
    pub errors: Vec<String>,
    /// Some of the names, `category:key`.
    pub sample: Vec<String>,
}

impl Preview {
    /// Entries in Redis; of memory, where there is no Redis. `None` if they could not be counted.
    pub fn entries(&self) -> Option<u64> {
        match self.l2_counted {
            Counted::NoRedis => Some(self.l1_entries),
            // What is in memory alone is on its way to Redis.
            Counted::Exact => Some(self.l2_entries.max(self.l1_entries)),
            Counted::Unknown | Counted::AtLeast | Counted::Estimate => None,
        }
    }
}

/// Whether a scope covers an entry whose key may be known in part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Covered {
    Yes,
    No,
    Perhaps,
}

fn covers(scope: &Scope, found: &Found) -> Covered {
    let known = found.known_text();
    if scope.covers(&found.category, known, &found.tags) {
        // The key of this very text would not have been shortened.
        return match (scope, &found.text) {
            (Scope::Key(_), KeyText::Beginning(_)) => Covered::No,
            _ => Covered::Yes,
        };
    }
    match (scope, &found.text) {
        (Scope::Prefix(text) | Scope::Key(text), KeyText::Beginning(_)) => {
            let name = format!("{}:{known}", found.category);
            if text.starts_with(&name) { Covered::Perhaps } else { Covered::No }
        }
        _ => Covered::No,
    }
}

/// Whether entries of this key can be covered at all, tags not considered.
fn may_cover(scope: &Scope, category: &str, text: &KeyText) -> bool {
    match scope {
        Scope::All | Scope::Tag(_) => true,
        Scope::Category(name) => name == category,
        Scope::Prefix(_) | Scope::Key(_) => match text {
            KeyText::Whole(text) => scope.covers(category, text, &Tags::default()),
            KeyText::Beginning(_) => true,
        },
    }
}

pub(crate) async fn preview(shared: &Shared, scope: &Scope) -> Preview {
    preview_within(shared, scope, LIMIT).await
}

async fn preview_within(shared: &Shared, scope: &Scope, limit: Duration) -> Preview {
    let mut preview = Preview::default();
    let now = crate::clock::now();
    for (category, view) in shared.views() {
        view.for_each(&mut |text, meta, kind| {
            if kind == Kind::Value
                && !meta.is_gone(now)
                && scope.covers(category, text, &meta.tags)
                && shared.mirror.alive(meta.mark, category, text, &meta.tags)
            {
                preview.l1_entries += 1;
                preview.l1_bytes += u64::from(meta.weight);
                if preview.sample.len() < SAMPLE {
                    preview.sample.push(format!("{category}:{text}"));
                }
            }
        });
    }
    let (walked, found) = walk(shared, limit, |category, text| may_cover(scope, category, text)).await;
    for found in found {
        if found.peek.kind != Kind::Value
            || !shared.mirror.alive(found.mark(), &found.category, found.known_text(), &found.tags)
        {
            continue;
        }
        match covers(scope, &found) {
            Covered::No => continue,
            Covered::Perhaps => preview.uncertain += 1,
            Covered::Yes => {
                preview.l2_found += 1;
                preview.l2_found_bytes += found.peek.len;
            }
        }
        let name = format!("{}:{}", found.category, found.known_text());
        if preview.sample.len() < SAMPLE && !preview.sample.contains(&name) {
            preview.sample.push(name);
        }
    }
    preview.complete = walked.complete;
    preview.l2_counted = Counted::of(shared, &walked);
    preview.errors = walked.errors;
    (preview.l2_entries, preview.l2_bytes) = (preview.l2_found, preview.l2_found_bytes);
    if preview.l2_counted == Counted::Estimate {
        let estimate = Estimate::of(preview.l2_found, walked.looked_at, walked.keys);
        preview.l2_entries = estimate.entries;
        preview.l2_entries_error = estimate.error;
        let mean = preview.l2_found_bytes.checked_div(preview.l2_found).unwrap_or(0);
        preview.l2_bytes = mean * estimate.entries;
    }
    preview
}

/// How many there are, from how many are in a sample.
#[derive(Debug, PartialEq, Eq)]
struct Estimate {
    entries: u64,
    error: u64,
}

impl Estimate {
    /// The proportion of a sample drawn without replacement, with the half width of its 95 % interval by the normal
    /// approximation. Cochran, "Sampling Techniques", 3rd edition, section 3.2.
    fn of(found: u64, looked_at: u64, keys: u64) -> Self {
        let (n, total) = (looked_at.max(1) as f64, keys.max(looked_at) as f64);
        let p = found as f64 / n;
        let error = 1.96 * total * (p * (1.0 - p) / n).sqrt() * (1.0 - n / total).max(0.0).sqrt();
        // None found in n: at most 3 in n, with the same confidence (the rule of three).
        let error = if found == 0 { 3.0 * total / n } else { error };
        Self { entries: (p * total).round() as u64, error: error.ceil() as u64 }
    }
}

/// What a clear's scope covers now, by what becomes of it when the clear is undone.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Loaded before the clear; alive without it.
    revived: u64,
    /// Loaded since, and alive.
    since: u64,
    /// Covered by another clear as well: dead with or without this one.
    still_cleared: u64,
    complete: bool,
}

impl Tally {
    /// `covered`: how many the clear covered when it was made, if that was counted.
    pub fn undone(&self, covered: Option<u64>) -> Undone {
        let there = self.revived + self.since;
        Undone {
            revived: self.revived,
            reloaded: self.since,
            still_cleared: self.still_cleared,
            gone: covered
                .filter(|_| self.complete && self.still_cleared == 0)
                .map(|n| n.saturating_sub(there)),
            complete: self.complete,
        }
    }

    /// Counts an entry that the clear `seq` covers.
    fn count(&mut self, shared: &Shared, seq: u64, mark: Mark, name: (&str, &str), tags: &Tags) {
        let alive_without = shared.mirror.alive_but_for(Some(seq), mark, name, tags);
        match (mark.head < seq, alive_without) {
            (true, true) => self.revived += 1,
            (false, true) => self.since += 1,
            // One of another log is dead for another reason.
            (_, false) => self.still_cleared += u64::from(mark.epoch == shared.mirror.mark().epoch),
        }
    }
}

/// Counts what `scope` covers: what undoing the clear `seq` brings back, what was loaded since, and what another clear
/// covers, too. Of Redis, or of memory where there is none.
pub(crate) async fn since(shared: &Shared, scope: &Scope, seq: u64) -> Tally {
    let mut tally = Tally::default();
    if shared.l2.is_none() {
        let now = crate::clock::now();
        for (category, view) in shared.views() {
            view.for_each(&mut |text, meta, kind| {
                if kind == Kind::Value && !meta.is_gone(now) && scope.covers(category, text, &meta.tags) {
                    tally.count(shared, seq, meta.mark, (category, text), &meta.tags);
                }
            });
        }
        tally.complete = true;
        return tally;
    }
    let (walked, found) = walk(shared, LIMIT, |category, text| may_cover(scope, category, text)).await;
    tally.complete = walked.complete;
    for found in found {
        if found.peek.kind == Kind::Value && covers(scope, &found) == Covered::Yes {
            let name = (found.category.as_str(), found.known_text());
            tally.count(shared, seq, found.mark(), name, &found.tags);
        }
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_states_its_error() {
        // 1.96 * 10,000 * sqrt(0.5 * 0.5 / 100) * sqrt(0.99)
        assert_eq!(Estimate::of(50, 100, 10_000), Estimate { entries: 5_000, error: 976 });
        assert_eq!(Estimate::of(0, 100, 10_000), Estimate { entries: 0, error: 300 });
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn of_many_a_part_is_counted_and_the_rest_estimated() {
        use crate::testing::{Number, PATIENCE, plain, redis};
        use crate::{Cache, Policy};

        const KEYS: u64 = 20_000;
        let redis = redis().await;
        let cache = Cache::builder().redis(Some(redis.url())).build().expect("builds");
        assert!(cache.wait_for_l2(PATIENCE).await);
        let numbers = cache.category::<u64, Number>("numbers", Policy::default()).expect("a category");
        numbers.set(&0, Number(0), 1);
        let mut plain = plain(&redis).await;
        let key = |i: u64| format!("tm:e:numbers:{{{i}}}");
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let entry: Vec<u8> = loop {
            let entry: Vec<u8> =
                redis::cmd("GET").arg(key(0)).query_async(&mut plain).await.expect("answers");
            if !entry.is_empty() {
                break entry;
            }
            assert!(tokio::time::Instant::now() < deadline, "the entry is not written");
        };
        // A quarter of them of another category, which the clear does not cover.
        for page in 0..20 {
            let mut pipe = redis::pipe();
            for i in page * KEYS / 20..(page + 1) * KEYS / 20 {
                let name = if i % 4 == 0 { format!("tm:e:other:{{{i}}}") } else { key(i) };
                pipe.cmd("SET").arg(name).arg(&entry).ignore();
            }
            pipe.exec_async(&mut plain).await.expect("set");
        }
        let scope = Scope::Category("numbers".into());
        let shared = &numbers.core.shared;
        let truth = KEYS / 4 * 3 + 1;
        let whole = preview_within(shared, &scope, PATIENCE).await;
        assert_eq!((whole.l2_entries, whole.l2_counted, whole.l2_entries_error), (truth, Counted::Exact, 0));
        // No time at all: one page.
        let part = preview_within(shared, &scope, Duration::ZERO).await;
        assert!(part.l2_counted == Counted::Estimate && part.l2_found < truth / 4, "{part:?}");
        // The odds that one in twenty is further off than the stated error say nothing of five times the error.
        let off = part.l2_entries.abs_diff(truth);
        assert!(part.l2_entries_error > 0 && off <= 5 * part.l2_entries_error, "{part:?}");
        assert_eq!(part.l2_bytes, part.l2_entries * entry.len() as u64);
    }
}
