//! What the browser adds to a chart: its size, where the crosshair stands, and the canvas layers.

#[cfg(feature = "hydrate")]
mod browser;

use std::sync::Arc;

use leptos::{
    html::{Canvas, Div},
    prelude::*,
};
use model::{Candle, UnixMs};

use super::chart_view::Drawing;
use crate::chart::{Cross, Notes, Plot};

/// Where the crosshair was put: at a time, so that it stays there when candles are read again and others are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    /// Open time of the bar.
    time: UnixMs,
    /// Row of the horizontal line, px from the top; at the close of the bar if there is none.
    row: Option<i32>,
}

/// The state of a chart on the screen. Cheap to copy.
#[derive(Clone, Copy)]
pub struct Stage {
    /// The box of all layers.
    pub node: NodeRef<Div>,
    /// The layer of the chart.
    pub base: NodeRef<Canvas>,
    /// The layer of the crosshair.
    pub over: NodeRef<Canvas>,
    /// Whether the canvas shows the chart; before, the SVG does.
    pub painted: RwSignal<bool>,
    /// Whether the page is being printed.
    pub printing: RwSignal<bool>,
    /// Whether the crosshair was moved by keys.
    pub walked: RwSignal<bool>,
    mark: RwSignal<Option<Mark>>,
    plot: RwSignal<Option<Plot>>,
}

impl Stage {
    /// The stage of these candles. It measures its width. On the server it stays empty.
    #[must_use]
    pub fn new(data: Memo<Arc<Drawing>>, width: RwSignal<Option<u32>>) -> Self {
        let stage = Self {
            node: NodeRef::new(),
            base: NodeRef::new(),
            over: NodeRef::new(),
            painted: RwSignal::new(false),
            printing: RwSignal::new(false),
            walked: RwSignal::new(false),
            mark: RwSignal::new(None),
            plot: RwSignal::new(None),
        };
        #[cfg(feature = "hydrate")]
        browser::run(stage, data, width);
        #[cfg(not(feature = "hydrate"))]
        let _ = (data, width);
        stage
    }

    /// The bar under the crosshair.
    #[must_use]
    pub fn bar(&self) -> Option<Candle> {
        let mark = self.mark.get()?;
        self.plot.with(|plot| {
            let plot = plot.as_ref()?;
            plot.bar(plot.index_of(mark.time)).map(|bar| bar.candle)
        })
    }

    /// What a reader should know of the drawn bars.
    #[must_use]
    pub fn notes(&self, running: Option<UnixMs>) -> Notes {
        self.plot.with(|plot| plot.as_ref().map(|plot| plot.notes(running)).unwrap_or_default())
    }

    /// Looks at what is drawn.
    pub fn with_plot<T>(&self, look: impl FnOnce(Option<&Plot>) -> T) -> T {
        self.plot.with(|plot| look(plot.as_ref()))
    }

    /// The pointer is here, px from the stage's corner.
    pub fn point(&self, x: f64, y: f64) {
        let mark = self.plot.with_untracked(|plot| {
            let plot = plot.as_ref()?;
            let time = plot.bar(plot.bar_at(x as i32)?)?.candle.open_time;
            Some(Mark { time, row: Some(y as i32) })
        });
        self.set(mark, false);
    }

    /// The pointer or the focus is gone.
    pub fn leave(&self) {
        self.set(None, false);
    }

    /// Walks along the bars by a key; whether the key is one that does.
    pub fn walk(&self, key: &str) -> bool {
        let next = self.plot.with_untracked(|plot| {
            let plot = plot.as_ref()?;
            let at = self.mark.get_untracked().map(|mark| plot.index_of(mark.time));
            let to = step(plot.len(), at, key)?;
            let time = |bar: usize| Some(plot.bar(bar)?.candle.open_time);
            Some(to.and_then(time).map(|time| Mark { time, row: None }))
        });
        let Some(next) = next else { return false };
        self.set(next, next.is_some());
        true
    }

    /// Tells only what changes: what depends on it is worked out at each movement of the pointer.
    fn set(&self, mark: Option<Mark>, walked: bool) {
        if self.walked.get_untracked() != walked {
            self.walked.set(walked);
        }
        if self.mark.get_untracked() != mark {
            self.mark.set(mark);
        }
    }
}

/// Where the crosshair stands in a plot.
#[cfg_attr(not(feature = "hydrate"), allow(dead_code, reason = "only a browser paints it"))]
fn cross(plot: &Plot, mark: Mark) -> Option<Cross> {
    let bar = plot.index_of(mark.time);
    let close = plot.bar(bar)?.candle.close;
    Some(Cross { bar, row: mark.row.unwrap_or_else(|| plot.row(close)) })
}

/// Where a key leads from one of `count` bars: to a bar, off the chart (`Some(None)`), or nowhere (`None`).
fn step(count: usize, at: Option<usize>, key: &str) -> Option<Option<usize>> {
    /// Bars of a long step.
    const PAGE: usize = 10;
    let last = count.checked_sub(1)?;
    let bar = match key {
        "Escape" => return at.map(|_| None),
        "Home" => 0,
        "End" => last,
        "ArrowLeft" => at.map_or(last, |bar| bar.saturating_sub(1)),
        "ArrowRight" => at.map_or(last, |bar| (bar + 1).min(last)),
        "PageUp" => at.map_or(last, |bar| bar.saturating_sub(PAGE)),
        "PageDown" => at.map_or(last, |bar| (bar + PAGE).min(last)),
        _ => return None,
    };
    Some(Some(bar))
}

#[cfg(test)]
mod tests {
    use model::Interval;

    use super::*;
    use crate::{chart::Size, when::Calendar};

    /// Bars of hours from the `from`th on, each closing 1 higher.
    fn plot(from: i64, count: i64) -> Plot {
        let candle = |i: i64| {
            let close = 100.0 + i as f64;
            Candle {
                open_time: i * Interval::H1.ms(),
                open: 100.0,
                high: close,
                low: 100.0,
                close,
                volume: 1.0,
            }
        };
        let candles: Vec<Candle> = (from..from + count).map(candle).collect();
        let size = Size { width: 1040, height: 540 };
        Plot::new(&candles, &[], Interval::H1, 2, size, Calendar::ENGLISH).unwrap()
    }

    #[test]
    fn keys_walk_along_the_bars_and_stop_at_the_ends() {
        for (bar, key, to) in [
            (None, "ArrowLeft", 29),
            (None, "ArrowRight", 29),
            (None, "Home", 0),
            (Some(5), "ArrowLeft", 4),
            (Some(5), "ArrowRight", 6),
            (Some(0), "ArrowLeft", 0),
            (Some(29), "ArrowRight", 29),
            (Some(15), "PageUp", 5),
            (Some(15), "PageDown", 25),
            (Some(3), "PageUp", 0),
            (Some(25), "PageDown", 29),
            (Some(5), "End", 29),
        ] {
            assert_eq!(step(30, bar, key), Some(Some(to)), "{key} at {bar:?}");
        }
        assert_eq!(step(30, Some(5), "Escape"), Some(None), "off the chart");
        assert_eq!(step(30, None, "Escape"), None, "the page's, where there is nothing to leave");
        assert_eq!(step(30, Some(5), "Tab"), None);
        assert_eq!(step(0, None, "Home"), None);
    }

    #[test]
    fn the_crosshair_keeps_its_time_when_other_bars_are_drawn() {
        let mark = Mark { time: 7 * Interval::H1.ms(), row: None };
        for (from, bar, close) in [(0, 7, 107.0), (1, 6, 107.0), (5, 2, 107.0), (9, 0, 109.0)] {
            let plot = plot(from, 20);
            let cross = cross(&plot, mark).unwrap();
            assert_eq!((cross.bar, cross.row), (bar, plot.row(close)), "from {from}");
        }
    }

    #[test]
    fn the_line_stands_at_the_close_or_at_the_pointer() {
        let plot = plot(0, 30);
        let at = |row| cross(&plot, Mark { time: 29 * Interval::H1.ms(), row }).unwrap().row;
        assert_eq!((at(None), at(Some(7))), (plot.row(129.0), 7));
    }
}
