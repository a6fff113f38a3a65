//! Refused pages: a browser gets a page that says so, in the reader's language, and programs a problem document.

use std::io::Read;

use local_servers::wait_until;

use crate::{
    support::{Reply, SOON, Server, Setup, sample_database},
    wire,
};

/// What a browser sends for a page.
const BROWSER: (&str, &str) = ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");

/// A page that is complete by itself: what its policy lets pass is in it, and nothing is asked of the server but the icon.
fn is_whole(reply: &Reply) -> String {
    assert_eq!(reply.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(reply.header("cache-control"), "no-store");
    assert_eq!(reply.header("x-content-type-options"), "nosniff");
    let html = reply.text();
    let (_, nonce) = html.split_once("<style nonce=\"").unwrap();
    let (nonce, _) = nonce.split_once('"').unwrap();
    assert!(nonce.len() >= 16, "{nonce}");
    let policy = reply.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{policy}");
    assert!(
        policy.contains(&format!("style-src 'nonce-{nonce}';")) && !policy.contains("script"),
        "{policy}"
    );
    for absent in ["<script", " style=", "src=", "@import", "url(", "onclick"] {
        assert!(!html.contains(absent), "{absent} in {html}");
    }
    assert!(html.contains(reply.header("x-request-id")), "{html}");
    html
}

#[test]
fn too_many_requests_are_a_page_in_a_browser_and_a_document_elsewhere() {
    let server = Server::start(&Setup { env: &[("TIDEMARK_RATE_LIMIT", "1/m:1")], ..Setup::default() });
    assert_eq!(server.get("/api").status, 200);
    for path in ["/", "/coin/BTC", "/admin/cache", "/nope"] {
        let refused = server.get_with(path, &[BROWSER]);
        assert_eq!(refused.status, 429, "{path}");
        let html = is_whole(&refused);
        let seconds = refused.header("retry-after");
        assert!(html.contains("<h1>Too many requests</h1>") && html.contains("HTTP 429"), "{html}");
        let wait = if seconds == "1" { "second" } else { "seconds" };
        assert!(html.contains(&format!("Try again in {seconds} {wait}.")), "{seconds}: {html}");
        assert!(html.contains("<html lang=\"en\" data-theme=\"system\">"), "{html}");
        // The page itself once more.
        assert!(html.contains(">Retry</a>") && html.contains(" href=\"\""), "{html}");
        assert!(refused.header("ratelimit").starts_with("\"client\";r=0;"));
    }
    let chinese = server.get_with("/", &[BROWSER, ("accept-language", "zh-CN,zh;q=0.9")]);
    let html = is_whole(&chinese);
    assert_eq!(chinese.header("content-language"), "zh-CN");
    assert!(html.contains("<html lang=\"zh-CN\"") && html.contains("<h1>请求过多</h1>"), "{html}");
    assert!(html.contains("秒后重试。") && html.contains(">重试</a>"), "{html}");
    // The address comes before the cookie, and the cookie before the browser's own language.
    let chosen = [BROWSER, ("cookie", "lang=zh-CN; theme=dark"), ("accept-language", "en")];
    assert!(is_whole(&server.get_with("/", &chosen)).contains("<html lang=\"zh-CN\" data-theme=\"dark\">"));
    assert!(is_whole(&server.get_with("/?lang=en", &chosen)).contains("<html lang=\"en\""));
    // Programs, and every call of the API.
    for accept in ["*/*", "application/json", "application/json, text/html;q=0.9", "text/html;q=0.1, */*"] {
        let refused = server.get_with("/coin/BTC", &[("accept", accept)]);
        assert_eq!((refused.status, refused.header("content-type")), (429, "application/problem+json"));
        assert_eq!(refused.json()["request_id"], refused.header("x-request-id"));
    }
    for path in ["/api", "/api/latest_prices", "/api/export?symbol=BTC&interval=1d"] {
        let refused = server.get_with(path, &[BROWSER]);
        assert_eq!((refused.status, refused.header("content-type")), (429, "application/problem+json"));
    }
    // A form leads back to its page, of this site alone.
    let form = |referer: &str| {
        let headers = [BROWSER, ("referer", referer), ("sec-fetch-site", "same-origin")];
        is_whole(&server.send("POST", "/fn/toggle_watch", &headers, ""))
    };
    assert!(
        form(&server.url("/coin/BTC?range=1m")).contains("href=\"/coin/BTC?range=1m\">Back to the page</a>")
    );
    assert!(!form("https://evil.example//evil.example").contains("evil"));
    let head = server.send("HEAD", "/", &[BROWSER], "");
    assert_eq!((head.status, head.header("content-type")), (429, "text/html; charset=utf-8"));
    assert!(head.body.is_empty());
}

#[test]
fn a_client_that_reads_nothing_is_told_so_in_a_page() {
    const LARGE: &str = "/api/charts?symbols=BTC,ETH,XRP,LTC,EOS&interval=30m&limit=5000";
    let (_, url) = sample_database();
    let server = Server::start(&Setup {
        postgres: Some(&url),
        env: &[("TIDEMARK_MAX_UNSENT_MIB_PER_CLIENT", "1")],
        ..Setup::default()
    });
    let mut unread = wire::open(&server, "GET", LARGE, &[]);
    unread.read_exact(&mut [0; 12]).unwrap();
    let refused = server.get_with("/", &[BROWSER]);
    assert_eq!(refused.status, 429);
    assert!(is_whole(&refused).contains("Try again in 5 seconds."));
    drop(unread);
    assert!(wait_until(SOON, || server.get_with("/", &[BROWSER]).status == 200));
}

#[test]
fn other_refusals_are_pages_too() {
    let server = Server::start(&Setup::default());
    let missing = server.get_with("/pkg/none.js", &[BROWSER]);
    assert_eq!(missing.status, 404);
    assert!(is_whole(&missing).contains(">All markets</a>"));
    let long = server.get_with(&format!("/?x={}", "y".repeat(20_000)), &[BROWSER]);
    assert_eq!(long.status, 414);
    assert!(is_whole(&long).contains("What you sent is too long."));
    let method = server.send("PUT", "/coin/BTC", &[BROWSER, ("sec-fetch-site", "same-origin")], "");
    assert_eq!((method.status, method.header("content-type")), (405, "text/html; charset=utf-8"));
}
