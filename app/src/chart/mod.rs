//! Charts: pure geometry, drawn through plotters' `DrawingBackend`. No DOM, no signals, no I/O.
//!
//! The same input gives the same string on the server and in the browser, so a server-drawn chart hydrates without a
//! change: coordinates are whole or half pixels, text is measured by a table ([`text`]), and no function is used whose
//! result may differ between platforms. What colours mean is [`ink::Ink`]; what they look like is `style/chart.css`.

pub mod bars;
pub mod candles;
pub mod canvas;
pub mod civil;
mod crosshair;
pub mod ink;
pub mod joined;
pub mod layout;
mod legend;
mod plot;
pub mod scale;
mod sparkline;
pub mod svg;
#[cfg(test)]
mod tests;
pub mod text;
pub mod time_axis;

use std::fmt::Write;

use plotters::drawing::IntoDrawingArea;
use plotters_backend::DrawingBackend;

pub use self::{
    crosshair::{Cross, draw_crosshair},
    legend::{Legend, legend},
    plot::{Notes, Plot},
    sparkline::sparkline_svg,
};
use self::{svg::SvgPen, text::push_escaped};

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
    /// What is said instead of a chart without bars.
    pub empty: &'a str,
}

/// A chart as one `<svg>` string: candles with volume, price axis, time axis and the last price. `None` gives the message
/// that stands for a chart without bars, in this size.
///
/// Bars are spaced by their place, not by time; a dashed line marks a time without candles. Bars that are not complete are drawn hollow. The top 36 px are free for a
/// legend.
#[must_use]
pub fn candlestick_svg(plot: Option<&Plot>, size: Size, labels: &Labels<'_>) -> String {
    let size = Plot::size(size);
    let bars = plot.map_or(0, Plot::len);
    let mut out = String::with_capacity(2_000 + 50 * bars);
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
    let area = SvgPen::backend(&mut out, (width, height)).into_drawing_area();
    let _ = draw(&area, plot, labels.empty);
    let _ = area.present();
    drop(area);
    out.push_str("</svg>");
    out
}

/// Draws a chart, or the message that stands for one without bars: the same for every backend.
///
/// # Errors
/// The backend's own.
pub fn draw<DB: DrawingBackend>(
    area: &candles::Area<DB>,
    plot: Option<&Plot>,
    empty: &str,
) -> candles::DrawResult<DB> {
    match plot {
        Some(plot) => candles::draw_candles(area, plot),
        None => candles::draw_message(area, empty),
    }
}
