//! A bounded, repeated refresh.

use std::{future::Future, time::Duration};

use futures::future::{AbortHandle, abortable};
use leptos::{leptos_dom::helpers::set_interval_with_handle, prelude::*, task::spawn_local};

use crate::live;

/// The longest time that an answer may take: more than the server itself waits for its slowest.
const PATIENCE: Duration = Duration::from_secs(12);

/// A request without an answer yet.
#[derive(Clone)]
struct Open {
    handle: AbortHandle,
    /// Ticks since it was sent.
    ticks: u32,
}

/// Runs `refresh` at this pace while the page is shown, never twice at once. One that takes more than twelve seconds is
/// given up: then `late` is called, and `refresh` runs anew. All ends with the component, an open request too. On the
/// server it does nothing.
pub fn every<F, Fut, L>(pace: Duration, refresh: F, late: L)
where
    F: Fn() -> Fut + Clone + 'static,
    Fut: Future<Output = ()> + 'static,
    L: Fn() + Clone + 'static,
{
    live::effect(move || {
        let (refresh, late) = (refresh.clone(), late.clone());
        // Not of this component's arena: its end still finds the request that is open.
        let open = ArcStoredValue::new(None::<Open>);
        let tick = {
            let open = open.clone();
            move || {
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
            }
        };
        if let Ok(handle) = set_interval_with_handle(tick, pace) {
            on_cleanup(move || {
                handle.clear();
                if let Some(waiting) = open.get_value() {
                    waiting.handle.abort();
                }
            });
        }
    });
}
