//! HTTP: pages, JSON API, health.

mod answer;
mod api;
mod cache;
mod descriptors;
mod health;
mod limits;
mod pages;
mod problem;
mod query;
mod security;
mod serve;

use std::sync::Arc;

use axum::Router;
use leptos::config::LeptosOptions;

pub use answer::Answer;
pub use cache::Access;
pub use health::{Health, Probe, Warming};
pub use limits::guard;
pub use problem::Problem;
pub use security::wrap;
pub use serve::serve;

use crate::{market::Market, metrics::RequestMetrics};

/// What handlers need. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// All reads.
    pub market: Market,
    /// What is up and what is not.
    pub health: Health,
    /// The cache, for its operator.
    pub access: Access,
    /// Where the pages' files lie.
    pub options: Arc<LeptosOptions>,
}

impl axum::extract::FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        LeptosOptions::clone(&state.options)
    }
}

/// The whole service; each request is counted by `requests`.
pub fn router(state: AppState, requests: &RequestMetrics) -> Router {
    // Pages and their server functions answer the same reads as the API. Health stays without: it is asked to know
    // whether the rest is busy.
    let routes = Router::new()
        .nest("/api", guard(api::routes().nest("/cache", cache::routes())))
        .merge(health::routes())
        .merge(guard(pages::routes(&state)));
    wrap(routes.with_state(state), requests)
}
