//! `tidemark cache`, against a server and against Redis alone.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::{
    io::{Read, Write},
    process::{Output, Stdio},
};

use local_servers::{RedisCluster, RedisServer, free_port, wait_until};
use serde_json::{Value, json};
use support::{
    SOON, Server, Setup,
    admin::{TOKEN, TokenFile},
    sample_database, tidemark,
};

const PRICES: &str = "/api/latest_prices";
const CHART: &str = "/api/chart_data?symbol=BTC&interval=1d&limit=30";

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json_of(output: &Output) -> Value {
    serde_json::from_str(&text(output)).unwrap()
}

fn tier(server: &Server, path: &str) -> String {
    server.json(path)["provenance"]["tier"].as_str().unwrap().to_owned()
}

#[test]
fn a_server_is_asked_with_its_token() {
    let (_, postgres) = sample_database();
    let redis = RedisServer::ephemeral().unwrap();
    let file = TokenFile::new();
    let env = [("TIDEMARK_ADMIN_TOKEN_FILE", file.value())];
    let env = env.each_ref().map(|(name, value)| (*name, value.as_str()));
    let server = Server::start(&Setup {
        postgres: Some(&postgres),
        redis: Some(&redis),
        feed: Some("none"),
        policies: Some("[cache]\nwarm_up_ms = 0"),
        env: &env,
    });
    server.wait_json("/readyz", |r| r["redis"]["status"] == "up");
    for path in [PRICES, CHART] {
        assert!(wait_until(SOON, || tier(&server, path) == "l1"));
    }
    let url = server.url("");
    let run = |args: &[&str]| {
        let mut command = tidemark();
        command.arg("cache").args(args).args(["--url", &url, "--token-file", &file.value()]);
        command.stdin(Stdio::null()).output().unwrap()
    };
    let stats = text(&run(&["stats"]));
    assert!(stats.contains("prices") && stats.contains("prices:recorded"), "{stats}");
    let document = json_of(&run(&["stats", "--json"]));
    assert!(document["categories"]["charts"].is_object());
    // The server looks into the directory at each request: these reads are nobody's.
    let savings = &document["savings"];
    assert_eq!((&savings["directory"]["own"], &savings["prices"]["own"]), (&json!(true), &json!(false)));
    let of = |name: &str, field: &str| savings[name][field].as_u64().unwrap();
    assert!(of("directory", "reads") >= of("prices", "reads") + of("charts", "reads"), "{savings}");
    let sum = |field: &str| of("prices", field) + of("charts", field) + of("sparklines", field);
    let (reads, by_cache) = (sum("reads"), sum("answered_by_cache"));
    let ratio = by_cache as f64 / reads as f64 * 100.0;
    let line = format!("readers  {ratio:.1} % of {reads} reads answered by memory or Redis");
    assert!(stats.contains(&line), "{line}\n{stats}");
    assert!(!stats.contains(" MB") && !stats.contains(" kB") && stats.contains("KiB"), "{stats}");
    // No terminal here: top prints once.
    assert!(text(&run(&["top"])).contains("prices:recorded"));
    assert!(json_of(&run(&["top", "--json"]))["hot_keys"].is_array());
    let nodes = text(&run(&["nodes"]));
    assert!(nodes.contains(&redis.port().to_string()) && nodes.contains("master"), "{nodes}");
    let entry = text(&run(&["inspect", "prices:recorded"]));
    assert!(entry.contains("memory") && entry.contains("tm:e:prices:{recorded}"), "{entry}");

    let dry = text(&run(&["clear", "--all", "--dry-run"]));
    assert!(dry.starts_with("would clear") && dry.contains("prices:recorded"), "{dry}");
    assert_ne!(tier(&server, PRICES), "database");
    let cleared = json_of(&run(&["clear", "--tag", "coin:BTC", "--json"]));
    let handle = cleared["handle"].to_string();
    assert_eq!(tier(&server, CHART), "database");
    assert_ne!(tier(&server, PRICES), "database");
    assert!(text(&run(&["undo", &handle])).contains("taken back"));
    assert!(text(&run(&["clear", "--all"])).contains("cleared"), "nobody is asked without a terminal");
    assert_eq!(tier(&server, PRICES), "database");

    // The same by the settings of the server, without a URL.
    let output = tidemark()
        .args(["cache", "stats", "--json"])
        .envs(env)
        .env("LEPTOS_SITE_ADDR", url.trim_start_matches("http://"))
        .output()
        .unwrap();
    assert_eq!(json_of(&output)["l2"]["connected"], json!(true));

    // Who listens there without the token is not sent it.
    let stranger = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = stranger.local_addr().unwrap().to_string();
    let heard = std::thread::spawn(move || {
        let mut heard = String::new();
        // One connection looks whether there is a server, one asks it; a third would send the token.
        for _ in 0..2 {
            let (mut stream, _) = stranger.accept().unwrap();
            stream.set_read_timeout(Some(SOON)).unwrap();
            let mut buffer = [0; 4096];
            let read = stream.read(&mut buffer).unwrap_or_default();
            heard.push_str(&String::from_utf8_lossy(&buffer[..read]));
            let body = format!("{{\"proof\":\"{}\"}}", "0".repeat(64));
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            let _ = stream.write_all(answer.as_bytes());
        }
        heard
    });
    let output =
        tidemark().args(["cache", "stats"]).envs(env).env("LEPTOS_SITE_ADDR", &address).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && error.contains("--url") && error.contains(&address), "{error}");
    let heard = heard.join().unwrap();
    assert!(heard.contains("/api/cache/proof?nonce=") && !heard.contains(TOKEN), "{heard}");

    let failure = |args: &[&str]| {
        let output = tidemark().arg("cache").args(args).stdin(Stdio::null()).output().unwrap();
        assert!(!output.status.success(), "{args:?}");
        assert!(output.stdout.is_empty());
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let wrong = TokenFile::with("another-token-0123456789", 0o600);
    let (code, error) = failure(&["stats", "--url", &url, "--token-file", &wrong.value()]);
    assert_eq!((code, error.contains("not the token")), (1, true), "{error}");
    let (code, error) = failure(&["stats", "--url", &url]);
    assert_eq!((code, error.contains("TIDEMARK_ADMIN_TOKEN_FILE")), (1, true), "{error}");
    let (code, error) = failure(&["undo", "4711", "--url", &url, "--token-file", &file.value()]);
    assert_eq!((code, error.contains("4711")), (1, true), "{error}");
    let away = format!("http://127.0.0.1:{}", free_port().unwrap());
    let (code, error) = failure(&["stats", "--url", &away, "--token-file", &file.value()]);
    assert_eq!((code, error.contains(&away)), (1, true), "{error}");
    for args in
        [&["clear"][..], &["clear", "--all", "--key", "prices:x"], &["inspect", "recorded"], &["stat"]]
    {
        assert_eq!(failure(args).0, 2, "{args:?}");
    }
    assert!(!server.log().contains(TOKEN));
}

#[test]
fn redis_alone_is_enough_for_clears_and_a_cluster_is_one_too() {
    let (_, postgres) = sample_database();
    let cluster = RedisCluster::ephemeral().unwrap();
    let redis_url = cluster.cluster_url();
    let server = Server::start(&Setup {
        postgres: Some(&postgres),
        feed: Some("none"),
        policies: Some("[cache]\nwarm_up_ms = 0"),
        env: &[("REDIS_URL", &redis_url)],
        ..Setup::default()
    });
    server.wait_json("/readyz", |r| r["redis"]["status"] == "up");
    for path in [PRICES, CHART] {
        assert!(wait_until(SOON, || tier(&server, path) == "l1"), "{}", server.log());
    }
    let run =
        |args: &[&str]| tidemark().arg("cache").args(args).env("REDIS_URL", &redis_url).output().unwrap();
    let nodes = json_of(&run(&["nodes", "--json"]));
    assert_eq!(nodes["nodes"].as_array().unwrap().len(), 6, "{nodes}");
    let stored =
        wait_until(SOON, || json_of(&run(&["inspect", "prices:recorded", "--json"]))["l2"].is_object());
    assert!(stored, "{}", server.log());
    let dry = json_of(&run(&["clear", "--category", "charts", "--dry-run", "--json"]));
    assert_eq!(dry["handle"], Value::Null);
    let line = text(&run(&["clear", "--category", "charts"]));
    let handle = line.trim().rsplit(' ').next().unwrap().to_owned();
    assert!(wait_until(SOON, || tier(&server, CHART) == "database"), "{}", server.log());
    assert_ne!(tier(&server, PRICES), "database");
    assert!(text(&run(&["undo", &handle])).contains(&handle));
    let again = run(&["undo", "4711"]);
    assert_eq!(again.status.code(), Some(1));
    // Statistics are a server's own.
    let stats = run(&["stats"]);
    assert_eq!(stats.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&stats.stderr).contains("token"));
}
