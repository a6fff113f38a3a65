//! The feeds: replay and simulation beside a database.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::collections::BTreeMap;

use local_servers::{PostgresServer, RedisServer, free_port, wait_until};
use serde_json::{Value, json};
use support::{SOON, Server, Setup, import_sample, run, write_candles};

const PRICES: &str = "/api/latest_prices";
const HALF_HOUR: i64 = 1_800_000;

fn imported() -> PostgresServer {
    let postgres = PostgresServer::ephemeral().unwrap();
    import_sample(&postgres.url());
    postgres
}

/// A server with its metrics.
struct Fed {
    server: Server,
    metrics: u16,
}

impl Fed {
    fn start(
        postgres: &PostgresServer,
        redis: Option<&RedisServer>,
        feed: &str,
        env: &[(&str, &str)],
    ) -> Self {
        let metrics = free_port().unwrap();
        let address = format!("127.0.0.1:{metrics}");
        let mut env = env.to_vec();
        env.push(("TIDEMARK_METRICS_ADDR", &address));
        let url = postgres.url();
        let setup = Setup { postgres: Some(&url), redis, feed: Some(feed), env: &env, ..Setup::default() };
        Self { server: Server::start(&setup), metrics }
    }

    fn metric(&self, name: &str) -> f64 {
        let text = ureq::get(format!("http://127.0.0.1:{}/metrics", self.metrics)).call().unwrap();
        let text = text.into_body().read_to_string().unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("tidemark_feed_{name} ")));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
    }

    /// The table once it is of this source.
    fn wait_source(&self, source: &str) -> Value {
        self.server.wait_json(PRICES, |it| {
            it["provenance"]["source"] == json!(source) && !it["prices"].as_array().unwrap().is_empty()
        })
    }

    fn wait(&self, what: &str, good: impl Fn() -> bool) {
        assert!(wait_until(SOON * 3, good), "waited in vain: {what}\n{}", self.server.log());
    }

    /// The time of the first price.
    fn as_of(&self) -> i64 {
        self.server.json(PRICES)["prices"][0]["as_of"].as_i64().unwrap()
    }

    fn bars(&self, query: &str) -> Value {
        self.server.json(&format!("/api/chart_data?{query}"))
    }
}

/// What a whole series holds in the database.
fn digest(postgres: &PostgresServer, source: &str) -> String {
    let sql = format!(
        "SELECT count(*) || ' ' || coalesce(md5(string_agg(c::text, ',' ORDER BY c.series_id, c.interval, c.open_time)), '')
             || ' ' || coalesce(max(s.revision), 0)
         FROM candles c JOIN series s ON s.id = c.series_id JOIN sources o ON o.id = s.source_id
         WHERE o.source = '{source}'"
    );
    postgres.execute(&sql).unwrap()
}

fn opens(chart: &Value) -> Vec<i64> {
    chart["candles"].as_array().unwrap().iter().map(|bar| bar[0].as_i64().unwrap()).collect()
}

/// Figures of each bar without its time.
fn figures(chart: &Value) -> Vec<Value> {
    chart["candles"].as_array().unwrap().iter().map(|bar| json!(bar.as_array().unwrap()[1..])).collect()
}

#[test]
fn a_replay_moves_says_so_and_leaves_the_recording_alone() {
    let postgres = imported();
    let recorded = digest(&postgres, "recorded");
    let fed = Fed::start(&postgres, None, "auto", &[]);
    let first = fed.wait_source("replay");
    assert_eq!(first["prices"].as_array().unwrap().len(), 5);
    assert_eq!(first["provenance"]["simulated"], json!(false));
    for page in ["/", "/coin/BTC"] {
        let text = fed.server.get(page).text();
        assert!(text.contains("Replayed prices"), "{page}: {text}");
    }
    // It moves: times, and prices too.
    let prices = |table: &Value| -> BTreeMap<String, String> {
        let rows = table["prices"].as_array().unwrap().iter();
        rows.map(|row| (row["symbol"].to_string(), row["price"].to_string())).collect()
    };
    fed.wait("prices move", || prices(&fed.server.json(PRICES)) != prices(&first));

    // Its bars are those of the recording, moved by one and the same time.
    let replay = fed.bars("symbol=BTC&interval=30m&from=0&limit=5000");
    let original = fed.bars("symbol=BTC&interval=30m&from=0&limit=5000&source=recorded");
    assert_eq!(replay["source"], json!("replay"));
    assert_eq!(figures(&replay), figures(&original));
    let shift = opens(&replay)[0] - opens(&original)[0];
    assert_eq!(shift % HALF_HOUR, 0);
    let moved: Vec<i64> = opens(&original).iter().map(|time| time + shift).collect();
    assert_eq!(opens(&replay), moved);

    // A file of it says what it is.
    for (query, name) in [("", "BTC-USD-1w-replay.csv"), ("&source=recorded", "BTC-USD-1w.csv")] {
        let file = fed.server.get(&format!("/api/export?symbol=BTC&interval=1w&format=csv{query}"));
        assert_eq!(file.header("content-disposition"), format!("attachment; filename=\"{name}\""));
    }

    // The bar of now runs, at every interval, and is no part of what has ended.
    for interval in ["30m", "1h", "1d", "1w"] {
        fed.wait(interval, || {
            let chart = fed.bars(&format!("symbol=BTC&interval={interval}&limit=3"));
            chart["partial"].as_array().unwrap().last() == chart["candles"][2].get(0)
        });
    }
    let price = || {
        let table = fed.server.json("/api/latest_prices?symbols=BTC");
        let chart = fed.bars("symbol=BTC&interval=1d&limit=1");
        (
            table["prices"][0]["price"].as_str().unwrap().parse::<f64>().unwrap(),
            chart["candles"][0][4].as_f64().unwrap(),
        )
    };
    fed.wait("the chart follows the price within a hundredth", || {
        let (price, close) = price();
        (price / close - 1.0).abs() < 0.01
    });
    assert_eq!(digest(&postgres, "recorded"), recorded, "the recording is untouched");
    assert!(fed.server.terminate().success());
}

#[test]
fn a_replay_goes_on_after_a_restart_where_the_clock_is() {
    let postgres = imported();
    let whole = "symbol=ETH&interval=30m&from=0&limit=5000";
    let epoch = "SELECT string_agg(series_id || ':' || epoch, ' ' ORDER BY series_id) FROM replays";
    let fed = Fed::start(&postgres, None, "replay", &[]);
    fed.wait_source("replay");
    fed.wait("something is written", || fed.metric("rows_total") > 5.0);
    let (before, epochs) = (fed.bars(whole), postgres.execute(epoch).unwrap());
    assert!(fed.server.terminate().success());
    // As if it had been away for a day, and its last bar had been written while it ran.
    let removed = postgres
        .execute(&format!(
            "DELETE FROM candles c USING series s, sources o WHERE s.id = c.series_id AND o.id = s.source_id
             AND o.source = 'replay' AND c.open_time > {} RETURNING 1",
            i64::try_from(
                std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis()
            )
            .unwrap()
                - 86_400_000
        ))
        .unwrap();
    assert!(removed.lines().count() > 5 * 40, "{removed}");
    postgres
        .execute(
            "UPDATE series s SET last_open = (SELECT max(open_time) FROM candles c
                 WHERE c.series_id = s.id AND c.interval = s.finest)",
        )
        .unwrap();
    let count = "SELECT count(*) FROM candles";
    let fewer: i64 = postgres.execute(count).unwrap().trim().parse().unwrap();
    let fed = Fed::start(&postgres, None, "replay", &[]);
    fed.wait("the day is there again", || {
        postgres.execute(count).unwrap().trim().parse::<i64>().unwrap() > fewer + 5 * 40
    });
    assert_eq!(postgres.execute(epoch).unwrap(), epochs);
    assert_eq!(fed.bars(whole)["candles"], before["candles"]);
    let last = fed.bars("symbol=ETH&interval=30m&limit=40");
    let steps: Vec<i64> = opens(&last).windows(2).map(|pair| pair[1] - pair[0]).collect();
    // But for what the recording lacks there is no gap.
    assert!(steps.iter().filter(|step| **step == HALF_HOUR).count() > 30, "{steps:?}");
}

#[test]
fn prices_go_on_while_the_database_is_away_and_are_stored_when_it_is_back() {
    let postgres = imported();
    let fed = Fed::start(&postgres, None, "replay", &[]);
    fed.wait_source("replay");
    fed.wait("something is written", || fed.metric("writes_total") >= 2.0);
    postgres.kill().unwrap();
    fed.wait("the writer notices", || fed.metric("write_failures_total") >= 1.0);
    let then = fed.as_of();
    fed.wait("prices go on", || fed.as_of() > then + 3_000);
    let table = fed.server.json(PRICES);
    assert_eq!(table["provenance"]["source"], json!("replay"), "{table}");
    assert_eq!(table["provenance"]["simulated"], json!(false), "{table}");
    assert_eq!(table["provenance"]["stale"], json!(false), "{table}");
    assert!(fed.metric("queued_bars") >= 1.0);
    fed.server.wait_json("/readyz", |ready| ready["status"] == "degraded");

    let writes = fed.metric("writes_total");
    postgres.start().unwrap();
    fed.wait("it writes again", || fed.metric("writes_total") > writes);
    assert_eq!(fed.metric("leads"), 1.0);
    assert_eq!(fed.metric("dropped_bars_total"), 0.0);
    fed.wait("readers too", || fed.server.json("/readyz")["status"] == "ok");
}

#[test]
fn of_two_servers_one_feeds_and_the_other_takes_over() {
    let postgres = imported();
    let redis = RedisServer::ephemeral().unwrap();
    let first = Fed::start(&postgres, Some(&redis), "replay", &[]);
    first.wait_source("replay");
    first.wait("it leads", || first.metric("leads") == 1.0);
    let second = Fed::start(&postgres, Some(&redis), "replay", &[]);
    let shown = second.wait_source("replay");
    let then = shown["prices"][0]["as_of"].as_i64().unwrap();
    second.wait("what the other feeds is heard here", || second.as_of() > then + 2_000);
    assert_eq!(second.metric("leads"), 0.0);
    assert_eq!(second.metric("bars_total"), 0.0);
    // Killed, without a word.
    drop(first);
    second.wait("it takes over", || second.metric("leads") == 1.0);
    let then = second.as_of();
    second.wait("it feeds", || second.as_of() > then + 2_000);
}

#[test]
fn a_recording_that_is_imported_later_is_replayed_too() {
    let postgres = imported();
    let fed = Fed::start(&postgres, None, "replay", &[]);
    fed.wait_source("replay");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("NEW-USD-1m.csv");
    let rows: Vec<(i64, f64)> = (0..3_000).map(|i| (i * 60_000, 100.0 + (i % 7) as f64)).collect();
    write_candles(&file, &rows);
    let imported = run(&postgres.url(), &["import", file.to_str().unwrap()]);
    assert!(imported.status.success());
    // At once as what it is, and after a while as a replay.
    let chart = fed.server.wait_json("/api/latest_prices?symbols=NEW", |_| true);
    assert_eq!(chart["provenance"]["source"], json!("recorded"));
    fed.wait("it is replayed", || {
        let new = fed.server.json("/api/latest_prices?symbols=NEW");
        new["provenance"]["source"] == json!("replay")
    });
    assert_eq!(fed.bars("symbol=NEW&interval=1m&limit=5")["source"], json!("replay"));
    // The others go on.
    let then = fed.as_of();
    fed.wait("the others go on", || fed.as_of() > then + 1_000);
}

#[test]
fn the_simulation_has_series_of_its_own_and_says_what_it_is() {
    let postgres = imported();
    let recorded = digest(&postgres, "recorded");
    let fed = Fed::start(&postgres, None, "simulated", &[("TIDEMARK_SIMULATED_TICKS", "40")]);
    fed.wait("it writes", || fed.metric("rows_total") >= 10.0);
    let table = fed.wait_source("simulated");
    assert_eq!(table["prices"].as_array().unwrap().len(), 10);
    assert_eq!(table["provenance"]["simulated"], json!(true));
    assert!(fed.server.get("/").text().contains("Simulated prices"));
    for (interval, least) in [("1m", 400), ("1h", 400), ("1d", 500), ("1w", 150)] {
        let chart = fed.bars(&format!("symbol=BTC&interval={interval}&limit=500"));
        assert_eq!(chart["provenance"]["simulated"], json!(true));
        assert_ne!(chart["provenance"]["tier"], json!("simulated"), "it is stored");
        assert!(opens(&chart).len() >= least, "{interval}: {}", opens(&chart).len());
        let partial = chart["partial"].as_array().unwrap();
        assert_eq!(
            partial.last(),
            chart["candles"].as_array().unwrap().last().map(|bar| &bar[0]),
            "{interval}"
        );
    }
    let then = fed.as_of();
    fed.wait("it moves", || fed.as_of() > then + 1_000);
    assert_eq!(fed.server.get("/api/chart_data?symbol=NOPE&interval=1d").status, 404);
    assert_eq!(digest(&postgres, "recorded"), recorded, "the recording is untouched");
    // A bar of minutes that has ended is what the simulation draws, whichever feed is on.
    let chart = fed.bars("symbol=BTC&interval=1h&limit=4");
    let ended = opens(&chart)[1];
    let drawn = Server::start(&Setup::default());
    let same = drawn.json(&format!("/api/chart_data?symbol=BTC&interval=1h&from={ended}&limit=1"));
    assert_eq!(same["candles"][0][1], chart["candles"][1][1]);
    assert_eq!(same["candles"][0][4], chart["candles"][1][4]);
}

#[test]
fn bad_settings_of_feeds_are_named() {
    let database = ("DATABASE_URL", "postgres://u@127.0.0.1:1/d");
    let cases: [(&[(&str, &str)], &str); 4] = [
        (
            &[("TIDEMARK_FEED", "replay")],
            "TIDEMARK_FEED: replay plays recorded candles: it needs DATABASE_URL",
        ),
        (&[database, ("TIDEMARK_FEED", "binance")], "TIDEMARK_FEED: binance is not part of this version"),
        (
            &[("TIDEMARK_SIMULATED_SYMBOLS", "5001")],
            "TIDEMARK_SIMULATED_SYMBOLS: \"5001\" is not a number from 10 to 5000",
        ),
        (
            &[("TIDEMARK_SIMULATED_TICKS", "0")],
            "TIDEMARK_SIMULATED_TICKS: \"0\" is not a number from 1 to 20000",
        ),
    ];
    for (env, expected) in cases {
        let output = support::tidemark().arg("serve").envs(env.iter().copied()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains(expected), "{text}");
    }
}
