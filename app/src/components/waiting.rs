//! What stands where data is still being read.

use leptos::prelude::*;

use super::Header;
use crate::prefs::use_words;

/// A page whose data is on its way: the shapes of what will be there, so that nothing jumps.
#[component]
pub fn Waiting() -> impl IntoView {
    let words = use_words();
    let tile = || view! { <div class="card tile skeleton"></div> };
    view! {
        <Header />
        <main id="content" class="content" tabindex="-1" aria-busy="true">
            <p class="sr-only" role="status">
                {words.reading_prices}
            </p>
            <div class="tiles" aria-hidden="true">
                {tile()}
                {tile()}
                {tile()}
                {tile()}
            </div>
            <div class="card skeleton skeleton-tall" aria-hidden="true"></div>
        </main>
    }
    .into_any()
}
