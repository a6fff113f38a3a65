//! The card of the chart: interval, range, drawing, foot.

use std::time::Duration;

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use model::{ChartData, Coin};
use rust_decimal::prelude::ToPrimitive;

use super::choice::{Choice, Choices};
use crate::{
    components::{ChartView, LiveQuote, Problem, Span, every, icons, sentence_when_read},
    data, live,
    prefs::use_prefs,
};

/// How often the candles are read again; in between the last one follows the price.
const REFRESH: Duration = Duration::from_secs(15);

/// The chart of a coin. It works without scripts: the switches are links.
#[component]
pub fn ChartCard(
    /// The coin.
    coin: Coin,
    /// Its live figures.
    quote: LiveQuote,
) -> impl IntoView {
    let prefs = use_prefs();
    let words = prefs.words();
    let (symbol, name) = (coin.quote.symbol.to_string(), coin.quote.name);
    let choices = Choices { intervals: coin.intervals, first: coin.first_open, last: coin.quote.as_of };
    let choices = StoredValue::new(choices);
    let query = use_query_map();
    let choice = Memo::new(move |_| choices.with_value(|all| query.with(|query| all.from_query(query))));
    let read = {
        let symbol = symbol.clone();
        move |choice: Choice| {
            let bars = choices.with_value(|all| all.bars(choice));
            data::chart(symbol.clone(), choice.interval.to_string(), bars)
        }
    };
    let chart = Resource::new_blocking(move || choice.get(), read.clone());
    // What was read since, of which choice.
    let newer = RwSignal::new(None::<(Choice, ChartData)>);
    let refresh = move || {
        let asked = choice.get_untracked();
        let reading = read(asked);
        async move {
            // What cannot be read stays: the page says so where its price comes from.
            if let Ok(data) = reading.await
                && choice.try_get_untracked() == Some(asked)
            {
                newer.set(Some((asked, data)));
            }
        }
    };
    every(REFRESH, refresh, || {});

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
            <a class="choice" href=href aria-current=current aria-label=long title=long data-noscroll>
                {label}
            </a>
        }
    });
    let export = move || format!("/api/export?symbol={symbol}&interval={}&format=csv", choice.get().interval);
    view! {
        <section class="card" aria-label=words.chart>
            <div class="card-head choices">
                <nav class="choice-group" aria-label=words.interval>
                    {intervals.collect_view()}
                </nav>
                <nav class="choice-group choice-spans" aria-label=words.range>
                    {spans.collect_view()}
                </nav>
                <a
                    class="choice choice-end"
                    href=export
                    rel="external"
                    download=""
                    title=live::text(move || (words.export_long)(choice.get().interval.as_str()))
                >
                    {icons::icon(icons::DOWNLOAD)}
                    {words.export}
                </a>
            </div>
            <Transition fallback=move || {
                view! { <p class="waiting chart-waiting">{words.reading_candles}</p> }
            }>
                {move || {
                    let (name, quote) = (name.clone(), quote.clone());
                    Suspend::new(async move {
                        match chart.await {
                            Ok(data) => view! { <Live data choice newer quote name /> }.into_any(),
                            Err(error) => view! { <Problem error /> }.into_any(),
                        }
                    })
                }}
            </Transition>
        </section>
    }
    .into_any()
}

/// The drawing, kept at the price.
#[component]
fn Live(
    /// The candles as they were read for this choice.
    data: ChartData,
    /// The present choice.
    choice: Memo<Choice>,
    /// What was read since.
    newer: RwSignal<Option<(Choice, ChartData)>>,
    /// The live figures.
    quote: LiveQuote,
    /// Name of the coin.
    name: String,
) -> impl IntoView {
    let prefs = use_prefs();
    let words = prefs.words();
    let latest = Memo::new(move |_| {
        newer.with(|newer| match newer {
            Some((of, newer)) if *of == choice.get() && newer.interval == data.interval => newer.clone(),
            _ => data.clone(),
        })
    });
    let (price, as_of) = (quote.price, quote.as_of);
    let live = Signal::derive(move || {
        let mut data = latest.get();
        if let Some(price) = price.get().to_f64() {
            follow(&mut data, price, as_of.get());
        }
        data
    });
    let origin = live::text(move || latest.with(|data| sentence_when_read(&data.provenance, prefs.locale)));
    let gaps = live::text(move || match latest.with(|data| data.partial.len()) {
        0 => words.bars_complete.to_owned(),
        n => (words.bars_partial)(n),
    });
    let zone = live::text(move || {
        let time = latest.with(|data| data.candles.last().map_or(0, |bar| bar.open_time));
        prefs.calendar().zone.label(time)
    });
    view! {
        <ChartView data=live name />
        <p class="card-foot">
            <span>{origin}</span>
            <span>{gaps} " · " {zone}</span>
        </p>
    }
    .into_any()
}

/// Has the last bar follow the price, while the price is of its time. A price of a later time waits for its own bar.
fn follow(data: &mut ChartData, price: f64, as_of: model::UnixMs) {
    let interval = data.interval.ms();
    let Some(last) = data.candles.last_mut() else { return };
    // A price as of the end of a bar is that bar's close.
    if as_of > last.open_time && as_of <= last.open_time.saturating_add(interval) && price.is_finite() {
        last.close = price;
        last.high = last.high.max(price);
        last.low = last.low.min(price);
    }
}

#[cfg(test)]
mod tests {
    use model::{Candle, Interval, Provenance, Source, Tier};

    use super::*;

    #[test]
    fn the_last_bar_follows_prices_of_its_own_time_only() {
        let bar = Candle { open_time: 3_600_000, open: 10.0, high: 11.0, low: 9.0, close: 10.0, volume: 1.0 };
        let provenance = Provenance {
            tier: Tier::L1,
            source: Source::REPLAY,
            age_ms: 0,
            stale: false,
            simulated: false,
            reason: None,
        };
        let mut data = ChartData {
            symbol: "BTC".parse().unwrap(),
            interval: Interval::H1,
            source: Source::REPLAY,
            candles: vec![bar],
            partial: Vec::new(),
            indicators: Default::default(),
            provenance,
        };
        follow(&mut data, 12.0, 3_600_000 + 60_000);
        assert_eq!(data.candles[0], Candle { high: 12.0, close: 12.0, ..bar });
        let before = data.clone();
        for (price, as_of) in [(20.0, 3_600_000), (20.0, 7_200_001), (f64::NAN, 3_700_000)] {
            follow(&mut data, price, as_of);
            assert_eq!(data, before, "{price} at {as_of}");
        }
        data.candles.clear();
        follow(&mut data, 1.0, 0);
    }
}
