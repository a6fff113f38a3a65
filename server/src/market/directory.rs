//! Which series exist.

use std::sync::atomic::Ordering;

use model::{Interval, MarketError, Source, Symbol};
use tidemark_cache::{LoadError, Loaded, Shared, Want};

use super::{LoadFailure, Market, keys::DirectoryKey, values::DirectoryValue};
use crate::store::{SeriesInfo, Store};

impl Market {
    /// The directory, at least of the highest revision heard of.
    pub(super) async fn directory(&self) -> Result<Shared<DirectoryValue>, LoadError<LoadFailure>> {
        let store = self.0.store.clone();
        let want = Want::at_least(self.0.revision.load(Ordering::Acquire));
        let load = move || read_directory(store);
        let directory = self.0.directory.get_or_load(&DirectoryKey, want, load).await?.value;
        self.note_stored(&directory);
        Ok(directory)
    }

    /// The series of a symbol that answers this interval: of those that are fine enough, the one whose last bar opened
    /// last, the finest of several. Without a source, of the active feed's, otherwise of the recorded ones, otherwise of any.
    pub(super) fn series<'d>(
        &self,
        directory: &'d DirectoryValue,
        symbol: &Symbol,
        source: Option<&Source>,
        interval: Option<Interval>,
    ) -> Result<&'d SeriesInfo, MarketError> {
        choose_series(&directory.0.series, symbol, source, &self.default_source(), interval)
    }
}

/// The series of one symbol, out of series that are sorted by symbol.
pub(super) fn of_symbol<'d>(series: &'d [SeriesInfo], symbol: &Symbol) -> &'d [SeriesInfo] {
    let start = series.partition_point(|one| one.symbol < *symbol);
    let rest = series.get(start..).unwrap_or_default();
    let count = rest.partition_point(|one| one.symbol == *symbol);
    rest.get(..count).unwrap_or_default()
}

/// The series of a symbol that answers this interval, or a finer one if none is given: see [`Market::series`]. Without a
/// source, of `default`, otherwise of any. The series are sorted by symbol, as [`Store::directory`] lists them.
pub(crate) fn choose_series<'d>(
    series: &'d [SeriesInfo],
    symbol: &Symbol,
    source: Option<&Source>,
    default: &Source,
    interval: Option<Interval>,
) -> Result<&'d SeriesInfo, MarketError> {
    let of_symbol = of_symbol(series, symbol);
    if of_symbol.is_empty() {
        return Err(MarketError::UnknownSymbol { symbol: symbol.to_string() });
    }
    let wanted = source.unwrap_or(default);
    let mut of_source: Vec<&SeriesInfo> = of_symbol.iter().filter(|s| s.source == *wanted).collect();
    if of_source.is_empty() && source.is_none() {
        of_source = of_symbol.iter().collect();
    }
    let Some(finest) = of_source.iter().map(|s| s.finest).min() else {
        let known: Vec<&str> = of_symbol.iter().map(|s| s.source.as_str()).collect();
        let reason = format!("{symbol} has no {wanted} series, only {}", known.join(", "));
        return Err(MarketError::bad("source", reason));
    };
    // As the table of latest prices chooses: docs/data.md.
    let fine_enough = of_source.iter().filter(|s| interval.is_none_or(|interval| s.finest <= interval));
    if let Some(newest) = fine_enough.max_by_key(|s| (s.last_open, std::cmp::Reverse(s.finest))) {
        return Ok(newest);
    }
    let asked = interval.map_or_else(String::new, |interval| interval.to_string());
    let allowed: Vec<&str> = Interval::ALL.iter().filter(|i| **i >= finest).map(|i| i.as_str()).collect();
    let reason = format!(
        "{asked} is finer than the stored {finest} bars of {symbol}; allowed are {}",
        allowed.join(", ")
    );
    Err(MarketError::bad("interval", reason))
}

/// Lists the series: what the cache loads.
pub(super) async fn read_directory(store: Option<Store>) -> Result<Loaded<DirectoryValue>, LoadFailure> {
    let store = store.ok_or(LoadFailure::NoDatabase)?;
    let directory = store.directory().await?;
    let version = directory.version;
    Ok(Loaded::new(DirectoryValue(directory), version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_of_a_symbol_are_found_among_those_sorted_by_symbol() {
        let one = |id: i64, symbol: &str| SeriesInfo {
            id,
            symbol: symbol.parse().unwrap(),
            name: String::new(),
            source: Source::RECORDED,
            finest: Interval::H1,
            revision: 1,
            first_open: 0,
            last_open: 0,
            price_decimals: 2,
        };
        let all: Vec<SeriesInfo> =
            ["A", "B", "B", "BA", "C", "C"].iter().zip(0..).map(|(symbol, id)| one(id, symbol)).collect();
        let ids = |symbol: &str| {
            of_symbol(&all, &symbol.parse().unwrap()).iter().map(|series| series.id).collect::<Vec<_>>()
        };
        assert_eq!(
            ["0", "A", "B", "BA", "BB", "C", "D"].map(ids),
            [vec![], vec![0], vec![1, 2], vec![3], vec![], vec![4, 5], vec![]]
        );
        assert!(of_symbol(&[], &"A".parse().unwrap()).is_empty());
    }
}
