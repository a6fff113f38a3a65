//! The metrics, read as a scraper reads them.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use local_servers::{RedisServer, free_port, wait_until};
use support::{SOON, Server, Setup, sample_database};

/// Samples by name and labels, as written; families by name.
#[derive(Default)]
struct Parsed {
    kinds: BTreeMap<String, String>,
    samples: BTreeMap<String, f64>,
}

fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Splits `name{label="value",…}` and checks each part. Returns the name.
fn series(text: &str) -> &str {
    let Some((name, labels)) = text.split_once('{') else {
        assert!(is_name(text), "{text}");
        return text;
    };
    assert!(is_name(name), "{text}");
    let mut rest = labels.strip_suffix('}').unwrap_or_else(|| panic!("{text}"));
    let mut seen = BTreeSet::new();
    while !rest.is_empty() {
        let (label, value) = rest.split_once("=\"").unwrap_or_else(|| panic!("{text}"));
        assert!(is_name(label) && seen.insert(label), "{text}");
        let mut escaped = false;
        let end = value.find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        rest = &value[end.unwrap_or_else(|| panic!("{text}")) + 1..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    name
}

/// Reads the text format strictly: <https://prometheus.io/docs/instrumenting/exposition_formats/>.
fn parse(text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    let mut help: Option<String> = None;
    let mut family = String::new();
    assert!(text.ends_with('\n'));
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, words) = rest.split_once(' ').unwrap();
            assert!(is_name(name) && !words.is_empty(), "{line}");
            help = Some(name.to_owned());
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(help.take().as_deref(), Some(name), "no HELP before {line}");
            assert!(matches!(kind, "counter" | "gauge" | "histogram"), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            let first = parsed.kinds.insert(name.to_owned(), kind.to_owned()).is_none();
            assert!(first, "{name} comes twice");
            name.clone_into(&mut family);
        } else {
            let (text, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
            let name = series(text);
            let base = match parsed.kinds[&family].as_str() {
                "histogram" => ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part)),
                _ => Some(name),
            };
            assert_eq!(base, Some(family.as_str()), "{line} is not of the family before it");
            let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
            assert!(value.is_finite() && value >= 0.0, "{line}");
            assert!(parsed.samples.insert(text.to_owned(), value).is_none(), "{text} comes twice");
        }
    }
    parsed
}

#[test]
fn every_line_is_valid_and_counts_what_happened() {
    let (_, postgres) = sample_database();
    let redis = RedisServer::ephemeral().unwrap();
    let port = free_port().unwrap();
    let addr = format!("127.0.0.1:{port}");
    let server = Server::start(&Setup {
        postgres: Some(&postgres),
        redis: Some(&redis),
        feed: Some("none"),
        env: &[("TIDEMARK_METRICS_ADDR", &addr)],
        ..Setup::default()
    });
    server.wait_json("/readyz", |r| r["status"] == "ok" && r["redis"]["status"] == "up");
    for _ in 0..3 {
        server.json("/api/latest_prices");
    }
    assert_eq!(server.get("/api/chart_data?symbol=NOPE&interval=1h").status, 404);
    assert_eq!(server.get("/coin/BTC").status, 200);
    assert_eq!(server.get("/no/such/page").status, 404);
    assert_eq!(server.get("/metrics").status, 404, "the metrics are on a listener of their own");

    let scrape = || {
        let mut response = ureq::get(format!("http://{addr}/metrics")).call().unwrap();
        assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
        parse(&response.body_mut().read_to_string().unwrap())
    };
    let written = r#"tidemark_cache_l2_writes_total{category="prices",result="stored"}"#;
    assert!(wait_until(SOON, || scrape().samples[written] >= 1.0), "{}", server.log());
    let parsed = scrape();
    let at_least = |series: &str, least: f64| {
        let value = parsed.samples.get(series).unwrap_or_else(|| panic!("{series} is not there"));
        assert!(*value >= least, "{series} {value}");
    };
    at_least(r#"tidemark_cache_reads_total{category="prices",tier="l1",result="hit"}"#, 2.0);
    at_least(r#"tidemark_cache_reads_total{category="prices",tier="l1",result="miss"}"#, 1.0);
    at_least(r#"tidemark_cache_loads_total{category="prices"}"#, 1.0);
    at_least(r#"tidemark_cache_l1_bytes{category="prices"}"#, 100.0);
    at_least(r#"tidemark_cache_load_seconds_total{category="prices"}"#, 0.000_001);
    at_least("tidemark_cache_l2_up", 1.0);
    at_least(&format!(r#"tidemark_redis_node_up{{node="127.0.0.1:{}"}}"#, redis.port()), 1.0);
    at_least(&format!(r#"tidemark_redis_node_requests_total{{node="127.0.0.1:{}"}}"#, redis.port()), 1.0);
    at_least("tidemark_cache_bus_sent_total", 0.0);
    at_least("tidemark_cache_clears_total", 0.0);
    at_least("process_start_time_seconds", 1.7e9);
    at_least(r#"tidemark_http_requests_total{method="GET",route="/api/latest_prices",status="200"}"#, 3.0);
    at_least(r#"tidemark_http_requests_total{method="GET",route="/api/chart_data",status="404"}"#, 1.0);
    at_least(r#"tidemark_http_requests_total{method="GET",route="other",status="404"}"#, 2.0);
    at_least(r#"tidemark_http_request_duration_seconds_bucket{route="/api/latest_prices",le="+Inf"}"#, 3.0);
    let coin = parsed.samples.keys().any(|s| s.contains("requests_total") && s.contains("route=\"/coin/{"));
    assert!(coin, "a page's route is its pattern: {:?}", parsed.samples.keys().collect::<Vec<_>>());

    redis.kill().unwrap();
    assert!(wait_until(SOON, || scrape().samples["tidemark_cache_l2_up"] == 0.0), "{}", server.log());
    // What was lost, what cannot be made, and what was not even tried have counts of their own.
    let node =
        |name: &str| format!(r#"tidemark_redis_node_{name}_total{{node="127.0.0.1:{}"}}"#, redis.port());
    assert!(
        wait_until(SOON, || {
            let samples = scrape().samples;
            samples[&node("connect_failures")] >= 2.0 && samples[&node("connections_lost")] == 1.0
        }),
        "{}",
        server.log()
    );
    let samples = scrape().samples;
    assert_eq!(samples[&node("connects")], 1.0);
    assert_eq!(samples[&node("connect_timeouts")], 0.0);
    for name in ["connects", "connect_failures", "connect_timeouts", "connections_lost"] {
        assert!(samples.contains_key(&format!("tidemark_cache_l2_{name}_total")), "{name}");
    }
    assert!(samples["tidemark_cache_l2_connect_failures_total"] >= 2.0);
    assert_eq!(samples["tidemark_cache_bus_sends_refused_total"], 0.0);
    assert!(samples.contains_key(&node("broken")));
    for result in ["broken", "timeout", "error", "foreign"] {
        let of = format!(r#"tidemark_cache_reads_total{{category="prices",tier="l2",result="{result}"}}"#);
        assert!(samples.contains_key(&of), "{of}");
    }
    assert!(server.terminate().success());
}

#[test]
fn without_the_setting_there_is_no_listener_and_a_bad_one_stops_the_start() {
    let output = support::tidemark()
        .arg("serve")
        .env("TIDEMARK_METRICS_ADDR", "everywhere")
        .env("LEPTOS_SITE_ADDR", "127.0.0.1:0")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let line = String::from_utf8(output.stderr).unwrap();
    assert!(line.contains("TIDEMARK_METRICS_ADDR"), "{line}");
    let server = Server::start(&Setup::default());
    assert!(!server.log().contains("metrics on"), "{}", server.log());
}
