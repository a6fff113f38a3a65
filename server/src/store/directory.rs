//! Which series there are.

use model::{Interval, Source, Symbol, UnixMs};
use serde::{Deserialize, Serialize};

use super::{Store, StoreError};

/// All series that have candles.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Directory {
    /// The highest revision of all series, those without candles too; 0 without any.
    pub version: u64,
    /// The series by symbol, then source, then interval, finest first.
    pub series: Vec<SeriesInfo>,
    /// The highest revision of each source's series that have no candles: those that were deleted are among them.
    pub emptied: Vec<(Source, u64)>,
}

impl Directory {
    /// The highest revision of a source's series, the deleted ones too; 0 without any.
    #[must_use]
    pub fn newest(&self, source: &Source) -> u64 {
        let stored = self.series.iter().filter(|it| it.source == *source).map(|it| it.revision);
        let emptied = self.emptied.iter().filter(|(of, _)| of == source).map(|(_, revision)| *revision);
        stored.chain(emptied).max().unwrap_or(0)
    }
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
        self.bounded(async {
            let rows = sqlx::query!(
                r#"SELECT s.id, y.symbol, y.name, o.source, s.finest, s.revision,
                          s.first_open AS "first_open?", s.last_open AS "last_open?", s.price_decimals
                   FROM series s
                   JOIN symbols y ON y.id = s.symbol_id
                   JOIN sources o ON o.id = s.source_id
                   ORDER BY y.symbol COLLATE "C", o.source COLLATE "C", s.finest"#
            )
            .fetch_all(self.pool())
            .await?;
            // A series that was deleted keeps its revision: without it versions would go back, and what is cached of the time
            // before would stay.
            let newest = rows.iter().map(|row| row.revision).max().unwrap_or(0);
            let mut emptied: Vec<(Source, u64)> = Vec::new();
            for row in rows.iter().filter(|row| row.last_open.is_none()) {
                let (source, found) = (Source::new(row.source.clone()), revision(row.revision)?);
                match emptied.iter_mut().find(|(of, _)| *of == source) {
                    Some((_, newest)) => *newest = found.max(*newest),
                    None => emptied.push((source, found)),
                }
            }
            let series = rows
                .into_iter()
                .filter_map(|row| Some((row.first_open?, row.last_open?, row)))
                .map(|(first_open, last_open, row)| {
                    Ok(SeriesInfo {
                        id: row.id,
                        symbol: symbol(&row.symbol)?,
                        name: row.name,
                        source: Source::new(row.source),
                        finest: interval(row.finest)?,
                        revision: revision(row.revision)?,
                        first_open,
                        last_open,
                        price_decimals: decimals(row.price_decimals)?,
                    })
                })
                .collect::<Result<Vec<_>, StoreError>>()?;
            Ok(Directory { version: revision(newest)?, series, emptied })
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
