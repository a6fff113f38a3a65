//! A bounded, repeated refresh.

use std::{future::Future, time::Duration};

use leptos::{leptos_dom::helpers::set_interval_with_handle, prelude::*, task::spawn_local};

/// Runs `refresh` at this pace while the page is shown, never twice at once; stops with the component. On the server
/// it does nothing.
pub fn every<F, Fut>(pace: Duration, refresh: F)
where
    F: Fn() -> Fut + Clone + 'static,
    Fut: Future<Output = ()> + 'static,
{
    Effect::new(move |_| {
        let refresh = refresh.clone();
        let busy = StoredValue::new(false);
        let tick = move || {
            // A tab that nobody looks at asks for nothing; one that is slow to answer is not asked again.
            if document().hidden() || busy.try_get_value() != Some(false) {
                return;
            }
            busy.set_value(true);
            let answer = refresh();
            spawn_local(async move {
                answer.await;
                busy.try_set_value(false);
            });
        };
        if let Ok(handle) = set_interval_with_handle(tick, pace) {
            on_cleanup(move || handle.clear());
        }
    });
}
