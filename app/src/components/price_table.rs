//! The table of latest prices.

use std::{cmp::Ordering, collections::HashMap};

use leptos::prelude::*;
use model::{Sparkline, Symbol};

use super::{Badge, Board, LiveQuote, RangeTrack, Sort, SortKey};
use crate::{
    chart::{Size, sparkline_svg},
    format,
};

/// Everything of a row that does not tick.
#[derive(Clone, Debug, PartialEq)]
struct Week {
    change_pct: Option<f64>,
    line: String,
}

/// A change in percent with its direction's sign and colour.
#[component]
pub fn Change(
    /// Percent; none where it is not known.
    #[prop(into)]
    pct: Signal<Option<f64>>,
) -> impl IntoView {
    let class = move || match pct.get() {
        Some(p) if p > 0.0 => "change up",
        Some(p) if p < 0.0 => "change down",
        _ => "change",
    };
    let text = move || match pct.get() {
        Some(p) if p > 0.0 => format!("▲ {}", format::percent(p.abs())),
        Some(p) if p < 0.0 => format!("▼ {}", format::percent(p.abs())),
        Some(p) => format::percent(p),
        None => "–".to_owned(),
    };
    view! { <span class=class>{text}</span> }
}

/// The rows in the order of the sort. Read once a refresh, not once a tick of a row.
fn ordered(rows: &[LiveQuote], weeks: &HashMap<Symbol, Week>, sort: Sort) -> Vec<LiveQuote> {
    let week =
        |row: &LiveQuote| weeks.get(&row.symbol).and_then(|w| w.change_pct).unwrap_or(f64::NEG_INFINITY);
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
    let size = Size { width: 116, height: 34 };
    let weeks: HashMap<Symbol, Week> = sparklines
        .into_iter()
        .map(|s| {
            let week = Week { change_pct: s.change_pct(), line: sparkline_svg(&s.closes, size) };
            (s.symbol, week)
        })
        .collect();
    let weeks = StoredValue::new(weeks);
    let rows = Memo::new_with_compare(
        move |_| {
            let sort = sort.get();
            weeks.with_value(|weeks| board.rows.with(|rows| ordered(rows, weeks, sort)))
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
                        <Row week=weeks.with_value(|weeks| weeks.get(&row.symbol).cloned()) row />
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

/// One coin. Each figure is a signal of its own: a tick never draws the row again.
#[component]
fn Row(
    /// Its quote.
    row: LiveQuote,
    /// Its last seven days, where they are known.
    week: Option<Week>,
) -> impl IntoView {
    let LiveQuote { symbol, name, price, change_pct, high, low, wash, .. } = row.clone();
    let href = format!("/coin/{symbol}");
    let price_text = {
        let price = price.clone();
        move || format::price_exact(price.get())
    };
    let change: Signal<Option<f64>> = Signal::derive(move || Some(change_pct.get()));
    let low_text = {
        let low = low.clone();
        move || format::price_exact(low.get())
    };
    let high_text = {
        let high = high.clone();
        move || format::price_exact(high.get())
    };
    let week_change = week.as_ref().and_then(|w| w.change_pct);
    let line = week.map(|w| w.line).unwrap_or_default();
    view! {
        <tr>
            <th scope="row" class="col-coin">
                <a class="coin" href=href>
                    <Badge symbol=symbol.clone() />
                    <span class="coin-name">{name}</span>
                    <span class="coin-symbol">{symbol.to_string()}</span>
                </a>
            </th>
            <td class=move || format!("num price {}", wash.get().class())>{price_text}</td>
            <td class="num">
                <Change pct=change />
            </td>
            <td class="num wide">
                <Change pct=week_change />
            </td>
            <td class="col-range wide">
                <span class="range">
                    <span>{low_text}</span>
                    <RangeTrack low=low high=high price=price />
                    <span>{high_text}</span>
                </span>
            </td>
            <td class="num wide">{move || format!("${}", format::compact(row.turnover()))}</td>
            <td class="col-line" aria-hidden="true" inner_html=line></td>
        </tr>
    }
    .into_any()
}
