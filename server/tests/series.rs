//! Several series of one symbol, and whose prices answer.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use local_servers::PostgresServer;
use serde_json::json;
use support::{Server, Setup, run, write_candles};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// A database to which series are added.
struct Database {
    postgres: PostgresServer,
    folder: tempfile::TempDir,
}

impl Database {
    fn new() -> Self {
        let postgres = PostgresServer::ephemeral().unwrap();
        assert!(run(&postgres.url(), &["migrate"]).status.success());
        Self { postgres, folder: tempfile::tempdir().unwrap() }
    }

    /// Bars from the beginning of 1970 on, the n-th at the price n + 1.
    fn import(&self, name: &str, step: i64, bars: i64, source: &str) {
        let file = self.folder.path().join(name);
        let rows: Vec<(i64, f64)> = (0..bars).map(|i| (i * step, (i + 2) as f64)).collect();
        write_candles(&file, &rows);
        let imported = run(&self.postgres.url(), &["import", file.to_str().unwrap(), "--source", source]);
        assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    }

    fn serve(&self, feed: &str) -> Server {
        Server::start(&Setup { postgres: Some(&self.postgres.url()), feed: Some(feed), ..Setup::default() })
    }
}

#[test]
fn a_second_series_of_a_symbol_leaves_prices_fresh() {
    let database = Database::new();
    database.import("BTC-USD-1h.csv", HOUR, 48, "recorded");
    database.import("BTC-USD-1d.csv", DAY, 2, "recorded");
    let server = database.serve("none");
    for tier in ["database", "l1", "l1"] {
        let prices = server.json("/api/latest_prices");
        assert_eq!(prices["provenance"]["tier"], json!(tier));
        assert_eq!(prices["provenance"]["stale"], json!(false), "{prices}");
    }
}

#[test]
fn a_finer_series_that_ended_long_ago_hides_nothing() {
    let database = Database::new();
    database.import("BTC-USD-1h.csv", HOUR, 48, "recorded");
    database.import("BTC-USD-1m.csv", 60_000, 10, "recorded");
    let server = database.serve("none");
    let prices = server.json("/api/latest_prices");
    assert_eq!(prices["prices"][0]["as_of"], json!(48 * HOUR));
    let bars = |query: &str| server.json(&format!("/api/chart_data?symbol=BTC&{query}"))["candles"].clone();
    assert_eq!(bars("interval=1h").as_array().unwrap().len(), 48);
    assert_eq!(bars("interval=4h").as_array().unwrap().len(), 12);
    // What only the finer one has is still there.
    assert_eq!(bars("interval=1m").as_array().unwrap().len(), 10);
    assert!(server.get("/coin/BTC").text().contains("<svg"));
}

#[test]
fn a_symbol_of_another_source_has_a_price_where_it_has_a_chart() {
    let database = Database::new();
    database.import("BTC-USD-1h.csv", HOUR, 3, "recorded");
    database.import("ABC-USD-1h.csv", HOUR, 5, "other");
    let server = database.serve("none");
    let chart = server.json("/api/chart_data?symbol=ABC&interval=1h");
    assert_eq!(chart["source"], json!("other"));
    let price = server.json("/api/latest_prices?symbols=ABC");
    assert_eq!(price["provenance"]["source"], json!("other"));
    assert_eq!(price["prices"][0]["price"], json!("6"));
    assert_eq!(server.get("/coin/ABC").status, 200);
    // Prices of two sources are no one answer, and the symbol is not unknown.
    let both = server.get("/api/latest_prices?symbols=BTC,ABC");
    assert_eq!(both.status, 400, "{}", both.text());
    assert!(both.text().contains("ABC has no recorded prices"), "{}", both.text());
    let all = server.json("/api/latest_prices");
    assert_eq!(all["prices"].as_array().unwrap().len(), 1);
}

#[test]
fn a_source_that_is_named_answers_though_the_feed_is_simulated() {
    let database = Database::new();
    database.import("BTC-USD-1h.csv", HOUR, 3, "recorded");
    let server = database.serve("simulated");
    let chart = "/api/chart_data?symbol=BTC&interval=1h";
    assert_eq!(server.json(chart)["provenance"]["simulated"], json!(true));
    let recorded = server.json(&format!("{chart}&source=recorded"));
    assert_eq!(recorded["provenance"]["simulated"], json!(false));
    assert_eq!(recorded["candles"].as_array().unwrap().len(), 3);
    assert_eq!(server.get(&format!("{chart}&source=anything")).status, 400);
    assert_eq!(server.json(&format!("{chart}&source=simulated"))["provenance"]["simulated"], json!(true));
}
