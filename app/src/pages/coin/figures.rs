//! The figures beside the chart.

use leptos::prelude::*;
use model::{Coin, Quote, Supply};
use rust_decimal::{Decimal, prelude::ToPrimitive};

use super::DataOrigin;
use crate::{
    components::{Change, LiveQuote, RangeTrack},
    format, live,
    prefs::use_prefs,
    when::{Calendar, Zone},
    words::Locale,
};

/// The figures of the last 24 hours, and what is known beside them.
#[component]
pub fn KeyFigures(
    /// The coin.
    coin: Coin,
    /// Its live figures.
    quote: LiveQuote,
    /// Where its prices begin.
    origin: RwSignal<DataOrigin>,
) -> impl IntoView {
    let prefs = use_prefs();
    let (locale, words) = (prefs.locale, prefs.words());
    let Coin { quote: Quote { symbol, .. }, supply, .. } = coin;
    // The day of a supply is that of UTC, whatever the reader's zone.
    let utc = Calendar { locale, zone: Zone::Utc };
    // Dates before the replay began are no dates of the prices: the recording's are said instead.
    let since = live::part(move || {
        let (name, date) = match (origin.get().replay, origin.get().first_open) {
            // As in the note below the page: a day of the recording is one of UTC.
            (Some(replay), _) => (words.recorded_since, utc.date(replay.first)),
            (None, Some(first)) => (words.stored_since, prefs.calendar().date(first)),
            (None, None) => return ().into_any(),
        };
        view! {
            <div>
                <dt>{name}</dt>
                <dd>{date}</dd>
            </div>
        }
        .into_any()
    });
    let LiveQuote { price, decimals, open, hour_pct, week_pct, high, low, volume, as_of, .. } = quote.clone();
    let now = {
        let price = price.clone();
        move || price.get().to_f64().unwrap_or_default()
    };
    let exact = move |figure: ArcRwSignal<Option<Decimal>>| {
        let decimals = decimals.clone();
        live::text(move || format::price_or_none(figure.get(), decimals.get())).into_any()
    };
    let row_of = |name: String, figure: AnyView| {
        view! {
            <div>
                <dt>{name}</dt>
                <dd>{figure}</dd>
            </div>
        }
    };
    let row = |name: &'static str, figure: AnyView| row_of(name.to_owned(), figure);
    let unknown = || format::NO_NUMBER.to_owned();
    let turnover =
        live::text(move || quote.turnover().map_or_else(unknown, |value| format::dollars(value, locale)));
    let coins = live::text(move || {
        let amount = volume.get().and_then(|volume| volume.to_f64());
        amount.map_or_else(unknown, |amount| format::compact(amount, locale))
    });
    let cap = supply.clone().map(|supply| {
        let circulating = supply.circulating.to_f64().unwrap_or_default();
        let cap = live::text(move || format::dollars(circulating * now(), locale));
        let amount = format::compact(circulating, locale);
        let note = ((words.supply_note)(&utc.date(supply.as_of)), said_in(locale, supply));
        (row(words.col_cap, cap.into_any()), row(words.supply, amount.into_any()), note)
    });
    let (cap, supply, note) = match cap {
        Some((cap, supply, note)) => (Some(cap), Some(supply), Some(note)),
        None => (None, None, None),
    };
    view! {
        <section class="card figures" aria-labelledby="figures-title">
            <h2 id="figures-title">{words.figures}</h2>
            <div class="figures-range">
                <span>{exact(low.clone())}</span>
                <RangeTrack low=low.clone() high=high.clone() price />
                <span>{exact(high.clone())}</span>
            </div>
            <dl>
                {row(words.open_24h, exact(open))} {row(words.high_24h, exact(high))}
                {row(words.low_24h, exact(low))} {row(words.volume_24h, turnover.into_any())}
                {row_of((words.in_coins)(symbol.as_str()), coins.into_any())} {cap} {supply}
                {row(words.change_1h, view! { <Change pct=hour_pct /> }.into_any())}
                {row(words.change_7d, view! { <Change pct=week_pct /> }.into_any())}
                {row(words.as_of, live::text(move || prefs.calendar().date_time(as_of.get())).into_any())}
                {since}
            </dl>
            {note
                .map(|(note, (source, language))| {
                    view! {
                        <p class="figures-note">
                            {note} <span lang=language>{source}</span>
                        </p>
                    }
                })}
        </section>
    }
    .into_any()
}

/// Who tells a supply, in the reader's language if the table has that, and the language to mark it with where it is another.
fn said_in(locale: Locale, supply: Supply) -> (String, Option<&'static str>) {
    match (locale, supply.source_zh_cn) {
        (Locale::En, _) => (supply.source, None),
        (Locale::ZhCn, Some(chinese)) => (chinese, None),
        (Locale::ZhCn, None) => (supply.source, Some(Locale::En.tag())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_told_in_the_readers_language_or_marked() {
        let supply = |chinese: Option<&str>| Supply {
            symbol: "BTC".parse().unwrap(),
            as_of: 0,
            circulating: 1.into(),
            source: "a table".to_owned(),
            source_zh_cn: chinese.map(str::to_owned),
        };
        let of = |locale, chinese| said_in(locale, supply(chinese));
        assert_eq!(of(Locale::En, Some("表")), ("a table".to_owned(), None));
        assert_eq!(of(Locale::ZhCn, Some("表")), ("表".to_owned(), None));
        assert_eq!(of(Locale::ZhCn, None), ("a table".to_owned(), Some("en")));
    }
}
