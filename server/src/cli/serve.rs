//! `tidemark serve`.

use std::{process::ExitCode, time::Duration};

use tidemark_cache::Cache;
use tokio::net::TcpListener;

use super::fail;
use crate::{
    config::{Config, site_options},
    http::{self, AppState, Health},
    market::Market,
    store::Store,
};

/// How often the cache's counters are logged.
const STATS_EVERY: Duration = Duration::from_secs(300);

/// Serves until a stop signal.
pub(super) async fn run() -> ExitCode {
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => fail(message),
    }
}

async fn serve() -> Result<(), String> {
    let config = Config::from_env().map_err(|e| e.to_string())?;
    let options = site_options().map_err(|e| e.to_string())?;
    let addr = options.site_addr;
    let listener =
        TcpListener::bind(addr).await.map_err(|e| format!("LEPTOS_SITE_ADDR={addr} cannot be used: {e}"))?;

    let cache = open_cache(&config)?;
    let store = match &config.database_url {
        Some(url) => Some(Store::connect_lazy(url.expose()).map_err(|e| e.to_string())?),
        None => None,
    };
    let market = Market::new(&cache, store.clone(), config.feed, &config.policies)
        .map_err(|e| format!("tidemark.toml: {e}"))?;
    let watching = store.clone().map(|store| {
        let market = market.clone();
        tokio::spawn(store.watch(move |revision| market.note_revision(revision)))
    });
    let counting = tokio::spawn(log_stats(cache.clone()));

    let health = Health::start(cache.clone(), store);
    let router = http::router(AppState { market, health, options: options.into() });
    tracing::info!(
        redis = config.redis_url.as_ref().map_or("none".to_owned(), |u| u.shown()),
        postgres = config.database_url.as_ref().map_or("none".to_owned(), |u| u.shown()),
        feed = ?config.feed,
        "listening on http://{}", listener.local_addr().unwrap_or(addr)
    );
    http::serve(listener, router).await;
    if let Some(task) = watching {
        task.abort();
    }
    counting.abort();
    if let Ok(stats) = serde_json::to_string(&cache.stats()) {
        tracing::info!(stats, "stopped");
    }
    Ok(())
}

/// The cache of these settings. Redis may be away: it joins when it is there.
pub(super) fn open_cache(config: &Config) -> Result<Cache, String> {
    Cache::builder()
        .l1_bytes(config.policies.memory_bytes)
        .redis(config.redis_url.as_ref().map(|u| u.expose().to_owned()))
        .build()
        .map_err(|e| format!("REDIS_URL: {e}"))
}

async fn log_stats(cache: Cache) {
    let mut ticks = tokio::time::interval(STATS_EVERY);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        if let Ok(stats) = serde_json::to_string(&cache.stats()) {
            tracing::info!(stats, "cache");
        }
    }
}
