//! The card of the chart: interval, range, drawing, footer.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use model::{Coin, Interval, Provenance};

use super::{
    chart_state::{ChartState, Drawn},
    choice::Choices,
    live_chart::LiveChart,
};
use crate::{
    components::{Drawing, LiveQuote, Span, by_width, icons},
    format, live,
    prefs::{use_prefs, use_words},
    query::query_string,
};

/// Up to this width of the window the style sheet shows the narrow drawing, as in `style/coin.css`, px.
#[cfg(feature = "hydrate")]
const NARROW_WINDOW: f64 = 640.0;

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
    let symbol = StoredValue::new(coin.quote.symbol.to_string());
    let name = coin.quote.name;
    let choices = Choices {
        intervals: coin.intervals,
        first: coin.first_open,
        last: coin.quote.as_of,
        price: format::price_exact(coin.quote.price, coin.quote.price_decimals),
    };
    let choices = StoredValue::new(choices);
    let query = use_query_map();
    let choice = Memo::new(move |_| choices.with_value(|all| query.with(|query| all.asked(query))));
    let state = ChartState::new(choices, choice, quote, provenance);
    // What the address asks for at first; another choice is read into the same drawing.
    let first = choice.get_untracked();
    let drawn = first_drawn(state.drawn.get_untracked());
    let chart = Resource::new_blocking(|| (), move |()| state.read(first, drawn));

    // Simulated candles are not given away as data.
    let stored = coin.first_open.is_some();
    let head = move |export: AnyView| {
        let symbol = symbol.get_value();
        view! {
            <div class="card-head choices">
                <Switches symbol state />
                {export}
            </div>
        }
    };
    // One part for all that reads the candles: the server renders each part in a task of its own, and a memo that two threads
    // compute at once has no value for one of them.
    view! {
        <section class="card" aria-label=words.chart>
            <Suspense fallback=move || {
                view! {
                    {head(().into_any())}
                    <p class="waiting chart-waiting">{words.reading_candles}</p>
                }
            }>
                {move || {
                    let name = name.clone();
                    Suspend::new(async move {
                        let answer = chart.await;
                        if !state.start(first, &answer) {
                            return ().into_any();
                        }
                        let symbol = symbol.get_value();
                        let export = stored.then(|| view! { <Export symbol state /> }).into_any();
                        view! {
                            {head(export)}
                            <LiveChart name answer state />
                        }
                            .into_any()
                    })
                }}
            </Suspense>
        </section>
    }
    .into_any()
}

/// The switches for interval and range.
#[component]
fn Switches(
    /// Ticker symbol.
    symbol: String,
    /// What the card's parts share.
    state: ChartState,
) -> impl IntoView {
    let prefs = use_prefs();
    let words = prefs.words();
    let ChartState { choices, choice, .. } = state;
    let path = StoredValue::new(format!("/coin/{symbol}"));
    let link = move |href: String| prefs.link(&href);
    let intervals = choices.with_value(|all| all.intervals.clone()).into_iter().map(|interval| {
        let href = live::text(move || {
            let of =
                |path: &String| choices.with_value(|all| all.with_interval(path, choice.get(), interval));
            link(path.with_value(of))
        });
        let is_current = move || choice.get().interval == interval;
        let current = live::maybe(move || is_current().then_some("true"));
        let label = Memo::new(move |_| {
            let drawn = state.drawn.get();
            let of = |drawn: Interval| match is_current() && drawn != interval {
                true => format!("{interval} → {drawn}"),
                false => interval.to_string(),
            };
            (of(drawn.wide), of(drawn.narrow))
        });
        let hint = Signal::derive(move || {
            let Drawn { wide, narrow } = state.drawn.get();
            // Of both drawings: an attribute cannot depend on the width.
            let other = if wide == interval { narrow } else { wide };
            (is_current() && other != interval).then(|| (words.drawn_as)(interval.as_str(), other.as_str()))
        });
        view! {
            <a class="choice" href=href aria-current=current title=hint data-noscroll>
                {by_width(label)}
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
    view! {
        <nav class="choice-group" aria-label=words.interval>
            {intervals.collect_view()}
        </nav>
        <nav class="choice-group choice-spans" aria-label=words.range>
            {spans.collect_view()}
        </nav>
    }
    .into_any()
}

/// The link to the candles on screen as a file.
#[component]
fn Export(
    /// Ticker symbol.
    symbol: String,
    /// What the card's parts share.
    state: ChartState,
) -> impl IntoView {
    let words = use_words();
    let shown = state.shown;
    let symbol = StoredValue::new(symbol);
    let exports =
        Memo::new(move |_| shown.with(|shown| (ExportOf::new(&shown.wide), ExportOf::new(&shown.narrow))));
    let link = move |pick: fn(&(ExportOf, ExportOf)) -> &ExportOf, class: &'static str| {
        let href = live::text(move || {
            exports.with(|exports| symbol.with_value(|symbol| pick(exports).href(symbol)))
        });
        let title =
            live::text(move || exports.with(|exports| (words.export_long)(pick(exports).interval.as_str())));
        view! {
            <a class=class href=href rel="external" download="" title=title>
                {icons::icon(icons::DOWNLOAD)}
                {words.export}
            </a>
        }
    };
    let are_two = Memo::new(move |_| exports.with(|(wide, narrow)| wide != narrow));
    live::part(move || {
        if are_two.get() {
            view! {
                {link(|exports| &exports.0, "choice choice-end for-wide")}
                {link(|exports| &exports.1, "choice choice-end for-narrow")}
            }
            .into_any()
        } else {
            link(|exports| &exports.0, "choice choice-end").into_any()
        }
    })
}

/// The intervals to read at first. The server reads those of both drawings; a browser that comes from another page of the
/// site knows which one it will show.
fn first_drawn(drawn: Drawn) -> Drawn {
    #[cfg(feature = "hydrate")]
    let drawn = match window().inner_width().ok().and_then(|width| width.as_f64()) {
        Some(width) if width <= NARROW_WINDOW => Drawn { wide: drawn.narrow, ..drawn },
        Some(_) => Drawn { narrow: drawn.wide, ..drawn },
        None => drawn,
    };
    drawn
}

/// The candles of a drawing, as the export names them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ExportOf {
    interval: Interval,
    source: String,
    /// Open times of the first and the last drawn candle.
    ends: Option<(i64, i64)>,
}

impl ExportOf {
    fn new(drawing: &Drawing) -> Self {
        let data = &drawing.data;
        let ends = data.candles.first().zip(data.candles.last());
        Self {
            interval: data.interval,
            source: data.source.to_string(),
            ends: ends.map(|(first, last)| (first.open_time, last.open_time)),
        }
    }

    fn href(&self, symbol: &str) -> String {
        let ends = self.ends.map(|(from, to)| (from.to_string(), to.to_string()));
        let mut parameters = vec![("symbol", symbol), ("interval", self.interval.as_str())];
        if let Some((from, to)) = &ends {
            parameters.extend([("from", from.as_str()), ("to", to.as_str())]);
        }
        parameters.extend([("source", self.source.as_str()), ("format", "csv")]);
        format!("/api/export{}", query_string(parameters))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_is_of_what_is_on_screen() {
        let mut of = ExportOf { interval: Interval::H4, source: "recorded".to_owned(), ends: Some((5, 9)) };
        assert_eq!(
            of.href("BTC"),
            "/api/export?symbol=BTC&interval=4h&from=5&to=9&source=recorded&format=csv"
        );
        of.ends = None;
        assert_eq!(of.href("BTC"), "/api/export?symbol=BTC&interval=4h&source=recorded&format=csv");
    }
}
