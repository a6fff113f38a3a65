//! Ids of sessions.

use std::fmt;

use sha2::{Digest, Sha256};

/// Bytes of an id: 256 bits, from the system's random numbers.
const BYTES: usize = 32;

/// The id of a session, as the browser keeps it. It never shows in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionId(String);

/// The SHA-256 of an id: all that is kept of it here. An id of 256 random bits needs no slow hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct IdHash(pub(crate) [u8; 32]);

impl SessionId {
    /// A new one; none if the system gives no random numbers.
    pub(super) fn random() -> Option<Self> {
        use std::fmt::Write;

        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes).ok()?;
        let mut text = String::with_capacity(2 * BYTES);
        for byte in bytes {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        Some(Self(text))
    }

    /// An id that a cookie holds; none if it cannot be one of ours.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let ours = text.len() == 2 * BYTES && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        ours.then(|| Self(text.to_owned()))
    }

    /// What is kept of it.
    #[must_use]
    pub fn hash(&self) -> IdHash {
        IdHash(Sha256::digest(self.0.as_bytes()).into())
    }

    /// The text, for the cookie only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionId(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_only_such_are_taken() {
        let (one, two) = (SessionId::random().unwrap(), SessionId::random().unwrap());
        assert_ne!(one, two);
        assert!(one.hash() != two.hash());
        assert_eq!(SessionId::parse(one.expose()), Some(one.clone()));
        for bad in ["", "abc", &one.expose().to_uppercase(), &format!("{}0", one.expose()), &"g".repeat(64)] {
            assert_eq!(SessionId::parse(bad), None, "{bad}");
        }
        assert_eq!(format!("{one:?}"), "SessionId(…)");
    }
}
