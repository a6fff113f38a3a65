//! Totals of the markets table. Each total counts only the coins whose figures are known.

use std::cmp::Ordering;

use leptos::prelude::*;
use model::{Symbol, UnixMs};
use rust_decimal::{Decimal, prelude::ToPrimitive};

use super::{
    backdrop::Behind,
    board::{LiveQuote, is_of_same_time},
    change::direction,
};
use crate::order::sorted;

/// What the market does as a whole. Sums are of the prices of the same time: of those not more than an hour older than the
/// newest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// All coins of the table.
    pub coins: usize,
    /// The oldest and the newest time of a price.
    pub times: Option<(UnixMs, UnixMs)>,
    /// Value of all coins whose supply is known, USD; `None` where none is known.
    pub cap: Option<f64>,
    /// Of how many coins.
    pub capped: usize,
    /// Change of that value in 24 hours, percent; `None` where the earlier price of one of these coins is not known.
    pub cap_change: Option<f64>,
    /// Value traded in 24 hours, USD; `None` where it is known of no coin.
    pub volume: Option<f64>,
    /// Of how many coins.
    pub traded: usize,
    /// Coins whose change in 24 hours reads as a rise, as a fall and as zero.
    pub breadth: [usize; 3],
    /// Share of the market cap, or of the value traded where no supply is known; largest first, in percent.
    pub shares: Vec<(Symbol, f64)>,
}

impl Totals {
    /// Of these rows. Reads them without following them: they are read again after each answer.
    #[must_use]
    pub fn of(rows: &[LiveQuote], behind: &Behind) -> Self {
        untrack(|| Self::read(rows, behind))
    }

    fn read(rows: &[LiveQuote], behind: &Behind) -> Self {
        let times = || rows.iter().map(|row| row.as_of.get());
        let Some(newest) = times().max() else { return Self::default() };
        let mut totals =
            Self { coins: rows.len(), times: times().min().zip(Some(newest)), ..Self::default() };
        let mut caps: Vec<(Symbol, f64)> = Vec::new();
        let mut volumes: Vec<(Symbol, f64)> = Vec::new();
        let (mut now, mut before, mut compared) = (0.0, 0.0, 0);
        for row in rows.iter().filter(|row| is_of_same_time(row.as_of.get(), newest)) {
            let cap = |price: Decimal| behind.cap(&row.symbol, price.to_f64()?);
            if let Some(cap) = cap(row.price.get()) {
                caps.push((row.symbol.clone(), cap));
            }
            if let Some((open, cap)) = row.open.get().and_then(cap).zip(cap(row.price.get())) {
                (now, before, compared) = (now + cap, before + open, compared + 1);
            }
            if let Some(turnover) = row.turnover() {
                volumes.push((row.symbol.clone(), turnover));
            }
            match direction(row.change_pct.get()) {
                Some(Ordering::Greater) => totals.breadth[0] += 1,
                Some(Ordering::Less) => totals.breadth[1] += 1,
                Some(Ordering::Equal) => totals.breadth[2] += 1,
                None => {}
            }
        }
        let sum = |list: &[(Symbol, f64)]| (!list.is_empty()).then(|| list.iter().map(|part| part.1).sum());
        (totals.cap, totals.capped) = (sum(&caps), caps.len());
        (totals.volume, totals.traded) = (sum(&volumes), volumes.len());
        totals.cap_change = (before > 0.0 && compared == caps.len()).then(|| (now - before) / before * 100.0);
        totals.shares = if caps.is_empty() { shares(volumes) } else { shares(caps) };
        totals
    }
}

/// Each one's part of the sum, percent; largest first, equal ones by symbol.
fn shares(parts: Vec<(Symbol, f64)>) -> Vec<(Symbol, f64)> {
    let mut parts = sorted(parts, |a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let total: f64 = parts.iter().map(|part| part.1).sum();
    if total > 0.0 {
        for part in &mut parts {
            part.1 *= 100.0 / total;
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use model::{Backdrop, Quote, Supply, span::HOUR_MS};

    use super::*;

    /// Three coins: one up, one that reads as unchanged, one down.
    fn quotes() -> Vec<Quote> {
        let quote = |symbol: &str, price: i64, open: &str, volume: i64| {
            let (price, open): (Decimal, Decimal) = (price.into(), open.parse().unwrap());
            Quote {
                symbol: symbol.parse().unwrap(),
                name: symbol.to_owned(),
                price,
                price_decimals: 2,
                open_1h: None,
                change_1h_pct: None,
                open_24h: Some(open),
                change_24h_pct: ((price - open) / open * Decimal::ONE_HUNDRED).to_f64(),
                high_24h: Some(price.max(open)),
                low_24h: Some(price.min(open)),
                volume_24h: Some(volume.into()),
                open_7d: None,
                change_7d_pct: None,
                as_of: 10 * HOUR_MS,
            }
        };
        vec![quote("BTC", 100, "90", 1), quote("DOT", 5, "4.9999", 20), quote("ETH", 20, "25", 10)]
    }

    fn behind(supplies: &[(&str, i64)]) -> Behind {
        let supply = |(symbol, coins): &(&str, i64)| Supply {
            symbol: symbol.parse().unwrap(),
            as_of: 0,
            circulating: (*coins).into(),
            source: "a table".to_owned(),
            source_zh_cn: None,
        };
        Behind::new(&Backdrop {
            weeks: Vec::new(),
            supplies: supplies.iter().map(supply).collect(),
            replay: None,
        })
    }

    fn totals(quotes: Vec<Quote>, supplies: &[(&str, i64)]) -> Totals {
        let rows: Vec<LiveQuote> = quotes.into_iter().map(LiveQuote::new).collect();
        Totals::of(&rows, &behind(supplies))
    }

    fn named(parts: &[(&str, f64)]) -> Vec<(Symbol, f64)> {
        parts.iter().map(|(symbol, part)| (symbol.parse().unwrap(), *part)).collect()
    }

    #[test]
    fn what_the_market_does_is_counted_and_of_how_many_coins() {
        let totals = totals(quotes(), &[("BTC", 3), ("ETH", 5)]);
        assert_eq!(totals.breadth, [1, 1, 1], "what reads as 0.00% is neither up nor down");
        assert_eq!((totals.cap, totals.capped), (Some(400.0), 2), "only coins whose supply is known");
        let change = totals.cap_change.unwrap();
        assert!((change - 5.0 / 395.0 * 100.0).abs() < 1e-9, "{change}");
        assert_eq!((totals.volume, totals.traded, totals.coins), (Some(400.0), 3, 3));
        assert_eq!(totals.shares, named(&[("BTC", 75.0), ("ETH", 25.0)]));
    }

    #[test]
    fn without_supplies_shares_are_of_the_value_traded() {
        let totals = totals(quotes(), &[]);
        assert_eq!((totals.cap, totals.cap_change), (None, None));
        // 200, and twice 100 traded: equal ones by name.
        assert_eq!(totals.shares, named(&[("ETH", 50.0), ("BTC", 25.0), ("DOT", 25.0)]));
    }

    #[test]
    fn prices_of_another_time_are_left_out_of_every_sum() {
        let mut quotes = quotes();
        quotes[0].as_of -= HOUR_MS + 1;
        quotes[2].as_of -= HOUR_MS;
        let totals = totals(quotes, &[("BTC", 3), ("ETH", 5)]);
        assert_eq!((totals.cap, totals.capped), (Some(100.0), 1));
        assert_eq!((totals.volume, totals.traded, totals.coins), (Some(300.0), 2, 3));
        assert_eq!(totals.breadth, [0, 1, 1]);
        assert_eq!(totals.times, Some((9 * HOUR_MS - 1, 10 * HOUR_MS)));
        assert_eq!(totals.shares, named(&[("ETH", 100.0)]));
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let mut quotes = quotes();
        for quote in &mut quotes[..2] {
            (quote.open_24h, quote.change_24h_pct, quote.volume_24h) = (None, None, None);
        }
        let totals = totals(quotes, &[("BTC", 3), ("ETH", 5)]);
        assert_eq!((totals.cap, totals.capped), (Some(400.0), 2), "a price and a supply make a cap");
        assert_eq!(totals.cap_change, None, "it would be of one of the two coins only");
        assert_eq!((totals.volume, totals.traded), (Some(200.0), 1));
        assert_eq!(totals.breadth, [0, 1, 0]);
        assert_eq!(self::totals(Vec::new(), &[]), Totals::default());
    }
}
