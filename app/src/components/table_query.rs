//! What the price table shows, as the address has it: order, words searched for, choice of coins.

use leptos_router::params::ParamsMap;
use model::Symbol;

use super::Sort;
use crate::query::query_string;

/// Rows of a table that was not asked for all.
pub const FIRST_ROWS: usize = 100;
/// The longest text that is searched for, characters.
const LONGEST: usize = 60;

/// Which coins are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    /// All.
    #[default]
    All,
    /// Those with a star.
    Watchlist,
    /// Those that have risen in 24 hours.
    Gainers,
    /// Those that have fallen.
    Losers,
}

impl Shown {
    /// All of them, in the order of the chips.
    pub const ALL: [Self; 4] = [Self::All, Self::Watchlist, Self::Gainers, Self::Losers];

    /// The text in the URL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Watchlist => "watchlist",
            Self::Gainers => "gainers",
            Self::Losers => "losers",
        }
    }
}

/// The state of the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableQuery {
    /// Order of the rows.
    pub sort: Sort,
    /// Text that names or symbols must hold, trimmed; empty for any.
    pub text: String,
    /// Choice of coins.
    pub shown: Shown,
    /// Whether more than the first rows are shown.
    pub every: bool,
}

impl TableQuery {
    /// From `?sort=-cap&q=bit&show=gainers&rows=all`. What is missing or unknown is the default.
    #[must_use]
    pub fn from_query(query: &ParamsMap) -> Self {
        let of = |name| query.get_str(name).unwrap_or_default();
        Self::from_texts(of("sort"), of("q"), of("show"), of("rows"))
    }

    /// From the values of `sort`, `q`, `show` and `rows`.
    #[must_use]
    pub fn from_texts(sort: &str, text: &str, shown: &str, rows: &str) -> Self {
        Self {
            sort: Sort::parse(sort).unwrap_or_default(),
            text: text.trim().chars().take(LONGEST).collect(),
            shown: Shown::ALL.into_iter().find(|each| each.as_str() == shown).unwrap_or_default(),
            every: rows == "all",
        }
    }

    /// How many rows are shown at most.
    #[must_use]
    pub const fn most_rows(&self) -> usize {
        if self.every { usize::MAX } else { FIRST_ROWS }
    }

    /// The parameters that say the same; what is the default is left out.
    #[must_use]
    pub fn parameters(&self) -> Vec<(&'static str, String)> {
        let mut all = Vec::new();
        if self.sort != Sort::default() {
            all.push(("sort", self.sort.to_text()));
        }
        if !self.text.is_empty() {
            all.push(("q", self.text.clone()));
        }
        if self.shown != Shown::All {
            all.push(("show", self.shown.as_str().to_owned()));
        }
        if self.every {
            all.push(("rows", "all".to_owned()));
        }
        all
    }

    /// The address of this state.
    #[must_use]
    pub fn href(&self) -> String {
        let parameters = self.parameters();
        format!("/{}", query_string(parameters.iter().map(|(name, value)| (*name, value.as_str()))))
    }

    /// Whether a coin is called so, in ASCII of any case: by its symbol, its name, or a Chinese name, in every language.
    #[must_use]
    pub fn names(&self, symbol: &Symbol, name: &str) -> bool {
        let text = self.text.to_ascii_lowercase();
        symbol.as_str().to_ascii_lowercase().contains(&text)
            || name.to_ascii_lowercase().contains(&text)
            || model::coin_names_zh(symbol.as_str()).iter().any(|name| name.contains(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::SortKey;

    fn query(pairs: &[(&'static str, &str)]) -> ParamsMap {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn the_address_says_what_the_table_shows() {
        let state = TableQuery::from_query(&query(&[
            ("sort", "-price"),
            ("q", "  Bit & co "),
            ("show", "losers"),
            ("rows", "all"),
        ]));
        assert_eq!(state.sort, Sort { key: SortKey::Price, ascending: false });
        assert_eq!((state.text.as_str(), state.shown, state.every), ("Bit & co", Shown::Losers, true));
        assert_eq!(state.href(), "/?sort=-price&q=Bit%20%26%20co&show=losers&rows=all");
    }

    #[test]
    fn unknown_words_fall_back() {
        let odd = query(&[("sort", "nope"), ("show", "everything"), ("rows", "1e9")]);
        assert_eq!(TableQuery::from_query(&odd), TableQuery::default());
        assert_eq!(TableQuery::default().href(), "/");
        let long = "x".repeat(10_000);
        assert_eq!(TableQuery::from_query(&query(&[("q", &long)])).text.len(), LONGEST);
    }

    #[test]
    fn coins_are_found_by_name_and_symbol_in_any_case() {
        let state = TableQuery { text: "bT".to_owned(), ..TableQuery::default() };
        assert!(state.names(&"BTC".parse().unwrap(), "Bitcoin"));
        assert!(!state.names(&"ETH".parse().unwrap(), "Ethereum"));
        assert!(TableQuery::default().names(&"ETH".parse().unwrap(), "Ethereum"));
        let chinese = |text: &str| TableQuery { text: text.to_owned(), ..TableQuery::default() };
        assert!(chinese("比特").names(&"BTC".parse().unwrap(), "Bitcoin"));
        assert!(chinese("萊特幣").names(&"LTC".parse().unwrap(), "Litecoin"));
        assert!(!chinese("比特").names(&"ETH".parse().unwrap(), "Ethereum"));
    }
}
