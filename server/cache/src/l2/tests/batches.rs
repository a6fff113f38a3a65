//! Many keys at once.

use super::super::Fetched;
use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_keys_are_one_exchange_a_node() {
    let f = Fixture::new(NEVER).await;
    let keys: Vec<String> = (0..100).map(|i| format!("k{i}")).collect();
    for key in &keys[..98] {
        set(&f.router, AMPLE, key, key).await.expect("written");
    }
    let push = |key: String| {
        let router = Arc::clone(&f.router);
        async move {
            router
                .run(AMPLE, &key, Access::Write, |mut conn| {
                    let cmd = redis::cmd("RPUSH").arg(&key).arg("x").take();
                    async move { cmd.query_async::<u64>(&mut conn).await }
                })
                .await
        }
    };
    assert_eq!(push(keys[98].clone()).await, Ok(1));
    let requests = || f.router.state().nodes.iter().map(|node| node.requests).sum::<u64>();
    let before = requests();
    let fetched = f.router.fetch_all(AMPLE, &keys, 2, Access::Read).await;
    assert_eq!(requests() - before, 3);
    for (i, result) in fetched.into_iter().enumerate() {
        let expected = match i {
            0..10 => Fetched::Bytes(format!("k{i}").into_bytes()),
            99 => Fetched::Nothing,
            // No entry and too long, or not a string.
            _ => Fetched::Foreign,
        };
        assert_eq!(result, Ok(expected), "{i}");
    }
    assert_eq!(f.router.fetch_all(AMPLE, &[], 2, Access::Read).await, Vec::new());
    let anywhere = f.router.fetch_all(AMPLE, &keys, 2, Access::ReadAnywhere).await;
    assert_eq!(anywhere.len(), 100);
    assert!(anywhere.iter().all(Result::is_ok), "{anywhere:?}");
}
