//! Moving slots from one master to another while clients go on. See
//! <https://redis.io/docs/latest/commands/cluster-setslot/>.

use super::{
    admin::{AGREE, ClusterAdmin, View},
    topology::Role,
};
use crate::{Error, Result, wait_until};

/// Keys moved by one `MIGRATE`.
const BATCH: &str = "100";
/// What one `MIGRATE` may take, in milliseconds: less than a client's own wait for the answer.
const MIGRATE_MS: &str = "1500";

impl ClusterAdmin {
    /// Moves a slot with its keys to the master with this index, and waits until all answering nodes know. A move that was
    /// begun before is finished.
    ///
    /// # Errors
    /// As [`ClusterAdmin::begin_move`] and [`ClusterAdmin::finish_move`].
    pub fn move_slot(&self, slot: u16, to: usize) -> Result<()> {
        self.begin_move(slot, to)?;
        self.finish_move(slot, to)
    }

    /// Opens a slot for the move: its owner answers for the keys that it still has, and `ASK` for the others.
    ///
    /// # Errors
    /// [`Error::Refused`] when a node does not take part, as when `to` is a replica; [`Error::Failed`] when nobody owns the
    /// slot; [`Error::Io`] when a node does not answer.
    pub fn begin_move(&self, slot: u16, to: usize) -> Result<()> {
        let from = self.master_of_slot(slot)?;
        if from == to {
            return Ok(());
        }
        let (from_id, to_id, slot) = (self.id(from)?, self.id(to)?, slot.to_string());
        // The new owner first, or it would send back whom the old one sends.
        self.command(to, &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id])?;
        self.command(from, &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id])?;
        Ok(())
    }

    /// Moves what keys are left in an opened slot, gives the slot to the master with this index, and waits until all
    /// answering nodes know.
    ///
    /// # Errors
    /// As [`ClusterAdmin::begin_move`]; [`Error::Timeout`] when the nodes do not agree within 60 s.
    pub fn finish_move(&self, slot: u16, to: usize) -> Result<()> {
        let from = self.master_of_slot(slot)?;
        if from != to {
            self.move_keys(slot, from, to)?;
            self.give(slot, to, from)?;
        }
        let owner = |view: &View| view.members().find(|it| it.owns(slot)).map(|it| it.index);
        if wait_until(AGREE, || self.views().iter().flatten().all(|view| owner(view) == Some(to))) {
            return Ok(());
        }
        let what = format!("agreement on the new owner of slot {slot}");
        Err(Error::Timeout { what, after: AGREE, detail: String::new() })
    }

    /// Moves up to `limit` keys of an opened slot, and says how many: a test may leave a slot half-way.
    ///
    /// # Errors
    /// As [`ClusterAdmin::begin_move`].
    pub fn move_some_keys(&self, slot: u16, to: usize, limit: usize) -> Result<usize> {
        let from = self.master_of_slot(slot)?;
        let keys = self.keys(from, slot, &limit.to_string())?;
        self.migrate(&keys, from, to, true)?;
        Ok(keys.len())
    }

    /// The slot is the new owner's: the new and the old one are told first, then the other masters; replicas learn from
    /// theirs.
    fn give(&self, slot: u16, to: usize, from: usize) -> Result<()> {
        let (id, slot) = (self.id(to)?, slot.to_string());
        let tell = |index| self.command(index, &["CLUSTER", "SETSLOT", &slot, "NODE", &id]);
        tell(to)?;
        tell(from)?;
        for node in self.nodes()? {
            let other = node.index < self.size() && node.index != to && node.index != from;
            if other && node.role == Role::Master && !node.failed {
                // Gossip brings it too, only later.
                drop(tell(node.index));
            }
        }
        Ok(())
    }

    /// Moves all keys of a slot. The old owner's are the truth: a copy at the other side is left from a `MIGRATE` that was
    /// cut off before its end.
    pub(super) fn move_keys(&self, slot: u16, from: usize, to: usize) -> Result<()> {
        loop {
            let keys = self.keys(from, slot, BATCH)?;
            if keys.is_empty() {
                return Ok(());
            }
            self.migrate(&keys, from, to, true)?;
        }
    }

    /// Some of the keys of a slot that a node holds.
    pub(super) fn keys(&self, index: usize, slot: u16, limit: &str) -> Result<Vec<Vec<u8>>> {
        let reply = self.command(index, &["CLUSTER", "GETKEYSINSLOT", &slot.to_string(), limit])?;
        Ok(reply.items().into_iter().map(crate::Reply::bytes).collect())
    }

    /// Sends keys over. Without `replace` a key that the other side has is refused (`BUSYKEY`).
    pub(super) fn migrate(&self, keys: &[Vec<u8>], from: usize, to: usize, replace: bool) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let port = self.port(to).to_string();
        let mut command: Vec<&[u8]> =
            [b"MIGRATE", b"127.0.0.1" as &[u8], port.as_bytes(), b"", b"0", MIGRATE_MS.as_bytes()].to_vec();
        if replace {
            command.push(b"REPLACE");
        }
        command.push(b"KEYS");
        command.extend(keys.iter().map(Vec::as_slice));
        self.command(from, &command).map(drop)
    }

    /// A node's identity, as it says itself.
    pub(super) fn id(&self, index: usize) -> Result<String> {
        Ok(self.command(index, &["CLUSTER", "MYID"])?.to_string())
    }
}
