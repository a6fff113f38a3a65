//! Clears of entries on all masters: counted before, recorded, undone.

use tidemark_cache::{Scope, Undone};

use crate::common::cluster::{cache_on_cluster, names_by_master, undisturbed};
use crate::common::*;

const EACH: usize = 30;
const RELOADED: usize = 5;

/// How many of these names are answered for.
async fn present(texts: &Texts, names: &[String]) -> usize {
    let mut there = 0;
    for name in names {
        there += usize::from(texts.get(name).await.is_some());
    }
    there
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clear_is_counted_on_all_masters_and_can_be_undone() {
    let cluster = undisturbed().await;
    let names: Vec<String> = names_by_master(&cluster, "c", EACH).await.into_values().flatten().collect();
    let all = names.len();
    let (a, b) = (cache_on_cluster(cluster, "clears").await, cache_on_cluster(cluster, "clears").await);
    let (in_a, in_b) = (texts(&a, steady()), texts(&b, steady()));
    let others = a.category::<String, Text>("others", steady()).expect("a category");
    for name in &names {
        in_a.set(name, Text(name.clone()), 1);
    }
    others.set(&names[0], Text("v".into()), 1);
    written(&a, "texts", all as u64).await;
    written(&a, "others", 1).await;
    assert_eq!(present(&in_b, &names).await, all, "`b` has them in memory");

    // Counted exactly, by whoever asks, whether in its memory or not.
    let scope = || Scope::Category("texts".into());
    let preview = b.preview_clear(&scope()).await.expect("counted");
    assert_eq!((preview.complete, &preview.errors), (true, &Vec::new()), "{preview:?}");
    assert_eq!(
        (preview.l1_entries, preview.l2_entries, preview.l2_entries_error),
        (all as u64, all as u64, 0)
    );
    assert!(preview.sample.iter().all(|name| name.starts_with("texts:c")) && !preview.sample.is_empty());
    let some = Scope::Prefix("texts:c1".into());
    let begin_so = names.iter().filter(|name| name.starts_with("c1")).count() as u64;
    let preview = b.preview_clear(&some).await.expect("counted");
    assert_eq!((preview.l2_entries, preview.l1_entries), (begin_so, begin_so), "{preview:?}");
    assert_eq!(present(&in_b, &names).await, all, "a look changes nothing");

    let (cleared, counted) = a.clear_counted(scope()).await.expect("recorded");
    assert_eq!(counted.entries(), Some(all as u64));
    assert_eq!(present(&in_a, &names).await, 0, "at once where it was cleared");
    until("the other process knows", || b.stats().clears.head == cleared.seq).await;
    assert_eq!(present(&in_b, &names).await, 0);
    assert!(others.get(&names[0]).await.is_some());
    let fresh = cache_on_cluster(cluster, "clears").await;
    assert_eq!(present(&texts(&fresh, steady()), &names).await, 0, "in Redis");

    for name in &names[..RELOADED] {
        assert_eq!(load(&in_b, name, "anew", 1).await.expect("loads").value.0, "anew");
    }
    written(&b, "texts", RELOADED as u64).await;
    let undone = a.undo(cleared.seq).await.expect("undone");
    let (revived, reloaded) = ((all - RELOADED) as u64, RELOADED as u64);
    assert_eq!(undone, Undone { revived, reloaded, still_cleared: 0, gone: Some(0), complete: true });
    until("the other process knows", || b.stats().clears.active == 0).await;
    let fresh = cache_on_cluster(cluster, "clears").await;
    let in_fresh = texts(&fresh, steady());
    for texts in [&in_a, &in_b, &in_fresh] {
        assert_eq!(present(texts, &names).await, all);
    }
    for texts in [&in_b, &in_fresh] {
        let hit = texts.get(&names[0]).await.expect("there");
        assert_eq!(hit.value.0, "anew", "what was loaded since stays");
    }
}
