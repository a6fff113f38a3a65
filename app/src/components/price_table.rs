//! The table of latest prices.

use leptos::prelude::*;

use super::{
    BehindSignal, Board, LiveQuote, Shown, SortKey, TableQuery,
    column_head::ColumnHead,
    hidden::Hidden,
    price_order::{chosen, ranks},
    price_row::PriceRow,
    table_query::FIRST_ROWS,
};
use crate::{format, live, prefs::use_prefs};

/// Rows that are made in one frame.
const STEP: usize = 20;

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
    // Both follow whole tables, not each row's signals.
    let ranks = Memo::new(move |_| {
        board.tables.track();
        behind.with(|behind| board.rows.with(|rows| ranks(rows, behind)))
    });
    let rows = Memo::new_with_compare(
        move |_| {
            board.tables.track();
            behind.with(|behind| {
                ranks.with(|ranks| {
                    prefs.watch().with(|watch| {
                        board.rows.with(|rows| query.with(|query| chosen(rows, behind, ranks, watch, query)))
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
    let count = Memo::new(move |_| rows.with(Vec::len));
    let most = Memo::new(move |_| query.with(TableQuery::most_rows));
    // All rows of a long table take a while to be made: they come some at a time, and those in sight first.
    let made = RwSignal::new(most.get_untracked());
    live::effect(move || {
        let (made_now, wanted) = (made.get(), most.get().min(count.get()));
        if made_now < wanted {
            request_animation_frame(move || {
                made.try_set(made_now + STEP);
            });
        }
    });
    // A wash that is over would start again in a row that is moved.
    live::effect(move || {
        rows.track();
        board.clear_washes();
    });
    let shown = move || {
        let most = most.get().min(made.get());
        rows.with(|rows| rows.iter().take(most).cloned().collect::<Vec<_>>())
    };
    let head = move |key, label, class| view! { <ColumnHead query key label class /> }.into_any();
    view! {
        <p class="sr-only" role="status">
            {live::text(move || {
                let (all, every) = (count.get(), query.with(|query| query.every));
                if all > FIRST_ROWS && !every {
                    (words.shown_of)(FIRST_ROWS, all)
                } else {
                    (words.coins_shown)(all)
                }
            })}
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
                        {head(SortKey::Line, words.col_line, "col-line")}
                    </tr>
                </thead>
                <tbody>
                    <For each=shown key=|row| row.symbol.clone() let:row>
                        {
                            let symbol = row.symbol.clone();
                            let rank = live::text(move || {
                                let rank = ranks.with(|ranks| ranks.get(&symbol).copied());
                                rank.map_or_else(|| format::NO_NUMBER.to_owned(), |rank| rank.to_string())
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
            Shown::All if !query.text.is_empty() => (words.no_match)(&query.text),
            _ if !query.text.is_empty() => (words.no_match_here)(&query.text),
            Shown::Watchlist => words.no_watched.to_owned(),
            Shown::Gainers => words.no_gainers.to_owned(),
            Shown::Losers => words.no_losers.to_owned(),
            Shown::All => String::new(),
        })
    });
    // The order stays.
    let href = live::text(move || {
        let all = |query: &TableQuery| TableQuery { sort: query.sort, ..TableQuery::default() };
        prefs.link(&query.with(all).href())
    });
    view! {
        <div class="empty">
            <super::Empty />
            <p>{text}</p>
            <p>
                <a class="button" href=href data-noscroll>
                    {words.clear_filter}
                </a>
            </p>
        </div>
    }
    .into_any()
}
