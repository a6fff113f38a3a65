//! A bounded, repeated refresh.

use std::{future::Future, pin::Pin, rc::Rc, time::Duration};

use futures::future::{AbortHandle, abortable};
use leptos::{
    leptos_dom::helpers::{set_interval_with_handle, window_event_listener_untyped},
    prelude::*,
    task::spawn_local,
};

use crate::live;

/// The longest time that an answer may take: more than the server itself waits for its slowest.
const PATIENCE: Duration = Duration::from_secs(12);

/// The time by the reader's clock, Unix ms: for spans between two moments of an open page. 0 on the server.
#[must_use]
pub fn now_ms() -> f64 {
    #[cfg(feature = "hydrate")]
    return js_sys::Date::now();
    #[cfg(not(feature = "hydrate"))]
    0.0
}

/// A request without an answer yet.
#[derive(Clone)]
struct Open {
    handle: AbortHandle,
    /// Ticks since it was sent.
    ticks: u32,
}

/// Runs `refresh` at this pace while the page is shown, and at once when it comes into sight again, never twice at once. One that takes more than twelve seconds is
/// given up: then `late` is called, and `refresh` runs anew. All ends with the component, an open request too. On the
/// server it does nothing.
pub fn every<F, Fut, L>(pace: Duration, refresh: F, late: L)
where
    F: Fn() -> Fut + 'static,
    Fut: Future<Output = ()> + 'static,
    L: Fn() + 'static,
{
    // Behind pointers, so that what follows is compiled once for all pages.
    repeat(pace, Rc::new(move || Box::pin(refresh())), Rc::new(late));
}

type Refresh = Rc<dyn Fn() -> Pin<Box<dyn Future<Output = ()>>>>;

fn repeat(pace: Duration, refresh: Refresh, late: Rc<dyn Fn()>) {
    live::effect(move || {
        let (refresh, late) = (refresh.clone(), late.clone());
        // Not of this component's arena: its end still finds the request that is open.
        let open = ArcStoredValue::new(None::<Open>);
        let tick: Rc<dyn Fn()> = {
            let open = open.clone();
            Rc::new(move || {
                // A tab that nobody looks at asks for nothing; one that is slow to answer is not asked again.
                if document().hidden() {
                    return;
                }
                if let Some(mut waiting) = open.get_value() {
                    waiting.ticks += 1;
                    if pace * waiting.ticks < PATIENCE {
                        open.set_value(Some(waiting));
                        return;
                    }
                    waiting.handle.abort();
                    late();
                }
                let (answer, handle) = abortable(refresh());
                open.set_value(Some(Open { handle, ticks: 0 }));
                let open = open.clone();
                spawn_local(async move {
                    // After an abort the next request is the open one.
                    if answer.await.is_ok() {
                        open.set_value(None);
                    }
                });
            })
        };
        let shown = {
            let tick = Rc::clone(&tick);
            // A tab that comes into sight is refreshed at once: what it shows may be hours old.
            window_event_listener_untyped("visibilitychange", move |_| tick())
        };
        if let Ok(handle) = set_interval_with_handle(move || tick(), pace) {
            on_cleanup(move || {
                handle.clear();
                shown.remove();
                if let Some(waiting) = open.get_value() {
                    waiting.handle.abort();
                }
            });
        }
    });
}
