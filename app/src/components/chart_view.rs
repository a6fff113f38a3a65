//! The chart of a coin: an SVG from the server, and a canvas over the same geometry once the page is hydrated.

use leptos::prelude::*;
use model::{Candle, ChartData, Interval};

use super::{
    chart_legend::{ChartLegend, spoken},
    chart_stage::Stage,
};
use crate::{
    chart::{Labels, Plot, Size, candlestick_svg},
    format, live,
    prefs::use_prefs,
    when::Calendar,
    words::Words,
};

/// The wide drawing, and the one for phones. The style sheet shows one of them: the server does not know the width.
const WIDE: Size = Size { width: 1040, height: 540 };
const NARROW: Size = Size { width: 366, height: 400 };
/// Below this width a chart shows what the narrow drawing does, px.
#[cfg(feature = "hydrate")]
const NARROW_BELOW: u32 = 560;
/// Bars that the narrow drawing has room for.
const NARROW_BARS: usize = 64;

/// The candles that the wide or the narrow drawing shows: where no range was asked for, the narrow one begins later. A range
/// is shown whole, if need be with bars joined.
fn shown(data: &ChartData, whole: bool, narrow: bool) -> &[Candle] {
    let from = if narrow && !whole { data.candles.len().saturating_sub(NARROW_BARS) } else { 0 };
    &data.candles[from..]
}

/// The candles that a chart of this width in px shows.
#[cfg(feature = "hydrate")]
pub(super) fn shown_at(data: &ChartData, whole: bool, width: u32) -> &[Candle] {
    shown(data, whole, width < NARROW_BELOW)
}

/// Legend and drawing. Keys and pointer walk along the bars.
#[component]
pub fn ChartView(
    /// The candles.
    #[prop(into)]
    data: Signal<ChartData>,
    /// Whether a range was asked for, which is shown whole at any width.
    whole: Signal<bool>,
    /// Name of the coin, for the drawing's accessible text.
    name: String,
) -> impl IntoView {
    let prefs = use_prefs();
    let words = prefs.words();
    let title = {
        let name = name.clone();
        Memo::new(move |_| data.with(|data| (words.chart_title)(&name, data.interval.as_str())))
    };
    let svg = move |size: Size| {
        let calendar = prefs.calendar();
        data.with(|data| {
            let bars = shown(data, whole.get(), size == NARROW);
            let description = describe(bars, data.interval, data.price_decimals, words, calendar);
            let title = title.get();
            let labels = Labels { title: &title, description: &description, empty: words.no_candles };
            let plot = Plot::new(bars, &data.partial, data.interval, data.price_decimals, size, calendar);
            candlestick_svg(plot.as_ref(), size, &labels)
        })
    };
    let stage = Stage::new(data, whole);
    // Once painted, the drawings are only for paper: they are drawn when somebody prints.
    let drawing = move |size: Size| {
        let drawn = Memo::new(move |old: Option<&String>| match old {
            Some(old) if stage.painted.get() && !stage.printing.get() => old.clone(),
            _ => svg(size),
        });
        live::text(move || drawn.get())
    };
    let (wide, narrow) = (drawing(WIDE), drawing(NARROW));
    let bar = Signal::derive(move || stage.bar().or_else(|| data.with(|data| data.candles.last().copied())));
    // Said only to those who walk by keys: a pointer moves too fast to be read out.
    let said = live::text(move || {
        let bar = stage.walked.get().then(|| stage.bar()).flatten();
        let (interval, decimals) = data.with(|data| (data.interval, data.price_decimals));
        bar.map(|bar| spoken(&bar, interval, decimals, words, prefs.calendar())).unwrap_or_default()
    });
    let painted = live::flag(move || stage.painted.get());
    let only_painted = move |value: &'static str| live::maybe(move || painted.get().then_some(value));
    let description = live::text(move || {
        let says = || {
            let (interval, decimals) = data.with(|data| (data.interval, data.price_decimals));
            describe(&stage.candles(), interval, decimals, words, prefs.calendar())
        };
        painted.get().then(says).unwrap_or_default()
    });
    view! {
        <figure class="chart-figure" class:painted=painted>
            <ChartLegend bar decimals=Signal::derive(move || data.with(|data| data.price_decimals)) />
            <div
                node_ref=stage.node
                class="chart-stage"
                // Walked only where a canvas shows the walk.
                role=only_painted("application")
                tabindex=only_painted("0")
                aria-label=Signal::derive(move || painted.get().then(|| title.get()))
                aria-describedby=only_painted("chart-says chart-keys")
                on:pointermove=move |event| stage.point(f64::from(event.offset_x()), f64::from(event.offset_y()))
                on:pointerdown=move |event| stage.point(f64::from(event.offset_x()), f64::from(event.offset_y()))
                on:pointerleave=move |_| stage.leave()
                on:blur=move |_| stage.leave()
                on:keydown=move |event| {
                    if stage.walk(&event.key()) {
                        event.prevent_default();
                    }
                }
            >
                <div class="chart-wide" inner_html=wide></div>
                <div class="chart-narrow" inner_html=narrow></div>
                <canvas node_ref=stage.base class="chart-canvas" aria-hidden="true"></canvas>
                <canvas node_ref=stage.over class="chart-canvas" aria-hidden="true"></canvas>
            </div>
            <p id="chart-says" class="sr-only">
                {description}
            </p>
            <p id="chart-keys" class="sr-only">
                {only_painted(words.chart_keys)}
            </p>
            <p class="sr-only" aria-live="polite">
                {said}
            </p>
        </figure>
    }
    .into_any()
}

/// What the drawing shows, in words.
fn describe(
    candles: &[Candle],
    interval: Interval,
    decimals: u8,
    words: &Words,
    calendar: Calendar,
) -> String {
    let (Some(first), Some(last)) = (candles.first(), candles.last()) else {
        return words.no_candles.to_owned();
    };
    let high = candles.iter().map(|c| c.high).fold(f64::MIN, f64::max);
    let low = candles.iter().map(|c| c.low).fold(f64::MAX, f64::min);
    let prices = [first.open, high, low, last.close].map(|price| format::price(price, decimals));
    (words.chart_says)(
        candles.len(),
        &calendar.bar_time(interval, first.open_time),
        &calendar.bar_time(interval, last.open_time),
        prices.each_ref().map(String::as_str),
    )
}
