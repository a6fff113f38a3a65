//! An entry on its way to Redis: encoded, and free of its type.

use crate::clears::Mark;
use crate::clock;
use crate::codec::{CodecError, Value};
use crate::entry::{Entry, Kind};
use crate::frame::{self, Content, Facts};
use crate::header;
use crate::key::entry_key;
use crate::tags::Tags;

/// An entry to be written.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub category: &'static str,
    /// The key's text.
    pub text: String,
    /// The key in Redis.
    pub key: String,
    pub bytes: Vec<u8>,
    pub name: u64,
    pub version: u64,
    pub loaded_at: u64,
    pub is_removal: bool,
    /// By the monotonic clock.
    pub stale_until: u64,
    pub mark: Mark,
    pub tags: Tags,
    /// The lease under which it was loaded.
    pub lease: Option<Lease>,
    /// Others are told even if Redis has this version already: an earlier try may have put it there unseen.
    pub tried: bool,
}

/// A lease on a load: the right to be the one that loads, for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lease {
    /// The lease's key in Redis, in the slot of the entry's.
    pub key: String,
    /// Who holds it.
    pub token: String,
}

impl Outgoing {
    pub fn new<V: Value>(
        place: (&str, &'static str, &str),
        entry: &Entry<V>,
        compress_over: usize,
        max_bytes: usize,
    ) -> Result<Self, CodecError> {
        let (namespace, category, text) = place;
        let meta = entry.meta();
        let age = clock::now().saturating_sub(meta.loaded_at);
        let facts = Facts {
            tags: meta.tags.clone(),
            cost_us: meta.cost_us,
            created_ms: clock::unix_ms().saturating_sub(age),
            fresh_ms: meta.fresh_until - meta.loaded_at,
            stale_ms: meta.stale_until - meta.loaded_at,
            version: meta.version,
            clear_epoch: meta.mark.epoch,
            clear_head: meta.mark.head,
        };
        let content = match entry {
            Entry::Value(value) => Content::Value(&**value),
            Entry::Marker(marker) if marker.kind == Kind::Removed => Content::Removed,
            Entry::Marker(_) => Content::Absent,
        };
        Ok(Self {
            bytes: frame::encode::<V>(&content, &facts, compress_over, max_bytes)?,
            category,
            text: text.to_owned(),
            key: entry_key(namespace, category, text),
            name: meta.name,
            version: meta.version,
            loaded_at: meta.loaded_at,
            is_removal: entry.kind() == Kind::Removed,
            stale_until: meta.stale_until,
            mark: meta.mark,
            tags: meta.tags.clone(),
            lease: None,
            tried: false,
        })
    }

    /// Gives an entry that was made before the clear log was read a place in it: at its beginning. So it lives, for
    /// others as here, while no clear at all covers it.
    pub fn place(&mut self, epoch: u64) {
        let mark = Mark { epoch, head: 0 };
        if self.mark.epoch == 0
            && epoch != 0
            && let Some(bytes) = header::marked(&self.bytes, mark)
        {
            (self.mark, self.bytes) = (mark, bytes);
        }
    }

    /// The order in which entries replace each other.
    pub fn rank(&self) -> (u64, bool, u64, u64) {
        (self.version, self.is_removal, self.mark.head, self.loaded_at)
    }

    /// Bytes that it takes while it waits.
    pub fn weight(&self) -> usize {
        self.bytes.len() + 2 * self.text.len() + size_of::<Self>()
    }
}
