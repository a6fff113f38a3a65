//! The page for a path that does not exist.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::components::{Header, set_status};

/// Says so, with status 404.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    set_status(404);
    view! {
        <Title text="Not found" />
        <Header />
        <main id="content" class="content" tabindex="-1">
            <section class="card problem">
                <h1>"There is no such page"</h1>
                <p><a href="/">"All markets"</a></p>
            </section>
        </main>
    }
    .into_any()
}
