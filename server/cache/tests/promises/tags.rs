//! Clears by tag: in memory, in Redis, in another process, and undone.

use tidemark_cache::{Cache, LoadError, Loaded, Scope, Tiers, Want};

use crate::common::*;

async fn tagged(texts: &Texts, name: &str, tags: &[&str]) {
    let loaded = tags.iter().fold(Loaded::new(Text("v".into()), 1), |loaded, tag| loaded.tag(*tag));
    let load = move || async move { Ok::<_, Down>(loaded) };
    texts.get_or_load(&key(name), Want::any(), load).await.expect("loads");
}

async fn present(texts: &Texts) -> Vec<&'static str> {
    let mut there = Vec::new();
    for name in ["btc", "both", "eth", "none"] {
        if texts.get(&key(name)).await.is_some() {
            there.push(name);
        }
    }
    there
}

async fn fill(cache: &Cache, texts: &Texts) {
    tagged(texts, "btc", &["coin:BTC"]).await;
    tagged(texts, "both", &["coin:BTC", "coin:ETH"]).await;
    tagged(texts, "eth", &["coin:ETH"]).await;
    tagged(texts, "none", &[]).await;
    written(cache, "texts", 4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_carries_the_tag_is_gone_everywhere_until_it_is_undone() {
    let redis = redis().await;
    let (a, b) = (cache_on(&redis).await, cache_on(&redis).await);
    let (in_a, in_b) = (texts(&a, steady()), texts(&b, steady()));
    fill(&a, &in_a).await;
    assert_eq!(present(&in_b).await, ["btc", "both", "eth", "none"]);
    let cleared = a.clear(Scope::Tag("coin:BTC".into())).await.expect("recorded");
    let left = ["eth", "none"];
    assert_eq!(present(&in_a).await, left, "at once where it was made");
    until("the other process knows", || b.stats().clears.head == cleared.seq).await;
    assert_eq!(present(&in_b).await, left);
    let c = cache_on(&redis).await;
    assert_eq!(present(&texts(&c, steady())).await, left, "in Redis");
    let d = cache_on(&redis).await;
    let in_d = d.category::<String, Text>("texts", steady().tiers(Tiers::L2)).expect("a category");
    assert_eq!(present(&in_d).await, left);
    // A dead one of a higher version refuses no write; a living one does.
    in_b.set_loaded(&key("both"), Loaded::new(Text("anew".into()), 0).tag("coin:BTC")).expect("good tags");
    in_b.set_loaded(&key("eth"), Loaded::new(Text("anew".into()), 0)).expect("good tags");
    written(&b, "texts", 1).await;
    until_async("it is there again", || async { present(&in_d).await == ["both", "eth", "none"] }).await;
    assert_eq!(in_d.get(&key("eth")).await.expect("there").version, 1);
    b.undo(cleared.seq).await.expect("undone");
    for texts in [&in_b, &in_d] {
        until_async("all are back", || async { present(texts).await == ["btc", "both", "eth", "none"] })
            .await;
    }
    assert_eq!(in_d.get(&key("both")).await.expect("there").value.0, "anew", "what came since stays");
    let inspected = a.inspect("texts", "both").await.l2.expect("there");
    assert_eq!(inspected.tags, ["coin:BTC"]);
}

#[tokio::test]
async fn without_redis_it_works_in_memory() {
    let cache = memory_only();
    let texts = texts(&cache, steady());
    tagged(&texts, "btc", &["coin:BTC"]).await;
    tagged(&texts, "eth", &["coin:ETH"]).await;
    let cleared = cache.clear(Scope::Tag("coin:BTC".into())).await.expect("recorded");
    assert_eq!(present(&texts).await, ["eth"]);
    cache.undo(cleared.seq).await.expect("undone");
    assert_eq!(present(&texts).await, ["btc", "eth"]);
}

#[tokio::test]
async fn bad_tags_are_refused_and_nothing_is_kept() {
    let cache = memory_only();
    let texts = texts(&cache, steady());
    for bad in ["", "two words", "line\nbreak", &"x".repeat(65)] {
        let loaded = Loaded::new(Text("v".into()), 1).tag(bad);
        assert!(texts.set_loaded(&key("k"), loaded.clone()).is_err(), "{bad:?}");
        let load = move || async move { Ok::<_, Down>(loaded) };
        let refused = texts.get_or_load(&key("k"), Want::any(), load).await;
        assert!(matches!(refused, Err(LoadError::Tags(_))), "{bad:?}: {refused:?}");
        assert!(cache.clear(Scope::Tag(bad.into())).await.is_err(), "{bad:?}");
    }
    let many = (0..17).fold(Loaded::new(Text("v".into()), 1), |loaded, i| loaded.tag(i.to_string()));
    assert!(texts.set_loaded(&key("k"), many).is_err());
    assert!(texts.get(&key("k")).await.is_none());
}
