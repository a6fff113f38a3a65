//! The JSON API over the whole sample.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use support::{Server, Setup, sample_database, sample_lines};

fn server() -> Server {
    let (_, url) = sample_database();
    Server::start(&Setup { postgres: Some(&url), ..Setup::default() })
}

#[test]
fn latest_prices_are_exact_and_carry_their_provenance() {
    let server = server();
    let all = server.json("/api/latest_prices");
    let symbols: Vec<&str> =
        all["prices"].as_array().unwrap().iter().map(|p| p["symbol"].as_str().unwrap()).collect();
    assert_eq!(symbols, ["BTC", "EOS", "ETH", "LTC", "XRP"]);

    // The last 24 hours of the file, by other means.
    let lines = sample_lines("BTC-USD-30m.csv.gz");
    let fields: Vec<Vec<String>> = lines.iter().map(|l| l.split(',').map(str::to_owned).collect()).collect();
    let last: i64 = fields.last().unwrap()[0].parse().unwrap();
    let day: Vec<&Vec<String>> =
        fields.iter().filter(|f| f[0].parse::<i64>().unwrap() > last - 86_400_000).collect();
    let number = |text: &str| text.parse::<f64>().unwrap();
    let btc = &all["prices"][0];
    assert_eq!(btc["price"], json!("4167.5"));
    assert_eq!(number(btc["open_24h"].as_str().unwrap()), number(&day[0][1]));
    let high = day.iter().map(|f| number(&f[2])).fold(f64::MIN, f64::max);
    let low = day.iter().map(|f| number(&f[3])).fold(f64::MAX, f64::min);
    assert_eq!(number(btc["high_24h"].as_str().unwrap()), high);
    assert_eq!(number(btc["low_24h"].as_str().unwrap()), low);
    let volume: f64 = day.iter().map(|f| number(&f[5])).sum();
    assert!((number(btc["volume_24h"].as_str().unwrap()) - volume).abs() < 1e-6);
    let change = (4167.5 / number(&day[0][1]) - 1.0) * 100.0;
    assert!((btc["change_24h_pct"].as_f64().unwrap() - change).abs() < 1e-9);
    assert_eq!(btc["as_of"], json!(last + 1_800_000));
    assert_eq!(btc["name"], json!("Bitcoin"));

    let provenance = &all["provenance"];
    assert_eq!(provenance["source"], json!("recorded"));
    assert_eq!(provenance["stale"], json!(false));
    assert_eq!(provenance["simulated"], json!(false));
    assert!(provenance["age_ms"].is_u64());

    // Some, in the order asked for.
    let some = server.json("/api/latest_prices?symbols=xrp,BTC");
    assert_eq!(some["prices"][0]["symbol"], json!("XRP"));
    assert_eq!(some["prices"][1], *btc);
    assert_eq!(some["prices"].as_array().unwrap().len(), 2);
}

/// A roll-up by plain loops: `[open, high, low, close, volume, children]` by open time.
fn rolled_up(name: &str, length: i64, offset: i64) -> BTreeMap<i64, [f64; 6]> {
    let mut buckets: BTreeMap<i64, [f64; 6]> = BTreeMap::new();
    for line in sample_lines(name) {
        let fields: Vec<f64> = line.split(',').map(|f| f.parse().unwrap()).collect();
        let time = fields[0] as i64;
        let bucket = (time - offset).div_euclid(length) * length + offset;
        let [open, high, low, close, volume] = [1, 2, 3, 4, 5].map(|i| fields[i]);
        buckets
            .entry(bucket)
            .and_modify(|b| {
                *b = [b[0], b[1].max(high), b[2].min(low), close, b[4] + volume, b[5] + 1.0];
            })
            .or_insert([open, high, low, close, volume, 1.0]);
    }
    buckets
}

fn close_to(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
}

#[test]
fn every_interval_equals_a_roll_up_of_the_file_gaps_included() {
    const MINUTE: i64 = 60_000;
    let server = server();
    let from = 1_506_816_000_000_i64;
    for (interval, length, offset) in [
        ("30m", 30 * MINUTE, 0),
        ("1h", 60 * MINUTE, 0),
        ("4h", 240 * MINUTE, 0),
        ("1d", 1_440 * MINUTE, 0),
        ("1w", 10_080 * MINUTE, 4 * 1_440 * MINUTE),
    ] {
        let expected = rolled_up("BTC-USD-30m.csv.gz", length, offset);
        let mut candles: Vec<Value> = Vec::new();
        let mut partial: Vec<i64> = Vec::new();
        // In pages of 5,000, each from behind the last bar of the one before.
        let mut next = from - 10_080 * MINUTE;
        loop {
            let page = server
                .json(&format!("/api/chart_data?symbol=BTC&interval={interval}&from={next}&limit=5000"));
            let bars = page["candles"].as_array().unwrap();
            if bars.is_empty() {
                break;
            }
            next = bars.last().unwrap()[0].as_i64().unwrap() + 1;
            candles.extend(bars.iter().cloned());
            partial.extend(page["partial"].as_array().unwrap().iter().map(|t| t.as_i64().unwrap()));
        }
        assert_eq!(candles.len(), expected.len(), "{interval}");
        for (bar, (time, wanted)) in candles.iter().zip(&expected) {
            assert_eq!(bar[0].as_i64().unwrap(), *time, "{interval}");
            for i in 0..5 {
                let got = bar[i + 1].as_f64().unwrap();
                assert!(close_to(got, wanted[i]), "{interval} {time} [{i}]: {got} {}", wanted[i]);
            }
        }
        let children = (length / (30 * MINUTE)) as f64;
        let lacking: Vec<i64> =
            expected.iter().filter(|(_, b)| b[5] < children).map(|(time, _)| *time).collect();
        assert_eq!(partial, lacking, "{interval}");
    }
}

#[test]
fn ranges_are_inclusive_and_limits_count_from_the_right_end() {
    let server = server();
    let times = |query: &str| -> Vec<i64> {
        let answer = server.json(&format!("/api/chart_data?symbol=ETH&interval=1d{query}"));
        answer["candles"].as_array().unwrap().iter().map(|c| c[0].as_i64().unwrap()).collect()
    };
    let day = 86_400_000;
    let last = 1_553_990_400_000;
    assert_eq!(times("").len(), 500);
    assert_eq!(times("&limit=2"), [last - day, last]);
    let (from, to) = (last - 10 * day, last - 7 * day);
    assert_eq!(times(&format!("&from={from}&to={to}")), [from, from + day, from + 2 * day, to]);
    assert_eq!(times(&format!("&from={from}&to={to}&limit=1")), [from]);
    assert_eq!(times(&format!("&to={to}&limit=1")), [to]);
    // A bar is in when its open time is.
    assert_eq!(times(&format!("&from={}&to={}", from + 1, to - 1)), [from + day, from + 2 * day]);
    assert!(times("&to=0").is_empty());
    assert!(times("&from=4000000000000").is_empty());
}

#[test]
fn the_answer_has_the_shape_of_the_design() {
    let server = server();
    let answer = server.json("/api/chart_data?symbol=btc&interval=1w&limit=3");
    let mut keys: Vec<&String> = answer.as_object().unwrap().keys().collect();
    keys.sort();
    let expected =
        ["candles", "indicators", "interval", "partial", "price_decimals", "provenance", "source", "symbol"];
    assert_eq!(keys, expected);
    assert!(answer["price_decimals"].is_u64());
    assert_eq!(answer["symbol"], json!("BTC"));
    assert_eq!(answer["interval"], json!("1w"));
    assert_eq!(answer["source"], json!("recorded"));
    assert_eq!(answer["indicators"], json!({}));
    assert_eq!(answer["candles"][0].as_array().unwrap().len(), 6);
}

#[test]
fn unchanged_answers_cost_a_304() {
    let server = server();
    for path in ["/api/latest_prices", "/api/chart_data?symbol=BTC&interval=1d&limit=5"] {
        let first = server.get(path);
        let tag = first.header("etag").to_owned();
        assert!(tag.starts_with("W/\""), "{tag}");
        let again = server.get_with(path, &[("if-none-match", &tag)]);
        assert_eq!(again.status, 304);
        assert!(again.body.is_empty());
        assert_eq!(again.header("etag"), tag);
        assert!(again.header("cache-status").starts_with("tidemark; hit"));
        assert_eq!(again.header("vary"), "accept-encoding");
        let other = server.get_with(path, &[("if-none-match", "W/\"0-0\"")]);
        assert_eq!(other.status, 200);
    }
    let one = server.get("/api/latest_prices?symbols=BTC");
    let all = server.get("/api/latest_prices");
    assert_ne!(one.header("etag"), all.header("etag"));
}

#[test]
fn answers_are_compressed_for_those_who_ask() {
    let server = server();
    let path = "/api/chart_data?symbol=BTC&interval=30m";
    for encoding in ["gzip", "br", "zstd"] {
        let reply = server.get_with(path, &[("accept-encoding", encoding)]);
        assert_eq!(reply.header("content-encoding"), encoding);
        assert!(reply.header("vary").to_lowercase().contains("accept-encoding"));
    }
    let plain = server.get_with(path, &[("accept-encoding", "identity")]);
    assert_eq!(plain.header("content-encoding"), "");
    assert_eq!(plain.header("content-type"), "application/json");
}

#[test]
fn every_error_is_a_problem_document_that_names_what() {
    let server = server();
    for (path, status, named) in [
        ("/api/latest_prices?symbols=BTC,NOPE", 404, "NOPE"),
        ("/api/latest_prices?symbols=B/C", 400, "symbols"),
        ("/api/latest_prices?symbols=,", 400, "symbols"),
        ("/api/chart_data?symbol=NOPE&interval=1h", 404, "NOPE"),
        ("/api/chart_data?interval=1h", 400, "symbol"),
        ("/api/chart_data?symbol=BTC", 400, "interval"),
        ("/api/chart_data?symbol=BTC&interval=2h", 400, "2h"),
        ("/api/chart_data?symbol=BTC&interval=1m", 400, "finer than the stored 30m"),
        ("/api/chart_data?symbol=BTC&interval=1h&limit=5001", 400, "5000"),
        ("/api/chart_data?symbol=BTC&interval=1h&from=x", 400, "from"),
        ("/api/chart_data?symbol=BTC&interval=1h&from=1546300800001&to=1546300800000", 400, "from"),
        ("/api/chart_data?symbol=BTC&interval=1h&from=1546300800&limit=2", 400, "1546300800000"),
        ("/api/chart_data?symbol=BTC&interval=1h&source=binance", 400, "binance"),
        ("/api/nothing", 404, "/api/nothing"),
    ] {
        let reply = server.get(path);
        assert_eq!(reply.status, status, "{path}: {}", reply.text());
        assert_eq!(reply.header("content-type"), "application/problem+json", "{path}");
        let problem = reply.json();
        assert_eq!(problem["status"], json!(status));
        assert!(problem["detail"].as_str().unwrap().contains(named), "{path}: {problem}");
        assert!(problem["title"].is_string() && problem["type"].is_string());
    }
    let parameter = |path| server.get(path).json()["parameter"].clone();
    assert_eq!(parameter("/api/latest_prices?symbols=BTC,NOPE"), json!("symbols"));
    assert_eq!(parameter("/api/chart_data?symbol=NOPE&interval=1h"), json!("symbol"));
    let large = "POST /api/latest_prices HTTP/1.1\r\nhost: x\r\ncontent-length: 20000\r\n\r\n";
    let answer = server.raw(large.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("application/problem+json"), "{answer}");
}

#[test]
fn lists_of_symbols_are_bounded_and_answered_once_each() {
    let server = server();
    let many: Vec<String> = (0..501).map(|i| format!("X{i}")).collect();
    let many = many.join(",");
    let again = vec!["btc"; 600].join(",");
    for call in ["/api/latest_prices", "/fn/latest_prices"] {
        let refused = server.get(&format!("{call}?symbols={many}"));
        assert!(
            refused.status >= 400 && refused.text().contains("more than 500 symbols"),
            "{}",
            refused.text()
        );
        let once = server.json(&format!("{call}?symbols={again}"));
        assert_eq!(once["prices"].as_array().unwrap().len(), 1, "{call}");
    }
}

#[test]
fn other_methods_are_refused_and_head_is_get_without_a_body() {
    let server = server();
    let url = server.url("/api/latest_prices");
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let post = agent.post(&url).send("x=1").unwrap();
    assert_eq!(post.status().as_u16(), 405);
    assert_eq!(post.headers()["content-type"], "application/problem+json");
    let mut head = agent.head(&url).call().unwrap();
    assert_eq!(head.status().as_u16(), 200);
    assert!(head.headers().contains_key("etag"));
    assert!(head.body_mut().read_to_vec().unwrap().is_empty());
}
