//! The chart of a coin as SVG, drawn alike on the server and in the browser.

use leptos::prelude::*;
use model::ChartData;

use crate::{
    chart::{Labels, Size, candlestick_svg},
    format,
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
    let labels = Labels {
        title: format!("{name}, {} candles", data.interval),
        description: describe(&data),
    };
    let draw = |bars: &[model::Candle], size| candlestick_svg(bars, &data.partial, data.interval, size, &labels);
    let wide = draw(&data.candles, WIDE);
    let last = &data.candles[data.candles.len().saturating_sub(NARROW_BARS)..];
    let narrow = draw(last, NARROW);
    let legend = data.candles.last().map(|bar| {
        let class = if bar.is_up() { "up" } else { "down" };
        let item = |name: &'static str, text: String| {
            view! {
                <span class="legend-item">
                    <abbr title=match name {
                        "O" => "Open",
                        "H" => "High",
                        "L" => "Low",
                        "C" => "Close",
                        _ => "Volume in coins",
                    }>{name}</abbr>
                    <b class=class>{text}</b>
                </span>
            }
        };
        view! {
            <p class="legend">
                {item("O", format::price(bar.open))} {item("H", format::price(bar.high))}
                {item("L", format::price(bar.low))} {item("C", format::price(bar.close))}
                {item("V", format::compact(bar.volume))}
            </p>
        }
    });
    view! {
        <figure class="chart">
            {legend} <div class="chart-wide" inner_html=wide></div> <div class="chart-narrow" inner_html=narrow></div>
        </figure>
    }
}

/// What the drawing shows, in words.
fn describe(data: &ChartData) -> String {
    let (Some(first), Some(last)) = (data.candles.first(), data.candles.last()) else {
        return "No candles are stored for this range.".to_owned();
    };
    let high = data.candles.iter().map(|c| c.high).fold(f64::MIN, f64::max);
    let low = data.candles.iter().map(|c| c.low).fold(f64::MAX, f64::min);
    format!(
        "{} candles from {} to {}. Open {}, high {}, low {}, close {}.",
        data.candles.len(),
        format::date_time(first.open_time),
        format::date_time(last.open_time),
        format::price(first.open),
        format::price(high),
        format::price(low),
        format::price(last.close),
    )
}
