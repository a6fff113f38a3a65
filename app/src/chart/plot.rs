//! A chart ready to be drawn: what lies where, worked out once for every backend and for the pointer.

use model::{Candle, Interval, UnixMs};

use super::{
    Size,
    bars::{Bar, Gap, clean, gaps},
    layout::{Layout, MIN_STEP},
    scale::{PriceScale, Ticks},
    text::{FONT_PX, bold_width, text_width},
    time_axis::{TimeTick, time_ticks},
};
use crate::{format, order::sorted, when::Calendar};

/// Px between two price labels, at least.
const PRICE_GAP: u32 = 40;
/// Half the height of a tag on an axis, px.
pub(super) const TAG_HALF: i32 = 10;
/// The most gaps that are marked, the longest first: where every other minute is without trades, a line for each would
/// cover the bars.
const MAX_MARKED_GAPS: usize = 24;
/// A body narrower than this has no inside to be hollow, px.
pub(super) const HOLLOW_MIN: i32 = 4;

/// The last price, on its tag.
#[derive(Clone, Debug)]
pub(super) struct LastPrice {
    pub(super) row: i32,
    pub(super) text: String,
    pub(super) is_up: bool,
}

/// Geometry of a candlestick chart of one size.
#[derive(Clone, Debug)]
pub struct Plot {
    pub(super) layout: Layout,
    pub(super) scale: PriceScale,
    pub(super) bars: Vec<Bar>,
    pub(super) ticks: Ticks,
    pub(super) labels: Vec<String>,
    pub(super) times: Vec<TimeTick>,
    /// None where the last candle cannot be drawn: no other price may pass for the last one.
    pub(super) last: Option<LastPrice>,
    /// The gaps that are marked, in their order.
    pub(super) marked_gaps: Vec<Gap>,
    pub(super) interval: Interval,
    pub(super) decimals: u8,
    pub(super) calendar: Calendar,
    gaps: Vec<Gap>,
    undrawn: usize,
}

/// What a reader should know of the candles of a chart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Drawn candles that lack some of their finer ones; the running one is none of them.
    pub incomplete: usize,
    /// Whether the bodies are wide enough to be drawn hollow; otherwise incomplete candles are faint.
    pub hollow: bool,
    /// Times without candles between the drawn ones.
    pub gaps: usize,
    /// The longest of them, ms.
    pub longest_gap_ms: i64,
    /// Candles that cannot be drawn.
    pub undrawn: usize,
}

impl Plot {
    /// The chart of these candles, each of `interval`: one bar a candle. `partial` are the open times of bars that are not
    /// complete, `decimals` those of the instrument's prices. A candle that cannot be drawn (a price that is no number) is
    /// left out and counted in [`Plot::notes`]; `None` when none is left.
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
        let last = bars.last()?.candle;
        let is_last = candles.last().is_some_and(|candle| candle.open_time == last.open_time);
        let low = bars.iter().fold(f64::INFINITY, |low, bar| low.min(bar.candle.low));
        let high = bars.iter().fold(f64::NEG_INFINITY, |high, bar| high.max(bar.candle.high));
        let rows = Layout::rows(height);
        let scale = PriceScale::fit(low, high, rows.price_top, rows.price_bottom);
        let ticks = scale.ticks(TAG_HALF, rows.price_bottom + TAG_HALF, PRICE_GAP, decimals);
        let last = is_last.then(|| LastPrice {
            row: scale.y(last.close),
            text: format::price(last.close, decimals),
            is_up: last.is_up(),
        });
        let labels: Vec<String> = ticks.values.iter().map(|v| format::fixed(*v, ticks.decimals)).collect();
        let tag = last.iter().map(|last| bold_width(&last.text, FONT_PX));
        let widest = labels.iter().map(|label| text_width(label, FONT_PX)).chain(tag).max().unwrap_or(0);

        let plot_width = Layout::plot_width(width, widest);
        let layout = Layout::new(width, rows, plot_width, bars.len());
        let opens: Vec<UnixMs> = bars.iter().map(|bar| bar.candle.open_time).collect();
        let gaps = gaps(&bars, interval);
        let marked_gaps = longest(&gaps);
        let edges = (4, layout.width - 4);
        let times = time_ticks(&opens, &marked_gaps, interval, calendar, |bar| layout.centre(bar), edges);
        Some(Self {
            layout,
            scale,
            undrawn: candles.len() - bars.len(),
            bars,
            ticks,
            labels,
            times,
            last,
            marked_gaps,
            interval,
            decimals,
            calendar,
            gaps,
        })
    }

    /// The size that a chart has, whatever is asked: no less than 120 by 100 px.
    #[must_use]
    pub fn size(asked: Size) -> Size {
        Size { width: asked.width.max(120), height: asked.height.max(100) }.clamped()
    }

    /// Number of candles that a chart of this width has room for, beside labels of this price.
    #[must_use]
    pub fn room(width: u32, price: &str) -> u32 {
        let width = Self::size(Size { width, height: 0 }).width;
        Layout::plot_width(width, bold_width(price, FONT_PX)) / MIN_STEP
    }

    /// Number of drawn bars.
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

    /// The bar that holds a time, or the nearest before it; the first if all are later.
    #[must_use]
    pub fn index_of(&self, time: UnixMs) -> usize {
        self.bars.partition_point(|bar| bar.candle.open_time <= time).saturating_sub(1)
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

    /// What a reader should know of these candles; `running` is the open time of the one that has not ended.
    #[must_use]
    pub fn notes(&self, running: Option<UnixMs>) -> Notes {
        let is_incomplete = |bar: &&Bar| bar.partial && Some(bar.candle.open_time) != running;
        Notes {
            incomplete: self.bars.iter().filter(is_incomplete).count(),
            hollow: self.layout.body_width >= HOLLOW_MIN,
            gaps: self.gaps.len(),
            longest_gap_ms: self.gaps.iter().map(|gap| gap.ms).max().unwrap_or(0),
            undrawn: self.undrawn,
        }
    }
}

/// The longest of these gaps, no more than are marked, in their order.
fn longest(gaps: &[Gap]) -> Vec<Gap> {
    let mut longest = gaps.to_vec();
    if longest.len() > MAX_MARKED_GAPS {
        longest = sorted(longest, |a, b| (b.ms, b.bar).cmp(&(a.ms, a.bar)));
        longest.truncate(MAX_MARKED_GAPS);
        longest = sorted(longest, |a, b| a.bar.cmp(&b.bar));
    }
    longest
}
