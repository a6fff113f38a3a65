//! What was hot before a restart is in memory after it, before anybody asks.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use local_servers::{RedisServer, wait_until};
use serde_json::json;
use support::{
    SOON, Server, Setup,
    admin::{TOKEN, TokenFile},
    sample_database,
};

const PRICES: &str = "/api/latest_prices";
const CHART: &str = "/api/chart_data?symbol=BTC&interval=1d&limit=30";

#[test]
fn the_first_read_after_a_restart_is_answered_by_memory() {
    let (_, postgres) = sample_database();
    let redis = RedisServer::ephemeral().unwrap();
    let file = TokenFile::new();
    let env = [("TIDEMARK_ADMIN_TOKEN_FILE", file.value())];
    let env = env.each_ref().map(|(name, value)| (*name, value.as_str()));
    // Lives that no slow machine outlasts between the warm-up and the first read.
    let policies = "[cache]\nwarm_up_ms = 20000\n\
        [cache.categories.prices]\nfresh_for = \"5m\"\n\
        [cache.categories.charts]\nfresh_for = \"5m\"\n\
        [cache.categories.directory]\nfresh_for = \"5m\"\n";
    let setup = Setup {
        postgres: Some(&postgres),
        redis: Some(&redis),
        feed: Some("none"),
        policies: Some(policies),
        env: &env,
    };
    let first = Server::start(&setup);
    first.wait_json("/readyz", |r| r["status"] == "ok");
    for path in [PRICES, CHART] {
        first.json(path);
        first.json(path);
    }
    assert!(first.terminate().success());

    let second = Server::start(&setup);
    second.wait_json("/readyz", |r| r["status"] == "ok");
    first_reads_are_from_memory(&second);
    assert!(second.log().contains("warmed up: 3 of 3"), "{}", second.log());

    // And when Redis has lost the values, but not which keys were hot, they come from the database.
    let cleared = second.post_as("/api/cache/clear", r#"{"scope":{"all":true}}"#, Some(TOKEN));
    assert_eq!(cleared.status, 200, "{}", cleared.text());
    assert!(second.terminate().success());
    let third = Server::start(&setup);
    third.wait_json("/readyz", |r| r["status"] == "ok");
    first_reads_are_from_memory(&third);
}

/// Nobody has read anything here yet.
fn first_reads_are_from_memory(server: &Server) {
    let doubts = || server.admin_json("/api/cache/stats")["coherence"]["doubts"].as_u64().unwrap();
    let before = doubts();
    let entry = server.admin_json("/api/cache/inspect?key=prices:recorded");
    assert_eq!(entry["l1"]["alive"], json!(true), "{entry}\n{}", server.log());
    for path in [PRICES, CHART] {
        let reply = server.get(path);
        let tier = reply.json()["provenance"]["tier"].clone();
        // A machine too busy for a heartbeat has memory compared with Redis, which is right.
        if doubts() == before {
            assert_eq!(tier, json!("l1"), "{path}: {}", server.log());
            assert_eq!(reply.header("cache-status"), "tidemark; hit; detail=l1");
        } else {
            assert_ne!(tier, json!("database"), "{path}: {}", server.log());
        }
    }
}

#[test]
fn not_ready_while_it_warms_up_and_ready_when_the_time_is_over() {
    let (_, postgres) = sample_database();
    let redis = RedisServer::ephemeral().unwrap();
    // It takes connections and answers nothing: the warm-up waits for it to its bound.
    redis.pause().unwrap();
    let server = Server::start(&Setup {
        postgres: Some(&postgres),
        redis: Some(&redis),
        feed: Some("none"),
        policies: Some("[cache]\nwarm_up_ms = 4000"),
        ..Setup::default()
    });
    let reply = server.get("/readyz");
    // A start that took longer than the bound shows nothing; it must not fail for that.
    if reply.status == 503 {
        assert_eq!(reply.json()["status"], json!("warming"));
    } else {
        assert!(server.log().contains("cut off") || server.log().contains("warmed up"), "{}", server.log());
    }
    assert_eq!(server.get("/healthz").status, 200);
    assert_eq!(
        server.json(PRICES)["provenance"]["simulated"],
        json!(false),
        "readers are answered meanwhile"
    );
    server.wait_json("/readyz", |r| r["status"] == "degraded");
    redis.resume().unwrap();
    server.wait_json("/readyz", |r| r["status"] == "ok");
}

#[test]
fn zero_is_no_warm_up() {
    let redis = RedisServer::ephemeral().unwrap();
    redis.pause().unwrap();
    let server = Server::start(&Setup {
        redis: Some(&redis),
        feed: Some("none"),
        policies: Some("[cache]\nwarm_up_ms = 0"),
        ..Setup::default()
    });
    assert_eq!(server.get("/readyz").status, 200);
    redis.resume().unwrap();
    assert!(wait_until(SOON, || server.json("/readyz")["redis"]["status"] == "up"), "{}", server.log());
}
