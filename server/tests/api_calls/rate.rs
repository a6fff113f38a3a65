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
    // All calls, pages and server functions count together; files and health do not.
    for path in [
        "/api",
        "/api/",
        "/api/cache/stats",
        "/api/nothing",
        "/fn/latest_prices",
        "/",
        "/coin/BTC",
        "/admin/cache",
        "/x",
    ] {
        assert_eq!(server.get(path).status, 429, "{path}");
    }
    for path in ["/healthz", "/readyz"] {
        let reply = server.get(path);
        assert_eq!((reply.status, reply.header("ratelimit")), (200, ""), "{path}");
    }
    assert_eq!(server.get("/pkg/tidemark.js").status, 404, "no such file here, but no refusal either");
}

#[test]
fn pages_are_counted_and_files_are_not() {
    let site = tempfile::tempdir().unwrap();
    std::fs::write(site.path().join("robots.txt"), "User-agent: *\n").unwrap();
    let root = site.path().to_str().unwrap();
    let server = server(&[THREE, ("LEPTOS_SITE_ROOT", root)]);
    for _ in 0..3 {
        let page = server.get("/coin/BTC");
        assert_eq!((page.status, page.header("ratelimit-policy")), (200, "\"client\";q=3;w=180"));
    }
    let refused = server.get("/coin/BTC");
    assert_eq!((refused.status, refused.header("content-type")), (429, "application/problem+json"));
    // A page with its files is more than one call: files have no count.
    assert_eq!(server.get("/robots.txt").status, 200);
}

#[test]
fn no_header_makes_a_client_of_a_local_proxy_unlimited() {
    // The defaults, and a proxy on this machine.
    let server = server(&[("TIDEMARK_TRUSTED_PROXIES", "127.0.0.1")]);
    let is_limited = |headers: &[(&str, &str)]| {
        // The burst, and what is allowed anew meanwhile.
        let mut calls = (0..20_000).map(|_| server.get_with("/api", headers));
        calls.any(|reply| {
            assert_ne!(reply.header("ratelimit"), "", "{headers:?}");
            reply.status == 429
        })
    };
    let forged = [
        ("forwarded", "for=x"),
        ("forwarded", "proto=http"),
        ("forwarded", ""),
        ("forwarded", "for=127.0.0.1"),
        ("x-real-ip", "127.0.0.1"),
    ];
    for (n, forged) in forged.into_iter().enumerate() {
        let own = format!("203.0.113.{n}");
        assert!(is_limited(&[("x-forwarded-for", &own), forged]), "{forged:?}");
    }
    // Another value each time is no other client.
    let varied = (0..20_000).any(|n| {
        let forged = format!("for=10.{}.{}.1", n / 250, n % 250);
        let headers = [("x-forwarded-for", "1.1.1.1, 203.0.113.50"), ("forwarded", forged.as_str())];
        server.get_with("/api", &headers).status == 429
    });
    assert!(varied);
    // What cannot be read, and what is missing, counts as the proxy.
    assert!(is_limited(&[("x-forwarded-for", "203.0.113.60, garbage")]));
    for headers in [&[("forwarded", "for=_hidden")][..], &[("x-forwarded-for", "127.0.0.1")], &[]] {
        let limited = (0..100).any(|_| server.get_with("/api", headers).status == 429);
        assert!(limited, "{headers:?}");
    }
    // Another client is none of these.
    assert_eq!(server.get_with("/api", &[("x-forwarded-for", "203.0.113.70")]).status, 200);
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
fn only_the_header_that_is_set_names_the_client() {
    const XFF: &str = "x-forwarded-for";
    let with = |header: &str| {
        server(&[THREE, ("TIDEMARK_TRUSTED_PROXIES", "127.0.0.1"), ("TIDEMARK_FORWARDED_HEADER", header)])
    };
    // A proxy writes one header, and each call brings another value of the other one.
    for (header, own, forged) in [
        ("forwarded", "for=203.0.113.7", XFF),
        ("Forwarded", "for=x, for=203.0.113.7", XFF),
        ("x-forwarded-for", "9.9.9.9, 203.0.113.7", "forwarded"),
        ("auto", "203.0.113.7", "forwarded"),
    ] {
        let server = with(header);
        let name = if header.eq_ignore_ascii_case("forwarded") { "forwarded" } else { XFF };
        let statuses: Vec<u16> = (1..=4)
            .map(|n| {
                let other =
                    if forged == XFF { format!("198.51.100.{n}") } else { format!("for=198.51.100.{n}") };
                server.get_with("/api", &[(name, own), (forged, &other)]).status
            })
            .collect();
        assert_eq!(statuses, [200, 200, 200, 429], "{header}");
        // Alone, the other one names nobody, unless both count: the call is the proxy's.
        let by_forged = |n: u8| {
            let other = if forged == XFF { format!("192.0.2.{n}") } else { format!("for=192.0.2.{n}") };
            server.get_with("/api", &[(forged, &other)]).status
        };
        let statuses: Vec<u16> = (1..=4).map(by_forged).collect();
        let last = if header == "auto" { 200 } else { 429 };
        assert_eq!(statuses, [200, 200, 200, last], "{header}");
        // Where the administrator has said which one counts, there is nothing to warn of.
        assert_eq!(server.log().contains("TIDEMARK_FORWARDED_HEADER"), header == "auto", "{}", server.log());
    }
}

#[test]
fn the_setting_is_checked_at_the_start() {
    for (name, value) in [
        ("TIDEMARK_RATE_LIMIT", "many"),
        ("TIDEMARK_RATE_LIMIT", "5/h"),
        ("TIDEMARK_TRUSTED_PROXIES", "10.0.0.0/40"),
        ("TIDEMARK_TRUSTED_PROXIES", "0.0.0.0/0"),
        ("TIDEMARK_FORWARDED_HEADER", "x-real-ip"),
        ("TIDEMARK_MAX_UNSENT_MIB", "0"),
        ("TIDEMARK_MAX_UNSENT_MIB_PER_CLIENT", "8MiB"),
        ("TIDEMARK_MAX_CONNECTIONS_PER_CLIENT", "-1"),
        ("TIDEMARK_MIN_BODY_KIB_PER_SECOND", "2000"),
        ("TIDEMARK_MAX_EXPORTS_PER_CLIENT", "5"),
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
