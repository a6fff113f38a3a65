//! The crosshair: two dashed lines and their tags on the axes. Drawn over a chart, in a layer of its own.

use model::Interval;
use plotters::{
    element::{PathElement, Rectangle},
    style::{Color, text_anchor::HPos},
};
use plotters_backend::DrawingBackend;

use super::{
    candles::{Area, DrawResult, draw_price_tag, stroke, text_style},
    ink::Ink,
    plot::{Plot, TAG_HALF},
    text::{FONT_PX, bold_width},
};
use crate::format;

/// Room on either side of the time on its tag, px.
const TIME_PAD: i32 = 7;

/// Where the crosshair stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cross {
    /// Index of a drawn bar.
    pub bar: usize,
    /// Row of the horizontal line, px from the top.
    pub row: i32,
}

/// Draws the crosshair over a chart. Nothing is drawn at a bar that there is not.
///
/// # Errors
/// The backend's own.
pub fn draw_crosshair<DB: DrawingBackend>(area: &Area<DB>, plot: &Plot, cross: Cross) -> DrawResult<DB> {
    let Some(bar) = plot.bar(cross.bar) else { return Ok(()) };
    let layout = &plot.layout;
    let floor = layout.rows.plot_bottom;
    let (x, row) = (layout.centre(cross.bar), cross.row.clamp(0, floor - 1));
    area.draw(&PathElement::new([(x, 0), (x, floor)], stroke(Ink::Cross)))?;
    area.draw(&PathElement::new([(0, row), (layout.plot_width, row)], stroke(Ink::Cross)))?;

    let price = plot.scale.price(row);
    // Low in the volume the scale would go on below zero.
    if plot.scale.can_name(price) {
        let price = format::price(price, plot.decimals);
        draw_price_tag(area, layout, row, &price, Ink::CrossTag, Ink::CrossText)?;
    }

    let time = time_text(plot, bar.candle.open_time);
    let half = i32::try_from(bold_width(&time, FONT_PX).div_ceil(2)).unwrap_or(0) + TIME_PAD;
    let centre = x.clamp(half, (layout.width - half).max(half));
    let middle = layout.rows.time_labels;
    let corners = [(centre - half, middle - TAG_HALF), (centre + half, middle + TAG_HALF)];
    area.draw(&Rectangle::new(corners, Ink::CrossTag.color().filled()))?;
    area.draw_text(&time, &text_style(Ink::CrossText, HPos::Center), (centre, middle))
}

/// The time of a bar on the axis: with the clock where bars are shorter than a day.
fn time_text(plot: &Plot, open_time: i64) -> String {
    let calendar = plot.calendar;
    if plot.interval >= Interval::D1 {
        return calendar.bar_time(plot.interval, open_time);
    }
    let civil = calendar.civil(open_time);
    format!("{} {}", civil.date(calendar.locale), civil.clock())
}
