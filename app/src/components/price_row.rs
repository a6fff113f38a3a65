//! A row of the table of latest prices.

use std::cmp::Ordering;

use leptos::prelude::*;
use model::Source;
use rust_decimal::prelude::ToPrimitive;

use super::{Badge, BehindSignal, Change, LiveQuote, RangeTrack, WatchStar, direction};
use crate::{
    format,
    live::{self, word},
    prefs::use_prefs,
};

/// A price of more characters stands in smaller type.
const LONG: usize = 11;
/// One of more is cut off; its title has it whole.
const VERY_LONG: usize = 17;

/// A low or high of more characters may not fit its column.
const MAX_END_CHARS: usize = 7;

/// The class of a price by its length, so that the table keeps its width.
fn length_class(shown: &str) -> &'static str {
    let length = shown.chars().count();
    if length <= LONG {
        ""
    } else if length <= VERY_LONG {
        "long"
    } else {
        "very-long"
    }
}

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
    let words = prefs.words();
    let LiveQuote {
        symbol, name, price, hour_pct, change_pct, week_pct, high, low, wash, as_of, late, ..
    } = row.clone();
    let name = locale.coin_name(&symbol, &name).to_owned();
    let href = prefs.link(&format!("/coin/{symbol}"));
    let wash_ended = {
        let row = row.clone();
        move |_| row.wash_ended()
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
    let end = {
        let decimals = decimals.clone();
        move |figure: ArcRwSignal<Option<rust_decimal::Decimal>>| {
            let decimals = decimals.clone();
            let text = live::text(move || format::price_or_none(figure.get(), decimals.get()));
            let class =
                word(move || if text.with(|text| text.chars().count()) > MAX_END_CHARS { "cut" } else { "" });
            view! { <span class=class>{text}</span> }.into_any()
        }
    };
    let range_title = {
        let (low, high, decimals) = (low.clone(), high.clone(), decimals.clone());
        live::text(move || {
            let ends = low.get().zip(high.get());
            let price = |end| format::price_exact(end, decimals.get());
            ends.map_or_else(String::new, |(low, high)| format!("{} – {}", price(low), price(high)))
        })
    };
    // A title says only what the cell cuts off.
    let price_title = live::text(move || {
        let shown = shown.get();
        if length_class(&shown) == "very-long" { shown } else { String::new() }
    });
    let price_class = word(move || shown.with(|shown| length_class(shown)));
    let date = move |is_long: bool| {
        let (calendar, as_of) = (prefs.calendar(), as_of.get());
        if is_long { calendar.date_time(as_of) } else { calendar.date(as_of) }
    };
    // Of few rows, and so not made where it is not needed.
    let late = live::part(move || {
        let line = || {
            let (short, long) = ((words.row_as_of)(&date(false)), (words.prices_as_of)(&date(true)));
            view! {
                <small class="late" title=long>
                    {short}
                </small>
            }
        };
        late.get().then(line).into_any()
    });
    // The line has the colour of the change that is written beside it.
    let line_class = {
        let week_pct = week_pct.clone();
        word(move || match direction(week_pct.get()) {
            Some(Ordering::Greater) => "col-line line-up",
            Some(Ordering::Less) => "col-line line-down",
            _ => "col-line",
        })
    };
    let class = word(move || wash.get().cell_class());
    view! {
        <tr data-symbol=symbol.to_string()>
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
                <span class=price_class title=price_title>
                    {shown}
                </span>
                {late}
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
                <span class="range" title=range_title>
                    {end(low.clone())} <RangeTrack low=low high=high.clone() price=price />
                    {end(high)}
                </span>
            </td>
            <td class="num wide">{live::text(move || row.turnover().map_or_else(|| format::NO_NUMBER.to_owned(), |value| format::dollars(value, locale)))}</td>
            <td class="num wide">{cap}</td>
            <td class=line_class inner_html=line></td>
        </tr>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_prices_stand_in_smaller_type() {
        for (shown, class) in [
            ("4,167.5", ""),
            ("104,167.5012", "long"),
            ("0.00000000111332", "long"),
            ("1,000,000,000,000,000.00", "very-long"),
        ] {
            assert_eq!(length_class(shown), class, "{shown}");
        }
    }
}
