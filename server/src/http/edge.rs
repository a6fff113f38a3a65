//! What stands before the calls: rate limits, other sites, and places for calls that cost much.

use std::sync::Arc;

use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::{problem::Problem, rate::RateLimits, request_id::X_REQUEST_ID};
use crate::config::{CorsOrigins, EdgeSettings, TrustedProxies};

/// Exports at once: each holds a connection to the database for as long as its caller takes to read.
const EXPORTS: usize = 4;
/// Batches of charts at once: an answer may have 100,000 candles, some 7 MB.
const BATCHES: usize = 32;
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
}

impl Edge {
    /// By these settings.
    #[must_use]
    pub fn new(settings: &EdgeSettings) -> Self {
        Self {
            limits: RateLimits::new(settings),
            cors: settings.cors.clone(),
            proxies: Arc::new(settings.proxies.clone()),
            places: Arc::new(Places::new(BATCHES, EXPORTS)),
        }
    }

    pub(super) fn limits(&self) -> RateLimits {
        self.limits.clone()
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

/// Places for calls that cost much, apart from the limit on all calls: those that cost little go on when these are full.
pub(super) struct Places {
    batches: Arc<Semaphore>,
    exports: Arc<Semaphore>,
}

impl Places {
    fn new(batches: usize, exports: usize) -> Self {
        Self { batches: Arc::new(Semaphore::new(batches)), exports: Arc::new(Semaphore::new(exports)) }
    }

    /// A place for a batch of charts, until it is dropped.
    pub(super) fn batch(&self) -> Result<OwnedSemaphorePermit, Problem> {
        place(&self.batches, "batches of charts", 1)
    }

    /// A place for an export, until it is dropped.
    pub(super) fn export(&self) -> Result<OwnedSemaphorePermit, Problem> {
        place(&self.exports, "exports", EXPORT_RETRY)
    }
}

fn place(places: &Arc<Semaphore>, what: &str, seconds: u32) -> Result<OwnedSemaphorePermit, Problem> {
    Arc::clone(places).try_acquire_owned().map_err(|_| {
        let detail = format!("too many {what} at once");
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail).retry_after(seconds)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_places_of_its_own() {
        let places = Places::new(2, 1);
        let export = places.export().unwrap();
        assert_eq!(places.export().unwrap_err().status(), StatusCode::SERVICE_UNAVAILABLE);
        let batches = [places.batch().unwrap(), places.batch().unwrap()];
        assert!(places.batch().is_err());
        drop((export, batches));
        assert!(places.export().is_ok() && places.batch().is_ok());
    }
}
