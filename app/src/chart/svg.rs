//! A pen that writes SVG.
//!
//! Within a path every move is relative and integer, which is short and formats alike everywhere. Colours become classes
//! (see [`Ink`]); line widths, dashes and opacity belong to the style sheet.

use std::fmt::Write;

use plotters_backend::BackendCoord;

use super::{
    ink::Ink,
    joined::{Anchor, Joined, Kind, Pen},
    text::push_escaped,
};

/// Writes the inner elements of an `<svg>` to a string.
pub struct SvgPen<'a> {
    out: &'a mut String,
    /// Where the open path is.
    at: BackendCoord,
    /// Where its piece began.
    start: BackendCoord,
}

/// The backend that writes SVG.
pub type SvgBackend<'a> = Joined<SvgPen<'a>>;

impl<'a> SvgPen<'a> {
    /// A backend of a size in px, appending to `out`.
    pub fn backend(out: &'a mut String, size: (u32, u32)) -> SvgBackend<'a> {
        Joined::new(Self { out, at: (0, 0), start: (0, 0) }, size)
    }

    /// Appends; writing to a string cannot fail.
    fn put(&mut self, args: std::fmt::Arguments<'_>) {
        let _ = self.out.write_fmt(args);
    }

    /// Writes the way from here to a point and goes there. A minus sign separates by itself.
    fn pair(&mut self, to: BackendCoord) {
        let (dx, dy) = (to.0.saturating_sub(self.at.0), to.1.saturating_sub(self.at.1));
        let space = if dy < 0 { "" } else { " " };
        self.put(format_args!("{dx}{space}{dy}"));
        self.at = to;
    }
}

impl Pen for SvgPen<'_> {
    fn begin(&mut self, kind: Kind, ink: Ink, at: BackendCoord) {
        let half = if kind == Kind::Stroke { ".5" } else { "" };
        // Half a pixel is added, so -1 becomes -0.5; nothing is drawn out there but by a caller's mistake.
        let (x, y) = (at.0.max(0), at.1.max(0));
        self.put(format_args!("<path class=\"{}\" d=\"M{x}{half} {y}{half}", ink.class()));
        (self.at, self.start) = ((x, y), (x, y));
        if (x, y) != at {
            self.move_to(at);
        }
    }

    fn move_to(&mut self, to: BackendCoord) {
        self.out.push('m');
        self.pair(to);
        self.start = to;
    }

    fn line_to(&mut self, to: BackendCoord) {
        if to.1 == self.at.1 {
            self.put(format_args!("h{}", to.0.saturating_sub(self.at.0)));
        } else if to.0 == self.at.0 {
            self.put(format_args!("v{}", to.1.saturating_sub(self.at.1)));
        } else {
            self.out.push('l');
            self.pair(to);
        }
        self.at = to;
    }

    fn close(&mut self) {
        self.out.push('z');
        self.at = self.start;
    }

    fn end(&mut self, _kind: Kind, _ink: Ink) {
        self.out.push_str("\"/>");
    }

    fn rounded(&mut self, ink: Ink, [x, y, width, height]: [i32; 4]) {
        self.put(format_args!(
            "<rect class=\"{}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"{}\"/>",
            ink.class(),
            ink.corner()
        ));
    }

    fn begin_texts(&mut self, ink: Ink, anchor: Anchor) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        self.put(format_args!("<g class=\"{}\" text-anchor=\"{anchor}\">", ink.class()));
    }

    fn text(&mut self, text: &str, (x, y): BackendCoord) {
        self.put(format_args!("<text x=\"{x}\" y=\"{y}\">"));
        push_escaped(self.out, text);
        self.out.push_str("</text>");
    }

    fn end_texts(&mut self) {
        self.out.push_str("</g>");
    }
}

#[cfg(test)]
mod tests {
    use plotters::style::Color;
    use plotters_backend::DrawingBackend;

    use super::*;

    fn draw(with: impl FnOnce(&mut SvgBackend<'_>)) -> String {
        let mut out = String::new();
        let mut backend = SvgPen::backend(&mut out, (100, 100));
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
