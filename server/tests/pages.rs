//! Pages and their server functions, as a browser without JavaScript and a monitor see them.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use local_servers::{PostgresServer, wait_until};
use serde_json::json;
use support::{SOON, Server, Setup, import_sample, run, sample_database, write_candles};

#[test]
fn a_coin_of_daily_bars_opens_on_its_plain_link_and_has_its_week() {
    let postgres = PostgresServer::ephemeral().unwrap();
    let url = postgres.url();
    assert!(run(&url, &["migrate"]).status.success());
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ABC-USD-1d.csv");
    let days: Vec<(i64, f64)> =
        (0..20_u8).map(|i| (i64::from(i) * 86_400_000, 10.0 + f64::from(i))).collect();
    write_candles(&file, &days);
    let imported = run(&url, &["import", file.to_str().unwrap()]);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    let server = Server::start(&Setup { postgres: Some(&url), feed: Some("none"), ..Setup::default() });

    let page = server.get("/coin/ABC");
    assert_eq!(page.status, 200, "{}", page.text());
    assert!(page.text().contains("ABC, 1d candles"), "{}", page.text());
    // What is finer than the stored bars is still refused where it is asked for by name.
    assert_eq!(server.get("/coin/ABC?interval=4h").status, 400);

    let weeks = server.json("/fn/sparklines");
    assert_eq!(weeks[0]["symbol"], json!("ABC"));
    assert_eq!(weeks[0]["source"], json!("recorded"));
    // Seven days, and the close before them.
    assert_eq!(weeks[0]["closes"], json!([22.0, 23.0, 24.0, 25.0, 26.0, 27.0, 28.0, 29.0]));
}

#[test]
fn no_recorded_week_stands_beside_made_up_prices() {
    let postgres = PostgresServer::ephemeral().unwrap();
    let url = postgres.url();
    import_sample(&url);
    // Prices are soon gone; charts and the list of series outlive the test.
    let policies = r#"
[cache.categories.prices]
fresh_for = "300ms"
stale_for = "2s"
"#;
    let server = Server::start(&Setup {
        postgres: Some(&url),
        feed: Some("none"),
        policies: Some(policies),
        ..Setup::default()
    });
    let recorded = server.get("/").text();
    assert!(recorded.contains("Recorded prices") && recorded.contains("c-spark"), "{recorded}");
    postgres.kill().unwrap();
    let mut page = String::new();
    let simulated = wait_until(SOON, || {
        page = server.get("/").text();
        page.contains("Simulated prices")
    });
    assert!(simulated, "{page}");
    // The weeks are there, and recorded: the table alone leaves them out.
    assert_eq!(server.json("/fn/sparklines")[0]["source"], json!("recorded"));
    assert!(!page.contains("c-spark"), "{page}");
}

#[test]
fn a_server_function_answers_with_the_status_of_its_error() {
    let (_, url) = sample_database();
    let server = Server::start(&Setup { postgres: Some(&url), ..Setup::default() });
    let cases = [
        ("/fn/coin?symbol=BTC", 200),
        ("/fn/coin?symbol=NOPE", 404),
        ("/fn/latest_prices?symbols=BTC,NOPE", 404),
        ("/fn/chart?symbol=BTC&interval=4h&limit=10", 200),
        ("/fn/chart?symbol=BTC&interval=2h&limit=10", 400),
        ("/fn/chart?symbol=BTC&interval=1m&limit=10", 400),
        ("/fn/chart?symbol=BTC&interval=4h&limit=0", 400),
    ];
    for (path, status) in cases {
        let reply = server.get(path);
        assert_eq!(reply.status, status, "{path}: {}", reply.text());
    }
    // Nothing is known of a coin that is neither stored nor made up while the database is away.
    let away = Server::start(&Setup { feed: Some("none"), ..Setup::default() });
    assert_eq!(away.get("/fn/coin?symbol=NOPE").status, 503);
}
