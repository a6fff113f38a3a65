//! Rate limits.

use serde_json::json;

use crate::support::{Server, Setup, tidemark};

/// So slow that nothing is allowed anew while a test runs.
const THREE: (&str, &str) = ("TIDEMARK_RATE_LIMIT", "1/m:3");

fn server(env: &[(&str, &str)]) -> Server {
    Server::start(&Setup { env, ..Setup::default() })
}

#[test]
fn who_calls_too_often_is_told_when_to_come_back() {
    let server = server(&[THREE]);
    for left in ["r=2;t=60", "r=1;t=120", "r=0;t=180"] {
        let reply = server.get("/api/latest_prices");
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("ratelimit"), format!("\"client\";{left}"));
        assert_eq!(reply.header("ratelimit-policy"), "\"client\";q=3;w=180");
    }
    let refused = server.get("/api/chart_data?symbol=BTC&interval=1h");
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header("content-type"), "application/problem+json");
    let seconds: u32 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert!(refused.header("ratelimit").starts_with("\"client\";r=0;"));
    assert_eq!(refused.header("ratelimit-policy"), "\"client\";q=3;w=180");
    let problem = refused.json();
    assert_eq!(problem["status"], json!(429));
    assert_eq!(problem["request_id"], json!(refused.header("x-request-id")));
    // All calls and the server functions count together; pages, files and health do not.
    for path in ["/api", "/api/", "/api/cache/stats", "/api/nothing", "/fn/latest_prices"] {
        assert_eq!(server.get(path).status, 429, "{path}");
    }
    for path in ["/", "/coin/BTC", "/healthz", "/readyz"] {
        let reply = server.get(path);
        assert_eq!((reply.status, reply.header("ratelimit")), (200, ""), "{path}");
    }
    assert_eq!(server.get("/robots.txt").status, 404, "no such file here, but no refusal either");
}

#[test]
fn callers_on_this_machine_are_not_limited_by_default() {
    let server = server(&[]);
    for _ in 0..260 {
        assert_eq!(server.get("/api").status, 200);
    }
}

#[test]
fn a_trusted_proxy_names_its_callers_and_others_cannot() {
    let proxied = server(&[THREE, ("TIDEMARK_TRUSTED_PROXIES", "127.0.0.0/8,10.0.0.0/8")]);
    let from = |server: &Server, header: (&str, &str)| server.get_with("/api", &[header]).status;
    for _ in 0..3 {
        assert_eq!(from(&proxied, ("x-forwarded-for", "203.0.113.7")), 200);
    }
    // The same caller, whatever it adds on the left, and through another proxy.
    for list in ["203.0.113.7", "9.9.9.9, 203.0.113.7", "203.0.113.7, 10.1.1.1"] {
        assert_eq!(from(&proxied, ("x-forwarded-for", list)), 429, "{list}");
    }
    assert_eq!(from(&proxied, ("forwarded", "for=203.0.113.7;proto=https")), 429);
    assert_eq!(from(&proxied, ("x-forwarded-for", "203.0.113.8")), 200);
    // Of IPv6 the network counts.
    for n in 1..=3 {
        assert_eq!(from(&proxied, ("forwarded", &format!("for=\"[2001:db8::{n}]\""))), 200);
    }
    assert_eq!(from(&proxied, ("x-forwarded-for", "2001:db8::9")), 429);
    // Without the setting the header is anybody's word.
    let direct = server(&[THREE]);
    let answers: Vec<u16> =
        (0..4).map(|n| from(&direct, ("x-forwarded-for", &format!("203.0.113.{n}")))).collect();
    assert_eq!(answers, [200, 200, 200, 429]);
}

#[test]
fn the_setting_is_checked_at_the_start() {
    for (name, value) in [
        ("TIDEMARK_RATE_LIMIT", "many"),
        ("TIDEMARK_RATE_LIMIT", "5/h"),
        ("TIDEMARK_TRUSTED_PROXIES", "10.0.0.0/40"),
        ("TIDEMARK_CORS_ORIGINS", "example.org"),
    ] {
        let output =
            tidemark().arg("serve").env(name, value).env("LEPTOS_SITE_ADDR", "127.0.0.1:0").output().unwrap();
        assert!(!output.status.success());
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains(name) && text.contains(value), "{text}");
    }
    let off = server(&[("TIDEMARK_RATE_LIMIT", "off")]);
    assert_eq!(off.get("/api").header("ratelimit"), "");
}
