//! An entry on its way to Redis: encoded, and free of its type.

use crate::clears::Mark;
use crate::clock;
use crate::codec::{CodecError, Value};
use crate::entry::{Entry, Kind};
use crate::frame::{self, Content, Facts};
use crate::header;
use crate::key::entry_key;
use crate::policy::Policy;
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
    /// The version that others are told of.
    pub told: u64,
    pub loaded_at: u64,
    pub is_removal: bool,
    /// Set or removed by the program, not loaded: nobody but us may know of this version.
    pub is_told_first: bool,
    /// By the monotonic clock.
    pub stale_until: u64,
    /// When it was set, or its load began, by the monotonic clock.
    pub begun: u64,
    /// How long tombstones of this category live, ms.
    pub tombstone_ms: u64,
    pub mark: Mark,
    pub tags: Tags,
    /// The lease under which it was loaded.
    pub lease: Option<Lease>,
    /// Others are told even if Redis has this version already: an earlier try may have put it there unseen.
    pub tried: bool,
}

/// Where an entry comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The program set or removed it.
    Set,
    /// It was loaded, under this lease.
    Loaded(Option<Lease>),
    /// Memory has it, and Redis has lost it.
    Memory,
}

/// A lease on a load: the right to be the one that loads, for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lease {
    /// The lease's key in Redis, in the slot of the entry's.
    pub key: String,
    /// Who holds it, and where the clear log stood when the load began: see [`Lease::token`].
    pub token: String,
}

/// A tombstone lives so much longer than what it has to stand against can take, ms.
const SPARE_MS: u64 = 5_000;

impl Lease {
    /// Four numbers in hex, 16 digits each: the process, a random one, and the mark. A load from before a clear is of no
    /// use to who asks after it: the script that gives leases sees that by the mark, and gives the right anew.
    pub fn token(publisher: u64, mark: Mark) -> String {
        format!("{publisher:016x}{:016x}{:016x}{:016x}", fastrand::u64(..), mark.epoch, mark.head)
    }
}

impl Outgoing {
    /// `now_ms`: Unix milliseconds by the clock that the servers share.
    pub fn new<V: Value>(
        place: (&str, &'static str, &str),
        entry: &Entry<V>,
        origin: &Origin,
        policy: &Policy,
        max_bytes: usize,
        now_ms: u64,
    ) -> Result<Self, CodecError> {
        let (namespace, category, text) = place;
        let meta = entry.meta();
        let age = clock::now().saturating_sub(meta.loaded_at);
        let facts = Facts {
            tags: meta.tags.clone(),
            cost_us: meta.cost_us,
            created_ms: now_ms.saturating_sub(age),
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
            bytes: frame::encode::<V>(&content, &facts, policy.compress_over, max_bytes)?,
            category,
            text: text.to_owned(),
            key: entry_key(namespace, category, text),
            name: meta.name,
            version: meta.version,
            told: meta.version,
            loaded_at: meta.loaded_at,
            is_removal: entry.kind() == Kind::Removed,
            is_told_first: matches!(origin, Origin::Set),
            stale_until: meta.stale_until,
            begun: match origin {
                Origin::Loaded(_) => meta.verified_at(),
                Origin::Set | Origin::Memory => clock::now(),
            },
            tombstone_ms: clock::millis(policy.tombstone_for()),
            mark: meta.mark,
            tags: meta.tags.clone(),
            lease: match origin {
                Origin::Loaded(lease) => lease.clone(),
                Origin::Set | Origin::Memory => None,
            },
            tried: false,
        })
    }

    /// Something to put into a queue.
    #[cfg(test)]
    pub fn example(key: &str, version: u64, bytes: usize) -> Self {
        Self {
            category: "c",
            text: String::new(),
            key: key.into(),
            bytes: vec![0; bytes],
            name: 0,
            version,
            told: version,
            loaded_at: 0,
            is_removal: false,
            is_told_first: false,
            stale_until: u64::MAX,
            begun: 0,
            tombstone_ms: 0,
            mark: Mark { epoch: 1, head: 0 },
            tags: Tags::default(),
            lease: None,
            tried: false,
        }
    }

    /// Whether a tombstone that it has to give way to may have ended already.
    pub fn is_late(&self, now: u64) -> bool {
        now.saturating_sub(self.begun) > self.tombstone_ms.saturating_sub(SPARE_MS)
    }

    /// Makes a tombstone of it, of this moment and with this place in the clear log, of the version before: what is older
    /// than this entry cannot come back or stay, and the next reader loads. Of a removal the same removal. False when
    /// there is no version before. `now_ms`: Unix milliseconds by the clock that the servers share.
    pub fn bar(&mut self, mark: Mark, now_ms: u64) -> bool {
        let Some(version) = (if self.is_removal { Some(self.version) } else { self.version.checked_sub(1) })
        else {
            return false;
        };
        let Some(bytes) = header::tombstone(&self.bytes, version, mark, now_ms, self.tombstone_ms) else {
            return false;
        };
        let now = clock::now();
        (self.bytes, self.version, self.mark, self.tags) = (bytes, version, mark, Tags::default());
        (self.is_removal, self.tried, self.begun, self.loaded_at) = (true, true, now, now);
        self.stale_until = now + self.tombstone_ms;
        true
    }

    /// Takes out what is to be kept once Redis has it: enough to bar it later, in few bytes.
    pub fn take_header(&mut self) -> Self {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.truncate(header::LEN);
        bytes.shrink_to_fit();
        Self { bytes, lease: None, ..self.clone() }
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
