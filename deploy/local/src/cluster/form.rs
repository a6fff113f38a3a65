//! From separate nodes to a cluster. `redis-cli --cluster create` does it once and refuses ever after; this looks at what is
//! there and does what is missing, so that it may be interrupted and run again.

use std::time::Duration;

use super::{
    admin::{AGREE, ClusterAdmin, View},
    check::ClusterProblem,
    topology::{Role, SLOTS},
};
use crate::{Error, Result, wait_until};

impl ClusterAdmin {
    /// Joins the nodes to a cluster of `masters` masters, and waits until it is healthy. The first nodes become the masters,
    /// each with an even share of the slots, the others their replicas in turn. What is there stays: after failovers the
    /// roles are others. All nodes must run.
    ///
    /// # Errors
    /// [`Error::Failed`] when a node belongs to another cluster, [`Error::Timeout`] when it is not healthy within 60 s.
    pub fn form(&self, masters: usize) -> Result<()> {
        let masters = masters.clamp(1, self.size());
        let views = self.all_views()?;
        for view in &views {
            self.refuse_strangers(view)?;
        }
        self.share_epochs(&views)?;
        self.meet(&views)?;
        self.wait("that all nodes know each other", || self.all_know_all())?;
        self.share_slots(masters)?;
        self.wait("that all nodes agree on the slots", || {
            let owners = Self::owners(&self.views());
            owners.len() == self.size()
                && owners.iter().all(|(_, it)| *it == owners[0].1 && it.unowned().is_empty())
        })?;
        self.share_replicas(masters)?;
        self.wait_until_healthy(AGREE)
    }

    fn all_views(&self) -> Result<Vec<View>> {
        (0..self.size()).map(|index| self.view(index)).collect()
    }

    fn wait(&self, what: &str, cond: impl FnMut() -> bool) -> Result<()> {
        if wait_until(AGREE, cond) {
            return Ok(());
        }
        let problems: String = self.check().iter().map(|it| format!("\n  {it}")).collect();
        Err(Error::Timeout { what: what.to_owned(), after: AGREE, detail: problems })
    }

    /// A node that knows others than ours is left alone.
    fn refuse_strangers(&self, view: &View) -> Result<()> {
        let ours: Vec<String> =
            self.views().iter().flatten().filter_map(|it| it.me().map(|me| me.id.clone())).collect();
        match view.members().find(|it| it.index == usize::MAX && !ours.contains(&it.id)) {
            None => Ok(()),
            Some(stranger) => Err(Error::Failed {
                what: "forming the cluster".to_owned(),
                detail: format!(
                    "the node on port {} belongs to a cluster with a node on port {}, which is none of ours",
                    self.port(view.index),
                    stranger.port
                ),
            }),
        }
    }

    /// Fresh nodes get configuration epochs of their own, which spares them from settling conflicts.
    fn share_epochs(&self, views: &[View]) -> Result<()> {
        for view in views.iter().filter(|view| view.lines.len() == 1 && view.epoch == 0) {
            let epoch = (view.index + 1).to_string();
            self.command(view.index, &["CLUSTER", "SET-CONFIG-EPOCH", &epoch])?;
        }
        Ok(())
    }

    /// Tells each node of those that it does not know at their present address. Ports may have moved since the last time.
    fn meet(&self, views: &[View]) -> Result<()> {
        for view in views {
            for (index, other) in self.endpoints.iter().enumerate() {
                if index != view.index && !view.members().any(|it| it.port == other.announced) {
                    let (port, bus) = (other.announced.to_string(), other.announced_bus.to_string());
                    self.command(view.index, &["CLUSTER", "MEET", "127.0.0.1", &port, &bus])?;
                }
            }
        }
        Ok(())
    }

    fn all_know_all(&self) -> bool {
        let views = self.views();
        views.iter().all(|view| {
            view.as_ref().is_some_and(|view| {
                let known = |index| view.members().any(|it| it.index == index && it.connected);
                (0..self.size()).all(known)
            })
        })
    }

    /// Gives each slot that nobody owns to the master whose share it is, or to the first master if that one is a replica by
    /// now.
    fn share_slots(&self, masters: usize) -> Result<()> {
        let views = self.all_views()?;
        let owned = |slot: u16| views.iter().any(|view| view.members().any(|it| it.owns(slot)));
        let unowned: Vec<u16> = (0..SLOTS).filter(|slot| !owned(*slot)).collect();
        let is_master = |index: &usize| views[*index].me().is_some_and(|me| me.role == Role::Master);
        let Some(first) = (0..self.size()).find(is_master) else { return Ok(()) };
        for index in 0..self.size() {
            let mut command = vec!["CLUSTER".to_owned(), "ADDSLOTS".to_owned()];
            command.extend(unowned.iter().filter_map(|slot| {
                // The middle of a slot counts: the same shares as `redis-cli --cluster create` makes.
                let usual = (2 * usize::from(*slot) + 1) * masters / (2 * usize::from(SLOTS));
                let owner = if is_master(&usual) { usual } else { first };
                (owner == index).then(|| slot.to_string())
            }));
            if command.len() > 2 {
                self.command(index, &command)?;
            }
        }
        Ok(())
    }

    /// Makes each master without slots a replica of the one with the fewest, past the first `masters`.
    fn share_replicas(&self, masters: usize) -> Result<()> {
        let mut nodes = self.nodes()?;
        let mut with_slots = nodes.iter().filter(|it| !it.slots.is_empty()).count();
        while let Some(empty) = nodes.iter().position(|it| it.role == Role::Master && it.slots.is_empty()) {
            if with_slots < masters {
                // A master whose slots were all moved away by hand stays one.
                with_slots += 1;
                nodes.remove(empty);
                continue;
            }
            let replicas = |id: &str| nodes.iter().filter(|it| it.master.as_deref() == Some(id)).count();
            let master = nodes
                .iter()
                .filter(|it| !it.slots.is_empty())
                .min_by_key(|it| (replicas(&it.id), it.index))
                .map(|it| it.id.clone());
            let Some(master) = master else { return Ok(()) };
            self.command(nodes[empty].index, &["CLUSTER", "REPLICATE", &master])?;
            nodes[empty].role = Role::Replica;
            nodes[empty].master = Some(master);
        }
        Ok(())
    }

    /// Waits until [`ClusterAdmin::check`] finds nothing.
    ///
    /// # Errors
    /// [`Error::Timeout`] with what it still finds.
    pub fn wait_until_healthy(&self, bound: Duration) -> Result<()> {
        self.wait_without("a healthy cluster", bound, |_| true)
    }

    /// Waits until every slot has an owner that answers and all answering nodes say that the cluster is usable, as after a
    /// failover: dead replicas do not matter.
    ///
    /// # Errors
    /// [`Error::Timeout`] with what is in the way.
    pub fn wait_until_served(&self, bound: Duration) -> Result<()> {
        use ClusterProblem::{OwnerFailed, State, Unowned};
        self.wait_without("a usable cluster", bound, |it| {
            matches!(it, OwnerFailed { .. } | Unowned { .. } | State { .. })
        })
    }

    /// Waits until none of the problems that count is left.
    fn wait_without(&self, what: &str, bound: Duration, counts: fn(&ClusterProblem) -> bool) -> Result<()> {
        let mut problems = Vec::new();
        let well = wait_until(bound, || {
            problems = self.check();
            let all_down =
                problems.iter().filter(|it| matches!(it, ClusterProblem::Down { .. })).count() == self.size();
            !all_down && !problems.iter().any(counts)
        });
        if well {
            return Ok(());
        }
        let detail = problems.iter().map(|it| format!("\n  {it}")).collect();
        Err(Error::Timeout { what: what.to_owned(), after: bound, detail })
    }
}
