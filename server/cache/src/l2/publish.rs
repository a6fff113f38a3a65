//! Messages out, and exchanges with every master.

use std::time::Duration;

use futures_util::future::join_all;
use redis::{Cmd, RedisResult};
use tokio::time::timeout;

use super::conn::Conn;
use super::node::Node;
use super::router::{Access, Router};
use super::state::{L2Error, text_of};

impl Router {
    /// Sends a message; returns how many subscribers its node passed it to.
    ///
    /// On a cluster it goes to the shard of the channel only (`SPUBLISH`); on one below Redis 7, and on a single node,
    /// to all (`PUBLISH`).
    pub async fn publish(&self, limit: Duration, channel: &str, payload: &[u8]) -> Result<u64, L2Error> {
        let plain = |cmd: &str| -> Cmd {
            let mut cmd = redis::cmd(cmd);
            cmd.arg(channel).arg(payload);
            cmd
        };
        let send = |cmd: Cmd| {
            self.run(limit, channel, Access::Publish, move |mut conn| {
                let cmd = cmd.clone();
                async move { cmd.query_async::<u64>(&mut conn).await }
            })
        };
        let is_plain = || self.owner(channel).is_none_or(|node| node.lacks().sharded_channels());
        let sent = if !self.is_cluster() || is_plain() {
            send(plain("PUBLISH")).await
        } else {
            match send(plain("SPUBLISH")).await {
                // The slot went to a node of an older release.
                Err(L2Error::Redis(text)) if text.contains("unknown command") => send(plain("PUBLISH")).await,
                other => other,
            }
        };
        match &sent {
            Ok(_) => self.channel.note_sent(),
            Err(L2Error::Redis(why)) => self.channel.note_not_sent(why),
            // Nobody refused anything: there is no connection, or no answer, and the node's watchdog says so.
            Err(
                L2Error::Broken(_) | L2Error::Disconnected(_) | L2Error::Timeout | L2Error::NotConfigured,
            ) => {}
        }
        sent
    }

    /// The master of a key's slot.
    pub(super) fn owner(&self, key: &str) -> Option<std::sync::Arc<Node>> {
        self.map().shard(self.slot(key)).map(|shard| std::sync::Arc::clone(&shard.master))
    }

    /// Runs an exchange on every master at the same time, each within `limit`. For what no key names, such as `SCAN`: no
    /// redirect is followed.
    pub async fn each_master<T, F, Fut>(
        &self,
        limit: Duration,
        exchange: F,
    ) -> Vec<(String, Result<T, L2Error>)>
    where
        F: Fn(Conn) -> Fut,
        Fut: Future<Output = RedisResult<T>>,
    {
        let map = self.map();
        let asked = map.shards.iter().map(|shard| async {
            let node = &shard.master;
            (node.address.to_string(), self.on_node(limit, node, &exchange).await)
        });
        join_all(asked).await
    }

    /// Runs an exchange on one node within `limit`.
    async fn on_node<T, F, Fut>(&self, limit: Duration, node: &Node, exchange: &F) -> Result<T, L2Error>
    where
        F: Fn(Conn) -> Fut,
        Fut: Future<Output = RedisResult<T>>,
    {
        let (number, conn) = node.connection().ok_or_else(|| node.away())?;
        node.note_use();
        match timeout(limit, exchange(Conn::new(conn, false, node.lacks()))).await {
            Ok(Ok(value)) => {
                node.answered();
                Ok(value)
            }
            Ok(Err(error)) if !error.is_timeout() => {
                node.count_error(&error);
                if error.is_unrecoverable_error() {
                    node.withdraw(number, &text_of(&error));
                }
                Err(error.into())
            }
            // A long walk that its caller cut short says nothing about the node: its watchdog judges it.
            _ => {
                node.counts.timeouts.add(1);
                Err(L2Error::Timeout)
            }
        }
    }
}
