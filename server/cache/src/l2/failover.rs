//! Failovers as this process saw them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde::Serialize;

use super::node::Node;
use super::router::Router;
use super::slots::{Map, Shard};
use crate::clock;

/// Shards remembered at most.
const MAX_REMEMBERED: usize = 1_000;

/// A replica took the place of its master. Times are Unix milliseconds of this process's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failover {
    /// The first slot of the shard.
    pub first_slot: u16,
    /// The old master.
    pub from: String,
    /// The new one.
    pub to: String,
    /// When the old master was first found unreachable; none when it was there to the end, as in a manual failover.
    pub lost_at_ms: Option<u64>,
    /// When the new master was first told to be one.
    pub seen_at_ms: u64,
    /// When the new master first answered a write of this process.
    pub written_at_ms: Option<u64>,
    /// From the loss, or from the news, to the first write, in milliseconds.
    pub took_ms: Option<u64>,
}

impl Router {
    /// The last failover of each shard that had one.
    pub fn failovers(&self) -> Vec<Failover> {
        self.failovers.lock().values().cloned().collect()
    }

    /// Notes each shard whose new master was its replica.
    pub(super) fn note_promotions(&self, old: &Map, new: &Map) {
        for shard in &new.shards {
            for was in &old.shards {
                if is_promotion(was, &shard.master) {
                    self.note_promotion(old, was, &shard.master);
                }
            }
        }
    }

    /// Notes that `new`, a replica of `was`, is a master.
    pub(super) fn note_promotion(&self, old: &Map, was: &Shard, new: &Arc<Node>) {
        let Some(&(first_slot, _)) = old.ranges(&was.master).first() else { return };
        let mut failovers = self.failovers.lock();
        let (from, to) = (was.master.address.to_string(), new.address.to_string());
        // Of one failover every slot tells.
        if failovers.values().any(|f| f.from == from && f.to == to && f.written_at_ms.is_none()) {
            return;
        }
        let now = clock::unix_ms();
        let noted = was.master.noted();
        let lost_at_ms = (!noted.connected).then(|| now.saturating_sub(clock::millis(noted.held_for())));
        tracing::warn!(%from, %to, "Redis {to} took the place of {from}");
        new.awaits_write.store(true, Ordering::Release);
        failovers.insert(
            first_slot,
            Failover {
                first_slot,
                from,
                to,
                lost_at_ms,
                seen_at_ms: now,
                written_at_ms: None,
                took_ms: None,
            },
        );
        if failovers.len() > MAX_REMEMBERED {
            drop_oldest(&mut failovers);
        }
    }

    /// Notes that a node answered a write. Costs one read when it is no new master.
    pub(super) fn note_written(&self, node: &Node) {
        if !node.awaits_write.load(Ordering::Acquire) || !node.awaits_write.swap(false, Ordering::AcqRel) {
            return;
        }
        let now = clock::unix_ms();
        let to = node.address.to_string();
        for failover in self.failovers.lock().values_mut() {
            if failover.to == to && failover.written_at_ms.is_none() {
                failover.written_at_ms = Some(now);
                failover.took_ms =
                    Some(now.saturating_sub(failover.lost_at_ms.unwrap_or(failover.seen_at_ms)));
            }
        }
    }
}

pub(super) fn is_promotion(was: &Shard, new: &Arc<Node>) -> bool {
    was.replicas.iter().any(|replica| Arc::ptr_eq(replica, new))
}

fn drop_oldest(failovers: &mut BTreeMap<u16, Failover>) {
    let oldest = failovers.values().min_by_key(|f| f.seen_at_ms).map(|f| f.first_slot);
    if let Some(slot) = oldest {
        failovers.remove(&slot);
    }
}
