//! `tidemark serve`.

use std::{net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};

use tidemark_cache::{Builder, Cache};
use tokio::{net::TcpListener, task::JoinHandle};

use super::{fail, housekeeping};
use crate::{
    accounts::Accounts,
    config::{
        AdminToken, Config, EdgeSettings, RedisSettings, Supplies, admin_password, metrics_addr, site_options,
    },
    feed::{self, FeedStats, Simulation},
    http::{self, Access, AppState, Edge, Health},
    market::Market,
    metrics::{self, Metrics, RequestMetrics},
    store::Store,
};

/// How often the cache's counters are logged.
const STATS_EVERY: Duration = Duration::from_secs(300);
/// Longest time at the end for what Redis and the other servers are still to be told.
const FAREWELL: Duration = Duration::from_secs(2);

/// Longest wait at the start for the database to say which it is; with Redis and a database only.
const IDENTITY_WITHIN: Duration = Duration::from_millis(500);
/// Between two questions for that later.
const IDENTIFY_EVERY: Duration = Duration::from_secs(2);
/// Longest time at the start, of a server that is not ready, for the feed's first prices.
const FEED_WITHIN: Duration = Duration::from_secs(10);
/// How often it is looked whether they are there.
const LOOK_EVERY: Duration = Duration::from_millis(20);

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
    let token = AdminToken::from_env().map_err(|e| e.to_string())?;
    let password = admin_password().map_err(|e| e.to_string())?;
    let edge = Edge::new(&EdgeSettings::from_env().map_err(|e| e.to_string())?);
    let metrics_addr = metrics_addr().map_err(|e| e.to_string())?;
    let addr = options.site_addr;
    let listener = bind("LEPTOS_SITE_ADDR", addr).await?;
    let metrics_listener = match metrics_addr {
        Some(addr) => Some(bind("TIDEMARK_METRICS_ADDR", addr).await?),
        None => None,
    };

    let store = match &config.database_url {
        Some(url) => Some(Store::connect_lazy(url.expose()).map_err(|e| e.to_string())?),
        None => None,
    };
    let owner = owner(&config, store.as_ref()).await;
    let identifying = owner.is_none();
    let origin = store.as_ref().map(Store::origin);
    let cache = builder(&config)
        .owner(owner)
        .origin(origin)
        .build()
        .map_err(|e| RedisSettings::named(&e).to_string())?;
    let identifying = store
        .clone()
        .filter(|_| identifying && config.redis.url.is_some())
        .map(|store| tokio::spawn(identify(store, cache.clone())));
    let feed = config.feed;
    let simulation = Arc::new(Simulation::new(feed.simulated_symbols));
    let market = Market::new(&cache, store.clone(), feed.feed, simulation, &config.policies)
        .map_err(|e| format!("tidemark.toml: {e}"))?;
    market.set_supplies(Supplies::from_env().map_err(|e| e.to_string())?);
    let watching = store.clone().map(|store| {
        let market = market.clone();
        tokio::spawn(store.watch(move |revision| market.note_revision(revision)))
    });
    let feed_stats = Arc::new(FeedStats::default());
    let feeding = store
        .as_ref()
        .and_then(|store| feed::start(feed.feed, feed.simulated_ticks, store, &market, &feed_stats));
    let tidying =
        store.clone().map(|store| tokio::spawn(housekeeping::keep(store, config.retention.clone())));
    let counting = tokio::spawn(log_stats(cache.clone()));

    let accounts = Accounts::new(store.clone(), password, config.sessions);
    let accounting = Some(tokio::spawn(accounts.clone().keep()));

    let health = Health::start(cache.clone(), store, feed.feed, Arc::clone(&feed_stats));
    let warming = warm_up(&config, &cache, &market, &health);
    let starting = feeding.is_some().then(|| wait_for_feed(&market, &feed_stats, &health));
    let requests = RequestMetrics::default();
    let measuring = metrics_listener.map(|listener| {
        tracing::info!("metrics on http://{}/metrics", listener.local_addr().unwrap_or(addr));
        let serving = metrics::serve(listener, Metrics::new(cache.clone(), requests.clone(), feed_stats));
        tokio::spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(%error, "the metrics are no longer served: {error}");
            }
        })
    });
    let access = Access::new(cache.clone(), token);
    let router =
        http::router(AppState { market, health, access, accounts, edge, options: options.into() }, &requests);
    tracing::info!(
        redis = config.redis.url.as_ref().map_or("none".to_owned(), |u| u.shown()),
        postgres = config.database_url.as_ref().map_or("none".to_owned(), |u| u.shown()),
        feed = ?feed.feed,
        "listening on http://{}", listener.local_addr().unwrap_or(addr)
    );
    http::serve(listener, router).await;
    for task in [identifying, watching, feeding, tidying, warming, starting, measuring, accounting]
        .into_iter()
        .flatten()
    {
        task.abort();
    }
    counting.abort();
    cache.close(FAREWELL).await;
    if let Ok(stats) = serde_json::to_string(&cache.stats()) {
        tracing::info!(stats, "stopped");
    }
    Ok(())
}

async fn bind(setting: &str, addr: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(addr).await.map_err(|e| format!("{setting}={addr} cannot be used: {e}"))
}

/// Loads the hot keys, if there is a Redis that remembers them; until then the server is not ready.
fn warm_up(config: &Config, cache: &Cache, market: &Market, health: &Health) -> Option<JoinHandle<()>> {
    let limit = config.policies.warm_up;
    if limit.is_zero() || config.redis.url.is_none() {
        return None;
    }
    let (cache, market, warming) = (cache.clone(), market.clone(), health.warming());
    Some(tokio::spawn(async move {
        if tokio::time::timeout(limit, market.warm_up(&cache, limit)).await.is_err() {
            tracing::info!("the warm-up was cut off after {limit:?}");
        }
        drop(warming);
    }))
}

/// Until the feed has shown its first prices the server is not ready: its readers would see prices of another source, and
/// then a jump. It is ready without them when there is nothing to feed, or no database to feed from.
fn wait_for_feed(market: &Market, stats: &Arc<FeedStats>, health: &Health) -> JoinHandle<()> {
    let (market, stats, starting) = (market.clone(), Arc::clone(stats), health.warming());
    tokio::spawn(async move {
        let is_settled = || {
            let has_nothing = stats.leads.get() > 0 && stats.series.get() == 0;
            market.has_feed_prices() || has_nothing || stats.standby.get() > 0 || stats.trouble().is_some()
        };
        let settled = async {
            while !is_settled() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        if tokio::time::timeout(FEED_WITHIN, settled).await.is_err() {
            tracing::info!("ready without prices of the feed, which did not come within {FEED_WITHIN:?}");
        }
        drop(starting);
    })
}

/// Which database the cache's values are of, if it can be told soon: entries of another one are never served then. While it
/// cannot, the log of clears says which database was last at this address.
async fn owner(config: &Config, store: Option<&Store>) -> Option<String> {
    config.redis.url.as_ref()?;
    tokio::time::timeout(IDENTITY_WITHIN, store?.identity()).await.ok()?.ok()
}

/// Tells the cache which database its values are of, as soon as the database says so.
async fn identify(store: Store, cache: Cache) {
    loop {
        match store.identity().await {
            Ok(owner) => return cache.set_owner(&owner),
            Err(error) if error.is_transient() => tokio::time::sleep(IDENTIFY_EVERY).await,
            Err(error) => {
                return tracing::warn!(
                    %error,
                    "the database does not tell which one it is, so that nobody notices when another installation, with \
                     another database, uses the namespace in Redis: {error}"
                );
            }
        }
    }
}

fn builder(config: &Config) -> Builder {
    config.redis.builder().l1_bytes(config.policies.memory_bytes)
}

/// The cache of these settings, for a tool: whose entries they are, the log of clears says. Redis may be away: it joins when
/// it is there.
pub(super) fn open_cache(config: &Config) -> Result<Cache, String> {
    builder(config).adopt_owner(true).build().map_err(|e| RedisSettings::named(&e).to_string())
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
