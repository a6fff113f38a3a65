//! What a browser does when it loads a page, done for a navigation within the site: the focus goes to the new page, and its
//! title is read out.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::live;

/// An invisible text that reads out the title of each page that is navigated to. Not that of the first page, which the browser
/// reads itself, and not when only the query changes: a sort or an interval leaves the page as it is.
#[component]
pub fn RouteAnnouncer() -> impl IntoView {
    let path = use_location().pathname;
    let said = RwSignal::new(String::new());
    #[cfg(not(feature = "ssr"))]
    {
        let last = StoredValue::new(None::<String>);
        // The path of the page that is shown. The router may say that of the first page twice: once its code is there.
        let shown = StoredValue::new(window().location().pathname().unwrap_or_default());
        live::effect(move || {
            let path = path.get();
            if last.with_value(Option::is_none) {
                last.set_value(Some(browser::heading().unwrap_or_default()));
            } else if shown.with_value(|shown| *shown != path) {
                shown.set_value(path);
                browser::when_arrived(last, said);
            }
        });
    }
    #[cfg(feature = "ssr")]
    let _ = path;
    view! {
        <p class="sr-only" aria-live="polite" aria-atomic="true">
            {live::text(move || said.get())}
        </p>
    }
    .into_any()
}

/// Focuses the page's content where nothing has the focus, as after what had it was made again.
#[cfg(not(feature = "ssr"))]
pub(super) fn focus_if_lost() {
    let active = document().active_element();
    if active.is_none_or(|active| active.tag_name() == "BODY") {
        browser::focus_page();
    }
}

#[cfg(not(feature = "ssr"))]
mod browser {
    use std::{cell::Cell, time::Duration};

    use leptos::{
        leptos_dom::helpers::{IntervalHandle, set_interval_with_handle},
        prelude::*,
    };
    use wasm_bindgen::JsCast;

    /// How often the new page is looked for.
    const PACE: Duration = Duration::from_millis(50);
    /// How often at most until the page that is there counts as the new one: two of the same heading look alike.
    const MAX_SAME: u32 = 40;
    /// How often at most in all. A page that takes longer is not focused: the reader has gone on.
    const MAX_LOOKS: u32 = 400;

    /// The heading of the page that is shown, unless it is still on its way.
    pub(super) fn heading() -> Option<String> {
        document().query_selector("main:not([aria-busy]) h1").ok().flatten()?.text_content()
    }

    /// Waits for a page of another heading than `last`, focuses it and has its title said. Ends when the effect that calls it
    /// runs again.
    pub(super) fn when_arrived(last: StoredValue<Option<String>>, said: RwSignal<String>) {
        let looks = Cell::new(0);
        // Not of the effect's arena: its end still finds the timer.
        let timer = ArcStoredValue::new(None::<IntervalHandle>);
        let look = {
            let timer = timer.clone();
            move || {
                looks.set(looks.get() + 1);
                let there = heading();
                let same = last.with_value(|last| *last == there);
                let arrived = there.is_some() && (!same || looks.get() >= MAX_SAME);
                if !arrived && looks.get() < MAX_LOOKS {
                    return;
                }
                stop(&timer);
                if arrived {
                    last.set_value(there);
                    focus_page();
                    said.try_set(document().title());
                }
            }
        };
        timer.set_value(set_interval_with_handle(look, PACE).ok());
        on_cleanup(move || stop(&timer));
    }

    fn stop(timer: &ArcStoredValue<Option<IntervalHandle>>) {
        if let Some(running) = timer.get_value() {
            running.clear();
            timer.set_value(None);
        }
    }

    /// Focuses the page's content, unless something in it has the focus already.
    pub(super) fn focus_page() {
        let Some(main) = document().get_element_by_id("content") else { return };
        let within = document().active_element().is_some_and(|active| main.contains(Some(&active)));
        if within {
            return;
        }
        if let Ok(main) = main.dyn_into::<web_sys::HtmlElement>() {
            let options = web_sys::FocusOptions::new();
            // The router and the browser settle where the page is scrolled to.
            options.set_prevent_scroll(true);
            // One that cannot have the focus leaves it where it was.
            let _ = main.focus_with_options(&options);
        }
    }
}
