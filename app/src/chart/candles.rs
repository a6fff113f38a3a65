//! The candlestick chart: what is drawn where. Generic over the backend, so that SVG and canvas get the same picture.

use plotters::{
    coord::Shift,
    drawing::{DrawingArea, DrawingAreaErrorKind},
    element::{PathElement, Rectangle},
    style::{
        Color, FontDesc, FontFamily, FontStyle, ShapeStyle, TextStyle,
        text_anchor::{HPos, Pos, VPos},
    },
};
use plotters_backend::DrawingBackend;

use super::{
    bars::{Bar, Gap},
    ink::Ink,
    layout::Layout,
    plot::{HOLLOW_MIN, LastPrice, Plot, TAG_HALF},
    scale::{PriceScale, Ticks},
    text::{FONT_PX, bold_width},
    time_axis::TimeTick,
};

/// What drawing with a backend gives.
pub type DrawResult<DB> = Result<(), DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;
/// Where a chart is drawn, in px.
pub type Area<DB> = DrawingArea<DB, Shift>;

/// Room at the left of a price on its tag, px.
const TAG_PAD: i32 = 3;

/// Draws the message that stands for a chart without bars.
pub fn draw_message<DB: DrawingBackend>(area: &Area<DB>, text: &str) -> DrawResult<DB> {
    let (width, height) = area.dim_in_pixel();
    let centre = ((width / 2) as i32, (height / 2) as i32);
    area.draw_text(text, &text_style(Ink::Message, HPos::Center), centre)
}

/// Draws a chart.
pub fn draw_candles<DB: DrawingBackend>(area: &Area<DB>, plot: &Plot) -> DrawResult<DB> {
    let Plot { layout, scale, bars, ticks, labels, .. } = plot;
    draw_price_grid(area, layout, scale, ticks)?;
    draw_time_axis(area, layout, &plot.times)?;
    draw_gaps(area, layout, &plot.marked_gaps)?;
    draw_volume(area, layout, bars)?;
    draw_wicks(area, layout, scale, bars)?;
    draw_bodies(area, layout, scale, bars)?;
    draw_price_labels(area, layout, scale, ticks, labels, plot.last.as_ref())?;
    plot.last.as_ref().map_or(Ok(()), |last| draw_last(area, layout, last))
}

pub(super) fn stroke(ink: Ink) -> ShapeStyle {
    ink.color().stroke_width(1)
}

pub(super) fn text_style(ink: Ink, h_pos: HPos) -> TextStyle<'static> {
    let font = FontDesc::new(FontFamily::SansSerif, f64::from(FONT_PX), FontStyle::Normal);
    TextStyle { font, color: ink.color().to_backend_color(), pos: Pos::new(h_pos, VPos::Center) }
}

fn draw_price_grid<DB: DrawingBackend>(
    area: &Area<DB>,
    layout: &Layout,
    scale: &PriceScale,
    ticks: &Ticks,
) -> DrawResult<DB> {
    for value in &ticks.values {
        let y = scale.y(*value);
        area.draw(&PathElement::new([(0, y), (layout.plot_width, y)], stroke(Ink::Grid)))?;
    }
    let floor = layout.rows.plot_bottom;
    area.draw(&PathElement::new([(0, floor), (layout.width, floor)], stroke(Ink::Grid)))
}

fn draw_time_axis<DB: DrawingBackend>(
    area: &Area<DB>,
    layout: &Layout,
    ticks: &[TimeTick],
) -> DrawResult<DB> {
    for tick in ticks {
        let x = layout.centre(tick.bar);
        area.draw(&PathElement::new([(x, 0), (x, layout.rows.plot_bottom)], stroke(Ink::Grid)))?;
    }
    for tick in ticks {
        let at = (layout.centre(tick.bar), layout.rows.time_labels);
        area.draw_text(&tick.label, &text_style(Ink::Axis, HPos::Center), at)?;
    }
    Ok(())
}

/// A dashed line between the bars before and after a time without candles.
fn draw_gaps<DB: DrawingBackend>(area: &Area<DB>, layout: &Layout, gaps: &[Gap]) -> DrawResult<DB> {
    for gap in gaps {
        let before = layout.centre(gap.bar.saturating_sub(1));
        let x = before + (layout.centre(gap.bar) - before) / 2;
        area.draw(&PathElement::new([(x, 0), (x, layout.rows.plot_bottom)], stroke(Ink::Gap)))?;
    }
    Ok(())
}

/// The bars that rose, then those that fell: one ink after the other, so that a backend can join them.
fn by_direction(bars: &[Bar], up: bool) -> impl Iterator<Item = (usize, &Bar)> {
    bars.iter().enumerate().filter(move |(_, bar)| bar.candle.is_up() == up)
}

fn draw_volume<DB: DrawingBackend>(area: &Area<DB>, layout: &Layout, bars: &[Bar]) -> DrawResult<DB> {
    let most = bars.iter().fold(0.0, |most, bar| bar.candle.volume.max(most));
    if most <= 0.0 {
        return Ok(());
    }
    for (up, ink) in [(true, Ink::VolumeUp), (false, Ink::VolumeDown)] {
        for (i, bar) in by_direction(bars, up).filter(|(_, bar)| bar.candle.volume > 0.0) {
            let share = bar.candle.volume / most;
            let height = (share * f64::from(layout.rows.volume_height)).round().max(1.0) as i32;
            let (x0, x1) = layout.body(i);
            let floor = layout.rows.plot_bottom;
            area.draw(&Rectangle::new([(x0, floor - height), (x1, floor)], ink.color().filled()))?;
        }
    }
    Ok(())
}

fn draw_wicks<DB: DrawingBackend>(
    area: &Area<DB>,
    layout: &Layout,
    scale: &PriceScale,
    bars: &[Bar],
) -> DrawResult<DB> {
    for (up, ink) in [(true, Ink::WickUp), (false, Ink::WickDown)] {
        for (i, bar) in by_direction(bars, up) {
            let (top, bottom) = (scale.y(bar.candle.high), scale.y(bar.candle.low));
            if bottom > top && !faded(bar, layout) {
                let x = layout.centre(i);
                area.draw(&PathElement::new([(x, top), (x, bottom)], stroke(ink)))?;
            }
        }
    }
    Ok(())
}

/// Whether a bar is partial and too narrow to say so by a hollow body.
fn faded(bar: &Bar, layout: &Layout) -> bool {
    bar.partial && layout.body_width < HOLLOW_MIN
}

fn draw_bodies<DB: DrawingBackend>(
    area: &Area<DB>,
    layout: &Layout,
    scale: &PriceScale,
    bars: &[Bar],
) -> DrawResult<DB> {
    let body = |i: usize, bar: &Bar| {
        let (open, close) = (scale.y(bar.candle.open), scale.y(bar.candle.close));
        let (x0, x1) = layout.body(i);
        let top = open.min(close);
        [(x0, top), (x1, open.max(close).max(top + 1))]
    };
    for (up, solid, hollow, fade) in
        [(true, Ink::Up, Ink::HollowUp, Ink::VolumeUp), (false, Ink::Down, Ink::HollowDown, Ink::VolumeDown)]
    {
        for (i, bar) in by_direction(bars, up).filter(|(_, bar)| !bar.partial) {
            area.draw(&Rectangle::new(body(i, bar), solid.color().filled()))?;
        }
        for (i, bar) in by_direction(bars, up).filter(|(_, bar)| bar.partial) {
            if faded(bar, layout) {
                let (high, low) = (scale.y(bar.candle.high), scale.y(bar.candle.low));
                let x = layout.centre(i);
                area.draw(&Rectangle::new([(x, high), (x + 1, low)], fade.color().filled()))?;
                area.draw(&Rectangle::new(body(i, bar), fade.color().filled()))?;
            } else {
                area.draw(&Rectangle::new(body(i, bar), stroke(hollow)))?;
            }
        }
    }
    Ok(())
}

fn draw_price_labels<DB: DrawingBackend>(
    area: &Area<DB>,
    layout: &Layout,
    scale: &PriceScale,
    ticks: &Ticks,
    labels: &[String],
    last: Option<&LastPrice>,
) -> DrawResult<DB> {
    for (value, label) in ticks.values.iter().zip(labels) {
        let y = scale.y(*value);
        // The tag of the last price would cover it.
        if last.is_some_and(|last| (y - last.row).abs() < 2 * TAG_HALF - 3) {
            continue;
        }
        area.draw_text(label, &text_style(Ink::Axis, HPos::Right), (layout.label_right(), y))?;
    }
    Ok(())
}

/// The last price, in the color of its bar's direction.
fn draw_last<DB: DrawingBackend>(area: &Area<DB>, layout: &Layout, last: &LastPrice) -> DrawResult<DB> {
    let (line, tag) = if last.is_up { (Ink::LastUp, Ink::TagUp) } else { (Ink::LastDown, Ink::TagDown) };
    area.draw(&PathElement::new([(0, last.row), (layout.plot_width, last.row)], stroke(line)))?;
    draw_price_tag(area, layout, last.row, &last.text, tag, Ink::TagText)
}

/// A price on a surface over the price axis. The surface is as wide as its text, where that is wider than the axis.
pub(super) fn draw_price_tag<DB: DrawingBackend>(
    area: &Area<DB>,
    layout: &Layout,
    row: i32,
    text: &str,
    surface: Ink,
    ink: Ink,
) -> DrawResult<DB> {
    let right = layout.label_right();
    let width = i32::try_from(bold_width(text, FONT_PX)).unwrap_or(i32::MAX / 2);
    let left = layout.plot_width.min(right - width - TAG_PAD).max(0);
    let corners = [(left, row - TAG_HALF), (layout.width, row + TAG_HALF)];
    area.draw(&Rectangle::new(corners, surface.color().filled()))?;
    area.draw_text(text, &text_style(ink, HPos::Right), (right, row))
}
