//! `GET /api/latest_prices` from memory beside the same server answering the same bytes as a constant, by `wrk`.
//!
//! `cargo bench -p tidemark --bench http`. All run in turn in one process, so that the ratios hold on a busy machine too.
//! The constant is asked for twice: behind the same limits, headers and compression as every route of this server, which
//! is what the budget is about, and bare, which shows what those cost.

#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::{path::Path, process::Command};

use axum::{Router, http::header, routing::get};
use bytes::Bytes;
use local_servers::PostgresServer;
use tidemark::{
    accounts::Accounts,
    config::{CachePolicies, EdgeSettings, Feed, SessionLimits, site_options},
    http::{Access, AppState, Edge, Health, guard, router, serve, wrap},
    import::{Options, import_file},
    market::Market,
    metrics::RequestMetrics,
    store::Store,
};
use tidemark_cache::Cache;
use tokio::net::TcpListener;

const ROUNDS: usize = 5;

/// Requests a second of one short run.
fn wrk(url: &str) -> f64 {
    let output = Command::new("wrk").args(["-t1", "-c32", "-d2s", url]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("Non-2xx"), "{text}");
    let line = text.lines().find(|l| l.starts_with("Requests/sec:")).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

#[tokio::main]
async fn main() {
    let postgres = PostgresServer::ephemeral().unwrap();
    let store = Store::connect_lazy(&postgres.url()).unwrap();
    store.migrate().await.unwrap();
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/sample");
    let options = Options { strict: true, ..Options::default() };
    for coin in ["BTC", "EOS", "ETH", "LTC", "XRP"] {
        let file = sample.join(format!("{coin}-USD-30m.csv.gz"));
        import_file(&store, &file, &options, |_| {}).await.unwrap();
    }

    let cache = Cache::builder().build().unwrap();
    let market =
        Market::new(&cache, Some(store.clone()), Feed::None, Default::default(), &CachePolicies::default())
            .unwrap();
    let body = {
        let answer = market.prices_answer(&[]).await.unwrap();
        let provenance = serde_json::to_string(&answer.provenance).unwrap();
        let open = String::from_utf8(answer.open_json.to_vec()).unwrap();
        Bytes::from(format!("{open},\"provenance\":{provenance}}}"))
    };
    let length = body.len();
    let constant = move || {
        let body = body.clone();
        async move { ([(header::CONTENT_TYPE, "application/json")], body) }
    };
    let health = Health::start(cache.clone(), Some(store), Feed::None, Default::default());
    let access = Access::new(cache, None);
    // As shipped: callers on this machine are looked at and not limited.
    let settings = EdgeSettings::default();
    let edge = Edge::new(&settings);
    let accounts = Accounts::new(None, None, SessionLimits::default());
    let state = AppState { market, health, access, accounts, edge, options: site_options().unwrap().into() };
    let requests = RequestMetrics::default();
    let same = Router::new().nest("/same", guard(Router::new().route("/constant", get(constant.clone()))));
    let routes = router(state, &requests)
        .merge(wrap(same, &requests))
        .merge(Router::new().route("/bare", get(constant)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { serve(listener, routes, &settings).await });

    let figures = tokio::task::spawn_blocking(move || {
        let urls = ["/api/latest_prices", "/same/constant", "/bare"].map(|path| format!("{base}{path}"));
        wrk(&urls[0]);
        (0..ROUNDS).map(|_| [wrk(&urls[0]), wrk(&urls[1]), wrk(&urls[2])]).collect::<Vec<_>>()
    });
    let figures = figures.await.unwrap();
    println!("body {length} bytes, medians of {ROUNDS}");
    let names = ["latest_prices from memory", "a constant, same layers", "a constant, bare"];
    for (i, name) in names.into_iter().enumerate() {
        let speed = median(figures.iter().map(|f| f[i]).collect());
        let ratio = median(figures.iter().map(|f| f[0] / f[i]).collect());
        println!("{name:<26}{speed:>9.0} requests/s   latest_prices is {ratio:.2} of it");
    }
    println!("budget: 0.80 of the constant behind the same layers");
}
