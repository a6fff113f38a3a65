//! The audit log has what was done, whether or not its caller waits for the answer, and whoever does it.

use std::{
    io::Write,
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use local_servers::{Fault, FaultProxy, RedisServer, RespClient, wait_until};

use crate::{
    people::{
        clear, database, database_with_password, execute, own_database, query, server, sign_in, status,
    },
    support::{SOON, Server, Setup, admin::TOKEN, admin::TokenFile, tidemark},
};

/// Each byte to and from a server arrives so much later, so that callers can leave in the middle.
const DELAY: Fault = Fault::Delay(Duration::from_millis(15));

/// Sends a request and closes the connection so long after it.
fn hang_up(server: &Server, request: &str, after: Duration) {
    let address = server.url("").trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    thread::sleep(after);
}

/// How often this was done, by the audit log.
fn noted(url: &str, action: &str) -> u64 {
    let count = format!("SELECT count(*)::text FROM audit WHERE action = '{action}'");
    query(url, &count).parse().unwrap()
}

/// The number of the last clear in Redis.
fn last_clear(redis: &RedisServer) -> u64 {
    let mut client = RespClient::connect(redis.port(), SOON).unwrap();
    let head = client.call(&["HGET", "tm:clears", "head"]).unwrap().bytes();
    String::from_utf8(head).unwrap().parse().unwrap_or(0)
}

/// How many different handles the log names as cleared, by whatever detail begins with.
fn handles(url: &str) -> u64 {
    let sql =
        "SELECT count(DISTINCT split_part(detail, ' ', 1))::text FROM audit WHERE action = 'cache_cleared'";
    query(url, sql).parse().unwrap()
}

#[test]
fn a_clear_is_noted_when_its_caller_hangs_up() {
    let url = database();
    let redis = RedisServer::ephemeral().unwrap();
    let proxy = FaultProxy::before(redis.port()).unwrap();
    let token = TokenFile::new();
    let redis_url = format!("redis://127.0.0.1:{}", proxy.port());
    let token_file = token.value();
    let env = [("TIDEMARK_ADMIN_TOKEN_FILE", token_file.as_str()), ("REDIS_URL", redis_url.as_str())];
    let server = server(&url, &env);
    server.wait_json("/readyz", |r| r["redis"]["status"] == "up");
    proxy.set(DELAY).unwrap();
    let body = r#"{"scope":{"category":"charts"}}"#;
    let request = format!(
        "POST /api/cache/clear HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    thread::scope(|scope| {
        for n in 0..60 {
            let (server, request) = (&server, &request);
            scope.spawn(move || hang_up(server, request, Duration::from_millis(4 * n)));
        }
    });
    proxy.set(Fault::None).unwrap();
    // One that is waited for comes after all of them in the log of Redis.
    let waited_for = server.admin_post("/api/cache/clear", &serde_json::json!({ "scope": { "all": true } }));
    assert!(waited_for["handle"].as_u64().unwrap() > 1, "none of the clears was done: {waited_for}");
    let agree = || {
        let (begun, done) = (noted(&url, "clear_requested"), noted(&url, "cache_cleared"));
        begun == done + noted(&url, "clear_failed") && done == last_clear(&redis) && handles(&url) == done
    };
    let agreed = wait_until(SOON, agree);
    let counts = ["clear_requested", "cache_cleared", "clear_failed"].map(|action| noted(&url, action));
    assert!(agreed, "done {}, noted {counts:?}\n{}", last_clear(&redis), server.log());
}

#[test]
fn a_sign_out_is_noted_when_its_caller_hangs_up() {
    let (postgres, url) = own_database();
    let proxy = FaultProxy::before(postgres.port()).unwrap();
    let server = server(&url.replace(&format!(":{}", postgres.port()), &format!(":{}", proxy.port())), &[]);
    let pairs: Vec<String> = (0..24).map(|_| sign_in(&server)).collect();
    assert!(wait_until(SOON, || noted(&url, "sign_in") == 24));
    proxy.set(DELAY).unwrap();
    thread::scope(|scope| {
        for (n, pair) in pairs.iter().enumerate() {
            let request = format!(
                "DELETE /api/session HTTP/1.1\r\nhost: localhost\r\ncookie: {pair}\r\nsec-fetch-site: same-origin\r\n\r\n"
            );
            let after = Duration::from_millis(40 * n as u64);
            let server = &server;
            scope.spawn(move || hang_up(server, &request, after));
        }
    });
    proxy.set(Fault::None).unwrap();
    let left = || query(&url, "SELECT count(*)::text FROM sessions").parse::<u64>().unwrap();
    let agreed = wait_until(SOON, || left() < 24 && noted(&url, "sign_out") + left() == 24);
    assert!(agreed, "{} sessions are left, {} ends noted\n{}", left(), noted(&url, "sign_out"), server.log());
}

#[test]
fn what_is_begun_is_noted_before_it_is_done() {
    let url = database_with_password();
    let redis = RedisServer::ephemeral().unwrap();
    let server = Server::start(&Setup { postgres: Some(&url), redis: Some(&redis), ..Setup::default() });
    server.wait_json("/readyz", |r| r["redis"]["status"] == "up");
    let pair = sign_in(&server);
    // Redis answers nothing: the clear can come to no end, and is noted none the less.
    redis.pause().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| clear(&server, &[("cookie", &pair)]));
        let begun = wait_until(SOON, || noted(&url, "clear_requested") == 1);
        let done = noted(&url, "cache_cleared");
        redis.resume().unwrap();
        assert!(begun && done == 0, "{done}\n{}", server.log());
    });
    let ended = || noted(&url, "cache_cleared") + noted(&url, "clear_failed") == 1;
    assert!(wait_until(SOON, ended), "{}", server.log());
}

#[test]
fn a_clear_from_a_shell_is_noted_and_so_is_its_undoing() {
    let url = database();
    let redis = RedisServer::ephemeral().unwrap();
    let cache = |args: &[&str], database: Option<&str>| {
        let mut command = tidemark();
        command.arg("cache").args(args).env("REDIS_URL", redis.url());
        command.envs(database.map(|url| ("DATABASE_URL", url)));
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        (output.status.success(), text)
    };
    assert!(cache(&["clear", "--key", "prices:zzz"], Some(&url)).0);
    assert!(cache(&["clear", "--category", "charts", "--dry-run"], Some(&url)).0);
    assert!(cache(&["undo", "1"], Some(&url)).0);
    assert!(!cache(&["undo", "4711"], Some(&url)).0);
    let all = "SELECT string_agg(action || ' ' || account || ' ' || address || ' ' || detail, '|' ORDER BY id) FROM audit";
    assert_eq!(
        query(&url, all),
        "clear_requested shell  key prices:zzz|cache_cleared shell  1 key prices:zzz|undo_requested shell  1|\
         clear_undone shell  1|undo_requested shell  4711|undo_failed shell  4711: no clear 4711 in the log"
    );

    // What cannot be noted is done, and that is said.
    let (done, said) = cache(&["clear", "--key", "prices:zzz"], None);
    assert!(done && said.contains("DATABASE_URL is not set") && said.contains("audit log"), "{said}");
    assert_eq!(said.matches("audit log").count(), 1, "{said}");
    let (done, said) = cache(&["clear", "--key", "prices:zzz"], Some("postgres://127.0.0.1:port/x"));
    assert!(done && said.contains("clear_requested is not in the audit log: DATABASE_URL"), "{said}");
    execute(&url, "ALTER TABLE audit RENAME TO audit_away");
    let (done, said) = cache(&["clear", "--key", "prices:zzz"], Some(&url));
    assert!(done && said.contains("not in the audit log"), "{said}");
    assert_eq!(last_clear(&redis), 4);
}

#[test]
fn a_server_that_stops_writes_what_it_still_has() {
    let (_postgres, url) = own_database();
    let server = server(&url, &[]);
    let pair = sign_in(&server);
    assert_eq!(status(&server, &pair), 200);
    assert!(wait_until(SOON, || noted(&url, "sign_in") == 1));
    // Nothing can be written while somebody holds the table; what is noted meanwhile waits in the server.
    let holder = crate::support::Holder::lock(&url, "audit");
    assert_eq!(clear(&server, &[("cookie", &pair)]).status, 200, "{}", server.log());
    server.ask_to_stop();
    let start = Instant::now();
    while server.listens() && start.elapsed() < SOON {
        thread::yield_now();
    }
    holder.release();
    assert!(server.ended().success());
    assert_eq!((noted(&url, "clear_requested"), noted(&url, "cache_cleared")), (1, 1));
}
