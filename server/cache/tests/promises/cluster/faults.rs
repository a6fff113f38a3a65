//! Promise 4 on a cluster: no read fails, whichever part of it does.

use local_servers::{RedisCluster, key_slot};
use tidemark_cache::{Cache, Scope};

use crate::common::cluster::{own, with};
use crate::common::*;
use crate::readers::Readers;

/// What one cache sets the other has, on every master; and what is cleared is gone there.
async fn in_step(a: (&Cache, &Texts), b: (&Cache, &Texts), version: u64) {
    for i in 0..12 {
        a.1.set(&format!("k{i}"), Text("v".into()), version);
    }
    for i in 0..12 {
        until_version(b.1, &format!("k{i}"), version).await;
    }
    a.0.clear(Scope::Key("texts:k0".into())).await.expect("recorded");
    until_async("it is gone", || async { b.1.get(&key("k0")).await.is_none() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_read_fails_whichever_part_of_it_does() {
    let cluster = own(RedisCluster::ephemeral_behind_proxies).await;
    let (a, b) = (
        connected(builder_at(cluster.cluster_url())).await,
        connected(builder_at(cluster.cluster_url())).await,
    );
    let (in_a, in_b) = (texts(&a, steady()), texts(&b, steady()));
    let (ours, others) = ((&a, &in_a), (&b, &in_b));
    let readers = Readers::start(&a);
    readers.come_back(&a, "at the start").await;
    in_step(ours, others, 1).await;

    // The slot of the messages moves, then that of the clear log; both are used meanwhile.
    for name in ["{tm:bus}", "tm:clears"] {
        let slot = key_slot(name.as_bytes());
        with(&cluster, move |c| c.move_slot(slot, (c.master_of_slot(slot)? + 1) % 3)).await;
        readers.go_on("a slot moves").await;
    }
    in_step(ours, others, 2).await;

    // A failover in good order.
    with(&cluster, |c| c.failover(c.replica_of(0)?)).await;
    readers.go_on("a failover").await;
    readers.come_back(&a, "a failover").await;
    in_step(ours, others, 3).await;

    // The master of the messages is killed, and comes back as a replica.
    let killed = with(&cluster, |c| {
        let master = c.master_of_slot(key_slot(b"{tm:bus}"))?;
        c.node(master).kill().map(|()| master)
    })
    .await;
    readers.go_on("a master is killed").await;
    with(&cluster, |c| c.wait_until_served(PATIENCE)).await;
    readers.come_back(&a, "a master is killed").await;
    in_step(ours, others, 4).await;
    with(&cluster, move |c| {
        c.node(killed).start()?;
        c.wait_until_healthy(PATIENCE)
    })
    .await;

    // A master is parted from the rest, but not from us: it steps down, its replica takes over.
    let parted = with(&cluster, |c| {
        let master = c.master_of_slot(key_slot(b"tm:clears"))?;
        c.part(master).map(|()| master)
    })
    .await;
    until_async("another has taken over", || {
        let cluster = cluster.clone();
        async move {
            let owner = blocking(move || cluster.master_of_slot(key_slot(b"tm:clears"))).await;
            owner.is_ok_and(|owner| owner != parted)
        }
    })
    .await;
    readers.go_on("a part of it alone").await;
    with(&cluster, move |c| {
        c.rejoin(parted)?;
        c.wait_until_healthy(PATIENCE)
    })
    .await;
    readers.come_back(&a, "a part of it alone").await;
    in_step(ours, others, 5).await;

    // All masters at once: there is no majority left to elect others.
    let masters = with(&cluster, |c| {
        let nodes = c.nodes()?;
        let masters: Vec<usize> = nodes.iter().filter(|n| n.slot_count() > 0).map(|n| n.index).collect();
        masters.iter().try_for_each(|master| c.node(*master).kill()).map(|()| masters)
    })
    .await;
    readers.go_on("no master is left").await;
    with(&cluster, move |c| {
        masters.iter().try_for_each(|master| c.node(*master).start())?;
        c.wait_until_served(PATIENCE)
    })
    .await;
    readers.come_back(&a, "no master was left").await;
    in_step(ours, others, 6).await;
    readers.stop().await;
}
