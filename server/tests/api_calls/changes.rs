//! `GET /api/price_changes`: only what changed, and nothing where nothing did.

use local_servers::wait_until;
use serde_json::json;

use crate::support::{SOON, Server, Setup, sample_database};

/// A server over recorded prices, which stand still.
fn still() -> Server {
    let (_, postgres) = sample_database();
    Server::start(&Setup { postgres: Some(&postgres), feed: Some("none"), ..Setup::default() })
}

#[test]
fn prices_that_stand_still_are_answered_once() {
    let server = still();
    let all = server.json("/api/latest_prices?symbols=BTC,XRP");
    let first = server.get("/api/price_changes?symbols=BTC,XRP,BTC");
    assert_eq!(first.status, 200, "{}", first.text());
    let answer = first.json();
    let changes = answer["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 2);
    for (change, quote) in changes.iter().zip(all["prices"].as_array().unwrap()) {
        let fields = [
            "symbol",
            "price",
            "price_decimals",
            "open_1h",
            "open_24h",
            "high_24h",
            "low_24h",
            "volume_24h",
            "open_7d",
            "as_of",
        ];
        let expected: Vec<_> = fields.iter().map(|field| quote[field].clone()).collect();
        assert_eq!(change, &json!(expected));
    }
    assert_eq!(answer["as_of"], all["prices"][0]["as_of"]);
    let since = format!("/api/price_changes?symbols=BTC,XRP&since={}", answer["version"]);
    // Without a tag the answer is whole, and empty of changes.
    let second = server.get(&since);
    assert_eq!((second.status, &second.json()["changes"]), (200, &json!([])));
    let tag = first.header("etag").to_owned();
    assert_eq!(second.header("etag"), tag, "the tag is of the rows, whatever the caller knows");
    let third = server.get_with(&since, &[("if-none-match", &tag)]);
    assert_eq!((third.status, third.text().len()), (304, 0));
    // Other rows have another tag.
    let other = server.get_with("/api/price_changes?symbols=BTC", &[("if-none-match", &tag)]);
    assert_eq!(other.status, 200);
}

#[test]
fn bad_questions_are_named() {
    let server = still();
    let many: Vec<String> = (0..201).map(|i| format!("C{i}")).collect();
    for (query, status, parameter) in [
        ("".to_owned(), 400, "symbols"),
        ("?symbols=BTC&since=soon".to_owned(), 400, "since"),
        ("?symbols=BTC,NOPE".to_owned(), 404, "symbols"),
        (format!("?symbols={}", many.join(",")), 400, "symbols"),
    ] {
        let reply = server.get(&format!("/api/price_changes{query}"));
        assert_eq!((reply.status, &reply.json()["parameter"]), (status, &json!(parameter)), "{query}");
    }
}

#[test]
fn of_moving_prices_those_that_moved_since_are_answered() {
    let server = Server::start(&Setup {
        feed: Some("simulated"),
        env: &[("TIDEMARK_SIMULATED_SYMBOLS", "40")],
        ..Setup::default()
    });
    let all = server.json("/api/latest_prices");
    let symbols: Vec<&str> =
        all["prices"].as_array().unwrap().iter().map(|quote| quote["symbol"].as_str().unwrap()).collect();
    let path = format!("/api/price_changes?symbols={}", symbols.join(","));
    let first = server.json(&path);
    assert_eq!(first["changes"].as_array().unwrap().len(), symbols.len());
    let since = format!("{path}&since={}", first["version"]);
    let mut moved = server.json(&since);
    let arrived = wait_until(SOON, || {
        moved = server.json(&since);
        !moved["changes"].as_array().unwrap().is_empty()
    });
    assert!(arrived, "{moved}");
    assert!(moved["version"].as_u64() > first["version"].as_u64());
    // Each of them differs from what was known, by more than its time.
    let known = first["changes"].as_array().unwrap();
    for change in moved["changes"].as_array().unwrap() {
        let old = known.iter().find(|old| old[0] == change[0]).unwrap();
        assert_ne!(&change.as_array().unwrap()[..9], &old.as_array().unwrap()[..9]);
    }
}
