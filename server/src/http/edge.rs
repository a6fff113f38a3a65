//! Request admission: rate limits, unsent answers, CORS, and permits for expensive calls.

use std::sync::Arc;

use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::{
    client::ClientKey,
    pages::Tasks,
    problem::Problem,
    rate::RateLimits,
    request_id::X_REQUEST_ID,
    shares::{Full, Share, Shares},
    unsent::Unsent,
};
use crate::{
    config::{CorsOrigins, EdgeSettings, LoadLimits, TrustedProxies},
    store::MAX_EXPORTS,
};

/// Batches of charts at once: an answer may have 100,000 candles, some 7 MB.
const MAX_BATCHES: usize = 32;
/// Of those, the ones of one client.
const MAX_BATCHES_PER_CLIENT: usize = 8;
/// When those who found no place may come back, seconds. An export goes on for a while.
const EXPORT_RETRY: u32 = 10;
/// How long a browser may remember what it was told of other sites, seconds.
const CORS_AGE: std::time::Duration = std::time::Duration::from_secs(3_600);

/// Headers that scripts of other sites may read.
const EXPOSED: [HeaderName; 8] = [
    header::ETAG,
    header::RETRY_AFTER,
    header::CONTENT_DISPOSITION,
    X_REQUEST_ID,
    HeaderName::from_static("cache-status"),
    HeaderName::from_static("ratelimit"),
    HeaderName::from_static("ratelimit-policy"),
    HeaderName::from_static("tidemark-source"),
];

/// Limits and permissions of callers. Cheap to clone; the clones count together.
#[derive(Clone)]
pub struct Edge {
    limits: RateLimits,
    cors: CorsOrigins,
    proxies: Arc<TrustedProxies>,
    places: Arc<Places>,
    unsent: Unsent,
    page_tasks: Tasks,
}

impl Edge {
    /// By these settings.
    #[must_use]
    pub fn new(settings: &EdgeSettings) -> Self {
        let proxies = Arc::new(settings.proxies.clone());
        Self {
            limits: RateLimits::new(settings),
            cors: settings.cors.clone(),
            places: Arc::new(Places::new(&settings.load)),
            unsent: Unsent::new(&settings.load, Arc::clone(&proxies)),
            page_tasks: Tasks::new(&settings.load, Arc::clone(&proxies)),
            proxies,
        }
    }

    pub(super) fn limits(&self) -> RateLimits {
        self.limits.clone()
    }

    pub(super) fn unsent(&self) -> Unsent {
        self.unsent.clone()
    }

    pub(super) fn page_tasks(&self) -> Tasks {
        self.page_tasks.clone()
    }

    /// Whose word about callers is taken.
    pub(super) fn proxies(&self) -> &TrustedProxies {
        &self.proxies
    }

    pub(super) fn places(&self) -> &Places {
        &self.places
    }

    /// What other sites' scripts may do; `None` is nothing.
    pub(super) fn cors(&self) -> Option<CorsLayer> {
        let origin = match &self.cors {
            CorsOrigins::None => return None,
            CorsOrigins::Any => AllowOrigin::any(),
            CorsOrigins::List(list) => {
                AllowOrigin::list(list.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()))
            }
        };
        let layer = CorsLayer::new()
            .allow_origin(origin)
            .allow_methods([Method::GET, Method::HEAD])
            .allow_headers([header::IF_NONE_MATCH, X_REQUEST_ID])
            .expose_headers(EXPOSED)
            .max_age(CORS_AGE);
        Some(layer)
    }
}

/// Permits for expensive calls, apart from the limit on all calls: cheap ones go on when these are taken. A permit is held until
/// the answer is sent.
pub(super) struct Places {
    batches: Shares,
    exports: Shares,
}

impl Places {
    fn new(limits: &LoadLimits) -> Self {
        Self {
            batches: Shares::new(MAX_BATCHES, MAX_BATCHES_PER_CLIENT),
            exports: Shares::new(MAX_EXPORTS as usize, limits.exports_per_client),
        }
    }

    /// A permit for a batch of charts, until it is dropped.
    pub(super) fn batch(&self, client: ClientKey) -> Result<Share, Problem> {
        self.batches.take_one(client).map_err(|full| taken(full, "batches of charts", 1))
    }

    /// A permit for an export, until it is dropped.
    pub(super) fn export(&self, client: ClientKey) -> Result<Share, Problem> {
        self.exports.take_one(client).map_err(|full| taken(full, "exports", EXPORT_RETRY))
    }
}

fn taken(full: Full, what: &str, seconds: u32) -> Problem {
    let problem = match full {
        Full::Client => {
            Problem::new(StatusCode::TOO_MANY_REQUESTS, format!("too many {what} at once from one address"))
        }
        Full::Server => Problem::new(StatusCode::SERVICE_UNAVAILABLE, format!("too many {what} at once")),
    };
    problem.retry_after(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_places_of_its_own_and_each_client_some_of_them() {
        let places = Places::new(&LoadLimits::default());
        let key = |last| ClientKey::of([203, 0, 113, last].into());
        let first = [places.export(key(1)).ok().unwrap(), places.export(key(1)).ok().unwrap()];
        assert_eq!(places.export(key(1)).err().unwrap().status(), StatusCode::TOO_MANY_REQUESTS);
        let second = [places.export(key(2)).ok().unwrap(), places.export(key(2)).ok().unwrap()];
        assert_eq!(places.export(key(3)).err().unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(places.batch(key(1)).is_ok());
        drop((first, second));
        assert!(places.export(key(3)).is_ok());
    }
}
