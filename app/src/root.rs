//! The root component: preferences, metadata, router, routes.

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    Lazy, SsrMode,
    components::{Route, Router, Routes},
    path,
};

use crate::{
    components::RouteAnnouncer,
    pages::{CoinRoute, ConsoleRoute, MarketsPage, NotFoundPage, SignInRoute},
    prefs::Prefs,
};

/// The whole app. On the server it renders one request's page; in the browser it takes that page over.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    Prefs::provide();
    view! {
        <Title formatter=|title: String| {
            if title.is_empty() { "Tidemark".to_owned() } else { format!("{title} · Tidemark") }
        } />
        <Router>
            <Routes fallback=NotFoundPage>
                // The markets page is in the first piece of wasm, the others each come in a piece of their own.
                // A page is sent whole, in the order of reading: complete without JavaScript, with its status. Its data
                // comes from memory, so that streaming would win nothing.
                <Route path=path!("/") view=MarketsPage ssr=SsrMode::Async />
                <Route path=path!("/coin/:symbol") view={Lazy::<CoinRoute>::new()} ssr=SsrMode::Async />
                <Route path=path!("/admin") view={Lazy::<SignInRoute>::new()} ssr=SsrMode::Async />
                <Route path=path!("/admin/cache") view={Lazy::<ConsoleRoute>::new()} ssr=SsrMode::Async />
            </Routes>
            <RouteAnnouncer />
        </Router>
    }
}
