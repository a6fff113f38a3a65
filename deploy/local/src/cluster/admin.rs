//! Looking after the nodes of a Redis Cluster on this machine, whoever started them.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::topology::{self, Line, NodeInfo, Role, SlotOwners};
use crate::{Error, Reply, RespClient, Result, wait_until};

/// Longest wait for an answer of one node. A paused node costs this much each time it is asked.
const ANSWER: Duration = Duration::from_secs(2);
/// Longest wait for all nodes to agree on something.
pub(super) const AGREE: Duration = Duration::from_secs(60);

/// A replica gives up a failover that it was told to make after 5 s, as on a machine too busy to vote in time: it is told
/// again then.
const GIVEN_UP: Duration = Duration::from_secs(6);

/// A node's ports on 127.0.0.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// Where it listens: commands of this type go there, past any proxy.
    pub port: u16,
    /// Where it tells clients to come.
    pub announced: u16,
    /// Where it tells other nodes to come.
    pub announced_bus: u16,
}

/// Asks and steers the nodes of one cluster by their ports, in a fixed order: a node's position in it is its *index*.
#[derive(Debug, Clone)]
pub struct ClusterAdmin {
    pub(super) endpoints: Vec<Endpoint>,
}

/// What one node knows.
#[derive(Debug, Clone)]
pub(super) struct View {
    pub index: usize,
    pub lines: Vec<Line>,
    pub epoch: u64,
}

impl View {
    pub fn members(&self) -> impl Iterator<Item = &NodeInfo> {
        self.lines.iter().filter(|line| !line.passing).map(|line| &line.info)
    }

    /// The node that was asked, as it sees itself.
    pub fn me(&self) -> Option<&NodeInfo> {
        self.lines.iter().find(|line| line.myself).map(|line| &line.info)
    }
}

impl ClusterAdmin {
    /// For nodes that listen on these ports of 127.0.0.1 and announce the same.
    #[must_use]
    pub fn new(ports: &[u16]) -> Self {
        let endpoint = |port: &u16| Endpoint {
            port: *port,
            announced: *port,
            announced_bus: port.saturating_add(crate::BUS_OFFSET),
        };
        Self { endpoints: ports.iter().map(endpoint).collect() }
    }

    /// How many nodes it has.
    #[must_use]
    pub fn size(&self) -> usize {
        self.endpoints.len()
    }

    /// Where this node listens; 0 for an index that is not one.
    #[must_use]
    pub fn port(&self, index: usize) -> u16 {
        self.endpoints.get(index).map_or(0, |it| it.port)
    }

    /// A connection to a node.
    ///
    /// # Errors
    /// [`Error::Io`] when it does not answer.
    pub(super) fn connect(&self, index: usize) -> Result<RespClient> {
        RespClient::connect(self.port(index), ANSWER)
    }

    /// Sends a command to one node, its name first.
    ///
    /// # Errors
    /// [`Error::Refused`] with the node's own error, [`Error::Io`] when it does not answer within 2 s.
    pub fn command<A: AsRef<[u8]>>(&self, index: usize, command: &[A]) -> Result<Reply> {
        self.connect(index)?.call(command)
    }

    /// All nodes, by index, in the eyes of the answering node that is furthest ahead (highest current epoch).
    ///
    /// # Errors
    /// [`Error::Io`] when none answers.
    pub fn nodes(&self) -> Result<Vec<NodeInfo>> {
        let best =
            self.views().into_iter().flatten().max_by_key(|view| (view.epoch, usize::MAX - view.index));
        let Some(view) = best else {
            return Err(Error::io("no node of the cluster answers")(std::io::ErrorKind::NotConnected.into()));
        };
        let mut nodes: Vec<NodeInfo> = view.members().cloned().collect();
        nodes.sort_by_key(|node| (node.index, node.port));
        Ok(nodes)
    }

    /// What each node knows, asked at the same time; `None` for one that does not answer.
    pub(super) fn views(&self) -> Vec<Option<View>> {
        thread::scope(|scope| {
            let asked: Vec<_> =
                (0..self.size()).map(|index| scope.spawn(move || self.view(index).ok())).collect();
            asked.into_iter().map(|it| it.join().ok().flatten()).collect()
        })
    }

    pub(super) fn view(&self, index: usize) -> Result<View> {
        let mut client = self.connect(index)?;
        let text = client.call(&["CLUSTER", "NODES"])?.to_string();
        let info = client.call(&["CLUSTER", "INFO"])?.to_string();
        let index_of = |port: u16| self.endpoints.iter().position(|it| it.announced == port);
        Ok(View {
            index,
            lines: topology::parse(&text, index_of),
            epoch: info_field(&info, "cluster_current_epoch").and_then(|it| it.parse().ok()).unwrap_or(0),
        })
    }

    /// Index of the node that owns a slot.
    ///
    /// # Errors
    /// [`Error::Failed`] when none does, [`Error::Io`] when no node answers.
    pub fn master_of_slot(&self, slot: u16) -> Result<usize> {
        let owner = self.nodes()?.into_iter().find(|node| node.owns(slot) && node.index < self.size());
        owner.map(|node| node.index).ok_or_else(|| Error::Failed {
            what: format!("the search for the owner of slot {slot}"),
            detail: "no node has it".to_owned(),
        })
    }

    /// Index of a replica of this master, one that does not count as failed.
    ///
    /// # Errors
    /// [`Error::Failed`] when it has none, [`Error::Io`] when no node answers.
    pub fn replica_of(&self, master: usize) -> Result<usize> {
        let nodes = self.nodes()?;
        let id = nodes.iter().find(|node| node.index == master).map(|node| node.id.as_str());
        let replica = nodes.iter().find(|node| id.is_some() && node.master.as_deref() == id && !node.failed);
        replica.map(|node| node.index).ok_or_else(|| Error::Failed {
            what: format!("the search for a replica of the node on port {}", self.port(master)),
            detail: "it has none".to_owned(),
        })
    }

    /// Makes a replica the master by `CLUSTER FAILOVER`, in which no write is lost, and waits until it says so and all
    /// answering nodes know the new roles. Returns how long the replica took; the news takes up to half a node timeout more.
    ///
    /// # Errors
    /// [`Error::Refused`] when the node is no replica or its master does not answer; [`Error::Timeout`] after 60 s.
    pub fn failover(&self, replica: usize) -> Result<Duration> {
        let nodes = self.nodes()?;
        let old = nodes.iter().find(|it| it.index == replica).and_then(|it| it.master.clone());
        let began = Instant::now();
        let known = |view: &View| {
            view.members().all(|it| {
                let wanted = if it.index == replica { Role::Master } else { Role::Replica };
                it.role == wanted || (it.index != replica && Some(&it.id) != old.as_ref())
            })
        };
        let is_master =
            || self.view(replica).is_ok_and(|view| view.me().is_some_and(|me| me.role == Role::Master));
        while began.elapsed() < AGREE {
            match self.command(replica, &["CLUSTER", "FAILOVER"]) {
                // It came through just after the last look.
                Err(_) if is_master() && old.is_some() => {}
                answer => drop(answer?),
            }
            if !wait_until(GIVEN_UP, is_master) {
                continue;
            }
            let took = began.elapsed();
            // Soon after its last election a node takes the votes from then for new ones. The others put it right, and it
            // has to be told again.
            let mut all_know = false;
            wait_until(AGREE.saturating_sub(took), || {
                all_know = self.views().iter().flatten().all(known);
                all_know || !is_master()
            });
            if all_know {
                return Ok(took);
            }
        }
        let what = format!("the failover to the node on port {}", self.port(replica));
        Err(Error::Timeout { what, after: AGREE, detail: String::new() })
    }

    /// Which slots belong to whom, in the eyes of each answering node.
    pub(super) fn owners(views: &[Option<View>]) -> Vec<(usize, SlotOwners)> {
        let owners = |view: &View| SlotOwners::of(&view.members().cloned().collect::<Vec<_>>());
        views.iter().flatten().map(|view| (view.index, owners(view))).collect()
    }
}

/// A field of an answer in the manner of `INFO`: `name:value` lines.
pub(super) fn info_field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}
