//! Publishing and subscribing.

use super::super::Event;
use super::super::subscription::Subscription;
use super::*;

/// Waits for an event that fits, past others.
async fn wait_for(subscription: &mut Subscription, what: &str, fits: impl Fn(&Event) -> bool) -> Event {
    let found = async {
        loop {
            let event = subscription.next().await;
            if fits(&event) {
                return event;
            }
        }
    };
    timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// Publishes until the message arrives.
async fn passes(router: &Router, subscription: &mut Subscription, text: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let sent = router.publish(AMPLE, "channel", text.as_bytes()).await;
        let wanted = Event::Message(text.as_bytes().to_vec());
        let arrival = async { while subscription.next().await != wanted {} };
        if sent.is_ok() && timeout(Duration::from_millis(500), arrival).await.is_ok() {
            return;
        }
        assert!(Instant::now() < deadline, "{text} does not arrive, sent: {sent:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_arrive_in_order_and_again_after_a_failover_and_a_move() {
    let f = Fixture::new(SOON).await;
    let mut subscription = f.router.subscribe("channel");
    wait_for(&mut subscription, "the first subscription", |e| *e == Event::Up).await;
    for i in 0..100_u8 {
        assert_eq!(
            f.router.publish(AMPLE, "channel", &[i]).await,
            Ok(1),
            "sharded: one node, one subscriber"
        );
    }
    for i in 0..100_u8 {
        assert_eq!(subscription.next().await, Event::Message(vec![i]));
    }

    let master = f.master("channel").await;
    f.admin(move |cluster| cluster.node(master).kill()).await;
    wait_for(&mut subscription, "the loss", |e| matches!(e, Event::Down(_))).await;
    wait_for(&mut subscription, "the return", |e| *e == Event::Up).await;
    passes(&f.router, &mut subscription, "after the failover").await;

    let slot = key_slot(b"channel");
    let to = f.other_master(f.master("channel").await).await;
    f.admin(move |cluster| cluster.move_slot(slot, to)).await;
    wait_for(&mut subscription, "the end at the old owner", |e| matches!(e, Event::Down(_))).await;
    wait_for(&mut subscription, "the new owner", |e| *e == Event::Up).await;
    passes(&f.router, &mut subscription, "after the move").await;

    subscription.restart();
    wait_for(&mut subscription, "the end on demand", |e| matches!(e, Event::Down(_))).await;
    wait_for(&mut subscription, "the new beginning", |e| *e == Event::Up).await;
    drop(subscription);
    until("nobody listens", async || f.router.publish(AMPLE, "channel", b"x").await == Ok(0)).await;
}
