//! How each node is, asked of the nodes themselves.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use redis::Value;
use tokio::time::timeout;

use super::address::Address;
use super::info::{ClusterNode, Info, cluster_nodes};
use super::node::Node;
use super::report::{NodeHealth, NodeReport, NodeRole, report};
use super::router::Router;
use super::skew;
use super::slots::Map;
use super::state::{L2Error, NodeState, describe};
use crate::clock;

/// A node's answer about itself.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(500);

/// What was asked of a node.
struct Answer {
    info: String,
    nodes: Vec<ClusterNode>,
    clock_ahead_ms: Option<i64>,
}

impl Router {
    /// Asks all nodes at the same time, each within 500 ms. Nodes that the cluster knows and that we have no connection to,
    /// such as failed replicas, are there, too.
    pub async fn health(&self) -> Vec<NodeHealth> {
        let map = self.map();
        let nodes: Vec<Arc<Node>> = map.nodes().cloned().collect();
        let answers = join_all(nodes.iter().map(|node| self.question(node))).await;
        // Whoever answers tells of all; each node's word about itself comes first.
        let told: Vec<(&Arc<Node>, &ClusterNode)> = nodes
            .iter()
            .zip(&answers)
            .flat_map(|(node, answer)| {
                answer.iter().flat_map(move |a| a.nodes.iter().map(move |n| (node, n)))
            })
            .collect();
        let mut all: Vec<NodeHealth> = nodes
            .iter()
            .zip(&answers)
            .map(|(node, answer)| {
                let own = answer.as_ref().ok().and_then(|a| a.nodes.iter().find(|n| n.myself));
                let others =
                    || told.iter().find(|(by, n)| self.is_at(n, &by.address, &node.address)).map(|(_, n)| *n);
                let mut health = of_node(describe(node, &map), own.or_else(others), answer);
                if !self.is_cluster() {
                    (health.slots, health.slot_ranges) = (0, Vec::new());
                }
                health
            })
            .collect();
        add_lag(&mut all, &answers, &map, &nodes);
        for (by, line) in &told {
            let known = all.iter().any(|h| h.id.as_deref() == Some(line.id.as_str()));
            if !known && let Some(address) = Address::from_redirect(&line.address, &by.address) {
                all.push(unlinked(line, &self.redis.reachable(&address)));
            }
        }
        all
    }

    /// Whether a line, told by the node at `by`, is about the node at `address`.
    fn is_at(&self, line: &ClusterNode, by: &Address, address: &Address) -> bool {
        let is_it = |told: &str| {
            Address::from_redirect(told, by).is_some_and(|told| self.redis.reachable(&told) == *address)
        };
        let named = line.host_name.as_deref().zip(line.address.rsplit_once(':'));
        is_it(&line.address) || named.is_some_and(|(name, (_, port))| is_it(&format!("{name}:{port}")))
    }

    async fn question(&self, node: &Node) -> Result<Answer, L2Error> {
        let (_, mut conn) = node.connection().ok_or_else(|| node.away())?;
        let mut pipe = redis::pipe();
        pipe.cmd("INFO").cmd("TIME");
        if self.is_cluster() {
            pipe.cmd("CLUSTER").arg("NODES");
        }
        let before = clock::unix_ms();
        let asked = conn.send_packed_commands(&pipe, 0, pipe.len());
        let values = timeout(ANSWER_TIMEOUT, asked).await.map_err(|_| L2Error::Timeout)??;
        let after = clock::unix_ms();
        let mut values = values.into_iter();
        let info = text_of(values.next())?.ok_or(L2Error::Timeout)?;
        // A user who may not ask for the time is told the rest.
        let time = values.next().and_then(|value| redis::from_redis_value::<(u64, u64)>(value).ok());
        let nodes = text_of(values.next())?.map(|text| cluster_nodes(&text)).unwrap_or_default();
        let clock_ahead_ms = time.map(|time| skew::ahead_ms(before, skew::time_ms(time), after));
        Ok(Answer { info, nodes, clock_ahead_ms })
    }
}

/// An answer that is a text; none when there is no answer.
fn text_of(answer: Option<Value>) -> Result<Option<String>, L2Error> {
    let Some(value) = answer else { return Ok(None) };
    Ok(Some(redis::from_redis_value(value.extract_error()?).map_err(redis::RedisError::from)?))
}

fn of_node(state: NodeState, line: Option<&ClusterNode>, answer: &Result<Answer, L2Error>) -> NodeHealth {
    let report = answer
        .as_ref()
        .ok()
        .map(|answer| NodeReport { clock_ahead_ms: answer.clock_ahead_ms, ..report(&Info(&answer.info)) });
    let said = answer.as_ref().ok().and_then(|answer| Info(&answer.info).text("role"));
    let role = match (said, line) {
        (Some("master"), _) => Some(NodeRole::Master),
        (Some(_), _) => Some(NodeRole::Replica),
        (None, line) => line.map(role_of),
    };
    NodeHealth {
        id: line.map(|line| line.id.clone()),
        role,
        failed: line.is_some_and(|line| line.failed),
        slots: line.map_or(0, count),
        slot_ranges: line.map(|line| line.slots.clone()).unwrap_or_default(),
        slots_moving: line.map_or(0, |line| line.moving),
        report,
        unanswered: answer.as_ref().err().map(L2Error::to_string),
        state,
    }
}

/// A node that others tell of and that is not in the map.
fn unlinked(line: &ClusterNode, address: &Address) -> NodeHealth {
    let why = if line.failed { "the cluster takes it for failed" } else { "it has no slots to serve" };
    let state = NodeState { master: line.master, ..NodeState::unlinked(address.to_string(), why) };
    of_node(state, Some(line), &Err(L2Error::Disconnected(why.to_owned())))
}

fn role_of(line: &ClusterNode) -> NodeRole {
    if line.master { NodeRole::Master } else { NodeRole::Replica }
}

fn count(line: &ClusterNode) -> u64 {
    line.slots.iter().map(|(first, last)| u64::from(last.saturating_sub(*first)) + 1).sum()
}

/// How far each replica is behind its master: both said where they are at about the same time.
fn add_lag(all: &mut [NodeHealth], answers: &[Result<Answer, L2Error>], map: &Map, nodes: &[Arc<Node>]) {
    let offset = |node: &Arc<Node>, field: &str| {
        let at = nodes.iter().position(|n| Arc::ptr_eq(n, node))?;
        Info(&answers.get(at)?.as_ref().ok()?.info).number(field)
    };
    for shard in &map.shards {
        let Some(ahead) = offset(&shard.master, "master_repl_offset") else { continue };
        for replica in &shard.replicas {
            let behind = offset(replica, "slave_repl_offset").map(|at| ahead.saturating_sub(at));
            let at = nodes.iter().position(|n| Arc::ptr_eq(n, replica));
            if let Some(report) = at.and_then(|at| all[at].report.as_mut()) {
                report.lag_bytes = behind;
            }
        }
    }
}
