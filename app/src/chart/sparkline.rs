//! A line of closing prices for a table row.

use plotters::{drawing::IntoDrawingArea, element::Polygon, style::Color};

use super::{Size, ink::Ink, scale::PriceScale, svg::SvgPen};

/// Units of the drawing per px: the line is short, so whole pixels would make steps of it.
const FINE: u32 = 4;
/// Units beyond the picture on its left, its right and below, where the outline closes unseen.
const EDGE: u32 = 4 * FINE;
/// More points than this are joined, each piece by its last.
const MAX_POINTS: usize = 60;

/// Closing prices as one `<svg>`: a line over a faint area, in one path of class `c-spark-up` or `c-spark-down` by
/// direction from first to last. It is decoration (`aria-hidden`): the figure beside it says the same. Prices that are
/// not finite are left out; fewer than two give an empty picture.
#[must_use]
pub fn sparkline_svg(closes: &[f64], size: Size) -> String {
    let size = size.clamped();
    let (width, height) = (size.width * FINE, size.height * FINE);
    let mut out = format!(
        "<svg class=\"sparkline\" viewBox=\"{EDGE} 0 {width} {height}\" width=\"{}\" height=\"{}\" \
         preserveAspectRatio=\"none\" aria-hidden=\"true\">",
        size.width, size.height
    );
    let finite: Vec<f64> = closes.iter().copied().filter(|c| c.abs() < f64::MAX / 4.0).collect();
    let per = finite.len().div_ceil(MAX_POINTS).max(1);
    let shown: Vec<f64> = finite.chunks(per).filter_map(|chunk| chunk.last().copied()).collect();
    if let (Some(first), Some(last), true) = (finite.first(), shown.last(), shown.len() > 1) {
        let ink = if last >= first { Ink::SparkUp } else { Ink::SparkDown };
        let outline = outline(&shown, width as i32, height as i32);
        let area = SvgPen::backend(&mut out, (width + 2 * EDGE, height + EDGE)).into_drawing_area();
        // Writing to a string cannot fail; plotters' signature has an error all the same.
        let _ = area.draw(&Polygon::new(outline, ink.color().filled()));
        let _ = area.present();
    }
    out.push_str("</svg>");
    out
}

/// The line, closed beyond the picture: there its stroke is cut off, so that one path is both line and area.
fn outline(closes: &[f64], width: i32, height: i32) -> Vec<(i32, i32)> {
    let (fine, edge) = (FINE as i32, EDGE as i32);
    let low = closes.iter().copied().fold(f64::INFINITY, f64::min);
    let high = closes.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let scale = PriceScale::fit(low, high, 2 * fine, height - 2 * fine);
    let last = (closes.len().max(2) - 1) as f64;
    let x = |i: usize| edge + (i as f64 / last * f64::from(width)).round() as i32;
    let mut points: Vec<(i32, i32)> =
        closes.iter().enumerate().map(|(i, close)| (x(i), scale.y(*close))).collect();
    if let (Some(first), Some(last)) = (points.first().copied(), points.last().copied()) {
        let (right, below) = (width + 2 * edge, height + edge);
        points.extend([(right, last.1), (right, below), (0, below), (0, first.1)]);
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { width: 116, height: 30 };

    #[test]
    fn is_one_small_path_of_its_direction() {
        let closes: Vec<f64> = (0..42).map(|i| 100.0 + f64::from(i * i % 17)).collect();
        let up = sparkline_svg(&closes, SIZE);
        assert_eq!(up.matches("<path").count(), 1);
        assert!(up.contains("c-spark-up") && up.len() < 700, "{} bytes", up.len());
        let falling: Vec<f64> = closes.iter().rev().map(|c| c - 1.0).collect();
        assert!(sparkline_svg(&falling, SIZE).contains("c-spark-down"));
        let year: Vec<f64> = (0..5_000).map(|i| f64::from(i % 91)).collect();
        assert!(sparkline_svg(&year, SIZE).len() < 1_000);
    }

    #[test]
    fn nothing_to_show_is_an_empty_picture() {
        for closes in [&[][..], &[1.0], &[f64::NAN, f64::INFINITY, 3.0]] {
            let svg = sparkline_svg(closes, SIZE);
            assert!(!svg.contains("<path") && svg.ends_with("</svg>"), "{svg}");
        }
    }

    #[test]
    fn writes_what_it_wrote_before() {
        let svg = sparkline_svg(&[1.0, 3.0, 2.0], Size { width: 20, height: 16 });
        assert_eq!(
            svg,
            concat!(
                r#"<svg class="sparkline" viewBox="16 0 80 64" width="20" height="16" "#,
                r#"preserveAspectRatio="none" aria-hidden="true">"#,
                r#"<path class="c-spark-up" d="M16 56l40-48l40 24h16v48h-112v-24z"/></svg>"#,
            )
        );
    }
}
