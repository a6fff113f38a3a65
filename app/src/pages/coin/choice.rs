//! Which candles the address asks for, and which are drawn.

use leptos_router::params::ParamsMap;
use model::{Interval, MAX_LIMIT, UnixMs};

use crate::{chart::Plot, components::Span};

/// Bars of a chart that no range was asked for.
pub const USUAL_BARS: u32 = 150;
/// The interval shown when the URL names none, where the coin has bars so fine.
const USUAL_INTERVAL: Interval = Interval::H4;

/// What can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choices {
    /// Intervals, finest first.
    pub intervals: Vec<Interval>,
    /// Open time of the first stored bar; none of simulated prices.
    pub first: Option<UnixMs>,
    /// Time of the last price when the page was loaded.
    pub last: UnixMs,
    /// The last price as it is written: its labels take their width from that of the bars.
    pub price: String,
}

/// The candles to read for a drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Length of each candle.
    pub interval: Interval,
    /// Open time of the first one; none for the last `limit` candles.
    pub from: Option<UnixMs>,
    /// The most candles.
    pub limit: u32,
}

/// An interval and a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Length of each bar, as asked for; coarser ones are drawn where these do not fit.
    pub interval: Interval,
    /// How far back; a usual number of bars if none is named.
    pub span: Option<Span>,
}

impl Choices {
    /// The interval of the plain address.
    #[must_use]
    pub fn usual(&self) -> Interval {
        self.intervals.first().map_or(USUAL_INTERVAL, |finest| USUAL_INTERVAL.max(*finest))
    }

    /// From `?interval=4h&range=1m`. What is missing or unknown is chosen to suit the other.
    #[must_use]
    pub fn asked(&self, query: &ParamsMap) -> Choice {
        let span = query.get_str("range").and_then(Span::parse);
        let asked = query.get_str("interval").and_then(|text| text.parse().ok());
        let best = || span.and_then(|span| span.interval(&self.intervals, self.first, self.last));
        Choice { interval: asked.or_else(best).unwrap_or_else(|| self.usual()), span }
    }

    /// The interval that is drawn at a width, px, when the last price is of `as_of`: the asked one if its candles fit, else
    /// the next coarser one whose candles do. All candles of the coarsest one are drawn, however close they come: candles
    /// are never merged, so that each covers the interval that it is labelled with.
    #[must_use]
    pub fn drawn(&self, choice: Choice, width: u32, as_of: UnixMs) -> Interval {
        // The last candles of the asked interval are as many as fit.
        let Some(span) = choice.span else { return choice.interval };
        let room = i64::from(self.room(width));
        let coarser = Interval::ALL.into_iter().filter(|interval| *interval >= choice.interval);
        let mut fitting = coarser.filter(|interval| span.count(*interval, self.first, as_of) <= room);
        fitting.next().unwrap_or(Interval::W1.max(choice.interval))
    }

    /// The candles of `interval` that show this choice when the last price is of `as_of`. A range begins with the candle
    /// that contains its start, which is therefore whole.
    #[must_use]
    pub fn window(&self, choice: Choice, interval: Interval, as_of: UnixMs) -> Window {
        let from = choice.span.and_then(|span| match (span, self.first) {
            (Span::All, Some(_)) => None,
            _ => Some(interval.bucket(span.start(self.first, as_of)).max(0)),
        });
        let limit = if choice.span.is_some() { MAX_LIMIT } else { USUAL_BARS };
        Window { interval, from, limit }
    }

    /// Number of candles that fit a width, px.
    #[must_use]
    pub fn room(&self, width: u32) -> u32 {
        Plot::room(width, &self.price)
    }

    /// The address of another interval: the range stays if it suits it.
    #[must_use]
    pub fn with_interval(&self, path: &str, present: Choice, interval: Interval) -> String {
        let span = present.span.filter(|span| span.suits(interval, self.first, self.last));
        self.href(path, Choice { interval, span })
    }

    /// The address of another range: the interval stays if it suits it.
    #[must_use]
    pub fn with_span(&self, path: &str, present: Choice, span: Span) -> String {
        let can = |interval: &Interval| {
            self.intervals.contains(interval) && span.suits(*interval, self.first, self.last)
        };
        let kept = Some(present.interval).filter(can);
        let best = || span.interval(&self.intervals, self.first, self.last);
        let interval = kept.or_else(best).unwrap_or(present.interval);
        self.href(path, Choice { interval, span: Some(span) })
    }

    fn href(&self, path: &str, choice: Choice) -> String {
        match choice.span {
            None if choice.interval == self.usual() => path.to_owned(),
            None => format!("{path}?interval={}", choice.interval),
            Some(span) => format!("{path}?interval={}&range={}", choice.interval, span.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Interval::{D1, H1, H4, M30, W1};

    const LAST: UnixMs = 1_554_075_000_000;

    fn choices() -> Choices {
        Choices {
            intervals: vec![M30, H1, H4, D1, W1],
            first: Some(LAST - 546 * 86_400_000),
            last: LAST,
            price: "4,167.50".to_owned(),
        }
    }

    fn query(pairs: &[(&'static str, &str)]) -> ParamsMap {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn the_usual_interval_is_one_that_can_be_asked_for() {
        let usual = |intervals: &[Interval]| Choices { intervals: intervals.to_vec(), ..choices() }.usual();
        assert_eq!([usual(&[M30, H4, D1]), usual(&[D1, W1]), usual(&[])], [H4, D1, H4]);
    }

    #[test]
    fn a_range_alone_chooses_its_interval() {
        let choice = choices().asked(&query(&[("range", "1d")]));
        assert_eq!(choice, Choice { interval: M30, span: Some(Span::Day) });
        let choice = choices().asked(&query(&[("range", "nope"), ("interval", "soon")]));
        assert_eq!(choice, Choice { interval: H4, span: None });
    }

    #[test]
    fn candles_that_do_not_fit_give_way_to_those_of_the_next_coarser_interval() {
        let all = choices();
        let drawn = |interval, span, width| all.drawn(Choice { interval, span: Some(span) }, width, LAST);
        for (interval, span, by_width) in [
            (M30, Span::Day, [M30, M30, M30, M30]),
            (M30, Span::Week, [H4, H4, M30, M30]),
            (M30, Span::Month, [D1, D1, H4, H4]),
            (H1, Span::Week, [H4, H4, H1, H1]),
            (H1, Span::Month, [D1, D1, H4, H4]),
            (H4, Span::Quarter, [D1, D1, D1, D1]),
            (D1, Span::Year, [W1, W1, D1, D1]),
            (D1, Span::All, [W1, W1, W1, W1]),
            (M30, Span::All, [W1, W1, W1, W1]),
        ] {
            let at = [296, 366, 944, 1040].map(|width| drawn(interval, span, width));
            assert_eq!(at, by_width, "{interval} {span:?}");
        }
        let usual = Choice { interval: M30, span: None };
        assert_eq!(all.drawn(usual, 120, LAST), M30, "of no range the last candles are drawn");
        let long = Choices { first: Some(0), ..choices() };
        assert_eq!(
            long.drawn(Choice { interval: H4, span: Some(Span::All) }, 120, LAST),
            W1,
            "all of the coarsest"
        );
    }

    #[test]
    fn what_is_drawn_is_the_coarser_the_narrower_the_chart_and_fits_it() {
        let all = choices();
        for interval in all.intervals.clone() {
            for span in Span::ALL {
                let choice = Choice { interval, span: Some(span) };
                let mut wider = W1;
                for width in (120..2_000).step_by(10) {
                    let drawn = all.drawn(choice, width, LAST);
                    assert!(drawn <= wider && drawn >= interval, "{interval} {span:?} {width}");
                    let fits = span.count(drawn, all.first, LAST) <= i64::from(all.room(width));
                    assert!(fits || drawn == W1, "{interval} {span:?} {width}");
                    wider = drawn;
                }
            }
        }
    }

    #[test]
    fn a_window_begins_with_a_whole_candle() {
        let all = choices();
        for interval in all.intervals.clone() {
            for span in Span::ALL {
                let window = all.window(Choice { interval, span: Some(span) }, interval, LAST);
                assert_eq!((window.interval, window.limit), (interval, MAX_LIMIT));
                match (span, window.from) {
                    (Span::All, from) => assert_eq!(from, None, "from the first candle on"),
                    (span, Some(from)) => {
                        let start = span.start(all.first, LAST);
                        assert_eq!(interval.bucket(from), from);
                        assert!(from <= start && start < from + interval.ms());
                    }
                    none => panic!("{none:?}"),
                }
            }
        }
        let usual = all.window(Choice { interval: H4, span: None }, H4, LAST);
        assert_eq!(usual, Window { interval: H4, from: None, limit: USUAL_BARS });
        let simulated = Choices { first: None, ..choices() };
        assert!(simulated.window(Choice { interval: W1, span: Some(Span::All) }, W1, LAST).from.is_some());
        // At the very beginning of time no time is asked for that the API refuses.
        let old = Choices { first: Some(0), last: 1, ..choices() };
        assert_eq!(old.window(Choice { interval: W1, span: Some(Span::Year) }, W1, 1).from, Some(0));
    }

    #[test]
    fn a_switch_keeps_what_suits_the_other() {
        let present = Choice { interval: H4, span: Some(Span::Month) };
        let all = choices();
        assert_eq!(all.with_interval("/coin/BTC", present, H1), "/coin/BTC?interval=1h&range=1m");
        assert_eq!(all.with_interval("/coin/BTC", present, W1), "/coin/BTC?interval=1w");
        assert_eq!(all.with_span("/coin/BTC", present, Span::Quarter), "/coin/BTC?interval=4h&range=3m");
        assert_eq!(all.with_span("/coin/BTC", present, Span::Day), "/coin/BTC?interval=30m&range=1d");
        let odd = Choice { interval: Interval::M1, span: None };
        assert_eq!(all.with_span("/coin/BTC", odd, Span::Day), "/coin/BTC?interval=30m&range=1d");
        let plain = Choice { interval: D1, span: None };
        assert_eq!(all.with_interval("/coin/BTC", plain, H4), "/coin/BTC");
    }
}
