//! The cache's administration by the pages' server functions.

use model::{CacheEntry, CacheStats, ClearPreview, ClearScope, Cleared, Counted, Undone};
use serde_json::json;

use crate::{
    people::{ask, database_with_password, server, sign_in},
    support::{Reply, Server},
};

fn read(server: &Server, path: &str, cookie: &str) -> Reply {
    ask(server, "GET", path, &[("cookie", cookie)], "")
}

fn change(server: &Server, path: &str, cookie: &str, body: &str) -> Reply {
    let headers =
        [("cookie", cookie), ("content-type", "application/json"), ("sec-fetch-site", "same-origin")];
    ask(server, "POST", path, &headers, body)
}

fn answer<T: serde::de::DeserializeOwned>(reply: &Reply) -> T {
    assert_eq!((reply.status, reply.header("cache-control")), (200, "no-store"), "{}", reply.text());
    serde_json::from_slice(&reply.body).unwrap()
}

#[test]
fn nothing_is_told_or_done_without_a_session() {
    let server = server(&database_with_password(), &[]);
    let scope = json!({ "scope": "all" }).to_string();
    let made_up = format!("tidemark={}", "a".repeat(64));
    for cookie in ["", "tidemark=x", made_up.as_str()] {
        for reply in [
            read(&server, "/fn/cache_stats", cookie),
            read(&server, "/fn/cache_entry?key=prices:recorded", cookie),
            change(&server, "/fn/preview_clear", cookie, &scope),
            change(&server, "/fn/clear_cache", cookie, &scope),
        ] {
            assert_eq!((reply.status, reply.json()), (401, json!({ "Admin": { "error": "not_signed_in" } })));
            assert_eq!(reply.header("cache-control"), "no-store");
        }
        let headers = [("cookie", cookie), ("content-type", "application/x-www-form-urlencoded")];
        assert_eq!(ask(&server, "POST", "/fn/undo_clear", &headers, "handle=1").status, 401);
    }
    let pair = sign_in(&server);
    let stats: CacheStats = answer(&read(&server, "/fn/cache_stats", &pair));
    assert_eq!(stats.clears, [], "nothing was cleared");
}

#[test]
fn the_operator_sees_clears_and_takes_back() {
    let server = server(&database_with_password(), &[]);
    let pair = sign_in(&server);
    server.get("/api/latest_prices");
    server.get("/api/latest_prices");
    let stats: CacheStats = answer(&read(&server, "/fn/cache_stats", &pair));
    let names: Vec<&str> = stats.categories.iter().map(|category| category.name.as_str()).collect();
    assert_eq!(names, ["charts", "directory", "prices", "sparklines"]);
    assert!(
        stats.categories.iter().any(|category| category.reads > 0 && category.source.loads > 0),
        "{stats:?}"
    );
    assert!(!stats.redis.configured && stats.nodes.is_empty());
    let hot = stats.hot_keys.first().map(|hot| hot.key.clone());
    assert!(hot.as_ref().is_none_or(|key| key.contains(':')), "{hot:?}");

    let scope = json!({ "scope": ClearScope::Category("directory".to_owned()) }).to_string();
    let preview: ClearPreview = answer(&change(&server, "/fn/preview_clear", &pair, &scope));
    assert_eq!(preview.counted, Counted::NoRedis);
    assert!(preview.keys >= 1 && preview.keys == preview.memory_keys, "{preview:?}");
    let cleared: Cleared = answer(&change(&server, "/fn/clear_cache", &pair, &scope));
    assert_eq!(cleared.covered.keys, preview.keys);
    let stats: CacheStats = answer(&read(&server, "/fn/cache_stats", &pair));
    let record = &stats.clears[0];
    assert_eq!(
        (record.handle, record.scope.as_str(), record.undone),
        (cleared.handle, "category directory", false)
    );
    let day = 86_400_000;
    assert!(record.undo_left_ms > 0 && record.undo_left_ms <= day, "{record:?}");

    let headers = [("cookie", pair.as_str()), ("content-type", "application/x-www-form-urlencoded")];
    let undo = |handle: u64| ask(&server, "POST", "/fn/undo_clear", &headers, &format!("handle={handle}"));
    let undone: Undone = answer(&undo(cleared.handle));
    assert!(undone.complete, "{undone:?}");
    let stats: CacheStats = answer(&read(&server, "/fn/cache_stats", &pair));
    assert!(stats.clears[0].undone && stats.clears[0].undo_left_ms == 0);

    let unknown = undo(4711);
    assert_eq!(unknown.status, 404);
    assert_eq!(unknown.json(), json!({ "Admin": { "error": "unknown_clear", "handle": 4711 } }));
    for (scope, part) in [
        (ClearScope::Category("price".to_owned()), "category"),
        (ClearScope::Prefix("BTC".to_owned()), "prefix"),
        (ClearScope::Key("recorded".to_owned()), "key"),
        (ClearScope::Tag("a b".to_owned()), "tag"),
    ] {
        let body = json!({ "scope": scope }).to_string();
        for path in ["/fn/preview_clear", "/fn/clear_cache"] {
            let reply = change(&server, path, &pair, &body);
            assert_eq!(reply.status, 400, "{}", reply.text());
            assert_eq!(reply.json()["Admin"]["part"], json!(part), "{}", reply.text());
        }
    }
    let stats: CacheStats = answer(&read(&server, "/fn/cache_stats", &pair));
    assert_eq!(stats.clears.len(), 1, "what was refused was not made");
    let entry: CacheEntry = answer(&read(&server, "/fn/cache_entry?key=prices:nothing", &pair));
    assert_eq!((entry.memory, entry.redis), (None, None));
    assert_eq!(read(&server, "/fn/cache_entry?key=nothing", &pair).status, 400);
}
