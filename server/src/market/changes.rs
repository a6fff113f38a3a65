//! Latest prices that changed since an earlier answer.

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
    ops::Deref,
    sync::{Mutex, PoisonError},
};

use model::{MAX_CHANGE_SYMBOLS, MarketError, PriceChange, Provenance, Quote, Source, Symbol, UnixMs};
use serde::Serialize;

use super::{
    Answer, Market,
    prices::{Quotes, unserialisable},
};

/// Most sources whose tables are compared. There is one at a time; more come and go with the database.
const MOST_SOURCES: usize = 8;

/// A question for changes.
#[derive(Clone, Debug, Hash)]
pub struct ChangesQuery {
    /// Which symbols, each once.
    pub symbols: Vec<Symbol>,
    /// Version of an earlier answer; without it all of them are answered.
    pub since: Option<u64>,
}

impl ChangesQuery {
    /// This question, with each symbol once.
    ///
    /// # Errors
    /// Too many symbols.
    pub fn checked(mut self) -> Result<Self, MarketError> {
        let mut seen = HashSet::new();
        self.symbols.retain(|symbol| seen.insert(symbol.clone()));
        if self.symbols.len() > MAX_CHANGE_SYMBOLS {
            return Err(MarketError::bad("symbols", format!("more than {MAX_CHANGE_SYMBOLS} symbols")));
        }
        Ok(self)
    }
}

/// When each row of the served tables last changed, by source. Bounded by the tables themselves.
#[derive(Default)]
pub(super) struct Changes(Mutex<HashMap<Source, Seen>>);

/// The rows of one source's table.
struct Seen {
    /// Version of the first table that was compared.
    first: u64,
    /// Version of the last one.
    last: u64,
    rows: HashMap<Symbol, Row>,
}

#[derive(Clone, Copy)]
struct Row {
    digest: u64,
    /// Version of the table in which it was first seen as it is.
    changed: u64,
}

/// What is known of the asked rows.
struct Compared {
    /// Of the rows' state.
    state: u64,
    /// Those that changed.
    changed: HashSet<Symbol>,
}

/// A row's state. Its time is not part of it: it moves with each trade, of whatever price.
fn digest(quote: &Quote) -> u64 {
    // Not stored: the fixed keys of the default hasher make all servers agree.
    let mut hasher = DefaultHasher::new();
    let figures =
        [quote.open_1h, quote.open_24h, quote.high_24h, quote.low_24h, quote.volume_24h, quote.open_7d];
    (&quote.symbol, &quote.name, quote.price, quote.price_decimals, figures).hash(&mut hasher);
    hasher.finish()
}

impl Changes {
    /// Compares this table with those before it, and tells which of the asked rows changed since a version. Without a
    /// version, and of one that no table had here, all of them may have.
    fn compare(&self, source: &Source, version: u64, quotes: &[Quote], query: &ChangesQuery) -> Compared {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST_SOURCES && !all.contains_key(source) {
            all.clear();
        }
        let seen = all.entry(source.clone()).or_insert_with(|| Seen {
            first: version,
            last: version,
            rows: quotes
                .iter()
                .map(|q| (q.symbol.clone(), Row { digest: digest(q), changed: version }))
                .collect(),
        });
        if version > seen.last {
            seen.take(version, quotes);
        }
        let is_known = query.since.filter(|since| (seen.first..=seen.last).contains(since));
        let mut state = DefaultHasher::new();
        let mut changed = HashSet::new();
        let asked: HashSet<&Symbol> = query.symbols.iter().collect();
        for quote in quotes.iter().filter(|quote| asked.contains(&quote.symbol)) {
            let row = seen.rows.get(&quote.symbol).copied();
            // A table older than the last one has rows of its own.
            let row = row.filter(|_| version == seen.last);
            (&quote.symbol, row.map_or_else(|| digest(quote), |row| row.digest)).hash(&mut state);
            if is_known.zip(row).is_none_or(|(since, row)| row.changed > since) {
                changed.insert(quote.symbol.clone());
            }
        }
        Compared { state: state.finish(), changed }
    }
}

impl Seen {
    /// Takes a newer table over. Rows that left it are forgotten.
    fn take(&mut self, version: u64, quotes: &[Quote]) {
        let row = |quote: &Quote| {
            let digest = digest(quote);
            let old = self.rows.get(&quote.symbol).filter(|row| row.digest == digest);
            (quote.symbol.clone(), Row { digest, changed: old.map_or(version, |row| row.changed) })
        };
        self.rows = quotes.iter().map(row).collect();
        self.last = version;
    }
}

#[derive(Serialize)]
struct ChangesJson {
    version: u64,
    as_of: UnixMs,
    changes: Vec<PriceChange>,
}

impl Market {
    /// The quotes that changed since the version that the query names. The answer's version is of the state of the asked
    /// rows and of what is said of their source: its tag stays as long as both do.
    ///
    /// # Errors
    /// A symbol that the table has not, by name; or nothing can answer.
    pub async fn changes_answer(&self, query: &ChangesQuery) -> Result<Answer, MarketError> {
        let read = self.prices(&[]).await?;
        let quotes: &[Quote] = &read.value;
        let known: HashMap<&Symbol, &Quote> = quotes.iter().map(|quote| (&quote.symbol, quote)).collect();
        if let Some(unknown) = query.symbols.iter().find(|symbol| !known.contains_key(symbol)) {
            return Err(MarketError::UnknownSymbol { symbol: unknown.to_string() });
        }
        let provenance = read.provenance;
        let compared = self.0.changes.compare(&provenance.source, read.version, quotes, query);
        let asked = query.symbols.iter().filter(|symbol| compared.changed.contains(symbol));
        let body = ChangesJson {
            version: read.version,
            as_of: quotes.iter().map(|quote| quote.as_of).max().unwrap_or_default(),
            changes: asked
                .filter_map(|symbol| known.get(symbol))
                .map(|quote| PriceChange::from(*quote))
                .collect(),
        };
        let mut open_json = serde_json::to_vec(&body).map_err(|_| unserialisable())?;
        open_json.pop();
        let version = tag_version(compared.state, &provenance);
        Ok(Answer { open_json: open_json.into(), version, provenance })
    }
}

/// The rows' state with what is said of their source, but for the age, which always moves.
fn tag_version(state: u64, provenance: &Provenance) -> u64 {
    let mut hasher = DefaultHasher::new();
    (state, provenance.stale, provenance.simulated, &provenance.reason).hash(&mut hasher);
    hasher.finish()
}

impl Deref for Quotes {
    type Target = [Quote];

    fn deref(&self) -> &[Quote] {
        match self {
            Self::Table(table) => &table.quotes,
            Self::Picked(quotes) => quotes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quote(symbol: &str, price: i64, as_of: UnixMs) -> Quote {
        Quote {
            symbol: symbol.parse().unwrap(),
            name: symbol.to_owned(),
            price: price.into(),
            price_decimals: 2,
            open_1h: None,
            change_1h_pct: None,
            open_24h: None,
            change_24h_pct: None,
            high_24h: None,
            low_24h: None,
            volume_24h: None,
            open_7d: None,
            change_7d_pct: None,
            as_of,
        }
    }

    fn table(btc: i64, eth: i64, as_of: UnixMs) -> Vec<Quote> {
        vec![quote("BTC", btc, as_of), quote("ETH", eth, as_of)]
    }

    fn query(since: Option<u64>) -> ChangesQuery {
        let symbols = ["ETH", "BTC", "ETH"].map(|symbol| symbol.parse().unwrap()).to_vec();
        ChangesQuery { symbols, since }.checked().unwrap()
    }

    /// The symbols that changed, and the state.
    fn compare(changes: &Changes, version: u64, quotes: &[Quote], since: Option<u64>) -> (Vec<String>, u64) {
        let compared = changes.compare(&Source::REPLAY, version, quotes, &query(since));
        let mut symbols: Vec<String> = compared.changed.iter().map(ToString::to_string).collect();
        symbols.sort();
        (symbols, compared.state)
    }

    #[test]
    fn only_rows_that_changed_since_are_told_and_time_alone_is_no_change() {
        let changes = Changes::default();
        let (all, first) = compare(&changes, 10, &table(1, 1, 0), None);
        assert_eq!(all, ["BTC", "ETH"]);
        assert_eq!(compare(&changes, 11, &table(1, 1, 5), Some(10)), (vec![], first));
        let (one, second) = compare(&changes, 12, &table(1, 2, 6), Some(10));
        assert_eq!(one, ["ETH"]);
        assert_ne!(first, second);
        assert_eq!(compare(&changes, 12, &table(1, 2, 6), Some(12)).0, Vec::<String>::new());
        // A reader who is some tables behind is told all that changed since its own.
        compare(&changes, 13, &table(3, 2, 7), None);
        assert_eq!(compare(&changes, 14, &table(3, 4, 8), Some(11)).0, ["BTC", "ETH"]);
    }

    #[test]
    fn of_a_version_that_is_not_known_all_rows_may_have_changed() {
        let changes = Changes::default();
        compare(&changes, 10, &table(1, 1, 0), None);
        for since in [9, 11] {
            assert_eq!(compare(&changes, 10, &table(1, 1, 0), Some(since)).0, ["BTC", "ETH"], "{since}");
        }
        compare(&changes, 12, &table(2, 1, 0), None);
        // An older table, as a slow reader has it, is not mixed with the newer one.
        assert_eq!(compare(&changes, 10, &table(1, 1, 0), Some(10)).0, ["BTC", "ETH"]);
        assert_eq!(compare(&changes, 12, &table(2, 1, 0), Some(10)).0, ["BTC"]);
    }

    #[test]
    fn rows_join_and_leave_and_sources_are_few() {
        let changes = Changes::default();
        compare(&changes, 1, &table(1, 1, 0)[..1], None);
        assert_eq!(compare(&changes, 2, &table(1, 1, 0), Some(1)).0, ["ETH"]);
        for i in 0..100 {
            changes.compare(&Source::new(format!("s{i}")), 1, &table(1, 1, 0), &query(None));
        }
        assert!(changes.0.lock().unwrap().len() <= MOST_SOURCES);
    }

    #[test]
    fn too_many_symbols_are_refused() {
        let symbols: Vec<Symbol> =
            (0..=MAX_CHANGE_SYMBOLS).map(|i| format!("C{i}").parse().unwrap()).collect();
        assert!(ChangesQuery { symbols, since: None }.checked().is_err());
    }
}
