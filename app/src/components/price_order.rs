//! Which rows the table of prices has, and in which order.

use std::{
    cmp::Ordering,
    collections::{HashMap, HashSet},
};

use leptos::prelude::*;
use model::{Backdrop, LatestPrices, Symbol};
use rust_decimal::prelude::ToPrimitive;

use super::{LiveQuote, Shown, Sort, SortKey, TableQuery, backdrop::Behind, change::direction, range_track};
use crate::{order::sorted, watchlist::Watchlist};

/// Places by market cap, and by value traded among those of which none is known. What has neither has no place, nor has a
/// price of another time.
pub(super) fn ranks(rows: &[LiveQuote], behind: &Behind) -> HashMap<Symbol, usize> {
    let by = |key| Sort { key, ascending: false };
    let figures = |row: &LiveQuote| (cap(row, behind), row.turnover());
    let mut rows: Vec<_> = untrack(|| {
        let rows = rows.iter().filter(|row| !row.late.get());
        rows.map(|row| (figures(row), row.symbol.clone())).collect()
    });
    rows.retain(|((cap, turnover), _)| cap.is_some() || turnover.is_some());
    let rows = sorted(rows, |((a_cap, a_turnover), a), ((b_cap, b_turnover), b)| {
        let by_cap = by(SortKey::Cap).compare(*a_cap, *b_cap);
        by_cap.then_with(|| by(SortKey::Volume).compare(*a_turnover, *b_turnover)).then_with(|| a.cmp(b))
    });
    rows.into_iter().zip(1..).map(|((_, symbol), place)| (symbol, place)).collect()
}

/// The symbols of the rows that a page with this query shows.
#[must_use]
pub fn first_symbols(
    prices: &LatestPrices,
    backdrop: &Backdrop,
    watch: &Watchlist,
    query: &TableQuery,
) -> HashSet<Symbol> {
    let rows: Vec<LiveQuote> = prices.prices.iter().cloned().map(LiveQuote::new).collect();
    let behind = Behind::supplied(backdrop);
    let ranks = ranks(&rows, &behind);
    let rows = chosen(&rows, &behind, &ranks, watch, query).into_iter().take(query.most_rows());
    rows.map(|row| row.symbol).collect()
}

fn price(row: &LiveQuote) -> f64 {
    row.price.get().to_f64().unwrap_or_default()
}

fn cap(row: &LiveQuote, behind: &Behind) -> Option<f64> {
    behind.cap(&row.symbol, price(row))
}

/// The rows that the table was asked for, in its order. Reads them without following them: they are put in order once for
/// each whole table, not at each tick of a row.
pub(super) fn chosen(
    rows: &[LiveQuote],
    behind: &Behind,
    ranks: &HashMap<Symbol, usize>,
    watch: &Watchlist,
    query: &TableQuery,
) -> Vec<LiveQuote> {
    untrack(|| ordered(rows, behind, ranks, watch, query))
}

fn ordered(
    rows: &[LiveQuote],
    behind: &Behind,
    ranks: &HashMap<Symbol, usize>,
    watch: &Watchlist,
    query: &TableQuery,
) -> Vec<LiveQuote> {
    let wanted = |row: &&LiveQuote| {
        query.names(&row.symbol, &row.name)
            && match query.shown {
                Shown::All => true,
                Shown::Watchlist => watch.has(&row.symbol),
                Shown::Gainers => {
                    direction(row.change_pct.get()) == Some(Ordering::Greater) && !row.late.get()
                }
                Shown::Losers => direction(row.change_pct.get()) == Some(Ordering::Less) && !row.late.get(),
            }
    };
    let rank = |row: &LiveQuote| ranks.get(&row.symbol).copied().unwrap_or(usize::MAX);
    let figure = |row: &LiveQuote| -> Option<f64> {
        match query.sort.key {
            SortKey::Watch => Some(if watch.has(&row.symbol) { 1.0 } else { 0.0 }),
            // Names are compared as texts; a rank is exact in an f64.
            SortKey::Coin | SortKey::Rank => ranks.get(&row.symbol).map(|rank| *rank as f64),
            SortKey::Price => Some(price(row)),
            // Changes up to another time are not compared with the others.
            SortKey::Hour | SortKey::Day | SortKey::Week | SortKey::Line if row.late.get() => None,
            SortKey::Hour => row.hour_pct.get(),
            SortKey::Day => row.change_pct.get(),
            SortKey::Week | SortKey::Line => row.week_pct.get(),
            SortKey::Range => Some(range_track::tick(row.low.get()?, row.high.get()?, row.price.get(), 1.0)),
            SortKey::Volume => row.turnover(),
            SortKey::Cap => cap(row, behind),
        }
    };
    let keyed: Vec<(Option<f64>, &LiveQuote)> =
        rows.iter().filter(wanted).map(|row| (figure(row), row)).collect();
    let keyed = sorted(keyed, |(a, row), (b, other)| {
        let ordering: Ordering = match query.sort.key {
            SortKey::Coin => query.sort.direct(row.name.cmp(&other.name)),
            _ => query.sort.compare(*a, *b),
        };
        ordering.then_with(|| rank(row).cmp(&rank(other)))
    });
    keyed.into_iter().map(|(_, row)| row.clone()).collect()
}

#[cfg(test)]
mod tests {
    use model::{Backdrop, Quote, Supply};

    use super::*;

    fn symbol(text: &str) -> Symbol {
        text.parse().unwrap()
    }

    /// Changes of seven days, percent; of the other coins they are not known.
    const WEEKS: [(&str, f64); 2] = [("BTC", 25.0), ("ETH", 100.0)];

    /// Prices, and with them changes of 24 hours; the coins of an amount known and not known.
    fn rows() -> Vec<LiveQuote> {
        let row = |of: &str, name: &str, price: i64, open: i64, volume: i64| {
            LiveQuote::new(quote(of, name, price, open, volume))
        };
        vec![
            row("BTC", "Bitcoin", 100, 90, 1),
            row("DOT", "Polkadot", 5, 5, 10),
            row("ETH", "Ethereum", 20, 25, 7),
            row("XMR", "Monero", 50, 40, 4),
        ]
    }

    fn quote(of: &str, name: &str, price: i64, open: i64, volume: i64) -> Quote {
        Quote {
            symbol: symbol(of),
            name: name.to_owned(),
            price: price.into(),
            price_decimals: 2,
            open_1h: None,
            change_1h_pct: None,
            open_24h: Some(open.into()),
            change_24h_pct: Some((price - open) as f64),
            high_24h: Some(price.max(open).into()),
            low_24h: Some(price.min(open).into()),
            volume_24h: Some(volume.into()),
            open_7d: None,
            change_7d_pct: WEEKS.iter().find(|(symbol, _)| *symbol == of).map(|(_, pct)| *pct),
            as_of: 0,
        }
    }

    fn behind() -> Behind {
        let supply = |of: &str, coins: i64| Supply {
            symbol: symbol(of),
            as_of: 0,
            circulating: coins.into(),
            source: "a table".to_owned(),
            source_zh_cn: None,
        };
        Behind::new(&Backdrop {
            weeks: Vec::new(),
            supplies: vec![supply("BTC", 2), supply("ETH", 100)],
            replay: None,
        })
    }

    fn order(query: &TableQuery, watch: &str) -> Vec<String> {
        let (rows, behind) = (rows(), behind());
        let ranks = ranks(&rows, &behind);
        let shown = chosen(&rows, &behind, &ranks, &Watchlist::parse(watch), query);
        shown.iter().map(|row| row.symbol.to_string()).collect()
    }

    fn sorted(sort: &str) -> Vec<String> {
        let sort = Sort::parse(sort).unwrap();
        order(&TableQuery { sort, ..TableQuery::default() }, "")
    }

    #[test]
    fn ranks_go_by_cap_and_then_by_value_traded() {
        // 2000 and 200; then, of no known number of coins, 200 and 50 traded.
        assert_eq!(sorted("rank"), ["ETH", "BTC", "XMR", "DOT"]);
        assert_eq!(sorted("-rank"), ["DOT", "XMR", "BTC", "ETH"]);
    }

    #[test]
    fn each_column_sorts_and_what_is_not_known_comes_last() {
        for (sort, wanted) in [
            ("price", ["DOT", "ETH", "XMR", "BTC"]),
            ("coin", ["BTC", "ETH", "XMR", "DOT"]),
            ("-24h", ["BTC", "XMR", "DOT", "ETH"]),
            ("-volume", ["XMR", "ETH", "BTC", "DOT"]),
            ("cap", ["BTC", "ETH", "XMR", "DOT"]),
            ("-cap", ["ETH", "BTC", "XMR", "DOT"]),
            ("7d", ["BTC", "ETH", "XMR", "DOT"]),
            ("-7d", ["ETH", "BTC", "XMR", "DOT"]),
            ("-line", ["ETH", "BTC", "XMR", "DOT"]),
        ] {
            let wanted: Vec<String> = wanted.into_iter().map(str::to_owned).collect();
            assert_eq!(sorted(sort), wanted, "{sort}");
        }
    }

    #[test]
    fn what_is_not_known_is_last_and_without_cap_and_volume_there_is_no_rank() {
        let (mut rows, behind) = (rows(), behind());
        rows[3].volume.set(None);
        rows[0].change_pct.set(None);
        rows.rotate_left(1);
        let ranks = ranks(&rows, &behind);
        assert_eq!(ranks.get(&symbol("XMR")), None);
        assert_eq!(ranks[&symbol("DOT")], 3);
        for sort in ["24h", "-24h", "rank", "-rank"] {
            let query = TableQuery { sort: Sort::parse(sort).unwrap(), ..TableQuery::default() };
            let shown = chosen(&rows, &behind, &ranks, &Watchlist::default(), &query);
            let last = if sort.ends_with("24h") { "BTC" } else { "XMR" };
            assert_eq!(shown.last().unwrap().symbol, symbol(last), "{sort}");
        }
    }

    #[test]
    fn the_first_rows_of_a_long_table_are_named() {
        let mut quotes: Vec<Quote> = Vec::new();
        for i in 0..150_i64 {
            let mut quote = quote("X", "Coin", 1, 1, 1_000 - i);
            quote.symbol = symbol(&format!("X{i}"));
            quotes.push(quote);
        }
        let provenance = model::Provenance {
            tier: model::Tier::L1,
            source: model::Source::RECORDED,
            age_ms: 0,
            stale: false,
            simulated: false,
            reason: None,
        };
        let prices = LatestPrices { prices: quotes, provenance };
        let first = |query| first_symbols(&prices, &Backdrop::default(), &Watchlist::default(), &query);
        let shown = first(TableQuery::default());
        assert_eq!(shown.len(), 100);
        assert!(shown.contains(&symbol("X0")) && !shown.contains(&symbol("X100")));
        assert_eq!(first(TableQuery { every: true, ..TableQuery::default() }).len(), 150);
        assert!(first(TableQuery { shown: Shown::Watchlist, ..TableQuery::default() }).is_empty());
    }

    #[test]
    fn a_price_of_another_time_is_no_gainer_and_has_no_rank() {
        let (rows, behind) = (rows(), behind());
        rows[0].late.set(true);
        let ranks = ranks(&rows, &behind);
        assert_eq!(ranks.get(&symbol("BTC")), None);
        let of = |query: &TableQuery| {
            let shown = chosen(&rows, &behind, &ranks, &Watchlist::parse(""), query);
            shown.iter().map(|row| row.symbol.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(of(&TableQuery { shown: Shown::Gainers, ..TableQuery::default() }), ["XMR"]);
        let by_day = TableQuery { sort: Sort::parse("-24h").unwrap(), ..TableQuery::default() };
        assert_eq!(of(&by_day).last().map(String::as_str), Some("BTC"));
    }

    #[test]
    fn a_choice_and_a_text_leave_rows_out() {
        let shown = |shown, text: &str| {
            order(&TableQuery { shown, text: text.to_owned(), ..TableQuery::default() }, "XMR")
        };
        assert_eq!(shown(Shown::Watchlist, ""), ["XMR"]);
        assert_eq!(shown(Shown::Gainers, ""), ["BTC", "XMR"], "what stands still is neither");
        assert_eq!(shown(Shown::Losers, ""), ["ETH"]);
        assert_eq!(shown(Shown::All, "ETHER"), ["ETH"]);
        assert!(shown(Shown::Losers, "bit").is_empty());
    }
}
