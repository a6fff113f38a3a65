//! A row of the table of latest prices.

use leptos::prelude::*;
use model::Source;
use rust_decimal::prelude::ToPrimitive;

use super::{Badge, BehindSignal, Change, LiveQuote, RangeTrack, WatchStar};
use crate::{
    format,
    live::{self, word},
    prefs::use_prefs,
};

/// One coin. Each figure is a signal of its own: a tick never draws the row again.
#[component]
pub fn PriceRow(
    /// Its quote.
    row: LiveQuote,
    /// Its past and supply.
    behind: BehindSignal,
    /// Its place by market cap.
    rank: Signal<String>,
    /// Whose prices the table shows.
    source: Memo<Source>,
) -> impl IntoView {
    let prefs = use_prefs();
    let locale = prefs.locale;
    let LiveQuote { symbol, name, price, hour_pct, change_pct, week_pct, high, low, wash, .. } = row.clone();
    let name = locale.coin_name(&symbol, &name).to_owned();
    let href = prefs.link(&format!("/coin/{symbol}"));
    let wash_ended = {
        let wash = wash.clone();
        move |_| wash.update(|wash| *wash = wash.ended())
    };
    let line = {
        let symbol = symbol.clone();
        live::text(move || {
            behind.with(|behind| {
                behind
                    .past(&symbol)
                    .and_then(|past| source.with(|source| past.line_beside(source).map(str::to_owned)))
                    .unwrap_or_default()
            })
        })
    };
    let cap = {
        let (symbol, price) = (symbol.clone(), price.clone());
        live::text(move || {
            let price = price.get().to_f64().unwrap_or_default();
            let cap = behind.with(|behind| behind.cap(&symbol, price));
            cap.map_or_else(|| format::NO_NUMBER.to_owned(), |cap| format::dollars(cap, locale))
        })
    };
    let decimals = row.decimals.clone();
    let shown = {
        let (price, decimals) = (price.clone(), decimals.clone());
        live::text(move || format::price_exact(price.get(), decimals.get()))
    };
    let exact = move |figure: ArcRwSignal<Option<rust_decimal::Decimal>>| {
        let decimals = decimals.clone();
        live::text(move || format::price_or_none(figure.get(), decimals.get()))
    };
    let class = word(move || wash.get().cell_class());
    view! {
        <tr>
            <td class="col-star">
                <WatchStar symbol=symbol.clone() name=name.clone() />
            </td>
            <td class="num col-rank wide">{rank}</td>
            <th scope="row" class="col-coin">
                <a class="coin" href=href>
                    <Badge symbol=symbol.clone() />
                    <span class="coin-name">{name}</span>
                    <span class="coin-symbol">{symbol.to_string()}</span>
                </a>
            </th>
            <td class=class on:animationend=wash_ended>
                {shown}
            </td>
            <td class="num wide">
                <Change pct=hour_pct />
            </td>
            <td class="num">
                <Change pct=change_pct />
            </td>
            <td class="num wide">
                <Change pct=week_pct />
            </td>
            <td class="col-range wide">
                <span class="range">
                    <span>{exact(low.clone())}</span>
                    <RangeTrack low=low high=high.clone() price=price />
                    <span>{exact(high)}</span>
                </span>
            </td>
            <td class="num wide">{live::text(move || row.turnover().map_or_else(|| format::NO_NUMBER.to_owned(), |value| format::dollars(value, locale)))}</td>
            <td class="num wide">{cap}</td>
            <td class="col-line" inner_html=line></td>
        </tr>
    }
    .into_any()
}
