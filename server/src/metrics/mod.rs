//! Metrics for Prometheus: `GET /metrics` on a listener of its own.
//!
//! The text is written from snapshots when it is asked for; see docs/decisions/0010-metrics-and-admin-client.md for why no library does it.

mod cache;
mod exposition;
mod feed;
mod redis;
mod requests;

use std::{
    io,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{Router, extract::State, http::header, response::IntoResponse, routing::get};
use tidemark_cache::Cache;
use tokio::net::TcpListener;

use self::exposition::{Exposition, Kind};
pub use self::requests::{RequestMetrics, Timing};
use crate::{feed::FeedStats, http::guard};

/// The text format that every scraper reads.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What is measured.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    cache: Cache,
    requests: RequestMetrics,
    feed: Arc<FeedStats>,
    started: Duration,
}

impl Metrics {
    /// Of this cache, of the requests counted by `requests`, and of the feed. The process counts as started now.
    #[must_use]
    pub fn new(cache: Cache, requests: RequestMetrics, feed: Arc<FeedStats>) -> Self {
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(Arc::new(Inner { cache, requests, feed, started }))
    }

    /// All metrics, in the text format.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = Exposition::default();
        let stats = self.0.cache.stats();
        out.family("process_start_time_seconds", Kind::Gauge, "Start of the process, Unix time in seconds.")
            .sample(&[], self.0.started.as_secs_f64());
        out.family("tidemark_build_info", Kind::Gauge, "The version; always 1.")
            .sample(&[("version", env!("CARGO_PKG_VERSION"))], 1.0);
        cache::write(&mut out, &stats);
        redis::write(&mut out, &stats);
        feed::write(&mut out, &self.0.feed);
        self.0.requests.write(&mut out);
        out.finish()
    }
}

/// Answers `GET /metrics` on this listener until the future is dropped.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(listener: TcpListener, metrics: Metrics) -> io::Result<()> {
    let routes = Router::new().route("/metrics", get(scrape)).with_state(metrics);
    axum::serve(listener, guard(routes)).await
}

async fn scrape(State(metrics): State<Metrics>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, CONTENT_TYPE), (header::CACHE_CONTROL, "no-store")], metrics.text())
}
