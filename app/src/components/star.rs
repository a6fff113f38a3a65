//! The star that puts a coin on the watchlist, in a row and on the coin's page.

use leptos::prelude::*;
use model::Symbol;

use super::icons;
use crate::{live, prefs::use_prefs};

/// A star to press. It is kept in a cookie, so that the server knows it too.
#[component]
pub fn WatchStar(
    /// Which coin.
    symbol: Symbol,
    /// Its name.
    name: String,
) -> impl IntoView {
    let prefs = use_prefs();
    let label = (prefs.words().watch)(&name);
    let watched = {
        let symbol = symbol.clone();
        live::word(move || if prefs.watch().with(|watch| watch.has(&symbol)) { "true" } else { "false" })
    };
    view! {
        <button
            type="button"
            class="star"
            aria-pressed=watched
            aria-label=label
            on:click=move |_| prefs.toggle_watch(&symbol)
        >
            {icons::icon(icons::STAR)}
        </button>
    }
    .into_any()
}

/// The same with a word beside it.
#[component]
pub fn WatchButton(
    /// Which coin.
    symbol: Symbol,
    /// Its name.
    name: String,
) -> impl IntoView {
    let prefs = use_prefs();
    let words = prefs.words();
    let title = (words.watch)(&name);
    let watched = {
        let symbol = symbol.clone();
        live::word(move || if prefs.watch().with(|watch| watch.has(&symbol)) { "true" } else { "false" })
    };
    view! {
        <button
            type="button"
            class="button"
            aria-pressed=watched
            title=title
            on:click=move |_| prefs.toggle_watch(&symbol)
        >
            {icons::icon(icons::STAR)}
            {words.watch_short}
        </button>
    }
    .into_any()
}
