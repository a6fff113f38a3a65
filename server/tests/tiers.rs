//! Which tier answers, and what happens when one goes away.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::Duration,
};

use local_servers::{PostgresServer, RedisServer, Reply, RespClient, wait_until};
use serde_json::{Value, json};
use support::{Holder, SOON, Server, Setup, import_sample, run, sample_database, write_candles};

const PRICES: &str = "/api/latest_prices";
const CHART: &str = "/api/chart_data?symbol=BTC&interval=1d&limit=30";

/// Lives so short that a test can outwait them.
const SHORT: &str = r#"
[cache.categories.directory]
fresh_for = "300ms"
stale_for = "4s"
[cache.categories.prices]
fresh_for = "300ms"
stale_for = "4s"
[cache.categories.charts]
fresh_for = "300ms"
stale_for = "4s"
"#;

#[test]
fn the_tier_that_answered_is_told() {
    let (_, postgres) = sample_database();
    let redis = RedisServer::ephemeral().unwrap();
    let setup = Setup {
        postgres: Some(&postgres),
        redis: Some(&redis),
        feed: Some("none"),
        // It would put into memory what is to be found in Redis.
        policies: Some("[cache]\nwarm_up_ms = 0"),
        ..Setup::default()
    };
    for path in [PRICES, CHART] {
        let server = Server::start(&setup);
        server.wait_json("/readyz", |r| r["redis"]["status"] == "up");
        let first = server.json(path);
        assert_eq!(first["provenance"]["tier"], json!("database"), "{path}");
        // What was loaded before the other servers could be heard is compared with Redis once.
        let mut second = server.get(path);
        let from_memory = wait_until(SOON, || {
            second = server.get(path);
            second.json()["provenance"]["tier"] == json!("l1")
        });
        assert!(from_memory, "{path}: {}", second.text());
        assert_eq!(second.header("cache-status"), "tidemark; hit; detail=l1");
        // The write to Redis goes on behind the reader: a stop lets it end or not, so wait for it.
        let category = if path == PRICES { "prices" } else { "charts" };
        let stored = wait_until(SOON, || redis_has(&redis, category));
        assert!(stored, "{path} was not written to Redis");
        assert!(server.terminate().success());

        let restarted = Server::start(&setup);
        restarted.wait_json("/readyz", |r| r["redis"]["status"] == "up");
        let third = restarted.json(path);
        assert_eq!(third["provenance"]["tier"], json!("l2"), "{path}: {}", restarted.log());
        assert_eq!(third["provenance"]["simulated"], json!(false));
    }
}

/// Whether Redis holds an entry of this category.
fn redis_has(redis: &RedisServer, category: &str) -> bool {
    let output = std::process::Command::new("redis-cli")
        .args(["-p", &redis.port().to_string(), "--scan", "--pattern", &format!("tm:e:{category}:*")])
        .output()
        .unwrap();
    !output.stdout.is_empty()
}

#[test]
fn without_the_database_values_turn_stale_and_then_simulated() {
    let postgres = PostgresServer::ephemeral().unwrap();
    import_sample(&postgres.url());
    let redis = RedisServer::ephemeral().unwrap();
    let url = postgres.url();
    let server = Server::start(&Setup {
        postgres: Some(&url),
        redis: Some(&redis),
        feed: Some("none"),
        policies: Some(SHORT),
        env: &[],
    });
    for path in [PRICES, CHART] {
        assert_eq!(server.json(path)["provenance"]["simulated"], json!(false));
    }
    postgres.kill().unwrap();
    let stale = server.wait_json(PRICES, |a| a["provenance"]["reason"].is_string());
    assert_eq!(stale["provenance"]["stale"], json!(true));
    assert_eq!(stale["provenance"]["simulated"], json!(false));
    assert_eq!(stale["prices"][0]["price"], json!("4167.5"));
    server.wait_json("/readyz", |r| r["status"] == "degraded" && r["postgres"]["status"] == "down");

    for path in [PRICES, CHART] {
        let simulated = server.wait_json(path, |a| a["provenance"]["simulated"] == json!(true));
        assert_eq!(simulated["provenance"]["tier"], json!("simulated"));
        assert_eq!(simulated["provenance"]["source"], json!("simulated"));
        assert!(simulated["provenance"]["reason"].as_str().unwrap().contains("database"));
    }
    let page = server.get("/").text();
    assert!(page.contains("Simulated prices"));

    postgres.start().unwrap();
    for path in [PRICES, CHART] {
        // What was made up was never stored: the recorded prices are back as they were.
        let back = server.wait_json(path, |a| a["provenance"]["simulated"] == json!(false));
        assert_eq!(back["provenance"]["source"], json!("recorded"));
    }
    assert_eq!(server.json(PRICES)["prices"][0]["price"], json!("4167.5"));
    server.wait_json("/readyz", |r| r["status"] == "ok");
}

#[test]
fn redis_killed_under_load_fails_no_request_and_joins_again() {
    let (_, postgres) = sample_database();
    let redis = RedisServer::ephemeral().unwrap();
    let server = Server::start(&Setup {
        postgres: Some(&postgres),
        redis: Some(&redis),
        feed: Some("none"),
        policies: Some(SHORT),
        env: &[],
    });
    server.wait_json("/readyz", |r| r["status"] == "ok" && r["redis"]["status"] == "up");
    let (stop, served, failed) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for reader in 0..8 {
            let (server, stop, served, failed) = (&server, &stop, &served, &failed);
            scope.spawn(move || {
                let symbol = ["BTC", "ETH", "LTC", "EOS", "XRP"][reader % 5];
                let chart = format!("/api/chart_data?symbol={symbol}&interval=1h&limit={}", 50 + reader);
                while !stop.load(Ordering::Relaxed) {
                    for path in [PRICES, &chart] {
                        match server.try_get(path) {
                            Some(reply) if reply.status == 200 => served.fetch_add(1, Ordering::Relaxed),
                            _ => failed.fetch_add(1, Ordering::Relaxed),
                        };
                    }
                }
            });
        }
        let more = |n: u64| {
            let goal = served.load(Ordering::Relaxed) + n;
            assert!(wait_until(SOON, || served.load(Ordering::Relaxed) >= goal), "readers stand still");
        };
        more(200);
        redis.kill().unwrap();
        server.wait_json("/readyz", |r| r["status"] == "degraded" && r["redis"]["status"] == "down");
        more(200);
        redis.start().unwrap();
        server.wait_json("/readyz", |r| r["status"] == "ok");
        more(200);
        // A black hole: the socket stays open, and nobody answers.
        redis.pause().unwrap();
        server.wait_json("/readyz", |r| r["redis"]["status"] == "down");
        more(200);
        redis.resume().unwrap();
        server.wait_json("/readyz", |r| r["redis"]["status"] == "up");
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(failed.into_inner(), 0, "{}", server.log());
}

#[test]
fn starts_and_serves_with_redis_away() {
    let (_, postgres) = sample_database();
    let redis = RedisServer::ephemeral().unwrap();
    redis.kill().unwrap();
    let server = Server::start(&Setup { postgres: Some(&postgres), redis: Some(&redis), ..Setup::default() });
    assert_eq!(server.json(PRICES)["provenance"]["tier"], json!("database"));
    server.wait_json("/readyz", |r| r["status"] == "degraded");
    redis.start().unwrap();
    server.wait_json("/readyz", |r| r["status"] == "ok");
}

#[test]
fn with_no_settings_at_all_it_serves_the_simulation() {
    let server = Server::start(&Setup::default());
    let answer = server.json(PRICES);
    assert_eq!(answer["provenance"]["simulated"], json!(true));
    assert_eq!(answer["provenance"]["source"], json!("simulated"));
    assert!(answer["prices"].as_array().unwrap().len() >= 5);
    let chart = server.json("/api/chart_data?symbol=BTC&interval=1m&limit=100");
    assert_eq!(chart["candles"].as_array().unwrap().len(), 100);
    assert_eq!(server.get("/api/chart_data?symbol=NOPE&interval=1m").status, 404);
    assert_eq!(server.json("/readyz")["status"], json!("ok"));
    assert!(server.get("/coin/BTC").text().contains("Simulated prices"));
}

#[test]
fn an_import_shows_on_a_running_server_even_of_a_symbol_called_unknown() {
    let postgres = PostgresServer::ephemeral().unwrap();
    let url = postgres.url();
    assert!(run(&url, &["migrate"]).status.success());
    let redis = RedisServer::ephemeral().unwrap();
    // Lives so long that only the announcement can bring the change.
    let long = SHORT.replace("300ms", "1h").replace("4s", "2h");
    let setup = Setup {
        postgres: Some(&url),
        redis: Some(&redis),
        feed: Some("none"),
        policies: Some(&long),
        env: &[],
    };
    let (one, two) = (Server::start(&setup), Server::start(&setup));
    let chart = "/api/chart_data?symbol=ABC&interval=1h";
    for server in [&one, &two] {
        assert_eq!(server.get(chart).status, 404);
        assert_eq!(server.json(PRICES)["prices"], json!([]));
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ABC-USD-1h.csv");
    let hour = 3_600_000;
    write_candles(&file, &[(0, 10.0), (hour, 11.0)]);
    let import = || run(&url, &["import", file.to_str().unwrap()]);
    let imported = import();
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    for server in [&one, &two] {
        assert!(wait_until(SOON, || server.get(chart).status == 200), "{}", server.log());
        assert_eq!(server.json(chart)["candles"].as_array().unwrap().len(), 2);
        server.wait_json(PRICES, |a| a["prices"][0]["price"] == json!("11"));
    }
    // A correction and a further bar.
    write_candles(&file, &[(0, 10.0), (hour, 12.0), (2 * hour, 13.5)]);
    assert!(import().status.success());
    for server in [&one, &two] {
        let answer = server.wait_json(chart, |a| a["candles"].as_array().unwrap().len() == 3);
        assert_eq!(answer["candles"][1][4], json!(12.0));
        server.wait_json(PRICES, |a| a["prices"][0]["price"] == json!("13.5"));
    }
}

#[test]
fn a_clear_reaches_every_server_and_can_be_taken_back() {
    let (_, postgres) = sample_database();
    let redis = RedisServer::ephemeral().unwrap();
    let setup =
        Setup { postgres: Some(&postgres), redis: Some(&redis), feed: Some("none"), ..Setup::default() };
    let start = || {
        let server = Server::start(&setup);
        server.wait_json("/readyz", |r| r["redis"]["status"] == "up");
        server
    };
    let tier = |server: &Server, path: &str| -> String {
        server.json(path)["provenance"]["tier"].as_str().unwrap().to_owned()
    };
    let cache = |args: &[&str]| {
        let output =
            support::tidemark().arg("cache").args(args).env("REDIS_URL", redis.url()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let clear = || -> String {
        let line = cache(&["clear", "--prefix", "charts:BTC/"]);
        line.trim().rsplit(' ').next().unwrap().to_owned()
    };
    let servers = [start(), start()];
    for server in &servers {
        server.json(CHART);
        server.json(PRICES);
        assert_eq!((tier(server, CHART), tier(server, PRICES)), ("l1".to_owned(), "l1".to_owned()));
    }
    clear();
    // Whoever reads first after the clear asks the database, the other may find that in Redis.
    let mut seen = Vec::new();
    for server in &servers {
        let mut last = String::new();
        let reached = wait_until(SOON, || {
            last = tier(server, CHART);
            last != "l1"
        });
        assert!(reached, "{}", server.log());
        seen.push(last);
        assert_eq!(tier(server, PRICES), "l1");
    }
    assert!(seen.contains(&"database".to_owned()), "{seen:?}");
    // The write behind the last read has to be there before it is cleared.
    assert!(wait_until(SOON, || tier(&start(), CHART) == "l2"), "nothing was written to Redis");
    // A server that starts when the clear is undone finds in Redis what one that starts before does not.
    let handle = clear();
    let undone = cache(&["undo", &handle]);
    assert!(undone.contains(&handle));
    assert_eq!(tier(&start(), CHART), "l2");
    clear();
    assert_eq!(tier(&start(), CHART), "database");
}

/// A server without a feed, and without a warm-up, which would put into memory what is to be found in Redis.
fn quiet_server(postgres: &str, redis: &RedisServer) -> Server {
    Server::start(&Setup {
        postgres: Some(postgres),
        redis: Some(redis),
        feed: Some("none"),
        policies: Some("[cache]\nwarm_up_ms = 0"),
        ..Setup::default()
    })
}

/// The value of a field of the log of clears.
fn of_log(redis: &RedisServer, field: &str) -> String {
    let mut client = RespClient::connect(redis.port(), SOON).unwrap();
    match client.call(&["HGET", "tm:clears", field]).unwrap() {
        Reply::Bulk(value) => String::from_utf8_lossy(&value).into_owned(),
        _ => String::new(),
    }
}

#[test]
fn a_server_that_starts_without_its_database_uses_what_the_others_stored() {
    let postgres = PostgresServer::ephemeral().unwrap();
    import_sample(&postgres.url());
    let redis = RedisServer::ephemeral().unwrap();
    let first = quiet_server(&postgres.url(), &redis);
    first.wait_json("/readyz", |ready| ready["redis"]["status"] == "up");
    assert!(wait_until(SOON, || !of_log(&redis, "owner").is_empty()), "{}", first.log());
    let (epoch, owner) = (of_log(&redis, "epoch"), of_log(&redis, "owner"));
    let before = first.json(CHART);
    assert_eq!(before["provenance"]["tier"], json!("database"));
    assert!(wait_until(SOON, || redis_has(&redis, "charts")), "it was not written to Redis");
    postgres.stop().unwrap();

    let second = quiet_server(&postgres.url(), &redis);
    second.wait_json("/readyz", |ready| ready["redis"]["status"] == "up");
    let reply = second.get(CHART);
    assert!(reply.header("cache-status").contains("detail=l2"), "{}", second.log());
    let answer = reply.json();
    assert_eq!(answer["provenance"]["simulated"], json!(false), "{answer}");
    assert_eq!(answer["candles"], before["candles"]);

    // When it can tell, nothing changes: neither in Redis, nor for the server beside it.
    postgres.start().unwrap();
    second.wait_json("/readyz", |ready| ready["postgres"]["status"] == "up");
    let third = quiet_server(&postgres.url(), &redis);
    third.wait_json("/readyz", |ready| ready["redis"]["status"] == "up");
    assert_eq!(third.json(CHART)["provenance"]["tier"], json!("l2"), "{}", third.log());
    assert_eq!((of_log(&redis, "epoch"), of_log(&redis, "owner")), (epoch, owner));
}

#[test]
fn two_databases_in_one_namespace_are_told_apart() {
    let postgres = PostgresServer::ephemeral().unwrap();
    postgres.execute("CREATE DATABASE second").unwrap();
    let one = postgres.url();
    let second = format!("{}/second", one.rsplit_once('/').unwrap().0);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("BTC-USD-1d.csv");
    for (database, price) in [(&one, 100.0), (&second, 200.0)] {
        assert!(run(database, &["migrate"]).status.success());
        write_candles(&file, &[(0, price), (86_400_000, price)]);
        let imported = run(database, &["import", &file.to_string_lossy()]);
        assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    }
    let redis = RedisServer::ephemeral().unwrap();
    let servers = [(quiet_server(&one, &redis), 100.0), (quiet_server(&second, &redis), 200.0)];
    for (server, price) in &servers {
        server.wait_json("/readyz", |ready| ready["redis"]["status"] == "up");
        let answer = server.json(CHART);
        assert_eq!(answer["candles"][0][4].as_f64(), Some(*price), "{answer}");
        assert!(wait_until(SOON, || redis_has(&redis, "charts")), "it was not written to Redis");
    }
    // Again by others, which have nothing in memory: without their database they would say so.
    for (database, price) in [(&one, 100.0), (&second, 200.0)] {
        let server = quiet_server(database, &redis);
        server.wait_json("/readyz", |ready| ready["redis"]["status"] == "up");
        let answer = server.json(CHART);
        assert_eq!(answer["candles"][0][4].as_f64(), Some(price), "{answer}");
    }
    let later = &servers[1].0;
    let shared = "is shared with another installation in this namespace";
    later.wait_json("/readyz", |ready| ready["redis"]["reason"] == json!(shared));
    assert!(later.log().contains("another installation, with another database"), "{}", later.log());
    // With neither database there, each address still has its own. It may not have been written to Redis yet.
    postgres.stop().unwrap();
    let mut answer = Value::Null;
    let found = wait_until(SOON, || {
        let server = quiet_server(&second, &redis);
        server.wait_json("/readyz", |ready| ready["redis"]["status"] == "up");
        answer = server.json(CHART);
        assert_ne!(answer["candles"][0][4], json!(100.0), "{answer}");
        answer["provenance"]["tier"] == json!("l2")
    });
    assert!(found && answer["candles"][0][4] == json!(200.0), "{answer}");
}

#[test]
fn a_stop_lets_open_requests_finish() {
    let postgres = PostgresServer::ephemeral().unwrap();
    import_sample(&postgres.url());
    let url = postgres.url();
    let long = SHORT.replace("300ms", "1h").replace("4s", "2h");
    let server = Server::start(&Setup {
        postgres: Some(&url),
        feed: Some("none"),
        policies: Some(&long),
        ..Setup::default()
    });
    // The directory is at hand; the chart is not.
    server.json(PRICES);
    let mut holder = Holder::lock(&url, "candles");
    let reply = thread::scope(|scope| {
        let reader = scope.spawn(|| server.json(CHART));
        assert!(wait_until(SOON, || holder.waiting() == 1), "the read does not wait for the lock");
        server.ask_to_stop();
        assert!(wait_until(SOON, || !server.listens()), "it goes on listening");
        holder.release();
        reader.join().unwrap()
    });
    assert_eq!(reply["provenance"]["simulated"], json!(false));
    assert_eq!(reply["candles"].as_array().unwrap().len(), 30);
    assert!(server.ended().success());
}

#[test]
fn what_is_wrong_with_the_database_is_told_without_its_insides() {
    let (postgres, _) = sample_database();
    let url = postgres.create_database().unwrap();
    let server = Server::start(&Setup { postgres: Some(&url), ..Setup::default() });
    let prices = server.json(PRICES);
    assert_eq!(prices["provenance"]["reason"], json!("the database needs a migration"));
    let ready = server.wait_json("/readyz", |r| r["postgres"]["status"] == "down");
    let clause = "needs a migration, or a newer tidemark";
    assert_eq!(ready["postgres"], json!({ "status": "down", "reason": clause }));
    assert!(server.log().contains("tidemark migrate"), "{}", server.log());
    // The probe says it once; readers do not add to it.
    assert!(!server.log().contains("cannot be read"), "{}", server.log());
}

#[test]
fn a_bad_setting_stops_the_start_with_one_line() {
    for (name, value) in [
        ("DATABASE_URL", "mysql://secret:secret@h/d"),
        ("REDIS_URL", "http://secret@h"),
        ("TIDEMARK_FEED", "bloomberg"),
        ("LEPTOS_SITE_ADDR", "here"),
        ("TIDEMARK_CONFIG", "/does/not/exist.toml"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let output =
            support::tidemark().arg("serve").current_dir(dir.path()).env(name, value).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{name}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(text.trim().lines().count(), 1, "{text}");
        let named = if name == "TIDEMARK_CONFIG" { value } else { name };
        assert!(text.contains(named), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}

// A request that hangs is a failure, not a wait.
#[test]
fn a_silent_database_is_answered_within_the_bound() {
    let postgres = PostgresServer::ephemeral().unwrap();
    import_sample(&postgres.url());
    let url = postgres.url();
    let server = Server::start(&Setup {
        postgres: Some(&url),
        feed: Some("none"),
        policies: Some(SHORT),
        ..Setup::default()
    });
    server.json(PRICES);
    postgres.pause().unwrap();
    // The client gives up after 15 s, the longest bound of the server is 10 s: each of these has an answer.
    let answered =
        wait_until(Duration::from_secs(60), || server.json(PRICES)["provenance"]["simulated"] == json!(true));
    postgres.resume().unwrap();
    assert!(answered, "{}", server.log());
}

#[test]
fn locked_tables_cost_one_wait_and_not_one_after_another() {
    let postgres = PostgresServer::ephemeral().unwrap();
    import_sample(&postgres.url());
    let url = postgres.url();
    let server = Server::start(&Setup { postgres: Some(&url), feed: Some("none"), ..Setup::default() });
    let holder = Holder::lock(&url, "series");
    // Nothing is cached: the directory is waited for, and the table must not be, or the bound on a call is reached.
    let reply = server.get(PRICES);
    holder.release();
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.json()["provenance"]["simulated"], json!(true));
}
