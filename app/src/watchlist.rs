//! The coins that a reader has starred.

use model::Symbol;

/// Symbols in the order of their stars, no more than fit into a cookie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watchlist(Vec<Symbol>);

/// The most stars. A browser takes 4 kB a cookie.
const MOST: usize = 100;
/// Stands between symbols: allowed in a cookie's value (RFC 6265, section 4.1.1), and in no symbol.
const SEPARATOR: char = '|';

impl Watchlist {
    /// From a cookie's value. What is no symbol is left out.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut list = Self::default();
        for symbol in text.split(SEPARATOR).take(MOST).filter_map(|part| part.parse().ok()) {
            if !list.has(&symbol) {
                list.0.push(symbol);
            }
        }
        list
    }

    /// The value of the cookie.
    #[must_use]
    pub fn to_text(&self) -> String {
        let symbols: Vec<&str> = self.0.iter().map(Symbol::as_str).collect();
        symbols.join("|")
    }

    /// Whether a coin has a star.
    #[must_use]
    pub fn has(&self, symbol: &Symbol) -> bool {
        self.0.contains(symbol)
    }

    /// Whether no coin has.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Gives a coin its star, or takes it. A full list drops its oldest.
    pub fn toggle(&mut self, symbol: &Symbol) {
        self.set(symbol, !self.has(symbol));
    }

    /// Has a coin with or without its star. One that has it keeps its position; a full list drops its oldest.
    pub fn set(&mut self, symbol: &Symbol, starred: bool) {
        if !starred {
            self.0.retain(|each| each != symbol);
        } else if !self.has(symbol) {
            if self.0.len() >= MOST {
                self.0.remove(0);
            }
            self.0.push(symbol.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_from_its_cookie() {
        let mut list = Watchlist::parse("BTC|<script>|eth|BTC|");
        assert_eq!(list.to_text(), "BTC|ETH");
        list.toggle(&"XRP".parse().unwrap());
        list.toggle(&"BTC".parse().unwrap());
        assert_eq!(list.to_text(), "ETH|XRP");
        assert!(list.has(&"XRP".parse().unwrap()) && !list.has(&"BTC".parse().unwrap()));
    }

    #[test]
    fn a_star_that_is_set_twice_is_one() {
        let mut list = Watchlist::parse("BTC|ETH");
        list.set(&"BTC".parse().unwrap(), true);
        list.set(&"XRP".parse().unwrap(), false);
        assert_eq!(list.to_text(), "BTC|ETH");
    }

    #[test]
    fn never_grows_past_a_cookie() {
        let mut list = Watchlist::default();
        for i in 0..300 {
            list.toggle(&format!("COIN{i}").parse().unwrap());
        }
        assert!(list.to_text().len() < 4_000);
        assert!(list.has(&"COIN299".parse().unwrap()) && !list.has(&"COIN0".parse().unwrap()));
    }
}
