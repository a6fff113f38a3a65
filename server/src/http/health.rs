//! `healthz`: the process is alive. `readyz`: it can serve, and what of it is degraded.

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Serialize;
use tidemark_cache::{Affected, Cache};
use tokio::{sync::watch, time::Instant};
use utoipa::ToSchema;

use super::AppState;
use crate::{config::Feed, feed::FeedStats, store::Store};

/// How often Postgres is asked whether it is there.
const PROBE_EVERY: Duration = Duration::from_secs(2);
/// An answer that takes longer than this is late.
const SLOW: Duration = Duration::from_secs(1);

/// What the last probe of Postgres found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// No `DATABASE_URL`.
    NotConfigured,
    /// Not asked yet.
    Pending,
    /// It answered.
    Up,
    /// It answered late.
    Slow,
    /// It did not.
    Down {
        /// Why, for anyone to read.
        clause: &'static str,
        /// Why, for the log.
        text: String,
    },
}

/// What is up and what is not. Cheap to clone.
#[derive(Clone)]
pub struct Health {
    cache: Cache,
    database: watch::Receiver<Probe>,
    feed: Feed,
    /// Whether the feed's prices are stored.
    is_stored: bool,
    feed_stats: Arc<FeedStats>,
    warming: Arc<AtomicUsize>,
}

/// While it lives, the server is not ready. See [`Health::warming`].
#[must_use]
pub struct Warming(Arc<AtomicUsize>);

impl Drop for Warming {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Anyone may ask: what names hosts and users stays in the log.
#[derive(Serialize, ToSchema)]
pub(super) struct Component {
    /// `up`, `slow`, `down`, `connecting` or `not configured`.
    #[schema(pattern = "^(up|slow|down|connecting|not configured)$")]
    status: &'static str,
    /// What is wrong with it, in a clause.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Cow<'static, str>>,
}

impl Component {
    fn of(status: &'static str) -> Self {
        Self { status, reason: None }
    }
}

/// Where prices come from.
#[derive(Serialize, ToSchema)]
pub(super) struct FeedState {
    /// `running`; `standby` while another server feeds; `starting`; `waiting` for the database; `not stored` while prices go on
    /// from memory; `none`.
    #[schema(pattern = "^(running|standby|starting|waiting|not stored|none)$")]
    status: &'static str,
    /// The source of its prices.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'static str>,
    /// Why it waits, or is not stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

/// What is up and what is not.
#[derive(Serialize, ToSchema)]
pub(super) struct Ready {
    /// `ok`; `degraded` while a service is down or of limited use, such as a full Redis, and answers come from elsewhere; `warming` after a start.
    #[schema(pattern = "^(ok|degraded|warming)$")]
    status: &'static str,
    redis: Component,
    postgres: Component,
    feed: FeedState,
}

impl Health {
    /// Starts probing. The probe ends when the last handle is dropped.
    #[must_use]
    pub fn start(cache: Cache, store: Option<Store>, feed: Feed, feed_stats: Arc<FeedStats>) -> Self {
        let is_stored = store.is_some();
        let initial = if store.is_some() { Probe::Pending } else { Probe::NotConfigured };
        let (sender, database) = watch::channel(initial);
        if let Some(store) = store {
            tokio::spawn(probe(store, sender));
        }
        Self { cache, database, feed, is_stored, feed_stats, warming: Arc::default() }
    }

    /// `readyz` says `warming`, with 503, until all that this returns is dropped: a balancer waits until the hot keys, and the
    /// feed's prices, are there.
    pub fn warming(&self) -> Warming {
        self.warming.fetch_add(1, Ordering::AcqRel);
        Warming(Arc::clone(&self.warming))
    }

    fn redis(&self) -> Component {
        let state = self.cache.l2_state();
        let status = match (state.configured, state.connected) {
            (false, _) => "not configured",
            (true, true) => "up",
            (true, false) => "down",
        };
        let reason = state.trouble().map(|(affected, trouble)| match affected {
            Affected::All | Affected::Nothing => Cow::Borrowed(trouble.as_str()),
            Affected::Writes => format!("takes no writes: it {}", trouble.as_str()).into(),
            Affected::Messages => {
                format!("passes on no messages between servers: it {}", trouble.as_str()).into()
            }
        });
        Component { status, reason }
    }

    fn feed(&self) -> FeedState {
        let source = match self.feed {
            Feed::None => return FeedState { status: "none", source: None, reason: None },
            Feed::Replay => "replay",
            Feed::Simulated => "simulated",
        };
        let stats = &self.feed_stats;
        let reason = stats.trouble();
        let status = match (stats.leads.get() > 0, reason) {
            // Drawn as it is asked for.
            _ if !self.is_stored => "running",
            (true, None) => "running",
            (true, Some(_)) => "not stored",
            (false, Some(_)) => "waiting",
            (false, None) if stats.standby.get() > 0 => "standby",
            (false, None) => "starting",
        };
        FeedState { status, source: Some(source), reason }
    }

    fn postgres(&self) -> Component {
        match *self.database.borrow() {
            Probe::NotConfigured => Component::of("not configured"),
            Probe::Pending => Component::of("connecting"),
            Probe::Up => Component::of("up"),
            Probe::Slow => {
                Component { status: "slow", reason: Some("takes more than a second for an answer".into()) }
            }
            Probe::Down { clause, .. } => Component { status: "down", reason: Some(clause.into()) },
        }
    }
}

/// Asks Postgres now and then, and logs a change once.
async fn probe(store: Store, sender: watch::Sender<Probe>) {
    let mut ticks = tokio::time::interval(PROBE_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = sender.closed() => return,
        }
        let asked = Instant::now();
        let found = match store.ping().await {
            Ok(()) if asked.elapsed() > SLOW => Probe::Slow,
            Ok(()) => Probe::Up,
            Err(error) => Probe::Down { clause: error.clause(), text: error.to_string() },
        };
        sender.send_if_modified(|old| {
            let changed = *old != found;
            if changed {
                match &found {
                    Probe::Down { text, .. } => tracing::warn!(reason = text, "Postgres is down: {text}"),
                    Probe::Slow => {
                        tracing::warn!("Postgres is slow: it took more than {SLOW:?} for an answer")
                    }
                    _ => tracing::info!("Postgres is up"),
                }
                *old = found;
            }
            changed
        });
    }
}

/// Whether this is the path of a question about health.
pub(super) fn is_path(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz")
}

/// Routes at the root.
pub fn routes() -> Router<AppState> {
    Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz))
}

async fn healthz() -> Response {
    let mut response = Json(serde_json::json!({ "status": "ok" })).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn readyz(State(state): State<AppState>) -> Response {
    let health = &state.health;
    let (redis, postgres, feed) = (health.redis(), health.postgres(), health.feed());
    let degraded = redis.reason.is_some() || postgres.reason.is_some() || feed.reason.is_some();
    let (code, status) = match (health.warming.load(Ordering::Acquire) > 0, degraded) {
        (true, _) => (StatusCode::SERVICE_UNAVAILABLE, "warming"),
        (false, true) => (StatusCode::OK, "degraded"),
        (false, false) => (StatusCode::OK, "ok"),
    };
    let mut response = (code, Json(Ready { status, redis, postgres, feed })).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
