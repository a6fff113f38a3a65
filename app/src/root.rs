//! The root component: metadata, router, routes.

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    SsrMode,
    components::{Route, Router, Routes},
    path,
};

use crate::pages::{CoinPage, MarketsPage, NotFoundPage};

/// The whole app. On the server it renders one request's page; in the browser it takes that page over.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Title formatter=|title: String| {
            if title.is_empty() { "Tidemark".to_owned() } else { format!("{title} · Tidemark") }
        } />
        <Router>
            <Routes fallback=NotFoundPage>
                // The first HTML holds the table and the chart: a page is sent once its blocking resources are there.
                <Route path=path!("/") view=MarketsPage ssr=SsrMode::PartiallyBlocked />
                <Route path=path!("/coin/:symbol") view=CoinPage ssr=SsrMode::PartiallyBlocked />
            </Routes>
        </Router>
    }
}
