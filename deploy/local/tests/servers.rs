//! The servers as a test of another crate uses them: started, killed, started again, paused.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use local_servers::{
    Durability, Patience, PostgresOptions, PostgresServer, Process, RedisOptions, RedisServer, Signal,
    free_port, port_is_free, random_secret, wait_until,
};

const BOUND: Duration = Duration::from_secs(60);

fn redis(port: u16, command: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(BOUND)).unwrap();
    stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn redis_lives_dies_and_returns_on_its_port() {
    let server = RedisServer::ephemeral().unwrap();
    let (port, first) = (server.port(), server.pid().unwrap());
    assert_eq!(server.url(), format!("redis://127.0.0.1:{port}"));
    assert!(redis(port, "SET a 1").starts_with("+OK"));
    server.kill().unwrap();
    assert!(!server.is_running() && port_is_free(port));
    server.start().unwrap();
    assert_ne!(server.pid().unwrap(), first);
    assert!(redis(port, "GET a").starts_with("$-1"), "an ephemeral server keeps nothing");
    assert!(redis(port, "CONFIG GET maxmemory-policy").contains("volatile-lfu"));
    server.pause().unwrap();
    assert!(server.is_running() && !server.answers());
    server.resume().unwrap();
    assert!(wait_until(BOUND, || server.answers()));
    server.stop().unwrap();
    assert!(port_is_free(port));
}

#[test]
fn redis_takes_further_settings_and_refuses_bad_ones() {
    let server = RedisServer::ephemeral_with(&[("maxmemory", "4mb")]).unwrap();
    assert!(redis(server.port(), "CONFIG GET maxmemory").contains("4194304"));
    let error = RedisServer::ephemeral_with(&[("no-such-setting", "1")]).unwrap_err().to_string();
    assert!(error.contains("no-such-setting"), "{error}");
}

#[test]
fn a_lasting_redis_keeps_its_data() {
    let dir = tempfile::tempdir().unwrap();
    let options = RedisOptions {
        dir: dir.path().join("redis"),
        port: free_port().unwrap(),
        durability: Durability::SnapshotAndLog,
        max_memory: 64 << 20,
        log: Some(dir.path().join("redis.log")),
        extra: Vec::new(),
        patience: Patience::silent(BOUND),
    };
    let server = RedisServer::start_with(options).unwrap();
    assert!(redis(server.port(), "SET kept yes").starts_with("+OK"));
    server.stop().unwrap();
    server.start().unwrap();
    assert!(redis(server.port(), "GET kept").contains("yes"));
    server.stop().unwrap();
    assert!(
        std::fs::read_to_string(dir.path().join("redis.log"))
            .unwrap()
            .contains("Ready to accept connections")
    );
}

#[test]
fn postgres_lives_dies_and_recovers() {
    let server = PostgresServer::ephemeral().unwrap();
    let port = server.port();
    assert!(server.url().ends_with(&format!("@127.0.0.1:{port}/tidemark")));
    server.execute("CREATE TABLE t (n int)").unwrap();
    server.execute("INSERT INTO t VALUES (41), (42)").unwrap();
    server.kill().unwrap();
    assert!(port_is_free(port));
    assert!(server.execute("SELECT 1").is_err());
    server.start().unwrap();
    assert_eq!(server.execute("SELECT sum(n) FROM t").unwrap().trim(), "83");
    let other = server.create_database().unwrap();
    assert_ne!(other, server.create_database().unwrap());
    let error = server.execute("SELECT nonsense").unwrap_err().to_string();
    assert!(error.contains("nonsense"), "{error}");
    server.stop().unwrap();
    assert!(port_is_free(port));
}

#[test]
fn a_paused_postgres_answers_when_it_goes_on() {
    let server = PostgresServer::ephemeral().unwrap();
    server.pause().unwrap();
    std::thread::scope(|scope| {
        let query = scope.spawn(|| server.execute("SELECT 7"));
        server.resume().unwrap();
        assert_eq!(query.join().unwrap().unwrap().trim(), "7");
    });
}

#[test]
fn a_lasting_postgres_keeps_its_data_behind_a_password() {
    let dir = tempfile::tempdir().unwrap();
    // As root the server is another user, who must be let through.
    std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let options = PostgresOptions {
        dir: dir.path().join("data"),
        port: free_port().unwrap(),
        password: random_secret().unwrap(),
        log: Some(dir.path().join("postgres.log")),
        patience: Patience::silent(BOUND),
    };
    let server = PostgresServer::start_with(options.clone()).unwrap();
    server.execute("CREATE TABLE kept AS SELECT 5 AS n").unwrap();
    server.stop().unwrap();
    let server = PostgresServer::start_with(options.clone()).unwrap();
    assert_eq!(server.execute("SELECT n FROM kept").unwrap().trim(), "5");
    assert_eq!(server.execute("SHOW fsync").unwrap().trim(), "on");
    server.stop().unwrap();
    let stranger =
        PostgresServer::start_with(PostgresOptions { password: "wrong".to_owned(), ..options }).unwrap();
    let error = stranger.execute("SELECT 1").unwrap_err().to_string();
    assert!(error.contains("password"), "{error}");
    stranger.stop().unwrap();
}

/// Not a test by itself: the process that the next one kills.
#[test]
fn helper_that_is_killed() {
    let Some(report) = std::env::var_os("LOCAL_SERVERS_HELPER").map(PathBuf::from) else { return };
    let (redis, postgres) = (RedisServer::ephemeral().unwrap(), PostgresServer::ephemeral().unwrap());
    let text = format!("{} {}", redis.port(), postgres.port());
    std::fs::write(report.with_extension("new"), text).unwrap();
    std::fs::rename(report.with_extension("new"), &report).unwrap();
    wait_until(BOUND, || false);
}

#[test]
fn servers_of_a_killed_process_go_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let report = dir.path().join("ports");
    let mut helper = Process::spawn(
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "helper_that_is_killed"])
            .env("LOCAL_SERVERS_HELPER", &report)
            .stdout(Stdio::null()),
    )
    .unwrap();
    assert!(wait_until(BOUND, || report.exists()));
    let ports: Vec<u16> =
        std::fs::read_to_string(&report).unwrap().split(' ').map(|port| port.parse().unwrap()).collect();
    assert!(ports.iter().all(|port| !port_is_free(*port)), "both run");
    helper.end(Signal::KILL, BOUND).unwrap();
    assert!(wait_until(BOUND, || ports.iter().all(|port| port_is_free(*port))), "both end");
}
