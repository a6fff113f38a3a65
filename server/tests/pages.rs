//! Pages, their files and their server functions.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use local_servers::PostgresServer;
use support::{Holder, Server, Setup, import_sample, sample_database};

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
    assert!(html.contains("4,167.50"));
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
    assert!(page.text().contains("4,167.50") && !page.text().contains("Simulated prices"));
}
