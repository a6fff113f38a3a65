//! `tidemark check`, with real servers and without.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::{fs, process::Command, time::Instant};

use local_servers::{FaultProxy, PostgresServer, RedisCluster, RedisServer, wait_until};
use serde_json::Value;
use support::{SOON, admin::TokenFile, run, sample_database, tidemark};
use tempfile::TempDir;

struct Result {
    code: i32,
    text: String,
}

/// In a folder of its own, where no `.env` and no site is.
fn check(env: &[(&str, &str)], args: &[&str]) -> Result {
    check_in(&TempDir::new().unwrap(), env, args)
}

fn check_in(dir: &TempDir, env: &[(&str, &str)], args: &[&str]) -> Result {
    let mut command: Command = tidemark();
    command.arg("check").args(args).current_dir(dir.path()).envs(env.iter().copied());
    let begun = Instant::now();
    let output = command.output().unwrap();
    assert!(begun.elapsed() < SOON, "every wait has a bound");
    Result { code: output.status.code().unwrap(), text: String::from_utf8(output.stdout).unwrap() }
}

impl Result {
    /// The line of this check, with what to do about it.
    fn line(&self, name: &str) -> String {
        let mut lines = self.text.lines();
        let is_it = |line: &&str| line.get(6..).is_some_and(|rest| rest.starts_with(&format!("{name} ")));
        let line = lines.find(is_it).unwrap_or_else(|| panic!("no {name} in\n{}", self.text));
        let fix = lines.next().filter(|line| line.contains('→')).unwrap_or_default();
        format!("{line}\n{fix}")
    }

    fn starts(&self, name: &str, state: &str) {
        let line = self.line(name);
        assert!(line.starts_with(state), "{line}");
    }
}

#[test]
fn with_no_setting_at_all_it_says_what_would_be_served() {
    let result = check(&[], &[]);
    assert_eq!(result.code, 0, "{}", result.text);
    let served = result.line("serves");
    assert!(served.contains("feed simulated") && served.contains("http://127.0.0.1:3000"), "{served}");
    assert!(result.line("DATABASE_URL").contains("default"));
    result.starts("site", "warn");
}

#[test]
fn servers_that_are_well_pass() {
    let (_, postgres) = sample_database();
    let redis = RedisServer::ephemeral().unwrap();
    let token = TokenFile::new();
    let result = check(
        &[
            ("DATABASE_URL", &postgres),
            ("REDIS_URL", &redis.url()),
            ("TIDEMARK_ADMIN_TOKEN_FILE", &token.value()),
        ],
        &["--json"],
    );
    assert_eq!(result.code, 0, "{}", result.text);
    let document: Value = serde_json::from_str(&result.text).unwrap();
    assert_eq!(document["ok"], true);
    let checks = document["checks"].as_array().unwrap();
    let state = |name: &str| {
        let found = checks.iter().find(|check| check["name"] == name);
        found.unwrap_or_else(|| panic!("no {name} in {document:#}"))["state"].clone()
    };
    for name in [
        "Postgres",
        "Postgres version",
        "Postgres schema",
        "Postgres query",
        "Postgres write",
        "clock beside Postgres",
        "Redis",
        "Redis write",
        "admin token",
        "serves",
    ] {
        assert_eq!(state(name), "ok", "{name} in {document:#}");
    }
    let node = checks.iter().find(|check| check["name"].as_str().unwrap().starts_with("Redis 127.0.0.1:"));
    assert!(node.unwrap()["detail"].as_str().unwrap().contains("version"), "{document:#}");
    assert!(
        checks.iter().any(|check| check["name"].as_str().unwrap().starts_with("clock beside 127.0.0.1:"))
    );
}

#[test]
fn what_is_away_is_named_with_what_to_do_and_no_password() {
    let result = check(
        &[
            ("DATABASE_URL", "postgres://me:s3cret@127.0.0.1:9/db"),
            ("REDIS_URL", "redis://:s3cret@127.0.0.1:9"),
            ("TIDEMARK_RATE_LIMIT", "lots"),
            ("TIDEMARK_ADMIN_TOKEN_FILE", "/does/not/exist"),
        ],
        &[],
    );
    assert_eq!(result.code, 1, "{}", result.text);
    for name in ["Postgres", "Redis", "TIDEMARK_RATE_LIMIT", "admin token"] {
        result.starts(name, "FAIL");
        assert!(result.line(name).contains('→'), "{}", result.text);
    }
    result.starts("DATABASE_URL", "ok");
    assert!(!result.text.contains("s3cret"), "{}", result.text);
}

#[test]
fn each_thing_that_can_be_wrong_has_its_line() {
    let postgres = PostgresServer::ephemeral().unwrap();
    let url = postgres.url();
    let on = |env: &[(&str, &str)]| check(&[&[("DATABASE_URL", url.as_str())], env].concat(), &[]);
    let before = on(&[]);
    assert_eq!(before.code, 1);
    before.starts("Postgres", "ok");
    assert!(before.line("Postgres schema").contains("tidemark migrate"), "{}", before.text);
    assert!(run(&url, &["migrate"]).status.success());
    let empty = on(&[]);
    assert_eq!(empty.code, 0, "{}", empty.text);
    empty.starts("Postgres query", "warn");
    alter(&url, "ALTER DATABASE tidemark SET default_transaction_read_only = on");
    let read_only = on(&[]);
    assert_eq!(read_only.code, 1, "{}", read_only.text);
    assert!(read_only.line("Postgres write").contains("read-only"), "{}", read_only.text);
    let open = TokenFile::with("0123456789abcdef", 0o644);
    let result = on(&[("TIDEMARK_ADMIN_TOKEN_FILE", &open.value())]);
    assert!(result.line("admin token").contains("chmod 600"), "{}", result.text);
}

/// Runs a statement.
fn alter(url: &str, statement: &str) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut connection: sqlx::PgConnection = sqlx::Connection::connect(url).await.unwrap();
        sqlx::query(statement).execute(&mut connection).await.unwrap();
    });
}

#[test]
fn who_set_what_is_told() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join(".env"), "TIDEMARK_FEED=none\nTIDEMARK_RATE_LIMIT=5/s\n").unwrap();
    let result = check_in(&dir, &[("TIDEMARK_RATE_LIMIT", "7/s")], &[]);
    assert!(result.line("TIDEMARK_FEED").contains("none (.env)"), "{}", result.text);
    assert!(result.line("TIDEMARK_RATE_LIMIT").contains("7/s (environment)"), "{}", result.text);
    assert!(result.line("REDIS_URL").contains("(default)"), "{}", result.text);
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for_long() {
    let (_, postgres) = sample_database();
    let port: u16 = postgres.rsplit(':').next().unwrap().split('/').next().unwrap().parse().unwrap();
    let silent = FaultProxy::before(port).unwrap();
    silent.black_hole().unwrap();
    let through = postgres.replace(&format!(":{port}/"), &format!(":{}/", silent.port()));
    let result = check(&[("DATABASE_URL", &through)], &[]);
    assert_eq!(result.code, 1);
    assert!(result.line("Postgres").contains("no answer within"), "{}", result.text);
}

#[test]
fn of_a_cluster_every_node_and_every_slot_is_looked_at() {
    let cluster = RedisCluster::ephemeral().unwrap();
    // A replica joins a new cluster a little later than the masters.
    let mut result = check(&[("REDIS_URL", &cluster.cluster_url())], &[]);
    let joined = wait_until(SOON, || {
        result = check(&[("REDIS_URL", &cluster.cluster_url())], &[]);
        result.code == 0
    });
    assert!(joined, "{}", result.text);
    assert!(result.line("Redis slots").contains("16384"), "{}", result.text);
    assert_eq!(result.text.matches("version 7").count(), 6, "{}", result.text);
    cluster.node(0).kill().unwrap();
    let result = check(&[("REDIS_URL", &cluster.cluster_url())], &[]);
    assert_eq!(result.code, 1, "{}", result.text);
    assert!(result.text.lines().any(|line| line.starts_with("FAIL  Redis 127.0.0.1:")), "{}", result.text);
}
