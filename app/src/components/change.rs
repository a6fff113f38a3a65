//! A change in percent.

use leptos::prelude::*;

use crate::{
    format,
    live::{self, word},
    prefs::use_words,
};

/// A change in percent with its direction's sign and colour. Screen readers leave the sign out or call it a triangle: for
/// them the direction is a word.
#[component]
pub fn Change(
    /// Percent; none where it is not known.
    #[prop(into)]
    pct: Signal<Option<f64>>,
) -> impl IntoView {
    let words = use_words();
    // What is written as 0.00% has no direction.
    let direction = move || match pct.get() {
        Some(p) if p >= 0.005 => ("change up", words.up, "▲ "),
        Some(p) if p <= -0.005 => ("change down", words.down, "▼ "),
        _ => ("change", "", ""),
    };
    let text = move || pct.get().map_or_else(|| format::NO_NUMBER.to_owned(), |p| format::percent(p.abs()));
    view! {
        <span class=word(move || direction().0)>
            <span class="sr-only">{word(move || direction().1)} " "</span>
            <span aria-hidden="true">{word(move || direction().2)}</span>
            {live::text(text)}
        </span>
    }
}
