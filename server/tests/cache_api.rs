//! The admin API of the cache, over real servers.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use local_servers::{RedisServer, wait_until};
use serde_json::{Value, json};
use support::{
    SOON, Server, Setup,
    admin::{TOKEN, TokenFile},
    sample_database, tidemark,
};

const PRICES: &str = "/api/latest_prices";
const CHART: &str = "/api/chart_data?symbol=BTC&interval=1d&limit=30";
/// Tests of one key at a time.
const NO_WARM_UP: &str = "[cache]\nwarm_up_ms = 0";

fn tier(server: &Server, path: &str) -> String {
    server.json(path)["provenance"]["tier"].as_str().unwrap().to_owned()
}

#[test]
fn without_the_setting_nobody_is_let_in_and_it_is_named() {
    let server = Server::start(&Setup::default());
    for token in [None, Some(TOKEN), Some("")] {
        for reply in [
            server.get_as("/api/cache/stats", token),
            server.get_as("/api/cache/inspect?key=prices:recorded", token),
            server.post_as("/api/cache/clear", r#"{"scope":{"all":true}}"#, token),
            server.post_as("/api/cache/undo", r#"{"handle":1}"#, token),
        ] {
            assert_eq!(reply.status, 403);
            assert_eq!(reply.header("content-type"), "application/problem+json");
            let detail = reply.json()["detail"].as_str().unwrap().to_owned();
            assert!(detail.contains("TIDEMARK_ADMIN_TOKEN_FILE"), "{detail}");
        }
    }
}

#[test]
fn only_the_right_token_is_let_in_and_it_is_never_logged() {
    let file = TokenFile::new();
    let env = [("TIDEMARK_ADMIN_TOKEN_FILE", file.value()), ("RUST_LOG", "trace,hyper=info".to_owned())];
    let env = env.each_ref().map(|(name, value)| (*name, value.as_str()));
    let server = Server::start(&Setup { env: &env, ..Setup::default() });
    let wrong = format!("{TOKEN}x");
    for token in [None, Some(wrong.as_str()), Some(&TOKEN[1..]), Some("")] {
        let reply = server.get_as("/api/cache/stats", token);
        assert_eq!(reply.status, 401, "{token:?}");
        assert_eq!(reply.header("www-authenticate"), "Bearer");
        assert_eq!(reply.header("content-type"), "application/problem+json");
    }
    let reply = server.post_as("/api/cache/clear", r#"{"scope":{"all":true}}"#, None);
    assert_eq!(reply.status, 401);
    let basic = server.get_with("/api/cache/stats", &[("authorization", &format!("Basic {TOKEN}"))]);
    assert_eq!(basic.status, 401);

    let reply = server.get_as("/api/cache/stats", Some(TOKEN));
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("cache-control"), "no-store");
    assert_eq!(reply.header("etag"), "");
    assert!(!server.log().contains(TOKEN), "the token is in the log");
}

#[test]
fn many_wrong_tokens_are_told_to_wait_and_the_right_one_is_not() {
    let file = TokenFile::new();
    let env = [("TIDEMARK_ADMIN_TOKEN_FILE", file.value())];
    let env = env.each_ref().map(|(name, value)| (*name, value.as_str()));
    let server = Server::start(&Setup { env: &env, ..Setup::default() });
    // Eleven in one second, however slow the machine is now and then.
    let told = wait_until(SOON, || {
        (0..30).any(|_| {
            let reply = server.get_as("/api/cache/stats", Some("wrong"));
            assert!(matches!(reply.status, 401 | 429), "{}", reply.status);
            reply.status == 429 && !reply.header("retry-after").is_empty()
        })
    });
    assert!(told, "never told to wait");
    assert_eq!(server.get_as("/api/cache/stats", Some(TOKEN)).status, 200);
}

#[test]
fn a_token_file_that_others_may_read_stops_the_start() {
    for (text, mode, named) in [(TOKEN, 0o644, "chmod 600"), ("short", 0o600, "5 bytes")] {
        let file = TokenFile::with(text, mode);
        let output = tidemark()
            .arg("serve")
            .env("TIDEMARK_ADMIN_TOKEN_FILE", file.path())
            .env("LEPTOS_SITE_ADDR", "127.0.0.1:0")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!(line.trim().lines().count(), 1, "{line}");
        assert!(line.contains("TIDEMARK_ADMIN_TOKEN_FILE") && line.contains(named), "{line}");
        assert!(!line.contains(text), "{line}");
    }
}

#[test]
fn a_clear_over_http_reaches_every_server_and_undo_takes_it_back() {
    let (_, postgres) = sample_database();
    let redis = RedisServer::ephemeral().unwrap();
    let file = TokenFile::new();
    let env = [("TIDEMARK_ADMIN_TOKEN_FILE", file.value())];
    let env = env.each_ref().map(|(name, value)| (*name, value.as_str()));
    let setup = Setup {
        postgres: Some(&postgres),
        redis: Some(&redis),
        feed: Some("none"),
        policies: Some(NO_WARM_UP),
        env: &env,
    };
    let (one, two) = (Server::start(&setup), Server::start(&setup));
    for server in [&one, &two] {
        server.wait_json("/readyz", |r| r["redis"]["status"] == "up");
        for path in [PRICES, CHART] {
            assert!(wait_until(SOON, || tier(server, path) == "l1"), "{}", server.log());
        }
    }
    // Written behind the reader.
    let clear = |scope: Value, dry_run: bool| {
        one.admin_post("/api/cache/clear", &json!({ "scope": scope, "dry_run": dry_run }))
    };
    let there = wait_until(SOON, || clear(json!({ "tag": "coin:BTC" }), true)["preview"]["l2_found"] == 1);
    assert!(there, "{}", one.log());

    let dry = clear(json!({ "prefix": "charts:BTC/" }), true);
    assert_eq!((dry["dry_run"].clone(), dry["handle"].clone()), (json!(true), Value::Null));
    assert_eq!(dry["preview"]["l1_entries"], json!(1), "{dry}");
    assert_eq!(dry["preview"]["complete"], json!(true), "{dry}");
    assert!(dry["preview"]["sample"][0].as_str().unwrap().starts_with("charts:BTC/"), "{dry}");

    // By inspection, which moves nothing.
    let name = dry["preview"]["sample"][0].as_str().unwrap();
    let alive = |server: &Server, name: &str| {
        server.admin_json(&format!("/api/cache/inspect?key={name}"))["l1"]["alive"].as_bool()
    };
    for server in [&one, &two] {
        assert_eq!(alive(server, name), Some(true));
    }

    let done = clear(json!({ "tag": "coin:BTC" }), false);
    let handle = done["handle"].as_u64().unwrap();
    assert_eq!(done["preview"]["l2_entries"], json!(1), "{done}");
    assert_eq!(alive(&one, name), Some(false));
    let heard = wait_until(SOON, || alive(&two, name) == Some(false));
    assert!(heard, "the other server does not hear of it:\n{}", two.log());
    let log = two.admin_json("/api/cache/stats")["clear_log"].clone();
    assert_eq!((log[0]["seq"].clone(), log[0]["scope"].clone()), (json!(handle), json!("tag coin:BTC")));

    let undone = one.admin_post("/api/cache/undo", &json!({ "handle": handle }));
    assert_eq!(
        undone,
        json!({ "revived": 1, "reloaded": 0, "still_cleared": 0, "gone": 0, "complete": true })
    );
    for server in [&one, &two] {
        assert!(wait_until(SOON, || alive(server, name) == Some(true)), "{}", server.log());
    }

    // And with a reader in between: the second server's answer is read anew, everything else stays.
    let handle = clear(json!({ "category": "charts" }), false)["handle"].clone();
    assert!(wait_until(SOON, || alive(&two, name) == Some(false)), "{}", two.log());
    assert_eq!(tier(&two, CHART), "database");
    assert_eq!(alive(&two, "prices:recorded"), Some(true));
    let undone = one.admin_post("/api/cache/undo", &json!({ "handle": handle }));
    assert_eq!(undone["complete"], json!(true));
    for server in [one, two] {
        assert!(server.terminate().success());
    }
}

#[test]
fn statistics_hold_every_part() {
    let (_, postgres) = sample_database();
    let redis = RedisServer::ephemeral().unwrap();
    let file = TokenFile::new();
    let env = [("TIDEMARK_ADMIN_TOKEN_FILE", file.value())];
    let env = env.each_ref().map(|(name, value)| (*name, value.as_str()));
    let server = Server::start(&Setup {
        postgres: Some(&postgres),
        redis: Some(&redis),
        feed: Some("none"),
        env: &env,
        ..Setup::default()
    });
    server.wait_json("/readyz", |r| r["redis"]["status"] == "up");
    server.json(PRICES);
    server.json(PRICES);
    let stats = server.admin_json("/api/cache/stats");
    assert_eq!(stats["l2"]["connected"], json!(true), "{stats}");
    assert_eq!(stats["l2"]["nodes"].as_array().unwrap().len(), 1);
    assert_eq!(stats["nodes"][0]["role"], json!("master"), "{stats}");
    assert!(stats["nodes"][0]["report"]["version"].is_string(), "{stats}");
    assert_eq!(stats["failovers"], json!([]));
    assert!(stats["categories"]["prices"]["source"]["loads"].as_u64().unwrap() >= 1);
    assert!(stats["savings"]["prices"]["answered_by_cache"].as_u64().unwrap() >= 1, "{stats}");
    let hot = stats["hot_keys"].as_array().unwrap();
    assert!(hot.iter().any(|k| k["category"] == "prices" && k["key"] == "recorded"), "{stats}");
    assert!(stats["coherence"]["trusted"].is_boolean() && stats["clears"]["head"].is_u64());
    assert_eq!(stats["clear_log"], json!([]));

    let entry = server.admin_json("/api/cache/inspect?key=prices:recorded");
    assert_eq!(entry["l1"]["kind"], json!("value"), "{entry}");
    assert_eq!(entry["l2_key"], json!("tm:e:prices:{recorded}"));
}

#[test]
fn what_is_off_in_a_call_is_named() {
    let file = TokenFile::new();
    let env = [("TIDEMARK_ADMIN_TOKEN_FILE", file.value())];
    let env = env.each_ref().map(|(name, value)| (*name, value.as_str()));
    let server = Server::start(&Setup { env: &env, ..Setup::default() });
    let token = Some(TOKEN);
    let post = |path: &str, body: &str| server.post_as(path, body, token);
    let long = format!(r#"{{"scope":{{"prefix":"charts:{}"}}}}"#, "x".repeat(2_000));
    let huge = "x".repeat(20 << 10);
    for (reply, status, named) in [
        (post("/api/cache/clear", "all"), 400, "body"),
        (post("/api/cache/clear", "{}"), 400, "scope"),
        (post("/api/cache/clear", r#"{"scope":{}}"#), 400, "scope"),
        (post("/api/cache/clear", r#"{"scope":{"category":"pricez"}}"#), 400, "scope.category"),
        (post("/api/cache/clear", r#"{"scope":{"prefix":"BTC"}}"#), 400, "scope.prefix"),
        (post("/api/cache/clear", r#"{"scope":{"tag":"a b"}}"#), 400, "scope"),
        (post("/api/cache/clear", &long), 400, "1024"),
        (post("/api/cache/clear", r#"{"scope":{"all":true},"dryrun":true}"#), 400, "dryrun"),
        (post("/api/cache/clear", &huge), 413, "16 KiB"),
        (post("/api/cache/undo", r#"{"handle":"1"}"#), 400, "handle"),
        (post("/api/cache/undo", r#"{"handle":77}"#), 404, "77"),
        (post("/api/cache/stats", ""), 405, "GET"),
        (server.get_as("/api/cache/clear", token), 405, "POST"),
        (server.get_as("/api/cache/inspect", token), 400, "key"),
        (server.get_as("/api/cache/inspect?key=recorded", token), 400, "key"),
        (server.get_as("/api/cache/everything", token), 404, "/api/cache/everything"),
    ] {
        let text = reply.text();
        assert_eq!(reply.status, status, "{named}: {text}");
        assert_eq!(reply.header("content-type"), "application/problem+json", "{text}");
        assert!(reply.json()["detail"].as_str().unwrap().contains(named), "{named}: {text}");
    }
    // Without Redis the memory is cleared all the same.
    server.json(PRICES);
    let cleared = server.admin_post("/api/cache/clear", &json!({ "scope": { "all": true } }));
    assert_eq!(cleared["handle"], json!(1));
    assert!(cleared["preview"]["l1_entries"].as_u64().unwrap() >= 1, "{cleared}");
}
