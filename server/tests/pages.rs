//! Pages, their files and their server functions.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use local_servers::{PostgresServer, wait_until};
use serde_json::json;
use support::{Holder, SOON, Server, Setup, import_sample, run, sample_database, write_candles};

fn server() -> Server {
    let (_, url) = sample_database();
    Server::start(&Setup { postgres: Some(&url), ..Setup::default() })
}

#[test]
fn every_response_carries_the_security_headers() {
    let server = server();
    for path in ["/", "/coin/BTC", "/coin/NOPE", "/api/latest_prices", "/healthz", "/no/such/page"] {
        let reply = server.get(path);
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        let policy = reply.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe-inline"), "{path}: {policy}");
    }
    assert_eq!(server.get("/coin/NOPE").status, 404);
    assert_eq!(server.get("/no/such/page").status, 404);
}

#[test]
fn the_pages_are_complete_in_the_first_html() {
    let server = server();
    let html = server.get("/").text();
    assert!(html.matches("<tr").count() >= 6, "{html}");
    for symbol in ["BTC", "ETH", "LTC", "EOS", "XRP"] {
        assert!(html.contains(symbol));
    }
    assert!(html.contains("4,167.5"));
    let coin = server.get("/coin/BTC").text();
    assert!(coin.contains("<svg") && coin.contains("Bitcoin"));
    assert!(!html.contains(" style=") && !coin.contains(" style="));
}

#[test]
fn package_files_are_kept_for_long_and_missing_ones_not_at_all() {
    let site = tempfile::tempdir().unwrap();
    std::fs::create_dir(site.path().join("pkg")).unwrap();
    std::fs::write(site.path().join("pkg/tidemark.abc.js"), "1").unwrap();
    let root = site.path().to_str().unwrap();
    for (hashed, expected) in [("true", "public, max-age=31536000, immutable"), ("false", "no-cache")] {
        let env = [("LEPTOS_SITE_ROOT", root), ("LEPTOS_HASH_FILES", hashed)];
        // The shell of pages reads the hashes from beside the binary: only files are asked for here.
        let server = Server::start(&Setup { env: &env, ..Setup::default() });
        let there = server.get("/pkg/tidemark.abc.js");
        assert_eq!((there.status, there.header("cache-control")), (200, expected));
        let modified = there.header("last-modified").to_owned();
        let unchanged = server.get_with("/pkg/tidemark.abc.js", &[("if-modified-since", &modified)]);
        assert_eq!((unchanged.status, unchanged.header("cache-control")), (304, expected));
        let missing = server.get("/pkg/tidemark.def.js");
        assert_eq!((missing.status, missing.header("cache-control")), (404, "no-store"));
    }
}

#[test]
fn server_functions_have_the_limits_of_the_api() {
    let large = "POST /fn/chart HTTP/1.1\r\nhost: x\r\ncontent-length: 20000\r\n\r\n";
    let answer = server().raw(large.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("application/problem+json"), "{answer}");
}

#[test]
fn locked_tables_delay_the_front_page_once_and_not_for_each_coin() {
    const LONG: &str = r#"
[cache.categories.directory]
fresh_for = "1h"
stale_for = "2h"
[cache.categories.prices]
fresh_for = "1h"
stale_for = "2h"
"#;
    let postgres = PostgresServer::ephemeral().unwrap();
    import_sample(&postgres.url());
    let url = postgres.url();
    let server = Server::start(&Setup { postgres: Some(&url), policies: Some(LONG), ..Setup::default() });
    server.json("/api/latest_prices");
    let holder = Holder::lock(&url, "candles");
    // No chart is at hand. A wait for each of the five coins would be longer than the bound on a call.
    let page = server.get("/");
    holder.release();
    assert_eq!(page.status, 200, "{}", page.text());
    assert!(page.text().contains("4,167.5") && !page.text().contains("Simulated prices"));
}

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

    let weeks = &server.json("/fn/backdrop")["weeks"];
    assert_eq!(weeks[0]["symbol"], json!("ABC"));
    assert_eq!(weeks[0]["source"], json!("recorded"));
    // The price at the start of the seven days, and their closes: the change of the line is that of the figure.
    assert_eq!(weeks[0]["closes"], json!([23.0, 23.0, 24.0, 25.0, 26.0, 27.0, 28.0, 29.0]));
    let quote = &server.json("/api/latest_prices")["prices"][0];
    assert_eq!((&quote["open_7d"], &quote["price"]), (&json!("23"), &json!("29")));
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
    assert_eq!(server.json("/fn/backdrop")["weeks"][0]["source"], json!("recorded"));
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
        (
            "/fn/chart?symbol=BTC&interval=4h&from=1551484800000&to=1551571200000&limit=10&source=recorded",
            200,
        ),
        ("/fn/chart?symbol=BTC&interval=4h&limit=10&source=nope", 400),
        ("/fn/chart?symbol=BTC&interval=4h&from=2&to=1&limit=10", 400),
    ];
    for (path, status) in cases {
        let reply = server.get(path);
        assert_eq!(reply.status, status, "{path}: {}", reply.text());
    }
    // Nothing is known of a coin that is neither stored nor made up while the database is away.
    let away = Server::start(&Setup { feed: Some("none"), ..Setup::default() });
    assert_eq!(away.get("/fn/coin?symbol=NOPE").status, 503);
}
