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
        [("/coin/NOPE?lang=zh-CN", 404, "没有名为 NOPE 的币种"), ("/no/such?lang=zh-CN", 404, "找不到页面")]
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
    assert!(server.get("/?q=nothing").text().contains("No coins match “nothing”."));
}

#[test]
fn coins_are_found_by_their_chinese_names_in_every_language() {
    let server = server();
    for (query, shown) in [("lang=zh-CN", "莱特币"), ("lang=en", "Litecoin")] {
        // 莱特, and the same in traditional characters.
        for text in ["%E8%8E%B1%E7%89%B9", "%E8%90%8A%E7%89%B9%E5%B9%A3", "litecoin"] {
            let html = server.get(&format!("/?{query}&q={text}")).text();
            assert_eq!(html.matches("<th scope=\"row\"").count(), 1, "{query} {text}");
            assert!(html.contains(&format!("class=\"coin-name\">{shown}<")), "{query} {text}");
        }
    }
    let coin = server.get("/coin/BTC?lang=zh-CN").text();
    assert!(coin.contains("<title>比特币 ") && coin.contains("<h1>比特币"), "{coin}");
}

#[test]
fn a_star_is_a_form_that_this_site_alone_may_send() {
    let server = server();
    let form = "application/x-www-form-urlencoded";
    let send = |cookie: &str, site: &str, body: &str| {
        let headers =
            [("accept", "text/html"), ("content-type", form), ("cookie", cookie), ("sec-fetch-site", site)];
        server.send("POST", "/fn/toggle_watch", &headers, body)
    };
    for (cookie, body, leads_to, kept) in [
        ("watch=ETH", "toggle=BTC&next=%2F%3Fsort%3Dcoin", "/?sort=coin", "watch=ETH|BTC;"),
        ("watch=ETH|BTC", "toggle=ETH&next=%2Fcoin%2FETH", "/coin/ETH", "watch=BTC;"),
        ("theme=dark", "toggle=XRP&next=%2F%2Fevil.example", "/", "watch=XRP;"),
        ("", "toggle=xrp", "/", "watch=XRP;"),
    ] {
        let reply = send(cookie, "same-origin", body);
        assert_eq!((reply.status, reply.header("location")), (303, leads_to), "{body}");
        assert!(reply.header("set-cookie").starts_with(kept), "{body}: {}", reply.header("set-cookie"));
    }
    let foreign = send("watch=ETH", "cross-site", "toggle=BTC");
    assert_eq!((foreign.status, foreign.header("set-cookie")), (403, ""));
    let odd = send("watch=ETH", "same-origin", "toggle=B%2FC");
    assert_eq!(odd.header("set-cookie"), "");
}

#[test]
fn links_of_a_path_that_looks_like_another_site_stay_here() {
    let server = server();
    let reply = server.get("//evil.example/x");
    assert_eq!(reply.status, 404);
    let html = reply.text();
    assert!(!html.contains("href=\"//") && !html.contains("value=\"//"), "{html}");
    assert!(html.contains("href=\"/?lang=zh-CN\""));
    let icon = server.send("GET", "/favicon.ico", &[], "");
    assert_eq!((icon.status, icon.header("location")), (308, "/favicon.svg"));
}

#[test]
fn a_replay_says_of_which_days_it_is() {
    let (_, url) = sample_database();
    let server = Server::start(&Setup { postgres: Some(&url), feed: Some("replay"), ..Setup::default() });
    let backdrop = server.wait_json("/fn/backdrop", |answer| !answer["replay"].is_null());
    let replay = &backdrop["replay"];
    let [first, end, playing] = ["first", "end", "playing"].map(|name| replay[name].as_i64().unwrap());
    // The sample begins on 1 October 2017 and ends on 31 March 2019.
    assert_eq!(first / 86_400_000, 1_506_816_000_000 / 86_400_000, "{replay}");
    assert_eq!((end - 1) / 86_400_000, 1_553_990_400_000 / 86_400_000, "{replay}");
    assert!((first..end).contains(&playing), "{replay}");
    let html = server.get("/").text();
    assert!(html.contains("Recorded 1 Oct 2017 – 31 Mar 2019, replayed as if live. Now playing "), "{html}");
    let coin = server.get("/coin/BTC").text();
    assert!(coin.contains("replayed as if live") && coin.contains("Recorded since"), "{coin}");
    // The first candle of the replay is of a day on which nothing was recorded: it is not called the data's first.
    assert!(!coin.contains("Data since"));
    assert!(server.get("/?lang=zh-CN").text().contains("录制于 2017年10月1日至2019年3月31日"));
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
