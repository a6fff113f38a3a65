//! All candles of a range, past the cache.

use std::str::FromStr;

use model::{Interval, MarketError, Source, Symbol, UnixMs};

use super::{Market, unavailable};
use crate::store::Export;

/// Which candles to export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportQuery {
    /// Ticker symbol.
    pub symbol: Symbol,
    /// Length of each candle.
    pub interval: Interval,
    /// Earliest open time, inclusive.
    pub from: Option<UnixMs>,
    /// Latest open time, inclusive.
    pub to: Option<UnixMs>,
    /// Whose candles.
    pub source: Option<Source>,
}

/// What becomes of incomplete candles in an export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IncompleteCandles {
    /// They are written, and marked.
    #[default]
    Mark,
    /// They are left out.
    Omit,
    /// They are written as the others.
    Keep,
}

impl IncompleteCandles {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Mark, Self::Omit, Self::Keep];

    /// The name in options and queries.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mark => "mark",
            Self::Omit => "omit",
            Self::Keep => "keep",
        }
    }
}

impl FromStr for IncompleteCandles {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|one| one.as_str() == text);
        found.ok_or_else(|| format!("is none of {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}

/// Candles of one series, to be read page by page.
pub struct Exported {
    /// Whose candles these are.
    pub source: Source,
    /// The pages.
    pub pages: Export,
}

impl Market {
    /// Begins an export in one snapshot. It goes past the cache: nobody asks for the same again so soon, and it would put
    /// out what is asked for.
    ///
    /// # Errors
    /// An unknown symbol, a bad parameter by name (made-up prices among them), or the database does not answer.
    pub async fn export(&self, query: &ExportQuery) -> Result<Exported, MarketError> {
        let source = query.source.clone().unwrap_or_else(|| self.default_source());
        if source == Source::SIMULATED && !self.stores_simulated(&query.symbol).await {
            let reason = "simulated prices are made up as they are asked for, and are not exported";
            return Err(MarketError::bad("source", reason));
        }
        let directory = self.directory().await.map_err(|error| unavailable(&error))?;
        let series = self.series(&directory, &query.symbol, query.source.as_ref(), Some(query.interval))?;
        let away = |reason: &str| MarketError::Unavailable { reason: reason.to_owned() };
        let store = self.0.store.as_ref().ok_or_else(|| away("no database is configured"))?;
        match store.export(series.id, query.interval, query.from, query.to).await {
            Ok(Some(pages)) => Ok(Exported { source: series.source.clone(), pages }),
            Ok(None) => Err(MarketError::UnknownSymbol { symbol: query.symbol.to_string() }),
            Err(error) => {
                tracing::debug!(%error, symbol = %query.symbol, "an export cannot be begun");
                Err(away("the database does not answer"))
            }
        }
    }
}
