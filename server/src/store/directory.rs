//! Which series there are.

use model::{Interval, Source, Symbol, UnixMs};
use serde::{Deserialize, Serialize};

use super::{Store, StoreError, connect::bounded};

/// All series that have candles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Directory {
    /// The highest revision of all series; 0 without any.
    pub version: u64,
    /// The series by symbol, then source, then interval, finest first.
    pub series: Vec<SeriesInfo>,
}

/// One series: the candles of a symbol from one source, at one finest interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeriesInfo {
    /// Its key in the database.
    pub id: i64,
    /// Ticker symbol.
    pub symbol: Symbol,
    /// Name of the coin.
    pub name: String,
    /// Whose candles these are.
    pub source: Source,
    /// The interval that is stored; coarser ones are rolled up from it, finer ones do not exist.
    pub finest: Interval,
    /// Raised by every change of its candles.
    pub revision: u64,
    /// Open time of its first candle.
    pub first_open: UnixMs,
    /// Open time of its last candle.
    pub last_open: UnixMs,
    /// Decimals of the instrument's tick size.
    pub price_decimals: u8,
}

impl Store {
    /// Lists the series, all in one snapshot.
    ///
    /// # Errors
    /// As every read: [`StoreError`].
    pub async fn directory(&self) -> Result<Directory, StoreError> {
        bounded(async {
            let rows = sqlx::query!(
                r#"SELECT s.id, y.symbol, y.name, o.source, s.finest, s.revision,
                          s.first_open AS "first_open!", s.last_open AS "last_open!", s.price_decimals
                   FROM series s
                   JOIN symbols y ON y.id = s.symbol_id
                   JOIN sources o ON o.id = s.source_id
                   WHERE s.last_open IS NOT NULL
                   ORDER BY y.symbol COLLATE "C", o.source COLLATE "C", s.finest"#
            )
            .fetch_all(self.pool())
            .await?;
            let series = rows
                .into_iter()
                .map(|row| {
                    Ok(SeriesInfo {
                        id: row.id,
                        symbol: symbol(&row.symbol)?,
                        name: row.name,
                        source: Source::new(row.source),
                        finest: interval(row.finest)?,
                        revision: revision(row.revision)?,
                        first_open: row.first_open,
                        last_open: row.last_open,
                        price_decimals: decimals(row.price_decimals)?,
                    })
                })
                .collect::<Result<Vec<_>, StoreError>>()?;
            let version = series.iter().map(|s| s.revision).max().unwrap_or(0);
            Ok(Directory { version, series })
        })
        .await
    }
}

pub(super) fn symbol(text: &str) -> Result<Symbol, StoreError> {
    text.parse().map_err(|error| StoreError::query(format!("table symbols: {error}")))
}

pub(super) fn interval(secs: i32) -> Result<Interval, StoreError> {
    Interval::from_secs(secs.into())
        .ok_or_else(|| StoreError::query(format!("table series: no interval has {secs} s")))
}

/// The table's check keeps them small.
pub(super) fn decimals(stored: i16) -> Result<u8, StoreError> {
    u8::try_from(stored).map_err(|_| StoreError::query(format!("table series: {stored} decimals")))
}

pub(super) fn revision(stored: i64) -> Result<u64, StoreError> {
    u64::try_from(stored)
        .map_err(|_| StoreError::query(format!("table series: revision {stored} is negative")))
}
