//! Nodes that are there and do not answer, or are gone for good.

use super::super::Fetched;
use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_hangs_costs_three_waits_and_returns_by_itself() {
    let f = Fixture::with(3, 0, NEVER).await;
    let master = f.master("k").await;
    // The clear log is elsewhere, or all of this holds as well.
    let other = f.other_master(master).await;
    let kept = f.keys_of(other, 5).await;
    set(&f.router, AMPLE, "k", "v").await.expect("written");
    f.admin(move |cluster| cluster.node(master).pause()).await;
    let limit = Duration::from_millis(100);
    let mut waited = 0;
    while f.router.is_open_for("k", Access::Read) {
        match get(&f.router, limit, "k", Access::Read).await {
            Err(L2Error::Timeout) => waited += 1,
            // The watchdog was first.
            Err(L2Error::Disconnected(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(waited <= 3, "{waited} waits");
    for _ in 0..100 {
        let refused = get(&f.router, AMPLE, "k", Access::Read).await;
        assert!(matches!(refused, Err(L2Error::Disconnected(_))), "at once: {refused:?}");
        for key in &kept {
            set(&f.router, AMPLE, key, "v").await.expect("others are undisturbed");
        }
    }
    let mut keys = kept.clone();
    keys.push("k".into());
    let fetched = f.router.fetch_all(AMPLE, &keys, 10, Access::Read).await;
    assert!(matches!(fetched.last(), Some(Err(L2Error::Disconnected(_)))), "{fetched:?}");
    assert!(fetched[..5].iter().all(|result| *result == Ok(Fetched::Bytes(b"v".to_vec()))), "{fetched:?}");
    let health = f.router.health().await;
    let hung = health.iter().find(|h| h.state.address == f.address(master)).expect("there");
    assert!(hung.report.is_none() && !hung.state.usable && hung.state.timeouts <= 4, "{hung:?}");

    // Long enough that the socket was left for a new one.
    let connects = f.router.state().connects;
    sleep(Duration::from_secs(2)).await;
    f.admin(move |cluster| cluster.node(master).resume()).await;
    until("it is used again", async || get(&f.router, AMPLE, "k", Access::Read).await.is_ok()).await;
    assert!(f.router.state().connects > connects);
    connected(&f.router).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_master_is_away_its_replica_answers_reads() {
    let f = Fixture::new(NEVER).await;
    let master = f.master("k").await;
    set(&f.router, AMPLE, "k", "v").await.expect("written");
    until("the replica has it", async || {
        let mut seen = true;
        for _ in 0..4 {
            seen &= get(&f.router, AMPLE, "k", Access::ReadAnywhere).await == Ok(Some("v".into()));
        }
        seen
    })
    .await;
    f.admin(move |cluster| cluster.node(master).kill()).await;
    // Not one fails, the one that finds the break included.
    for _ in 0..200 {
        assert_eq!(get(&f.router, AMPLE, "k", Access::Read).await, Ok(Some("v".into())));
        assert_eq!(get(&f.router, AMPLE, "k", Access::ReadAnywhere).await, Ok(Some("v".into())));
    }
    let keys = vec!["k".to_owned(); 3];
    let fetched = f.router.fetch_all(AMPLE, &keys, 10, Access::Read).await;
    assert_eq!(fetched, vec![Ok(Fetched::Bytes(b"v".to_vec())); 3]);
    assert!(set(&f.router, AMPLE, "k", "w").await.is_err());
    assert!(f.router.state().degraded());
    assert!(f.router.failovers().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_hangs_is_replaced_and_changes_nothing_when_it_wakes() {
    let f = Fixture::new(SOON).await;
    let master = f.master("k").await;
    set(&f.router, AMPLE, "k", "v").await.expect("written");
    f.admin(move |cluster| cluster.node(master).pause()).await;
    until("the slot is written again", async || {
        set(&f.router, Duration::from_millis(100), "k", "w").await.is_ok()
    })
    .await;
    connected(&f.router).await;
    let heir = f.router.owner("k").expect("an owner").address.to_string();
    assert_ne!(heir, f.address(master));
    f.admin(move |cluster| cluster.node(master).resume()).await;
    until("it takes part as a replica", async || {
        f.router.state().nodes.iter().any(|n| n.address == f.address(master) && n.usable && !n.master)
    })
    .await;
    for _ in 0..50 {
        set(&f.router, AMPLE, "k", "x").await.expect("written");
        assert_eq!(get(&f.router, AMPLE, "k", Access::Read).await, Ok(Some("x".into())));
    }
    assert_eq!(f.router.owner("k").map(|node| node.address.to_string()), Some(heir.clone()));
    let failovers = f.router.failovers();
    assert_eq!((failovers.len(), failovers[0].to.as_str()), (1, heir.as_str()), "{failovers:?}");
}
