//! The plotters backend of every chart: it joins primitives, and a [`Pen`] puts them down.
//!
//! Consecutive primitives of one ink and kind become one path: all wicks of a colour are one, whatever their number. One
//! code joins them for SVG and canvas, so that both get the same coordinates in the same order. Surfaces run along pixel
//! borders; a pen puts strokes through pixel centres, half a pixel further, so that both are crisp.

use std::convert::Infallible;

use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
    text_anchor::{HPos, VPos},
};

use super::{
    ink::Ink,
    text::{cap_height, text_width},
};

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

/// What a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Surfaces, along pixel borders.
    Fill,
    /// Lines, through pixel centres.
    Stroke,
}

/// Which point of a text lies where it is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// Its left end.
    Start,
    /// Its middle.
    Middle,
    /// Its right end.
    End,
}

/// Puts joined primitives down, in whole px from the left and the top. Nothing it does can fail.
pub trait Pen {
    /// Begins a path; it is ended before the next one begins.
    fn begin(&mut self, kind: Kind, ink: Ink, at: BackendCoord);
    /// Goes on with the path elsewhere.
    fn move_to(&mut self, to: BackendCoord);
    /// A line from where the path is.
    fn line_to(&mut self, to: BackendCoord);
    /// Back to where the piece began.
    fn close(&mut self);
    /// Ends the path, so that it shows.
    fn end(&mut self, kind: Kind, ink: Ink);
    /// A surface with round corners: left, top, width, height.
    fn rounded(&mut self, ink: Ink, at: [i32; 4]);
    /// Begins texts of one ink and anchor.
    fn begin_texts(&mut self, ink: Ink, anchor: Anchor);
    /// One text; the point is on its baseline.
    fn text(&mut self, text: &str, at: BackendCoord);
    /// Ends these texts.
    fn end_texts(&mut self);
}

/// What is being put down.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Run {
    Path(Kind, Ink),
    Texts(Ink, Anchor),
}

/// The backend over a pen. Call `present` at the end.
pub struct Joined<P> {
    pen: P,
    size: (u32, u32),
    run: Option<Run>,
}

impl<P: Pen> Joined<P> {
    /// A backend of a size in px.
    pub fn new(pen: P, size: (u32, u32)) -> Self {
        Self { pen, size, run: None }
    }

    fn finish(&mut self) {
        match self.run.take() {
            Some(Run::Path(kind, ink)) => self.pen.end(kind, ink),
            Some(Run::Texts(..)) => self.pen.end_texts(),
            None => {}
        }
    }

    /// Goes on with a path of this kind at a point, beginning it if another run is open.
    fn move_to(&mut self, kind: Kind, ink: Ink, to: BackendCoord) {
        let run = Run::Path(kind, ink);
        if self.run == Some(run) {
            self.pen.move_to(to);
        } else {
            self.finish();
            self.pen.begin(kind, ink, to);
            self.run = Some(run);
        }
    }

    fn polyline(
        &mut self,
        kind: Kind,
        ink: Ink,
        points: impl IntoIterator<Item = BackendCoord>,
        closed: bool,
    ) {
        let mut points = points.into_iter();
        let Some(start) = points.next() else { return };
        self.move_to(kind, ink, start);
        for point in points {
            self.pen.line_to(point);
        }
        if closed {
            self.pen.close();
        }
    }
}

/// A colour that is no sentinel is drawn as grid: visible, and calm.
fn ink_of(color: BackendColor) -> Ink {
    Ink::of(color).unwrap_or(Ink::Grid)
}

/// Font size in whole px.
fn font_px<T: BackendTextStyle>(style: &T) -> u32 {
    style.size().round().clamp(1.0, 200.0) as u32
}

impl<P: Pen> DrawingBackend for Joined<P> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    /// Ends what is open.
    fn present(&mut self) -> Drawn {
        self.finish();
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
            self.finish();
            self.pen.rounded(ink, [x0, y0, x1.saturating_sub(x0), y1.saturating_sub(y0)]);
            return Ok(());
        }
        let (kind, x1, y1) = if fill {
            (Kind::Fill, x1, y1)
        } else {
            (Kind::Stroke, x1.saturating_sub(1), y1.saturating_sub(1))
        };
        self.polyline(kind, ink, [(x0, y0), (x1, y0), (x1, y1), (x0, y1)], true);
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        self.polyline(Kind::Stroke, ink_of(style.color()), path, false);
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        vert: I,
        style: &S,
    ) -> Drawn {
        self.polyline(Kind::Fill, ink_of(style.color()), vert, true);
        Ok(())
    }

    fn draw_text<T: BackendTextStyle>(&mut self, text: &str, style: &T, (x, y): BackendCoord) -> Drawn {
        let ink = ink_of(style.color());
        let anchor = match style.anchor().h_pos {
            HPos::Left => Anchor::Start,
            HPos::Center => Anchor::Middle,
            HPos::Right => Anchor::End,
        };
        let run = Run::Texts(ink, anchor);
        if self.run != Some(run) {
            self.finish();
            self.pen.begin_texts(ink, anchor);
            self.run = Some(run);
        }
        let cap = i32::try_from(cap_height(font_px(style))).unwrap_or(0);
        let baseline = y + match style.anchor().v_pos {
            VPos::Top => cap,
            VPos::Center => cap / 2,
            VPos::Bottom => 0,
        };
        self.pen.text(text, (x, baseline));
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
