//! What the browser adds to a chart: its size, where the crosshair stands, and the canvas layers.

#[cfg(feature = "hydrate")]
mod browser;

use leptos::{
    html::{Canvas, Div},
    prelude::*,
};
use model::{Candle, ChartData};

use crate::chart::{Cross, Plot};

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
    cross: RwSignal<Option<Cross>>,
    plot: RwSignal<Option<Plot>>,
}

impl Stage {
    /// The stage of these candles; `whole` if a narrow one shows them all. On the server it stays empty.
    #[must_use]
    pub fn new(data: Signal<ChartData>, whole: Signal<bool>) -> Self {
        let stage = Self {
            node: NodeRef::new(),
            base: NodeRef::new(),
            over: NodeRef::new(),
            painted: RwSignal::new(false),
            printing: RwSignal::new(false),
            walked: RwSignal::new(false),
            cross: RwSignal::new(None),
            plot: RwSignal::new(None),
        };
        #[cfg(feature = "hydrate")]
        browser::run(stage, data, whole);
        #[cfg(not(feature = "hydrate"))]
        let _ = (data, whole);
        stage
    }

    /// The bar under the crosshair.
    #[must_use]
    pub fn bar(&self) -> Option<Candle> {
        let cross = self.cross.get()?;
        self.plot.with(|plot| plot.as_ref()?.bar(cross.bar).map(|bar| bar.candle))
    }

    /// The bars that are drawn, oldest first.
    #[must_use]
    pub fn candles(&self) -> Vec<Candle> {
        self.plot.with(|plot| plot.as_ref().map(Plot::candles).unwrap_or_default())
    }

    /// The pointer is here, px from the stage's corner.
    pub fn point(&self, x: f64, y: f64) {
        let cross = self.plot.with_untracked(|plot| {
            let bar = plot.as_ref()?.bar_at(x as i32)?;
            Some(Cross { bar, row: y as i32 })
        });
        self.walked.set(false);
        self.set(cross);
    }

    /// The pointer or the focus is gone.
    pub fn leave(&self) {
        self.walked.set(false);
        self.set(None);
    }

    /// Walks along the bars by a key; whether the key is one that does.
    pub fn walk(&self, key: &str) -> bool {
        let Some(next) =
            self.plot.with_untracked(|plot| step(plot.as_ref()?, self.cross.get_untracked(), key))
        else {
            return false;
        };
        self.walked.set(next.is_some());
        self.set(next);
        true
    }

    fn set(&self, cross: Option<Cross>) {
        if self.cross.get_untracked() != cross {
            self.cross.set(cross);
        }
    }
}

/// Where a key leads: to a bar, off the chart (`Some(None)`), or nowhere (`None`).
fn step(plot: &Plot, at: Option<Cross>, key: &str) -> Option<Option<Cross>> {
    /// Bars of a long step.
    const PAGE: usize = 10;
    let last = plot.len().checked_sub(1)?;
    let at = at.map(|cross| cross.bar);
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
    // The horizontal line stands at the close.
    let close = plot.bar(bar)?.candle.close;
    Some(Some(Cross { bar, row: plot.row(close) }))
}

#[cfg(test)]
mod tests {
    use model::Interval;

    use super::*;
    use crate::{chart::Size, when::Calendar};

    fn plot(count: u32) -> Option<Plot> {
        let candle = |i: u32| {
            let close = 100.0 + f64::from(i);
            Candle {
                open_time: i64::from(i) * Interval::H1.ms(),
                open: 100.0,
                high: close,
                low: 100.0,
                close,
                volume: 1.0,
            }
        };
        let candles: Vec<Candle> = (0..count).map(candle).collect();
        Plot::new(&candles, &[], Interval::H1, 2, Size { width: 1040, height: 540 }, Calendar::ENGLISH)
    }

    #[test]
    fn keys_walk_along_the_bars_and_stop_at_the_ends() {
        let plot = plot(30).unwrap();
        let from = |bar: Option<usize>, key| {
            let at = bar.map(|bar| Cross { bar, row: 7 });
            step(&plot, at, key).map(|to| to.map(|cross| cross.bar))
        };
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
            assert_eq!(from(bar, key), Some(Some(to)), "{key} at {bar:?}");
        }
        assert_eq!(from(Some(5), "Escape"), Some(None), "off the chart");
        assert_eq!(from(None, "Escape"), None, "the page's, where there is nothing to leave");
        assert_eq!(from(Some(5), "Tab"), None);
    }

    #[test]
    fn the_line_stands_at_the_close() {
        let plot = plot(30).unwrap();
        let cross = step(&plot, None, "End").unwrap().unwrap();
        assert_eq!(cross.row, plot.row(129.0));
        assert!(
            cross.row < step(&plot, None, "Home").unwrap().unwrap().row,
            "the higher close is further up"
        );
    }
}
