//! Two canvas layers: the chart, and the crosshair over it. Browser only.
//!
//! What an ink looks like is read from the style sheet, through one hidden `<svg>` with an element of each class: SVG and
//! canvas cannot come to differ, and a theme changes both.

use plotters::drawing::IntoDrawingArea;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CanvasRenderingContext2d, CssStyleDeclaration, Element, HtmlCanvasElement};

use crate::chart::{
    Cross, Plot, Size,
    canvas::{CanvasPen, Surface},
    draw, draw_crosshair,
    ink::Ink,
    joined::{Anchor, Kind},
    text::FONT_PX,
};

const SVG: &str = "http://www.w3.org/2000/svg";

/// What an ink looks like.
struct Paint {
    fill: Option<String>,
    stroke: Option<String>,
    opacity: f64,
    dash: js_sys::Array,
    font: String,
}

/// The looks of all inks in the present theme.
pub struct Palette(Vec<Paint>);

impl Palette {
    /// Reads the style sheet as it applies within `stage`. `None` when the browser has no styles to tell.
    pub fn read(stage: &Element) -> Option<Self> {
        let document = stage.owner_document()?;
        let window = document.default_view()?;
        let probe = document.create_element_ns(Some(SVG), "svg").ok()?;
        probe.set_attribute("class", "chart chart-probe").ok()?;
        stage.append_child(&probe).ok()?;
        let paints = Ink::ALL
            .into_iter()
            .map(|ink| {
                let element = document.create_element_ns(Some(SVG), "path").ok()?;
                element.set_attribute("class", ink.class()).ok()?;
                probe.append_child(&element).ok()?;
                let style = window.get_computed_style(&element).ok()??;
                Some(paint(&style))
            })
            .collect::<Option<Vec<Paint>>>();
        probe.remove();
        paints.map(Self)
    }
}

fn paint(style: &CssStyleDeclaration) -> Paint {
    let get = |name: &str| style.get_property_value(name).unwrap_or_default();
    let colour = |name: &str| Some(get(name)).filter(|value| !value.is_empty() && value != "none");
    let dash = get("stroke-dasharray");
    // `4px, 3px`. Read by the browser, which has the tables for it.
    let lengths = dash.split([',', ' ']).map(js_sys::Number::parse_float).filter(|length| !length.is_nan());
    Paint {
        fill: colour("fill"),
        stroke: colour("stroke"),
        opacity: Some(js_sys::Number::parse_float(&get("opacity"))).filter(|it| !it.is_nan()).unwrap_or(1.0),
        dash: lengths.map(JsValue::from_f64).collect(),
        font: format!("{} {FONT_PX}px {}", get("font-weight"), get("font-family")),
    }
}

/// A canvas context with the looks of inks.
struct Screen<'a> {
    context: &'a CanvasRenderingContext2d,
    palette: &'a Palette,
}

impl Screen<'_> {
    fn paint_of(&self, ink: Ink) -> Option<&Paint> {
        self.palette.0.get(ink as usize)
    }
}

impl Surface for Screen<'_> {
    fn begin_path(&mut self) {
        self.context.begin_path();
    }

    fn move_to(&mut self, x: f64, y: f64) {
        self.context.move_to(x, y);
    }

    fn line_to(&mut self, x: f64, y: f64) {
        self.context.line_to(x, y);
    }

    fn close_path(&mut self) {
        self.context.close_path();
    }

    fn round_rect(&mut self, [x, y, width, height]: [f64; 4], radius: f64) {
        let (right, bottom) = (x + width, y + height);
        self.context.move_to(x + radius, y);
        for [x1, y1, x2, y2] in
            [[right, y, right, bottom], [right, bottom, x, bottom], [x, bottom, x, y], [x, y, right, y]]
        {
            // A negative radius is the only mistake, and it is a constant.
            let _ = self.context.arc_to(x1, y1, x2, y2, radius);
        }
        self.context.close_path();
    }

    fn paint(&mut self, ink: Ink, _kind: Kind) {
        let Some(paint) = self.paint_of(ink) else { return };
        self.context.set_global_alpha(paint.opacity);
        if let Some(fill) = &paint.fill {
            self.context.set_fill_style_str(fill);
            self.context.fill();
        }
        if let Some(stroke) = &paint.stroke {
            self.context.set_stroke_style_str(stroke);
            // Lengths are numbers that are not negative.
            let _ = self.context.set_line_dash(&paint.dash);
            // A stroke begins and ends in the middle of a pixel. Squares fill the pixels at its ends, and dashes begin with a
            // pixel, as the SVG's `crispEdges` has them.
            let dashed = paint.dash.length() > 0;
            self.context.set_line_cap(if dashed { "butt" } else { "square" });
            self.context.set_line_dash_offset(if dashed { 0.5 } else { 0.0 });
            self.context.stroke();
        }
        self.context.set_global_alpha(1.0);
    }

    fn text_style(&mut self, ink: Ink, anchor: Anchor) {
        let Some(paint) = self.paint_of(ink) else { return };
        self.context.set_font(&paint.font);
        self.context.set_fill_style_str(paint.fill.as_deref().unwrap_or("currentColor"));
        self.context.set_text_align(match anchor {
            Anchor::Start => "left",
            Anchor::Middle => "center",
            Anchor::End => "right",
        });
    }

    fn text(&mut self, text: &str, x: f64, y: f64) {
        // It can only fail in a canvas that is gone.
        let _ = self.context.fill_text(text, x, y);
    }
}

/// Empties a canvas and gives it a size in CSS px, sharp on any screen. `None` in a browser without canvas.
fn prepared(canvas: &HtmlCanvasElement, size: Size) -> Option<CanvasRenderingContext2d> {
    let ratio = leptos::prelude::window().device_pixel_ratio().clamp(1.0, 4.0);
    let device = |px: u32| (f64::from(px) * ratio).round() as u32;
    let (width, height) = (device(size.width), device(size.height));
    // Setting a size empties a canvas, and costs: only another one is set.
    if canvas.width() != width || canvas.height() != height {
        canvas.set_width(width);
        canvas.set_height(height);
    }
    let context: CanvasRenderingContext2d = canvas.get_context("2d").ok()??.dyn_into().ok()?;
    context.set_transform(ratio, 0.0, 0.0, ratio, 0.0, 0.0).ok()?;
    context.clear_rect(0.0, 0.0, f64::from(size.width), f64::from(size.height));
    Some(context)
}

/// Paints a chart, or the message that stands for it. Whether it could.
pub fn paint_chart(
    canvas: &HtmlCanvasElement,
    palette: &Palette,
    plot: Option<&Plot>,
    size: Size,
    empty: &str,
) -> bool {
    let Some(context) = prepared(canvas, size) else { return false };
    let mut screen = Screen { context: &context, palette };
    let area = CanvasPen::backend(&mut screen, (size.width, size.height)).into_drawing_area();
    draw(&area, plot, empty).is_ok() && area.present().is_ok()
}

/// Paints the crosshair, or nothing.
pub fn paint_cross(
    canvas: &HtmlCanvasElement,
    palette: &Palette,
    plot: Option<&Plot>,
    size: Size,
    cross: Option<Cross>,
) {
    let Some(context) = prepared(canvas, size) else { return };
    let (Some(plot), Some(cross)) = (plot, cross) else { return };
    let mut screen = Screen { context: &context, palette };
    let area = CanvasPen::backend(&mut screen, (size.width, size.height)).into_drawing_area();
    // A canvas pen cannot fail; plotters' signature has an error all the same.
    let _ = draw_crosshair(&area, plot, cross);
    let _ = area.present();
}
