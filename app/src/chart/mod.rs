//! Charts: pure geometry, drawn through plotters' `DrawingBackend`. No DOM, no signals, no I/O.
//!
//! The same input gives the same string on the server and in the browser, so a server-drawn chart hydrates without a
//! change: coordinates are whole or half pixels, text is measured by a table ([`text`]), and no function is used whose
//! result may differ between platforms. What colours mean is [`ink::Ink`]; what they look like is `style/chart.css`.

pub mod bars;
pub mod candles;
pub mod civil;
pub mod ink;
pub mod layout;
mod legend;
pub mod scale;
mod sparkline;
pub mod svg;
#[cfg(test)]
mod tests;
pub mod text;
pub mod time_axis;

use std::fmt::Write;

use model::{Candle, Interval, UnixMs};
use plotters::drawing::IntoDrawingArea;

pub use self::{
    legend::{Legend, legend},
    sparkline::sparkline_svg,
};
use self::{svg::SvgBackend, text::push_escaped};

/// Size of a drawing, px. Drawings are between 16 and 8,192 px wide and high, whatever is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Width, px.
    pub width: u32,
    /// Height, px.
    pub height: u32,
}

impl Size {
    fn clamped(self) -> Self {
        Self { width: self.width.clamp(16, 8_192), height: self.height.clamp(16, 8_192) }
    }
}

/// What a chart says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Labels<'a> {
    /// Its name, such as `Ethereum, 4h candles`.
    pub title: &'a str,
    /// What it shows, for those who cannot see it: span, first, last, highest and lowest price.
    pub description: &'a str,
    /// What is said when there is no bar to draw.
    pub empty: &'a str,
}

/// Candles with volume, price axis, time axis and the last price as one `<svg>` string.
///
/// Bars are spaced by their place, not by time. `partial` are the open times of bars that are not complete: they are
/// drawn hollow. More bars than there is room for are joined (see [`bars::rebucket`]). A candle that cannot be drawn
/// (a price that is no number) is left out. The top 36 px are free for a legend.
#[must_use]
pub fn candlestick_svg(
    candles: &[Candle],
    partial: &[UnixMs],
    interval: Interval,
    size: Size,
    labels: &Labels<'_>,
) -> String {
    let size = Size { width: size.width.max(120), height: size.height.max(100) }.clamped();
    let mut out = String::with_capacity(2_000 + 50 * candles.len().min(1_000));
    let (width, height) = (size.width, size.height);
    // Writing to a string cannot fail, here and below.
    let _ = write!(
        out,
        "<svg class=\"chart\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\">"
    );
    for (tag, text) in [("title", labels.title), ("desc", labels.description)] {
        let _ = write!(out, "<{tag}>");
        push_escaped(&mut out, text);
        let _ = write!(out, "</{tag}>");
    }
    let bars = bars::clean(candles, partial);
    let area = SvgBackend::new(&mut out, (width, height)).into_drawing_area();
    let _ = if bars.is_empty() {
        candles::draw_message(&area, labels.empty)
    } else {
        candles::draw_candles(&area, bars, interval)
    };
    let _ = area.present();
    drop(area);
    out.push_str("</svg>");
    out
}
