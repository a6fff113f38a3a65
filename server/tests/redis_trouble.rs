//! What the log and `readyz` say of a Redis that is not used, or not in full.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::net::TcpListener;

use local_servers::{RedisServer, Reply, RespClient, free_port, wait_until};
use support::{SOON, Server, Setup};

fn server(redis_url: &str, env: &[(&str, &str)]) -> Server {
    let env = [&[("REDIS_URL", redis_url)], env].concat();
    Server::start(&Setup { feed: Some("simulated"), env: &env, ..Setup::default() })
}

/// The lines of the log that warn of Redis.
fn warnings(server: &Server) -> Vec<String> {
    server
        .log()
        .lines()
        .filter(|line| line.contains("WARN") && line.contains("Redis"))
        .map(str::to_owned)
        .collect()
}

/// Waits until readyz has this reason, and returns what the log says then.
fn told(server: &Server, status: &str, reason: &str) -> Vec<String> {
    let ready = server.wait_json("/readyz", |ready| ready["redis"]["reason"].as_str() == Some(reason));
    assert_eq!(ready["redis"]["status"], status, "{ready}");
    assert_eq!(ready["status"], "degraded", "{ready}");
    assert!(wait_until(SOON, || !warnings(server).is_empty()), "{}", server.log());
    warnings(server)
}

#[test]
fn a_redis_that_was_never_reached_is_logged_once_with_its_reason() {
    let port = free_port().unwrap();
    let server = server(&format!("redis://127.0.0.1:{port}"), &[]);
    let said = told(&server, "down", "cannot be reached");
    assert!(said[0].contains("refused") && said[0].contains(&port.to_string()), "{said:?}");
    // Who hangs up is another reason: another line, and none for the attempts after it.
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let attempts = 8;
    for _ in 0..attempts {
        drop(listener.accept().unwrap());
    }
    assert!(wait_until(SOON, || warnings(&server).len() > 1), "{}", server.log());
    let said = warnings(&server);
    assert_eq!(said.iter().filter(|line| line.contains("refused")).count(), 1, "{said:?}");
    assert!(said.len() < attempts, "{said:?}");
}

#[test]
fn each_kind_of_wrong_url_has_its_reason() {
    let redis = RedisServer::ephemeral_with(&[("user", "known on >right ~* &* +@all")]).unwrap();
    let at = redis.port();
    let said = told(
        &server(&format!("redis://known:wrong@127.0.0.1:{at}"), &[]),
        "down",
        "refuses the user or the password",
    );
    assert!(!said.join(" ").contains("wrong"), "{said:?}");
    let said = told(
        &server(&format!("redis-cluster://127.0.0.1:{at}"), &[]),
        "down",
        "is of another kind than the URL says",
    );
    assert!(said[0].contains("redis://"), "the log says what to write: {said:?}");
}

#[test]
fn a_password_that_redis_repeats_is_in_no_log() {
    let redis = RedisServer::ephemeral_with(&[
        ("rename-command", "HELLO \"\""),
        ("user", "known on >s3cret-word ~* &* +@all"),
    ])
    .unwrap();
    let url = format!("redis://known:s3cret-word@127.0.0.1:{}", redis.port());
    let server = server(&url, &[("RUST_LOG", "debug")]);
    assert!(
        wait_until(SOON, || server.log().contains("subscribing to the channel fails")),
        "{}",
        server.log()
    );
    let checked = support::tidemark().arg("check").env("REDIS_URL", &url).output().unwrap();
    let said = [server.log().into_bytes(), checked.stdout, checked.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains("HELLO") && !said.contains("s3cret"), "{said}");
    assert!(!server.get("/readyz").text().contains("s3cret"));
}

#[test]
fn writes_that_are_refused_are_told_while_reads_go_on() {
    let redis = RedisServer::ephemeral_with(&[("maxmemory-policy", "noeviction")]).unwrap();
    let server = server(&redis.url(), &[]);
    server.wait_json("/readyz", |ready| ready["redis"]["status"] == "up" && ready["status"] == "ok");
    let mut client = RespClient::connect(redis.port(), SOON).unwrap();
    client.call(&["CONFIG", "SET", "maxmemory", "1"]).unwrap();
    assert!(wait_until(SOON, || {
        assert_eq!(server.get("/api/latest_prices").status, 200);
        server.json("/readyz")["redis"]["reason"] == "takes no writes: it has no memory left"
    }));
    let said = warnings(&server);
    assert!(said.len() == 1 && said[0].contains("OOM"), "{said:?}");
    client.call(&["CONFIG", "SET", "maxmemory", "0"]).unwrap();
    server.wait_json("/readyz", |ready| ready["status"] == "ok");
}

#[test]
fn a_value_of_another_application_is_left_alone_named_once_and_found_by_check() {
    const KEY: &str = "tm:e:prices:{simulated}";
    let redis = RedisServer::ephemeral().unwrap();
    let mut client = RespClient::connect(redis.port(), SOON).unwrap();
    client.call(&["SET", KEY, "theirs"]).unwrap();
    let server = server(&redis.url(), &[]);
    assert!(wait_until(SOON, || {
        assert_eq!(server.get("/api/latest_prices").status, 200);
        server.json("/readyz")["redis"]["reason"]
            == "has another application's key where one of ours would be"
    }));
    for _ in 0..20 {
        assert_eq!(server.get("/api/latest_prices").status, 200);
    }
    let mut said = warnings(&server);
    said.retain(|line| line.contains("another application"));
    assert!(said.len() == 1 && said[0].contains(KEY), "{said:?}");
    let check = || {
        let checked = support::tidemark().arg("check").env("REDIS_URL", redis.url()).output().unwrap();
        String::from_utf8(checked.stdout).unwrap()
    };
    let checked = check();
    let line =
        checked.lines().find(|line| line.contains("Redis keys")).unwrap_or_else(|| panic!("{checked}"));
    assert!(line.starts_with("warn") && line.contains(KEY), "{line}");
    assert_eq!(client.call(&["GET", KEY]).unwrap(), Reply::Bulk(b"theirs".to_vec()));
    client.call(&["DEL", KEY]).unwrap();
    server.wait_json("/readyz", |ready| {
        server.get("/api/latest_prices");
        ready["status"] == "ok"
    });
    assert!(wait_until(SOON, || check().contains("none holds another application's value")));
}

#[test]
fn a_namespace_of_ones_own_is_used_and_nothing_else() {
    let redis = RedisServer::ephemeral().unwrap();
    let server = server(&redis.url(), &[("TIDEMARK_REDIS_NAMESPACE", "staging")]);
    server.wait_json("/readyz", |ready| ready["redis"]["status"] == "up");
    let mut client = RespClient::connect(redis.port(), SOON).unwrap();
    assert!(wait_until(SOON, || {
        server.get("/api/latest_prices");
        client.call(&["EXISTS", "staging:e:prices:{simulated}"]).unwrap() == Reply::Integer(1)
    }));
    assert!(client.call(&["KEYS", "tm:*"]).unwrap().items().is_empty());
}
