//! Whether a cluster is sound.

use std::fmt;

use super::{
    admin::{ClusterAdmin, View, info_field},
    topology::{Role, as_ranges},
};
use crate::Result;

/// Something that is wrong with a cluster. Ports are those that the nodes listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClusterProblem {
    /// The node does not answer.
    Down {
        /// Its port.
        port: u16,
    },
    /// The node itself says that the cluster is not usable.
    State {
        /// Its port.
        port: u16,
        /// `cluster_state` as it gives it.
        state: String,
    },
    /// Nobody owns these slots.
    Unowned {
        /// In order.
        slots: Vec<u16>,
    },
    /// A slot's owner does not answer, and no replica has taken over.
    OwnerFailed {
        /// The owner's port.
        port: u16,
        /// How many slots it owns.
        slots: usize,
    },
    /// A slot is on its way from one node to another.
    Open {
        /// The slot.
        slot: u16,
        /// Port of the node that says so.
        port: u16,
        /// Whether that node hands it over; otherwise it takes it over.
        migrating: bool,
    },
    /// The node knows other owners of slots than the first answering one.
    Disagrees {
        /// Its port.
        port: u16,
        /// The other one's.
        with: u16,
    },
    /// The replica has no connection to its master, or still fetches the first copy.
    Unlinked {
        /// The replica's port.
        port: u16,
    },
    /// The master has no living replica: its failure would take its slots away.
    NoReplica {
        /// Its port.
        port: u16,
    },
}

impl fmt::Display for ClusterProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Down { port } => write!(f, "node {port} does not answer"),
            Self::State { port, state } => write!(f, "node {port} says cluster_state:{state}"),
            Self::Unowned { slots } => write!(f, "{} slots have no owner: {}", slots.len(), as_ranges(slots)),
            Self::OwnerFailed { port, slots } => {
                write!(f, "{slots} slots belong to node {port}, which does not answer")
            }
            Self::Open { slot, port, migrating } => {
                let way = if *migrating { "hands over" } else { "takes over" };
                write!(f, "slot {slot} is open: node {port} {way}")
            }
            Self::Disagrees { port, with } => {
                write!(f, "nodes {port} and {with} disagree on the slots' owners")
            }
            Self::Unlinked { port } => write!(f, "replica {port} is not linked to its master"),
            Self::NoReplica { port } => write!(f, "master {port} has no living replica"),
        }
    }
}

impl ClusterAdmin {
    /// What is wrong now: nothing means that every slot has an answering owner, none is open, all nodes agree, and each
    /// replica is linked.
    #[must_use]
    pub fn check(&self) -> Vec<ClusterProblem> {
        let views = self.views();
        let mut problems: Vec<ClusterProblem> = (0..self.size())
            .filter(|index| views[*index].is_none())
            .map(|index| ClusterProblem::Down { port: self.port(index) })
            .collect();
        for view in views.iter().flatten() {
            problems.extend(self.check_itself(view));
        }
        problems.extend(self.check_owners(&views));
        problems
    }

    /// What a node says of itself.
    fn check_itself(&self, view: &View) -> Vec<ClusterProblem> {
        let port = self.port(view.index);
        let mut problems = Vec::new();
        match self.link_and_state(view.index) {
            Err(_) => return vec![ClusterProblem::Down { port }],
            Ok((linked, state)) => {
                if state != "ok" {
                    problems.push(ClusterProblem::State { port, state });
                }
                if !linked {
                    problems.push(ClusterProblem::Unlinked { port });
                }
            }
        }
        if let Some(me) = view.me() {
            let open =
                |(slot, _): &(u16, String), migrating| ClusterProblem::Open { slot: *slot, port, migrating };
            problems.extend(me.migrating.iter().map(|it| open(it, true)));
            problems.extend(me.importing.iter().map(|it| open(it, false)));
        }
        problems
    }

    /// Whether a replica is linked (a master counts as such), and `cluster_state`.
    fn link_and_state(&self, index: usize) -> Result<(bool, String)> {
        let mut client = self.connect(index)?;
        let info = client.call(&["INFO", "replication"])?.to_string();
        let linked = info_field(&info, "role") == Some("master")
            || info_field(&info, "master_link_status") == Some("up");
        let info = client.call(&["CLUSTER", "INFO"])?.to_string();
        Ok((linked, info_field(&info, "cluster_state").unwrap_or("unknown").to_owned()))
    }

    /// Who owns what, in all nodes' eyes.
    fn check_owners(&self, views: &[Option<View>]) -> Vec<ClusterProblem> {
        let owners = Self::owners(views);
        let Some((first, reference)) = owners.first() else { return Vec::new() };
        let with = self.port(*first);
        let mut problems: Vec<ClusterProblem> = owners
            .iter()
            .filter(|(_, it)| it != reference)
            .map(|(index, _)| ClusterProblem::Disagrees { port: self.port(*index), with })
            .collect();
        let unowned = reference.unowned();
        if !unowned.is_empty() {
            problems.push(ClusterProblem::Unowned { slots: unowned });
        }
        let Some(view) = &views[*first] else { return problems };
        let answers = |index: usize| views.get(index).is_some_and(Option::is_some);
        for master in view.members().filter(|it| it.role == Role::Master && !it.slots.is_empty()) {
            let port = if master.index < self.size() { self.port(master.index) } else { master.port };
            if !answers(master.index) {
                problems.push(ClusterProblem::OwnerFailed { port, slots: master.slot_count() });
            }
            let replica = |it: &&_| -> bool {
                let it: &super::NodeInfo = it;
                it.master.as_deref() == Some(&master.id) && answers(it.index)
            };
            // A cluster that was made without replicas is not told of it.
            if self.replicated(view) && !view.members().any(|it| replica(&it)) {
                problems.push(ClusterProblem::NoReplica { port });
            }
        }
        problems
    }

    /// Whether there are more nodes than masters with slots: then each should have a replica.
    fn replicated(&self, view: &View) -> bool {
        let masters = view.members().filter(|it| !it.slots.is_empty()).count();
        self.size() >= masters * 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_read_well() {
        let text = |problem: ClusterProblem| problem.to_string();
        assert_eq!(text(ClusterProblem::Unowned { slots: vec![1, 2, 9] }), "3 slots have no owner: 1-2 9");
        assert_eq!(
            text(ClusterProblem::Open { slot: 7, port: 7001, migrating: true }),
            "slot 7 is open: node 7001 hands over"
        );
    }
}
