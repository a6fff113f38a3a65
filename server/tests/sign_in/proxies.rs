//! Signing in through a reverse proxy, and the share of each client.

use serde_json::json;

use crate::{
    people::{PASSWORD, SESSION, ask, database_with_password, detail, server, try_password},
    support::Server,
};

const PROXY: (&str, &str) = ("TIDEMARK_TRUSTED_PROXIES", "127.0.0.1");
const CLIENT: (&str, &str) = ("x-forwarded-for", "192.0.2.7");

fn status(server: &Server, headers: &[(&str, &str)]) -> u16 {
    try_password(server, PASSWORD, &[&[CLIENT], headers].concat()).status
}

#[test]
fn the_host_that_a_trusted_proxy_names_counts_as_host() {
    let proxied = server(&database_with_password(), &[PROXY]);
    // On plain HTTP browsers send Origin alone. The Host is the server's own, as nginx sends it by default.
    let origin = ("origin", "http://dash.lan:8080");
    for good in [
        &[origin, ("x-forwarded-host", "dash.lan:8080")][..],
        &[origin, ("x-forwarded-host", "DASH.lan:8080")],
        &[origin, ("x-forwarded-host", "evil.lan, dash.lan:8080")],
        &[origin, ("forwarded", "for=192.0.2.7;host=\"dash.lan:8080\";proto=http")],
        &[origin, ("host", "dash.lan:8080")],
        &[("origin", "https://dash.lan"), ("x-forwarded-host", "dash.lan:443")],
        &[("origin", "http://dash.lan"), ("x-forwarded-host", "dash.lan:80")],
    ] {
        assert_eq!(status(&proxied, good), 200, "{good:?}");
    }
    for bad in [
        &[origin][..],
        &[origin, ("x-forwarded-host", "dash.lan")],
        &[("origin", "https://dash.lan"), ("x-forwarded-host", "dash.lan:80")],
        &[origin, ("x-forwarded-host", "dash.lan:8080, other.lan")],
        &[("origin", "http://evil.lan"), ("x-forwarded-host", "dash.lan")],
        &[origin, ("x-forwarded-host", "dash.lan:8080"), ("sec-fetch-site", "cross-site")],
        &[("origin", ""), ("x-forwarded-host", "dash.lan")],
    ] {
        assert_eq!(status(&proxied, bad), 403, "{bad:?}");
    }
    let direct = server(&database_with_password(), &[]);
    assert_eq!(status(&direct, &[origin, ("x-forwarded-host", "dash.lan:8080")]), 403, "nobody's word");
}

#[test]
fn host_and_scheme_are_of_the_header_that_is_set() {
    let origin = ("origin", "https://dash.lan");
    let x = [origin, ("x-forwarded-host", "dash.lan"), ("x-forwarded-proto", "https")];
    let forwarded = [origin, ("forwarded", "for=192.0.2.7;host=dash.lan;proto=https")];
    for (header, x_status, forwarded_status) in
        [("forwarded", 403, 200), ("x-forwarded-for", 200, 403), ("auto", 200, 200)]
    {
        let server = server(&database_with_password(), &[PROXY, ("TIDEMARK_FORWARDED_HEADER", header)]);
        for (lines, expected) in [(&x[..], x_status), (&forwarded, forwarded_status)] {
            let reply = try_password(&server, PASSWORD, lines);
            assert_eq!(reply.status, expected, "{header} {lines:?}: {}", reply.text());
            // The cookie is of a browser that came by TLS.
            let is_secure = reply.header("set-cookie").starts_with("__Host-tidemark=");
            assert_eq!(is_secure, expected == 200, "{header} {lines:?}");
        }
        // The same host by a header that does not count does not make a plain cookie a secure one either.
        let mixed = [("origin", "http://127.0.0.1"), ("host", "127.0.0.1"), ("x-forwarded-proto", "https")];
        let reply = try_password(&server, PASSWORD, &mixed);
        let is_secure = reply.header("set-cookie").starts_with("__Host-");
        assert_eq!((reply.status, is_secure), (200, header != "forwarded"), "{header}");
    }
}

#[test]
fn a_refusal_says_what_to_change_and_leads_a_form_back() {
    let server = server(&database_with_password(), &[PROXY]);
    let origin = ("origin", "http://dash.lan");
    let reply = try_password(&server, PASSWORD, &[CLIENT, origin]);
    assert_eq!(reply.status, 403);
    for part in ["own pages", "http://dash.lan", "127.0.0.1", "X-Forwarded-Host", "TIDEMARK_TRUSTED_PROXIES"]
    {
        assert!(detail(&reply).contains(part), "{}", detail(&reply));
    }
    let log = server.log();
    assert!(log.contains("Origin http://dash.lan is not Host") && log.contains("X-Forwarded-Host"), "{log}");
    let form = [
        CLIENT,
        origin,
        ("content-type", "application/x-www-form-urlencoded"),
        ("accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
    ];
    let body = format!("user=admin&password={}", PASSWORD.replace(' ', "+"));
    let reply = ask(&server, "POST", "/fn/sign_in", &form, &body);
    assert_eq!((reply.status, reply.header("location")), (303, "/admin?error=cross_origin"));
    assert_eq!(reply.header("set-cookie"), "");
    let page = ask(&server, "GET", "/admin?error=cross_origin", &[CLIENT], "").text();
    assert!(page.contains("reverse proxy"), "{page}");
    let chinese = ask(&server, "GET", "/admin?error=cross_origin&lang=zh-CN", &[CLIENT], "").text();
    assert!(chinese.contains("反向代理"), "{chinese}");
    // Asked for by another site, which a browser says, nothing leads anywhere.
    let form = [&form[..], &[("sec-fetch-site", "cross-site")]].concat();
    assert_eq!(ask(&server, "POST", "/fn/sign_in", &form, &body).status, 403);
}

#[test]
fn guesses_and_refusals_are_of_the_client_whatever_it_forges() {
    let server = server(&database_with_password(), &[PROXY]);
    let attacker = [("x-forwarded-for", "203.0.113.66"), ("forwarded", "for=x")];
    let limited = (0..20).any(|_| try_password(&server, "not the passphrase", &attacker).status == 429);
    assert!(limited, "{}", server.log());
    // The operator on the machine itself, and at another address.
    for own in [&[][..], &[CLIENT]] {
        assert_eq!(try_password(&server, PASSWORD, own).status, 200, "{own:?}");
    }
    let log = server.log();
    let refused: Vec<&str> = log.lines().filter(|line| line.contains("sign_in_refused")).collect();
    assert!(!refused.is_empty() && refused.iter().all(|line| line.contains("203.0.113.66")), "{refused:?}");

    // Anonymous calls of one client do not change what another is told.
    let stats = "/api/cache/stats";
    // Many at once, as the count falls with time.
    let limited = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..40)
            .map(|_| scope.spawn(|| ask(&server, "GET", stats, &attacker, "").status == 429))
            .collect();
        // All are waited for.
        calls.into_iter().map(|call| call.join().unwrap()).fold(false, |any, is| any | is)
    });
    assert!(limited);
    assert_eq!(ask(&server, "GET", stats, &[CLIENT], "").status, 401);
    let who = ask(&server, "GET", SESSION, &[CLIENT], "");
    assert_eq!((who.status, &who.json()["status"]), (401, &json!(401)));
}
