//! The latest price of every symbol of a source.

use std::str::FromStr;

use model::{Quote, Source};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Store, StoreError, connect::bounded, directory};

/// The latest quotes of one source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latest {
    /// The highest revision of all series of the source that have candles, those that no quote comes from too; 0 without
    /// any.
    pub version: u64,
    /// One a symbol, by symbol.
    pub quotes: Vec<Quote>,
}

impl Store {
    /// The last bar of each symbol of `source` and the 24 hours that end with it, from the symbol's series of that source
    /// whose last bar opened last, the finest of several. A snapshot.
    ///
    /// # Errors
    /// As every read: [`StoreError`].
    pub async fn latest(&self, source: &Source) -> Result<Latest, StoreError> {
        bounded(async {
            // The bar that opened last is the latest price: its end says nothing, for a coarse bar may still run.
            // Volumes are summed as decimals, of the shortest text of each: the sum of what the files say.
            // A bar that still runs is as of when it was written: revisions are that clock, in µs.
            let rows = sqlx::query!(
                r#"SELECT s.newest AS "newest!", y.symbol, y.name, s.as_of AS "as_of!", s.close AS "close!",
                          d.open AS "open!", w.high AS "high!", w.low AS "low!", w.volume AS "volume!"
                   FROM (SELECT DISTINCT ON (t.symbol_id) t.id, t.symbol_id, t.finest, l.close, l.open_time AS last_open,
                                least(l.open_time + t.finest * 1000::bigint,
                                    CASE WHEN t.running = l.open_time THEN t.revision / 1000 END) AS as_of,
                                max(t.revision) OVER () AS newest
                         FROM series t
                         JOIN candles l ON l.series_id = t.id AND l."interval" = t.finest AND l.open_time = t.last_open
                         WHERE t.source_id = (SELECT id FROM sources WHERE source = $1)
                         ORDER BY t.symbol_id, l.open_time DESC, t.finest) s
                   JOIN symbols y ON y.id = s.symbol_id
                   CROSS JOIN LATERAL (SELECT coalesce(min(open_time), s.last_open) AS since
                       FROM candles WHERE series_id = s.id AND "interval" = s.finest
                       AND open_time >= s.as_of - 86400000) b
                   CROSS JOIN LATERAL (SELECT open FROM candles
                       WHERE series_id = s.id AND "interval" = s.finest AND open_time = b.since) d
                   CROSS JOIN LATERAL (SELECT max(high) AS high, min(low) AS low,
                              sum(volume::text::numeric)::text AS volume
                       FROM candles
                       WHERE series_id = s.id AND "interval" = s.finest AND open_time >= b.since) w
                   ORDER BY y.symbol COLLATE "C""#,
                source.as_str()
            )
            .fetch_all(self.pool())
            .await?;
            let mut version = 0;
            let mut quotes = Vec::with_capacity(rows.len());
            for row in rows {
                version = version.max(directory::revision(row.newest)?);
                let (price, open) = (row.close, row.open);
                quotes.push(Quote {
                    price: decimal(&row.symbol, &price.to_string())?,
                    price_decimals: 2,
                    open_1h: None,
                    change_1h_pct: None,
                    open_24h: Some(decimal(&row.symbol, &open.to_string())?),
                    change_24h_pct: Some((price - open) / open * 100.0),
                    high_24h: Some(decimal(&row.symbol, &row.high.to_string())?),
                    low_24h: Some(decimal(&row.symbol, &row.low.to_string())?),
                    volume_24h: Some(decimal(&row.symbol, &row.volume)?),
                    open_7d: None,
                    change_7d_pct: None,
                    as_of: row.as_of,
                    symbol: directory::symbol(&row.symbol)?,
                    name: row.name,
                });
            }
            Ok(Latest { version, quotes })
        })
        .await
    }
}

/// A decimal from text. Rust writes an `f64` as the shortest decimal that reads back the same, without an exponent.
fn decimal(symbol: &str, text: &str) -> Result<Decimal, StoreError> {
    Decimal::from_str(text)
        .map(|number| number.normalize())
        .map_err(|error| StoreError::query(format!("{symbol}: {text} is no decimal: {error}")))
}
