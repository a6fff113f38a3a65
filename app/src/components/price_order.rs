//! Which rows the table of prices has, and in which order.

use std::{cmp::Ordering, collections::HashMap};

use leptos::prelude::*;
use model::Symbol;
use rust_decimal::prelude::ToPrimitive;

use super::{LiveQuote, Shown, Sort, SortKey, TableQuery, backdrop::Behind, range_track};
use crate::watchlist::Watchlist;

/// Places by market cap, and by value traded among those of which none is known.
pub(super) fn ranks(rows: &[LiveQuote], behind: &Behind) -> HashMap<Symbol, usize> {
    let by = |key| Sort { key, ascending: false };
    let mut rows: Vec<(Option<f64>, f64, &Symbol)> =
        rows.iter().map(|row| (cap(row, behind), row.turnover().unwrap_or(-1.0), &row.symbol)).collect();
    rows.sort_by(|a, b| {
        by(SortKey::Cap).compare(a.0, b.0).then_with(|| b.1.total_cmp(&a.1)).then_with(|| a.2.cmp(b.2))
    });
    rows.into_iter().enumerate().map(|(i, (_, _, symbol))| (symbol.clone(), i + 1)).collect()
}

fn price(row: &LiveQuote) -> f64 {
    row.price.get().to_f64().unwrap_or_default()
}

fn cap(row: &LiveQuote, behind: &Behind) -> Option<f64> {
    behind.cap(&row.symbol, price(row))
}

/// The rows that the table was asked for, in its order. Read once a refresh, not once a tick of a row.
pub(super) fn chosen(
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
                Shown::Gainers => row.change_pct.get().is_some_and(|pct| pct > 0.0),
                Shown::Losers => row.change_pct.get().is_some_and(|pct| pct < 0.0),
            }
    };
    let rank = |row: &LiveQuote| ranks.get(&row.symbol).copied().unwrap_or(usize::MAX);
    let figure = |row: &LiveQuote| -> Option<f64> {
        match query.sort.key {
            SortKey::Watch => Some(if watch.has(&row.symbol) { 1.0 } else { 0.0 }),
            // Names are compared as texts; a rank is exact in an f64.
            SortKey::Coin | SortKey::Rank => Some(rank(row) as f64),
            SortKey::Price => Some(price(row)),
            SortKey::Hour => row.hour_pct.get(),
            SortKey::Day => row.change_pct.get(),
            SortKey::Week | SortKey::Line => row.week_pct.get(),
            SortKey::Range => Some(range_track::tick(row.low.get()?, row.high.get()?, row.price.get(), 1.0)),
            SortKey::Volume => row.turnover(),
            SortKey::Cap => cap(row, behind),
        }
    };
    let mut keyed: Vec<(Option<f64>, LiveQuote)> =
        rows.iter().filter(wanted).map(|row| (figure(row), row.clone())).collect();
    keyed.sort_by(|(a, row), (b, other)| {
        let ordering: Ordering = match query.sort.key {
            SortKey::Coin => query.sort.direct(row.name.cmp(&other.name)),
            _ => query.sort.compare(*a, *b),
        };
        ordering.then_with(|| rank(row).cmp(&rank(other)))
    });
    keyed.into_iter().map(|(_, row)| row).collect()
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
            LiveQuote::new(Quote {
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
            })
        };
        vec![
            row("BTC", "Bitcoin", 100, 90, 1),
            row("DOT", "Polkadot", 5, 5, 10),
            row("ETH", "Ethereum", 20, 25, 7),
            row("XMR", "Monero", 50, 40, 4),
        ]
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
    fn a_choice_and_a_text_leave_rows_out() {
        let shown = |shown, text: &str| {
            order(
                &TableQuery { shown, text: text.to_owned(), ..TableQuery::default() },
                "XMR",
            )
        };
        assert_eq!(shown(Shown::Watchlist, ""), ["XMR"]);
        assert_eq!(shown(Shown::Gainers, ""), ["BTC", "XMR"], "what stands still is neither");
        assert_eq!(shown(Shown::Losers, ""), ["ETH"]);
        assert_eq!(shown(Shown::All, "ETHER"), ["ETH"]);
        assert!(shown(Shown::Losers, "bit").is_empty());
    }
}
