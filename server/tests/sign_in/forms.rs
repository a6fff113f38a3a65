//! Signing in and out by plain forms, and by the pages' scripts.

use serde_json::json;

use crate::{
    people::{PASSWORD, ask, cookie, database_with_password, server, sign_in, status},
    support::{Reply, Server},
};

/// As a browser sends a form.
fn form(server: &Server, path: &str, body: &str, more: &[(&str, &str)]) -> Reply {
    let referer = server.url("/admin?next=/admin/cache");
    let origin = server.url("");
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
        ("referer", referer.as_str()),
        ("origin", origin.as_str()),
        ("sec-fetch-site", "same-origin"),
    ];
    ask(server, "POST", path, &[&headers, more].concat(), body)
}

fn fields(password: &str, next: &str) -> String {
    format!("user=admin&password={}&next={next}", password.replace(' ', "+"))
}

#[test]
fn a_form_signs_in_and_out_without_scripts() {
    let server = server(&database_with_password(), &[]);
    for (next, leads_to) in [
        ("%2Fcoin%2FBTC%3Finterval%3D1h", "/coin/BTC?interval=1h"),
        ("", "/admin/cache"),
        ("%2F%2Fevil.example", "/admin/cache"),
        ("https%3A%2F%2Fevil.example", "/admin/cache"),
        ("%2F%5Cevil.example", "/admin/cache"),
        ("%2Fx%0D%0Aset-cookie%3A+a%3Db", "/admin/cache"),
    ] {
        let reply = form(&server, "/fn/sign_in", &fields(PASSWORD, next), &[]);
        assert_eq!((reply.status, reply.header("location")), (303, leads_to), "{next}: {}", reply.text());
        assert_eq!(reply.header("cache-control"), "no-store");
        let pair = cookie(&reply);
        assert_eq!(status(&server, &pair), 200);

        let out = form(&server, "/fn/sign_out", "", &[("cookie", &pair)]);
        assert_eq!((out.status, out.header("location")), (303, "/admin"));
        assert!(out.header("set-cookie").contains("Max-Age=0"));
        assert_eq!(status(&server, &pair), 401);
    }
    // Without the field it leads to the page of the cache.
    let body = format!("user=admin&password={}", PASSWORD.replace(' ', "+"));
    assert_eq!(form(&server, "/fn/sign_in", &body, &[]).header("location"), "/admin/cache");
}

#[test]
fn a_form_that_fails_leads_back_and_says_why() {
    let server = server(&database_with_password(), &[]);
    let reply = form(&server, "/fn/sign_in", &fields("not the passphrase", "%2Fadmin%2Fcache%3Fa%3D1"), &[]);
    assert_eq!(reply.status, 303);
    assert_eq!(reply.header("location"), "/admin?error=wrong_password&next=/admin/cache%3Fa%3D1");
    assert_eq!(reply.header("set-cookie"), "");
    let told = (0..40).find_map(|_| {
        let reply = form(&server, "/fn/sign_in", &fields("not the passphrase", "//evil.example"), &[]);
        let location = reply.header("location").to_owned();
        assert!(reply.status == 303 && !location.contains("evil"), "{location}");
        location.strip_prefix("/admin?error=too_many_guesses&retry_after_s=").map(str::to_owned)
    });
    assert!(told.unwrap().parse::<u32>().unwrap() >= 1);
    // A field is missing: back to where it came from, or to the front; the reason holds nothing that was sent.
    let broken = form(&server, "/fn/sign_in", "user=hunter2", &[]);
    assert_eq!((broken.status, broken.header("set-cookie")), (302, ""));
    assert!(broken.header("location").starts_with(&server.url("/admin")), "{}", broken.header("location"));
    assert!(!broken.header("location").contains("hunter2"));
}

#[test]
fn a_script_gets_the_session_or_the_error_with_its_status() {
    let server = server(&database_with_password(), &[]);
    let call = |path: &str, body: &str, more: &[(&str, &str)]| {
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")];
        ask(&server, "POST", path, &[&headers, more].concat(), body)
    };
    let reply = call("/fn/sign_in", &fields(PASSWORD, "%2Fcoin%2FBTC"), &[]);
    assert_eq!((reply.status, reply.header("location")), (200, "/coin/BTC"), "{}", reply.text());
    assert!(reply.headers.contains_key("serverfnredirect"));
    assert_eq!(reply.json()["user"], json!("admin"));
    let pair = cookie(&reply);

    let who = ask(&server, "GET", "/fn/session", &[("cookie", &pair)], "");
    assert_eq!((who.status, who.header("cache-control")), (200, "no-store"), "{}", who.text());
    assert_eq!(who.json()["user"], json!("admin"));
    let nobody = ask(&server, "GET", "/fn/session", &[], "");
    assert_eq!((nobody.status, nobody.json()), (401, json!({ "Admin": { "error": "not_signed_in" } })));

    let wrong = call("/fn/sign_in", &fields("not the passphrase", ""), &[]);
    assert_eq!((wrong.status, wrong.json()), (401, json!({ "Admin": { "error": "wrong_password" } })));
    assert_eq!(wrong.header("set-cookie"), "");
    let wait = (0..40).find_map(|_| {
        let reply = call("/fn/sign_in", &fields("not the passphrase", ""), &[]);
        (reply.status == 429).then(|| reply.header("retry-after").to_owned())
    });
    assert!(wait.unwrap().parse::<u32>().unwrap() >= 1);
    let out = call("/fn/sign_out", "", &[("cookie", &pair)]);
    assert_eq!((out.status, out.header("location")), (200, "/admin"));
    assert_eq!(status(&server, &pair), 401);
}

#[test]
fn no_page_is_kept_from_being_read_by_the_check_of_origins() {
    let server = server(&database_with_password(), &[]);
    let pair = sign_in(&server);
    let headers = [("cookie", pair.as_str()), ("sec-fetch-site", "cross-site")];
    for path in ["/", "/coin/BTC", "/fn/latest_prices"] {
        assert!(ask(&server, "GET", path, &headers, "").status != 403, "{path}");
    }
}
