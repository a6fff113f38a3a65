//! `tidemark check`, with real servers and without.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::{fs, process::Command, time::Instant};

use local_servers::{FaultProxy, PostgresServer, RedisCluster, RedisServer, Reply, RespClient, wait_until};
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
    assert!(result.line("TIDEMARK_FORWARDED_HEADER").contains("auto (default)"), "{}", result.text);
    let named = check_in(&dir, &[("TIDEMARK_FORWARDED_HEADER", "forwarded")], &[]);
    assert!(named.line("TIDEMARK_FORWARDED_HEADER").contains("forwarded (environment)"), "{}", named.text);
    let bad = check_in(&dir, &[("TIDEMARK_FORWARDED_HEADER", "both")], &[]);
    bad.starts("TIDEMARK_FORWARDED_HEADER", "FAIL");
    bad.starts("TIDEMARK_TRUSTED_PROXIES", "ok");
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

#[test]
fn redis_is_checked_with_the_rights_of_a_server_and_left_as_it_was() {
    // The user that docs/cache.md describes.
    let rights = "tide on >pw ~tm:* &{tm:bus} +@read +@write +@scripting +@pubsub +@connection +time +info +cluster|slots \
                  +cluster|nodes +cluster|info +readonly +asking +scan +dbsize";
    let redis =
        RedisServer::ephemeral_with(&[("user", rights), ("user", "mute on >pw ~* resetchannels +@all")])
            .unwrap();
    let url = |user: &str| format!("redis://{user}:pw@127.0.0.1:{}", redis.port());
    let result = check(&[("REDIS_URL", &url("tide"))], &[]);
    for name in ["Redis", "Redis write", "Redis channel"] {
        result.starts(name, "ok");
    }
    let mut client = RespClient::connect(redis.port(), SOON).unwrap();
    assert_eq!(client.call(&["DBSIZE"]).unwrap(), Reply::Integer(0), "nothing is left behind");
    let result = check(&[("REDIS_URL", &url("mute"))], &[]);
    result.starts("Redis channel", "FAIL");
    assert!(result.line("Redis channel").contains("docs/cache.md"), "{}", result.text);
    client.call(&["SET", "tm:clears", "of another application"]).unwrap();
    let result = check(&[("REDIS_URL", &url("tide"))], &[]);
    assert!(result.line("Redis").contains("tm:clears"), "{}", result.text);
    // Another namespace is another user's: the documented rights do not cover it.
    let other = check(&[("REDIS_URL", &url("tide")), ("TIDEMARK_REDIS_NAMESPACE", "other")], &[]);
    other.starts("Redis", "FAIL");
    let bad = check(&[("REDIS_URL", &url("tide")), ("TIDEMARK_REDIS_NAMESPACE", "a:b")], &[]);
    bad.starts("TIDEMARK_REDIS_NAMESPACE", "FAIL");
}

#[test]
fn a_dollar_in_the_env_file_is_warned_of() {
    let dir = TempDir::new().unwrap();
    let with = |line: &str| {
        fs::write(dir.path().join(".env"), format!("{line}\n")).unwrap();
        check_in(&dir, &[], &[])
    };
    let unquoted = with("REDIS_URL=redis://:pa$word9@127.0.0.1:9");
    assert!(
        unquoted.text.contains("warn  REDIS_URL") && unquoted.text.contains("single quotes"),
        "{}",
        unquoted.text
    );
    assert!(!unquoted.text.contains("word9"), "{}", unquoted.text);
    let quoted = with("REDIS_URL='redis://:pa$word9@127.0.0.1:9'");
    assert!(!quoted.text.contains("warn  REDIS_URL"), "{}", quoted.text);
}

#[test]
fn a_raw_password_is_refused_with_advice_and_shown_nowhere() {
    for (name, url) in [
        ("DATABASE_URL", "postgres://tidemark:2024/secret@127.0.0.1:9/db"),
        ("DATABASE_URL", "postgres://tidemark:2024?x=secret@127.0.0.1:9/db"),
        ("DATABASE_URL", "postgres://tidemark:2024#x=secret@127.0.0.1:9/db"),
        ("DATABASE_URL", "postgres://tidemark:2024/3?x=secret@127.0.0.1:9"),
        ("DATABASE_URL", "postgres://tidemark:2024@secret?user=x@127.0.0.1:9/db"),
        ("DATABASE_URL", "postgres://tidemark:2024@secret/db?sslmode=x@127.0.0.1:9/db"),
        ("REDIS_URL", "redis://:2024/secret@127.0.0.1:9"),
        ("REDIS_URL", "redis://u:2024@secret?protocol=x@127.0.0.1:9"),
        ("REDIS_URL", "redis-cluster://u:2024@secret?protocol=x@127.0.0.1:9"),
        ("REDIS_URL", "unix:///run/redis.sock?pass=2024&secret"),
        ("REDIS_URL", "redis://u:2024?x=secret@127.0.0.1:9"),
        ("REDIS_URL", "redis://u:2024#x=secret@127.0.0.1:9"),
    ] {
        let result = check(&[(name, url)], &[]);
        result.starts(name, "FAIL");
        assert!(result.line(name).contains("percent-encoded"), "{}", result.text);
        assert!(!result.text.contains("2024") && !result.text.contains("secret"), "{}", result.text);
        let mut command = tidemark();
        let output = command.arg("serve").env(name, url).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains("percent-encoded"), "{said}");
        assert!(!said.contains(":2024") && !said.contains("secret"), "{said}");
    }
    let redis = RedisServer::ephemeral_with(&[("user", "u on >100%41 ~* &* +@all")]).unwrap();
    let raw = check(&[("REDIS_URL", &format!("redis://u:100%41@127.0.0.1:{}", redis.port()))], &[]);
    assert!(raw.line("Redis").contains("%25"), "{}", raw.text);
    let encoded = check(&[("REDIS_URL", &format!("redis://u:100%2541@127.0.0.1:{}", redis.port()))], &[]);
    encoded.starts("Redis", "ok");
}

#[test]
fn a_missing_right_comes_with_the_command_that_gives_it() {
    let postgres = PostgresServer::ephemeral().unwrap();
    let owner = postgres.url();
    alter(&owner, "CREATE ROLE plain LOGIN PASSWORD 'pw'");
    // As PostgreSQL 15 has it by itself.
    alter(&owner, "REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    let (_, place) = owner.rsplit_once('@').unwrap();
    let plain = format!("postgres://plain:pw@{place}");
    let grant = "GRANT USAGE, CREATE ON SCHEMA public TO plain";
    let migrated = run(&plain, &["migrate"]);
    let said = String::from_utf8_lossy(&migrated.stderr).into_owned();
    assert!(!migrated.status.success() && said.contains(grant) && said.trim().lines().count() == 1, "{said}");
    let result = check(&[("DATABASE_URL", &plain)], &[]);
    result.starts("Postgres rights", "FAIL");
    assert!(result.line("Postgres rights").contains(grant), "{}", result.text);
    // By another's hand it is there, and reading and writing is not enough: months are made and dropped by the owner.
    assert!(run(&owner, &["migrate"]).status.success());
    alter(&owner, grant);
    alter(&owner, "GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA public TO plain");
    alter(&owner, "GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO plain");
    let import = || {
        let dir = TempDir::new().unwrap();
        let file = dir.path().join("ABC-USD-1m.csv");
        support::write_candles(&file, &[(0, 10.0), (60_000, 11.0)]);
        let output = run(&plain, &["import", &file.to_string_lossy()]);
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (imported, said) = import();
    assert!(!imported && said.contains("must be owner of") && said.contains("OWNER TO"), "{said}");
    let (role, _) = owner.strip_prefix("postgres://").unwrap().split_once(['@', ':']).unwrap();
    let member = format!("GRANT {role} TO plain");
    let result = check(&[("DATABASE_URL", &plain)], &[]);
    result.starts("Postgres rights", "FAIL");
    assert!(result.line("Postgres rights").contains(&member), "{}", result.text);
    alter(&owner, &member);
    check(&[("DATABASE_URL", &plain)], &[]).starts("Postgres rights", "ok");
    let (imported, said) = import();
    assert!(imported, "{said}");
}

#[test]
fn too_few_connections_of_postgres_are_warned_of_with_the_number_that_will_do() {
    let postgres = PostgresServer::ephemeral().unwrap();
    let owner = postgres.url();
    assert!(run(&owner, &["migrate"]).status.success());
    let checked = |url: &str| check(&[("DATABASE_URL", url)], &[]);
    let roomy = checked(&owner);
    roomy.starts("Postgres connections", "ok");
    assert!(roomy.line("Postgres connections").contains("servers of up to 15"), "{}", roomy.text);
    alter(&owner, "CREATE ROLE few LOGIN PASSWORD 'pw' CONNECTION LIMIT 14");
    let (_, place) = owner.rsplit_once('@').unwrap();
    let few = format!("postgres://few:pw@{place}");
    let of_role = checked(&few).line("Postgres connections");
    assert!(of_role.starts_with("warn") && of_role.contains("LIMIT of few is 14: 14 are left"), "{of_role}");
    assert!(of_role.contains("ALTER ROLE few CONNECTION LIMIT 15,"), "{of_role}");
    alter(&owner, "ALTER ROLE few CONNECTION LIMIT 15");
    checked(&few).starts("Postgres connections", "ok");
    alter(&owner, "ALTER DATABASE tidemark CONNECTION LIMIT 9");
    let of_database = checked(&few).line("Postgres connections");
    assert!(of_database.contains("ALTER DATABASE tidemark CONNECTION LIMIT 15,"), "{of_database}");
    alter(&owner, "ALTER DATABASE tidemark CONNECTION LIMIT -1");
    // Of the whole server, three of which are for superusers; and connections of others, held open.
    alter(&owner, "ALTER SYSTEM SET max_connections = 19");
    postgres.stop().unwrap();
    postgres.start().unwrap();
    checked(&owner).starts("Postgres connections", "ok");
    let _held: Vec<_> = (0..2).map(|_| support::Holder::begin(&owner, "SELECT")).collect();
    let of_all = checked(&owner).line("Postgres connections");
    assert!(
        of_all.contains("max_connections is 19: 14 are left beside 3 reserved and 2 of others"),
        "{of_all}"
    );
    assert!(of_all.starts_with("warn") && of_all.contains("to 20 at least"), "{of_all}");
    // None at all.
    alter(&owner, "ALTER ROLE few CONNECTION LIMIT 0");
    let refused = checked(&few);
    refused.starts("Postgres", "FAIL");
    assert!(refused.line("Postgres").contains("CONNECTION LIMIT"), "{}", refused.text);
}

#[test]
fn too_few_open_files_are_warned_of_with_the_setting() {
    let limited = |most: u32, env: &[(&str, &str)]| {
        let binary = tidemark();
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -n {most} && exec \"$0\" check")]).arg(binary.get_program());
        for (name, _) in binary.get_envs() {
            command.env_remove(name);
        }
        let dir = TempDir::new().unwrap();
        let output = command.current_dir(dir.path()).envs(env.iter().copied()).output().unwrap();
        Result { code: output.status.code().unwrap(), text: String::from_utf8(output.stdout).unwrap() }
    };
    let few = limited(1_024, &[]);
    few.starts("open files", "warn");
    let line = few.line("open files");
    assert!(line.contains("limit is 1024") && line.contains("448 connections of 8192"), "{line}");
    assert!(line.contains("LimitNOFILE=16512") && !line.contains("one client"), "{line}");
    let line = limited(1_024, &[("TIDEMARK_MAX_CONNECTIONS_PER_CLIENT", "500")]).line("open files");
    assert!(line.contains("one client may take them all"), "{line}");
    assert!(line.contains("TIDEMARK_MAX_CONNECTIONS_PER_CLIENT well below 448"), "{line}");
    assert_eq!(few.code, 0, "a warning is no failure");
}

#[test]
fn every_verb_names_the_user_in_the_command_that_gives_a_right() {
    let postgres = PostgresServer::ephemeral().unwrap();
    let owner = postgres.url();
    assert!(run(&owner, &["migrate"]).status.success());
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("ABC-USD-1h.csv");
    support::write_candles(&file, &[(0, 10.0), (3_600_000, 11.0)]);
    let path = file.to_string_lossy().into_owned();
    assert!(run(&owner, &["import", &path]).status.success());
    // A name that has to be quoted, and the right to read what says which series there are.
    alter(&owner, "CREATE ROLE \"Half-Reader\" LOGIN PASSWORD 's3cret'");
    alter(&owner, "GRANT SELECT ON _sqlx_migrations, series, symbols, sources, replays TO \"Half-Reader\"");
    let (_, place) = owner.rsplit_once('@').unwrap();
    let half = format!("postgres://Half-Reader:s3cret@{place}");
    for (args, table) in [
        (&["import", &path][..], "sources"),
        (&["export", "--symbol", "ABC", "--interval", "1h", "--output", "-"], "candles"),
        (&["data", "list"], "candles"),
        (&["data", "gaps"], "candles"),
        (&["data", "delete", "--symbol", "ABC", "--yes"], "candles"),
        (&["admin", "sessions"], "sessions"),
        (&["admin", "sign-out"], "sessions"),
    ] {
        let output = run(&half, args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{args:?}: {said}");
        let grant = format!("ON TABLE {table} TO \"Half-Reader\"");
        assert!(said.contains("as its owner run: GRANT SELECT") && said.contains(&grant), "{args:?}: {said}");
        assert!(
            !said.contains("<user>") && !said.contains("s3cret") && !said.contains(place),
            "{args:?}: {said}"
        );
    }
    let checked = check(&[("DATABASE_URL", &half)], &[]);
    assert!(!checked.text.contains("<user>") && !checked.text.contains("s3cret"), "{}", checked.text);
    // What is done although the audit log cannot take it says so with the same command.
    alter(&owner, "GRANT SELECT, DELETE ON sessions TO \"Half-Reader\"");
    let output = run(&half, &["admin", "sign-out"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("not in the audit log") && said.contains("ON TABLE audit TO \"Half-Reader\""),
        "{said}"
    );
}

#[test]
fn what_a_pooler_by_transaction_brings_about_names_it() {
    let postgres = PostgresServer::ephemeral().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for code in ["42P05", "26000"] {
        let error = runtime.block_on(async {
            let mut connection: sqlx::PgConnection =
                sqlx::Connection::connect(&postgres.url()).await.unwrap();
            let raise = format!("DO $$ BEGIN RAISE EXCEPTION 'as a pooler' USING ERRCODE = '{code}'; END $$");
            sqlx::raw_sql(&raise).execute(&mut connection).await.unwrap_err()
        });
        let error = tidemark::store::StoreError::from(error);
        assert_eq!(error.clause(), "is behind a pooler that is not set up for it", "{code}");
        assert!(error.to_string().contains("pool_mode = session"), "{error}");
    }
}
