//! The fixed header in front of every entry in Redis. All numbers are big-endian, so that scripts can compare bytes.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 4 | magic `TDMK` |
//! | 4 | 1 | format version, 1 |
//! | 5 | 1 | codec of the payload: 0 raw, 1 zstd |
//! | 6 | 2 | schema of the value |
//! | 8 | 2 | flags: 1 absent, 2 removed (a tombstone); both without payload |
//! | 10 | 2 | length of the tags between header and payload |
//! | 12 | 4 | length of the value before compression |
//! | 16 | 4 | length of the payload |
//! | 20 | 4 | what the load cost, µs, saturating |
//! | 24 | 8 | end of the load, Unix ms |
//! | 32 | 8 | soft life, ms |
//! | 40 | 8 | hard life, ms |
//! | 48 | 8 | version of the value |
//! | 56 | 8 | epoch of the clear log at the start of the load |
//! | 64 | 8 | head of the clear log at the start of the load |
//! | 72 | 8 | XXH3-64 of bytes 0 to 71, the tags and the payload |

use xxhash_rust::xxh3::Xxh3Default;

use crate::clears::Mark;
use crate::entry::Kind;

/// Length of the header in bytes. The scripts know it, too.
pub(crate) const LEN: usize = 80;
const MAGIC: [u8; 4] = *b"TDMK";
const FORMAT: u8 = 1;
const CHECKSUM_AT: usize = 72;

/// How the payload is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    Raw,
    Zstd,
}

/// The header's fields, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub codec: Codec,
    pub kind: Kind,
    pub schema: u16,
    pub raw_len: u32,
    pub cost_us: u32,
    pub created_ms: u64,
    pub fresh_ms: u64,
    pub stale_ms: u64,
    pub version: u64,
    pub clear_epoch: u64,
    pub clear_head: u64,
}

/// Why bytes from Redis are no entry of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Invalid {
    #[error("another application's value")]
    Foreign,
    #[error("shorter than its header says")]
    Truncated,
    #[error("not an entry, or of an unknown format")]
    Format,
    #[error("of another schema")]
    Schema,
    #[error("larger than allowed")]
    Oversized,
    #[error("checksum does not match")]
    Checksum,
    #[error("payload does not decode")]
    Payload,
}

impl Header {
    /// Header, tags and payload in one piece. `None` when one is longer than the format can say.
    pub fn frame(&self, tags: &[u8], payload: &[u8]) -> Option<Vec<u8>> {
        let payload_len = u32::try_from(payload.len()).ok()?;
        let tags_len = u16::try_from(tags.len()).ok()?;
        let mut out = Vec::with_capacity(LEN + tags.len() + payload.len());
        out.extend_from_slice(&MAGIC);
        out.push(FORMAT);
        out.push(match self.codec {
            Codec::Raw => 0,
            Codec::Zstd => 1,
        });
        out.extend_from_slice(&self.schema.to_be_bytes());
        let flags: u16 = match self.kind {
            Kind::Value => 0,
            Kind::Absent => 1,
            Kind::Removed => 2,
        };
        out.extend_from_slice(&flags.to_be_bytes());
        out.extend_from_slice(&tags_len.to_be_bytes());
        for number in [self.raw_len, payload_len, self.cost_us] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        for number in
            [self.created_ms, self.fresh_ms, self.stale_ms, self.version, self.clear_epoch, self.clear_head]
        {
            out.extend_from_slice(&number.to_be_bytes());
        }
        let sum = checksum(&out, tags, payload);
        out.extend_from_slice(&sum.to_be_bytes());
        out.extend_from_slice(tags);
        out.extend_from_slice(payload);
        Some(out)
    }

    /// Splits `bytes` into header, tags and payload. Checks everything that does not need the value's type.
    pub fn parse(bytes: &[u8], schema: u16) -> Result<(Self, &[u8], &[u8]), Invalid> {
        if is_foreign(bytes) {
            return Err(Invalid::Foreign);
        }
        let (head, rest) = bytes.split_at_checked(LEN).ok_or(Invalid::Truncated)?;
        if head[4] != FORMAT {
            return Err(Invalid::Format);
        }
        let kind = match be16(head, 8) {
            0 => Kind::Value,
            1 => Kind::Absent,
            2 => Kind::Removed,
            _ => return Err(Invalid::Format),
        };
        let (tags, payload) = rest.split_at_checked(usize::from(be16(head, 10))).ok_or(Invalid::Truncated)?;
        if kind != Kind::Value && !payload.is_empty() {
            return Err(Invalid::Format);
        }
        let codec = match head[5] {
            0 => Codec::Raw,
            1 => Codec::Zstd,
            _ => return Err(Invalid::Format),
        };
        if be16(head, 6) != schema {
            return Err(Invalid::Schema);
        }
        if usize::try_from(be32(head, 16)) != Ok(payload.len()) {
            return Err(Invalid::Truncated);
        }
        if be64(head, CHECKSUM_AT) != checksum(&head[..CHECKSUM_AT], tags, payload) {
            return Err(Invalid::Checksum);
        }
        let header = Self {
            codec,
            kind,
            schema,
            raw_len: be32(head, 12),
            cost_us: be32(head, 20),
            created_ms: be64(head, 24),
            fresh_ms: be64(head, 32),
            stale_ms: be64(head, 40),
            version: be64(head, 48),
            clear_epoch: be64(head, 56),
            clear_head: be64(head, 64),
        };
        Ok((header, tags, payload))
    }
}

/// Whether bytes at a key are another application's: ours begin with the magic, in every format and also when they are
/// damaged further on. The script that writes judges in the same way.
pub(crate) fn is_foreign(bytes: &[u8]) -> bool {
    !bytes.starts_with(&MAGIC)
}

/// What a header says to who does not know the type behind it. Nothing is checked but magic and format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Peek {
    pub kind: Kind,
    pub schema: u16,
    pub compressed: bool,
    pub raw_len: u64,
    /// Bytes of the whole entry.
    pub len: u64,
    pub tags_len: usize,
    pub cost_us: u32,
    pub created_ms: u64,
    pub fresh_ms: u64,
    pub stale_ms: u64,
    pub version: u64,
    pub clear_epoch: u64,
    pub clear_head: u64,
}

/// Reads a header. `None` for anything else.
pub(crate) fn peek(head: &[u8]) -> Option<Peek> {
    let head = head.get(..LEN)?;
    if head[..4] != MAGIC || head[4] != FORMAT {
        return None;
    }
    let kind = match be16(head, 8) {
        0 => Kind::Value,
        1 => Kind::Absent,
        2 => Kind::Removed,
        _ => return None,
    };
    let tags_len = usize::from(be16(head, 10));
    Some(Peek {
        kind,
        schema: be16(head, 6),
        compressed: head[5] == 1,
        raw_len: u64::from(be32(head, 12)),
        len: (LEN + tags_len) as u64 + u64::from(be32(head, 16)),
        tags_len,
        cost_us: be32(head, 20),
        created_ms: be64(head, 24),
        fresh_ms: be64(head, 32),
        stale_ms: be64(head, 40),
        version: be64(head, 48),
        clear_epoch: be64(head, 56),
        clear_head: be64(head, 64),
    })
}

/// The same entry, with another place in the clear log. `None` for anything that is no entry of a whole.
pub(crate) fn marked(bytes: &[u8], mark: Mark) -> Option<Vec<u8>> {
    changed(bytes, |head| {
        head[56..64].copy_from_slice(&mark.epoch.to_be_bytes());
        head[64..72].copy_from_slice(&mark.head.to_be_bytes());
    })
}

/// A tombstone that readers of `like`'s schema understand: for `life_ms` from `created_ms`. `None` if `like` is no entry.
pub(crate) fn tombstone(
    like: &[u8],
    version: u64,
    mark: Mark,
    created_ms: u64,
    life_ms: u64,
) -> Option<Vec<u8>> {
    let header = Header {
        codec: Codec::Raw,
        kind: Kind::Removed,
        schema: be16(like.get(..LEN)?, 6),
        raw_len: 0,
        cost_us: 0,
        created_ms,
        fresh_ms: life_ms,
        stale_ms: life_ms,
        version,
        clear_epoch: mark.epoch,
        clear_head: mark.head,
    };
    header.frame(&[], &[])
}

/// The same entry, its soft life over. `None` for anything that is no entry of a whole.
pub(crate) fn expired(bytes: &[u8]) -> Option<Vec<u8>> {
    changed(bytes, |head| head[32..40].fill(0))
}

fn changed(bytes: &[u8], change: impl FnOnce(&mut [u8])) -> Option<Vec<u8>> {
    let peek = peek(bytes)?;
    if u64::try_from(bytes.len()) != Ok(peek.len) {
        return None;
    }
    let mut out = bytes.to_vec();
    change(&mut out);
    let (tags, payload) = bytes[LEN..].split_at(peek.tags_len);
    let sum = checksum(&out[..CHECKSUM_AT], tags, payload);
    out[CHECKSUM_AT..LEN].copy_from_slice(&sum.to_be_bytes());
    Some(out)
}

/// The first 8 bytes of a header that a reader of `schema` can read, codec left open.
pub(crate) fn start(schema: u16) -> [u8; 8] {
    let mut out = [0; 8];
    out[..4].copy_from_slice(&MAGIC);
    out[4] = FORMAT;
    out[6..].copy_from_slice(&schema.to_be_bytes());
    out
}

fn checksum(head: &[u8], tags: &[u8], payload: &[u8]) -> u64 {
    let mut hasher = Xxh3Default::new();
    hasher.update(head);
    hasher.update(tags);
    hasher.update(payload);
    hasher.digest()
}

fn be16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes(array(bytes, at))
}

fn be32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(array(bytes, at))
}

fn be64(bytes: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(array(bytes, at))
}

/// `N` bytes from `at`; zeros where the slice ends, which the callers have ruled out.
fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}
