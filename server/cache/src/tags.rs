//! Tags: names that an entry carries so that one clear covers all that carry it.

use std::sync::Arc;

/// Tags of an entry at most.
pub const MAX_TAGS: usize = 16;
/// The longest tag in bytes.
pub const MAX_TAG_BYTES: usize = 64;

/// Tags that an entry cannot carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// More than [`MAX_TAGS`]: so many.
    #[error("{0} tags are more than {MAX_TAGS}")]
    TooMany(usize),
    /// One of them cannot be a tag.
    #[error(transparent)]
    Tag(#[from] BadTag),
}

/// A text that cannot be a tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadTag {
    /// It is empty, or longer than [`MAX_TAG_BYTES`].
    #[error("tag `{}` must have 1 to {MAX_TAG_BYTES} bytes", .0.escape_debug())]
    Length(String),
    /// It has spaces or control characters.
    #[error("tag `{}` must not have spaces or control characters", .0.escape_debug())]
    Characters(String),
}

/// The tags of an entry. Most have none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tags(Option<Arc<[Box<str>]>>);

impl Tags {
    /// Checks and keeps `tags`. The error says which one does not fit.
    pub fn new(tags: Vec<String>) -> Result<Self, TagError> {
        if tags.is_empty() {
            return Ok(Self(None));
        }
        if tags.len() > MAX_TAGS {
            return Err(TagError::TooMany(tags.len()));
        }
        for tag in &tags {
            check(tag)?;
        }
        Ok(Self(Some(tags.into_iter().map(String::into_boxed_str).collect())))
    }

    pub fn contains(&self, tag: &str) -> bool {
        self.iter().any(|t| t == tag)
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|tags| tags.iter().map(AsRef::as_ref))
    }

    /// Bytes on the heap.
    pub fn weight(&self) -> usize {
        self.iter().map(|tag| tag.len() + size_of::<Box<str>>()).sum()
    }

    /// One byte of length and the bytes of each, one after the other. At most 16 × 65 bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for tag in self.iter() {
            // Checked when they were made.
            out.push(u8::try_from(tag.len()).unwrap_or(0));
            out.extend_from_slice(tag.as_bytes());
        }
        out
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote. `None` for anything else.
    pub fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let mut tags = Vec::new();
        while let Some((len, rest)) = bytes.split_first() {
            let (tag, rest) = rest.split_at_checked(usize::from(*len))?;
            tags.push(String::from_utf8(tag.to_vec()).ok()?);
            bytes = rest;
        }
        Self::new(tags).ok()
    }
}

/// Whether `tag` can be one: 1 to 64 bytes, no control characters and no spaces.
pub(crate) fn check(tag: &str) -> Result<(), BadTag> {
    if tag.is_empty() || tag.len() > MAX_TAG_BYTES {
        return Err(BadTag::Length(tag.to_owned()));
    }
    if tag.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(BadTag::Characters(tag.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_round_trip_and_nonsense_is_refused() {
        for tags in [vec![], vec!["a".to_owned()], vec!["coin:BTC".to_owned(), "é".to_owned()]] {
            let tags = Tags::new(tags).expect("good tags");
            assert_eq!(Tags::from_bytes(&tags.to_bytes()), Some(tags));
        }
        for bytes in [&b"\x05ab"[..], b"\x00", b"\x01\xff", b"\x01 "] {
            assert_eq!(Tags::from_bytes(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn a_bad_tag_is_named() {
        let refusal = |tags: &[&str]| {
            Tags::new(tags.iter().map(|t| (*t).to_owned()).collect()).expect_err("refused").to_string()
        };
        assert!(refusal(&["ok", "a b"]).contains("a b"));
        assert!(refusal(&[""]).contains("1 to 64"));
        assert!(refusal(&["x"; 17]).contains("more than 16"));
        assert!(refusal(&[&"x".repeat(65)]).contains("64 bytes"));
    }
}
