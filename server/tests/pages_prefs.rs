//! Language, theme and watchlist, settled by the server for each request; and pages asked for by many at once.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::thread;

use support::{Server, Setup, sample_database};

fn server() -> Server {
    let (_, url) = sample_database();
    Server::start(&Setup { postgres: Some(&url), feed: Some("none"), ..Setup::default() })
}

#[test]
fn the_address_the_cookie_and_the_browser_settle_the_language_in_this_order() {
    let server = server();
    /// Address, headers, language.
    type Case = (&'static str, &'static [(&'static str, &'static str)], &'static str);
    let cases: [Case; 6] = [
        ("/", &[], "en"),
        ("/", &[("accept-language", "zh-CN,zh;q=0.9,en;q=0.8")], "zh-CN"),
        ("/", &[("accept-language", "zh-CN"), ("cookie", "a=b; lang=en")], "en"),
        ("/?lang=zh-CN", &[("accept-language", "en"), ("cookie", "lang=en")], "zh-CN"),
        ("/coin/BTC?interval=1d&lang=zh", &[], "zh-CN"),
        ("/?lang=klingon", &[("accept-language", "zh")], "zh-CN"),
    ];
    for (path, headers, lang) in cases {
        let reply = server.get_with(path, headers);
        assert_eq!(reply.status, 200, "{path}");
        assert_eq!(reply.header("content-language"), lang, "{path} {headers:?}");
        assert!(reply.text().contains(&format!("<html lang=\"{lang}\"")), "{path} {headers:?}");
    }
    let page = server.get("/?lang=zh-CN");
    assert!(page.text().contains("行情") && page.text().contains("href=\"/coin/BTC?lang=zh-CN\""));
    // It is kept when the address named it, and not otherwise.
    assert!(
        page.header("set-cookie").starts_with("lang=zh-CN; Path=/; Max-Age="),
        "{}",
        page.header("set-cookie")
    );
    let of_header = server.get_with("/", &[("accept-language", "zh-CN")]);
    assert_eq!(of_header.header("set-cookie"), "");
    assert!(of_header.text().contains("href=\"/coin/BTC\""));
    for (path, status, words) in
        [("/coin/NOPE?lang=zh-CN", 404, "没有名为 NOPE 的币种"), ("/no/such?lang=zh-CN", 404, "没有这个页面")]
    {
        let reply = server.get(path);
        assert_eq!(reply.status, status, "{path}");
        assert!(reply.text().contains(words), "{path}: {}", reply.text());
    }
}

#[test]
fn theme_colours_and_stars_are_in_the_first_html() {
    let server = server();
    let html = server.get_with("/", &[("cookie", "theme=dark; rising=red; watch=ETH|NOPE|<x>")]).text();
    assert!(html.contains("data-theme=\"dark\"") && html.contains("data-rising=\"red\""));
    assert_eq!(html.matches("aria-pressed=\"true\"").count(), 1, "the star of ETH");
    let list = server.get_with("/?show=watchlist", &[("cookie", "watch=ETH|BTC")]).text();
    assert_eq!(list.matches("<th scope=\"row\"").count(), 2);
    // What a cookie says is never mark-up.
    let odd =
        server.get_with("/?q=%3Cscript%3E1&lang=%22%3E", &[("cookie", "theme=\"><script>; lang=<b>")]).text();
    assert!(!odd.contains("<script>1") && odd.contains("data-theme=\"system\""));
    assert!(odd.contains("&lt;script"), "the text is said back, escaped");
}

#[test]
fn rows_are_sorted_filtered_and_chosen_by_the_address() {
    let server = server();
    let order = |query: &str| {
        let html = server.get(&format!("/{query}")).text();
        let symbols = html.split("class=\"coin-symbol\">").skip(1);
        symbols.map(|rest| rest.split('<').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(order(""), ["BTC", "ETH", "XRP", "EOS", "LTC"], "by market cap");
    assert_eq!(order("?sort=price"), ["XRP", "EOS", "LTC", "ETH", "BTC"]);
    assert_eq!(order("?sort=coin"), ["BTC", "EOS", "ETH", "LTC", "XRP"]);
    assert_eq!(order("?q=coin&sort=-price"), ["BTC", "LTC"]);
    let (gainers, losers) = (order("?show=gainers"), order("?show=losers"));
    assert!(!gainers.is_empty() && !losers.is_empty() && gainers.len() + losers.len() <= 5);
    assert!(gainers.iter().all(|symbol| !losers.contains(symbol)));
    assert!(server.get("/?q=nothing").text().contains("No coin is called “nothing”."));
}

/// What a page holds is dropped on whichever thread ends it: nothing of it may belong to one thread.
#[test]
fn pages_asked_for_by_many_at_once_are_whole() {
    let server = server();
    thread::scope(|scope| {
        for worker in 0..8 {
            let server = &server;
            scope.spawn(move || {
                for i in 0..25 {
                    let path =
                        ["/", "/coin/ETH?range=1w", "/?q=b&show=losers", "/admin", "/nope"][(worker + i) % 5];
                    let reply = server.get(path);
                    assert!(reply.status == 200 || path == "/nope", "{path}: {}", reply.status);
                    let text = reply.text();
                    // The last that is sent, after the resources that hydration finds.
                    assert!(
                        text.contains("</html>") && text.ends_with("__INCOMPLETE_CHUNKS=[];</script>"),
                        "{path} is cut off"
                    );
                }
            });
        }
    });
    assert!(!server.log().contains("panicked"), "{}", server.log());
}
