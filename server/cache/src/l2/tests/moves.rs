//! Slots that move while we read and write.

use super::super::{Fetched, Ops, Written};
use super::*;
use crate::clears::Mark;
use crate::outgoing::{Lease, Outgoing};

/// What all nodes were told to be elsewhere.
fn redirects(router: &Router) -> u64 {
    router.state().nodes.iter().map(|node| node.redirects).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_moved_or_moves_is_followed() {
    let f = Fixture::new(NEVER).await;
    let router = &f.router;
    let slot = key_slot(b"tag");
    let from = f.master("{tag}0").await;
    let to = f.other_master(from).await;
    let keys: Vec<String> = (0..100).map(|i| format!("{{tag}}{i}")).collect();
    for key in &keys {
        // As entries begin: what does not is not written over.
        set(router, AMPLE, key, "TDMK").await.expect("written");
    }
    assert_eq!(redirects(router), 0);

    // Half-way: half the keys are here, half there, and a new one is nowhere.
    f.admin(move |cluster| {
        cluster.begin_move(slot, to)?;
        cluster.move_some_keys(slot, to, 50)
    })
    .await;
    for key in &keys {
        assert_eq!(get(router, AMPLE, key, Access::Read).await, Ok(Some("TDMK".into())), "{key}");
    }
    assert_eq!(redirects(router), 50, "each key that is gone is asked for there");
    let fetched = router.fetch_all(AMPLE, &keys, 1_000, Access::Read).await;
    assert_eq!(fetched, vec![Ok(Fetched::Bytes(b"TDMK".to_vec())); 100]);
    // A script, whose code the other node has never seen.
    let ops = Ops::new();
    let entry = [b"TDMK".as_slice(), &[7; 96]].concat();
    for key in ["{tag}new".to_owned(), keys[0].clone(), keys[99].clone()] {
        let dead_below = Mark { epoch: 1, head: 0 };
        // With a lease beside it: two keys of one slot that is on its way.
        let lease = Lease { key: format!("{key}:lease"), token: "token".into() };
        let outgoing = Outgoing { bytes: entry.clone(), lease: Some(lease), ..Outgoing::example(&key, 1, 0) };
        let written = ops.write(router, AMPLE, &outgoing, 100_000, dead_below, &[]).await;
        assert_eq!(written, Ok(Written::Stored { before: None }), "{key}");
        let read = ops.fetch(router, AMPLE, &key, 1_000, Access::Read).await;
        assert_eq!(read, Ok(Fetched::Bytes(entry.clone())), "{key}");
    }
    let lengths: (usize, usize) = router
        .run(AMPLE, "{tag}new", Access::Write, |mut conn| async move {
            let mut pipe = redis::pipe();
            pipe.cmd("STRLEN").arg("{tag}new").cmd("APPEND").arg("{tag}new").arg("x");
            pipe.query_async(&mut conn).await
        })
        .await
        .expect("a pipeline follows as well");
    assert_eq!(lengths, (100, 101));

    // Moved: one redirect tells.
    f.admin(move |cluster| cluster.finish_move(slot, to)).await;
    until("the move is known", async || {
        let before = redirects(router);
        set(router, AMPLE, &keys[1], "w").await.expect("written");
        let owner = router.owner(&keys[1]).map(|node| node.address.to_string());
        redirects(router) == before && owner == Some(f.address(to))
    })
    .await;
    for key in &keys[1..] {
        set(router, AMPLE, key, "w").await.expect("written");
    }
    let fetched = router.fetch_all(AMPLE, &keys[1..], 1_000, Access::Read).await;
    assert_eq!(fetched, vec![Ok(Fetched::Bytes(b"w".to_vec())); 99]);
    assert!(router.state().connected);
    assert!(router.failovers().is_empty(), "a slot that moves is no failover");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_move_to_and_fro_under_load_and_nothing_fails() {
    let f = Fixture::new(NEVER).await;
    let slot = key_slot(b"tag");
    let from = f.master("{tag}0").await;
    let to = f.other_master(from).await;
    let keys: Vec<String> = (0..20).map(|i| format!("{{tag}}{i}")).collect();
    for key in &keys {
        set(&f.router, AMPLE, key, "v").await.expect("written");
    }
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let load = {
        let (router, keys) = (Arc::clone(&f.router), keys.clone());
        tokio::spawn(async move {
            let mut rounds = 0;
            while !*stopped.borrow() {
                for key in &keys {
                    set(&router, AMPLE, key, "v").await.expect("no write fails");
                }
                for result in router.fetch_all(AMPLE, &keys, 100, Access::Read).await {
                    assert_eq!(result, Ok(Fetched::Bytes(b"v".to_vec())), "no read fails, nothing is lost");
                }
                rounds += 1;
            }
            rounds
        })
    };
    for _ in 0..3 {
        f.admin(move |cluster| cluster.move_slot(slot, to)).await;
        f.admin(move |cluster| cluster.move_slot(slot, from)).await;
    }
    let _ = stop.send(true);
    assert!(load.await.expect("no panic") > 0);
}
