//! The figures of one bar, in the chart's corner.

use leptos::prelude::*;
use model::{Candle, Interval};

use crate::{chart::legend, live, prefs::use_prefs, when::Calendar, words::Words};

/// Interval, open, high, low, close, volume and change of a bar.
#[component]
pub fn ChartLegend(
    /// Which bar; none before there is one.
    #[prop(into)]
    bar: Signal<Option<Candle>>,
    /// What the bar covers.
    interval: Signal<Interval>,
    /// Decimals of the instrument's prices.
    decimals: Signal<u8>,
) -> impl IntoView {
    let prefs = use_prefs();
    let words = prefs.words();
    let class = live::word(move || if bar.get().is_none_or(|bar| bar.is_up()) { "up" } else { "down" });
    let figures = Memo::new(move |_| {
        bar.get().map(|bar| {
            let text = legend(&bar, decimals.get(), prefs.locale);
            [text.open, text.high, text.low, text.close, text.volume, text.change.unwrap_or_default()]
        })
    });
    let figure = move |i: usize| {
        live::text(move || figures.with(|all| all.as_ref().map(|all| all[i].clone()).unwrap_or_default()))
    };
    let items = words.ohlcv.into_iter().zip(words.ohlcv_long).enumerate().map(|(i, (letter, meaning))| {
        view! {
            <span>
                <abbr title=meaning>{letter}</abbr>
                <b class=class>{figure(i)}</b>
            </span>
        }
    });
    view! {
        <p class="legend" hidden=live::flag(move || bar.get().is_none())>
            <span class="legend-interval">{live::word(move || interval.get().as_str())}</span>
            {items.collect_view()}
            <span class=class>{figure(5)}</span>
        </p>
    }
    .into_any()
}

/// The figures of a bar as a screen reader says them.
#[must_use]
pub fn spoken(bar: &Candle, interval: Interval, decimals: u8, words: &Words, calendar: Calendar) -> String {
    let text = legend(bar, decimals, calendar.locale);
    let [open, high, low, close, volume] = words.ohlcv_long;
    format!(
        "{}: {open} {}, {high} {}, {low} {}, {close} {}, {volume} {}",
        calendar.bar_time(interval, bar.open_time),
        text.open,
        text.high,
        text.low,
        text.close,
        text.volume
    )
}
