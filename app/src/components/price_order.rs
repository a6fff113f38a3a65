//! Which rows the table of prices has, and in which order.

use std::{cmp::Ordering, collections::HashMap};

use leptos::prelude::*;
use model::{Source, Symbol};
use rust_decimal::prelude::ToPrimitive;

use super::{LiveQuote, Shown, Sort, SortKey, TableQuery, backdrop::Behind, range_track};
use crate::watchlist::Watchlist;

/// Places by market cap, and by value traded among those of which none is known.
pub(super) fn ranks(rows: &[LiveQuote], behind: &Behind) -> HashMap<Symbol, usize> {
    let by = |key| Sort { key, ascending: false };
    let mut rows: Vec<(Option<f64>, f64, &Symbol)> =
        rows.iter().map(|row| (cap(row, behind), row.turnover(), &row.symbol)).collect();
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
    source: &Source,
    watch: &Watchlist,
    query: &TableQuery,
) -> Vec<LiveQuote> {
    let wanted = |row: &&LiveQuote| {
        query.names(&row.symbol, &row.name)
            && match query.shown {
                Shown::All => true,
                Shown::Watchlist => watch.has(&row.symbol),
                Shown::Gainers => row.change_pct.get() > 0.0,
                Shown::Losers => row.change_pct.get() < 0.0,
            }
    };
    let rank = |row: &LiveQuote| ranks.get(&row.symbol).copied().unwrap_or(usize::MAX);
    let past = |row: &LiveQuote| behind.past(&row.symbol);
    let figure = |row: &LiveQuote| -> Option<f64> {
        match query.sort.key {
            SortKey::Watch => Some(if watch.has(&row.symbol) { 1.0 } else { 0.0 }),
            // Names are compared as texts; a rank is exact in an f64.
            SortKey::Coin | SortKey::Rank => Some(rank(row) as f64),
            SortKey::Price => Some(price(row)),
            SortKey::Hour => past(row)?.hour_change(price(row), source),
            SortKey::Day => Some(row.change_pct.get()),
            SortKey::Week | SortKey::Line => past(row)?.week_change(price(row), source),
            SortKey::Range => Some(range_track::tick(row.low.get(), row.high.get(), row.price.get(), 1.0)),
            SortKey::Volume => Some(row.turnover()),
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
