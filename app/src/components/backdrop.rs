//! What stands beside the live figures and changes slowly: the past of each coin, and how many coins there are.

use std::{collections::HashMap, sync::Arc};

use leptos::prelude::*;
use model::{Backdrop, Source, Sparkline, Supply, Symbol, UnixMs};
use rust_decimal::prelude::ToPrimitive;

use crate::{
    chart::{Size, sparkline_svg},
    when::Calendar,
    words::Words,
};

/// A coin's last seven days as a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Past {
    source: Source,
    line: String,
}

impl Past {
    /// The past with its line drawn.
    #[must_use]
    pub fn new(closes: &Sparkline) -> Self {
        let size = Size { width: 116, height: 34 };
        Self { source: closes.source.clone(), line: sparkline_svg(&closes.closes, size) }
    }

    /// The drawing, for a table of this source's prices. None beside others: simulated prices next to a recorded past would
    /// look as real as it does.
    #[must_use]
    pub fn line_beside(&self, prices: &Source) -> Option<&str> {
        (self.source == *prices).then_some(self.line.as_str())
    }
}

/// All of it, by symbol.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Behind {
    pasts: HashMap<Symbol, Arc<Past>>,
    supplies: HashMap<Symbol, Arc<Supply>>,
}

impl Behind {
    /// What this answer says.
    #[must_use]
    pub fn new(backdrop: &Backdrop) -> Self {
        let mut new = Self::supplied(backdrop);
        new.add_pasts(backdrop);
        new
    }

    /// The supplies of this answer alone.
    #[must_use]
    pub fn supplied(backdrop: &Backdrop) -> Self {
        let supply = |supply: &Supply| (supply.symbol.clone(), Arc::new(supply.clone()));
        Self { pasts: HashMap::new(), supplies: backdrop.supplies.iter().map(supply).collect() }
    }

    /// Takes a newer answer over; pasts that are not in it stay.
    pub fn update(&mut self, backdrop: &Backdrop) {
        self.supplies = Self::supplied(backdrop).supplies;
        self.add_pasts(backdrop);
    }

    fn add_pasts(&mut self, backdrop: &Backdrop) {
        let past = |line: &Sparkline| (line.symbol.clone(), Arc::new(Past::new(line)));
        self.pasts.extend(backdrop.weeks.iter().map(past));
    }

    /// A coin's past, where it is known.
    #[must_use]
    pub fn past(&self, symbol: &Symbol) -> Option<&Past> {
        self.pasts.get(symbol).map(Arc::as_ref)
    }

    /// Value of all coins of a symbol at a price, USD, where their number is known.
    #[must_use]
    pub fn cap(&self, symbol: &Symbol, price: f64) -> Option<f64> {
        self.supplies.get(symbol).and_then(|supply| supply.circulating.to_f64()).map(|coins| coins * price)
    }

    /// The first and the last day of the supplies of these symbols.
    fn days<'s>(&self, symbols: impl Iterator<Item = &'s Symbol>) -> Option<(UnixMs, UnixMs)> {
        let days = symbols.filter_map(|symbol| self.supplies.get(symbol)).map(|supply| supply.as_of);
        days.fold(None, |span, day| {
            let (first, last) = span.unwrap_or((day, day));
            Some((first.min(day), last.max(day)))
        })
    }

    /// Says of which days the supplies of these symbols are; nothing when none is known.
    #[must_use]
    pub fn supply_note<'s>(
        &self,
        symbols: impl Iterator<Item = &'s Symbol>,
        words: &Words,
        calendar: Calendar,
    ) -> Option<String> {
        let (first, last) = self.days(symbols)?;
        // A day of a table is a day, not a point in time: it is the same in every zone.
        let day = |time| calendar.utc().date(time);
        Some(if first == last {
            (words.supply_as_of)(&day(first))
        } else {
            (words.supply_between)(&day(first), &day(last))
        })
    }
}

/// Shared by the parts of a page.
pub type BehindSignal = RwSignal<Behind>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Locale;

    fn week(source: Source) -> Sparkline {
        Sparkline { symbol: "BTC".parse().unwrap(), source, closes: vec![2.0, 3.0] }
    }

    #[test]
    fn a_past_stands_only_beside_prices_of_its_source() {
        let past = Past::new(&week(Source::RECORDED));
        assert!(past.line_beside(&Source::RECORDED).unwrap().contains("<path"));
        assert_eq!(past.line_beside(&Source::SIMULATED), None);
    }

    #[test]
    fn pasts_come_one_by_one() {
        let mut behind = Behind::new(&Backdrop {
            weeks: vec![week(Source::RECORDED)],
            supplies: Vec::new(),
            replay: None,
        });
        let later = Sparkline { symbol: "ETH".parse().unwrap(), ..week(Source::RECORDED) };
        behind.update(&Backdrop { weeks: vec![later], supplies: Vec::new(), replay: None });
        for symbol in ["BTC", "ETH"] {
            assert!(behind.past(&symbol.parse().unwrap()).is_some(), "{symbol}");
        }
    }

    #[test]
    fn market_cap_says_of_which_days_its_supplies_are() {
        let supply = |symbol: &str, as_of| Supply {
            symbol: symbol.parse().unwrap(),
            as_of,
            circulating: "2.5".parse().unwrap(),
            source: "a table".to_owned(),
            source_zh_cn: None,
        };
        let behind = Behind::new(&Backdrop {
            weeks: Vec::new(),
            supplies: vec![supply("BTC", 1_553_990_400_000), supply("ETH", 1_553_904_000_000)],
            replay: None,
        });
        let [btc, eth, xrp] = ["BTC", "ETH", "XRP"].map(|symbol| symbol.parse::<Symbol>().unwrap());
        assert_eq!((behind.cap(&btc, 10.0), behind.cap(&xrp, 10.0)), (Some(25.0), None));
        let note = |symbols: &[Symbol]| {
            behind.supply_note(symbols.iter(), Locale::En.words(), Calendar::ENGLISH).unwrap_or_default()
        };
        assert_eq!(note(&[btc.clone(), xrp.clone()]), "Market cap uses supply as of 31 Mar 2019");
        assert_eq!(note(&[btc, eth]), "Market cap uses supplies of 30 Mar 2019 to 31 Mar 2019");
        assert_eq!(note(&[xrp]), "");
    }
}
