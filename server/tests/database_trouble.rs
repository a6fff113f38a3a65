//! What still works, and what is said, for each trouble that Postgres can be in.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::time::Duration;

use local_servers::{Fault, FaultProxy, PostgresServer, RedisServer, free_port, wait_until};
use serde_json::json;
use support::{SOON, Server, Setup, import_sample};

const PRICES: &str = "/api/latest_prices";
const CHART: &str = "/api/chart_data?symbol=BTC&interval=1d&limit=5";

fn imported() -> PostgresServer {
    let postgres = PostgresServer::ephemeral().unwrap();
    import_sample(&postgres.url());
    postgres
}

/// The same URL with another user and password, host, or name of the database.
fn altered(url: &str, change: impl Fn(&mut [String; 3])) -> String {
    let (user, rest) = url.strip_prefix("postgres://").unwrap().split_once('@').unwrap();
    let (host, name) = rest.split_once('/').unwrap();
    let mut parts = [user, host, name].map(str::to_owned);
    change(&mut parts);
    let [user, host, name] = parts;
    format!("postgres://{user}@{host}/{name}")
}

fn serve(url: &str, redis: Option<&RedisServer>, feed: &str) -> Server {
    let policies =
        "[cache.categories.prices]\nfresh_for = \"300ms\"\n[cache.categories.charts]\nfresh_for = \"300ms\"";
    Server::start(&Setup {
        postgres: Some(url),
        redis,
        feed: Some(feed),
        policies: Some(policies),
        ..Setup::default()
    })
}

/// Waits until `readyz` has this to say of a part, and nothing that is for the log alone.
fn wait_reason(server: &Server, part: &str, status: &str, reason: &str) {
    let ready = server.wait_json("/readyz", |ready| {
        ready[part]["status"] == json!(status) && ready[part]["reason"] == json!(reason)
    });
    assert_eq!(ready["status"], json!("degraded"), "{ready}");
    assert!(!ready.to_string().contains("127.0.0.1"), "{ready}");
}

fn wait_ok(server: &Server) {
    server.wait_json("/readyz", |ready| ready["status"] == "ok");
}

/// How many lines of the log warn about this.
fn warnings(server: &Server, about: &str) -> usize {
    server.log().lines().filter(|line| line.contains(" WARN ") && line.contains(about)).count()
}

/// Without a database from the start pages and API answer with marked prices, and say why.
fn serves_simulated(server: &Server) {
    for path in [PRICES, CHART] {
        let answer = server.json(path);
        assert_eq!(answer["provenance"]["simulated"], json!(true), "{path}: {answer}");
        assert!(answer["provenance"]["reason"].is_string(), "{path}: {answer}");
    }
    for page in ["/", "/coin/BTC"] {
        let page = server.get(page);
        assert!(page.status == 200 && page.text().contains("Simulated prices"), "{}", page.text());
    }
}

/// Prices go on, and are not stale.
fn prices_go_on(server: &Server) {
    let as_of = || server.json(PRICES)["prices"][0]["as_of"].as_i64().unwrap();
    let then = as_of();
    assert!(wait_until(SOON, || as_of() > then + 2_000), "{}", server.log());
    assert_eq!(server.json(PRICES)["provenance"]["stale"], json!(false));
}

#[test]
fn gone_at_the_start() {
    let url = format!("postgres://u:hidden@127.0.0.1:{}/d", free_port().unwrap());
    for feed in ["replay", "none"] {
        let server = serve(&url, None, feed);
        wait_reason(&server, "postgres", "down", "cannot be reached");
        serves_simulated(&server);
        assert_eq!(warnings(&server, "Postgres is down"), 1, "{}", server.log());
        assert!(!server.log().contains("hidden"));
    }
}

#[test]
fn it_comes_later() {
    let postgres = imported();
    postgres.stop().unwrap();
    let server = serve(&postgres.url(), None, "replay");
    wait_reason(&server, "feed", "waiting", "cannot be reached");
    serves_simulated(&server);
    postgres.start().unwrap();
    wait_ok(&server);
    server.wait_json("/readyz", |ready| ready["feed"]["status"] == "running");
    server.wait_json(PRICES, |prices| prices["provenance"]["source"] == "replay");
}

#[test]
fn gone_later() {
    let postgres = imported();
    let server = serve(&postgres.url(), None, "none");
    let (prices, chart) = (server.json(PRICES), server.json(CHART));
    postgres.kill().unwrap();
    wait_reason(&server, "postgres", "down", "cannot be reached");
    // What was read stays, and is marked once it is past its time.
    for (path, member, before) in [(PRICES, "prices", &prices), (CHART, "candles", &chart)] {
        let stale = server.wait_json(path, |answer| answer["provenance"]["stale"] == json!(true));
        assert_eq!(stale[member], before[member]);
        assert_eq!(stale["provenance"]["simulated"], json!(false));
    }
    // What was never read is made up, and marked.
    let other = server.json("/api/chart_data?symbol=ETH&interval=4h&limit=7");
    assert_eq!(other["provenance"]["simulated"], json!(true));
    assert_eq!(warnings(&server, "Postgres is down"), 1, "{}", server.log());
    postgres.start().unwrap();
    wait_ok(&server);
    server.wait_json(PRICES, |answer| answer["provenance"]["stale"] == json!(false));
}

#[test]
fn slow() {
    let postgres = imported();
    let proxy = FaultProxy::before(postgres.port()).unwrap();
    let url = altered(&postgres.url(), |[_, host, _]| *host = format!("127.0.0.1:{}", proxy.port()));
    let server = serve(&url, None, "none");
    let prices = server.json(PRICES);
    proxy.set(Fault::Delay(Duration::from_millis(700))).unwrap();
    wait_reason(&server, "postgres", "slow", "takes more than a second for an answer");
    // A reader with an older value at hand is not made to wait for it.
    let stale = server.wait_json(PRICES, |answer| answer["provenance"]["stale"] == json!(true));
    assert_eq!(stale["prices"], prices["prices"]);
    assert_eq!(warnings(&server, "Postgres is slow"), 1, "{}", server.log());
    proxy.set(Fault::None).unwrap();
    wait_ok(&server);
}

#[test]
fn full() {
    let postgres = imported();
    let redis = RedisServer::ephemeral().unwrap();
    let server = serve(&postgres.url(), Some(&redis), "replay");
    server.wait_json("/readyz", |ready| ready["feed"]["status"] == "running");
    server.wait_json(PRICES, |prices| prices["provenance"]["source"] == "replay");
    // What Postgres answers when a file cannot grow, without filling this machine's disk.
    let full = "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
                    $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$;
                CREATE TRIGGER full_disk BEFORE INSERT ON candles_coarser FOR EACH ROW EXECUTE FUNCTION full_disk();";
    postgres.execute(full).unwrap();
    wait_reason(&server, "feed", "not stored", "has no disk space left");
    prices_go_on(&server);
    let recorded = server.json(&format!("{CHART}&source=recorded"));
    assert_eq!(recorded["provenance"]["simulated"], json!(false), "reading goes on");
    assert_eq!(warnings(&server, "the feed cannot be stored"), 1, "{}", server.log());
    // What was stored already need not grow; another symbol does.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("NEW-USD-1h.csv");
    support::write_candles(&file, &[(0, 5.0)]);
    let import = support::run(&postgres.url(), &["import", &file.to_string_lossy()]);
    let text = String::from_utf8_lossy(&import.stderr).into_owned();
    assert!(!import.status.success() && text.contains("could not extend file"), "{text}");
    postgres.execute("DROP TRIGGER full_disk ON candles_coarser").unwrap();
    wait_ok(&server);
    server.wait_json("/readyz", |ready| ready["feed"]["status"] == "running");
}

#[test]
fn read_only() {
    // As after a failover to a standby: every session begins anew, and none may write.
    let all = |postgres: &PostgresServer, value: &str| {
        for sql in [
            format!("ALTER SYSTEM SET default_transaction_read_only = {value}"),
            "SELECT pg_reload_conf()".to_owned(),
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tidemark'"
                .to_owned(),
        ] {
            postgres.execute(&sql).unwrap();
        }
    };
    let postgres = imported();
    let server = serve(&postgres.url(), None, "replay");
    server.wait_json("/readyz", |ready| ready["feed"]["status"] == "running");
    server.wait_json(PRICES, |prices| prices["provenance"]["source"] == "replay");
    all(&postgres, "on");
    wait_reason(&server, "feed", "not stored", "is read-only");
    prices_go_on(&server);
    let recorded = server.json(&format!("{CHART}&source=recorded"));
    assert_eq!(recorded["provenance"]["simulated"], json!(false), "reading goes on");
    let file = support::sample().join("BTC-USD-30m.csv.gz");
    let import = support::run(&postgres.url(), &["import", &file.to_string_lossy()]);
    let text = String::from_utf8_lossy(&import.stderr).into_owned();
    assert!(!import.status.success() && text.contains("read-only"), "{text}");
    all(&postgres, "off");
    wait_ok(&server);
}

#[test]
fn of_another_schema() {
    let postgres = imported();
    for (change, back, hint) in [
        (
            "UPDATE _sqlx_migrations SET version = version + 1000",
            "UPDATE _sqlx_migrations SET version = version - 1000",
            "use a newer tidemark",
        ),
        (
            "UPDATE _sqlx_migrations SET success = false WHERE version = (SELECT max(version) FROM _sqlx_migrations)",
            "UPDATE _sqlx_migrations SET success = true",
            "run `tidemark migrate`",
        ),
    ] {
        postgres.execute(change).unwrap();
        let server = serve(&postgres.url(), None, "none");
        wait_reason(&server, "postgres", "down", "needs a migration, or a newer tidemark");
        assert_eq!(warnings(&server, hint), 1, "{}", server.log());
        postgres.execute(back).unwrap();
        wait_ok(&server);
    }
    // None at all.
    let empty = postgres.create_database().unwrap();
    let server = serve(&empty, None, "replay");
    wait_reason(&server, "postgres", "down", "needs a migration, or a newer tidemark");
    serves_simulated(&server);
    assert_eq!(warnings(&server, "run `tidemark migrate`"), 1, "{}", server.log());
}

#[test]
fn that_refuses_us() {
    let postgres = imported();
    postgres.execute("CREATE ROLE locked_out NOLOGIN").unwrap();
    let url = altered(&postgres.url(), |[user, ..]| *user = "locked_out:hidden".to_owned());
    let server = serve(&url, None, "replay");
    wait_reason(&server, "postgres", "down", "refuses the user or the password");
    serves_simulated(&server);
    assert!(!server.log().contains("hidden"), "{}", server.log());
    assert_eq!(warnings(&server, "Postgres is down"), 1, "{}", server.log());
    let nowhere = altered(&postgres.url(), |[.., name]| *name = "nowhere".to_owned());
    let server = serve(&nowhere, None, "replay");
    wait_reason(&server, "postgres", "down", "has no such database");
    serves_simulated(&server);
}
