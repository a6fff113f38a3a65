//! What may happen, and in what order.

use super::site::{Kind, NODES};
use super::{CACHES, KEYS};

/// What happens. `cache` and `key` by number.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    /// The source gets a newer value, and the cache is told.
    Set {
        cache: usize,
        key: usize,
    },
    /// A write that was overtaken by another.
    SetOld {
        cache: usize,
        key: usize,
    },
    Get {
        cache: usize,
        key: usize,
    },
    Load {
        cache: usize,
        key: usize,
    },
    /// A load that has read the source and does not come to an end before `Release`.
    SlowLoad {
        cache: usize,
        key: usize,
    },
    Release,
    /// The source loses the value, and the cache is told.
    Remove {
        cache: usize,
        key: usize,
    },
    Expire {
        cache: usize,
        key: usize,
    },
    Clear {
        cache: usize,
        key: usize,
    },
    Undo {
        cache: usize,
    },
    /// All subscriptions end; commands go on.
    CutBus,
    Cut {
        cache: usize,
    },
    BlackHole {
        cache: usize,
    },
    Slow {
        cache: usize,
    },
    Heal {
        cache: usize,
    },
    FlushAll,
    Pause,
    /// The way of one cache to one node of a cluster swallows all.
    LoseNode {
        cache: usize,
        node: usize,
    },
    /// The slot of a key goes to another master.
    Move {
        key: usize,
    },
    /// The same, but it stays open with some of its keys here and some there, until the next move of it or the end.
    MoveHalf {
        key: usize,
    },
    /// A replica takes the place of the master of a key, in good order.
    Failover {
        key: usize,
    },
}

/// The steps of a seed. A shorter list is the beginning of a longer one.
pub fn steps(kind: Kind, seed: u64, count: usize) -> Vec<Step> {
    let mut random = fastrand::Rng::with_seed(seed);
    let step = || {
        let (cache, key) = (random.usize(..CACHES), random.usize(..KEYS));
        if kind == Kind::Cluster {
            match random.u8(..100) {
                0..5 => return Step::LoseNode { cache, node: random.usize(..NODES) },
                5..9 => return Step::Move { key },
                9..13 => return Step::MoveHalf { key },
                13..16 => return Step::Failover { key },
                _ => {}
            }
        }
        match random.u8(..100) {
            0..20 => Step::Set { cache, key },
            20..24 => Step::SetOld { cache, key },
            24..38 => Step::Get { cache, key },
            38..56 => Step::Load { cache, key },
            56..64 => Step::SlowLoad { cache, key },
            64..68 => Step::Release,
            68..71 => Step::Remove { cache, key },
            71..73 => Step::Expire { cache, key },
            73..76 => Step::Clear { cache, key },
            76..79 => Step::Undo { cache },
            79..82 => Step::CutBus,
            82..84 => Step::Cut { cache },
            84..86 => Step::BlackHole { cache },
            86..88 => Step::Slow { cache },
            88..94 => Step::Heal { cache },
            94..96 => Step::FlushAll,
            _ => Step::Pause,
        }
    };
    std::iter::repeat_with(step).take(count).collect()
}
