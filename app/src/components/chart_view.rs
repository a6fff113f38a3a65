//! The chart of a coin as SVG, drawn alike on the server and in the browser.

use leptos::prelude::*;
use model::{Candle, ChartData};

use crate::{
    chart::{Labels, Size, candlestick_svg, legend},
    format, when,
};

/// The wide drawing, and the one for phones. The style sheet shows one of them: the server does not know the width.
const WIDE: Size = Size { width: 1040, height: 540 };
const NARROW: Size = Size { width: 366, height: 400 };
/// Bars that the narrow drawing has room for.
const NARROW_BARS: usize = 64;

/// Legend and drawing.
#[component]
pub fn ChartView(
    /// The candles.
    data: ChartData,
    /// Name of the coin, for the drawing's accessible text.
    name: String,
) -> impl IntoView {
    let title = format!("{name}, {} candles", data.interval);
    let draw = |bars: &[Candle], size| {
        let description = describe(bars);
        let labels = Labels {
            title: &title,
            description: &description,
            empty: "No candles are stored for this range",
        };
        candlestick_svg(bars, &data.partial, data.interval, size, &labels)
    };
    let wide = draw(&data.candles, WIDE);
    let narrow = draw(&data.candles[data.candles.len().saturating_sub(NARROW_BARS)..], NARROW);
    view! {
        <figure class="chart-figure">
            <p class="legend">{data.candles.last().map(|bar| view! { <Legend bar=*bar /> })}</p>
            <div class="chart-wide" inner_html=wide></div>
            <div class="chart-narrow" inner_html=narrow></div>
        </figure>
    }
    .into_any()
}

/// The figures of one bar.
#[component]
fn Legend(bar: Candle) -> impl IntoView {
    let text = legend(&bar);
    let class = if bar.is_up() { "up" } else { "down" };
    [
        ("O", "Open", text.open),
        ("H", "High", text.high),
        ("L", "Low", text.low),
        ("C", "Close", text.close),
        ("V", "Volume in coins", text.volume),
    ]
    .map(|(letter, meaning, figure)| {
        view! {
            <span class="legend-item">
                <abbr title=meaning>{letter}</abbr>
                <b class=class>{figure}</b>
            </span>
        }
    })
    .into_iter()
    .collect_view()
}

/// What the drawing shows, in words.
fn describe(candles: &[Candle]) -> String {
    let (Some(first), Some(last)) = (candles.first(), candles.last()) else {
        return "No candles are stored for this range.".to_owned();
    };
    let high = candles.iter().map(|c| c.high).fold(f64::MIN, f64::max);
    let low = candles.iter().map(|c| c.low).fold(f64::MAX, f64::min);
    format!(
        "{} candles from {} to {}. Open {}, high {}, low {}, close {}.",
        candles.len(),
        when::date_time(first.open_time),
        when::date_time(last.open_time),
        format::price(first.open),
        format::price(high),
        format::price(low),
        format::price(last.close),
    )
}
