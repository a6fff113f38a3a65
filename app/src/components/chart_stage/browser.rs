//! Measures a chart's box and paints its layers.

use std::{sync::Arc, time::Duration};

use leptos::{
    leptos_dom::helpers::{TimeoutHandle, set_timeout_with_handle, window_event_listener_untyped},
    prelude::*,
};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::ResizeObserver;

use super::{
    super::{
        chart_screen::{Palette, paint_chart, paint_cross},
        chart_view::Drawing,
    },
    Stage, cross,
};
use crate::{
    chart::{Plot, Size},
    live,
    prefs::{Rising, Theme, use_prefs},
};

/// Measures the stage and paints its layers, each when what it shows has changed.
pub(super) fn run(stage: Stage, data: Memo<Arc<Drawing>>, width: RwSignal<Option<u32>>) {
    let prefs = use_prefs();
    let words = prefs.words();
    let size = RwSignal::new(None::<Size>);
    let scheme = RwSignal::new(0_u32);
    observe(stage, size);
    settle(size, width);
    watch_scheme(scheme);
    for (event, printing) in [("beforeprint", true), ("afterprint", false)] {
        let handle = window_event_listener_untyped(event, move |_| stage.printing.set(printing));
        on_cleanup(move || handle.remove());
    }
    // The style sheet is asked once a theme, not once a frame; by whichever layer is painted first.
    type Look = (u32, Theme, Rising);
    let kept = StoredValue::new_local(None::<(Look, Palette)>);
    let with_palette = move |paint: &mut dyn FnMut(&Palette)| {
        let look = (scheme.get(), prefs.theme(), prefs.rising());
        let Some(node) = stage.node.get() else { return };
        kept.update_value(|kept| {
            if kept.as_ref().is_none_or(|(of, _)| *of != look) {
                *kept = Palette::read(&node).map(|palette| (look, palette));
            }
            if let Some((_, palette)) = kept {
                paint(palette);
            }
        });
    };
    live::effect(move || {
        let (Some(size), Some(canvas)) = (size.get(), stage.base.get()) else { return };
        let drawing = data.get();
        let plot = drawing.plot(size, prefs.calendar());
        let mut painted = false;
        with_palette(&mut |palette| {
            painted = paint_chart(&canvas, palette, plot.as_ref(), size, &drawing.empty_text(words));
        });
        stage.plot.set(plot);
        if stage.painted.get_untracked() != painted {
            stage.painted.set(painted);
        }
    });
    live::effect(move || {
        let (Some(size), Some(canvas)) = (size.get(), stage.over.get()) else { return };
        let mark = stage.mark.get();
        stage.plot.with(|plot| {
            let cross = plot.as_ref().zip(mark).and_then(|(plot, mark)| cross(plot, mark));
            with_palette(&mut |palette| paint_cross(&canvas, palette, plot.as_ref(), size, cross));
        });
    });
}

/// How long a width has to stay before other candles are read for it.
const SETTLE_DELAY: Duration = Duration::from_millis(200);

/// Tells the width on: the first at once, a later one when it has stayed for a moment, so that a window that is being
/// resized does not read candles at each step.
fn settle(size: RwSignal<Option<Size>>, width: RwSignal<Option<u32>>) {
    let waiting = StoredValue::new(None::<TimeoutHandle>);
    let stop = move || {
        if let Some(handle) = waiting.try_update_value(Option::take).flatten() {
            handle.clear();
        }
    };
    live::effect(move || {
        let Some(size) = size.get() else { return };
        stop();
        if width.get_untracked().is_none() {
            width.set(Some(size.width));
            return;
        }
        let settled = move || {
            if width.try_get_untracked().is_some_and(|old| old != Some(size.width)) {
                width.set(Some(size.width));
            }
        };
        waiting.set_value(set_timeout_with_handle(settled, SETTLE_DELAY).ok());
    });
    on_cleanup(stop);
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
                let _ =
                    target.remove_event_listener_with_callback("change", changed.as_ref().unchecked_ref());
            }
        });
    });
}
