//! One node.

use super::super::{Event, Fetched};
use super::*;
use local_servers::RedisServer;

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
