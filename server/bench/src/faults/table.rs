//! What was met with under each fault.

use serde::Serialize;

use crate::report::{Verdict, align, number};

/// Redis must be back within this.
pub(super) const BACK_WITHIN_S: f64 = 15.0;

/// One fault.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Its name.
    pub fault: &'static str,
    /// Reads while it lasted and until all was well again.
    pub reads: u64,
    /// Of those, without an answer.
    pub failed: u64,
    /// 99th percentile of reads that memory may answer, ms.
    pub p99_memory_ms: f64,
    /// 99th percentile of reads that only Redis or the source can answer, ms.
    pub p99_redis_ms: f64,
    /// The slowest read, ms.
    pub worst_ms: f64,
    /// From the end of the fault, or from its start where others take over, to the first answer of Redis, s.
    pub answers_again_s: Option<f64>,
    /// From the end of the fault to the first write that arrived; where others take over, the longest time without one, s.
    pub writes_again_s: Option<f64>,
    /// Whether the times count from the end of the fault.
    pub from_end: bool,
    /// Loads from the source, a second.
    pub loads_per_s: f64,
    /// Answers marked stale.
    pub stale: u64,
    /// Age of the oldest answer where there is memory, ms.
    pub oldest_memory_ms: f64,
    /// Age of the oldest answer where there is none, ms.
    pub oldest_redis_ms: f64,
    /// Answers from memory older than the same reader's last one of the same key.
    pub went_back: u64,
    /// No read failed or went back, and Redis was back in time.
    pub verdict: Verdict,
}

/// All faults of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Table {
    /// The rows.
    pub rows: Vec<Row>,
}

impl Table {
    /// Whether every fault was borne.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.rows.iter().all(|row| row.verdict != Verdict::Fail)
    }

    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        let head = [
            "",
            "reads",
            "failed",
            "p99 L1 µs",
            "p99 L2 ms",
            "worst ms",
            "answers s",
            "writes s",
            "loads/s",
            "stale",
            "old L1 ms",
            "old L2 ms",
            "back",
            "",
        ]
        .map(str::to_owned);
        let seconds =
            |time: Option<f64>| time.map_or_else(|| "never".to_owned(), |time| format!("{time:.2}"));
        let body = self.rows.iter().map(|row| {
            let count = |count: u64| number(count as f64);
            [
                row.fault.to_owned(),
                count(row.reads),
                count(row.failed),
                number((row.p99_memory_ms * 1e3).round()),
                format!("{:.1}", row.p99_redis_ms),
                format!("{:.0}", row.worst_ms),
                seconds(row.answers_again_s),
                format!("{}{}", if row.from_end { "+" } else { "" }, seconds(row.writes_again_s)),
                format!("{:.0}", row.loads_per_s),
                count(row.stale),
                format!("{:.0}", row.oldest_memory_ms),
                format!("{:.0}", row.oldest_redis_ms),
                count(row.went_back),
                match row.verdict {
                    Verdict::Pass => "pass".to_owned(),
                    Verdict::Fail => "FAIL".to_owned(),
                    Verdict::Shown => "-".to_owned(),
                },
            ]
        });
        let mut text = align(&std::iter::once(head).chain(body).collect::<Vec<_>>(), 1);
        text.push_str(
            "\nwrites: `+` from the end of the fault to the first write that arrived; otherwise the longest time \
             without one.\nBudget: no read fails or goes back, and writes arrive again within 15 s.\n",
        );
        text
    }
}
