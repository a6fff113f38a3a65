//! Values to Redis bytes and back: encoding, compression, header.

use std::cell::RefCell;

use zstd::bulk::{Compressor, Decompressor};

use crate::codec::{CodecError, Value};
use crate::entry::Kind;
use crate::header::{Codec, Header, Invalid};
use crate::policy::MAX_LIFE;
use crate::tags::Tags;

/// zstd's fastest regular level: on chart values half the bytes; see `docs/cache.md` for the figures.
const LEVEL: i32 = 1;

thread_local! {
    /// Contexts are large: one a thread, not one a value.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// What the header says beside codec, schema and length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    pub tags: Tags,
    pub cost_us: u32,
    pub created_ms: u64,
    pub fresh_ms: u64,
    pub stale_ms: u64,
    pub version: u64,
    pub clear_epoch: u64,
    pub clear_head: u64,
}

/// What an entry in Redis says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content<V> {
    Value(V),
    Absent,
    Removed,
}

/// Makes the bytes for Redis. Values whose encoding is longer than `max_bytes` are refused.
pub(crate) fn encode<V: Value>(
    content: &Content<&V>,
    facts: &Facts,
    compress_over: usize,
    max_bytes: usize,
) -> Result<Vec<u8>, CodecError> {
    let (kind, raw) = match content {
        Content::Value(value) => (Kind::Value, value.encode()?),
        Content::Absent => (Kind::Absent, Vec::new()),
        Content::Removed => (Kind::Removed, Vec::new()),
    };
    let too_long = || CodecError::new(format!("{} bytes are more than {max_bytes}", raw.len()));
    if raw.len() > max_bytes {
        return Err(too_long());
    }
    let packed = if raw.len() > compress_over { compress(&raw) } else { None };
    let (codec, payload) = match &packed {
        Some(packed) if packed.len() < raw.len() => (Codec::Zstd, packed.as_slice()),
        _ => (Codec::Raw, raw.as_slice()),
    };
    let header = Header {
        codec,
        kind,
        schema: V::SCHEMA,
        raw_len: u32::try_from(raw.len()).map_err(|_| too_long())?,
        cost_us: facts.cost_us,
        created_ms: facts.created_ms,
        fresh_ms: facts.fresh_ms,
        stale_ms: facts.stale_ms,
        version: facts.version,
        clear_epoch: facts.clear_epoch,
        clear_head: facts.clear_head,
    };
    header.frame(&facts.tags.to_bytes(), payload).ok_or_else(too_long)
}

/// Reads bytes from Redis. Never panics and never allocates more than `max_bytes` for the value's encoding.
pub(crate) fn decode<V: Value>(bytes: &[u8], max_bytes: usize) -> Result<(Content<V>, Facts), Invalid> {
    let (header, tags, payload) = Header::parse(bytes, V::SCHEMA)?;
    let raw_len = usize::try_from(header.raw_len).map_err(|_| Invalid::Oversized)?;
    if raw_len > max_bytes {
        return Err(Invalid::Oversized);
    }
    let max_life = crate::clock::millis(MAX_LIFE);
    if header.stale_ms > max_life || header.fresh_ms > header.stale_ms {
        return Err(Invalid::Format);
    }
    let facts = Facts {
        tags: Tags::from_bytes(tags).ok_or(Invalid::Format)?,
        cost_us: header.cost_us,
        created_ms: header.created_ms,
        fresh_ms: header.fresh_ms,
        stale_ms: header.stale_ms,
        version: header.version,
        clear_epoch: header.clear_epoch,
        clear_head: header.clear_head,
    };
    let content = match header.kind {
        Kind::Absent => Content::Absent,
        Kind::Removed => Content::Removed,
        Kind::Value => Content::Value(unpack(header.codec, payload, raw_len)?),
    };
    Ok((content, facts))
}

fn unpack<V: Value>(codec: Codec, payload: &[u8], raw_len: usize) -> Result<V, Invalid> {
    let unpacked;
    let raw = match codec {
        Codec::Raw => payload,
        Codec::Zstd => {
            unpacked = decompress(payload, raw_len).ok_or(Invalid::Payload)?;
            &unpacked
        }
    };
    if raw.len() != raw_len {
        return Err(Invalid::Payload);
    }
    V::decode(raw).map_err(|_| Invalid::Payload)
}

/// `None` when zstd fails: the value is then stored raw.
fn compress(raw: &[u8]) -> Option<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|slot| {
        if slot.is_none() {
            *slot = Compressor::new(LEVEL).ok();
        }
        slot.as_mut()?.compress(raw).ok()
    })
}

fn decompress(packed: &[u8], raw_len: usize) -> Option<Vec<u8>> {
    DECOMPRESSOR.with_borrow_mut(|slot| {
        if slot.is_none() {
            *slot = Decompressor::new().ok();
        }
        slot.as_mut()?.decompress(packed, raw_len).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{from_postcard, to_postcard};
    use crate::header::LEN;

    #[derive(Debug, PartialEq, Clone)]
    struct Series(Vec<f64>);

    impl Value for Series {
        const SCHEMA: u16 = 3;
        fn encode(&self) -> Result<Vec<u8>, CodecError> {
            to_postcard(&self.0)
        }
        fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
            from_postcard(bytes).map(Self)
        }
        fn weight(&self) -> usize {
            size_of::<Self>() + self.0.capacity() * size_of::<f64>()
        }
    }

    struct OtherSchema;

    impl Value for OtherSchema {
        const SCHEMA: u16 = 4;
        fn encode(&self) -> Result<Vec<u8>, CodecError> {
            Ok(Vec::new())
        }
        fn decode(_: &[u8]) -> Result<Self, CodecError> {
            Ok(Self)
        }
        fn weight(&self) -> usize {
            0
        }
    }

    const MAX: usize = 1 << 20;

    fn facts() -> Facts {
        Facts {
            tags: Tags::default(),
            cost_us: 1,
            created_ms: 2,
            fresh_ms: 3,
            stale_ms: 4,
            version: u64::MAX - 1,
            clear_epoch: 1 << 63,
            clear_head: 7,
        }
    }

    fn series(n: u32) -> Series {
        Series((0..n).map(|i| 4_000.0 + f64::from(i % 17) * 0.25).collect())
    }

    #[test]
    fn round_trips_raw_and_packed() {
        for (n, packed) in [(0, false), (10, false), (1_000, true)] {
            let bytes = encode(&Content::Value(&series(n)), &facts(), 1_000, MAX).expect("encodes");
            assert_eq!(bytes[5] == 1, packed, "codec of {n} values");
            assert_eq!(decode::<Series>(&bytes, MAX), Ok((Content::Value(series(n)), facts())));
        }
    }

    #[test]
    fn the_layout_is_the_documented_one() {
        let bytes = encode(&Content::Value(&series(1)), &facts(), 1_000, MAX).expect("encodes");
        assert_eq!(&bytes[..12], b"TDMK\x01\x00\x00\x03\x00\x00\x00\x00");
        assert_eq!(bytes[12..16], 9u32.to_be_bytes(), "raw length");
        assert_eq!(bytes[16..20], 9u32.to_be_bytes(), "payload length");
        assert_eq!(bytes[20..24], 1u32.to_be_bytes(), "cost");
        let numbers = [2u64, 3, 4, u64::MAX - 1, 1 << 63, 7];
        for (i, number) in numbers.into_iter().enumerate() {
            assert_eq!(bytes[24 + 8 * i..32 + 8 * i], number.to_be_bytes(), "number {i}");
        }
        assert_eq!(bytes.len(), LEN + 9);
    }

    #[test]
    fn tags_absences_and_tombstones_round_trip() {
        let tags = Tags::new(vec!["coin:BTC".into(), "x".into()]).expect("good tags");
        let facts = Facts { tags, ..facts() };
        let bytes = encode(&Content::Value(&series(400)), &facts, 1_000, MAX).expect("encodes");
        assert_eq!(decode::<Series>(&bytes, MAX), Ok((Content::Value(series(400)), facts.clone())));
        assert_eq!(bytes[10..12], 11u16.to_be_bytes(), "length of the tags");
        for (flag, content, back) in
            [(1, Content::Absent, Content::Absent), (2, Content::Removed, Content::Removed)]
        {
            let bytes = encode::<Series>(&content, &facts, 1_000, MAX).expect("encodes");
            assert_eq!(bytes[8..10], u16::to_be_bytes(flag));
            assert_eq!(decode::<Series>(&bytes, MAX), Ok((back, facts.clone())));
        }
    }

    #[test]
    fn refuses_what_is_too_large_both_ways() {
        assert!(encode(&Content::Value(&series(1_000)), &facts(), 0, 100).is_err());
        let bytes = encode(&Content::Value(&series(1_000)), &facts(), 0, MAX).expect("encodes");
        assert_eq!(decode::<Series>(&bytes, 100), Err(Invalid::Oversized));
    }

    #[test]
    fn another_schema_is_told_apart() {
        let bytes = encode(&Content::Value(&series(5)), &facts(), 1_000, MAX).expect("encodes");
        assert_eq!(decode::<OtherSchema>(&bytes, MAX).err(), Some(Invalid::Schema));
    }

    #[test]
    fn no_flipped_bit_and_no_cut_goes_unnoticed() {
        for n in [3, 400] {
            let good = encode(&Content::Value(&series(n)), &facts(), 1_000, MAX).expect("encodes");
            for at in 0..good.len() {
                let mut bad = good.clone();
                bad[at] ^= 1 << (at % 8);
                assert!(decode::<Series>(&bad, MAX).is_err(), "flip at {at}");
                assert!(decode::<Series>(&good[..at], MAX).is_err(), "cut at {at}");
            }
        }
    }

    #[test]
    fn random_bytes_behind_a_true_checksum_never_panic() {
        let mut random = fastrand::Rng::with_seed(11);
        for round in 0..20_000u32 {
            let len = random.usize(0..200);
            let payload: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(len).collect();
            let header = Header {
                codec: if random.bool() { Codec::Zstd } else { Codec::Raw },
                kind: if random.u8(..) == 0 { Kind::Absent } else { Kind::Value },
                schema: Series::SCHEMA,
                raw_len: if random.bool() { random.u32(..) } else { random.u32(..1_000) },
                cost_us: random.u32(..),
                created_ms: random.u64(..),
                fresh_ms: random.u64(..10),
                stale_ms: random.u64(..20),
                version: random.u64(..),
                clear_epoch: random.u64(..),
                clear_head: random.u64(..),
            };
            let tags = if random.bool() { &b"\x01t"[..] } else { b"" };
            let bytes = header.frame(tags, &payload).expect("short enough");
            // Most are refused; those that are not decode to what their payload says.
            if let Ok((Content::Value(value), _)) = decode::<Series>(&bytes, MAX) {
                assert!(value.0.len() <= len, "round {round}");
            }
            let _ = decode::<Series>(&payload, MAX);
        }
    }
}
