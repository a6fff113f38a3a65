//! The table of latest prices.

use std::{cmp::Ordering, collections::HashMap};

use leptos::prelude::*;
use model::{Source, Sparkline, Symbol};

use super::{
    Board, LiveQuote, Sort, SortKey,
    price_row::{PriceRow, Week},
};

/// The rows in the order of the sort. Read once a refresh, not once a tick of a row.
fn ordered(rows: &[LiveQuote], weeks: &HashMap<Symbol, Week>, source: &Source, sort: Sort) -> Vec<LiveQuote> {
    let week = |row: &LiveQuote| {
        weeks.get(&row.symbol).and_then(|w| w.change_beside(source)).unwrap_or(f64::NEG_INFINITY)
    };
    let mut rows = rows.to_vec();
    rows.sort_by(|a, b| {
        let ordering: Ordering = match sort.key {
            SortKey::Coin => a.name.cmp(&b.name),
            SortKey::Price => a.price.get().cmp(&b.price.get()),
            SortKey::Day => a.change_pct.get().total_cmp(&b.change_pct.get()),
            SortKey::Week => week(a).total_cmp(&week(b)),
            SortKey::Volume => a.turnover().total_cmp(&b.turnover()),
        };
        sort.direct(ordering).then_with(|| a.symbol.cmp(&b.symbol))
    });
    rows
}

/// The table. Sorted by links in the column heads, so that it sorts without JavaScript too.
#[component]
pub fn PriceTable(
    /// The quotes.
    board: Board,
    /// The last seven days by symbol.
    sparklines: Vec<Sparkline>,
    /// The present sort.
    #[prop(into)]
    sort: Signal<Sort>,
) -> impl IntoView {
    let weeks: HashMap<Symbol, Week> =
        sparklines.into_iter().map(|s| (s.symbol.clone(), Week::new(&s))).collect();
    let weeks = StoredValue::new(weeks);
    let source = Memo::new(move |_| board.provenance.with(|p| p.source.clone()));
    let rows = Memo::new_with_compare(
        move |_| {
            let (sort, source) = (sort.get(), source.get());
            weeks.with_value(|weeks| board.rows.with(|rows| ordered(rows, weeks, &source, sort)))
        },
        |old: Option<&Vec<LiveQuote>>, new: Option<&Vec<LiveQuote>>| {
            let symbols = |rows: Option<&Vec<LiveQuote>>| {
                rows.map(|rows| rows.iter().map(|r| r.symbol.clone()).collect::<Vec<_>>())
            };
            symbols(old) != symbols(new)
        },
    );
    view! {
        <div class="table-wrap">
            <table class="prices">
                <caption class="sr-only">"Latest prices, with the change over 24 hours and seven days"</caption>
                <thead>
                    <tr>
                        <ColumnHead sort key=SortKey::Coin label="Coin" class="col-coin" />
                        <ColumnHead sort key=SortKey::Price label="Price" class="num" />
                        <ColumnHead sort key=SortKey::Day label="24h" class="num" />
                        <ColumnHead sort key=SortKey::Week label="7d" class="num wide" />
                        <th scope="col" class="col-range wide">
                            "24h range"
                        </th>
                        <ColumnHead sort key=SortKey::Volume label="Volume 24h" class="num wide" />
                        <th scope="col" class="col-line">
                            "Last 7 days"
                        </th>
                    </tr>
                </thead>
                <tbody>
                    <For each=move || rows.get() key=|row| row.symbol.clone() let:row>
                        <PriceRow week=weeks.with_value(|weeks| weeks.get(&row.symbol).cloned()) source row />
                    </For>
                </tbody>
            </table>
        </div>
    }
    .into_any()
}

/// A column's head: a link that sorts.
#[component]
fn ColumnHead(
    /// The present sort.
    sort: Signal<Sort>,
    /// The column.
    key: SortKey,
    /// What it is called.
    label: &'static str,
    /// Classes of the cell.
    class: &'static str,
) -> impl IntoView {
    let mark = move || match sort.get().aria(key) {
        "ascending" => " ↑",
        "descending" => " ↓",
        _ => "",
    };
    view! {
        <th scope="col" class=class aria-sort=move || sort.get().aria(key)>
            <a class="sort" href=move || sort.get().after_click(key).href()>
                {label}
                <span aria-hidden="true">{mark}</span>
            </a>
        </th>
    }
    .into_any()
}
