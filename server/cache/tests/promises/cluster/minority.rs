//! A minority partition with the client on its side: it reaches one master, which is cut off from all other nodes, and
//! nobody else. On the other side a replica takes over, and another client goes on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use local_servers::{ClusterAccess, Fault, FaultProxy, RedisCluster, key_slot};
use tidemark_cache::Cache;
use tokio::task::JoinHandle;

use crate::common::cluster::{Own, names_by_master, own, with};
use crate::common::*;
use crate::readers::Readers;

const EACH: usize = 5;
/// What is promised from the moment when all is whole again, and what a busy machine adds.
const SOON: Duration = Duration::from_secs(15);

/// A client with a way of its own.
struct Client {
    cache: Cache,
    texts: Texts,
    access: Arc<ClusterAccess>,
}

impl Client {
    async fn new(cluster: &Own, number: u8) -> Self {
        let access = Arc::new(with(cluster, move |cluster| cluster.access(number)).await);
        let cache = connected(builder_at(access.url())).await;
        let nodes = cache.l2_state().nodes;
        let url = access.url();
        assert!(nodes.iter().all(|node| url.contains(&node.address)), "by its own way: {nodes:?}");
        Self { texts: texts(&cache, steady()), cache, access }
    }

    /// Puts a fault on the ways to these nodes.
    async fn disturb(&self, nodes: Vec<usize>, fault: Fault) {
        let set = move |access: &ClusterAccess| {
            nodes.iter().try_for_each(|node| FaultProxy::set(access.proxy(*node), fault))
        };
        on(&self.access, set).await;
    }

    async fn holds(&self, names: &[String], version: u64) {
        for name in names {
            until_version(&self.texts, name, version).await;
        }
    }
}

/// Looks at names in memory all the time: each is always there, and none goes back.
struct Watch {
    stop: Arc<AtomicBool>,
    looks: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Watch {
    fn start(texts: &Texts, names: &[String]) -> Self {
        let (stop, looks) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (texts, names) = (texts.clone(), names.to_vec());
        let (stopped, looked) = (Arc::clone(&stop), Arc::clone(&looks));
        let task = tokio::spawn(async move {
            let mut last = vec![0; names.len()];
            while !stopped.load(Ordering::SeqCst) {
                for (name, last) in names.iter().zip(&mut last) {
                    let hit = texts.get(name).await.unwrap_or_else(|| panic!("{name} is gone"));
                    assert!(hit.version >= *last, "{name}: {} after {last}", hit.version);
                    *last = hit.version;
                }
                looked.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        Self { stop, looks, task }
    }

    async fn stop(self) {
        self.stop.store(true, Ordering::SeqCst);
        self.task.await.expect("none was gone, none went back");
        assert!(self.looks.load(Ordering::SeqCst) > 0);
    }
}

/// Two clients on two sides: the many have written version 2 of all names, the few know version 1.
struct Parted {
    cluster: Own,
    few: Client,
    many: Client,
    /// The node that is with the few, and those that are not.
    alone: usize,
    others: Vec<usize>,
    by_master: BTreeMap<usize, Vec<String>>,
    names: Vec<String>,
    readers: Readers,
    watch: Watch,
}

impl Parted {
    async fn by(fault: Fault) -> Self {
        let start = || RedisCluster::ephemeral_behind_proxies_with(&[RedisCluster::PORTS_ALONE]);
        let cluster = own(start).await;
        let (few, many) = (Client::new(&cluster, 1).await, Client::new(&cluster, 2).await);
        settled(&[&few.cache, &many.cache]).await;
        // The one with the clear log: its client goes on using it.
        let slot = key_slot(b"tm:clears");
        let alone = with(&cluster, move |cluster| cluster.master_of_slot(slot)).await;
        let by_master = names_by_master(&cluster, "k", EACH).await;
        let names: Vec<String> = by_master.values().flatten().cloned().collect();
        for name in &names {
            many.texts.set(name, Text("v".into()), 1);
        }
        few.holds(&names, 1).await;
        let readers = Readers::start(&few.cache);
        readers.come_back(&few.cache, "at the start").await;
        let watch = Watch::start(&few.texts, &names);

        // From here on there are two sides.
        let others: Vec<usize> = (0..cluster.size()).filter(|node| *node != alone).collect();
        few.disturb(others.clone(), fault).await;
        many.disturb(vec![alone], fault).await;
        with(&cluster, move |cluster| cluster.part(alone)).await;
        until("it is noticed", || few.cache.l2_state().degraded()).await;
        readers.go_on("the nodes part").await;
        let replaced = move |cluster: &RedisCluster| {
            let is_replaced = || cluster.master_of_slot(slot).is_ok_and(|owner| owner != alone);
            Ok(local_servers::wait_until(PATIENCE, is_replaced))
        };
        assert!(with(&cluster, replaced).await, "a replica has taken over");
        readers.go_on("another has taken over").await;
        assert!(many.cache.wait_for_l2(PATIENCE).await, "{:?}", many.cache.l2_state());
        for name in &names {
            many.texts.set(name, Text("v".into()), 2);
        }
        until("all of it is written", || {
            let stats = many.cache.stats();
            let writes = stats.categories["texts"].l2.writes;
            writes >= 2 * names.len() as u64 && stats.coherence.recovery_entries == 0
        })
        .await;
        let refuses = move |cluster: &RedisCluster| {
            let is_alone = || cluster.node(alone).command(&["SET", "{tm:clears}", "x"]).is_err();
            Ok(local_servers::wait_until(PATIENCE, is_alone))
        };
        assert!(with(&cluster, refuses).await, "the one alone takes no more writes");
        Self { cluster, few, many, alone, others, by_master, names, readers, watch }
    }
}

/// Reads go on, and after the end everybody has the newest, wherever it was written.
async fn a_client_with_a_minority(fault: Fault) {
    let Parted { cluster, few, many, alone, others, by_master, names, readers, watch } =
        Parted::by(fault).await;
    // What is written on the wrong side waits: the newest of all there, and one that is older than what the others have.
    let (newest, older) = (&by_master[&alone][0], &by_master[&alone][1]);
    few.texts.set(newest, Text("v".into()), 3);
    few.texts.set(older, Text("other".into()), 1);
    until("it waits", || few.cache.stats().coherence.recovery_entries > 0).await;
    readers.go_on("on the wrong side").await;

    with(&cluster, move |cluster| cluster.rejoin(alone)).await;
    few.disturb(others, Fault::None).await;
    many.disturb(vec![alone], Fault::None).await;
    with(&cluster, |cluster| cluster.wait_until_healthy(PATIENCE)).await;
    let whole = Instant::now();
    for client in [&many, &few] {
        for name in &names {
            until_version(&client.texts, name, if name == newest { 3 } else { 2 }).await;
        }
    }
    assert!(whole.elapsed() < SOON, "{:?} until all knew the newest", whole.elapsed());
    readers.come_back(&few.cache, "the partition is over").await;
    watch.stop().await;
    readers.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(target_os = "linux"), ignore = "needs loopback addresses beside 127.0.0.1")]
async fn a_client_with_a_minority_reads_on_and_catches_up() {
    a_client_with_a_minority(Fault::BlackHole).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(target_os = "linux"), ignore = "needs loopback addresses beside 127.0.0.1")]
async fn a_client_that_is_refused_by_the_majority_reads_on_and_catches_up() {
    a_client_with_a_minority(Fault::Cut).await;
}

/// The staleness bound holds on the wrong side, too: what the other side may have replaced is marked. The one alone answers
/// reads as ever, but has no say any more in what is the newest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(target_os = "linux"), ignore = "needs loopback addresses beside 127.0.0.1")]
async fn what_only_a_minority_can_confirm_is_marked() {
    let parted = Parted::by(Fault::BlackHole).await;
    let deadline = Instant::now() + SOON;
    loop {
        let mut unmarked = Vec::new();
        for name in &parted.names {
            let hit = parted.few.texts.get(name).await.expect("in memory");
            if hit.version < 2 && hit.stale.is_none() {
                unmarked.push(name);
            }
        }
        if unmarked.is_empty() {
            break;
        }
        let of_the_one_alone = &parted.by_master[&parted.alone];
        assert!(
            Instant::now() < deadline,
            "{SOON:?} after the others wrote version 2: version 1 of {unmarked:?} is given as fresh; the node alone has \
             {of_the_one_alone:?}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    parted.readers.go_on("all is marked").await;
    parted.watch.stop().await;
    parted.readers.stop().await;
}
