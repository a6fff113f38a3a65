//! What a clear covers.

use std::fmt;

use crate::key::is_name;
use crate::tags::{BadTag, Tags};

/// What a clear covers. Prefixes and keys are matched on the full name of an entry, `category:key text`, byte by byte.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Every entry.
    All,
    /// The entries of one category.
    Category(String),
    /// The entries whose full name begins so: `charts:BTC`.
    Prefix(String),
    /// The entry of this full name: `charts:BTC:1h`.
    Key(String),
    /// The entries that carry this tag, of whatever category.
    Tag(String),
}

/// The longest text of a scope in bytes.
pub const MAX_SCOPE_TEXT: usize = 1_024;

/// A scope that cannot be recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadScope {
    /// Its text is longer than [`MAX_SCOPE_TEXT`]: so many bytes.
    #[error("{0} bytes are more than {MAX_SCOPE_TEXT}")]
    TooLong(usize),
    /// No category can have this name.
    #[error("`{}` is no category name", .0.escape_debug())]
    Category(String),
    /// Nothing can carry this tag.
    #[error(transparent)]
    Tag(#[from] BadTag),
}

impl Scope {
    /// Whether it can be recorded.
    pub(crate) fn check(&self) -> Result<(), BadScope> {
        let text = self.text();
        if text.len() > MAX_SCOPE_TEXT {
            return Err(BadScope::TooLong(text.len()));
        }
        match self {
            Self::Category(name) if !is_name(name) => Err(BadScope::Category(name.clone())),
            Self::Tag(tag) => Ok(crate::tags::check(tag)?),
            _ => Ok(()),
        }
    }

    /// The word for the kind in the stored log.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Category(_) => "category",
            Self::Prefix(_) => "prefix",
            Self::Key(_) => "key",
            Self::Tag(_) => "tag",
        }
    }

    /// The text beside the kind; empty for all.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::All => "",
            Self::Category(text) | Self::Prefix(text) | Self::Key(text) | Self::Tag(text) => text,
        }
    }

    /// Reads what [`kind`](Self::kind) and [`text`](Self::text) gave. A kind of a later release covers everything: to
    /// clear too much is safe, to clear too little is not.
    pub(crate) fn from_stored(kind: &str, text: &str) -> Self {
        match kind {
            "category" => Self::Category(text.to_owned()),
            "prefix" => Self::Prefix(text.to_owned()),
            "key" => Self::Key(text.to_owned()),
            "tag" => Self::Tag(text.to_owned()),
            _ => Self::All,
        }
    }

    /// Whether the entry `category:key` with these tags is covered.
    pub(crate) fn covers(&self, category: &str, key: &str, tags: &Tags) -> bool {
        match self {
            Self::All => true,
            Self::Category(name) => name == category,
            Self::Prefix(prefix) => match prefix.strip_prefix(category) {
                Some(rest) => rest.is_empty() || rest.strip_prefix(':').is_some_and(|p| key.starts_with(p)),
                None => category.starts_with(prefix.as_str()),
            },
            Self::Key(name) => name
                .strip_prefix(category)
                .and_then(|rest| rest.strip_prefix(':'))
                .is_some_and(|rest| rest == key),
            Self::Tag(tag) => tags.contains(tag),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            other => write!(f, "{} {}", other.kind(), other.text()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covers_what_it_says() {
        let covers = |scope: &Scope, name: &str| {
            let (category, key) = name.split_once(':').expect("a full name");
            scope.covers(category, key, &Tags::default())
        };
        let prefix = |p: &str| Scope::Prefix(p.into());
        assert!(covers(&Scope::All, "a:b"));
        assert!(covers(&Scope::Category("charts".into()), "charts:x"));
        assert!(!covers(&Scope::Category("chart".into()), "charts:x"));
        for name in ["charts:BTC:1h", "charts:", "charts:x"] {
            for end in 0..=name.len() {
                assert!(covers(&prefix(&name[..end]), name), "{} of {name}", &name[..end]);
            }
            assert!(covers(&Scope::Key(name.into()), name));
            assert!(!covers(&Scope::Key(format!("{name}y")), name));
            assert!(!covers(&prefix(&format!("{name}y")), name));
        }
        assert!(!covers(&prefix("charts:BTC"), "charts-old:BTC"));
        assert!(!covers(&Scope::Key("charts".into()), "charts:"));
    }

    #[test]
    fn a_tag_covers_what_carries_it() {
        let tags = Tags::new(vec!["coin:BTC".into()]).expect("a tag");
        assert!(Scope::Tag("coin:BTC".into()).covers("c", "k", &tags));
        assert!(!Scope::Tag("coin:ETH".into()).covers("c", "k", &tags));
        assert!(!Scope::Tag("coin:BTC".into()).covers("c", "k", &Tags::default()));
    }

    #[test]
    fn stored_kinds_come_back() {
        for scope in [
            Scope::All,
            Scope::Category("c".into()),
            Scope::Prefix("c:p".into()),
            Scope::Key("c:k v".into()),
            Scope::Tag("coin:BTC".into()),
        ] {
            assert_eq!(Scope::from_stored(scope.kind(), scope.text()), scope);
        }
        assert_eq!(Scope::from_stored("of a later release", "x"), Scope::All);
    }
}
