//! Keys: what a caller looks values up by, and what Redis sees of them.

use std::fmt::{Display, Write as _};
use std::hash::Hash;

use sha2::{Digest, Sha256};

/// What values are looked up by. Any small, cheaply cloned, displayable type will do.
///
/// L1 hashes and compares the key itself, so that a hit formats nothing. The text of `Display` names the entry in Redis
/// and in clears: two different keys must have different texts.
pub trait Key: Hash + Eq + Clone + Display + Send + Sync + 'static {}

impl<T: Hash + Eq + Clone + Display + Send + Sync + 'static> Key for T {}

/// Escaped key texts longer than this are shortened to a beginning and a hash.
const MAX_TEXT: usize = 200;
/// How much of a long key stays readable.
const KEPT_TEXT: usize = 96;

/// Whether `name` may be used as a category or namespace: `[a-z0-9_-]{1,32}`.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
}

/// The Redis key of an entry: `{ns}:e:{category}:{<key text>}`, the last braces literal.
///
/// The braces make the text the hash tag: what is later kept beside an entry lands in the same cluster slot.
/// The text is percent-escaped to printable ASCII without `%`, `#`, `{` and `}`; an empty one is a lone `%`; a long one
/// is its first 96 escaped bytes, `#`, and the SHA-256 of the whole text in hex.
pub(crate) fn entry_key(namespace: &str, category: &str, text: &str) -> String {
    key_of_kind(namespace, "e", category, text)
}

/// The Redis key of a lease on the load of an entry: the entry's with `l` for `e`, so in the same slot.
pub(crate) fn lease_key(namespace: &str, category: &str, text: &str) -> String {
    key_of_kind(namespace, "l", category, text)
}

/// The category and, unless it was shortened, the key text of an entry's Redis key. `None` for other keys.
pub(crate) fn parse_entry_key<'a>(namespace: &str, key: &'a str) -> Option<(&'a str, KeyText)> {
    let rest = key.strip_prefix(namespace)?.strip_prefix(":e:")?;
    let (category, text) = rest.split_once(":{")?;
    let text = text.strip_suffix('}')?;
    if !is_name(category) {
        return None;
    }
    if text == "%" {
        return Some((category, KeyText::Whole(String::new())));
    }
    Some(match text.split_once('#') {
        // An escape may have been cut in two.
        Some((kept, _)) => {
            let whole =
                kept.len() - kept.bytes().rev().take(2).position(|b| b == b'%').map_or(0, |at| at + 1);
            (category, KeyText::Beginning(unescape(&kept[..whole])?))
        }
        None => (category, KeyText::Whole(unescape(text)?)),
    })
}

/// What a Redis key tells of a key's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeyText {
    /// All of it.
    Whole(String),
    /// How it begins: the rest is a hash.
    Beginning(String),
}

fn unescape(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digit = |b: u8| char::from(b).to_digit(16);
            let (high, low) = (digit(bytes.next()?)?, digit(bytes.next()?)?);
            out.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            out.push(byte);
        }
    }
    // A character may have been cut in two.
    Some(String::from_utf8_lossy(&out).trim_end_matches('\u{fffd}').to_owned())
}

fn key_of_kind(namespace: &str, kind: &str, category: &str, text: &str) -> String {
    let mut out = String::with_capacity(namespace.len() + category.len() + text.len() + 8);
    out.push_str(namespace);
    out.push(':');
    out.push_str(kind);
    out.push(':');
    out.push_str(category);
    out.push_str(":{");
    let start = out.len();
    if text.is_empty() {
        out.push('%');
    }
    for byte in text.bytes() {
        match byte {
            b'%' | b'#' | b'{' | b'}' => push_escaped(&mut out, byte),
            0x21..=0x7e => out.push(char::from(byte)),
            _ => push_escaped(&mut out, byte),
        }
    }
    if out.len() - start > MAX_TEXT {
        out.truncate(start + KEPT_TEXT);
        out.push('#');
        for byte in Sha256::digest(text.as_bytes()) {
            push_hex(&mut out, byte);
        }
    }
    out.push('}');
    out
}

fn push_escaped(out: &mut String, byte: u8) {
    out.push('%');
    push_hex(out, byte);
}

fn push_hex(out: &mut String, byte: u8) {
    // Writing to a String cannot fail.
    let _ = write!(out, "{byte:02X}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn plain_text_stays_readable() {
        assert_eq!(entry_key("tm", "charts", "BTC:1h"), "tm:e:charts:{BTC:1h}");
    }

    #[test]
    fn braces_spaces_and_control_characters_are_escaped() {
        assert_eq!(entry_key("tm", "c", "a{b}%#\n é"), "tm:e:c:{a%7Bb%7D%25%23%0A%20%C3%A9}");
    }

    #[test]
    fn different_texts_never_share_a_key() {
        let long = "x".repeat(300);
        let hashed = entry_key("tm", "c", &long);
        let inner = hashed.trim_start_matches("tm:e:c:{").trim_end_matches('}').to_owned();
        let texts = ["", "%", "\0", "#", "{", "}", "{}", "%00", "a", "A", &long, &format!("{long}y"), &inner];
        let keys: HashSet<String> = texts.iter().map(|t| entry_key("tm", "c", t)).collect();
        assert_eq!(keys.len(), texts.len());
        for key in keys {
            assert!(key.len() <= MAX_TEXT + 16, "{key} is too long");
            assert_eq!(key.matches('{').count(), 1);
            assert!(!key.contains("{}"), "an empty hash tag would be ignored by a cluster");
        }
    }

    #[test]
    fn keys_are_read_back() {
        let back = |text: &str| {
            let key = entry_key("tm", "charts", text);
            let (category, text) = parse_entry_key("tm", &key).expect("an entry's key");
            (category.to_owned(), text)
        };
        for text in ["", "BTC:1h", "a{b}%#\n é", "%", "x y"] {
            assert_eq!(back(text), ("charts".to_owned(), KeyText::Whole(text.to_owned())));
        }
        for long in ["x".repeat(300), "é".repeat(300), format!("{}{}", "x".repeat(95), "é".repeat(100))] {
            let (_, KeyText::Beginning(kept)) = back(&long) else { panic!("not shortened") };
            assert!(long.starts_with(&kept) && kept.chars().count() >= 15, "{kept}");
        }
        for other in ["tm:clears", "tm:l:charts:{x}", "tm:e:charts:x", "tm:e:Charts:{x}", "xx:e:charts:{x}"] {
            assert_eq!(parse_entry_key("tm", other), None);
        }
        assert_eq!(lease_key("tm", "charts", "BTC"), "tm:l:charts:{BTC}");
    }

    #[test]
    fn names_are_checked() {
        for good in ["prices", "a", "x-1_y"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "Prices", "a:b", "a b", "a{", &"x".repeat(33)] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
