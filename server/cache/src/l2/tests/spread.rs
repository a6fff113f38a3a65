//! A healthy cluster: every slot, replicas, health, seeds.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_slot_is_read_and_written_at_its_master() {
    let f = Fixture::new(NEVER).await;
    let router = &f.router;
    let state = router.state();
    assert!(state.connected && !state.degraded() && state.last_error.is_none(), "{state:?}");
    assert_eq!((state.nodes.len(), state.nodes.iter().filter(|n| n.master).count()), (6, 3));
    assert!(router.is_open());
    for i in 0..500 {
        let key = format!("k{i}");
        assert!(router.is_open_for(&key, Access::Write));
        set(router, AMPLE, &key, &i.to_string()).await.expect("written");
        let value = get(router, AMPLE, &key, Access::Read).await.expect("read");
        assert_eq!(value, Some(i.to_string()));
    }
    for node in router.state().nodes {
        assert_eq!((node.redirects, node.errors, node.timeouts), (0, 0, 0), "{node:?}");
        assert_eq!(node.requests > 0, node.master, "{node:?}");
    }
    let sizes = router
        .each_master(
            AMPLE,
            |mut conn| async move { redis::cmd("DBSIZE").query_async::<u64>(&mut conn).await },
        )
        .await;
    assert_eq!(sizes.len(), 3);
    // The clear log is a key as well.
    assert_eq!(sizes.into_iter().map(|(_, size)| size.expect("answers")).sum::<u64>(), 501);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_answer_where_they_may() {
    let f = Fixture::new(NEVER).await;
    let router = &f.router;
    set(router, AMPLE, "k", "v").await.expect("written");
    let replica = {
        let master = f.master("k").await;
        f.admin(move |cluster| cluster.replica_of(master)).await
    };
    let asked_of_replica =
        || router.state().nodes.into_iter().find(|n| n.address == f.address(replica)).map(|n| n.requests);
    for _ in 0..50 {
        assert!(get(router, AMPLE, "k", Access::Read).await.is_ok());
    }
    assert_eq!(asked_of_replica(), Some(0), "a plain read is for the master");
    until("the replica has it", async || {
        let mut seen = true;
        for _ in 0..10 {
            seen &= get(router, AMPLE, "k", Access::ReadAnywhere).await == Ok(Some("v".into()));
        }
        seen
    })
    .await;
    assert!(asked_of_replica() >= Some(5));

    let health = router.health().await;
    assert_eq!(health.len(), 6);
    assert_eq!(health.iter().map(|h| h.slots).sum::<u64>(), 16_384);
    for node in &health {
        let report = node.report.as_ref().unwrap_or_else(|| panic!("no report of {node:?}"));
        assert!(report.memory_used > 0 && report.clients > 0 && !report.version.is_empty(), "{report:?}");
        assert!(node.state.usable && !node.failed && node.id.is_some(), "{node:?}");
        let is_replica = node.role == Some(crate::l2::NodeRole::Replica);
        assert_eq!(
            (report.lag_bytes.is_some(), report.master_link_up),
            (is_replica, is_replica.then_some(true))
        );
    }
    assert!(health.iter().filter_map(|h| h.report.as_ref()?.hit_ratio).any(|ratio| ratio > 0.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_living_node_is_seed_enough_and_a_dead_one_does_no_harm() {
    let f = Fixture::new(NEVER).await;
    let dead = local_servers::free_port().expect("a port");
    // A replica, by another name than the nodes tell.
    let replica = f.cluster.node(5).port();
    let url = format!("redis-cluster://127.0.0.1:{dead},localhost:{replica}");
    let router = router(&url);
    connected(&router).await;
    for i in 0..50 {
        set(&router, AMPLE, &format!("k{i}"), "v").await.expect("written");
    }
    // Not by the seed's name; a node may hear of another's replica later than we do.
    let known: std::collections::BTreeSet<String> = (0..6).map(|index| f.address(index)).collect();
    until("all nodes are known by the addresses that they tell", async || {
        router.state().nodes.into_iter().map(|node| node.address).collect::<std::collections::BTreeSet<_>>()
            == known
    })
    .await;

    // The mistakes: a cluster taken for one node, and one node for a cluster.
    let elsewhere = f.other_master(f.master("tm:clears").await).await;
    let one = super::router(&format!("redis://{}", f.address(elsewhere)));
    let said = async |router: &Router, text: &str| {
        until(text, async || router.state().last_error.is_some_and(|e| e.contains(text))).await;
    };
    said(&one, "redis-cluster://").await;
    let single = blocking(local_servers::RedisServer::ephemeral).await.expect("starts");
    let many = super::router(&format!("redis-cluster://127.0.0.1:{}", single.port()));
    said(&many, "cluster support disabled").await;
    assert!(!many.is_open() && !many.is_open_for("k", Access::Read));
    let refused = set(&many, AMPLE, "k", "v").await.expect_err("closed");
    assert!(matches!(refused, L2Error::Disconnected(_)), "{refused}");
}
