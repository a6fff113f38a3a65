//! Cluster slots: which one a key is in, and who owns it.

use std::sync::Arc;

use super::node::Node;

/// Slots of every cluster.
pub(super) const SLOTS: u16 = 16_384;
/// Stands for no shard.
const NONE: u16 = u16::MAX;

/// The slot of a key: CRC16 (XMODEM) of its hash tag, if it has one that is not empty, otherwise of all of it.
pub(crate) fn slot_of(key: &[u8]) -> u16 {
    let tag = key.iter().position(|&b| b == b'{').and_then(|open| {
        let rest = &key[open + 1..];
        let close = rest.iter().position(|&b| b == b'}')?;
        (close > 0).then(|| &rest[..close])
    });
    crc16(tag.unwrap_or(key)) % SLOTS
}

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| (crc << 8) ^ TABLE[usize::from((crc >> 8) ^ u16::from(byte))])
}

/// The polynomial 0x1021 over every byte.
static TABLE: [u16; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let mut crc = (i as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
            bit += 1;
        }
        table[i] = crc;
        i += 1;
    }
    table
};

/// A master and its replicas.
#[derive(Clone)]
pub(super) struct Shard {
    pub master: Arc<Node>,
    pub replicas: Vec<Arc<Node>>,
}

/// Who owns which slot. Never changed, only replaced.
#[derive(Clone)]
pub(super) struct Map {
    pub shards: Vec<Shard>,
    /// Index of the shard of each slot.
    of_slot: Box<[u16]>,
}

impl Map {
    /// Nobody owns anything.
    pub fn empty() -> Self {
        Self { shards: Vec::new(), of_slot: vec![NONE; usize::from(SLOTS)].into() }
    }

    /// One node owns everything.
    pub fn single(node: Arc<Node>) -> Self {
        let mut map = Self::empty();
        map.assign(0, SLOTS - 1, Shard { master: node, replicas: Vec::new() });
        map
    }

    /// Gives the slots from `first` to `last` to a shard. Shards are told apart by their master.
    pub fn assign(&mut self, first: u16, last: u16, shard: Shard) {
        let known = self.shards.iter().position(|s| Arc::ptr_eq(&s.master, &shard.master));
        let index = known.unwrap_or_else(|| {
            self.shards.push(shard);
            self.shards.len() - 1
        });
        if let (Ok(index), true) = (u16::try_from(index), last < SLOTS && first <= last) {
            self.of_slot[usize::from(first)..=usize::from(last)].fill(index);
        }
    }

    /// The owner of a slot, if it has one.
    pub fn shard(&self, slot: u16) -> Option<&Shard> {
        self.shards.get(self.index(slot)?)
    }

    /// The place of a slot's owner among the shards, if it has one.
    pub fn index(&self, slot: u16) -> Option<usize> {
        self.of_slot.get(usize::from(slot)).filter(|index| **index != NONE).map(|index| usize::from(*index))
    }

    /// The first slot that nobody owns.
    pub fn first_uncovered(&self) -> Option<u16> {
        // At most SLOTS of them, so the position fits.
        self.of_slot.iter().position(|&shard| shard == NONE).and_then(|slot| u16::try_from(slot).ok())
    }

    /// The slots of a master as (first, last), ascending.
    pub fn ranges(&self, master: &Arc<Node>) -> Vec<(u16, u16)> {
        let mut ranges: Vec<(u16, u16)> = Vec::new();
        for slot in 0..SLOTS {
            if !self.shard(slot).is_some_and(|s| Arc::ptr_eq(&s.master, master)) {
                continue;
            }
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == slot => *last = slot,
                _ => ranges.push((slot, slot)),
            }
        }
        ranges
    }

    /// While a master is away, keeps the replicas that it had and that we can reach: a node may not have heard that they
    /// have anything to serve, and leaves them out then.
    pub fn keep_replicas(&mut self, old: &Self) {
        let named: Vec<_> = self.nodes().map(Arc::as_ptr).collect();
        for shard in self.shards.iter_mut().filter(|shard| !shard.master.is_usable()) {
            let was = old.shards.iter().find(|was| Arc::ptr_eq(&was.master, &shard.master));
            let replicas = was.into_iter().flat_map(|was| &was.replicas);
            shard
                .replicas
                .extend(replicas.filter(|r| r.is_usable() && !named.contains(&Arc::as_ptr(r))).cloned());
        }
    }

    /// Whether every slot has the same nodes in both.
    pub fn is_same(&self, other: &Self) -> bool {
        let same = |a: &Arc<Node>, b: &Arc<Node>| Arc::ptr_eq(a, b);
        self.of_slot == other.of_slot
            && self.shards.len() == other.shards.len()
            && self.shards.iter().zip(&other.shards).all(|(a, b)| {
                same(&a.master, &b.master)
                    && a.replicas.len() == b.replicas.len()
                    && a.replicas.iter().zip(&b.replicas).all(|(a, b)| same(a, b))
            })
    }

    /// Masters first, then replicas.
    pub fn nodes(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.shards.iter().map(|s| &s.master).chain(self.shards.iter().flat_map(|s| &s.replicas))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        // From CLUSTER KEYSLOT of Redis 7.
        for (key, slot) in [("", 0), ("foo", 12_182), ("bar", 5_061), ("hello", 866), ("somekey", 11_058)] {
            assert_eq!(slot_of(key.as_bytes()), slot, "{key}");
        }
    }

    #[test]
    fn only_the_first_hash_tag_counts_and_an_empty_one_does_not() {
        let same = |a: &str, b: &str| slot_of(a.as_bytes()) == slot_of(b.as_bytes());
        assert!(same("{user1000}.following", "user1000"));
        assert!(same("foo{{bar}}zap", "{bar"));
        assert!(same("foo{bar}{zap}", "bar"));
        assert_eq!(slot_of(b"foo{}{bar}"), crc16(b"foo{}{bar}") % SLOTS);
        assert_eq!(slot_of(b"foo{bar"), crc16(b"foo{bar") % SLOTS);
    }
}
