//! Request admission: rate limits, unsent answers, CORS, and permits for expensive calls.

use std::sync::Arc;

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::{
    client::ClientKey,
    pages::Tasks,
    problem::Problem,
    rate::RateLimits,
    request_id::X_REQUEST_ID,
    shares::{Share, Shares},
    unsent::Unsent,
};
use crate::{
    config::{CorsOrigins, EdgeSettings, LoadLimits, TrustedProxies},
    store::MAX_EXPORTS,
};

/// Batches of charts at once: an answer may have 100,000 candles, some 7 MB.
const MAX_BATCHES: usize = 32;
/// Batches at once of one client.
const MAX_BATCHES_PER_CLIENT: usize = 8;
/// When a client that found no permit for a batch may come back, seconds.
const BATCH_RETRY: u32 = 1;
/// The same for an export, which goes on for a while.
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

/// Limits and permissions of clients. Cheap to clone; the clones count together.
#[derive(Clone)]
pub struct Edge {
    limits: RateLimits,
    cors: CorsOrigins,
    proxies: Arc<TrustedProxies>,
    permits: Arc<Permits>,
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
            permits: Arc::new(Permits::new(&settings.load)),
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

    /// The proxies that may name the client.
    pub(super) fn proxies(&self) -> &TrustedProxies {
        &self.proxies
    }

    pub(super) fn permits(&self) -> &Permits {
        &self.permits
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

/// Permits for expensive requests, apart from the limit on all requests: cheap ones go on when these are taken. A permit is held until
/// the answer is sent.
pub(super) struct Permits {
    batches: Shares,
    exports: Shares,
}

impl Permits {
    fn new(limits: &LoadLimits) -> Self {
        Self {
            batches: Shares::new(MAX_BATCHES, MAX_BATCHES_PER_CLIENT),
            exports: Shares::new(MAX_EXPORTS as usize, limits.exports_per_client),
        }
    }

    /// A permit for a batch of charts, until it is dropped.
    pub(super) fn batch(&self, client: ClientKey) -> Result<Share, Problem> {
        self.batches.take_one(client).map_err(|full| full.problem("batches of charts", BATCH_RETRY))
    }

    /// A permit for an export, until it is dropped.
    pub(super) fn export(&self, client: ClientKey) -> Result<Share, Problem> {
        self.exports.take_one(client).map_err(|full| full.problem("exports", EXPORT_RETRY))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;

    use super::*;

    #[test]
    fn each_kind_has_permits_of_its_own_and_each_client_some_of_them() {
        let permits = Permits::new(&LoadLimits::default());
        let key = |last| ClientKey::of([203, 0, 113, last].into());
        let first = [permits.export(key(1)).ok().unwrap(), permits.export(key(1)).ok().unwrap()];
        assert_eq!(permits.export(key(1)).err().unwrap().status(), StatusCode::TOO_MANY_REQUESTS);
        let second = [permits.export(key(2)).ok().unwrap(), permits.export(key(2)).ok().unwrap()];
        assert_eq!(permits.export(key(3)).err().unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(permits.batch(key(1)).is_ok());
        drop((first, second));
        assert!(permits.export(key(3)).is_ok());
    }
}
