//! A coin's page: price, chart, key figures.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::{use_params_map, use_query_map};
use model::{ChartData, Coin, Interval};
use rust_decimal::prelude::ToPrimitive;

use super::REFRESH;
use crate::{
    components::{
        Badge, Change, ChartView, Foot, Header, LiveQuote, Problem, SourcePill, every, sentence_when_read,
    },
    data::{self, DataError},
    format, when,
};

/// Bars in the chart.
const BARS: u32 = 150;
/// The interval shown when the URL names none, where the coin has bars so fine.
const USUAL_INTERVAL: Interval = Interval::H4;

/// The interval shown when the URL names none, of those that can be asked for, finest first.
fn default_interval(intervals: &[Interval]) -> Interval {
    intervals.first().map_or(USUAL_INTERVAL, |finest| USUAL_INTERVAL.max(*finest))
}

/// The page at `/coin/:symbol`; `?interval=` chooses the candles.
#[component]
pub fn CoinPage() -> impl IntoView {
    let params = use_params_map();
    let symbol =
        Memo::new(move |_| params.with(|p| p.get_str("symbol").unwrap_or_default().to_ascii_uppercase()));
    let coin = Resource::new_blocking(move || symbol.get(), data::coin);
    view! {
        <Suspense fallback=|| {
            view! {
                <Header />
                <main id="content" class="content" tabindex="-1" aria-busy="true">
                    <p class="waiting">"Reading prices …"</p>
                </main>
            }
        }>
            {move || Suspend::new(async move {
                match coin.await {
                    Ok(coin) => view! { <CoinView coin /> }.into_any(),
                    Err(error) => {
                        view! {
                            <Title text="No prices" />
                            <Header />
                            <main id="content" class="content" tabindex="-1">
                                <Problem error />
                            </main>
                        }
                            .into_any()
                    }
                }
            })}
        </Suspense>
    }
    .into_any()
}

/// The page once the coin's figures are there.
#[component]
fn CoinView(coin: Coin) -> impl IntoView {
    let symbol = coin.quote.symbol.clone();
    let name = coin.quote.name.clone();
    let quote = LiveQuote::new(coin.quote);
    let provenance = RwSignal::new(coin.provenance);
    let lost = RwSignal::new(false);

    let query = use_query_map();
    let default = default_interval(&coin.intervals);
    let interval = Memo::new(move |_| {
        query.with(|q| q.get_str("interval").and_then(|t| t.parse().ok()).unwrap_or(default))
    });
    // Read again when the interval changes, or when the price is of another time.
    let as_of = quote.as_of.clone();
    let chart = {
        let symbol = symbol.to_string();
        Resource::new_blocking(
            move || (interval.get(), as_of.get()),
            move |(interval, _)| data::chart(symbol.clone(), interval.to_string(), BARS),
        )
    };
    {
        let (symbol, quote) = (symbol.to_string(), quote.clone());
        let refresh = move || {
            let (symbol, quote) = (symbol.clone(), quote.clone());
            async move {
                match data::latest_prices(Some(symbol)).await {
                    Ok(answer) => {
                        for newer in &answer.prices {
                            quote.apply(newer);
                        }
                        provenance.set(answer.provenance);
                        lost.set(false);
                    }
                    Err(_) => lost.set(true),
                }
            }
        };
        every(REFRESH, refresh, move || lost.set(true));
    }

    let price = quote.price.clone();
    let change = quote.change_pct.clone();
    let wash = quote.wash.clone();
    let wash_ended = {
        let wash = quote.wash.clone();
        move |_| wash.update(|wash| *wash = wash.ended())
    };
    let intervals = coin.intervals;
    let base = format!("/coin/{symbol}");
    view! {
        <Title text=name.clone() />
        <Header>
            <SourcePill provenance lost />
        </Header>
        <main id="content" class="content" tabindex="-1">
            <div class="coin-head">
                <Badge symbol=symbol.clone() large=true />
                <div>
                    <h1>{name.clone()} " " <small>{symbol.to_string()} " / USD"</small></h1>
                    <p class="coin-price">
                        <span
                            class=move || format!("big {}", wash.get().class())
                            on:animationend=wash_ended
                        >
                            {move || format::price_exact(price.get())}
                        </span>
                        <Change pct=Signal::derive(move || Some(change.get())) />
                        <small>"24h"</small>
                    </p>
                </div>
            </div>
            <div class="coin-grid">
                <section class="card" aria-label="Chart">
                    <IntervalSwitch intervals base interval default />
                    <Transition fallback=|| {
                        view! { <p class="waiting">"Reading candles …"</p> }
                    }>
                        {move || {
                            let name = name.clone();
                            Suspend::new(async move { chart_card(chart.await, name) })
                        }}
                    </Transition>
                </section>
                <aside>
                    <KeyFigures quote first_open=coin.first_open />
                    <p class="aside-foot">
                        <Foot provenance lost />
                    </p>
                </aside>
            </div>
        </main>
    }
    .into_any()
}

/// The drawing with its foot line, or what went wrong with it.
fn chart_card(data: Result<ChartData, DataError>, name: String) -> AnyView {
    match data {
        Ok(data) => {
            // The chart is read once: how old it was then is said, for it ages with the page.
            let origin = sentence_when_read(&data.provenance);
            let gaps = match data.partial.len() {
                0 => "Every bar is complete".to_owned(),
                1 => "1 bar lacks part of its time (hollow)".to_owned(),
                n => format!("{n} bars lack part of their time (hollow)"),
            };
            view! {
                <ChartView data name />
                <p class="card-foot">
                    <span>{origin}</span>
                    <span>{gaps} " · UTC"</span>
                </p>
            }
            .into_any()
        }
        Err(error) => view! { <Problem error /> }.into_any(),
    }
}

/// Links that choose the interval: they work without JavaScript too.
#[component]
fn IntervalSwitch(
    /// Those that can be chosen.
    intervals: Vec<Interval>,
    /// Path of the page.
    base: String,
    /// The present one.
    interval: Memo<Interval>,
    /// The one of the plain path.
    default: Interval,
) -> impl IntoView {
    let links = intervals
        .into_iter()
        .map(|each| {
            let href = if each == default { base.clone() } else { format!("{base}?interval={each}") };
            view! {
                <a
                    class="choice"
                    href=href
                    aria-current=move || (interval.get() == each).then_some("true")
                    data-noscroll
                >
                    {each.as_str()}
                </a>
            }
        })
        .collect_view();
    view! {
        <nav class="card-head choices" aria-label="Interval">
            {links}
        </nav>
    }
    .into_any()
}

/// The figures of the last 24 hours.
#[component]
fn KeyFigures(quote: LiveQuote, first_open: Option<model::UnixMs>) -> impl IntoView {
    let LiveQuote { open, high, low, volume, as_of, .. } = quote.clone();
    let turnover = move || format!("${}", format::compact(quote.turnover()));
    view! {
        <section class="card figures" aria-labelledby="figures-title">
            <h2 id="figures-title">"Key figures"</h2>
            <dl>
                <div><dt>"Open 24h"</dt> <dd>{move || format::price_exact(open.get())}</dd></div>
                <div><dt>"High 24h"</dt> <dd>{move || format::price_exact(high.get())}</dd></div>
                <div><dt>"Low 24h"</dt> <dd>{move || format::price_exact(low.get())}</dd></div>
                <div><dt>"Volume 24h"</dt> <dd>{turnover}</dd></div>
                <div><dt>"In coins"</dt> <dd>{move || format::compact(volume.get().to_f64().unwrap_or_default())}</dd></div>
                <div><dt>"As of"</dt> <dd>{move || when::date_time(as_of.get())}</dd></div>
                {first_open.map(|t| view! { <div><dt>"Stored since"</dt> <dd>{when::date(t)}</dd></div> })}
            </dl>
        </section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_interval_is_one_that_can_be_asked_for() {
        use Interval::{D1, H4, M30, W1};
        assert_eq!(default_interval(&[M30, H4, D1]), H4);
        assert_eq!(default_interval(&[D1, W1]), D1);
        assert_eq!(default_interval(&[]), H4);
    }
}
