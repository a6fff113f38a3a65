//! What is known of the connection to Redis.

use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::ErrorKind;
use serde::Serialize;

use super::node::Node;
use super::slots::Map;
use super::trouble::Trouble;
use super::verdict::is_broken;

/// Why Redis gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum L2Error {
    /// No Redis is configured.
    #[error("no Redis is configured")]
    NotConfigured,
    /// Not connected; the text is the last error seen.
    #[error("not connected to Redis: {0}")]
    Disconnected(String),
    /// No answer in time.
    #[error("Redis did not answer in time")]
    Timeout,
    /// The connection broke before the answer came, or none could be made.
    #[error("Redis: {0}")]
    Broken(String),
    /// Redis answered with an error.
    #[error("Redis: {0}")]
    Redis(String),
}

impl From<redis::RedisError> for L2Error {
    fn from(error: redis::RedisError) -> Self {
        match error.detail() {
            _ if error.is_timeout() => Self::Timeout,
            _ if is_broken(&error) => Self::Broken(text_of(&error)),
            // The rest of the text would only name the library's kind.
            Some(detail) if error.kind() == ErrorKind::UnexpectedReturnType => {
                Self::Redis(without_arguments(detail).to_owned())
            }
            _ => Self::Redis(text_of(&error)),
        }
    }
}

/// The text of an error, to be logged and shown. Every error of the client library becomes text here.
pub(super) fn text_of(error: &redis::RedisError) -> String {
    without_arguments(&error.to_string()).to_owned()
}

/// Redis repeats the arguments of a command that it does not know; those of `HELLO` and `AUTH` are the user and the password.
fn without_arguments(text: &str) -> &str {
    text.split(", with args beginning with").next().unwrap_or_default()
}

/// The state of the second tier, for health checks and statistics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct L2State {
    /// Whether a Redis is configured at all.
    pub configured: bool,
    /// Whether it is reached now; of a cluster, whether every slot's master is. Configured and not connected is degraded.
    pub connected: bool,
    /// Where it is, without credentials; of a cluster, the nodes that were configured.
    pub address: Option<String>,
    /// The error that ended the last connection or attempt, of a cluster with the node's address; none while connected.
    pub last_error: Option<String>,
    /// Why a node that is reached has refused every write for a while; none while writes are taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub writes_refused: Option<String>,
    /// Why messages between processes do not go through while Redis is reached; none while they do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages_refused: Option<String>,
    /// A key of ours that holds another application's value, which is left alone; none if no such key is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub foreign_key: Option<String>,
    /// Whether another installation uses the namespace, too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
    /// How long it has been so, in milliseconds.
    pub for_ms: u64,
    /// Connections made so far, to all nodes together.
    pub connects: u64,
    /// Attempts to connect that failed.
    pub connect_failures: u64,
    /// Of those, the ones without an answer in time.
    pub connect_timeouts: u64,
    /// Connections that broke, or were taken out of use for want of answers.
    pub connections_lost: u64,
    /// The nodes known now, masters first.
    pub nodes: Vec<NodeState>,
}

/// What this process knows of a node without asking it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeState {
    /// Where it is.
    pub address: String,
    /// Whether it owns slots; a single node owns all.
    pub master: bool,
    /// Whether it is connected and its breaker is closed.
    pub usable: bool,
    /// The error that ended the last connection or attempt; none while usable.
    pub last_error: Option<String>,
    /// How long it has been so, in milliseconds.
    pub for_ms: u64,
    /// Connections made so far.
    pub connects: u64,
    /// Attempts to connect that failed.
    pub connect_failures: u64,
    /// Of those, the ones without an answer in time.
    pub connect_timeouts: u64,
    /// Connections that broke, or were taken out of use for want of answers.
    pub connections_lost: u64,
    /// Exchanges begun by this process.
    pub requests: u64,
    /// Exchanges that Redis answered with an error; redirects are counted apart.
    pub errors: u64,
    /// Exchanges whose connection broke before the answer came.
    pub broken: u64,
    /// Exchanges without an answer in time.
    pub timeouts: u64,
    /// Answers that named another node.
    pub redirects: u64,
}

impl NodeState {
    /// A node that there is no connection to, and none wanted.
    pub(super) fn unlinked(address: String, why: &str) -> Self {
        Self {
            address,
            master: false,
            usable: false,
            last_error: Some(why.to_owned()),
            for_ms: 0,
            connects: 0,
            connect_failures: 0,
            connect_timeouts: 0,
            connections_lost: 0,
            requests: 0,
            errors: 0,
            broken: 0,
            timeouts: 0,
            redirects: 0,
        }
    }
}

impl L2State {
    /// The state when no Redis is configured.
    pub(crate) fn none() -> Self {
        Self {
            configured: false,
            connected: false,
            address: None,
            last_error: None,
            writes_refused: None,
            messages_refused: None,
            foreign_key: None,
            shared: false,
            for_ms: 0,
            connects: 0,
            connect_failures: 0,
            connect_timeouts: 0,
            connections_lost: 0,
            nodes: Vec::new(),
        }
    }

    /// What is wrong, if anything is, in the words of a status page: a clause, and what kind of trouble it is.
    pub fn trouble(&self) -> Option<(Affected, Trouble)> {
        let of = |affected, why: &Option<String>| Some((affected, Trouble::of(why.as_deref()?)));
        if !self.configured {
            return None;
        }
        of(Affected::All, &self.last_error)
            .or_else(|| of(Affected::Writes, &self.writes_refused))
            .or_else(|| of(Affected::Messages, &self.messages_refused))
            .or_else(|| self.shared.then_some((Affected::Nothing, Trouble::Shared)))
            .or_else(|| self.foreign_key.is_some().then_some((Affected::Nothing, Trouble::ForeignKey)))
    }

    /// Configured, but not reached.
    pub fn degraded(&self) -> bool {
        self.configured && !self.connected
    }
}

/// What a trouble with Redis affects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Affected {
    /// It is not used, or not in full.
    All,
    /// It answers reads and refuses writes.
    Writes,
    /// Nothing but the share of reads that the cache answers, perhaps of single keys only.
    Nothing,
    /// Processes do not hear of each other's writes; after half a minute they keep them back.
    Messages,
}

/// What a node notes down about its connection.
#[derive(Debug, Clone)]
pub(super) struct Noted {
    pub connected: bool,
    pub last_error: Option<String>,
    pub since: Instant,
    pub connections: Connections,
}

/// What became of the connections to a node, or to several.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Connections {
    pub made: u64,
    pub failed: u64,
    /// Of the failed ones, those without an answer in time.
    pub timed_out: u64,
    pub lost: u64,
}

impl std::iter::Sum for Connections {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |a, b| Self {
            made: a.made + b.made,
            failed: a.failed + b.failed,
            timed_out: a.timed_out + b.timed_out,
            lost: a.lost + b.lost,
        })
    }
}

impl Noted {
    pub fn new() -> Self {
        Self {
            connected: false,
            last_error: Some("first connection is under way".into()),
            since: Instant::now(),
            connections: Connections::default(),
        }
    }

    pub fn held_for(&self) -> Duration {
        self.since.elapsed()
    }
}

/// What is known of a node without asking it.
pub(super) fn describe(node: &Arc<Node>, map: &Map) -> NodeState {
    let noted = node.noted();
    NodeState {
        address: node.address.to_string(),
        master: map.shards.iter().any(|s| Arc::ptr_eq(&s.master, node)),
        usable: noted.connected,
        for_ms: crate::clock::millis(noted.held_for()),
        last_error: noted.last_error,
        connects: noted.connections.made,
        connect_failures: noted.connections.failed,
        connect_timeouts: noted.connections.timed_out,
        connections_lost: noted.connections.lost,
        requests: node.counts.requests.get(),
        errors: node.counts.errors.get(),
        broken: node.counts.broken.get(),
        timeouts: node.counts.timeouts.get(),
        redirects: node.counts.redirects.get(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_that_redis_repeats_are_left_out() {
        for text in [
            "unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'default' 's3cret' ",
            "unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `default`, `s3cret`, ",
        ] {
            for kind in [ErrorKind::Client, ErrorKind::UnexpectedReturnType] {
                let error = redis::RedisError::from((kind, "refused", text.to_owned()));
                let shown = [text_of(&error), L2Error::from(error).to_string()].concat();
                assert!(shown.contains("HELLO") && !shown.contains("s3cret"), "{shown}");
            }
        }
    }
}
