//! What `CLUSTER NODES` tells, see <https://redis.io/docs/latest/commands/cluster-nodes/>.

use std::{collections::BTreeMap, ops::RangeInclusive};

/// Hash slots of a cluster.
pub const SLOTS: u16 = 16_384;

/// What a node does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Takes writes, if it owns slots.
    Master,
    /// Copies a master and takes its place when it fails.
    Replica,
}

/// A node as another one (or itself) sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeInfo {
    /// Position among the cluster's ports, from 0.
    pub index: usize,
    /// Its identity: 40 hexadecimal digits, kept across restarts.
    pub id: String,
    /// The port that it announces to clients.
    pub port: u16,
    /// What it does.
    pub role: Role,
    /// The master's id, if it is a replica.
    pub master: Option<String>,
    /// Whether most masters agree that it does not answer.
    pub failed: bool,
    /// Whether the asked node has a connection to it.
    pub connected: bool,
    /// Ranges of slots that it owns.
    pub slots: Vec<RangeInclusive<u16>>,
    /// Slots that it hands over, with the new owner's id. Only a node itself tells.
    pub migrating: Vec<(u16, String)>,
    /// Slots that it takes over, with the old owner's id. Only a node itself tells.
    pub importing: Vec<(u16, String)>,
}

impl NodeInfo {
    /// How many slots it owns.
    #[must_use]
    pub fn slot_count(&self) -> usize {
        self.slots.iter().map(ExactSizeIterator::len).sum()
    }

    /// Whether it owns this slot.
    #[must_use]
    pub fn owns(&self, slot: u16) -> bool {
        self.slots.iter().any(|range| range.contains(&slot))
    }
}

/// A line of the answer, with the flags that we do not hand out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub info: NodeInfo,
    /// It tells of the asked node itself.
    pub myself: bool,
    /// Not a full member: in a handshake, or without an address.
    pub passing: bool,
}

/// Reads the answer. `index_of` finds the position of an announced port; a node with a foreign port gets `usize::MAX`.
/// Lines that cannot be read are left out.
pub(crate) fn parse(text: &str, index_of: impl Fn(u16) -> Option<usize>) -> Vec<Line> {
    text.lines().filter_map(|line| parse_line(line, &index_of)).collect()
}

fn parse_line(line: &str, index_of: &impl Fn(u16) -> Option<usize>) -> Option<Line> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [id, address, flags, master, _sent, _received, _epoch, link, slots @ ..] = fields.as_slice() else {
        return None;
    };
    // `host:port@bus`, and from Redis 7 on `,hostname`.
    let port = address.split(['@', ',']).next()?.rsplit_once(':')?.1.parse().ok()?;
    let flags: Vec<&str> = flags.split(',').collect();
    let has = |flag: &str| flags.contains(&flag);
    let role = if has("slave") || has("replica") { Role::Replica } else { Role::Master };
    let mut info = NodeInfo {
        index: index_of(port).unwrap_or(usize::MAX),
        id: (*id).to_owned(),
        port,
        role,
        master: (*master != "-").then(|| (*master).to_owned()),
        failed: has("fail"),
        connected: has("myself") || *link == "connected",
        slots: Vec::new(),
        migrating: Vec::new(),
        importing: Vec::new(),
    };
    for word in slots {
        match word.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            Some(open) => {
                if let Some((slot, to)) = open.split_once("->-") {
                    info.migrating.push((slot.parse().ok()?, to.to_owned()));
                } else if let Some((slot, from)) = open.split_once("-<-") {
                    info.importing.push((slot.parse().ok()?, from.to_owned()));
                }
            }
            None => {
                let (first, last) = word.split_once('-').unwrap_or((word, word));
                info.slots.push(first.parse().ok()?..=last.parse().ok()?);
            }
        }
    }
    Some(Line { info, myself: has("myself"), passing: has("handshake") || has("noaddr") })
}

/// Which node owns each slot, in one node's eyes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SlotOwners(BTreeMap<u16, String>);

impl SlotOwners {
    /// The owners by these nodes' ranges.
    #[must_use]
    pub fn of(nodes: &[NodeInfo]) -> Self {
        let pairs = nodes.iter().flat_map(|node| {
            node.slots.iter().flat_map(|range| range.clone().map(|slot| (slot, node.id.clone())))
        });
        Self(pairs.collect())
    }

    /// The owner's id.
    #[must_use]
    pub fn owner(&self, slot: u16) -> Option<&str> {
        self.0.get(&slot).map(String::as_str)
    }

    /// Slots that nobody owns.
    #[must_use]
    pub fn unowned(&self) -> Vec<u16> {
        (0..SLOTS).filter(|slot| !self.0.contains_key(slot)).collect()
    }
}

/// Slots as ranges, such as `0-5460 5462`.
pub(crate) fn as_ranges(slots: &[u16]) -> String {
    let mut ranges: Vec<(u16, u16)> = Vec::new();
    for slot in slots {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *slot => *last = *slot,
            _ => ranges.push((*slot, *slot)),
        }
    }
    let words = ranges.iter().map(
        |(first, last)| {
            if first == last { first.to_string() } else { format!("{first}-{last}") }
        },
    );
    words.collect::<Vec<_>>().join(" ")
}

/// The slot of a key: CRC16 (XMODEM) of its hash tag, or of all of it without one. See
/// <https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags>.
#[must_use]
pub fn key_slot(key: &[u8]) -> u16 {
    let tag = key.iter().position(|byte| *byte == b'{').and_then(|open| {
        let rest = &key[open + 1..];
        let close = rest.iter().position(|byte| *byte == b'}')?;
        (close > 0).then(|| &rest[..close])
    });
    let crc = tag.unwrap_or(key).iter().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    });
    crc % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
07c3 127.0.0.1:7004@17004,host slave e7d1 0 1426238317239 4 connected\n\
67ed 127.0.0.1:7002@17002 master,fail - 0 1426238316232 2 disconnected 5461-10922\n\
e7d1 127.0.0.1:7001@17001 myself,master - 0 0 1 connected 0-5459 5460 [42->-67ed] [77-<-67ed]\n\
aaaa :0@0 master,noaddr - 0 0 0 disconnected\n\
bbbb 127.0.0.1:9@10 handshake - 0 0 0 connected\n\
nonsense\n";

    #[test]
    fn nodes_are_read() {
        let lines = parse(TEXT, |port| (7001..=7006).contains(&port).then(|| usize::from(port) - 7001));
        assert_eq!(lines.len(), 5);
        let [replica, failed, me, ..] = lines.as_slice() else { unreachable!() };
        assert_eq!((replica.info.role, replica.info.master.as_deref()), (Role::Replica, Some("e7d1")));
        assert_eq!((replica.info.index, replica.info.port), (3, 7004));
        assert!(failed.info.failed && !failed.info.connected);
        assert!(me.myself && me.info.connected && me.info.owns(5460) && !me.info.owns(5461));
        assert_eq!(me.info.slot_count(), 5461);
        assert_eq!(me.info.migrating, [(42, "67ed".to_owned())]);
        assert_eq!(me.info.importing, [(77, "67ed".to_owned())]);
        assert!(lines[3].passing && lines[4].passing);
        assert_eq!(lines[4].info.index, usize::MAX);
    }

    #[test]
    fn owners_and_gaps() {
        let nodes: Vec<NodeInfo> = parse(TEXT, |_| None).into_iter().map(|line| line.info).collect();
        let owners = SlotOwners::of(&nodes);
        assert_eq!(owners.owner(5460), Some("e7d1"));
        assert_eq!(owners.owner(10_923), None);
        assert_eq!(as_ranges(&owners.unowned()), "10923-16383");
        assert_eq!(as_ranges(&[1, 2, 4, 6, 7]), "1-2 4 6-7");
        assert_eq!(as_ranges(&[]), "");
    }

    #[test]
    fn slots_follow_the_published_examples() {
        // From the specification, and from `CLUSTER KEYSLOT`.
        assert_eq!(key_slot(b"123456789"), 0x31c3);
        assert_eq!(key_slot(b"foo"), 12_182);
        assert_eq!(key_slot(b"{user1000}.following"), key_slot(b"user1000"));
        assert_ne!(key_slot(b"foo{}{bar}"), key_slot(b"bar"));
        assert_eq!(key_slot(b"foo{{bar}}zap"), key_slot(b"{bar"));
    }
}
