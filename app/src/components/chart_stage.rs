//! What the browser adds to a chart: its size, where the crosshair stands, and the canvas layers.

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
    /// The stage of these candles. On the server it stays empty.
    #[must_use]
    pub fn new(data: Signal<ChartData>) -> Self {
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
        browser::run(stage, data);
        #[cfg(not(feature = "hydrate"))]
        let _ = data;
        stage
    }

    /// The bar under the crosshair.
    #[must_use]
    pub fn bar(&self) -> Option<Candle> {
        let cross = self.cross.get()?;
        self.plot.with(|plot| plot.as_ref()?.bar(cross.bar).map(|bar| bar.candle))
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

#[cfg(feature = "hydrate")]
mod browser {
    use leptos::{leptos_dom::helpers::window_event_listener_untyped, prelude::*};
    use model::ChartData;
    use wasm_bindgen::{JsCast, closure::Closure};
    use web_sys::ResizeObserver;

    use super::{
        super::{
            chart_screen::{Palette, paint_chart, paint_cross},
            chart_view::shown_at,
        },
        Stage,
    };
    use crate::{
        chart::{Plot, Size},
        live,
        prefs::use_prefs,
    };

    /// Measures the stage and paints its layers, each when what it shows has changed.
    pub(super) fn run(stage: Stage, data: Signal<ChartData>) {
        let prefs = use_prefs();
        let words = prefs.words();
        let size = RwSignal::new(None::<Size>);
        let scheme = RwSignal::new(0_u32);
        observe(stage, size);
        watch_scheme(scheme);
        for (event, printing) in [("beforeprint", true), ("afterprint", false)] {
            let handle = window_event_listener_untyped(event, move |_| stage.printing.set(printing));
            on_cleanup(move || handle.remove());
        }
        // The style sheet is asked once a theme, not once a frame.
        let palette = StoredValue::new_local(None::<Palette>);
        let themed =
            Memo::new(move |_| (scheme.get(), prefs.theme(), prefs.rising(), stage.node.get().is_some()));
        live::effect(move || {
            themed.track();
            palette.set_value(stage.node.get_untracked().and_then(|node| Palette::read(&node)));
        });
        live::effect(move || {
            themed.track();
            let (Some(size), Some(canvas)) = (size.get(), stage.base.get()) else { return };
            let plot = data.with(|data| {
                let bars = shown_at(data, size.width);
                Plot::new(bars, &data.partial, data.interval, size, prefs.calendar())
            });
            let painted = palette.with_value(|palette| {
                palette.as_ref().is_some_and(|palette| {
                    paint_chart(&canvas, palette, plot.as_ref(), size, words.no_candles)
                })
            });
            stage.plot.set(plot);
            if stage.painted.get_untracked() != painted {
                stage.painted.set(painted);
            }
        });
        live::effect(move || {
            themed.track();
            let (Some(size), Some(canvas)) = (size.get(), stage.over.get()) else { return };
            let cross = stage.cross.get();
            stage.plot.with(|plot| {
                palette.with_value(|palette| {
                    if let Some(palette) = palette {
                        paint_cross(&canvas, palette, plot.as_ref(), size, cross);
                    }
                });
            });
        });
    }

    /// Follows the stage's size in CSS px.
    fn observe(stage: Stage, size: RwSignal<Option<Size>>) {
        let kept = StoredValue::new_local(None::<(ResizeObserver, Closure<dyn FnMut()>)>);
        live::effect(move || {
            let Some(node) = stage.node.get() else { return };
            let element: web_sys::Element = node.into();
            let measure = {
                let element = element.clone();
                move || {
                    let px = |length: i32| u32::try_from(length).unwrap_or(0);
                    let new = Size { width: px(element.client_width()), height: px(element.client_height()) };
                    // A stage that is not shown has no size, and keeps its picture.
                    if new.width > 0 && new.height > 0 && size.get_untracked() != Some(Plot::size(new)) {
                        size.set(Some(Plot::size(new)));
                    }
                }
            };
            let callback = Closure::<dyn FnMut()>::new(measure);
            if let Ok(observer) = ResizeObserver::new(callback.as_ref().unchecked_ref()) {
                observer.observe(&element);
                kept.set_value(Some((observer, callback)));
            }
        });
        on_cleanup(move || {
            kept.try_update_value(|kept| {
                if let Some((observer, _)) = kept.take() {
                    observer.disconnect();
                }
            });
        });
    }

    /// Counts the changes of the device between light and dark.
    fn watch_scheme(scheme: RwSignal<u32>) {
        let Ok(Some(query)) = window().match_media("(prefers-color-scheme: dark)") else { return };
        let changed = Closure::<dyn FnMut()>::new(move || {
            scheme.try_update(|count| *count = count.wrapping_add(1));
        });
        let target: &web_sys::EventTarget = query.as_ref();
        if target.add_event_listener_with_callback("change", changed.as_ref().unchecked_ref()).is_err() {
            return;
        }
        let kept = StoredValue::new_local(Some((query, changed)));
        on_cleanup(move || {
            kept.try_update_value(|kept| {
                if let Some((query, changed)) = kept.take() {
                    let target: &web_sys::EventTarget = query.as_ref();
                    let _ = target
                        .remove_event_listener_with_callback("change", changed.as_ref().unchecked_ref());
                }
            });
        });
    }
}
