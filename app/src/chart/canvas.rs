//! A pen that paints on a 2D canvas context, or on anything that has its calls.
//!
//! The coordinates are those of the SVG pen. What an ink looks like is asked of the style sheet, by whoever owns the
//! context: see [`Surface`].

use plotters_backend::BackendCoord;

use super::{
    ink::Ink,
    joined::{Anchor, Joined, Kind, Pen},
};

/// The calls of `CanvasRenderingContext2D` that a chart needs. Coordinates are CSS px.
pub trait Surface {
    /// `beginPath`
    fn begin_path(&mut self);
    /// `moveTo`
    fn move_to(&mut self, x: f64, y: f64);
    /// `lineTo`
    fn line_to(&mut self, x: f64, y: f64);
    /// `closePath`
    fn close_path(&mut self);
    /// A rectangle with round corners, as a piece of the path.
    fn round_rect(&mut self, at: [f64; 4], radius: f64);
    /// Paints the path: a surface if the ink has one, its outline if the ink has a line.
    fn paint(&mut self, ink: Ink, kind: Kind);
    /// Settles font, colour and anchor of the texts that follow.
    fn text_style(&mut self, ink: Ink, anchor: Anchor);
    /// `fillText`; the point is on the baseline.
    fn text(&mut self, text: &str, x: f64, y: f64);
}

/// Paints on a surface.
pub struct CanvasPen<'a, S> {
    surface: &'a mut S,
    /// Added to the coordinates of the open path.
    half: f64,
}

impl<'a, S: Surface> CanvasPen<'a, S> {
    /// A backend of a size in px that paints on `surface`.
    pub fn backend(surface: &'a mut S, size: (u32, u32)) -> Joined<Self> {
        Joined::new(Self { surface, half: 0.0 }, size)
    }

    fn place(&self, (x, y): BackendCoord) -> (f64, f64) {
        (f64::from(x) + self.half, f64::from(y) + self.half)
    }
}

impl<S: Surface> Pen for CanvasPen<'_, S> {
    fn begin(&mut self, kind: Kind, _ink: Ink, at: BackendCoord) {
        self.half = if kind == Kind::Stroke { 0.5 } else { 0.0 };
        self.surface.begin_path();
        self.move_to(at);
    }

    fn move_to(&mut self, to: BackendCoord) {
        let (x, y) = self.place(to);
        self.surface.move_to(x, y);
    }

    fn line_to(&mut self, to: BackendCoord) {
        let (x, y) = self.place(to);
        self.surface.line_to(x, y);
    }

    fn close(&mut self) {
        self.surface.close_path();
    }

    fn end(&mut self, kind: Kind, ink: Ink) {
        self.surface.paint(ink, kind);
    }

    fn rounded(&mut self, ink: Ink, at: [i32; 4]) {
        self.surface.begin_path();
        self.surface.round_rect(at.map(f64::from), f64::from(ink.corner()));
        self.surface.paint(ink, Kind::Fill);
    }

    fn begin_texts(&mut self, ink: Ink, anchor: Anchor) {
        self.surface.text_style(ink, anchor);
    }

    fn text(&mut self, text: &str, (x, y): BackendCoord) {
        self.surface.text(text, f64::from(x), f64::from(y));
    }

    fn end_texts(&mut self) {}
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use model::Interval;
    use plotters::drawing::IntoDrawingArea;

    use super::{
        super::{Labels, Plot, Size, candlestick_svg, draw, tests::wave},
        *,
    };
    use crate::when::Calendar;

    /// Writes what is painted as the SVG pen writes it, but with absolute coordinates.
    #[derive(Default)]
    struct Recorder {
        all: String,
        path: String,
        style: Option<(Ink, Anchor)>,
    }

    impl Surface for Recorder {
        fn begin_path(&mut self) {
            self.path.clear();
        }
        fn move_to(&mut self, x: f64, y: f64) {
            write!(self.path, "M{x} {y} ").unwrap();
        }
        fn line_to(&mut self, x: f64, y: f64) {
            write!(self.path, "L{x} {y} ").unwrap();
        }
        fn close_path(&mut self) {
            self.path.push_str("z ");
        }
        fn round_rect(&mut self, [x, y, w, h]: [f64; 4], radius: f64) {
            write!(self.path, "R{x} {y} {w} {h} {radius}").unwrap();
        }
        fn paint(&mut self, ink: Ink, _kind: Kind) {
            writeln!(self.all, "{} {}", ink.class(), self.path.trim_end()).unwrap();
        }
        fn text_style(&mut self, ink: Ink, anchor: Anchor) {
            self.style = Some((ink, anchor));
        }
        fn text(&mut self, text: &str, x: f64, y: f64) {
            let (ink, anchor) = self.style.unwrap();
            let anchor = format!("{anchor:?}").to_lowercase();
            writeln!(self.all, "{} {anchor} {x} {y} {text}", ink.class()).unwrap();
        }
    }

    /// The same record, read out of an SVG.
    fn record_of(svg: &str) -> String {
        let attribute = |tag: &str, name: &str| {
            let from = tag.find(&format!(" {name}=\"")).unwrap() + name.len() + 3;
            tag[from..].split('"').next().unwrap().to_owned()
        };
        let mut all = String::new();
        let mut style = String::new();
        for tag in svg.split('<') {
            if tag.starts_with("path") {
                let path = absolute(&attribute(tag, "d"));
                writeln!(all, "{} {path}", attribute(tag, "class")).unwrap();
            } else if tag.starts_with("rect") {
                let [x, y, w, h, rx] = ["x", "y", "width", "height", "rx"].map(|name| attribute(tag, name));
                writeln!(all, "{} R{x} {y} {w} {h} {rx}", attribute(tag, "class")).unwrap();
            } else if tag.starts_with("g ") {
                style = format!("{} {}", attribute(tag, "class"), attribute(tag, "text-anchor"));
            } else if tag.starts_with("text") {
                let text = tag.split_once('>').unwrap().1;
                writeln!(all, "{style} {} {} {text}", attribute(tag, "x"), attribute(tag, "y")).unwrap();
            }
        }
        all
    }

    /// A path of relative moves with absolute ones.
    fn absolute(path: &str) -> String {
        let mut out = String::new();
        let (mut at, mut start) = ((0.0, 0.0), (0.0, 0.0));
        let mut rest = path;
        while let Some(command) = rest.chars().next() {
            rest = &rest[1..];
            let end = rest.find(['M', 'm', 'l', 'h', 'v', 'z']).unwrap_or(rest.len());
            let numbers: Vec<f64> = numbers(&rest[..end]);
            rest = &rest[end..];
            match command {
                'M' => at = (numbers[0], numbers[1]),
                'm' | 'l' => at = (at.0 + numbers[0], at.1 + numbers[1]),
                'h' => at.0 += numbers[0],
                'v' => at.1 += numbers[0],
                _ => at = start,
            }
            match command {
                'M' | 'm' => {
                    start = at;
                    write!(out, "M{} {} ", at.0, at.1).unwrap();
                }
                'z' => out.push_str("z "),
                _ => write!(out, "L{} {} ", at.0, at.1).unwrap(),
            }
        }
        out.trim_end().to_owned()
    }

    fn numbers(text: &str) -> Vec<f64> {
        text.replace('-', " -").split_whitespace().map(|n| n.parse().unwrap()).collect()
    }

    #[test]
    fn paints_what_the_svg_says_at_the_same_places() {
        let labels = Labels { title: "t", description: "d", empty: "nothing here" };
        for (count, width, height) in
            [(0, 366, 400), (1, 366, 400), (64, 366, 400), (150, 1040, 540), (3_000, 1040, 540)]
        {
            let candles = wave(count);
            let partial: Vec<i64> = candles.iter().rev().take(2).map(|c| c.open_time).collect();
            let size = Size { width, height };
            let plot = Plot::new(&candles, &partial, Interval::H4, 2, size, Calendar::ENGLISH);
            let svg = candlestick_svg(plot.as_ref(), size, &labels);
            let mut recorder = Recorder::default();
            let area = CanvasPen::backend(&mut recorder, (width, height)).into_drawing_area();
            draw(&area, plot.as_ref(), labels.empty).unwrap();
            area.present().unwrap();
            drop(area);
            assert_eq!(recorder.all, record_of(&svg), "{count} bars");
            assert!(recorder.all.lines().count() < 60, "{count} bars are few paths");
        }
    }
}
