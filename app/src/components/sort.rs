//! Sorting of the price table.

use std::cmp::Ordering;

/// A column that the table can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKey {
    /// Whether it is on the watchlist.
    Watch,
    /// Rank by market cap.
    Rank,
    /// Name of the coin.
    Coin,
    /// Latest price.
    Price,
    /// Change over an hour.
    Hour,
    /// Change over 24 hours.
    Day,
    /// Change over seven days.
    Week,
    /// Where the price stands between the day's low and high.
    Range,
    /// Value traded in 24 hours.
    Volume,
    /// Price times supply.
    Cap,
    /// The line of seven days: by its change, as [`Week`](Self::Week).
    Line,
}

impl SortKey {
    const ALL: [Self; 11] = [
        Self::Watch,
        Self::Rank,
        Self::Coin,
        Self::Price,
        Self::Hour,
        Self::Day,
        Self::Week,
        Self::Range,
        Self::Volume,
        Self::Cap,
        Self::Line,
    ];

    /// The text in the URL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Watch => "watch",
            Self::Rank => "rank",
            Self::Coin => "coin",
            Self::Price => "price",
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Range => "range",
            Self::Volume => "volume",
            Self::Cap => "cap",
            Self::Line => "line",
        }
    }

    /// Whether a first click sorts upwards: names and ranks, not amounts.
    const fn first_ascending(self) -> bool {
        matches!(self, Self::Rank | Self::Coin)
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
        Self { key: SortKey::Cap, ascending: false }
    }
}

impl Sort {
    /// From the text in the URL: the column, after a minus if the largest comes first. None of an unknown one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (name, ascending) = text.strip_prefix('-').map_or((text, true), |name| (name, false));
        let key = SortKey::ALL.into_iter().find(|key| key.as_str() == name)?;
        Some(Self { key, ascending })
    }

    /// The text in the URL.
    #[must_use]
    pub fn to_text(self) -> String {
        format!("{}{}", if self.ascending { "" } else { "-" }, self.key.as_str())
    }

    /// What a click on this column's head sorts by: the other direction of the present column; otherwise names
    /// upwards, numbers downwards.
    #[must_use]
    pub fn after_click(self, key: SortKey) -> Self {
        let ascending = if self.key == key { !self.ascending } else { key.first_ascending() };
        Self { key, ascending }
    }

    /// The value of `aria-sort` on this column's head; none on the others.
    #[must_use]
    pub fn aria(self, key: SortKey) -> Option<&'static str> {
        (self.key == key).then_some(if self.ascending { "ascending" } else { "descending" })
    }

    /// Compares two figures in this sort's direction. What is not known comes last in both.
    #[must_use]
    pub fn compare(self, a: Option<f64>, b: Option<f64>) -> Ordering {
        match (a, b) {
            (Some(a), Some(b)) => self.direct(a.total_cmp(&b)),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
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

    #[test]
    fn comes_back_from_its_text() {
        for key in SortKey::ALL {
            for ascending in [true, false] {
                let sort = Sort { key, ascending };
                assert_eq!(Sort::parse(&sort.to_text()), Some(sort));
            }
        }
        for bad in ["", "-", "nope", "--cap", "CAP"] {
            assert_eq!(Sort::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_click_turns_the_present_column_round() {
        let sort = Sort::default();
        assert_eq!(sort.after_click(SortKey::Cap).to_text(), "cap");
        assert_eq!(sort.after_click(SortKey::Coin).to_text(), "coin");
        assert_eq!(sort.after_click(SortKey::Price).after_click(SortKey::Price).to_text(), "price");
    }

    #[test]
    fn what_is_not_known_comes_last_either_way() {
        for ascending in [true, false] {
            let sort = Sort { key: SortKey::Cap, ascending };
            assert_eq!(sort.compare(None, Some(1.0)), Ordering::Greater);
            assert_eq!(sort.compare(Some(1.0), None), Ordering::Less);
        }
    }
}
