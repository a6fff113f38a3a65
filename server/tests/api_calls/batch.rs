//! `GET /api/charts`.

use std::time::{SystemTime, UNIX_EPOCH};

use local_servers::{PostgresServer, RedisServer, wait_until};
use serde_json::{Value, json};

use crate::support::{
    SOON, Server, Setup, admin::TokenFile, import_sample, run, sample_database, write_candles,
};

fn server() -> Server {
    let (_, url) = sample_database();
    Server::start(&Setup { postgres: Some(&url), feed: Some("none"), ..Setup::default() })
}

/// One of which its operator may read the figures.
fn counted_server(url: &str, policies: Option<&str>) -> Server {
    // It is read at the start alone.
    let token = TokenFile::new();
    let env = [("TIDEMARK_ADMIN_TOKEN_FILE", token.value())];
    let env = env.each_ref().map(|(name, value)| (*name, value.as_str()));
    Server::start(&Setup { postgres: Some(url), feed: Some("none"), policies, env: &env, ..Setup::default() })
}

/// This figure of the charts in the cache.
fn charts(server: &Server, figure: &str) -> u64 {
    let stats = server.admin_json("/api/cache/stats");
    let charts = &stats["categories"]["charts"];
    charts.pointer(figure).and_then(Value::as_u64).unwrap_or_else(|| panic!("no {figure}: {charts}"))
}

#[test]
fn each_chart_is_that_of_the_single_call_in_the_order_asked() {
    let server = server();
    let answer = server.json("/api/charts?symbols=xrp,BTC,ETH,BTC&interval=1d&limit=7");
    assert_eq!(answer["interval"], json!("1d"));
    let charts = answer["charts"].as_array().unwrap();
    let symbols: Vec<&str> = charts.iter().map(|chart| chart["symbol"].as_str().unwrap()).collect();
    assert_eq!(symbols, ["XRP", "BTC", "ETH"]);
    for chart in charts {
        let symbol = chart["symbol"].as_str().unwrap();
        let single = server.json(&format!("/api/chart_data?symbol={symbol}&interval=1d&limit=7"));
        for part in ["candles", "partial", "source", "interval"] {
            assert_eq!(chart[part], single[part], "{symbol} {part}");
        }
        assert_eq!(chart["candles"].as_array().unwrap().len(), 7);
        assert_eq!(chart["provenance"]["tier"], json!("database"));
        // The single call found what the batch had put into the cache.
        assert_eq!(single["provenance"]["tier"], json!("l1"), "{symbol}");
    }
    assert_eq!(answer["provenance"]["tier"], json!("database"));
    assert_eq!(answer["provenance"]["source"], json!("recorded"));
    let again = server.json("/api/charts?symbols=XRP,BTC,ETH&interval=1d&limit=7");
    assert_eq!(again["provenance"]["tier"], json!("l1"));
    assert_eq!(again["charts"].as_array().unwrap().len(), 3);
}

#[test]
fn ranges_limits_and_defaults_are_those_of_the_design() {
    let server = server();
    let first = |query: &str| {
        let answer = server.json(&format!("/api/charts?symbols=ETH,BTC&interval=1d{query}"));
        answer["charts"][0]["candles"].as_array().unwrap().clone()
    };
    assert_eq!(first("").len(), 100);
    let last = 1_553_990_400_000_i64;
    let range = first(&format!("&from={}&to={last}", last - 3 * 86_400_000));
    assert_eq!((range.len(), &range[3][0]), (4, &json!(last)));
    let many = server.json("/api/charts?symbols=BTC,ETH,XRP,LTC,EOS&interval=30m&limit=5000");
    let lengths: Vec<usize> =
        many["charts"].as_array().unwrap().iter().map(|c| c["candles"].as_array().unwrap().len()).collect();
    assert_eq!(lengths, [5_000; 5]);
}

#[test]
fn any_limit_is_answered_exactly_from_few_cached_ranges() {
    let server = counted_server(&sample_database().1, None);
    let ranges = || charts(&server, "/l1_entries");
    let from = 1_546_300_800_000_i64;
    for (part, first) in [(String::new(), false), (format!("&from={from}"), true)] {
        let path = |call: &str, limit: usize| format!("/api/{call}=BTC&interval=30m&limit={limit}{part}");
        let whole = server.json(&path("chart_data?symbol", 5_000));
        let all = whole["candles"].as_array().unwrap();
        let partial = whole["partial"].as_array().unwrap();
        let before = ranges();
        for limit in [1, 2, 99, 100, 101, 499, 500, 501, 1_000, 1_001, 3_333, 4_999, 5_000] {
            let cut =
                &if first { &all[..limit.min(all.len())] } else { &all[all.len().saturating_sub(limit)..] };
            let single = server.json(&path("chart_data?symbol", limit));
            assert_eq!(single["candles"].as_array().unwrap(), cut, "{limit}{part}");
            let lacking: Vec<&Value> =
                partial.iter().filter(|time| cut.iter().any(|candle| candle[0] == **time)).collect();
            assert_eq!(
                single["partial"].as_array().unwrap().iter().collect::<Vec<_>>(),
                lacking,
                "{limit}{part}"
            );
            let batch = server.json(&path("charts?symbols", limit));
            assert_eq!(batch["charts"][0]["candles"], single["candles"], "{limit}{part}");
            assert_eq!(batch["charts"][0]["partial"], single["partial"], "{limit}{part}");
        }
        assert_eq!(ranges() - before, 3, "of 100, 500 and 1,000; 5,000 were there");
    }
}

#[test]
fn ends_beyond_all_bars_are_answered_from_few_cached_ranges() {
    let server = counted_server(&sample_database().1, None);
    let ranges = || charts(&server, "/l1_entries");
    let candles = |ends: &str| {
        let single = server.json(&format!("/api/chart_data?symbol=BTC&interval=1d&limit=50{ends}"));
        let batch = server.json(&format!("/api/charts?symbols=BTC&interval=1d&limit=50{ends}"));
        assert_eq!(batch["charts"][0]["candles"], single["candles"], "{ends}");
        single["candles"].as_array().unwrap().clone()
    };
    let (newest, oldest) = (candles(""), candles("&from=0"));
    assert_eq!((newest.len(), oldest.len()), (50, 50));
    let before = ranges();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    for days in 1..=20 {
        let (late, early) = (now + days * 86_400_000, 1_000_000_000_000 + days * 86_400_000);
        assert_eq!(candles(&format!("&to={late}")), newest);
        assert_eq!(candles(&format!("&from={early}")), oldest);
        assert_eq!(candles(&format!("&from={early}&to={late}")), oldest);
        assert!(candles(&format!("&from={late}")).is_empty());
        assert!(candles(&format!("&to={early}")).is_empty());
    }
    // After the present, which may end a day meanwhile, and before the first bar.
    assert!((2..=3).contains(&(ranges() - before)), "{}", ranges() - before);
}

#[test]
fn errors_name_what_is_off() {
    let server = server();
    let many: Vec<String> = (0..101).map(|i| format!("X{i}")).collect();
    let hundred = many[..100].join(",");
    for (query, status, parameter, named) in [
        ("interval=1h".to_owned(), 400, "symbols", "is missing"),
        (format!("symbols={}&interval=1h", many.join(",")), 400, "symbols", "1 to 100"),
        (format!("symbols={hundred}&interval=1h&limit=1001"), 400, "limit", "up to 1000 are allowed"),
        ("symbols=BTC,NOPE&interval=1h".to_owned(), 404, "symbols", "NOPE"),
        ("symbols=BTC,ETH&interval=1m".to_owned(), 400, "interval", "finer than"),
        ("symbols=BTC&interval=1h&source=binance".to_owned(), 400, "source", "binance"),
    ] {
        let reply = server.get(&format!("/api/charts?{query}"));
        assert_eq!(reply.status, status, "{query}: {}", reply.text());
        let problem = reply.json();
        assert_eq!(problem["parameter"], json!(parameter), "{query}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(named), "{problem}");
    }
}

#[test]
fn unchanged_batches_cost_a_304_and_any_change_a_new_tag() {
    let postgres = PostgresServer::ephemeral().unwrap();
    import_sample(&postgres.url());
    let server =
        Server::start(&Setup { postgres: Some(&postgres.url()), feed: Some("none"), ..Setup::default() });
    let path = "/api/charts?symbols=BTC,ETH,XRP&interval=1h&limit=2";
    let first = server.get(path);
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with("W/\""), "{tag}");
    let again = server.get_with(path, &[("if-none-match", &tag), ("accept-encoding", "gzip")]);
    assert_eq!(again.status, 304);
    assert_eq!((again.header("etag"), again.header("vary")), (tag.as_str(), "accept-encoding"));
    assert!(again.header("cache-status").starts_with("tidemark; hit"));
    assert_eq!(server.get_with(path, &[("accept-encoding", "gzip")]).header("content-encoding"), "gzip");
    // One series of three changes: its candles are read again, the others come from memory.
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ETH-USD-30m.csv");
    let time = 1_554_163_200_000;
    write_candles(&file, &[(time, 777.0)]);
    let imported = run(&postgres.url(), &["import", file.to_str().unwrap()]);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    let newest = |answer: &Value, chart: usize| answer["charts"][chart]["candles"][1].clone();
    let changed = server.wait_json(path, |answer| newest(answer, 1)[4] == json!(777.0));
    assert_eq!(newest(&changed, 0), newest(&first.json(), 0));
    assert_ne!(server.get(path).header("etag"), tag);
    assert_eq!(server.get_with(path, &[("if-none-match", &tag)]).status, 200);
}

#[test]
fn a_past_range_is_loaded_at_most_once_per_change_of_its_series() {
    const CHANGES: i64 = 5;
    let postgres = PostgresServer::ephemeral().unwrap();
    import_sample(&postgres.url());
    let policies = "[cache.categories.charts]\nfresh_for = \"1h\"\nstale_for = \"2h\"\n";
    let server = counted_server(&postgres.url(), Some(policies));
    let past = "/api/chart_data?symbol=BTC&interval=1h&from=1546300800000&to=1546646400000";
    let first = server.json(past);
    let loads = || charts(&server, "/source/loads");
    let before = loads();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("BTC-USD-30m.csv");
    for change in 1..=CHANGES {
        let (time, price) = (1_554_163_200_000 + change * 1_800_000, 777 + change);
        write_candles(&file, &[(time, price as f64)]);
        let imported = run(&postgres.url(), &["import", file.to_str().unwrap()]);
        assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
        server.wait_json("/api/latest_prices?symbols=BTC", |answer| {
            answer["prices"][0]["price"] == json!(price.to_string())
        });
        for _ in 0..10 {
            assert_eq!(server.json(past)["candles"], first["candles"]);
        }
    }
    let after = loads() - before;
    assert!(i64::try_from(after).unwrap() <= CHANGES, "{after} loads");
}

#[test]
fn what_memory_lacks_comes_from_redis_and_the_slowest_tier_is_told() {
    let (_, postgres) = sample_database();
    let redis = RedisServer::ephemeral().unwrap();
    let setup = Setup {
        postgres: Some(&postgres),
        redis: Some(&redis),
        feed: Some("none"),
        policies: Some("[cache]\nwarm_up_ms = 0"),
        ..Setup::default()
    };
    let one = Server::start(&setup);
    one.wait_json("/readyz", |r| r["redis"]["status"] == "up");
    let path = "/api/charts?symbols=BTC,ETH,LTC&interval=4h&limit=3";
    let loaded = one.json(path);
    // The writes to Redis go on behind the answer.
    let mut answer = Value::Null;
    let from_redis = wait_until(SOON, || {
        let fresh = Server::start(&setup);
        fresh.wait_json("/readyz", |r| r["redis"]["status"] == "up");
        answer = fresh.json(path);
        answer["provenance"]["tier"] == json!("l2")
    });
    assert!(from_redis, "{answer}");
    for i in 0..3 {
        assert_eq!(answer["charts"][i]["candles"], loaded["charts"][i]["candles"]);
    }
}

#[test]
fn without_the_database_charts_are_simulated_each_and_say_so() {
    let postgres = PostgresServer::ephemeral().unwrap();
    import_sample(&postgres.url());
    let server =
        Server::start(&Setup { postgres: Some(&postgres.url()), feed: Some("none"), ..Setup::default() });
    let kept = "/api/charts?symbols=BTC&interval=1d&limit=3";
    let before = server.json(kept);
    drop(postgres);
    let more = "/api/charts?symbols=BTC,ETH&interval=1d&limit=3";
    let mixed = server.json(more);
    assert_eq!(mixed["charts"][0]["candles"], before["charts"][0]["candles"]);
    assert_eq!(mixed["charts"][0]["provenance"]["simulated"], json!(false));
    assert_eq!(mixed["charts"][1]["provenance"]["simulated"], json!(true));
    assert_eq!(mixed["charts"][1]["source"], json!("simulated"));
    let all = &mixed["provenance"];
    assert_eq!((&all["tier"], &all["source"]), (&json!("simulated"), &json!("mixed")));
    assert_eq!(all["simulated"], json!(true));
    assert!(all["reason"].is_string(), "{all}");
    let status = server.get(more).header("cache-status").to_owned();
    assert!(status.contains("detail=simulated"), "{status}");
}

#[test]
fn the_simulation_answers_batches_too() {
    let server = Server::start(&Setup { feed: Some("simulated"), ..Setup::default() });
    let answer = server.json("/api/charts?symbols=ETH,BTC&interval=1m&limit=4");
    assert_eq!(answer["charts"][1]["symbol"], json!("BTC"));
    assert_eq!(answer["charts"][1]["candles"].as_array().unwrap().len(), 4);
    assert_eq!(answer["provenance"]["simulated"], json!(true));
    assert_eq!(server.get("/api/charts?symbols=NOPE&interval=1m").status, 404);
}
