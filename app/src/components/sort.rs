//! Sorting of the price table, kept in the URL.

use std::cmp::Ordering;

use leptos_router::params::ParamsMap;

/// A column that the table can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKey {
    /// Name of the coin.
    Coin,
    /// Latest price.
    Price,
    /// Change over 24 hours.
    Day,
    /// Change over seven days.
    Week,
    /// Value traded in 24 hours.
    Volume,
}

impl SortKey {
    const ALL: [Self; 5] = [Self::Coin, Self::Price, Self::Day, Self::Week, Self::Volume];

    /// The text in the URL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Coin => "coin",
            Self::Price => "price",
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Volume => "volume",
        }
    }
}

/// A column and a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// By which column.
    pub key: SortKey,
    /// Smallest first.
    pub ascending: bool,
}

impl Default for Sort {
    fn default() -> Self {
        Self { key: SortKey::Volume, ascending: false }
    }
}

impl Sort {
    /// From `?sort=…&dir=asc|desc`. What is missing or unknown is the default.
    #[must_use]
    pub fn from_query(query: &ParamsMap) -> Self {
        let key = query.get_str("sort").and_then(|t| SortKey::ALL.into_iter().find(|k| k.as_str() == t));
        let key = key.unwrap_or(Self::default().key);
        let ascending = match query.get_str("dir") {
            Some("asc") => true,
            Some("desc") => false,
            _ => key == SortKey::Coin,
        };
        Self { key, ascending }
    }

    /// What a click on this column's head sorts by: the other direction of the present column; otherwise names
    /// upwards, numbers downwards.
    #[must_use]
    pub fn after_click(self, key: SortKey) -> Self {
        let ascending = if self.key == key { !self.ascending } else { key == SortKey::Coin };
        Self { key, ascending }
    }

    /// The link that sorts so.
    #[must_use]
    pub fn href(self) -> String {
        if self == Self::default() {
            return "/".to_owned();
        }
        format!("/?sort={}&dir={}", self.key.as_str(), if self.ascending { "asc" } else { "desc" })
    }

    /// The value of `aria-sort` on this column's head.
    #[must_use]
    pub fn aria(self, key: SortKey) -> &'static str {
        match (self.key == key, self.ascending) {
            (false, _) => "none",
            (true, true) => "ascending",
            (true, false) => "descending",
        }
    }

    /// Turns an ascending comparison into this sort's direction.
    #[must_use]
    pub fn direct(self, ascending: Ordering) -> Ordering {
        if self.ascending { ascending } else { ascending.reverse() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(pairs: &[(&'static str, &str)]) -> ParamsMap {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn unknown_words_fall_back() {
        assert_eq!(Sort::from_query(&query(&[("sort", "nope"), ("dir", "sideways")])), Sort::default());
        assert_eq!(
            Sort::from_query(&query(&[("sort", "coin")])),
            Sort { key: SortKey::Coin, ascending: true }
        );
    }

    #[test]
    fn a_click_turns_the_present_column_round() {
        let sort = Sort::default();
        assert_eq!(sort.after_click(SortKey::Volume).href(), "/?sort=volume&dir=asc");
        assert_eq!(sort.after_click(SortKey::Coin).href(), "/?sort=coin&dir=asc");
        assert_eq!(sort.after_click(SortKey::Price).after_click(SortKey::Volume).href(), "/");
    }
}
