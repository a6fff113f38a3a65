//! Where the parts of a candlestick chart lie, in px.

/// The least distance of two bars for which an interval fits a width, px: one to draw in, one to keep them apart. Bars of
/// the coarsest interval are drawn however close they come.
pub const MIN_STEP: u32 = 2;
/// The largest distance of two bars, px; few bars stay at the right rather than spread out.
const MAX_STEP: f64 = 28.0;
/// The widest body, px.
const MAX_BODY: i32 = 19;
/// Room for the legend above the highest price.
const TOP: i32 = 36;
/// Room for the labels of the time axis.
const TIME_AXIS: i32 = 28;
/// Room on either side of a price label.
const LABEL_PAD: u32 = 8;

/// The rows, from the top down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows {
    /// Row of the highest price.
    pub price_top: i32,
    /// Row of the lowest price.
    pub price_bottom: i32,
    /// Height of the greatest volume.
    pub volume_height: i32,
    /// Where the volume bars stand, and the time axis begins.
    pub plot_bottom: i32,
    /// Middle of the time labels.
    pub time_labels: i32,
}

/// Rows and columns of a chart.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Width of all, with the price axis.
    pub width: i32,
    /// Width of the part with the bars.
    pub plot_width: i32,
    /// Odd, so that a wick stands in the middle.
    pub body_width: i32,
    /// The rows.
    pub rows: Rows,
    step: f64,
    bars: usize,
}

impl Layout {
    /// The rows of a chart of this height: the lower fifth belongs to the volume.
    #[must_use]
    pub fn rows(height: u32) -> Rows {
        let height = to_i32(height);
        let plot_bottom = height - TIME_AXIS;
        let price_bottom = plot_bottom - plot_bottom * 22 / 100;
        Rows {
            price_top: TOP.min(plot_bottom / 4),
            price_bottom,
            volume_height: plot_bottom * 17 / 100,
            plot_bottom,
            time_labels: plot_bottom + TIME_AXIS / 2,
        }
    }

    /// Width left for bars beside price labels of a width.
    #[must_use]
    pub fn plot_width(width: u32, widest_label: u32) -> u32 {
        width.saturating_sub(widest_label + 2 * LABEL_PAD).max(width / 3).max(1)
    }

    /// A chart with so many bars.
    #[must_use]
    pub fn new(width: u32, rows: Rows, plot_width: u32, bars: usize) -> Self {
        let step = (f64::from(plot_width) / bars.max(1) as f64).min(MAX_STEP);
        let body = (step - 1.0).min(step * 0.8).clamp(1.0, f64::from(MAX_BODY)) as i32;
        // From 3 px on bodies may touch: a body that cannot be told from its wick says less.
        let body_width = (body - (body + 1) % 2).max(if step >= 3.0 { 3 } else { 1 });
        Self { width: to_i32(width), plot_width: to_i32(plot_width), body_width, rows, step, bars }
    }

    /// Column of a bar's wick. The last bar stands at the right end of the plot.
    #[must_use]
    pub fn centre(&self, bar: usize) -> i32 {
        let from_right = self.bars.saturating_sub(bar) as f64 - 0.5;
        (f64::from(self.plot_width) - from_right * self.step).floor() as i32
    }

    /// The bar whose column is nearest to `x`; none beside the bars.
    #[must_use]
    pub fn bar_at(&self, x: i32) -> Option<usize> {
        let from_right = f64::from(self.plot_width) - f64::from(x) - 0.5;
        // A negative number saturates to 0, which is the last bar: what is right of the plot was asked before.
        let behind = (from_right / self.step).floor();
        if x < 0 || x >= self.plot_width || behind >= self.bars as f64 {
            return None;
        }
        self.bars.checked_sub(1 + behind.max(0.0) as usize)
    }

    /// Left border, inclusive, and right border, exclusive, of a bar's body.
    #[must_use]
    pub fn body(&self, bar: usize) -> (i32, i32) {
        let left = self.centre(bar) - self.body_width / 2;
        (left, left + self.body_width)
    }

    /// Where price labels end.
    #[must_use]
    pub fn label_right(&self) -> i32 {
        self.width - to_i32(LABEL_PAD)
    }
}

fn to_i32(px: u32) -> i32 {
    i32::try_from(px).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_odd_apart_and_inside() {
        for bars in [1, 2, 20, 33, 100, 163, 250, 300, 320, 490] {
            let layout = Layout::new(1040, Layout::rows(540), 980, bars);
            assert_eq!(layout.body_width % 2, 1);
            let mut end = 0;
            for bar in 0..bars {
                let (x0, x1) = layout.body(bar);
                assert!(x0 >= end, "bar {bar} of {bars} begins at {x0}, before {end}");
                assert_eq!(x0 + x1 - 1, 2 * layout.centre(bar));
                end = x1;
            }
            assert!(end <= 980);
            assert!(end > 960, "the last bar of {bars} ends at {end}");
        }
    }

    #[test]
    fn a_column_belongs_to_the_bar_that_is_drawn_there() {
        for bars in [1, 2, 33, 163, 490, 979] {
            let layout = Layout::new(1040, Layout::rows(540), 980, bars);
            for bar in 0..bars {
                assert_eq!(layout.bar_at(layout.centre(bar)), Some(bar), "{bars}");
            }
            for beside in [-1, 980, 2_000] {
                assert_eq!(layout.bar_at(beside), None);
            }
        }
        let few = Layout::new(1040, Layout::rows(540), 980, 3);
        assert_eq!(few.bar_at(100), None, "no bar is drawn at the far left");
    }

    #[test]
    fn more_bars_than_pixels_share_columns_in_their_order() {
        let layout = Layout::new(1040, Layout::rows(540), 980, 5_000);
        let columns: Vec<i32> = (0..5_000).map(|bar| layout.centre(bar)).collect();
        assert!(columns.is_sorted() && columns[0] >= 0 && columns[4_999] < 980, "{columns:?}");
        assert_eq!(layout.bar_at(979), Some(4_999 - 2));
        assert!(layout.bar_at(0).is_some());
    }

    #[test]
    fn parts_do_not_overlap() {
        for height in [80, 200, 420, 540, 1200] {
            let rows = Layout::rows(height);
            assert!(0 < rows.price_top && rows.price_top < rows.price_bottom, "{rows:?}");
            assert!(rows.price_bottom < rows.plot_bottom - rows.volume_height, "{rows:?}");
            assert!(rows.plot_bottom < rows.time_labels && rows.time_labels < height as i32, "{rows:?}");
        }
    }
}
