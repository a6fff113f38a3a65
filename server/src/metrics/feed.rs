//! The feed of prices.

use super::exposition::{Exposition, Kind};
use crate::feed::{FeedStats, Number};

/// Name, kind, help, and where the number is.
type One = (&'static str, Kind, &'static str, fn(&FeedStats) -> &Number);

const FEED: &[One] = &[
    ("tidemark_feed_leads", Kind::Gauge, "1 while this process feeds.", |s| &s.leads),
    ("tidemark_feed_series", Kind::Gauge, "Series that run.", |s| &s.series),
    ("tidemark_feed_bars_total", Kind::Counter, "Bars taken, each as it stood.", |s| &s.bars),
    ("tidemark_feed_tables_total", Kind::Counter, "Price tables given to the cache.", |s| &s.tables),
    ("tidemark_feed_queued_bars", Kind::Gauge, "Bars waiting for the database.", |s| &s.queued),
    ("tidemark_feed_dropped_bars_total", Kind::Counter, "Bars given up because too many waited.", |s| {
        &s.dropped
    }),
    ("tidemark_feed_rows_total", Kind::Counter, "Rows given to the database that changed something.", |s| {
        &s.rows
    }),
    ("tidemark_feed_writes_total", Kind::Counter, "Transactions done.", |s| &s.writes),
    ("tidemark_feed_write_failures_total", Kind::Counter, "Transactions that failed.", |s| &s.failures),
];

pub(super) fn write(out: &mut Exposition, stats: &FeedStats) {
    for (name, kind, help, number) in FEED {
        out.family(name, *kind, help).sample(&[], number(stats).get());
    }
    out.family("tidemark_feed_last_write_seconds", Kind::Gauge, "How long the last transaction took.")
        .sample(&[], stats.last_write_us.get() as f64 / 1e6);
}
