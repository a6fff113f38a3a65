//! The cluster as a test of another crate uses it: failing over, resharding, cut off, put away and taken out again.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream},
    time::Duration,
};

use local_servers::{
    ClusterOptions, ClusterProblem, Error, Fault, RedisCluster, Role, SLOTS, free_base_port, key_slot,
    port_is_free, wait_until,
};

const BOUND: Duration = Duration::from_secs(60);

/// The text of the error that a node answered.
fn refusal(result: local_servers::Result<String>) -> String {
    match result {
        Err(Error::Refused { reason, .. }) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn six_nodes_share_the_slots() {
    let cluster = RedisCluster::ephemeral().unwrap();
    let nodes = cluster.nodes().unwrap();
    assert_eq!(nodes.len(), 6);
    assert_eq!(nodes.iter().map(|it| it.slot_count()).sum::<usize>(), usize::from(SLOTS));
    let shares = nodes[..3].iter().map(|it| it.slots.clone()).collect::<Vec<_>>();
    assert_eq!(shares, [[0..=5460], [5461..=10_922], [10_923..=16_383]]);
    for (index, node) in nodes.iter().enumerate() {
        assert_eq!((node.index, node.port), (index, cluster.node(index).port()));
        assert_eq!(node.role, if index < 3 { Role::Master } else { Role::Replica });
        assert_eq!(node.id, cluster.node(index).command(&["CLUSTER", "MYID"]).unwrap());
    }
    let ports: Vec<String> = nodes.iter().map(|it| format!("127.0.0.1:{}", it.port)).collect();
    assert_eq!(cluster.cluster_url(), format!("redis-cluster://{}", ports.join(",")));
    assert_eq!(cluster.urls()[5], format!("redis://{}", ports[5]));

    let slot = key_slot(b"foo");
    let owner = cluster.master_of_slot(slot).unwrap();
    assert_eq!(cluster.node(owner).command(&["CLUSTER", "KEYSLOT", "foo"]).unwrap(), slot.to_string());
    assert_eq!(cluster.node(owner).command(&["SET", "foo", "bar"]).unwrap(), "OK");
    let moved = refusal(cluster.node((owner + 1) % 3).command(&["GET", "foo"]));
    assert_eq!(moved, format!("MOVED {slot} {}", ports[owner]));
    assert_eq!(
        cluster.node(0).command(&["CONFIG", "GET", "maxmemory-policy"]).unwrap(),
        "maxmemory-policy\nvolatile-lfu"
    );
    assert!(cluster.form(3).is_ok(), "forming again changes nothing");
    assert_eq!(
        cluster.nodes().unwrap().iter().map(|it| it.role).collect::<Vec<_>>(),
        nodes.iter().map(|it| it.role).collect::<Vec<_>>()
    );
}

#[test]
fn a_killed_master_is_replaced_and_returns_as_a_replica() {
    let cluster = RedisCluster::ephemeral().unwrap();
    let slot = key_slot(b"foo");
    let old = cluster.master_of_slot(slot).unwrap();
    let heir = cluster.replica_of(old).unwrap();
    cluster.node(old).command(&["SET", "foo", "kept"]).unwrap();
    assert!(wait_until(BOUND, || cluster.node(heir).command(&["DBSIZE"]).unwrap() == "1"), "it is copied");
    let id = cluster.node(old).command(&["CLUSTER", "MYID"]).unwrap();
    cluster.node(old).kill().unwrap();
    let down = ClusterProblem::Down { port: cluster.node(old).server().port() };
    assert!(cluster.check().contains(&down), "{:?}", cluster.check());
    cluster.wait_until_served(BOUND).unwrap();
    assert_eq!(cluster.master_of_slot(slot).unwrap(), heir);
    assert_eq!(cluster.node(heir).command(&["GET", "foo"]).unwrap(), "kept");
    let lonely = ClusterProblem::NoReplica { port: cluster.node(heir).server().port() };
    assert!(wait_until(BOUND, || cluster.check().contains(&lonely)));

    cluster.node(old).start().unwrap();
    cluster.wait_until_healthy(BOUND).unwrap();
    assert_eq!(cluster.node(old).command(&["CLUSTER", "MYID"]).unwrap(), id, "the same node again");
    assert_eq!(cluster.replica_of(heir).unwrap(), old);

    // And back, without a loss.
    cluster.failover(old).unwrap();
    assert_eq!(cluster.master_of_slot(slot).unwrap(), old);
    let refused = cluster.failover(old).unwrap_err().to_string();
    assert!(refused.contains("replica"), "{refused}");
}

#[test]
fn the_same_node_is_made_master_again_and_again() {
    let cluster = RedisCluster::ephemeral_with(3, 1, Duration::from_millis(1_500), &[]).unwrap();
    let slot = key_slot(b"foo");
    let first = cluster.master_of_slot(slot).unwrap();
    let other = cluster.replica_of(first).unwrap();
    for turn in 0..4 {
        let (from, to) = if turn % 2 == 0 { (first, other) } else { (other, first) };
        cluster.node(from).command(&["SET", "foo", &turn.to_string()]).unwrap();
        cluster.failover(to).unwrap();
        assert_eq!(cluster.master_of_slot(slot).unwrap(), to);
        assert_eq!(cluster.node(to).command(&["GET", "foo"]).unwrap(), turn.to_string(), "nothing is lost");
    }
    cluster.wait_until_healthy(BOUND).unwrap();
}

#[test]
fn a_paused_master_is_replaced_and_gives_way() {
    let cluster = RedisCluster::ephemeral().unwrap();
    let heir = cluster.replica_of(1).unwrap();
    cluster.node(1).pause().unwrap();
    assert!(wait_until(BOUND, || cluster.nodes().is_ok_and(|it| it[heir].role == Role::Master)));
    cluster.node(1).resume().unwrap();
    cluster.wait_until_healthy(BOUND).unwrap();
    assert_eq!(cluster.nodes().unwrap()[1].role, Role::Replica);
}

#[test]
fn slots_move_under_way_and_broken_off_moves_are_closed() {
    let cluster = RedisCluster::ephemeral_with(3, 0, Duration::from_millis(1_500), &[]).unwrap();
    let slot = key_slot(b"foo");
    let from = cluster.master_of_slot(slot).unwrap();
    let (to, third) = ((from + 1) % 3, (from + 2) % 3);
    let keys: Vec<String> = (0..250).map(|it| format!("{{foo}}{it}")).collect();
    for key in &keys {
        cluster.node(from).command(&["SET", key, "value"]).unwrap();
    }
    let count = |index: usize| -> usize {
        let slot = slot.to_string();
        cluster.node(index).command(&["CLUSTER", "COUNTKEYSINSLOT", &slot]).unwrap().parse().unwrap()
    };

    // Half-way: what is gone is asked for elsewhere.
    cluster.begin_move(slot, to).unwrap();
    assert_eq!(cluster.move_some_keys(slot, to, 100).unwrap(), 100);
    assert_eq!((count(from), count(to)), (150, 100));
    let gone = keys.iter().find(|key| cluster.node(from).command(&["GET", key]).is_err()).unwrap();
    let ask = refusal(cluster.node(from).command(&["GET", gone]));
    assert_eq!(ask, format!("ASK {slot} 127.0.0.1:{}", cluster.node(to).port()));
    let open = cluster.check();
    assert_eq!(open.len(), 2, "{open:?}");
    assert!(open.iter().all(|it| matches!(it, ClusterProblem::Open { slot: it, .. } if *it == slot)));
    cluster.finish_move(slot, to).unwrap();
    assert_eq!((count(from), count(to), cluster.master_of_slot(slot).unwrap()), (0, 250, to));
    cluster.wait_until_healthy(BOUND).unwrap();

    cluster.move_slot(slot, third).unwrap();
    assert_eq!((count(third), cluster.master_of_slot(slot).unwrap()), (250, third));

    // Broken off with both sides open: moved on.
    cluster.begin_move(slot, from).unwrap();
    cluster.move_some_keys(slot, from, 10).unwrap();
    let told = cluster.fix().unwrap();
    assert!(told.len() == 1 && told[0].contains("moved on"), "{told:?}");
    assert_eq!((count(from), cluster.master_of_slot(slot).unwrap()), (250, from));
    cluster.wait_until_healthy(BOUND).unwrap();

    // Broken off with the old owner closed again: taken back, and the owner's copy of a key in both places stays.
    cluster.begin_move(slot, to).unwrap();
    cluster.move_some_keys(slot, to, 10).unwrap();
    cluster.node(from).command(&["CLUSTER", "SETSLOT", &slot.to_string(), "STABLE"]).unwrap();
    let gone = keys.iter().find(|key| cluster.node(from).command(&["EXISTS", key]).unwrap() == "0").unwrap();
    cluster.node(from).command(&["SET", gone, "newer"]).unwrap();
    let told = cluster.fix().unwrap();
    assert!(told.len() == 1 && told[0].contains("stays"), "{told:?}");
    assert_eq!((count(from), count(to)), (250, 0));
    assert_eq!(cluster.node(from).command(&["GET", gone]).unwrap(), "newer");
    cluster.wait_until_healthy(BOUND).unwrap();
    assert!(cluster.fix().unwrap().is_empty(), "nothing left to do");

    // An owner that does not answer loses nothing.
    cluster.begin_move(slot, to).unwrap();
    cluster.node(from).kill().unwrap();
    let told = cluster.fix().unwrap();
    assert!(told.len() == 1 && told[0].contains("left open"), "{told:?}");
}

#[test]
fn a_slot_without_an_owner_is_given_away() {
    let cluster = RedisCluster::ephemeral_with(3, 0, Duration::from_millis(1_500), &[]).unwrap();
    for index in 0..3 {
        cluster.node(index).command(&["CLUSTER", "DELSLOTS", "42"]).unwrap();
    }
    assert!(cluster.check().contains(&ClusterProblem::Unowned { slots: vec![42] }), "{:?}", cluster.check());
    assert_eq!(cluster.fix().unwrap().len(), 1);
    cluster.wait_until_healthy(BOUND).unwrap();
}

#[test]
fn clients_and_nodes_go_through_the_proxies() {
    let cluster = RedisCluster::ephemeral_behind_proxies().unwrap();
    let slot = key_slot(b"foo");
    let owner = cluster.master_of_slot(slot).unwrap();
    let proxy = cluster.node(owner).client_proxy().unwrap();
    assert_ne!(cluster.node(owner).port(), cluster.node(owner).server().port());
    let moved = refusal(cluster.node((owner + 1) % 3).command(&["GET", "foo"]));
    assert_eq!(moved, format!("MOVED {slot} 127.0.0.1:{}", proxy.port()));
    // The other nodes' links, and the replica's.
    assert!(cluster.node(owner).bus_proxy().unwrap().accepted() >= 5);
    assert!(proxy.connections() >= 1);

    proxy.cut().unwrap();
    let replica = cluster.replica_of(owner).unwrap();
    let unlinked = ClusterProblem::Unlinked { port: cluster.node(replica).server().port() };
    assert!(wait_until(BOUND, || cluster.check().contains(&unlinked)));
    assert_eq!(cluster.master_of_slot(slot).unwrap(), owner, "the bus goes on: no failover");
    proxy.pass().unwrap();
    cluster.wait_until_healthy(BOUND).unwrap();
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs loopback addresses beside 127.0.0.1")]
fn a_parted_master_is_replaced_and_loses_what_it_took_since() {
    let cluster = RedisCluster::ephemeral_behind_proxies().unwrap();
    let slot = key_slot(b"foo");
    let old = cluster.master_of_slot(slot).unwrap();
    let heir = cluster.replica_of(old).unwrap();
    cluster.node(old).command(&["SET", "foo", "before"]).unwrap();
    assert!(wait_until(BOUND, || cluster.node(heir).command(&["DBSIZE"]).unwrap() == "1"), "it is copied");
    cluster.part(old).unwrap();
    // On a machine that is slow enough it refuses that already.
    let took = cluster.node(old).command(&["SET", "foo", "lost"]).is_ok();
    let is_master = || cluster.node(heir).command(&["ROLE"]).unwrap().starts_with("master");
    assert!(wait_until(BOUND, is_master));
    assert_eq!(cluster.node(heir).command(&["GET", "foo"]).unwrap(), "before");
    assert!(cluster.check().iter().any(|it| matches!(it, ClusterProblem::Disagrees { .. })));
    // Alone it takes no more writes, but answers reads.
    assert!(wait_until(BOUND, || cluster.node(old).command(&["SET", "foo", "x"]).is_err()));
    assert_eq!(cluster.node(old).command(&["GET", "foo"]).unwrap(), if took { "lost" } else { "before" });
    cluster.rejoin(old).unwrap();
    cluster.wait_until_healthy(BOUND).unwrap();
    assert_eq!(cluster.master_of_slot(slot).unwrap(), heir);
    assert_eq!(cluster.node(heir).command(&["GET", "foo"]).unwrap(), "before");
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "needs loopback addresses beside 127.0.0.1")]
fn a_client_has_a_way_of_its_own() {
    let alone = [RedisCluster::PORTS_ALONE];
    let cluster = RedisCluster::ephemeral_with(3, 0, Duration::from_millis(1_500), &alone).unwrap();
    let slot = key_slot(b"foo");
    let owner = cluster.master_of_slot(slot).unwrap();
    let moved = refusal(cluster.node((owner + 1) % 3).command(&["GET", "foo"]));
    assert_eq!(moved, format!("MOVED {slot} :{}", cluster.node(owner).port()), "no address");

    let (one, two) = (cluster.access(1).unwrap(), cluster.access(2).unwrap());
    assert!(cluster.access(1).is_err(), "it is taken");
    let url = one.url();
    let places: Vec<&str> = url.strip_prefix("redis-cluster://").unwrap().split(',').collect();
    let ports: Vec<String> = (0..3).map(|it| format!("127.0.1.1:{}", cluster.node(it).port())).collect();
    assert_eq!(places, ports);
    let answers = |client: u8, node: usize| {
        let stream = TcpStream::connect((Ipv4Addr::new(127, 0, 1, client), cluster.node(node).port()));
        let ping = |mut stream: TcpStream| {
            stream.set_read_timeout(Some(BOUND))?;
            stream.write_all(b"PING\r\n")?;
            let mut answer = [0; 7];
            stream.read_exact(&mut answer)?;
            Ok::<_, std::io::Error>(answer == *b"+PONG\r\n")
        };
        stream.and_then(ping).unwrap_or(false)
    };
    assert!((0..3).all(|node| answers(1, node) && answers(2, node)));
    one.proxy(owner).cut().unwrap();
    assert!(!answers(1, owner) && answers(1, (owner + 1) % 3) && answers(2, owner));
    assert!(!one.is_sound() && two.is_sound());
    one.set(Fault::Cut).unwrap();
    assert!((0..3).all(|node| !answers(1, node) && answers(2, node)));
    one.set(Fault::None).unwrap();
    assert!(one.is_sound() && (0..3).all(|node| answers(1, node)));
    assert!(cluster.check().is_empty(), "the nodes noticed nothing: {:?}", cluster.check());
}

#[test]
fn a_kept_cluster_is_put_away_and_taken_out_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = ClusterOptions::kept(dir.path().join("cluster"), free_base_port(6).unwrap());
    options.node_timeout = Duration::from_millis(1_500);
    options.logs = Some(dir.path().to_owned());
    let cluster = RedisCluster::start(&options).unwrap();
    let ids: Vec<String> = cluster.nodes().unwrap().into_iter().map(|it| it.id).collect();
    let owner = cluster.master_of_slot(key_slot(b"foo")).unwrap();
    cluster.node(owner).command(&["SET", "foo", "kept"]).unwrap();
    cluster.stop().unwrap();
    assert!(options.ports().into_iter().all(port_is_free));

    // Elsewhere it is the same cluster.
    options.base_port = free_base_port(6).unwrap();
    let cluster = RedisCluster::start(&options).unwrap();
    assert_eq!(cluster.nodes().unwrap().into_iter().map(|it| it.id).collect::<Vec<_>>(), ids);
    let owner = cluster.master_of_slot(key_slot(b"foo")).unwrap();
    assert_eq!(cluster.node(owner).command(&["GET", "foo"]).unwrap(), "kept");
    assert!(cluster.nodes().unwrap().iter().all(|it| options.ports().contains(&it.port)));
    cluster.stop().unwrap();
}
