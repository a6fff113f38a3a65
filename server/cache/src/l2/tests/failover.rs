//! Masters that die, by force or by order.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_master_disturbs_no_other_and_is_replaced() {
    let f = Fixture::new(SOON).await;
    let master = f.master("tm:clears").await;
    let other = f.other_master(master).await;
    let lost = f.keys_of(master, 20).await;
    let kept = f.keys_of(other, 20).await;
    for key in lost.iter().chain(&kept) {
        set(&f.router, AMPLE, key, "v").await.expect("written");
    }
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let load = {
        let (router, kept) = (Arc::clone(&f.router), kept.clone());
        tokio::spawn(async move {
            let mut rounds = 0;
            while !*stopped.borrow() {
                for key in &kept {
                    set(&router, AMPLE, key, "v").await.expect("other slots are undisturbed");
                    let read = get(&router, AMPLE, key, Access::Read).await;
                    assert_eq!(read, Ok(Some("v".into())));
                }
                rounds += 1;
                sleep(Duration::from_millis(1)).await;
            }
            rounds
        })
    };
    f.admin(move |cluster| cluster.node(master).kill()).await;
    let began = Instant::now();
    until("the loss is seen", async || !f.router.is_open_for(&lost[0], Access::Write)).await;
    let state = f.router.state();
    assert!(state.degraded() && state.last_error.expect("said").contains(&f.address(master)));
    // Nothing waits for what is known to be away, and the others say what is there.
    assert!(matches!(set(&f.router, AMPLE, &lost[0], "w").await, Err(L2Error::Disconnected(_))));
    assert!(f.router.is_open() && f.router.is_open_for(&lost[0], Access::Read), "by the replica");
    assert_eq!(get(&f.router, AMPLE, &lost[0], Access::Read).await, Ok(Some("v".into())));
    until("the slot is written again", async || set(&f.router, AMPLE, &lost[0], "w").await.is_ok()).await;
    let took = began.elapsed();
    assert!(took < Duration::from_secs(30), "{took:?}");
    connected(&f.router).await;
    for key in &lost {
        set(&f.router, AMPLE, key, "w").await.expect("every slot");
    }
    let _ = stop.send(true);
    assert!(load.await.expect("no panic") > 0);

    let failovers = f.router.failovers();
    assert_eq!(failovers.len(), 1, "{failovers:?}");
    let failover = &failovers[0];
    assert_eq!(failover.from, f.address(master));
    assert!(failover.lost_at_ms.is_some() && failover.written_at_ms > failover.lost_at_ms, "{failover:?}");
    assert!(failover.took_ms.is_some_and(|ms| ms < 30_000), "{failover:?}");
    let health = f.router.health().await;
    let dead = health.iter().find(|h| h.state.address == f.address(master)).expect("others tell of it");
    assert!(dead.failed && dead.report.is_none() && dead.unanswered.is_some(), "{dead:?}");

    // Back as a replica, it answers reads.
    f.admin(move |cluster| cluster.node(master).start()).await;
    until("it takes part again", async || {
        get(&f.router, AMPLE, &lost[0], Access::ReadAnywhere).await.expect("answered");
        f.router.state().nodes.iter().any(|n| n.address == f.address(master) && n.usable && n.requests > 0)
    })
    .await;
    assert!(f.router.state().connected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_by_order_is_followed() {
    let f = Fixture::new(SOON).await;
    let master = f.master("k").await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let load = {
        let router = Arc::clone(&f.router);
        tokio::spawn(async move {
            let (mut written, mut failed) = (0, Vec::new());
            while !*stopped.borrow() {
                match set(&router, AMPLE, "k", "v").await {
                    Ok(()) => written += 1,
                    Err(error) => failed.push(error),
                }
                sleep(Duration::from_millis(1)).await;
            }
            (written, failed)
        })
    };
    let replica = f
        .admin(move |cluster| {
            let replica = cluster.replica_of(master)?;
            cluster.failover(replica)?;
            Ok(replica)
        })
        .await;
    until("the new master is written to", async || {
        let failovers = f.router.failovers();
        failovers.iter().any(|f| f.written_at_ms.is_some())
    })
    .await;
    let _ = stop.send(true);
    let (written, failed) = load.await.expect("no panic");
    // The old master breaks off connections whose write it had held back.
    assert!(written > 0 && failed.len() < 100, "{written}, {failed:?}");
    let failovers = f.router.failovers();
    assert_eq!(failovers.len(), 1);
    let told = (failovers[0].from.as_str(), failovers[0].to.as_str(), failovers[0].lost_at_ms);
    assert_eq!(told, (f.address(master).as_str(), f.address(replica).as_str(), None));
    connected(&f.router).await;
}
