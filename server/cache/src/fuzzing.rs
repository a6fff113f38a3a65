//! What reads bytes that others wrote, for the fuzz targets in `fuzz/`. No part of the library's interface.
//!
//! Each takes any input, must not panic, and checks that what it understood comes out again as it went in.

use crate::bus::Message;
use crate::clears::Mark;
use crate::codec::{CodecError, Value, from_postcard, to_postcard};
use crate::frame::{self, Content};
use crate::header;
use crate::key::{KeyText, entry_key, parse_entry_key};

/// A value with numbers, text and lengths in it.
#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Sample {
    number: u64,
    name: String,
    series: Vec<f64>,
}

impl Value for Sample {
    const SCHEMA: u16 = 7;

    fn encode(&self) -> Result<Vec<u8>, CodecError> {
        to_postcard(self)
    }

    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        from_postcard(bytes)
    }

    fn weight(&self) -> usize {
        size_of::<Self>() + self.name.capacity() + self.series.capacity() * size_of::<f64>()
    }
}

/// Encoded values of more bytes are refused.
const MAX_BYTES: usize = 1 << 16;

/// An entry as found in Redis. The checksum is put right in a copy, so that what is behind it is reached, too.
pub fn entry(bytes: &[u8]) {
    read_entry(bytes);
    let mut mended = bytes.to_vec();
    if mended.len() >= header::LEN {
        mended[..8].copy_from_slice(&header::start(Sample::SCHEMA));
        mended[5] = bytes[5] & 1;
        let payload = header::peek(&mended)
            .and_then(|peek| u32::try_from(mended.len().checked_sub(header::LEN + peek.tags_len)?).ok());
        if let Some(len) = payload {
            mended[16..20].copy_from_slice(&len.to_be_bytes());
        }
    }
    let there = Mark { epoch: 3, head: 4 };
    for changed in [header::marked(&mended, there), header::expired(&mended)].into_iter().flatten() {
        read_entry(&changed);
    }
}

fn read_entry(bytes: &[u8]) {
    let Ok((content, facts)) = frame::decode::<Sample>(bytes, MAX_BYTES) else { return };
    let same = match &content {
        Content::Value(value) => Content::Value(value),
        Content::Absent => Content::Absent,
        Content::Removed => Content::Removed,
    };
    // Not a number is unequal to itself: compared by its bytes.
    let raw = |content: &Content<Sample>| match content {
        Content::Value(value) => value.encode().ok(),
        Content::Absent | Content::Removed => None,
    };
    if let Ok(again) = frame::encode::<Sample>(&same, &facts, 1_000, MAX_BYTES) {
        let back = frame::decode::<Sample>(&again, MAX_BYTES).map(|(content, facts)| (raw(&content), facts));
        assert_eq!(back, Ok((raw(&content), facts)));
    }
}

/// A message of the bus.
pub fn message(bytes: &[u8]) {
    if let Some(message) = Message::from_bytes(bytes) {
        assert_eq!(Message::from_bytes(&message.to_bytes()), Some(message));
    }
}

/// The name of an entry in Redis, both ways: as a key that somebody put there, and as the text of a key of ours.
pub fn key(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = parse_entry_key("tm", text);
    let _ = parse_entry_key("tm", &format!("tm:e:c:{{{text}}}"));
    let name = entry_key("tm", "c", text);
    match parse_entry_key("tm", &name) {
        Some(("c", KeyText::Whole(whole))) => assert_eq!(whole, text),
        Some(("c", KeyText::Beginning(beginning))) => assert!(text.starts_with(&beginning), "{beginning}"),
        other => panic!("{name}: {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::Item;
    use crate::tags::Tags;

    /// Good ones, cut, lengthened and with bytes changed; and mere noise.
    fn around(good: &[u8], rounds: u32, check: fn(&[u8])) {
        let mut random = fastrand::Rng::with_seed(23);
        check(good);
        for _ in 0..rounds {
            let mut bytes = good.to_vec();
            for _ in 0..random.usize(1..5) {
                let at = random.usize(..bytes.len());
                bytes[at] = random.u8(..);
            }
            match random.u8(..8) {
                0 => bytes.truncate(random.usize(..bytes.len())),
                1 => bytes.extend_from_slice(good),
                2 => bytes.fill_with(|| random.u8(..)),
                _ => {}
            }
            check(&bytes);
        }
    }

    #[test]
    fn entries() {
        let facts = frame::Facts {
            tags: Tags::new(vec!["coin:BTC".into(), "x".into()]).expect("good tags"),
            cost_us: 1,
            created_ms: 2,
            fresh_ms: 3,
            stale_ms: 4,
            version: 5,
            clear_epoch: 6,
            clear_head: 7,
        };
        for len in [0, 300] {
            let value = Sample { number: 1, name: "é".into(), series: vec![1.5; len] };
            let good = frame::encode(&Content::Value(&value), &facts, 1_000, MAX_BYTES).expect("encodes");
            around(&good, 2_000, entry);
        }
        let absent = frame::encode::<Sample>(&Content::Absent, &facts, 1_000, MAX_BYTES).expect("encodes");
        around(&absent, 2_000, entry);
    }

    #[test]
    fn messages() {
        let (category, key) = ("charts".to_owned(), "BTC:1h é".to_owned());
        let items = vec![
            Item::Version { category: category.clone(), key: key.clone(), version: 9 },
            Item::Expired { category, key, version: 9 },
            Item::Clears,
            Item::Dropped,
            Item::Farewell,
        ];
        around(
            &Message { publisher: 1, epoch: 2, number: 3, owner: Some(4), items }.to_bytes(),
            10_000,
            message,
        );
    }

    #[test]
    fn keys() {
        let long = "é{}%# \n".repeat(60);
        for good in ["BTC:1h", "a{b}%#\n é", "%", "%zz", "tm:e:c:{a%7Bb%7D}", "tm:e:c:{x#y}", &long] {
            around(good.as_bytes(), 500, key);
        }
        // Any characters, not only bytes that happen to be text.
        let mut random = fastrand::Rng::with_seed(29);
        for _ in 0..2_000 {
            let text: String = std::iter::repeat_with(|| random.char(..)).take(12).collect();
            key(text.repeat(random.usize(1..20)).as_bytes());
        }
    }
}
