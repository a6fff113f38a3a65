//! Bad requests and what is answered, as docs/api-errors.md lists them. `UPDATE_DOCS=1` writes the page anew.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::{fs, path::Path};

use support::{
    Server, Setup,
    admin::{TOKEN, TokenFile},
    sample_database,
};

/// Method, what is asked, body.
const REQUESTS: &[(&str, &str, &str)] = &[
    ("GET", "/api/nothing", ""),
    ("GET", "/api/cache/nothing", ""),
    ("POST", "/api/latest_prices", ""),
    ("GET", "/api/latest_prices?symbols=BTC,NOPE", ""),
    ("GET", "/api/latest_prices?symbols=BTC/USD", ""),
    ("GET", "/api/latest_prices?symbols=,", ""),
    ("GET", "/api/latest_prices?symbols=%FF", ""),
    ("GET", "/api/latest_prices?symbols=BTC&symbols=ETH", ""),
    ("GET", "/api/latest_prices?symbol=BTC", ""),
    ("GET", "/api/latest_prices?symbols=ABCDEFGHIJKLMNOPQRSTU", ""),
    ("GET", "/api/chart_data?interval=1h", ""),
    ("GET", "/api/chart_data?symbol=&interval=1h", ""),
    ("GET", "/api/chart_data?symbol=BTC", ""),
    ("GET", "/api/chart_data?symbol=NOPE&interval=1h", ""),
    ("GET", "/api/chart_data?symbol=B%20C&interval=1h", ""),
    ("GET", "/api/chart_data?symbol=BTC&interval=2h", ""),
    ("GET", "/api/chart_data?symbol=BTC&interval=1H", ""),
    ("GET", "/api/chart_data?symbol=BTC&interval=1m", ""),
    ("GET", "/api/chart_data?symbol=BTC&interval=1h&limit=0", ""),
    ("GET", "/api/chart_data?symbol=BTC&interval=1h&limit=5001", ""),
    ("GET", "/api/chart_data?symbol=BTC&interval=1h&limit=1e3", ""),
    ("GET", "/api/chart_data?symbol=BTC&interval=1h&from=yesterday", ""),
    ("GET", "/api/chart_data?symbol=BTC&interval=1h&to=-1", ""),
    ("GET", "/api/chart_data?symbol=BTC&interval=1h&from=1546300800001&to=1546300800000", ""),
    ("GET", "/api/chart_data?symbol=BTC&interval=1h&from=1546300800&limit=2", ""),
    ("GET", "/api/chart_data?symbol=BTC&interval=1h&source=binance", ""),
    ("GET", "/api/chart_data?symbol=BTC&interval=1h&source=a%2Fb", ""),
    ("GET", "/api/chart_data?symbol=BTC&interval=1h&interval=1d", ""),
    ("GET", "/api/chart_data?symbol=BTC&interval=1h&depth=5", ""),
    ("GET", "/api/charts?interval=1h", ""),
    ("GET", "/api/charts?symbols=BTC,ETH", ""),
    ("GET", "/api/charts?symbols=BTC,NOPE&interval=1h", ""),
    (
        "GET",
        "/api/charts?symbols=A1,A2,A3,A4,A5,A6,A7,A8,A9,B1,B2,B3,B4,B5,B6,B7,B8,B9,C1,C2,C3&interval=1h&limit=5000",
        "",
    ),
    ("GET", "/api/charts?symbols=BTC&interval=1h&format=csv", ""),
    ("GET", "/api/charts?symbols=BTC&interval=1h&from=1546300800000&to=1548892800", ""),
    ("GET", "/api/export?symbol=BTC&interval=1d&format=xml", ""),
    ("GET", "/api/export?symbol=BTC&interval=1d&source=simulated", ""),
    ("GET", "/api/export?symbol=BTC&interval=1d&limit=10", ""),
    ("GET", "/api/export?symbol=BTC&interval=1d&from=1546300800", ""),
    ("GET", "/api/cache/inspect", ""),
    ("GET", "/api/cache/inspect?key=nothing", ""),
    ("GET", "/api/cache/clear", ""),
    ("POST", "/api/cache/clear", "{}"),
    ("POST", "/api/cache/clear", "{\"scope\":{}}"),
    ("POST", "/api/cache/clear", "{\"scope\":{\"category\":\"pricez\"}}"),
    ("POST", "/api/cache/clear", "{\"scope\":[null,\"prices\",null,null,null]}"),
    ("POST", "/api/cache/undo", "[7]"),
    ("POST", "/api/cache/undo", "{\"handle\":\"1\"}"),
    ("POST", "/api/cache/undo", "{\"handle\":99}"),
    ("GET", "/api/session", ""),
    ("POST", "/api/session", "{}"),
    ("POST", "/api/session", "{\"user\":\"admin\",\"password\":\"correct horse battery staple\"}"),
];

#[test]
fn forty_bad_requests_are_answered_as_the_page_says() {
    assert!(REQUESTS.len() >= 40);
    let (_, postgres) = sample_database();
    let token = TokenFile::new();
    let env = [("TIDEMARK_ADMIN_TOKEN_FILE", token.value())];
    let env = env.each_ref().map(|(name, value)| (*name, value.as_str()));
    let server = Server::start(&Setup {
        postgres: Some(&postgres),
        feed: Some("none"),
        env: &env,
        ..Setup::default()
    });
    let mut page = String::from(
        "# Bad requests and their answers\n\n\
         Each is asked of a server with the sample and answered by a problem document; a test compares this page with what \
         is\nanswered. Requests to `/api/cache` carry the token. Without it they are answered by 401.\n\n\
         | request | status | parameter | detail |\n|---|---|---|---|\n",
    );
    for (method, path, body) in REQUESTS {
        let reply = match *method {
            "POST" => server.post_as(path, body, Some(TOKEN)),
            _ => server.get_as(path, Some(TOKEN)),
        };
        assert!(reply.status >= 400, "{path}: {}", reply.text());
        assert_eq!(reply.header("content-type"), "application/problem+json", "{path}");
        let problem = reply.json();
        assert_eq!(problem["status"], reply.status, "{path}");
        let detail = problem["detail"].as_str().unwrap();
        let parameter = problem["parameter"].as_str().map_or(String::new(), |name| format!("`{name}`"));
        let body = if body.is_empty() { String::new() } else { format!(" with `{body}`") };
        page.push_str(&format!("| `{method} {path}`{body} | {} | {parameter} | {detail} |\n", reply.status));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/api-errors.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    for (written, answered) in written.lines().zip(page.lines()) {
        assert_eq!(written, answered, "UPDATE_DOCS=1 writes the page anew");
    }
    assert_eq!(written.lines().count(), page.lines().count(), "UPDATE_DOCS=1 writes the page anew");
}
