//! Which series exist.

use std::sync::atomic::Ordering;

use model::{Interval, MarketError, Source, Symbol};
use tidemark_cache::{LoadError, Loaded, Shared, Want};

use super::{LoadFailure, Market, keys::DirectoryKey, values::DirectoryValue};
use crate::store::SeriesInfo;

impl Market {
    /// The directory, at least of the highest revision heard of.
    pub(super) async fn directory(&self) -> Result<Shared<DirectoryValue>, LoadError<LoadFailure>> {
        let store = self.0.store.clone();
        let want = Want::at_least(self.0.revision.load(Ordering::Acquire));
        let load = move || async move {
            let store = store.ok_or(LoadFailure::NoDatabase)?;
            let directory = store.directory().await?;
            let version = directory.version;
            Ok(Loaded::new(DirectoryValue(directory), version))
        };
        Ok(self.0.directory.get_or_load(&DirectoryKey, want, load).await?.value)
    }

    /// The series of a symbol that answers this interval: the finest one of the source. Without a source, the active
    /// feed's, otherwise the recorded one, otherwise any.
    pub(super) fn series<'d>(
        &self,
        directory: &'d DirectoryValue,
        symbol: &Symbol,
        source: Option<&Source>,
        interval: Option<Interval>,
    ) -> Result<&'d SeriesInfo, MarketError> {
        let of_symbol: Vec<&SeriesInfo> = directory.0.series.iter().filter(|s| s.symbol == *symbol).collect();
        if of_symbol.is_empty() {
            return Err(MarketError::UnknownSymbol { symbol: symbol.to_string() });
        }
        let wanted = source.cloned().unwrap_or_else(|| self.default_source());
        let mut of_source: Vec<&SeriesInfo> =
            of_symbol.iter().copied().filter(|s| s.source == wanted).collect();
        if of_source.is_empty() && source.is_none() {
            of_source = of_symbol.clone();
        }
        of_source.sort_by_key(|s| s.finest);
        let Some(finest) = of_source.first().copied() else {
            let known: Vec<&str> = of_symbol.iter().map(|s| s.source.as_str()).collect();
            let reason = format!("{symbol} has no {wanted} series, only {}", known.join(", "));
            return Err(MarketError::bad("source", reason));
        };
        match interval {
            Some(interval) if interval < finest.finest => {
                let allowed: Vec<&str> =
                    Interval::ALL.iter().filter(|i| **i >= finest.finest).map(|i| i.as_str()).collect();
                let reason = format!(
                    "{interval} is finer than the stored {} bars of {symbol}; allowed are {}",
                    finest.finest,
                    allowed.join(", ")
                );
                Err(MarketError::bad("interval", reason))
            }
            _ => Ok(finest),
        }
    }
}
