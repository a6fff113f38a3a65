//! Which bars get a label on the time axis, and what it says.
//!
//! Bars are spaced by their place, not by time, so a gap leaves no hole; a label stands at the first bar of its unit
//! of time, wherever that bar is.

use model::{Interval, UnixMs};

use super::{
    bars::Gap,
    civil::{Civil, DAY_MS},
    text::{FONT_PX, text_width},
};
use crate::{order::sorted, when::Calendar, words::Locale};

/// A label below a bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeTick {
    /// Index of the bar.
    pub bar: usize,
    /// What it says.
    pub label: String,
}

/// Empty px between two labels, at least.
const LABEL_GAP: i32 = 24;
/// Px between two labels, on average: fewer look empty, more look busy.
const COMFORT: f64 = 84.0;

/// A unit of time whose first bar gets a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Minutes(i64),
    Days(i64),
    Months(i64),
}

const UNITS: [Unit; 28] = [
    Unit::Minutes(1),
    Unit::Minutes(2),
    Unit::Minutes(5),
    Unit::Minutes(10),
    Unit::Minutes(15),
    Unit::Minutes(30),
    Unit::Minutes(60),
    Unit::Minutes(120),
    Unit::Minutes(180),
    Unit::Minutes(240),
    Unit::Minutes(360),
    Unit::Minutes(720),
    Unit::Days(1),
    Unit::Days(2),
    Unit::Days(4),
    Unit::Days(7),
    Unit::Days(14),
    Unit::Months(1),
    Unit::Months(2),
    Unit::Months(3),
    Unit::Months(6),
    Unit::Months(12),
    Unit::Months(24),
    Unit::Months(60),
    Unit::Months(120),
    Unit::Months(240),
    Unit::Months(600),
    Unit::Months(1200),
];

impl Unit {
    /// The number of the unit that holds a local time. Days are counted from a Monday, so that weeks begin on one.
    fn number(self, local: i64) -> i64 {
        match self {
            Self::Minutes(n) => local.div_euclid(n * 60_000),
            Self::Days(n) => (local.div_euclid(DAY_MS) - 4).div_euclid(n),
            Self::Months(n) => Civil::from_ms(local).months().div_euclid(n),
        }
    }

    /// Whether a local time is the very first of its unit.
    fn starts_at(self, local: i64) -> bool {
        self.number(local) != self.number(local.saturating_sub(1))
    }

    fn shorter_than(self, interval: Interval) -> bool {
        match self {
            Self::Minutes(n) => n * 60_000 < interval.ms(),
            Self::Days(n) => n * DAY_MS < interval.ms(),
            Self::Months(_) => false,
        }
    }

    /// The bars that come first in their unit. The first bar of all is one only if it opens with the unit: where an
    /// earlier bar would be is not known.
    fn firsts(self, locals: &[i64]) -> Vec<usize> {
        let mut firsts = Vec::new();
        let mut before = None;
        for (bar, &local) in locals.iter().enumerate() {
            let number = self.number(local);
            let first = before.map_or_else(|| self.starts_at(local), |b| b != number);
            if first {
                firsts.push(bar);
            }
            before = Some(number);
        }
        firsts
    }

    /// The label of a time after a labelled one. What changed is said: the day at its first hour, the year at its
    /// first day.
    fn label(self, local: i64, before: Option<i64>, locale: Locale) -> String {
        let now = Civil::from_ms(local);
        let then = before.map(Civil::from_ms);
        let other_year = then.is_some_and(|t| t.year != now.year);
        match self {
            Self::Minutes(_) => match then {
                None => now.clock(),
                Some(t) if (t.year, t.month, t.day) == (now.year, now.month, now.day) => now.clock(),
                Some(_) => now.day_month(locale),
            },
            Self::Days(_) if other_year => now.day_month_year(locale),
            Self::Days(_) => now.day_month(locale),
            Self::Months(n) if n >= 12 => now.year.to_string(),
            Self::Months(_) => now.month_year(locale),
        }
    }
}

/// The labels below bars that open at `times` and stand at the columns `x(bar)`. No two labels overlap and none
/// reaches beyond `left` or `right`, px. Bars of a day and longer are dated by UTC, where they begin. The first bar after
/// a gap is labelled, where there is room, before all others: time goes on there elsewhere than where it stopped.
#[must_use]
pub fn time_ticks(
    times: &[UnixMs],
    gaps: &[Gap],
    interval: Interval,
    calendar: Calendar,
    x: impl Fn(usize) -> i32,
    (left, right): (i32, i32),
) -> Vec<TimeTick> {
    let calendar = calendar.of_bars(interval);
    let locals: Vec<i64> = times.iter().map(|time| calendar.local_ms(*time)).collect();
    let most = (f64::from(right - left) / COMFORT).max(2.0);
    let usable = UNITS.into_iter().filter(|unit| !unit.shorter_than(interval));
    let Some((unit, firsts)) =
        usable.map(|unit| (unit, unit.firsts(&locals))).find(|(_, firsts)| firsts.len() as f64 <= most)
    else {
        return Vec::new();
    };
    let mut ticks: Vec<TimeTick> = Vec::with_capacity(firsts.len());
    let mut free_from = left;
    let mut before = None;
    for bar in firsts {
        let Some(&local) = locals.get(bar) else { continue };
        let label = unit.label(local, before, calendar.locale);
        let half = half_width(&label);
        let centre = x(bar);
        if centre - half < free_from || centre + half > right {
            continue;
        }
        free_from = centre + half + LABEL_GAP;
        before = Some(local);
        ticks.push(TimeTick { bar, label });
    }
    label_gaps(gaps, &locals, calendar.locale, interval, &mut ticks, (left, right), &x);
    date_one(unit, &locals, calendar.locale, &mut ticks, (left, right), &x);
    ticks
}

/// Labels the first bars after gaps, the longest gap first, in the place of labels that they would overlap.
fn label_gaps(
    gaps: &[Gap],
    locals: &[i64],
    locale: Locale,
    interval: Interval,
    ticks: &mut Vec<TimeTick>,
    (left, right): (i32, i32),
    x: impl Fn(usize) -> i32,
) {
    /// More would push all round times off the axis.
    const MOST: usize = 3;
    let longest = sorted(gaps.iter().collect(), |a: &&Gap, b| (b.ms, b.bar).cmp(&(a.ms, a.bar)));
    let mut labelled: Vec<TimeTick> = Vec::new();
    let reach =
        |tick: &TimeTick| (x(tick.bar) - half_width(&tick.label), x(tick.bar) + half_width(&tick.label));
    let collide = |a: &TimeTick, b: &TimeTick| {
        let ((a0, a1), (b0, b1)) = (reach(a), reach(b));
        a0 < b1 + LABEL_GAP / 2 && b0 < a1 + LABEL_GAP / 2
    };
    for gap in longest.into_iter().take(MOST) {
        let Some(&local) = locals.get(gap.bar) else { continue };
        let civil = Civil::from_ms(local);
        let label = if interval < Interval::D1 {
            format!("{} {}", civil.day_month(locale), civil.clock())
        } else {
            civil.day_month_year(locale)
        };
        let tick = TimeTick { bar: gap.bar, label };
        let (from, to) = reach(&tick);
        if from >= left && to <= right && !labelled.iter().any(|other| collide(other, &tick)) {
            labelled.push(tick);
        }
    }
    ticks.retain(|tick| !labelled.iter().any(|other| collide(other, tick)));
    ticks.extend(labelled);
    *ticks = sorted(std::mem::take(ticks), |a, b| a.bar.cmp(&b.bar));
}

fn half_width(label: &str) -> i32 {
    i32::try_from(text_width(label, FONT_PX).div_ceil(2)).unwrap_or(i32::MAX / 4)
}

/// Says the date once, if there is room: times of day alone do not say of which day they are, days and months not of
/// which year.
fn date_one(
    unit: Unit,
    locals: &[i64],
    locale: Locale,
    ticks: &mut [TimeTick],
    (left, right): (i32, i32),
    x: impl Fn(usize) -> i32,
) {
    let is_clock = |tick: &TimeTick| tick.label.contains(':');
    let date = |tick: &TimeTick| locals.get(tick.bar).map(|local| Civil::from_ms(*local));
    let dated = |tick: &TimeTick| date(tick).is_some_and(|civil| tick.label == civil.day_month_year(locale));
    if matches!(unit, Unit::Months(_)) || ticks.iter().any(dated) {
        return;
    }
    let at = ticks.iter().position(|tick| !is_clock(tick)).unwrap_or(0);
    let Some((tick, civil)) = ticks.get(at).and_then(|tick| Some((tick, date(tick)?))) else { return };
    let label = if is_clock(tick) {
        format!("{} {}", civil.day_month(locale), civil.clock())
    } else {
        civil.day_month_year(locale)
    };
    let reach = |tick: &TimeTick| half_width(&tick.label) + LABEL_GAP / 2;
    let before = at.checked_sub(1).and_then(|i| ticks.get(i)).map_or(left, |t| x(t.bar) + reach(t));
    let after = ticks.get(at + 1).map_or(right, |t| x(t.bar) - reach(t));
    let (centre, half) = (x(tick.bar), half_width(&label));
    if centre - half >= before && centre + half <= after {
        ticks[at].label = label;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2019-03-05T00:00Z, a Tuesday.
    const START: i64 = 1_551_744_000_000;

    fn gaps_of(times: &[i64], interval: Interval) -> Vec<Gap> {
        let pairs = times.windows(2).enumerate();
        let gap = |(i, pair): (usize, &[i64])| Gap { bar: i + 1, ms: pair[1] - pair[0] - interval.ms() };
        pairs.map(gap).filter(|gap| gap.ms > 0).collect()
    }

    fn labels(interval: Interval, count: usize, width: i32) -> Vec<String> {
        let times: Vec<i64> = (0..count).map(|i| START + i as i64 * interval.ms()).collect();
        let step = f64::from(width) / count as f64;
        let x = |i: usize| (step * (i as f64 + 0.5)) as i32;
        time_ticks(&times, &gaps_of(&times, interval), interval, Calendar::ENGLISH, x, (0, width))
            .into_iter()
            .map(|t| t.label)
            .collect()
    }

    #[test]
    fn the_unit_follows_the_span() {
        let minutes =
            ["05 Mar 00:15", "00:30", "00:45", "01:00", "01:15", "01:30", "01:45", "02:00", "02:15", "02:30"];
        assert_eq!(labels(Interval::M1, 160, 980), minutes);
        assert_eq!(labels(Interval::H1, 60, 600), ["12:00", "06 Mar 2019", "12:00", "07 Mar"]);
        let days = ["09 Mar 2019", "13 Mar", "17 Mar", "21 Mar", "25 Mar", "29 Mar"];
        assert_eq!(labels(Interval::H4, 160, 980), days);
        let months =
            ["May 2019", "Jul 2019", "Sep 2019", "Nov 2019", "Jan 2020", "Mar 2020", "May 2020", "Jul 2020"];
        assert_eq!(labels(Interval::D1, 500, 980), months);
        let years = ["2020", "2021", "2022", "2023", "2024", "2025", "2026", "2027", "2028"];
        assert_eq!(labels(Interval::W1, 500, 980), years);
    }

    #[test]
    fn labels_never_overlap_nor_leave_the_axis() {
        for interval in Interval::ALL {
            for (count, width) in [(1, 300), (2, 120), (7, 980), (160, 300), (480, 980), (2000, 1300)] {
                // Every eleventh bar is missing, and a long piece in the middle.
                let times: Vec<i64> = (0..count)
                    .map(|i| i + i / 11 + if i > count / 2 { 700 } else { 0 })
                    .map(|i| START + i * interval.ms())
                    .collect();
                let step = width as f64 / count as f64;
                let x = |i: usize| (step * (i as f64 + 0.5)) as i32;
                let ticks = time_ticks(
                    &times,
                    &gaps_of(&times, interval),
                    interval,
                    Calendar::ENGLISH,
                    x,
                    (0, width),
                );
                let mut end = 0;
                for tick in &ticks {
                    let half = text_width(&tick.label, FONT_PX) as i32 / 2;
                    assert!(x(tick.bar) - half >= end - 1, "{interval} {count} {width}: {ticks:?}");
                    end = x(tick.bar) + half;
                    assert!(end <= width, "{interval} {count} {width}: {ticks:?}");
                }
            }
        }
    }

    #[test]
    fn the_first_bar_after_a_gap_is_labelled() {
        let hour = Interval::H1.ms();
        let times: Vec<i64> = (0..60).map(|i| START + (i + if i >= 31 { 23 } else { 0 }) * hour).collect();
        let gaps = gaps_of(&times, Interval::H1);
        let x = |i: usize| 8 + 16 * i as i32;
        let ticks = time_ticks(&times, &gaps, Interval::H1, Calendar::ENGLISH, x, (0, 960));
        let after = ticks.iter().find(|tick| tick.bar == 31).unwrap();
        assert_eq!(after.label, "07 Mar 06:00", "{ticks:?}");
        assert!(ticks.len() > 3, "{ticks:?}");
    }

    #[test]
    fn a_new_year_is_said() {
        // 2018-12-20T00:00Z, daily.
        let times: Vec<i64> = (0..40).map(|i| 1_545_264_000_000 + i * DAY_MS).collect();
        let ticks =
            time_ticks(&times, &[], Interval::D1, Calendar::ENGLISH, |i| 12 + 24 * i as i32, (0, 960));
        assert_eq!(ticks.iter().filter(|t| t.label.ends_with(" 2019")).count(), 1, "{ticks:?}");
    }

    #[test]
    fn no_bars_no_labels() {
        assert!(time_ticks(&[], &[], Interval::H1, Calendar::ENGLISH, |_| 0, (0, 500)).is_empty());
    }
}
