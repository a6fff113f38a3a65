//! HTTP: pages, JSON API, health.

mod admission;
mod answer;
mod api;
mod cache;
mod changes;
mod client;
mod descriptors;
mod edge;
mod export;
mod head;
mod health;
mod held;
mod json_body;
mod limits;
mod openapi;
mod pages;
mod problem;
mod query;
mod rate;
mod refusal_page;
mod request_body;
mod request_id;
mod security;
mod serve;
mod session;
mod shares;
mod stall;
mod unsent;

use std::sync::Arc;

use axum::{
    Router,
    http::{HeaderMap, header},
    middleware::from_fn_with_state,
    routing::get,
};
use leptos::config::LeptosOptions;

pub use answer::Answer;
pub use cache::Access;
pub(crate) use client::ClientKey;
pub(crate) use descriptors::{OpenFiles, open_files};
pub use edge::Edge;
pub use health::{Health, Probe, Warming};
pub use limits::guard;
pub use problem::Problem;
pub use security::wrap;
pub use serve::serve;
pub(crate) use session::cookie;

use self::session::{same_origin, same_origin_or_token};
use self::{limits::guard_limited, rate::RateLimits};
use crate::{accounts::Accounts, market::Market, metrics::RequestMetrics};

/// What handlers need. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// All reads.
    pub market: Market,
    /// What is up and what is not.
    pub health: Health,
    /// The cache, for its operator.
    pub access: Access,
    /// Who the operator is.
    pub accounts: Accounts,
    /// What callers may do, and how often.
    pub edge: Edge,
    /// Where the pages' files lie.
    pub options: Arc<LeptosOptions>,
}

impl axum::extract::FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        LeptosOptions::clone(&state.options)
    }
}

/// The media type of a body, without its parameters.
fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().unwrap_or_default();
    Some(value.split(';').next().unwrap_or_default().trim())
}

/// The whole service; each request is counted by `requests`.
pub fn router(state: AppState, requests: &RequestMetrics) -> Router {
    // Health has no limits: it is asked to know whether the rest is busy.
    let limits = state.edge.limits();
    let (edge, unsent) = (state.edge.clone(), state.edge.unsent());
    let calls = |routes| guard_limited(routes, limits.clone(), unsent.clone());
    let pages = pages::routes(&state, &limits).layer(from_fn_with_state(edge.clone(), same_origin));
    let mut public = calls(api::routes());
    let mut index = calls(Router::new().route("/api/", get(api::index)));
    // Outside the limits, so that scripts of other sites can read why they are refused.
    if let Some(cors) = state.edge.cors() {
        public = public.layer(cors.clone());
        index = index.layer(cors);
    }
    let routes = Router::new()
        .nest("/api", public)
        .merge(index)
        .nest(
            "/api/cache",
            calls(
                cache::routes()
                    .fallback(api::unknown)
                    .layer(from_fn_with_state(edge.clone(), same_origin_or_token)),
            ),
        )
        .merge(calls(session::routes().layer(from_fn_with_state(edge.clone(), same_origin))))
        .merge(health::routes())
        .merge(guard_limited(pages, RateLimits::off(), unsent.clone()));
    wrap(routes.with_state(state), requests)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use tidemark_cache::Cache;

    use super::*;
    use crate::config::{CachePolicies, EdgeSettings, Feed, SessionLimits, site_options};

    #[tokio::test]
    async fn every_route_is_in_the_document_and_the_reverse() {
        let cache = Cache::builder().build().unwrap();
        let policies = CachePolicies::default();
        let state = AppState {
            market: Market::new(&cache, None, Feed::Simulated, Default::default(), &policies).unwrap(),
            health: Health::start(cache.clone(), None, Feed::None, Arc::default()),
            access: Access::new(cache, None),
            accounts: Accounts::new(None, None, SessionLimits::default()),
            edge: Edge::new(&EdgeSettings::default()),
            options: site_options().unwrap().into(),
        };
        // The router tells its routes in its debug text only, each as a string.
        let router = format!("{:?}", router(state, &RequestMetrics::default()));
        let paths = router.split('"').filter(|text| {
            let own = text.starts_with("/api") || *text == "/healthz" || *text == "/readyz";
            // What answers anything else under a prefix is no call.
            own && !text.contains('{') && *text != "/api/cache"
        });
        let routes: BTreeSet<&str> = paths.collect();
        let document = openapi::describe().unwrap();
        let described = document["paths"].as_object().unwrap().keys().map(String::as_str);
        assert_eq!(routes, described.collect::<BTreeSet<_>>());
        assert!(routes.len() >= 15);
    }
}
