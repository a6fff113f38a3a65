//! The feeds: replay and simulation beside a database.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use local_servers::{PostgresServer, RedisServer, Signal, free_port, wait_until};
use serde_json::{Value, json};
use support::{Holder, SOON, Server, Setup, import_sample, run, write_candles};

const PRICES: &str = "/api/latest_prices";
const MINUTE: i64 = 60_000;
/// Where the recordings of minutes begin: 2017-07-13T00:00Z, Unix ms.
const RECORDED_FROM: i64 = 1_499_904_000_000;
const HALF_HOUR: i64 = 30 * MINUTE;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// Waits for the clock: a candle ends when its time is over.
fn wait_clock(time: i64) {
    let left = u64::try_from(time - now()).unwrap_or(0);
    assert!(wait_until(Duration::from_millis(left + 1_000), || now() >= time));
}

/// Migrates, and imports so many minutes of each symbol, all of them different. `missing`: the minutes without a candle.
fn import_minutes(postgres: &PostgresServer, symbols: &[&str], count: i64, missing: impl Fn(i64) -> bool) {
    let url = postgres.url();
    assert!(run(&url, &["migrate"]).status.success());
    let folder = tempfile::tempdir().unwrap();
    for symbol in symbols {
        let mut text = String::from("open_time,open,high,low,close,volume\n");
        let price = |i: i64| 100.0 + (i * 7_919 % 1_009) as f64 / 100.0;
        for i in (0..count).filter(|i| !missing(*i)) {
            let (open, close) = (price(i), price(i + 1));
            let (high, low) = (open.max(close) + 0.37, open.min(close) - 0.29);
            let volume = (i * 31 % 97 + 1) as f64 / 7.0;
            writeln!(
                text,
                "{},{open:.2},{high:.2},{low:.2},{close:.2},{volume:.6}",
                RECORDED_FROM + i * MINUTE
            )
            .unwrap();
        }
        let file = folder.path().join(format!("{symbol}-USD-1m.csv"));
        fs::write(&file, text).unwrap();
        let imported = run(&url, &["import", file.to_str().unwrap()]);
        assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    }
}

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

    /// How far a recording is moved by its replay, ms.
    fn shift(&self, symbol: &str, interval: &str) -> i64 {
        let first = |source: &str| {
            let chart =
                self.bars(&format!("symbol={symbol}&interval={interval}&from=0&limit=1&source={source}"));
            opens(&chart)[0]
        };
        first("replay") - first("recorded")
    }

    /// Asserts that these minutes of a replay are stored as they were recorded.
    fn assert_minutes(&self, symbol: &str, from: i64, count: i64) {
        let shift = self.shift(symbol, "1m");
        let of = |source: &str, from: i64| {
            self.bars(&format!("symbol={symbol}&interval=1m&from={from}&limit={count}&source={source}"))
        };
        let (replay, original) = (of("replay", from), of("recorded", from - shift));
        let expected: Vec<i64> = (0..count).map(|i| from + i * MINUTE).collect();
        assert_eq!(opens(&replay), expected, "{symbol}\n{}", self.server.log());
        assert_eq!(figures(&replay), figures(&original), "{symbol}\n{}", self.server.log());
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
fn candles_that_end_while_they_play_or_the_process_stands_still_are_the_recorded_ones() {
    let postgres = PostgresServer::ephemeral().unwrap();
    import_minutes(&postgres, &["NEW"], 3_000, |_| false);
    let fed = Fed::start(&postgres, None, "replay", &[]);
    fed.wait_source("replay");
    fed.wait("what runs is stored", || fed.metric("rows_total") >= 1.0);
    // It stands still from within one minute until after the next.
    let minute = now() / MINUTE * MINUTE;
    fed.server.signal(Signal::STOP);
    wait_clock(minute + 2 * MINUTE + 1_000);
    fed.server.signal(Signal::CONT);
    let opened = |time: i64| {
        let last = fed.bars("symbol=NEW&interval=1m&limit=1&source=replay");
        opens(&last)[0] >= time
    };
    fed.wait("it goes on", || opened(minute + 2 * MINUTE));
    fed.assert_minutes("NEW", minute - 5 * MINUTE, 7);
    // And one that is played to its end.
    wait_clock(minute + 3 * MINUTE);
    fed.wait("the next one is stored", || opened(minute + 3 * MINUTE));
    fed.assert_minutes("NEW", minute - 5 * MINUTE, 8);
}

#[test]
fn a_candle_that_ends_while_another_series_is_brought_up_to_now_is_not_lost() {
    let postgres = PostgresServer::ephemeral().unwrap();
    import_minutes(&postgres, &["AAA", "BBB"], 3_000, |_| false);
    let fed = Fed::start(&postgres, None, "replay", &[]);
    fed.wait_source("replay");
    fed.wait("what runs is stored", || fed.metric("rows_total") >= 2.0);
    assert!(fed.server.terminate().success());
    // The second series lacks something, so that it is written to, and cannot be for a while.
    let series =
        "SELECT s.id FROM series s JOIN symbols y ON y.id = s.symbol_id JOIN sources o ON o.id = s.source_id
        WHERE o.source = 'replay' AND y.symbol = 'BBB'";
    postgres
        .execute(&format!(
            r#"DELETE FROM candles WHERE series_id = ({series}) AND "interval" = 60 AND open_time > {}"#,
            now() - 10 * MINUTE
        ))
        .unwrap();
    // A writer waits a minute for a lock.
    if now() % MINUTE < 20_000 {
        wait_clock(now() / MINUTE * MINUTE + 20_000);
    }
    let minute = now() / MINUTE * MINUTE;
    let holder = Holder::begin(&postgres.url(), &format!("{series} FOR UPDATE OF s"));
    let fed = Fed::start(&postgres, None, "replay", &[]);
    wait_clock(minute + MINUTE + 1_000);
    assert_eq!(fed.metric("leads"), 0.0, "it is still being made ready");
    holder.release();
    fed.wait("it feeds", || fed.metric("leads") == 1.0 && fed.metric("rows_total") >= 2.0);
    for symbol in ["AAA", "BBB"] {
        fed.wait("the next minute is stored", || {
            opens(&fed.bars(&format!("symbol={symbol}&interval=1m&limit=1")))[0] > minute
        });
        fed.assert_minutes(symbol, minute - 15 * MINUTE, 16);
    }
}

#[test]
fn holes_and_unfinished_candles_of_earlier_runs_are_put_right_at_the_next_start() {
    let postgres = imported();
    let fed = Fed::start(&postgres, None, "replay", &[]);
    fed.wait_source("replay");
    fed.wait("what runs is stored", || fed.metric("rows_total") >= 5.0);
    let since = now() - 8 * DAY + HOUR;
    let charts = |fed: &Fed| -> Vec<Value> {
        ["BTC", "ETH", "XRP"]
            .iter()
            .flat_map(|symbol| ["30m", "1d"].map(|interval| (symbol, interval)))
            .map(|(symbol, interval)| {
                // Without the day that runs.
                let to = now() / DAY * DAY - 1;
                let query = format!(
                    "symbol={symbol}&interval={interval}&from={since}&to={to}&source=replay&limit=5000"
                );
                fed.bars(&query)["candles"].clone()
            })
            .collect()
    };
    let before = charts(&fed);
    assert!(fed.server.terminate().success());
    let change = |symbol: &str, what: &str, age: i64| {
        let sql = format!(
            r#"{what} c.series_id = (SELECT s.id FROM series s JOIN symbols y ON y.id = s.symbol_id
                   JOIN sources o ON o.id = s.source_id WHERE o.source = 'replay' AND y.symbol = '{symbol}')
               AND c."interval" = 1800 AND c.open_time BETWEEN {} AND {} RETURNING 1"#,
            now() - age,
            now() - age + 2 * HOUR
        );
        let changed = postgres.execute(&sql).unwrap();
        assert!(changed.lines().count() >= 3, "{changed}");
    };
    change("BTC", "DELETE FROM candles c WHERE", 3 * DAY);
    change("ETH", "UPDATE candles c SET close = open, volume = volume / 2 WHERE", 2 * DAY);
    change("XRP", "DELETE FROM candles c WHERE", 7 * DAY);
    change("XRP", "DELETE FROM candles c WHERE", DAY);
    let fed = Fed::start(&postgres, None, "replay", &[]);
    fed.wait("it feeds", || fed.metric("leads") == 1.0);
    assert_eq!(charts(&fed), before);
}

/// The table is of the replay from the first answer on, though the feed takes its time.
#[test]
fn after_a_restart_no_reader_sees_prices_of_another_source() {
    let postgres = imported();
    let redis = RedisServer::ephemeral().unwrap();
    for redis in [None, Some(&redis)] {
        let fed = Fed::start(&postgres, redis, "replay", &[]);
        fed.wait_source("replay");
        fed.wait("what runs is stored", || fed.metric("rows_total") >= 5.0);
        let before = fed.server.json(PRICES);
        assert!(fed.server.terminate().success());
        // What is replayed cannot be read at first.
        let holder = Holder::lock(&postgres.url(), "replays");
        let fed = Fed::start(&postgres, redis, "replay", &[]);
        let same = || {
            let table = fed.server.json(PRICES);
            assert_eq!(table["provenance"]["source"], json!("replay"), "{table}");
            let rows = |table: &Value| table["prices"].as_array().unwrap().clone();
            assert_eq!(rows(&table).len(), 5);
            for (row, before) in rows(&table).iter().zip(rows(&before)) {
                let price = |row: &Value| row["price"].as_str().unwrap().parse::<f64>().unwrap();
                assert!((price(row) / price(&before) - 1.0).abs() < 0.01, "{row} after {before}");
                let age = |row: &Value| row["as_of"].as_i64().unwrap();
                assert!(age(row) > age(&before) - 10_000, "{row} after {before}");
            }
            table["prices"][0]["as_of"].as_i64().unwrap()
        };
        let chart = fed.bars("symbol=BTC&interval=1d&limit=1");
        assert_eq!(chart["source"], json!("replay"));
        assert!(fed.server.get("/").text().contains("Replayed prices"));
        let first = same();
        for _ in 0..50 {
            assert!(same() <= first + 1, "the feed has not begun");
        }
        assert_eq!(fed.metric("leads"), 0.0);
        holder.release();
        fed.wait("it goes on", || same() > first + 5_000);
    }
}

#[test]
fn at_the_first_start_the_server_is_ready_when_the_feed_has_prices() {
    let postgres = imported();
    let holder = Holder::lock(&postgres.url(), "replays");
    let fed = Fed::start(&postgres, None, "replay", &[]);
    let ready = fed.server.get("/readyz");
    assert_eq!((ready.status, ready.json()["status"].clone()), (503, json!("warming")));
    // Until then what is stored is shown as what it is.
    assert_eq!(fed.server.json(PRICES)["provenance"]["source"], json!("recorded"));
    holder.release();
    fed.wait("it is ready", || fed.server.get("/readyz").status == 200);
    assert_eq!(fed.server.json(PRICES)["provenance"]["source"], json!("replay"));
}

/// The figures of each row against the candles, by the rule of spans.
#[test]
fn figures_of_a_running_replay_are_those_of_its_candles() {
    let postgres = imported();
    // Ten days of minutes, some of them missing, also several in a row.
    import_minutes(&postgres, &["MIN"], 14_400, |i| i % 17 == 5 || i % 400 < 30);
    postgres
        .execute(
            "UPDATE series SET price_decimals = common_price_decimals(id, finest), revision = revision + 1",
        )
        .unwrap();
    let fed = Fed::start(&postgres, None, "replay", &[]);
    fed.wait("it feeds", || fed.metric("leads") == 1.0);
    let symbols =
        [("BTC", "30m"), ("EOS", "30m"), ("ETH", "30m"), ("LTC", "30m"), ("XRP", "30m"), ("MIN", "1m")];
    let shifts: BTreeMap<&str, i64> = symbols.iter().map(|(s, i)| (*s, fed.shift(s, i))).collect();
    let mut last = 0;
    for _ in 0..10 {
        fed.wait("a moment later", || fed.as_of() > last + 1_500);
        let table = fed.wait_source("replay");
        last = table["prices"][0]["as_of"].as_i64().unwrap();
        for (symbol, interval) in symbols {
            let rows = table["prices"].as_array().unwrap();
            let row = rows.iter().find(|row| row["symbol"] == json!(symbol)).unwrap();
            assert_row(&fed, row, symbol, interval, shifts[symbol]);
        }
    }
    let decimals: Vec<Value> = symbols
        .iter()
        .map(|(symbol, interval)| {
            let of = |source: &str| {
                fed.bars(&format!("symbol={symbol}&interval={interval}&limit=1&source={source}"))["price_decimals"]
                    .clone()
            };
            assert_eq!(of("replay"), of("recorded"), "{symbol}");
            of("replay")
        })
        .collect();
    assert_eq!(json!(decimals), json!([1, 4, 2, 3, 5, 2]));
    for (row, (symbol, _)) in symbols.iter().enumerate() {
        let table = fed.server.json(&format!("{PRICES}?symbols={symbol}"));
        assert_eq!(table["prices"][0]["price_decimals"], decimals[row], "{table}");
    }
}

/// A candle of an answer: open time, open, high, low, close, volume.
fn numbers(candle: &Value) -> [f64; 6] {
    let mut numbers = [0.0; 6];
    let all = candle.as_array().unwrap();
    numbers.iter_mut().zip(all).for_each(|(number, value)| *number = value.as_f64().unwrap());
    numbers
}

fn assert_row(fed: &Fed, row: &Value, symbol: &str, interval: &str, shift: i64) {
    let length = if interval == "1m" { MINUTE } else { HALF_HOUR };
    let number = |field: &str| row[field].as_str().unwrap().parse::<f64>().unwrap();
    let price = number("price");
    let as_of = row["as_of"].as_i64().unwrap();
    let ask = |more: &str| fed.bars(&format!("symbol={symbol}&interval={interval}&{more}"));
    for (name, span) in [("1h", HOUR), ("24h", DAY), ("7d", 7 * DAY)] {
        let moment = as_of - span;
        let before = ask(&format!("source=replay&to={moment}&limit=1"));
        let candle = numbers(&before["candles"][0]);
        let open_time = opens(&before)[0];
        assert!(open_time <= moment);
        let expected = if moment < open_time + length { candle[1] } else { candle[4] };
        assert_eq!(number(&format!("open_{name}")), expected, "{name} of {row}, from {before}");
        let change = row[format!("change_{name}_pct")].as_f64().unwrap();
        assert!((change - (price / expected - 1.0) * 100.0).abs() < 1e-6, "{name} of {row}");
    }
    // The candles that have ended by then; of the one that runs the recorded one is the bound.
    let running = as_of / length * length;
    let (from, to) = ((as_of - DAY) / length * length, running - 1);
    let ended: Vec<[f64; 6]> = ask(&format!("source=replay&from={from}&to={to}&limit=5000"))["candles"]
        .as_array()
        .unwrap()
        .iter()
        .map(numbers)
        .collect();
    let (from, to) = (running - shift, running - shift + length - 1);
    let recorded = ask(&format!("source=recorded&from={from}&to={to}&limit=1"));
    let runs: Vec<[f64; 6]> = recorded["candles"].as_array().unwrap().iter().map(numbers).collect();
    let both = || ended.iter().chain(&runs);
    let highest = |all: &mut dyn Iterator<Item = &[f64; 6]>| all.map(|c| c[2]).fold(f64::MIN, f64::max);
    let lowest = |all: &mut dyn Iterator<Item = &[f64; 6]>| all.map(|c| c[3]).fold(f64::MAX, f64::min);
    let volume = |all: &mut dyn Iterator<Item = &[f64; 6]>| all.map(|c| c[5]).sum::<f64>();
    let (high, low, traded) = (number("high_24h"), number("low_24h"), number("volume_24h"));
    assert!(high >= highest(&mut ended.iter()) && high <= highest(&mut both()), "high of {row}");
    assert!(low <= lowest(&mut ended.iter()) && low >= lowest(&mut both()), "low of {row}");
    let (least, most) = (volume(&mut ended.iter()), volume(&mut both()));
    assert!(
        traded >= least * (1.0 - 1e-9) - 1e-6 && traded <= most * (1.0 + 1e-9) + 1e-6,
        "volume of {row}: {least} to {most}"
    );
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
    // A candle that has ended is what the simulation draws, whichever feed is on: of hours that were there at the start, and
    // of a minute that ended meanwhile.
    let drawn = Server::start(&Setup::default());
    let same = |interval: &str, ended: i64| {
        let query = format!("symbol=BTC&interval={interval}&from={ended}&limit=1");
        let (stored, drawn) = (fed.bars(&query), drawn.json(&format!("/api/chart_data?{query}")));
        assert_eq!(opens(&stored), [ended]);
        assert_eq!(stored["candles"], drawn["candles"], "{interval}");
    };
    same("1h", (now() / HOUR - 20 * 24) * HOUR);
    let minute = now() / MINUTE * MINUTE;
    wait_clock(minute + MINUTE);
    fed.wait("the next minute", || opens(&fed.bars("symbol=BTC&interval=1m&limit=1"))[0] > minute);
    same("1m", minute);
    // The figures of quotes are those of its candles too.
    let table = fed.server.json("/api/latest_prices?symbols=BTC");
    let row = &table["prices"][0];
    for (name, span) in [("1h", HOUR), ("24h", DAY), ("7d", 7 * DAY)] {
        let start = row["as_of"].as_i64().unwrap() - span;
        let chart = drawn.json(&format!("/api/chart_data?symbol=BTC&interval=1m&to={start}&limit=1"));
        let open: f64 = row[format!("open_{name}")].as_str().unwrap().parse().unwrap();
        assert_eq!(json!(open), chart["candles"][0][1], "{name} of {row}");
        assert_eq!(row["price_decimals"], chart["price_decimals"]);
    }
    assert_eq!(fed.bars("symbol=BTC&interval=1m&limit=1")["price_decimals"], row["price_decimals"]);
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
