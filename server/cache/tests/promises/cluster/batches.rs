//! Many keys in one call, of all masters, also while a slot is on its way.

use local_servers::key_slot;
use tidemark_cache::{Cache, Tier, Want};

use crate::batches::{Source, all, read};
use crate::common::cluster::{cache_on_cluster, names_by_master, undisturbed, with};
use crate::common::*;

const EACH: usize = 40;
/// Names in one slot.
const TOGETHER: usize = 12;

/// Exchanges with each node so far.
fn requests(cache: &Cache) -> Vec<(String, bool, u64)> {
    let nodes = cache.l2_state().nodes;
    nodes.into_iter().map(|node| (node.address, node.master, node.requests)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_all_masters_take_one_look_at_each_and_one_load() {
    let cluster = undisturbed().await;
    let by_master = names_by_master(&cluster, "many", EACH).await;
    assert_eq!(by_master.len(), 3);
    let names: Vec<String> = by_master.into_values().flatten().collect();
    let a = cache_on_cluster(cluster, "batches").await;
    let in_a = texts(&a, steady());
    let source = Source::open(1);
    for (name, hit) in names.iter().zip(all(read(&in_a, &names, Want::any(), &source).await)) {
        assert_eq!((&hit.value.0, hit.tier), (name, Tier::Source));
    }
    assert_eq!(source.asked(), std::slice::from_ref(&names), "one call for all");
    written(&a, "texts", names.len() as u64).await;

    let b = cache_on_cluster(cluster, "batches").await;
    let in_b = texts(&b, steady());
    settled(&[&a, &b]).await;
    let (before, source) = (requests(&b), Source::open(9));
    for (name, hit) in names.iter().zip(all(read(&in_b, &names, Want::any(), &source).await)) {
        assert_eq!((&hit.value.0, hit.tier, hit.version, hit.stale), (name, Tier::L2, 1, None));
    }
    assert!(source.asked().is_empty());
    for ((address, master, now), (_, _, was)) in requests(&b).into_iter().zip(before) {
        // A heartbeat and a look at the clear log may come in between.
        let allowed = if master { 1..10 } else { 0..1 };
        assert!(allowed.contains(&(now - was)), "{address}: {} exchanges, not one a key", now - was);
    }
    // From memory, and what is new in the same call.
    let mut more = names.clone();
    more.push("many more".into());
    let hits = all(read(&in_b, &more, Want::any(), &source).await);
    assert!(hits[..names.len()].iter().all(|hit| hit.tier == Tier::L1));
    assert_eq!(source.asked(), [["many more"]]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_a_slot_half_way_are_found_on_both_sides() {
    let cluster = undisturbed().await;
    let slot = key_slot(b"half-way");
    let of_slot = (0..).map(|i| format!("half{i}")).filter(|name| key_slot(name.as_bytes()) == slot);
    let mut names: Vec<String> = of_slot.take(TOGETHER).collect();
    names.extend(names_by_master(&cluster, "others", 5).await.into_values().flatten());
    let a = cache_on_cluster(cluster, "half-way").await;
    let in_a = texts(&a, steady());
    all(read(&in_a, &names, Want::any(), &Source::open(1)).await);
    written(&a, "texts", names.len() as u64).await;
    let to = with(&cluster, move |cluster| {
        let to = (cluster.master_of_slot(slot)? + 1) % 3;
        cluster.begin_move(slot, to)?;
        assert_eq!(cluster.move_some_keys(slot, to, TOGETHER / 2)?, TOGETHER / 2);
        Ok(to)
    })
    .await;
    for step in ["half-way", "moved"] {
        let b = cache_on_cluster(cluster, "half-way").await;
        let source = Source::open(9);
        let hits = all(read(&texts(&b, steady()), &names, Want::any(), &source).await);
        assert!(hits.iter().all(|hit| (hit.tier, hit.version) == (Tier::L2, 1)), "{step}: {hits:?}");
        assert!(source.asked().is_empty(), "{step}");
        if step == "half-way" {
            with(&cluster, move |cluster| cluster.finish_move(slot, to)).await;
        }
    }
}
