//! Which candles the address asks for.

use leptos_router::params::ParamsMap;
use model::{Interval, UnixMs};

use crate::components::Span;

/// Bars of a chart that no range was asked for.
const USUAL_BARS: u32 = 150;
/// The interval shown when the URL names none, where the coin has bars so fine.
const USUAL_INTERVAL: Interval = Interval::H4;

/// What can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choices {
    /// Intervals, finest first.
    pub intervals: Vec<Interval>,
    /// Open time of the first stored bar; none of made-up prices.
    pub first: Option<UnixMs>,
    /// Time of the last price.
    pub last: UnixMs,
}

/// An interval and a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Length of each bar.
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

    /// Number of bars to ask for.
    #[must_use]
    pub fn bars(&self, choice: Choice) -> u32 {
        choice.span.map_or(USUAL_BARS, |span| span.bars(choice.interval, self.first, self.last))
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
        Choices { intervals: vec![M30, H1, H4, D1, W1], first: Some(LAST - 540 * 86_400_000), last: LAST }
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
        assert_eq!(choices().bars(choice), 48);
        let choice = choices().asked(&query(&[("range", "nope"), ("interval", "soon")]));
        assert_eq!(choice, Choice { interval: H4, span: None });
        assert_eq!(choices().bars(choice), USUAL_BARS);
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
