//! One node.

use super::super::{Event, Fetched};
use super::*;
use local_servers::{FaultProxy, RedisServer};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_does_it_all() {
    let redis = Arc::new(blocking(RedisServer::ephemeral).await.expect("starts"));
    let router = router(&redis.url());
    connected(&router).await;
    let mut subscription = router.subscribe("channel");
    let event = async |subscription: &mut super::super::subscription::Subscription| {
        timeout(PATIENCE, subscription.next()).await.expect("in time")
    };
    assert_eq!(event(&mut subscription).await, Event::Up);
    assert_eq!(router.publish(AMPLE, "channel", b"hello").await, Ok(1));
    assert_eq!(event(&mut subscription).await, Event::Message(b"hello".to_vec()));
    set(&router, AMPLE, "a", "1").await.expect("written");
    let keys = ["a".to_owned(), "b".to_owned()];
    for access in [Access::Read, Access::ReadAnywhere] {
        let fetched = router.fetch_all(AMPLE, &keys, 10, access).await;
        assert_eq!(fetched, [Ok(Fetched::Bytes(b"1".to_vec())), Ok(Fetched::Nothing)]);
    }
    let health = router.health().await;
    assert_eq!((health.len(), health[0].slots), (1, 0));
    assert!(
        health[0].report.as_ref().is_some_and(|report| report.keys == 2),
        "the log and the key: {health:?}"
    );
    assert_eq!(router.state().nodes.len(), 1);

    let server = Arc::clone(&redis);
    blocking(move || server.kill()).await.expect("killed");
    assert!(matches!(event(&mut subscription).await, Event::Down(_)));
    until("it is closed", async || !router.is_open()).await;
    let fetched = router.fetch_all(AMPLE, &keys, 10, Access::Read).await;
    assert!(fetched.iter().all(|result| matches!(result, Err(L2Error::Disconnected(_)))), "{fetched:?}");
    assert!(router.health().await[0].unanswered.is_some());
    let server = Arc::clone(&redis);
    blocking(move || server.start()).await.expect("started");
    connected(&router).await;
    assert_eq!(event(&mut subscription).await, Event::Up);
    assert!(router.failovers().is_empty());
}

/// Begins an exchange that has no answer, and breaks its connection.
async fn break_off<T: Send + 'static>(
    router: &Arc<Router>,
    proxy: &Arc<FaultProxy>,
    exchange: impl Future<Output = T> + Send + 'static,
) -> T {
    connected(router).await;
    let act = |act: fn(&FaultProxy) -> local_servers::Result<()>| {
        let proxy = Arc::clone(proxy);
        blocking(move || act(&proxy))
    };
    act(FaultProxy::black_hole).await.expect("swallows");
    let before = router.state().nodes[0].requests;
    let exchange = tokio::spawn(exchange);
    until("it is under way", async || router.state().nodes[0].requests > before).await;
    // Ends what has lost something, and lets new ones through.
    act(FaultProxy::pass).await.expect("passes");
    timeout(PATIENCE, exchange).await.expect("in time").expect("no panic")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_breaks_is_no_refusal_and_each_kind_of_failure_has_its_count() {
    let redis = Arc::new(blocking(RedisServer::ephemeral).await.expect("starts"));
    let port = redis.port();
    let proxy = Arc::new(blocking(move || FaultProxy::before(port)).await.expect("a proxy"));
    let router = router(&format!("redis://127.0.0.1:{}", proxy.port()));
    let node = || router.state().nodes.remove(0);
    connected(&router).await;
    let rounds = 4;
    for _ in 0..rounds {
        let sender = Arc::clone(&router);
        let sent =
            break_off(&router, &proxy, async move { sender.publish(AMPLE, "channel", b"x").await }).await;
        assert!(matches!(sent, Err(L2Error::Broken(_))), "{sent:?}");
    }
    assert_eq!(router.channel.trouble(), None, "nobody refused a message");
    let reader = Arc::clone(&router);
    let read = break_off(&router, &proxy, async move { get(&reader, AMPLE, "k", Access::Read).await }).await;
    assert!(matches!(read, Err(L2Error::Broken(_))), "it was asked: {read:?}");
    let reader = Arc::clone(&router);
    let keys = vec!["k".to_owned(); 3];
    let read =
        break_off(&router, &proxy, async move { reader.fetch_all(AMPLE, &keys, 10, Access::Read).await })
            .await;
    assert!(read.iter().all(|result| matches!(result, Err(L2Error::Broken(_)))), "{read:?}");
    connected(&router).await;
    let counted = node();
    assert_eq!((counted.broken, counted.errors, counted.timeouts), (rounds + 2, 0, 0), "{counted:?}");
    assert!(counted.connections_lost >= rounds + 2, "{counted:?}");
    assert_eq!(counted.connects, counted.connections_lost + 1, "{counted:?}");

    // A refusal is one.
    set(&router, AMPLE, "text", "x").await.expect("written");
    let refused = router.run(AMPLE, "text", Access::Write, |mut conn| async move {
        redis::cmd("INCR").arg("text").query_async::<u64>(&mut conn).await
    });
    assert!(matches!(refused.await, Err(L2Error::Redis(_))));
    assert_eq!((node().errors, node().broken), (1, rounds + 2));

    // Who hangs up at once and who says nothing are told apart.
    let act = |act: fn(&FaultProxy) -> local_servers::Result<()>| {
        let proxy = Arc::clone(&proxy);
        blocking(move || act(&proxy))
    };
    let timed_out = node().connect_timeouts;
    act(FaultProxy::cut).await.expect("cut");
    let failed = node().connect_failures;
    until("attempts are refused", async || node().connect_failures > failed + 1).await;
    assert_eq!(node().connect_timeouts, timed_out);
    act(FaultProxy::black_hole).await.expect("swallows");
    until("an attempt has no answer", async || node().connect_timeouts > timed_out).await;
    let state = router.state();
    assert_eq!(
        (state.connects, state.connect_failures, state.connect_timeouts, state.connections_lost),
        (
            state.nodes[0].connects,
            state.nodes[0].connect_failures,
            state.nodes[0].connect_timeouts,
            state.nodes[0].connections_lost
        ),
    );
}
