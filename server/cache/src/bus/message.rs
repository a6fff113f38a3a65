//! A message of the bus, byte by byte. Numbers are big-endian.
//!
//! | bytes | field |
//! |---|---|
//! | 3 | `TB` and format, 1 |
//! | 8 | publisher: random, drawn when the cache is built |
//! | 8 | epoch: random, drawn anew when the publisher lost count |
//! | 8 | number of this message in the epoch; a heartbeat repeats the last one |
//! | then items | kind, 1 byte, and what follows it |
//!
//! | kind | follows | means |
//! |---|---|---|
//! | 1 | category (length 1, bytes), key text (length 2, bytes), version 8 | this version was written |
//! | 2 | category, key text, version 8 | the soft life of this version is over |
//! | 3 | nothing | the clear log changed |
//! | 4 | nothing | announcements were dropped: whatever is held may be old |
//! | 5 | nothing | farewell: no more will come |
//! | 6 | hash of the installation, 8 | who is of another one leaves the message alone |

/// What is announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    /// A version was written.
    Version { category: String, key: String, version: u64 },
    /// The soft life of a version was ended.
    Expired { category: String, key: String, version: u64 },
    /// The clear log changed.
    Clears,
    /// Announcements were dropped.
    Dropped,
    /// No more will come.
    Farewell,
}

/// Items of one message. A heartbeat has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub publisher: u64,
    pub epoch: u64,
    pub number: u64,
    /// The hash of the installation that it is of, if that is known.
    pub owner: Option<u64>,
    pub items: Vec<Item>,
}

const START: [u8; 3] = *b"TB\x01";
/// Bytes before the items.
const HEAD: usize = 27;

impl Message {
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEAD + self.items.len() * 40);
        out.extend_from_slice(&START);
        for number in [self.publisher, self.epoch, self.number] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        for item in &self.items {
            match item {
                Item::Version { category, key, version } => push(&mut out, 1, category, key, *version),
                Item::Expired { category, key, version } => push(&mut out, 2, category, key, *version),
                Item::Clears => out.push(3),
                Item::Dropped => out.push(4),
                Item::Farewell => out.push(5),
            }
        }
        if let Some(owner) = self.owner {
            out.push(6);
            out.extend_from_slice(&owner.to_be_bytes());
        }
        out
    }

    /// Reads a message. `None` for anything that is none. An item of a later release stands for dropped ones: what it
    /// said is not known.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(&START)?;
        let (publisher, epoch, number) = (take_u64(&mut rest)?, take_u64(&mut rest)?, take_u64(&mut rest)?);
        let (mut items, mut owner) = (Vec::new(), None);
        while let Some((kind, after)) = rest.split_first() {
            rest = after;
            items.push(match kind {
                1 | 2 => {
                    let (category, key) = (take_text(&mut rest, 1)?, take_text(&mut rest, 2)?);
                    let version = take_u64(&mut rest)?;
                    if *kind == 1 {
                        Item::Version { category, key, version }
                    } else {
                        Item::Expired { category, key, version }
                    }
                }
                3 => Item::Clears,
                4 => Item::Dropped,
                5 => Item::Farewell,
                6 => {
                    owner = Some(take_u64(&mut rest)?);
                    continue;
                }
                _ => {
                    items.push(Item::Dropped);
                    break;
                }
            });
        }
        Some(Self { publisher, epoch, number, owner, items })
    }
}

/// The longest key text that can be announced by name.
pub(crate) const MAX_KEY: usize = u16::MAX as usize;

fn push(out: &mut Vec<u8>, kind: u8, category: &str, key: &str, version: u64) {
    // Category names have at most 32 bytes; who queues an item has checked the key.
    let (Ok(category_len), Ok(key_len)) = (u8::try_from(category.len()), u16::try_from(key.len())) else {
        return;
    };
    out.push(kind);
    out.push(category_len);
    out.extend_from_slice(category.as_bytes());
    out.extend_from_slice(&key_len.to_be_bytes());
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(&version.to_be_bytes());
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(len)?;
    *rest = after;
    Some(taken)
}

fn take_u64(rest: &mut &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(take(rest, 8)?.try_into().ok()?))
}

/// A text behind its length of `width` bytes.
fn take_text(rest: &mut &[u8], width: usize) -> Option<String> {
    let len = take(rest, width)?.iter().fold(0, |len, byte| len << 8 | usize::from(*byte));
    String::from_utf8(take(rest, len)?.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Message {
        let (category, key) = ("charts".to_owned(), "BTC:1h é".to_owned());
        Message {
            publisher: 7,
            epoch: u64::MAX,
            number: 1 << 40,
            owner: None,
            items: vec![
                Item::Version { category: category.clone(), key: key.clone(), version: u64::MAX - 1 },
                Item::Clears,
                Item::Expired { category, key, version: 3 },
                Item::Dropped,
                Item::Farewell,
            ],
        }
    }

    #[test]
    fn round_trips() {
        assert_eq!(Message::from_bytes(&sample().to_bytes()), Some(sample()));
        let owned = Message { owner: Some(9), ..sample() };
        assert_eq!(Message::from_bytes(&owned.to_bytes()), Some(owned));
        let heartbeat = Message { items: Vec::new(), ..sample() };
        assert_eq!(heartbeat.to_bytes().len(), HEAD);
        assert_eq!(Message::from_bytes(&heartbeat.to_bytes()), Some(heartbeat));
    }

    #[test]
    fn an_item_of_a_later_release_counts_as_dropped_ones() {
        let mut bytes = Message { items: vec![Item::Clears], ..sample() }.to_bytes();
        bytes.extend_from_slice(&[99, 1, 2, 3]);
        let read = Message::from_bytes(&bytes).expect("reads");
        assert_eq!(read.items, [Item::Clears, Item::Dropped]);
    }

    #[test]
    fn cut_and_random_bytes_never_panic() {
        let good = sample().to_bytes();
        for end in 0..HEAD {
            assert_eq!(Message::from_bytes(&good[..end]), None);
        }
        let mut random = fastrand::Rng::with_seed(5);
        for _ in 0..20_000 {
            let mut bytes = good.clone();
            bytes.truncate(random.usize(HEAD..=good.len()));
            for _ in 0..3 {
                let at = random.usize(..bytes.len());
                bytes[at] = random.u8(..);
            }
            let _ = Message::from_bytes(&bytes);
        }
    }
}
