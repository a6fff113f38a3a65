//! Announcements between the processes that share a namespace: numbered, with a heartbeat, so that a lost one is noticed.

mod coherence;
mod feed;
mod ledger;
mod message;
mod outbox;

pub(crate) use coherence::{Coherence, Judgement, name_hash};
pub(crate) use feed::{Ear, Heard};
pub(crate) use message::Item;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use message::Message;
pub(crate) use outbox::{Outbox, publish};

use std::time::Duration;

/// Between two heartbeats of a publisher.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(1);
/// Without a sign of life for so long, a publisher, or our own ear, is taken for cut off.
pub(crate) const SILENCE: Duration = Duration::from_millis(2_500);
/// How often silence is looked for.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(250);
/// While announcements cannot be trusted, an entry answers for so long after it was compared with Redis or loaded.
pub(crate) const VERIFIED_FOR: Duration = Duration::from_secs(4);
/// A publisher that fell silent without a farewell is waited for so long: it may be cut off and writing.
pub(crate) const MISSED_FOR: Duration = Duration::from_secs(60);
/// A publisher that cannot announce keeps its writes back after this: before the others cease to wait for it.
pub(crate) const MUTE_FOR: Duration = Duration::from_secs(30);

/// The channel of a namespace. The braces keep it in one slot of a cluster. Channels know no database numbers, so that one
/// other than 0 is part of the name: caches in different databases share nothing.
pub(crate) fn channel(namespace: &str, database: i64) -> String {
    match database {
        0 => format!("{{{namespace}:bus}}"),
        number => format!("{{{namespace}:bus:{number}}}"),
    }
}
