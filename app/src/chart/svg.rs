//! A plotters backend that writes SVG.
//!
//! Consecutive primitives of one ink and kind become one element: all wicks of a colour are one `<path>`, whatever
//! their number. Within a path every move is relative and integer, which is short and formats alike everywhere.
//! Strokes run through pixel centres (half-pixel coordinates), surfaces along pixel borders, so both are crisp.
//! Colours become classes (see [`Ink`]); line widths, dashes and opacity belong to the style sheet.

use std::{convert::Infallible, fmt::Write};

use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
    text_anchor::{HPos, VPos},
};

use super::{
    ink::Ink,
    text::{cap_height, push_escaped, text_width},
};

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

/// The element being written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Run {
    /// A path of surfaces.
    Fill(Ink),
    /// A path of strokes.
    Stroke(Ink),
    /// A group of texts with a `text-anchor`.
    Text(Ink, &'static str),
}

/// Writes the inner elements of an `<svg>` to a string. Nothing it does can fail.
pub struct SvgBackend<'a> {
    out: &'a mut String,
    size: (u32, u32),
    run: Option<Run>,
    /// Where the pen of the open path is.
    pen: BackendCoord,
}

impl<'a> SvgBackend<'a> {
    /// A backend of a size in px, appending to `out`. Call `present` at the end.
    pub fn new(out: &'a mut String, size: (u32, u32)) -> Self {
        Self { out, size, run: None, pen: (0, 0) }
    }

    /// Appends; writing to a string cannot fail.
    fn put(&mut self, args: std::fmt::Arguments<'_>) {
        let _ = self.out.write_fmt(args);
    }

    fn close(&mut self) {
        match self.run.take() {
            Some(Run::Fill(_) | Run::Stroke(_)) => self.out.push_str("\"/>"),
            Some(Run::Text(..)) => self.out.push_str("</g>"),
            None => {}
        }
    }

    /// Goes on with a path of this kind at a point, opening it if another kind is open.
    fn move_to(&mut self, run: Run, ink: Ink, to: BackendCoord) {
        if self.run == Some(run) {
            self.out.push('m');
            self.pair(to);
        } else {
            self.close();
            let half = if matches!(run, Run::Stroke(_)) { ".5" } else { "" };
            // Half a pixel is added, so -1 becomes -0.5; nothing is drawn out there but by a caller's mistake.
            let (x, y) = (to.0.max(0), to.1.max(0));
            self.put(format_args!("<path class=\"{}\" d=\"M{x}{half} {y}{half}", ink.class()));
            self.run = Some(run);
            self.pen = (x, y);
            if (x, y) != to {
                self.out.push('m');
                self.pair(to);
            }
        }
    }

    /// Writes the way from the pen to a point and moves the pen. A minus sign separates by itself.
    fn pair(&mut self, to: BackendCoord) {
        let (dx, dy) = (to.0.saturating_sub(self.pen.0), to.1.saturating_sub(self.pen.1));
        let space = if dy < 0 { "" } else { " " };
        self.put(format_args!("{dx}{space}{dy}"));
        self.pen = to;
    }

    fn line_to(&mut self, to: BackendCoord) {
        if to.1 == self.pen.1 {
            self.put(format_args!("h{}", to.0.saturating_sub(self.pen.0)));
        } else if to.0 == self.pen.0 {
            self.put(format_args!("v{}", to.1.saturating_sub(self.pen.1)));
        } else {
            self.out.push('l');
            self.pair(to);
        }
        self.pen = to;
    }

    fn polyline(&mut self, run: Run, ink: Ink, points: impl IntoIterator<Item = BackendCoord>, closed: bool) {
        let mut points = points.into_iter();
        let Some(start) = points.next() else { return };
        self.move_to(run, ink, start);
        for point in points {
            self.line_to(point);
        }
        if closed {
            self.out.push('z');
            self.pen = start;
        }
    }
}

/// A colour that is no sentinel is drawn as grid: visible, and calm.
fn ink_of(color: BackendColor) -> Ink {
    Ink::of(color).unwrap_or(Ink::Grid)
}

impl DrawingBackend for SvgBackend<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    /// Closes the open element.
    fn present(&mut self) -> Drawn {
        self.close();
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Drawn {
        self.draw_rect((x, y), (x.saturating_add(1), y.saturating_add(1)), &color, true)
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        self.draw_path([from, to], style)
    }

    /// The right and lower borders are exclusive, as in plotters' own SVG backend.
    fn draw_rect<S: BackendStyle>(
        &mut self,
        (x0, y0): BackendCoord,
        (x1, y1): BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let ink = ink_of(style.color());
        if fill && ink.corner() > 0 {
            self.close();
            let (w, h) = (x1.saturating_sub(x0), y1.saturating_sub(y0));
            self.put(format_args!(
                "<rect class=\"{}\" x=\"{x0}\" y=\"{y0}\" width=\"{w}\" height=\"{h}\" rx=\"{}\"/>",
                ink.class(),
                ink.corner()
            ));
            return Ok(());
        }
        let (run, x1, y1) = if fill {
            (Run::Fill(ink), x1, y1)
        } else {
            (Run::Stroke(ink), x1.saturating_sub(1), y1.saturating_sub(1))
        };
        self.polyline(run, ink, [(x0, y0), (x1, y0), (x1, y1), (x0, y1)], true);
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        let ink = ink_of(style.color());
        self.polyline(Run::Stroke(ink), ink, path, false);
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        vert: I,
        style: &S,
    ) -> Drawn {
        let ink = ink_of(style.color());
        self.polyline(Run::Fill(ink), ink, vert, true);
        Ok(())
    }

    fn draw_text<T: BackendTextStyle>(&mut self, text: &str, style: &T, (x, y): BackendCoord) -> Drawn {
        let ink = ink_of(style.color());
        let anchor = match style.anchor().h_pos {
            HPos::Left => "start",
            HPos::Center => "middle",
            HPos::Right => "end",
        };
        let run = Run::Text(ink, anchor);
        if self.run != Some(run) {
            self.close();
            self.put(format_args!("<g class=\"{}\" text-anchor=\"{anchor}\">", ink.class()));
            self.run = Some(run);
        }
        let cap = i32::try_from(cap_height(font_px(style))).unwrap_or(0);
        let baseline = y + match style.anchor().v_pos {
            VPos::Top => cap,
            VPos::Center => cap / 2,
            VPos::Bottom => 0,
        };
        self.put(format_args!("<text x=\"{x}\" y=\"{baseline}\">"));
        push_escaped(self.out, text);
        self.out.push_str("</text>");
        Ok(())
    }

    /// By the table of widths: the DOM is never asked.
    fn estimate_text_size<T: BackendTextStyle>(
        &self,
        text: &str,
        style: &T,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let px = font_px(style);
        Ok((text_width(text, px), px))
    }
}

/// Font size in whole px.
fn font_px<T: BackendTextStyle>(style: &T) -> u32 {
    style.size().round().clamp(1.0, 200.0) as u32
}

#[cfg(test)]
mod tests {
    use plotters::style::Color;

    use super::*;

    fn draw(with: impl FnOnce(&mut SvgBackend<'_>)) -> String {
        let mut out = String::new();
        let mut backend = SvgBackend::new(&mut out, (100, 100));
        with(&mut backend);
        backend.present().unwrap();
        out
    }

    #[test]
    fn strokes_of_one_ink_are_one_path_through_pixel_centres() {
        let ink = Ink::WickUp.color().to_backend_color();
        let out = draw(|b| {
            b.draw_line((3, 10), (3, 40), &ink).unwrap();
            b.draw_line((9, 8), (9, 9), &ink).unwrap();
            b.draw_path([(9, 9), (12, 20), (14, 20)], &ink).unwrap();
        });
        assert_eq!(out, r#"<path class="c-wick-up" d="M3.5 10.5v30m6-32v1m0 0l3 11h2"/>"#);
    }

    #[test]
    fn surfaces_of_one_ink_are_one_path_along_pixel_borders() {
        let (up, down) = (Ink::Up.color().to_backend_color(), Ink::Down.color().to_backend_color());
        let out = draw(|b| {
            b.draw_rect((1, 2), (6, 12), &up, true).unwrap();
            b.draw_rect((8, 4), (13, 5), &up, true).unwrap();
            b.draw_rect((0, 0), (2, 2), &down, true).unwrap();
            b.draw_rect((0, 0), (5, 5), &down, false).unwrap();
        });
        assert_eq!(
            out,
            concat!(
                r#"<path class="c-up" d="M1 2h5v10h-5zm7 2h5v1h-5z"/>"#,
                r#"<path class="c-down" d="M0 0h2v2h-2z"/>"#,
                r#"<path class="c-down" d="M0.5 0.5h4v4h-4z"/>"#,
            )
        );
    }
}
