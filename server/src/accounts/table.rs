//! Sessions in memory.

use std::collections::HashMap;

use model::UnixMs;
use parking_lot::Mutex;

use super::{IdHash, SessionRecord};

/// Sessions held: more than operators have, and few enough to look through.
const MOST: usize = 256;

/// A session, and when it was last known to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) record: SessionRecord,
    /// When the database last said so, Unix ms; where there is none it does not count.
    pub(super) verified_at: UnixMs,
}

/// A bounded number of sessions; those that were not seen for longest give way.
#[derive(Default)]
pub(super) struct Table(Mutex<HashMap<IdHash, Held>>);

impl Table {
    pub(super) fn get(&self, id: &IdHash) -> Option<Held> {
        self.0.lock().get(id).cloned()
    }

    pub(super) fn put(&self, id: IdHash, held: Held) {
        let mut table = self.0.lock();
        if table.len() >= MOST && !table.contains_key(&id) {
            let oldest = table.iter().min_by_key(|(_, held)| held.record.seen_at).map(|(id, _)| *id);
            if let Some(oldest) = oldest {
                table.remove(&oldest);
            }
        }
        table.insert(id, held);
    }

    /// Notes that it was used.
    pub(super) fn touch(&self, id: &IdHash, now: UnixMs) {
        if let Some(held) = self.0.lock().get_mut(id) {
            held.record.seen_at = held.record.seen_at.max(now);
        }
    }

    /// Whether there was one.
    pub(super) fn remove(&self, id: &IdHash) -> bool {
        self.0.lock().remove(id).is_some()
    }

    /// Drops those of which this is not so.
    pub(super) fn retain(&self, keep: impl Fn(&Held) -> bool) {
        self.0.lock().retain(|_, held| keep(held));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_bounded_and_the_one_not_seen_for_longest_goes() {
        let table = Table::default();
        let id = |n: usize| {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&n.to_be_bytes());
            IdHash(bytes)
        };
        let held = |seen_at| {
            let record = SessionRecord {
                account: "admin".to_owned(),
                created_at: 0,
                seen_at,
                address: String::new(),
                agent: String::new(),
            };
            Held { record, verified_at: 0 }
        };
        for n in 0..MOST {
            table.put(id(n), held(n as i64));
        }
        table.touch(&id(0), 1_000_000);
        for n in MOST..MOST + 10 {
            table.put(id(n), held(n as i64));
        }
        assert!(table.get(&id(0)).is_some() && table.get(&id(1)).is_none());
        assert_eq!(table.0.lock().len(), MOST);
        assert!(table.remove(&id(0)) && !table.remove(&id(0)));
        table.retain(|held| held.record.seen_at > MOST as i64 + 5);
        assert_eq!(table.0.lock().len(), 4);
    }
}
