//! Closing slots that a broken-off move left open.
//!
//! Only what is safe is done: nothing is taken from a node that does not answer, which is what
//! `--cluster-fix-with-unreachable-masters` would do.

use std::collections::BTreeSet;

use super::{
    admin::{ClusterAdmin, View},
    topology::{Role, SLOTS},
};
use crate::{Error, RespClient, Result};

impl ClusterAdmin {
    /// Closes open slots: a move that both sides know of is finished, any other is taken back, with the keys returned to the
    /// slot's owner. A slot that nobody owns is given to the one master that has keys of it, or to the one with the fewest
    /// slots. Returns a line for each thing done, or that it had to leave.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Refused`] when a node breaks off in the middle; running it again goes on.
    pub fn fix(&self) -> Result<Vec<String>> {
        let mut told = Vec::new();
        for slot in self.open_slots() {
            told.push(self.close(slot)?);
        }
        told.extend(self.fix_unowned()?);
        Ok(told)
    }

    fn open_slots(&self) -> BTreeSet<u16> {
        let views = self.views();
        let mine = views.iter().flatten().filter_map(View::me);
        mine.flat_map(|me| me.migrating.iter().chain(&me.importing).map(|(slot, _)| *slot)).collect()
    }

    fn close(&self, slot: u16) -> Result<String> {
        let views = self.views();
        let mut sides = views.iter().flatten().filter_map(|view| Some((view.index, view.me()?)));
        let owner = self.master_of_slot(slot)?;
        if views[owner].is_none() {
            return Ok(format!("slot {slot}: left open, its owner {} does not answer", self.port(owner)));
        }
        let target = sides.clone().find_map(|(index, me)| {
            let (_, to) = me.migrating.iter().find(|(it, _)| index == owner && *it == slot)?;
            Some(to.clone())
        });
        let importing: Vec<usize> = sides
            .clone()
            .filter(|(_, me)| me.importing.iter().any(|(it, _)| *it == slot))
            .map(|(index, _)| index)
            .collect();
        if let Some(id) = &target {
            match sides.find(|(_, me)| me.id == *id) {
                Some((to, _)) if importing == [to] => {
                    self.finish_move(slot, to)?;
                    return Ok(format!("slot {slot}: moved on to node {}", self.port(to)));
                }
                // It may hold keys that the owner no longer has.
                None => return Ok(format!("slot {slot}: left open, its new owner does not answer")),
                Some(_) => {}
            }
        }
        self.take_back(slot, owner, &views)?;
        Ok(format!("slot {slot}: stays with node {}, stray keys were returned", self.port(owner)))
    }

    /// Brings the keys of a slot home to its owner, and closes it everywhere.
    fn take_back(&self, slot: u16, owner: usize, views: &[Option<View>]) -> Result<()> {
        let (owner_id, number) = (self.id(owner)?, slot.to_string());
        for view in views.iter().flatten().filter(|view| view.index != owner) {
            if !view.me().is_some_and(|me| me.role == Role::Master) {
                continue;
            }
            let mut keys = self.keys(view.index, slot, "100")?;
            while !keys.is_empty() {
                // An importing node may send keys of a slot that it does not own.
                self.command(view.index, &["CLUSTER", "SETSLOT", &number, "IMPORTING", &owner_id])?;
                for key in &keys {
                    self.return_key(key, view.index, owner)?;
                }
                keys = self.keys(view.index, slot, "100")?;
            }
            self.command(view.index, &["CLUSTER", "SETSLOT", &number, "STABLE"])?;
        }
        self.command(owner, &["CLUSTER", "SETSLOT", &number, "STABLE"]).map(drop)
    }

    /// A key that the owner has as well was written there later, as clients are sent to the owner: that one stays.
    fn return_key(&self, key: &[u8], from: usize, owner: usize) -> Result<()> {
        match self.migrate(&[key.to_vec()], from, owner, false) {
            Err(Error::Refused { reason, .. }) if reason.contains("BUSYKEY") => {
                let mut client: RespClient = self.connect(from)?;
                client.call(&["ASKING"])?;
                client.call(&[b"DEL" as &[u8], key]).map(drop)
            }
            done => done,
        }
    }

    fn fix_unowned(&self) -> Result<Vec<String>> {
        let views = self.views();
        if views.iter().any(Option::is_none) {
            // The missing one may be the owner, or hold the keys.
            return Ok(Vec::new());
        }
        let owned = |slot: u16| views.iter().flatten().any(|view| view.members().any(|it| it.owns(slot)));
        let masters: Vec<_> = views
            .iter()
            .flatten()
            .filter_map(|view| {
                view.me().filter(|me| me.role == Role::Master).map(|me| (view.index, me.slot_count()))
            })
            .collect();
        let mut told = Vec::new();
        for slot in (0..SLOTS).filter(|slot| !owned(*slot)) {
            let mut holders = Vec::new();
            for (index, _) in &masters {
                if !self.keys(*index, slot, "1")?.is_empty() {
                    holders.push(*index);
                }
            }
            let fewest = masters.iter().min_by_key(|(_, slots)| *slots).map(|(index, _)| *index);
            let owner = match holders.as_slice() {
                [] => fewest,
                [one] => Some(*one),
                _ => None,
            };
            let Some(owner) = owner else {
                told.push(format!("slot {slot}: left without an owner, several nodes have keys of it"));
                continue;
            };
            self.command(owner, &["CLUSTER", "ADDSLOTS", &slot.to_string()])?;
            told.push(format!("slot {slot}: given to node {}", self.port(owner)));
        }
        Ok(told)
    }
}
