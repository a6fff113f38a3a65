//! The fixed header in front of every entry in Redis. All numbers are big-endian, so that scripts can compare bytes.
//!
//! | offset | bytes | field |
//! |---|---|---|
//! | 0 | 4 | magic `TDMK` |
//! | 4 | 1 | format version, 1 |
//! | 5 | 1 | codec of the payload: 0 raw, 1 zstd |
//! | 6 | 2 | schema of the value |
//! | 8 | 2 | flags, 0; kept for negative entries, tombstones and tags |
//! | 10 | 2 | length of extra data between header and payload, 0; kept for tags |
//! | 12 | 4 | length of the value before compression |
//! | 16 | 4 | length of the payload |
//! | 20 | 4 | what the load cost, µs, saturating |
//! | 24 | 8 | end of the load, Unix ms |
//! | 32 | 8 | soft life, ms |
//! | 40 | 8 | hard life, ms |
//! | 48 | 8 | version of the value |
//! | 56 | 8 | epoch of the clear log at the start of the load |
//! | 64 | 8 | head of the clear log at the start of the load |
//! | 72 | 8 | XXH3-64 of bytes 0 to 71 and the payload |

use xxhash_rust::xxh3::Xxh3Default;

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
    /// Header and payload in one piece. `None` when the payload is longer than the format can say.
    pub fn frame(&self, payload: &[u8]) -> Option<Vec<u8>> {
        let payload_len = u32::try_from(payload.len()).ok()?;
        let mut out = Vec::with_capacity(LEN + payload.len());
        out.extend_from_slice(&MAGIC);
        out.push(FORMAT);
        out.push(match self.codec {
            Codec::Raw => 0,
            Codec::Zstd => 1,
        });
        out.extend_from_slice(&self.schema.to_be_bytes());
        out.extend_from_slice(&[0; 4]);
        for number in [self.raw_len, payload_len, self.cost_us] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        for number in
            [self.created_ms, self.fresh_ms, self.stale_ms, self.version, self.clear_epoch, self.clear_head]
        {
            out.extend_from_slice(&number.to_be_bytes());
        }
        let sum = checksum(&out, payload);
        out.extend_from_slice(&sum.to_be_bytes());
        out.extend_from_slice(payload);
        Some(out)
    }

    /// Splits `bytes` into header and payload. Checks everything that does not need the value's type.
    pub fn parse(bytes: &[u8], schema: u16) -> Result<(Self, &[u8]), Invalid> {
        let (head, payload) = bytes.split_at_checked(LEN).ok_or(Invalid::Truncated)?;
        if head[..4] != MAGIC || head[4] != FORMAT || head[8..12] != [0; 4] {
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
        if be64(head, CHECKSUM_AT) != checksum(&head[..CHECKSUM_AT], payload) {
            return Err(Invalid::Checksum);
        }
        let header = Self {
            codec,
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
        Ok((header, payload))
    }
}

fn checksum(head: &[u8], payload: &[u8]) -> u64 {
    let mut hasher = Xxh3Default::new();
    hasher.update(head);
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
