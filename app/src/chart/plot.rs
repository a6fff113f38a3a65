//! A chart ready to be drawn: what lies where, worked out once for every backend and for the pointer.

use model::{Candle, Interval, UnixMs};

use super::{
    Size,
    bars::{Bar, clean, rebucket},
    layout::{Layout, MIN_STEP},
    scale::{PriceScale, Ticks},
    text::{FONT_PX, text_width},
    time_axis::{TimeTick, time_ticks},
};
use crate::{format, when::Calendar};

/// Px between two price labels, at least.
const PRICE_GAP: u32 = 40;
/// Half the height of a tag on an axis, px.
pub(super) const TAG_HALF: i32 = 10;

/// Geometry of a candlestick chart of one size.
#[derive(Clone, Debug)]
pub struct Plot {
    pub(super) layout: Layout,
    pub(super) scale: PriceScale,
    pub(super) bars: Vec<Bar>,
    pub(super) ticks: Ticks,
    pub(super) labels: Vec<String>,
    pub(super) times: Vec<TimeTick>,
    pub(super) last_row: i32,
    pub(super) last_tag: String,
    pub(super) interval: Interval,
    pub(super) decimals: u8,
    pub(super) calendar: Calendar,
}

impl Plot {
    /// The chart of these candles. `partial` are the open times of bars that are not complete, `decimals` those
    /// of the instrument's prices. More bars than there is
    /// room for are joined (see [`rebucket`]). A candle that cannot be drawn (a price that is no number) is left out;
    /// `None` when none is left.
    #[must_use]
    pub fn new(
        candles: &[Candle],
        partial: &[UnixMs],
        interval: Interval,
        decimals: u8,
        size: Size,
        calendar: Calendar,
    ) -> Option<Self> {
        let Size { width, height } = Self::size(size);
        let bars = clean(candles, partial);
        let last = bars.last()?.candle.close;
        let low = bars.iter().fold(f64::INFINITY, |low, bar| low.min(bar.candle.low));
        let high = bars.iter().fold(f64::NEG_INFINITY, |high, bar| high.max(bar.candle.high));
        let rows = Layout::rows(height);
        let scale = PriceScale::fit(low, high, rows.price_top, rows.price_bottom);
        let ticks = scale.ticks(TAG_HALF, rows.price_bottom + TAG_HALF, PRICE_GAP);
        let last_tag = format::price(last, decimals);
        let labels: Vec<String> = ticks.values.iter().map(|v| format::fixed(*v, ticks.decimals)).collect();
        let widest =
            labels.iter().chain([&last_tag]).map(|label| text_width(label, FONT_PX)).max().unwrap_or(0);

        let plot_width = Layout::plot_width(width, widest);
        let bars = rebucket(bars, plot_width as usize / MIN_STEP as usize);
        let layout = Layout::new(width, rows, plot_width, bars.len());
        let opens: Vec<UnixMs> = bars.iter().map(|bar| bar.candle.open_time).collect();
        let edges = (4, layout.width - 4);
        let times = time_ticks(&opens, interval, calendar, |bar| layout.centre(bar), edges);
        Some(Self {
            last_row: scale.y(last),
            layout,
            scale,
            bars,
            ticks,
            labels,
            times,
            last_tag,
            interval,
            decimals,
            calendar,
        })
    }

    /// The size that a chart has, whatever is asked: no less than 120 by 100 px.
    #[must_use]
    pub fn size(asked: Size) -> Size {
        Size { width: asked.width.max(120), height: asked.height.max(100) }.clamped()
    }

    /// Number of drawn bars; less than the candles when some were joined.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bars.len()
    }

    /// Whether no bar is drawn: never, for then there is no plot.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bars.is_empty()
    }

    /// A drawn bar, oldest first.
    #[must_use]
    pub fn bar(&self, index: usize) -> Option<&Bar> {
        self.bars.get(index)
    }

    /// All drawn bars, oldest first.
    #[must_use]
    pub fn candles(&self) -> Vec<Candle> {
        self.bars.iter().map(|bar| bar.candle).collect()
    }

    /// The bar at a column, px from the left.
    #[must_use]
    pub fn bar_at(&self, x: i32) -> Option<usize> {
        self.layout.bar_at(x)
    }

    /// The row of a price, px from the top.
    #[must_use]
    pub fn row(&self, price: f64) -> i32 {
        self.scale.y(price)
    }
}
