//! The page for a path that does not exist.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::{
    components::{Empty, Header, set_status},
    prefs::use_prefs,
};

/// Says so, with status 404.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    set_status(404);
    let prefs = use_prefs();
    let words = prefs.words();
    view! {
        <Title text=words.not_found />
        <Header />
        <main id="content" class="content" tabindex="-1">
            <section class="card problem">
                <Empty />
                <h1>{words.not_found}</h1>
                <p>{words.not_found_hint}</p>
                <p>
                    <a class="button" href=prefs.link("/")>
                        {words.all_markets}
                    </a>
                </p>
            </section>
        </main>
    }
    .into_any()
}
