//! `healthz`: the process is alive. `readyz`: it can serve, and what of it is degraded.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
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
use tidemark_cache::Cache;
use tokio::sync::watch;
use utoipa::ToSchema;

use super::AppState;
use crate::store::Store;

/// How often Postgres is asked whether it is there.
const PROBE_EVERY: Duration = Duration::from_secs(2);

/// What the last probe of Postgres found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// No `DATABASE_URL`.
    NotConfigured,
    /// Not asked yet.
    Pending,
    /// It answered.
    Up,
    /// It did not, and why.
    Down(String),
}

/// What is up and what is not. Cheap to clone.
#[derive(Clone)]
pub struct Health {
    cache: Cache,
    database: watch::Receiver<Probe>,
    warming: Arc<AtomicBool>,
}

/// While it lives, the server is not ready. See [`Health::warming`].
#[must_use]
pub struct Warming(Arc<AtomicBool>);

impl Drop for Warming {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Why something is down stays in the log: anyone may ask, and the reason names hosts and users.
#[derive(Serialize, ToSchema)]
pub(super) struct Component {
    /// `up`, `down`, `connecting` or `not configured`.
    #[schema(pattern = "^(up|down|connecting|not configured)$")]
    status: &'static str,
}

/// What is up and what is not.
#[derive(Serialize, ToSchema)]
pub(super) struct Ready {
    /// `ok`; `degraded` while something is down and answers come from elsewhere; `warming` after a start.
    #[schema(pattern = "^(ok|degraded|warming)$")]
    status: &'static str,
    redis: Component,
    postgres: Component,
}

impl Health {
    /// Starts probing. The probe ends when the last handle is dropped.
    #[must_use]
    pub fn start(cache: Cache, store: Option<Store>) -> Self {
        let initial = if store.is_some() { Probe::Pending } else { Probe::NotConfigured };
        let (sender, database) = watch::channel(initial);
        if let Some(store) = store {
            tokio::spawn(probe(store, sender));
        }
        Self { cache, database, warming: Arc::default() }
    }

    /// `readyz` says `warming`, with 503, until what this returns is dropped: a balancer waits until the hot keys are there.
    pub fn warming(&self) -> Warming {
        self.warming.store(true, Ordering::Release);
        Warming(Arc::clone(&self.warming))
    }

    fn redis(&self) -> Component {
        let state = self.cache.l2_state();
        match (state.configured, state.connected) {
            (false, _) => Component { status: "not configured" },
            (true, true) => Component { status: "up" },
            (true, false) => Component { status: "down" },
        }
    }

    fn postgres(&self) -> Component {
        match *self.database.borrow() {
            Probe::NotConfigured => Component { status: "not configured" },
            Probe::Pending => Component { status: "connecting" },
            Probe::Up => Component { status: "up" },
            Probe::Down(_) => Component { status: "down" },
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
        let found = match store.ping().await {
            Ok(()) => Probe::Up,
            Err(error) => Probe::Down(error.to_string()),
        };
        sender.send_if_modified(|old| {
            let changed = *old != found;
            if changed {
                match &found {
                    Probe::Down(reason) => tracing::warn!(reason, "Postgres is down: {reason}"),
                    _ => tracing::info!("Postgres is up"),
                }
                *old = found;
            }
            changed
        });
    }
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
    let (redis, postgres) = (health.redis(), health.postgres());
    let degraded = redis.status == "down" || postgres.status == "down";
    let (code, status) = match (health.warming.load(Ordering::Acquire), degraded) {
        (true, _) => (StatusCode::SERVICE_UNAVAILABLE, "warming"),
        (false, true) => (StatusCode::OK, "degraded"),
        (false, false) => (StatusCode::OK, "ok"),
    };
    let mut response = (code, Json(Ready { status, redis, postgres })).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
