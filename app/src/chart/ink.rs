//! The inks of a chart: what a colour means, not what it looks like.
//!
//! plotters knows colours, a page knows themes. Each ink therefore has a sentinel RGB value for the way through
//! plotters, and a backend turns it back into the ink: the SVG backend into a CSS class (see `style/chart.css`), so
//! that light, dark and red-up themes need no second drawing and a strict Content-Security-Policy no inline style.

use plotters::style::RGBColor;
use plotters_backend::BackendColor;

/// What a stroke, a surface or a text stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Hairlines of the grid.
    Grid,
    /// Volume of a rising bar; also the whole of a partial bar too narrow to be drawn hollow.
    VolumeUp,
    /// Volume of a falling bar.
    VolumeDown,
    /// Wick of a rising bar.
    WickUp,
    /// Wick of a falling bar.
    WickDown,
    /// Body of a rising bar.
    Up,
    /// Body of a falling bar.
    Down,
    /// Body of a rising bar that is not complete.
    HollowUp,
    /// Body of a falling bar that is not complete.
    HollowDown,
    /// Dashed line in a time without candles.
    Gap,
    /// Dotted line of the last price, of a bar that rose.
    LastUp,
    /// Dotted line of the last price, of a bar that fell.
    LastDown,
    /// Surface behind the last price of a bar that rose.
    TagUp,
    /// Surface behind the last price of a bar that fell.
    TagDown,
    /// The last price on its tag.
    TagText,
    /// Labels of the axes.
    Axis,
    /// What is said instead of a chart.
    Message,
    /// Dashed lines of the crosshair.
    Cross,
    /// Surface behind the crosshair's price and time.
    CrossTag,
    /// The crosshair's price and time on their tags.
    CrossText,
    /// Line and area of a sparkline that ends no lower than it began.
    SparkUp,
    /// Line and area of a sparkline that ends lower.
    SparkDown,
}

/// The red and green parts of a sentinel; the blue part is the ink's place in [`Ink::ALL`].
const SENTINEL: (u8, u8) = (0x54, 0x4d);

impl Ink {
    /// Every ink, in the order of declaration.
    pub const ALL: [Self; 22] = [
        Self::Grid,
        Self::VolumeUp,
        Self::VolumeDown,
        Self::WickUp,
        Self::WickDown,
        Self::Up,
        Self::Down,
        Self::HollowUp,
        Self::HollowDown,
        Self::Gap,
        Self::LastUp,
        Self::LastDown,
        Self::TagUp,
        Self::TagDown,
        Self::TagText,
        Self::Axis,
        Self::Message,
        Self::Cross,
        Self::CrossTag,
        Self::CrossText,
        Self::SparkUp,
        Self::SparkDown,
    ];

    /// The sentinel colour that carries the ink through plotters.
    #[must_use]
    pub const fn color(self) -> RGBColor {
        RGBColor(SENTINEL.0, SENTINEL.1, self as u8)
    }

    /// The ink of a sentinel colour.
    #[must_use]
    pub fn of(color: BackendColor) -> Option<Self> {
        let (r, g, b) = color.rgb;
        if (r, g) == SENTINEL { Self::ALL.get(usize::from(b)).copied() } else { None }
    }

    /// The CSS class.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::Grid => "c-grid",
            Self::VolumeUp => "c-vol-up",
            Self::VolumeDown => "c-vol-down",
            Self::WickUp => "c-wick-up",
            Self::WickDown => "c-wick-down",
            Self::Up => "c-up",
            Self::Down => "c-down",
            Self::HollowUp => "c-hollow-up",
            Self::HollowDown => "c-hollow-down",
            Self::Gap => "c-gap",
            Self::LastUp => "c-last-up",
            Self::LastDown => "c-last-down",
            Self::TagUp => "c-tag-up",
            Self::TagDown => "c-tag-down",
            Self::TagText => "c-tag-text",
            Self::Axis => "c-axis",
            Self::Message => "c-message",
            Self::Cross => "c-cross",
            Self::CrossTag => "c-cross-tag",
            Self::CrossText => "c-cross-text",
            Self::SparkUp => "c-spark-up",
            Self::SparkDown => "c-spark-down",
        }
    }

    /// Radius of the corners of a surface, px.
    #[must_use]
    pub const fn corner(self) -> u32 {
        match self {
            Self::TagUp | Self::TagDown | Self::CrossTag => 3,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use plotters::style::Color;

    use super::*;

    #[test]
    fn an_ink_comes_back_from_its_colour() {
        for ink in Ink::ALL {
            assert_eq!(Ink::of(ink.color().to_backend_color()), Some(ink));
        }
        for rgb in [(0, 0, 0), (SENTINEL.0, SENTINEL.1, 200), (255, 255, 255)] {
            assert_eq!(Ink::of(BackendColor { alpha: 1.0, rgb }), None);
        }
    }

    #[test]
    fn the_style_sheet_knows_every_class() {
        let css = include_str!("../../../style/chart.css");
        for ink in Ink::ALL {
            assert!(css.contains(&format!(".{} ", ink.class())), "{} is not in chart.css", ink.class());
        }
    }
}
