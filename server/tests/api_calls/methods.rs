//! Methods, ids and headers that hold for every path.

use local_servers::{PostgresServer, wait_until};
use serde_json::json;

use crate::{
    support::{SOON, Server, Setup, sample_database},
    wire::{self, Raw},
};

fn server(env: &[(&str, &str)]) -> Server {
    let (_, url) = sample_database();
    Server::start(&Setup { postgres: Some(&url), feed: Some("none"), env, ..Setup::default() })
}

const PATHS: [&str; 14] = [
    "/",
    "/coin/BTC",
    "/coin/NOPE",
    "/no/such/page",
    "/api",
    "/api/",
    "/api/openapi.json",
    "/api/latest_prices",
    "/api/chart_data?symbol=BTC&interval=1h",
    "/api/charts?symbols=BTC,ETH&interval=1h",
    "/api/export?symbol=BTC&interval=1d",
    "/api/nothing",
    "/healthz",
    "/readyz",
];

/// Headers but those that differ between any two answers, or are of the body on its way.
fn comparable(raw: &Raw) -> Vec<(&str, &str)> {
    let changing = ["date", "x-request-id", "cache-status", "content-security-policy", "transfer-encoding"];
    let headers = raw.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    headers.filter(|(name, _)| !changing.contains(name)).collect()
}

#[test]
fn head_is_get_without_the_body_everywhere() {
    let server = server(&[]);
    for path in PATHS {
        for encoding in ["identity", "gzip"] {
            let headers = [("accept-encoding", encoding)];
            let mut get = wire::send(&server, "GET", path, &headers);
            let mut head = wire::send(&server, "HEAD", path, &headers);
            assert_eq!(head.status, get.status, "{path}");
            assert!(head.body.is_empty(), "{path} {encoding}");
            // Whose length changes with the age that it tells.
            for raw in [&mut get, &mut head] {
                let length = raw.headers.remove("content-length");
                assert!(length.is_none_or(|length| length.parse::<u64>().unwrap() > 0), "{path} {encoding}");
            }
            assert_eq!(comparable(&head), comparable(&get), "{path} {encoding}");
        }
    }
    // Where nothing changes the length is the same, too.
    for path in ["/api", "/api/openapi.json", "/healthz"] {
        let get = wire::send(&server, "GET", path, &[]);
        let head = wire::send(&server, "HEAD", path, &[]);
        assert_eq!(head.header("content-length"), get.body.len().to_string(), "{path}");
    }
}

#[test]
fn every_answer_has_an_id_the_callers_own_if_it_is_a_good_one() {
    let server = server(&[]);
    for path in PATHS {
        let own = wire::send(&server, "GET", path, &[("x-request-id", "trace-1.A_b")]);
        assert_eq!(own.header("x-request-id"), "trace-1.A_b", "{path}");
        let made = wire::send(&server, "GET", path, &[("x-request-id", "a b")]);
        let id = made.header("x-request-id");
        // A UUID of version 7.
        assert_eq!((id.len(), id.as_bytes()[14]), (36, b'7'), "{path} {id}");
    }
    let problem = server.get_with("/api/nothing", &[("x-request-id", "me"), ("accept-encoding", "gzip")]);
    assert_eq!(problem.header("x-request-id"), "me");
    let problem = server.get_with("/api/nothing", &[("x-request-id", "me")]);
    assert_eq!(problem.json()["request_id"], json!("me"));
    let file = wire::send(&server, "GET", "/robots.txt", &[]);
    assert_eq!(file.header("x-request-id").len(), 36);
}

#[test]
fn failed_requests_are_logged_with_their_id_and_without_the_query() {
    let postgres = PostgresServer::ephemeral().unwrap();
    let server =
        Server::start(&Setup { postgres: Some(&postgres.url()), feed: Some("none"), ..Setup::default() });
    drop(postgres);
    let path = "/api/export?symbol=BTC&interval=1d&source=my-secret";
    let failed = server.get_with(path, &[("x-request-id", "failed-1")]);
    assert_eq!(failed.status, 503, "{}", failed.text());
    assert_eq!(server.get_with("/api/nothing?x=my-secret", &[("x-request-id", "fine-1")]).status, 404);
    let logged = wait_until(SOON, || server.log().contains("failed-1"));
    let log = server.log();
    assert!(logged, "{log}");
    let line = log.lines().find(|line| line.contains("failed-1")).unwrap();
    for part in ["WARN", "GET", "/api/export", "503", "ms="] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(!log.contains("my-secret") && !log.contains("fine-1"), "{log}");
}

#[test]
fn other_methods_are_told_which_there_are() {
    let server = server(&[]);
    for (method, path, allowed) in [
        ("POST", "/api/latest_prices", "GET,HEAD"),
        ("DELETE", "/api/charts", "GET,HEAD"),
        ("OPTIONS", "/api/export", "GET,HEAD"),
        ("PUT", "/api", "GET,HEAD"),
        ("GET", "/api/cache/clear", "POST"),
        ("HEAD", "/api/cache/undo", "POST"),
        ("POST", "/healthz", "GET,HEAD"),
        ("POST", "/", "GET,HEAD"),
        ("POST", "/robots.txt", "GET,HEAD"),
    ] {
        let refused = wire::send(&server, method, path, &[]);
        assert_eq!((refused.status, refused.header("allow")), (405, allowed), "{method} {path}");
    }
}

#[test]
fn a_query_that_is_too_long_is_refused_as_such() {
    let server = server(&[]);
    for path in ["/api/latest_prices", "/", "/api/nothing"] {
        let refused = wire::send(&server, "GET", &format!("{path}?x={}", "y".repeat(16 << 10)), &[]);
        assert_eq!(refused.status, 414, "{path}");
        assert_eq!(refused.header("content-type"), "application/problem+json");
    }
    // Up to there the call decides.
    let long = vec!["BTC"; 4_000].join(",");
    assert_eq!(server.get(&format!("/api/latest_prices?symbols={long}")).status, 200);
    // Beyond what the server reads at all it says no more than the status.
    assert_eq!(wire::send(&server, "GET", &format!("/{}", "y".repeat(70 << 10)), &[]).status, 414);
    let many: Vec<(String, String)> = (0..200).map(|n| (format!("x-{n}"), "y".to_owned())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(wire::send(&server, "GET", "/healthz", &many).status, 431);
    // What the caller would like to read changes nothing.
    for accept in ["text/html", "image/png", "*/*;q=0", "nonsense"] {
        let reply = server.get_with("/api/latest_prices", &[("accept", accept)]);
        assert_eq!((reply.status, reply.header("content-type")), (200, "application/json"), "{accept}");
    }
}

#[test]
fn other_sites_may_read_the_public_api_if_they_are_listed() {
    const ORIGIN: &str = "access-control-allow-origin";
    let listed = server(&[("TIDEMARK_CORS_ORIGINS", "https://a.example, http://b.example:8080")]);
    for origin in ["https://a.example", "http://b.example:8080"] {
        let reply = listed.get_with("/api/latest_prices", &[("origin", origin)]);
        assert_eq!(reply.header(ORIGIN), origin);
        let exposed = reply.header("access-control-expose-headers").to_owned();
        for name in ["etag", "retry-after", "x-request-id"] {
            assert!(exposed.contains(name), "{exposed}");
        }
        let vary: Vec<_> =
            reply.headers.get_all("vary").iter().map(|v| v.to_str().unwrap().to_owned()).collect();
        let vary = vary.join(",");
        assert!(vary.contains("origin") && vary.contains("accept-encoding"), "{vary}");
        // Also errors, so that a script can tell what is wrong.
        assert_eq!(listed.get_with("/api/chart_data", &[("origin", origin)]).header(ORIGIN), origin);
        let asked = [
            ("origin", origin),
            ("access-control-request-method", "GET"),
            ("access-control-request-headers", "if-none-match"),
        ];
        let preflight = wire::send(&listed, "OPTIONS", "/api/chart_data", &asked);
        assert_eq!((preflight.status, preflight.header(ORIGIN)), (200, origin));
        assert_eq!(preflight.header("access-control-allow-methods"), "GET,HEAD");
        assert!(preflight.header("access-control-allow-headers").contains("if-none-match"));
    }
    let other = listed.get_with("/api/latest_prices", &[("origin", "https://c.example")]);
    assert_eq!((other.status, other.header(ORIGIN)), (200, ""));
    let any = server(&[("TIDEMARK_CORS_ORIGINS", "*")]);
    assert_eq!(any.get_with("/api/", &[("origin", "https://c.example")]).header(ORIGIN), "*");
    let none = server(&[]);
    for server in [&listed, &any, &none] {
        for path in ["/api/cache/stats", "/healthz", "/"] {
            let reply = server.get_with(path, &[("origin", "https://a.example")]);
            assert_eq!(reply.header(ORIGIN), "", "{path}");
            assert_eq!(wire::send(server, "OPTIONS", path, &[("origin", "https://a.example")]).status, 405);
        }
    }
    assert_eq!(none.get_with("/api/latest_prices", &[("origin", "https://a.example")]).header(ORIGIN), "");
}
