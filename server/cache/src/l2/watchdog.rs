//! The job that keeps one node connected.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;

use redis::RedisResult;
use redis::aio::MultiplexedConnection;
use tokio::time::{sleep, timeout};

use super::conn::Conn;
use super::lacks::Lacks;
use super::node::Node;
use super::router::Router;
use super::skew;
use super::state::L2Error;
use super::verdict::{Verdict, judge};
use crate::clock;

/// An exchange of the watchdog: a ping, a poll of the clear log, or reading it whole.
const WATCH_TIMEOUT: Duration = Duration::from_secs(1);
/// Between two of them.
const WATCH_EVERY: Duration = Duration::from_secs(1);
/// Between two attempts to connect at most.
const MAX_BACKOFF: Duration = Duration::from_secs(1);
const MIN_BACKOFF: Duration = Duration::from_millis(25);

/// Connects, watches, reconnects, until the router is gone.
pub(super) async fn supervise(node: Arc<Node>, router: Weak<Router>) {
    let mut backoff = MIN_BACKOFF;
    let mut number = 0;
    loop {
        number += 1;
        let why = match connect(&node, &router).await {
            Ok(conn) => {
                backoff = MIN_BACKOFF;
                node.publish(number, &conn);
                watch(&node, &mut number, conn, &router).await
            }
            Err(error) => error,
        };
        if router.strong_count() == 0 {
            return;
        }
        node.withdraw(number, &why.to_string());
        node.note_lost(&why.to_string());
        // Up to half off, so that many servers do not come back in step.
        sleep(backoff.mul_f64(1.0 - fastrand::f64() / 2.0)).await;
        backoff = (backoff * 2).min(MAX_BACKOFF);
    }
}

async fn connect(node: &Node, router: &Weak<Router>) -> Result<MultiplexedConnection, L2Error> {
    let connected = prepare(node, router).await;
    if let Err(error) = &connected {
        node.note_connect_failed(error);
    }
    connected
}

/// A connection over which it was asked for all that has to be known before it is used.
async fn prepare(node: &Node, router: &Weak<Router>) -> Result<MultiplexedConnection, L2Error> {
    let mut conn = node.connect().await?;
    let asked = timeout(WATCH_TIMEOUT, Lacks::ask(&mut conn)).await;
    node.note_lacks(asked.map_err(|_| L2Error::Timeout)??);
    look_at(node, &conn, router).await?;
    Ok(conn)
}

/// Looks each second until that fails; returns the error. A connection that was withdrawn and answers again is published
/// again: that closes the breaker. Where a new connection is wanted, it takes the place of the old one if it can be made.
async fn watch(
    node: &Node,
    number: &mut u64,
    mut conn: MultiplexedConnection,
    router: &Weak<Router>,
) -> L2Error {
    loop {
        // Early on a call: whoever withdrew the connection wants to know.
        let _ = timeout(WATCH_EVERY, node.look.notified()).await;
        if node.wants_renewal.swap(false, Ordering::AcqRel)
            && let Ok(renewed) = connect(node, router).await
        {
            *number += 1;
            conn = renewed;
            node.replace(*number, &conn);
            continue;
        }
        if let Err(error) = look_at(node, &conn, router).await {
            return error;
        }
        node.publish(*number, &conn);
    }
}

/// One look: the node with the clear log is asked for its changes, so that it is used only with the log known; any other
/// is pinged.
async fn look_at(node: &Node, conn: &MultiplexedConnection, router: &Weak<Router>) -> Result<(), L2Error> {
    let mut conn = Conn::new(conn.clone(), false, node.lacks());
    let Some(store) = router.upgrade().map(|router| router.log_at(node)) else {
        return Err(L2Error::NotConfigured);
    };
    let exchange = async {
        if node.is_in_cluster() {
            match redis::cmd("CLUSTER").arg("INFO").query_async::<String>(&mut conn).await {
                Ok(info) => {
                    node.note_cluster_state(info.lines().any(|line| line.trim_end() == "cluster_state:ok"));
                }
                // A user who may not ask: then nobody knows, as before anybody asked.
                Err(error) if error.code() == Some("NOPERM") => {}
                Err(error) => return Err(error),
            }
        }
        match &store {
            Some(store) => {
                store.sync(&mut conn).await?;
                note_clock(&mut conn, router).await
            }
            None => redis::cmd("PING").query_async(&mut conn).await,
        }
    };
    let Ok(result) = timeout(WATCH_TIMEOUT, exchange).await else { return Err(L2Error::Timeout) };
    let Some(router) = router.upgrade() else { return Err(L2Error::NotConfigured) };
    match result {
        Ok(()) => {
            if store.is_some() {
                router.note_log_read();
            }
            Ok(())
        }
        // It lives, but the log went elsewhere or nobody may read it now.
        Err(error) if router.is_cluster() && store.is_some() => match judge(&error, &node.address) {
            Verdict::Moved(_) | Verdict::Ask(_) | Verdict::Later if !is_loading(&error) => {
                router.ask_for_map();
                Ok(())
            }
            _ => Err(error.into()),
        },
        Err(error) if matches!(judge(&error, &node.address), Verdict::Moved(_) | Verdict::Ask(_)) => {
            let text = "this node is part of a cluster: the URL must begin with redis-cluster://";
            Err(L2Error::Redis(text.to_owned()))
        }
        Err(error) => Err(error.into()),
    }
}

/// Asks Redis for its time now and then. A user who may not leaves it unknown.
async fn note_clock(conn: &mut Conn, router: &Weak<Router>) -> RedisResult<()> {
    if !router.upgrade().is_some_and(|router| router.clock.is_due()) {
        return Ok(());
    }
    let before = clock::unix_ms();
    match redis::cmd("TIME").query_async::<(u64, u64)>(conn).await {
        Ok(time) => {
            if let Some(router) = router.upgrade() {
                router.clock.note(before, skew::time_ms(time), clock::unix_ms());
            }
            Ok(())
        }
        Err(error) if error.is_unrecoverable_error() => Err(error),
        Err(_) => Ok(()),
    }
}

fn is_loading(error: &redis::RedisError) -> bool {
    error.code() == Some("LOADING")
}
