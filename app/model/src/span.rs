//! Spans of time that figures are named by: 1h, 24h and 7d.

use crate::{Interval, UnixMs};

/// One hour, ms.
pub const HOUR_MS: i64 = 3_600_000;
/// 24 hours, ms.
pub const DAY_MS: i64 = 24 * HOUR_MS;
/// Seven days, ms.
pub const WEEK_MS: i64 = 7 * DAY_MS;

/// Whether candles of `interval` are short enough for a figure over the `span` ms that ends at `as_of`.
///
/// A figure begins with the candle that contains the start of its span. If a candle opens just then, one candle may be as
/// long as the span. Otherwise that candle began earlier, by up to its length, so it may be at most half as long: a figure
/// named 1h never covers two hours.
#[must_use]
pub const fn is_fine_enough(interval: Interval, span: i64, as_of: UnixMs) -> bool {
    let start = as_of - span;
    let is_aligned = interval.bucket(start) == start;
    if is_aligned { interval.ms() <= span } else { 2 * interval.ms() <= span }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candle_may_be_as_long_as_the_span_only_where_both_begin_together() {
        // 2024-01-22T00:00Z, a Monday.
        let monday = 1_705_881_600_000;
        for (interval, span, as_of, fine) in [
            (Interval::W1, WEEK_MS, monday, true),
            (Interval::W1, DAY_MS, monday, false),
            (Interval::D1, DAY_MS, monday, true),
            (Interval::D1, DAY_MS, monday + HOUR_MS, false),
            (Interval::D1, WEEK_MS, monday + HOUR_MS, true),
            (Interval::H1, HOUR_MS, monday, true),
            (Interval::H1, HOUR_MS, monday + 60_000, false),
            (Interval::M30, HOUR_MS, monday + 60_000, true),
            (Interval::H4, HOUR_MS, monday, false),
        ] {
            assert_eq!(is_fine_enough(interval, span, as_of), fine, "{interval} {span} {as_of}");
        }
    }
}
