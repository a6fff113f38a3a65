//! Redis as operators have it: it allows less, is full, is a replica, is shared with others, or is somewhere else than it says.

mod common;

use std::time::Duration;

use common::*;
use local_servers::{RedisCluster, RedisServer};
use redis::AsyncCommands as _;
use tidemark_cache::{Affected, Cache, Loaded, Scope, Tier, Tiers, Trouble, Want};

async fn redis_with(extra: &[(&str, &str)]) -> RedisServer {
    let extra: Vec<(String, String)> =
        extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    blocking(move || {
        let extra: Vec<(&str, &str)> =
            extra.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        RedisServer::ephemeral_with(&extra)
    })
    .await
    .expect("Redis starts")
}

fn builder(url: String) -> tidemark_cache::Builder {
    Cache::builder().redis(Some(url)).l2_timeout(Duration::from_secs(1))
}

async fn until_trouble(cache: &Cache, expected: Option<(Affected, Trouble)>) {
    until(&format!("the trouble is {expected:?}"), || cache.l2_state().trouble() == expected).await;
}

#[tokio::test]
async fn a_full_redis_is_told_and_so_is_room_again_though_nothing_is_written() {
    let redis = redis_with(&[("maxmemory-policy", "noeviction")]).await;
    let mut plain = plain(&redis).await;
    let cache = connected(builder(redis.url())).await;
    let texts = texts(&cache, steady());
    assert_eq!(cache.l2_state().trouble(), None);
    let () =
        redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg("1").query_async(&mut plain).await.expect("set");
    load(&texts, "k", "v", 1).await.expect("loads");
    until_trouble(&cache, Some((Affected::Writes, Trouble::Full))).await;
    let state = cache.l2_state();
    assert!(state.connected && state.writes_refused.is_some_and(|why| why.contains("OOM")));
    drop(texts);
    let () =
        redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg("0").query_async(&mut plain).await.expect("set");
    until_trouble(&cache, None).await;
}

#[tokio::test]
async fn scripts_or_channels_that_a_user_may_not_use_are_told() {
    let redis = redis_with(&[
        ("user", "noscript on >pw ~* &* +@all -@scripting"),
        ("user", "noread on >pw ~* &* +@all -getrange"),
        ("user", "nochannel on >pw ~* resetchannels +@all"),
    ])
    .await;
    // The log of clears is there already.
    let all = connected(builder(redis.url())).await;
    let as_user = |user: &str| builder(format!("redis://{user}:pw@127.0.0.1:{}", redis.port()));
    let noscript = connected(as_user("noscript")).await;
    load(&texts(&noscript, steady()), "k", "v", 1).await.expect("loads");
    until_trouble(&noscript, Some((Affected::Writes, Trouble::Forbidden))).await;
    let noread = connected(as_user("noread")).await;
    load(&texts(&noread, steady()), "k", "v", 1).await.expect("loads");
    until_trouble(&noread, Some((Affected::Writes, Trouble::Forbidden))).await;
    let nochannel = connected(as_user("nochannel")).await;
    until_trouble(&nochannel, Some((Affected::Messages, Trouble::Forbidden))).await;
    let bus = nochannel.stats().coherence;
    assert!(bus.sends_refused >= 3 && bus.sends_refused <= bus.send_failures, "{bus:?}");
    assert_eq!(all.l2_state().trouble(), None);
    // What `check` does finds both.
    let observer = async |user: &str| connected(as_user(user).observer(true)).await;
    assert!(observer("noscript").await.ping().await.is_err());
    let error = observer("nochannel").await.ping_channel().await.expect_err("refused").to_string();
    assert_eq!(Trouble::of(&error), Trouble::Forbidden, "{error}");
}

#[tokio::test]
async fn an_observer_leaves_nothing_behind_and_is_no_peer() {
    let redis = redis().await;
    let mut plain = plain(&redis).await;
    let observer = connected(builder(redis.url()).observer(true)).await;
    observer.ping().await.expect("writes");
    observer.ping_channel().await.expect("is heard");
    let left: Vec<String> = plain.keys("*").await.expect("keys");
    assert_eq!(left, Vec::<String>::new());
    // A server beside it takes the probes for nothing.
    let cache = connected(builder(redis.url())).await;
    settled(&[&cache]).await;
    observer.ping_channel().await.expect("is heard");
    let bus = cache.stats().coherence;
    assert_eq!((bus.publishers, bus.gaps, bus.announcements_heard), (0, 0, 0));
}

#[tokio::test]
async fn a_renamed_command_costs_no_connection() {
    let redis = redis_with(&[("rename-command", "EVALSHA \"\""), ("rename-command", "EVAL \"\"")]).await;
    let mut plain = plain(&redis).await;
    // As another release would have left it.
    let log = ["format", "1", "epoch", "7", "head", "0", "floor", "0", "lost", "0", "rev", "0.7"];
    let () = redis::cmd("HSET").arg("tm:clears").arg(&log).query_async(&mut plain).await.expect("set");
    let cache = connected(builder(redis.url())).await;
    let texts = texts(&cache, steady());
    for i in 0..20 {
        // Bytes that are no UTF-8 once they are compressed, in the error if they were sent.
        load(&texts, &format!("k{i}"), &"é".repeat(5_000), 1).await.expect("loads");
    }
    until_trouble(&cache, Some((Affected::Writes, Trouble::MissingCommand))).await;
    assert_eq!(cache.l2_state().connects, 1);
}

#[tokio::test]
async fn a_password_that_redis_repeats_is_not_shown() {
    let redis =
        redis_with(&[("rename-command", "HELLO \"\""), ("user", "known on >s3cret-word ~* &* +@all")]).await;
    let url = format!("redis://known:s3cret-word@127.0.0.1:{}", redis.port());
    let cache = connected(builder(url.clone())).await;
    until_trouble(&cache, Some((Affected::Messages, Trouble::MissingCommand))).await;
    let why = cache.l2_state().messages_refused.expect("a reason");
    assert!(why.contains("HELLO") && !why.contains("s3cret"), "{why}");
    let observer = connected(builder(url).observer(true)).await;
    let error = observer.ping_channel().await.expect_err("refused").to_string();
    assert!(error.contains("HELLO") && !error.contains("s3cret"), "{error}");
}

#[tokio::test]
async fn keys_of_another_application_are_never_deleted_and_named() {
    let redis = redis().await;
    let mut plain = plain(&redis).await;
    let () = plain.hset("tm:clears", "user", 42).await.expect("set");
    let cache = builder(redis.url()).build().expect("builds");
    until_trouble(&cache, Some((Affected::All, Trouble::ForeignKey))).await;
    assert!(cache.l2_state().last_error.is_some_and(|why| why.contains("tm:clears")));
    let fields: Vec<(String, String)> = plain.hgetall("tm:clears").await.expect("there");
    assert_eq!(fields, [("user".to_owned(), "42".to_owned())]);
    let () = plain.del("tm:clears").await.expect("deleted");
    let () = plain.set("tm:clears", "text").await.expect("set");
    until("the text is named", || cache.l2_state().last_error.is_some_and(|why| why.contains("tm:clears")))
        .await;
    let () = plain.del("tm:clears").await.expect("deleted");
    until_trouble(&cache, None).await;
    // A list at an entry and at its lease: every load goes on at once, and neither is touched.
    let texts = texts(&cache, steady().tiers(Tiers::L2));
    for key in ["tm:e:texts:{k}", "tm:l:texts:{k}"] {
        let () = plain.rpush(key, "x").await.expect("pushed");
    }
    for _ in 0..3 {
        assert_eq!(load(&texts, "k", "v", 1).await.expect("loads").tier, Tier::Source);
    }
    assert_eq!(cache.stats().categories["texts"].source.lease_waits, 0);
    until("all writes were tried", || cache.stats().categories["texts"].l2.foreign_writes == 3).await;
    for key in ["tm:e:texts:{k}", "tm:l:texts:{k}"] {
        let list: Vec<String> = plain.lrange(key, 0, -1).await.expect("still a list");
        assert_eq!(list, ["x"]);
    }
}

/// What other applications may have put at `key`: text, nothing at all, many bytes, a hash as a lease is long.
fn foreign_values() -> [Vec<u8>; 5] {
    let like_a_lease = "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";
    [b"text".to_vec(), Vec::new(), b"TDM".to_vec(), vec![0; 9 << 20], like_a_lease.into()]
}

#[tokio::test]
async fn values_of_another_application_are_never_written_over_and_counted() {
    let redis = redis().await;
    let mut plain = plain(&redis).await;
    let cache = connected(builder(redis.url())).await;
    let texts = texts(&cache, steady().tiers(Tiers::L2));
    let values = foreign_values();
    let at = |i: usize| format!("tm:e:texts:{{k{i}}}");
    for (i, value) in values.iter().enumerate() {
        let () = plain.set(at(i), value).await.expect("set");
        let () = plain.set_ex(format!("tm:l:texts:{{k{i}}}"), value, 1_000).await.expect("set");
    }
    let names: Vec<String> = (0..values.len()).map(|i| format!("k{i}")).collect();
    // By every way there is: each alone and together, loaded, set, removed, expired, cleared.
    for name in &names {
        assert!(texts.get(name).await.is_none(), "{name}");
        let hit = load(&texts, name, "loaded", 1).await.expect("loads");
        assert_eq!((hit.value.0.as_str(), hit.tier), ("loaded", Tier::Source), "{name}");
    }
    let together = texts
        .get_many_or_load(&names, Want::any(), |keys| async move {
            Ok::<_, Down>(keys.into_iter().map(|key| (key, Loaded::new(Text("v".into()), 2))).collect())
        })
        .await;
    assert!(together.iter().all(|hit| hit.as_ref().is_ok_and(|hit| hit.tier == Tier::Source)));
    for name in &names {
        texts.set(name, Text("set".into()), 3);
        texts.remove(name, 4);
        texts.expire(name).await.expect("answers");
    }
    cache.clear(Scope::All).await.expect("clears");
    let counts = || cache.stats().categories["texts"].l2;
    until("all writes were tried", || counts().foreign_writes >= 4 * names.len() as u64).await;
    // An empty value looks like none to a read.
    let not_empty = names.len() as u64 - 1;
    assert!(counts().foreign >= 3 * not_empty, "{:?}", counts());
    assert_eq!((counts().writes, counts().write_errors, counts().invalid), (0, 0, 0));
    assert_eq!(cache.stats().categories["texts"].source.lease_waits, 0);
    for (i, value) in values.iter().enumerate() {
        let left: Vec<u8> = plain.get(at(i)).await.expect("there");
        assert!(left == *value, "{i}: {} bytes", left.len());
        let left: Vec<u8> = plain.get(format!("tm:l:texts:{{k{i}}}")).await.expect("there");
        assert!(left == *value, "lease {i}");
    }
    until_trouble(&cache, Some((Affected::Nothing, Trouble::ForeignKey))).await;
    assert_eq!(cache.l2_state().foreign_key, Some(at(0)));
    // A tool that looks finds all that are not empty, and says of one what it is.
    let observer = connected(builder(redis.url()).observer(true)).await;
    let found = observer.foreign_keys().await;
    assert_eq!((found.found, found.complete, found.sample.len()), (not_empty, true, names.len() - 1));
    let inspected = observer.inspect("texts", "k0").await;
    assert!(inspected.l2_foreign && inspected.l2.is_none() && inspected.l2_error.is_none(), "{inspected:?}");
    // Removed by who put them there, they make room for ours.
    for (i, name) in names.iter().enumerate() {
        let () = plain.del(at(i)).await.expect("deleted");
        texts.set(name, Text("ours".into()), 9);
    }
    until_trouble(&cache, None).await;
    assert_eq!(observer.foreign_keys().await.found, 0);
    assert!(!observer.inspect("texts", "k0").await.l2_foreign);
}

#[tokio::test]
async fn others_are_told_of_what_a_foreign_value_keeps_out() {
    let redis = redis().await;
    let mut plain = plain(&redis).await;
    let (a, b) = (connected(builder(redis.url())).await, connected(builder(redis.url())).await);
    settled(&[&a, &b]).await;
    let (in_a, in_b) = (texts(&a, steady()), texts(&b, steady()));
    load(&in_a, "k", "v1", 1).await.expect("loads");
    written(&a, "texts", 1).await;
    assert_eq!(load_failing(&in_b, "k").await.expect("from Redis").version, 1);
    let () = plain.set("tm:e:texts:{k}", "foreign").await.expect("set");
    in_a.set(&key("k"), Text("v2".into()), 2);
    until_async("it loads what Redis cannot have", || async {
        load(&in_b, "k", "v2", 2).await.is_ok_and(|hit| hit.version == 2 && hit.tier == Tier::Source)
    })
    .await;
    let left: String = plain.get("tm:e:texts:{k}").await.expect("there");
    assert_eq!(left, "foreign");
    // Memory goes on.
    let hit = load_failing(&in_a, "k").await.expect("in memory");
    assert_eq!((hit.value.0.as_str(), hit.tier, hit.stale), ("v2", Tier::L1, None));
}

/// Reads until a read is in the sample.
async fn until_hot(cache: &Cache, texts: &Texts) {
    until_async("the key is hot", || async {
        load(texts, "k", "v", 1).await.expect("loads");
        !cache.hot_keys(1).is_empty()
    })
    .await;
}

#[tokio::test]
async fn another_applications_set_where_hot_keys_would_be_is_left_alone() {
    let redis = redis().await;
    let mut plain = plain(&redis).await;
    let hot = "tm:hot:{texts}";
    for kind in ["sorted set", "set"] {
        let cache = connected(builder(redis.url())).await;
        let texts = texts(&cache, steady());
        until_hot(&cache, &texts).await;
        let () = match kind {
            "set" => plain.sadd(hot, "a").await.expect("set"),
            _ => plain.zadd_multiple(hot, &[(7, "a"), (9, "b")]).await.expect("set"),
        };
        // Its last act is to remember what was hot.
        cache.close(PATIENCE).await;
        assert_eq!(cache.l2_state().foreign_key.as_deref(), Some(hot), "{kind}");
        let left: Vec<String> = match kind {
            "set" => plain.smembers(hot).await.expect("there"),
            _ => plain.zrange_withscores(hot, 0, -1).await.expect("there"),
        };
        assert_eq!(left.concat(), if kind == "set" { "a" } else { "a7b9" });
        let () = plain.del(hot).await.expect("deleted");
    }
    // Its own it goes on with.
    for _ in 0..2 {
        let cache = connected(builder(redis.url())).await;
        let texts = texts(&cache, steady());
        until_hot(&cache, &texts).await;
        cache.close(PATIENCE).await;
        assert_eq!(cache.l2_state().foreign_key, None);
        let left: Vec<String> = plain.zrange(hot, 0, -1).await.expect("there");
        assert_eq!(left, ["k"]);
    }
}

#[tokio::test]
async fn database_numbers_and_namespaces_share_nothing() {
    let redis = redis().await;
    let a = connected(builder(redis.url())).await;
    let in_one = connected(builder(format!("{}/1", redis.url()))).await;
    let peer = connected(builder(format!("{}/1", redis.url()))).await;
    let named = connected(builder(redis.url()).namespace("staging")).await;
    settled(&[&in_one, &peer]).await;
    let (in_a, in_b) = (texts(&a, steady()), texts(&in_one, steady()));
    load(&in_a, "k", "of a", 1).await.expect("loads");
    load(&in_b, "k", "of b", 5).await.expect("loads");
    written(&in_one, "texts", 1).await;
    until("its peer has heard of it", || peer.stats().coherence.announcements_heard > 0).await;
    assert!(texts(&named, steady()).get(&key("k")).await.is_none());
    for cache in [&a, &named] {
        let bus = cache.stats().coherence;
        assert_eq!((bus.publishers, bus.announcements_heard), (0, 0));
    }
    assert_eq!(in_a.get(&key("k")).await.expect("there").value.0, "of a");
}

#[tokio::test]
async fn another_installation_in_the_namespace_is_never_served_and_told() {
    let redis = redis().await;
    let of = |owner: &str| builder(redis.url()).owner(Some(owner.to_owned()));
    let a = connected(of("one")).await;
    let again = connected(of("one")).await;
    settled(&[&a, &again]).await;
    let in_a = texts(&a, steady());
    load(&in_a, "k", "of one", 9).await.expect("loads");
    written(&a, "texts", 1).await;
    assert_eq!(load_failing(&texts(&again, steady()), "k").await.expect("from Redis").tier, Tier::L2);

    let b = connected(of("two")).await;
    let in_b = texts(&b, steady().tiers(Tiers::L2));
    until_trouble(&b, Some((Affected::Nothing, Trouble::Shared))).await;
    assert!(b.l2_state().connected);
    let hit = load(&in_b, "k", "of two", 1).await.expect("loads");
    assert_eq!((hit.value.0.as_str(), hit.tier), ("of two", Tier::Source));
    written(&b, "texts", 1).await;
    assert_eq!(load_failing(&in_b, "k").await.expect("its own").value.0, "of two");
    // Of a later version, which would be the newest if they were one.
    load_wanting(&in_a, "k", Want::at_least(10), "of one", 10).await.expect("loads");
    written(&a, "texts", 2).await;
    assert_eq!(b.stats().coherence.announcements_heard, 0);
    assert_eq!(b.stats().coherence.publishers, 0);
    assert_eq!(a.l2_state().trouble(), None, "it was there first");
    // A tool that does not know the owner sees what the first sees.
    let tool = connected(builder(redis.url()).adopt_owner(true)).await;
    let inspected = tool.inspect("texts", "k").await;
    assert!(inspected.l2.is_some_and(|entry| entry.alive), "the tool takes the log's word");
}

#[tokio::test]
async fn who_cannot_tell_the_installation_takes_the_logs_word_for_its_origin() {
    let redis = redis().await;
    let mut plain = plain(&redis).await;
    let at = |origin: &str| builder(redis.url()).origin(Some(origin.to_owned()));
    let a = connected(at("db").owner(Some("one".to_owned()))).await;
    load(&texts(&a, steady()), "k", "v1", 5).await.expect("loads");
    written(&a, "texts", 1).await;
    let fields: Vec<String> = plain.hkeys("tm:clears").await.expect("fields");
    assert!(fields.iter().any(|field| field.starts_with("origin:")), "{fields:?}");

    let b = connected(at("db")).await;
    let in_b = texts(&b, steady().tiers(Tiers::L2));
    assert_eq!(load_failing(&in_b, "k").await.expect("from Redis").tier, Tier::L2);
    settled(&[&a, &b]).await;
    // Once it is told nothing changes, but that it claims.
    b.set_owner("one");
    let head = a.clear(tidemark_cache::Scope::Key("texts:other".into())).await.expect("clears").seq;
    until("it reads the log", || b.stats().clears.head >= head).await;
    assert_eq!(load_failing(&in_b, "k").await.expect("from Redis").tier, Tier::L2);

    // From elsewhere nothing is taken, and an address that two installations have says nothing.
    let elsewhere = connected(at("other")).await;
    assert!(texts(&elsewhere, steady()).get(&key("k")).await.is_none());
    let _second = connected(at("db").owner(Some("two".to_owned()))).await;
    let third = connected(at("db")).await;
    assert!(texts(&third, steady()).get(&key("k")).await.is_none());
}

#[tokio::test]
async fn an_entry_from_the_future_is_not_taken_for_new() {
    let redis = redis().await;
    let mut plain = plain(&redis).await;
    let cache = connected(builder(redis.url())).await;
    let texts = texts(&cache, steady().tiers(Tiers::L2));
    load(&texts, "k", "v1", 1).await.expect("loads");
    written(&cache, "texts", 1).await;
    let mut entry: Vec<u8> = plain.get("tm:e:texts:{k}").await.expect("there");
    let created = u64::from_be_bytes(entry[24..32].try_into().expect("8 bytes"));
    entry[24..32].copy_from_slice(&(created + 60_000).to_be_bytes());
    let () = plain.set("tm:e:texts:{k}", with_version(&entry, 1)).await.expect("set");
    assert!(texts.get(&key("k")).await.is_none(), "nobody can tell how old it is");
    assert_eq!(cache.stats().categories["texts"].l2.invalid, 1);
    // A little ahead is a matter of clocks.
    entry[24..32].copy_from_slice(&(created + 500).to_be_bytes());
    let () = plain.set("tm:e:texts:{k}", with_version(&entry, 1)).await.expect("set");
    assert!(texts.get(&key("k")).await.is_some());
    assert!(cache.clock_ahead_ms().is_some_and(|ahead| ahead.abs() < 30_000), "Redis was asked for its time");
}

#[tokio::test]
async fn a_single_node_that_is_a_replica_is_told_and_connected_to_anew() {
    let master = redis().await;
    let seed = connected(builder(master.url())).await;
    let replica = redis_with(&[("replicaof", &format!("127.0.0.1 {}", master.port()))]).await;
    let mut plain = plain(&replica).await;
    until_async("the replica has the log", || {
        let mut plain = plain.clone();
        async move { plain.exists("tm:clears").await.unwrap_or(false) }
    })
    .await;
    let cache = connected(builder(replica.url())).await;
    load(&texts(&cache, steady()), "k", "v", 1).await.expect("loads");
    until_trouble(&cache, Some((Affected::Writes, Trouble::ReadOnly))).await;
    // Its name may lead to the new master by then.
    until("it connects anew", || cache.l2_state().connects > 1).await;
    let () = redis::cmd("REPLICAOF").arg("NO").arg("ONE").query_async(&mut plain).await.expect("promoted");
    until_trouble(&cache, None).await;
    drop(seed);
}

#[tokio::test]
async fn a_socket_is_as_good_as_a_port() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("redis.sock").display().to_string();
    let redis = redis_with(&[("unixsocket", &path), ("user", "u on >pw ~* &* +@all")]).await;
    let cache = connected(builder(format!("unix://{path}?user=u&pass=pw"))).await;
    assert_eq!(cache.l2_state().address.as_deref(), Some(path.as_str()));
    settled(&[&cache]).await;
    drop(redis);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn announced_addresses_that_lead_nowhere_are_mapped() {
    // The nodes announce the proxies' ports; the ports behind them are the ones to be used.
    let cluster = blocking(RedisCluster::ephemeral_behind_proxies).await.expect("starts");
    let ports: Vec<(u16, u16)> = (0..cluster.size())
        .map(|i| (cluster.node(i).client_proxy().expect("a proxy").port(), cluster.node(i).server().port()))
        .collect();
    let map = ports.iter().map(|(announced, port)| format!("127.0.0.1:{announced}=127.0.0.1:{port}"));
    let map = map.collect::<Vec<_>>().join(",");
    let url = format!("redis-cluster://127.0.0.1:{}", ports[0].1);
    let cache = connected(builder(url).redis_address_map(Some(map))).await;
    cluster::all_nodes_known(&cache, cluster.size()).await;
    let known = cache.l2_state().nodes;
    assert!(
        known.iter().all(|node| ports.iter().any(|(_, port)| node.address.ends_with(&format!(":{port}"))))
    );
    assert!(cache.nodes().await.iter().all(|node| node.report.is_some() && node.id.is_some()));
    let texts = texts(&cache, steady());
    for i in 0..30 {
        load(&texts, &format!("k{i}"), "v", 1).await.expect("loads");
    }
    written(&cache, "texts", 30).await;
    assert_eq!(cache.stats().categories["texts"].l2.writes, 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_are_to_be_told_by_name_and_have_none_are_reached_by_their_address() {
    // They answer CLUSTER SLOTS with `?` and the address beside it.
    let by_name = [("cluster-preferred-endpoint-type", "hostname")];
    let start = move || RedisCluster::ephemeral_with(3, 0, cluster::NEVER, &by_name);
    let cluster = blocking(start).await.expect("starts");
    let told = cluster.command(0, &["CLUSTER", "SLOTS"]).expect("answers");
    assert!(format!("{told:?}").contains("Bulk([63])"), "an unknown host, `?`: {told:?}");
    let (a, b) =
        (connected(builder(cluster.cluster_url())).await, connected(builder(cluster.cluster_url())).await);
    for cache in [&a, &b] {
        cluster::all_nodes_known(cache, 3).await;
    }
    settled(&[&a, &b]).await;
    let (in_a, in_b) = (texts(&a, steady()), texts(&b, steady()));
    for i in 0..30 {
        load(&in_a, &format!("k{i}"), "v", 1).await.expect("loads");
    }
    written(&a, "texts", 30).await;
    for i in 0..30 {
        let hit = load_failing(&in_b, &format!("k{i}")).await.expect("from Redis");
        assert_eq!(hit.tier, Tier::L2);
    }
    assert_eq!((a.l2_state().trouble(), b.l2_state().trouble()), (None, None));
}
