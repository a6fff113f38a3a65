//! The star that puts a coin on the watchlist, in a row and on the coin's page.
//!
//! Each star is a button of one form, [`WatchForm`], so that it works without scripts too; a script changes the list in place.

use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_query_map};
use model::Symbol;

use super::icons;
use crate::{data::local_path, live, prefs::use_prefs, query::query_string};

/// The id of the form that sends stars.
const FORM: &str = "watchlist";

/// The form of all stars of a page. It leads back to the page.
#[component]
pub(super) fn WatchForm() -> impl IntoView {
    let (path, query) = (use_location().pathname, use_query_map());
    let next = live::text(move || {
        let query = query.get();
        let pairs: Vec<(String, String)> =
            query.into_iter().map(|(name, value)| (name.into_owned(), value)).collect();
        let query = query_string(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        path.with(|path| format!("{}{query}", local_path(path).unwrap_or("/")))
    });
    view! {
        <form id=FORM method="post" action="/fn/toggle_watch">
            <input type="hidden" name="next" value=next />
        </form>
    }
    .into_any()
}

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
            type="submit"
            form=FORM
            name="toggle"
            value=symbol.to_string()
            class="star"
            aria-pressed=watched
            aria-label=label
            on:click=move |event| {
                event.prevent_default();
                prefs.toggle_watch(&symbol);
            }
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
            type="submit"
            form=FORM
            name="toggle"
            value=symbol.to_string()
            class="button"
            aria-pressed=watched
            title=title
            on:click=move |event| {
                event.prevent_default();
                prefs.toggle_watch(&symbol);
            }
        >
            {icons::icon(icons::STAR)}
            {words.watch_short}
        </button>
    }
    .into_any()
}
