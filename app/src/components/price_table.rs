//! The table of latest prices.

use std::{cmp::Ordering, collections::HashMap};

use leptos::prelude::*;
use leptos_router::{NavigateOptions, hooks::use_navigate};
use model::{Source, Symbol};
use rust_decimal::prelude::ToPrimitive;

use super::{
    BehindSignal, Board, LiveQuote, Shown, Sort, SortKey, TableQuery, backdrop::Behind, price_row::PriceRow,
    range_track, table_query::FIRST_ROWS,
};
use crate::{
    live,
    prefs::{use_prefs, use_words},
    watchlist::Watchlist,
};

/// Places by market cap, and by value traded among those of which none is known.
fn ranks(rows: &[LiveQuote], behind: &Behind) -> HashMap<Symbol, usize> {
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
fn chosen(
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
    let past = |row: &LiveQuote| behind.past(&row.symbol).cloned();
    let figure = |row: &LiveQuote| -> Option<f64> {
        match query.sort.key {
            SortKey::Watch => Some(if watch.has(&row.symbol) { 1.0 } else { 0.0 }),
            // Names are compared as texts; a rank is exact in an f64.
            SortKey::Coin | SortKey::Rank => Some(rank(row) as f64),
            SortKey::Price => Some(price(row)),
            SortKey::Hour => past(row)?.hour_change(price(row), source),
            SortKey::Day => Some(row.change_pct.get()),
            SortKey::Week => past(row)?.week_change(price(row), source),
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

/// The table. Sorted by buttons in the column heads, as in the ARIA Authoring Practices' sortable table; they submit a
/// form, so that it sorts without scripts too.
#[component]
pub fn PriceTable(
    /// The quotes.
    board: Board,
    /// What stands beside them.
    behind: BehindSignal,
    /// What is shown.
    query: Memo<TableQuery>,
) -> impl IntoView {
    let prefs = use_prefs();
    let words = prefs.words();
    let source = Memo::new(move |_| board.provenance.with(|p| p.source.clone()));
    let ranks = Memo::new(move |_| behind.with(|behind| board.rows.with(|rows| ranks(rows, behind))));
    let rows = Memo::new_with_compare(
        move |_| {
            behind.with(|behind| {
                ranks.with(|ranks| {
                    prefs.watch().with(|watch| {
                        board.rows.with(|rows| {
                            source.with(|source| {
                                query.with(|query| chosen(rows, behind, ranks, source, watch, query))
                            })
                        })
                    })
                })
            })
        },
        |old: Option<&Vec<LiveQuote>>, new: Option<&Vec<LiveQuote>>| {
            let symbols = |rows: Option<&Vec<LiveQuote>>| {
                rows.map(|rows| rows.iter().map(|r| r.symbol.clone()).collect::<Vec<_>>())
            };
            symbols(old) != symbols(new)
        },
    );
    let shown = move || {
        let most = if query.with(|query| query.every) { usize::MAX } else { FIRST_ROWS };
        rows.with(|rows| rows.iter().take(most).cloned().collect::<Vec<_>>())
    };
    let count = Memo::new(move |_| rows.with(Vec::len));
    let head = move |key, label, class| view! { <ColumnHead query key label class /> }.into_any();
    view! {
        <p class="sr-only" role="status">
            {live::text(move || (words.coins_shown)(count.get()))}
        </p>
        <form id="sort" method="get" action="/" hidden>
            <Hidden query without="sort" />
        </form>
        <div class="table-wrap">
            <table class="prices">
                <caption class="sr-only">{words.table_caption}</caption>
                <thead>
                    <tr>
                        {head(SortKey::Watch, words.col_watch, "col-star")}
                        {head(SortKey::Rank, words.col_rank, "num col-rank wide")}
                        {head(SortKey::Coin, words.col_coin, "col-coin")}
                        {head(SortKey::Price, words.col_price, "num")}
                        {head(SortKey::Hour, words.col_1h, "num wide")}
                        {head(SortKey::Day, words.col_24h, "num")}
                        {head(SortKey::Week, words.col_7d, "num wide")}
                        {head(SortKey::Range, words.col_range, "col-range wide")}
                        {head(SortKey::Volume, words.col_volume, "num wide")}
                        {head(SortKey::Cap, words.col_cap, "num wide")}
                        {head(SortKey::Week, words.col_line, "col-line")}
                    </tr>
                </thead>
                <tbody>
                    <For each=shown key=|row| row.symbol.clone() let:row>
                        {
                            let symbol = row.symbol.clone();
                            let rank = live::text(move || {
                                let rank = ranks.with(|ranks| ranks.get(&symbol).copied());
                                rank.unwrap_or_default().to_string()
                            });
                            view! { <PriceRow rank source behind row /> }
                        }
                    </For>
                </tbody>
            </table>
        </div>
        {live::part(move || {
            let (all, every) = (count.get(), query.with(|query| query.every));
            (all > FIRST_ROWS && !every)
                .then(|| {
                    let href = query.with(|query| TableQuery { every: true, ..query.clone() }.href());
                    view! {
                        <p class="more">
                            <span>{(words.shown_of)(FIRST_ROWS, all)}</span>
                            <a class="button" href=prefs.link(&href) data-noscroll>
                                {(words.show_every)(all)}
                            </a>
                        </p>
                    }
                })
                .into_any()
        })}
        {live::part(move || {
            let known = !board.rows.with(Vec::is_empty);
            (known && count.get() == 0).then(|| view! { <NoRows query /> }).into_any()
        })}
    }
    .into_any()
}

/// What is said instead of rows.
#[component]
fn NoRows(query: Memo<TableQuery>) -> impl IntoView {
    let prefs = use_prefs();
    let words = prefs.words();
    let text = live::text(move || {
        query.with(|query| match query.shown {
            _ if !query.text.is_empty() => (words.no_match)(&query.text),
            Shown::Watchlist => words.no_watched.to_owned(),
            Shown::Gainers => words.no_gainers.to_owned(),
            Shown::Losers => words.no_losers.to_owned(),
            Shown::All => String::new(),
        })
    });
    view! {
        <div class="empty">
            <super::Empty />
            <p>{text}</p>
            <p>
                <a class="button" href=prefs.link("/") data-noscroll>
                    {words.clear_filter}
                </a>
            </p>
        </div>
    }
    .into_any()
}

/// The rest of the table's state, for a form that changes one part of it.
#[component]
pub(super) fn Hidden(
    /// The present state.
    query: Memo<TableQuery>,
    /// The parameter that the form itself sends.
    without: &'static str,
) -> impl IntoView {
    let language = use_prefs().named_language();
    live::part(move || {
        let rest = query.with(TableQuery::parameters).into_iter().filter(|(name, _)| *name != without);
        let language = language.map(|tag| ("lang", tag.to_owned()));
        rest.chain(language)
            .map(|(name, value)| view! { <input type="hidden" name=name value=value /> })
            .collect_view()
            .into_any()
    })
}

/// A column's head: a button that sorts.
#[component]
fn ColumnHead(
    /// The present state.
    query: Memo<TableQuery>,
    /// The column.
    key: SortKey,
    /// What it is called.
    label: &'static str,
    /// Classes of the cell.
    class: &'static str,
) -> impl IntoView {
    let prefs = use_prefs();
    let navigate = use_navigate();
    let sort = move || query.with(|query| query.sort);
    let mark = live::word(move || match sort().aria(key) {
        Some("ascending") => "↑",
        Some(_) => "↓",
        None => "",
    });
    let click = move |event: leptos::ev::MouseEvent| {
        event.prevent_default();
        let next =
            query.with_untracked(|query| TableQuery { sort: query.sort.after_click(key), ..query.clone() });
        navigate(&prefs.link(&next.href()), NavigateOptions { scroll: false, ..NavigateOptions::default() });
    };
    let (short, long) = match key {
        SortKey::Watch => (view! { <span class="sr-only">{label}</span> }.into_any(), None),
        SortKey::Rank => (label.into_any(), Some(use_words().col_rank_long)),
        _ => (label.into_any(), None),
    };
    view! {
        <th scope="col" class=class aria-sort=live::maybe(move || sort().aria(key))>
            <button
                type="submit"
                form="sort"
                name="sort"
                value=live::text(move || sort().after_click(key).to_text())
                class="sort"
                class:sort-star=key == SortKey::Watch
                aria-label=long
                on:click=click
            >
                {short}
                <span class="sort-mark" aria-hidden="true">
                    {mark}
                </span>
            </button>
        </th>
    }
    .into_any()
}
