//! The card of the chart: interval, range, drawing, foot.

use std::sync::Arc;

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use model::{Coin, Provenance};

use super::{
    choice::{Choice, Choices},
    live_chart::{LiveChart, Read},
};
use crate::{
    components::{LiveQuote, Span, icons},
    data, live,
    prefs::use_prefs,
};

/// The chart of a coin. It works without scripts: the switches are links.
#[component]
pub fn ChartCard(
    /// The coin.
    coin: Coin,
    /// Its live figures.
    quote: LiveQuote,
    /// Where they come from.
    provenance: RwSignal<Provenance>,
) -> impl IntoView {
    let prefs = use_prefs();
    let words = prefs.words();
    let symbol = coin.quote.symbol.to_string();
    let drawn = (coin.quote.symbol, coin.quote.name);
    let choices = Choices { intervals: coin.intervals, first: coin.first_open, last: coin.quote.as_of };
    let choices = StoredValue::new(choices);
    let query = use_query_map();
    let choice = Memo::new(move |_| choices.with_value(|all| query.with(|query| all.asked(query))));
    let read: Read = {
        let symbol = symbol.clone();
        Arc::new(move |choice: Choice| {
            let bars = choices.with_value(|all| all.bars(choice));
            Box::pin(data::chart(symbol.clone(), choice.interval.to_string(), bars))
        })
    };
    // What the address asks for at first; another choice is read into the same drawing.
    let first = choice.get_untracked();
    let chart = {
        let read = Arc::clone(&read);
        Resource::new_blocking(|| (), move |()| read(first))
    };

    let path = StoredValue::new(format!("/coin/{symbol}"));
    let link = move |href: String| prefs.link(&href);
    let intervals = choices.with_value(|all| all.intervals.clone()).into_iter().map(|interval| {
        let href = live::text(move || {
            let of =
                |path: &String| choices.with_value(|all| all.with_interval(path, choice.get(), interval));
            link(path.with_value(of))
        });
        let current = live::maybe(move || (choice.get().interval == interval).then_some("true"));
        view! {
            <a class="choice" href=href aria-current=current data-noscroll>
                {interval.as_str()}
            </a>
        }
    });
    let spans = Span::ALL.into_iter().zip(words.ranges.into_iter().zip(words.ranges_long));
    let spans = spans.map(|(span, (label, long))| {
        let href = live::text(move || {
            let of = |path: &String| choices.with_value(|all| all.with_span(path, choice.get(), span));
            link(path.with_value(of))
        });
        let current = live::maybe(move || (choice.get().span == Some(span)).then_some("true"));
        view! {
            <a class="choice" href=href aria-current=current title=long data-noscroll>
                {label}
            </a>
        }
    });
    // Made-up candles are not given away as data.
    let stored = coin.first_open.is_some();
    let export = stored.then(|| {
        let href = live::text(move || {
            format!("/api/export?symbol={symbol}&interval={}&format=csv", choice.get().interval)
        });
        let title = live::text(move || (words.export_long)(choice.get().interval.as_str()));
        view! {
            <a class="choice choice-end" href=href rel="external" download="" title=title>
                {icons::icon(icons::DOWNLOAD)}
                {words.export}
            </a>
        }
    });
    view! {
        <section class="card" aria-label=words.chart>
            <div class="card-head choices">
                <nav class="choice-group" aria-label=words.interval>
                    {intervals.collect_view()}
                </nav>
                <nav class="choice-group choice-spans" aria-label=words.range>
                    {spans.collect_view()}
                </nav>
                {export}
            </div>
            <Suspense fallback=move || {
                view! { <p class="waiting chart-waiting">{words.reading_candles}</p> }
            }>
                {move || {
                    let (coin, quote, read) = (drawn.clone(), quote.clone(), Arc::clone(&read));
                    Suspend::new(async move {
                        let answer = chart.await;
                        view! { <LiveChart coin answer choice read quote provenance /> }
                    })
                }}
            </Suspense>
        </section>
    }
    .into_any()
}
