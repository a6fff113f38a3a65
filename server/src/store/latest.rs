//! The latest price of every symbol of a source, and its figures over an hour, a day and a week.

use std::str::FromStr;

use model::{
    Interval, Quote, Source, UnixMs,
    span::{DAY_MS, HOUR_MS, WEEK_MS, is_fine_enough},
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Store, StoreError, directory};

/// The latest quotes of one source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latest {
    /// The highest revision of all series of the source that have candles, those that no quote comes from too; 0 without
    /// any.
    pub version: u64,
    /// One a symbol, by symbol.
    pub quotes: Vec<Quote>,
}

/// The spans of a quote's figures, ms, in the order of the statement's arrays.
const SPANS: [i64; 3] = [HOUR_MS, DAY_MS, WEEK_MS];

impl Store {
    /// The last candle of each symbol of `source`, and the spans that end with it, from the symbol's series of that source
    /// whose last candle opened last, the finest of several. A snapshot.
    ///
    /// # Errors
    /// As every read: [`StoreError`].
    pub async fn latest(&self, source: &Source) -> Result<Latest, StoreError> {
        self.bounded(async {
            // The candle that opened last is the latest price: its end says nothing, for a coarse candle may still run.
            // Volumes are summed as decimals, of the shortest text of each: the sum of what the files say.
            // A candle that has not ended is as of when it was written: revisions are that clock, in µs.
            // `cut`: it has ended and is incomplete. Nobody knows how much of its time it holds, so no span ends with it.
            // `opens`: of each span the candle that contains its start, else the last before it. Where the finest candles
            // do not reach back so far (their history is shorter, or they were dropped for their age), stored roll-ups
            // may; one that contains the start only if it is complete, or it could begin after the start.
            // `store/weeks.rs` chooses series and opens the same way.
            let rows = sqlx::query!(
                r#"SELECT s.newest AS "newest!", y.symbol, y.name, s.price_decimals AS "price_decimals!",
                          s.as_of AS "as_of!", s.cut AS "cut!", s.close AS "close!",
                          o.levels AS "levels!: Vec<Option<i32>>", o.opens AS "opens!: Vec<Option<f64>>",
                          w.high AS "high?", w.low AS "low?", w.volume AS "volume?"
                   FROM (SELECT DISTINCT ON (t.symbol_id) t.id, t.symbol_id, t.finest, t.price_decimals, l.close,
                                least(l.open_time + t.finest * 1000::bigint, t.revision / 1000) AS as_of,
                                l.bars = 0 AND t.running IS DISTINCT FROM l.open_time AS cut,
                                max(t.revision) OVER () AS newest
                         FROM series t
                         JOIN candles l ON l.series_id = t.id AND l."interval" = t.finest AND l.open_time = t.last_open
                         WHERE t.source_id = (SELECT id FROM sources WHERE source = $1)
                         ORDER BY t.symbol_id, l.open_time DESC, t.finest) s
                   JOIN symbols y ON y.id = s.symbol_id
                   CROSS JOIN LATERAL (
                       SELECT array_agg(p.level ORDER BY n.place) AS levels, array_agg(p.open ORDER BY n.place) AS opens
                       FROM unnest($2::bigint[]) WITH ORDINALITY AS n (span, place)
                       LEFT JOIN LATERAL (
                           SELECT v.level, CASE WHEN c.holds THEN c.open ELSE c.close END AS open
                           FROM unnest(ARRAY[s.finest, 3600, 86400]) AS v (level)
                           CROSS JOIN LATERAL (
                               SELECT open, close, bars, open_time + v.level * 1000::bigint > s.as_of - n.span AS holds
                               FROM candles
                               WHERE series_id = s.id AND "interval" = v.level AND open_time <= s.as_of - n.span
                               ORDER BY open_time DESC LIMIT 1) c
                           WHERE v.level >= s.finest
                           AND (v.level = s.finest OR NOT c.holds OR c.bars * s.finest::bigint >= v.level)
                           ORDER BY v.level LIMIT 1) p ON true) o
                   CROSS JOIN LATERAL (
                       SELECT max(high) AS high, min(low) AS low, sum(volume::text::numeric)::text AS volume
                       FROM candles
                       WHERE series_id = s.id AND "interval" = o.levels[2]
                       AND open_time > s.as_of - ($2::bigint[])[2] - o.levels[2] * 1000::bigint) w
                   ORDER BY y.symbol COLLATE "C""#,
                source.as_str(),
                &SPANS[..]
            )
            .fetch_all(self.pool())
            .await?;
            let mut version = 0;
            let mut quotes = Vec::with_capacity(rows.len());
            for row in rows {
                version = version.max(directory::revision(row.newest)?);
                let (symbol, price) = (directory::symbol(&row.symbol)?, row.close);
                let of = |number: f64| decimal(&row.symbol, &number.to_string());
                let mut opens = [None; SPANS.len()];
                for (place, open) in opens.iter_mut().enumerate() {
                    let found = row.levels.get(place).copied().flatten().filter(|_| !row.cut);
                    *open = span_open(found, row.opens.get(place).copied().flatten(), SPANS[place], row.as_of)?;
                }
                let [hour, day, week] = opens;
                let within_day = |figure: Option<f64>| day.and(figure).map(of).transpose();
                quotes.push(Quote {
                    price: of(price)?,
                    price_decimals: directory::decimals(row.price_decimals)?,
                    open_1h: hour.map(of).transpose()?,
                    change_1h_pct: hour.map(|open| change(open, price)),
                    open_24h: day.map(of).transpose()?,
                    change_24h_pct: day.map(|open| change(open, price)),
                    high_24h: within_day(row.high)?,
                    low_24h: within_day(row.low)?,
                    volume_24h: day
                        .and(row.volume.as_deref())
                        .map(|volume| decimal(&row.symbol, volume))
                        .transpose()?,
                    open_7d: week.map(of).transpose()?,
                    change_7d_pct: week.map(|open| change(open, price)),
                    as_of: row.as_of,
                    symbol,
                    name: row.name,
                });
            }
            Ok(Latest { version, quotes })
        })
        .await
    }
}

/// The price at the start of a span, from candles of a level in seconds; `None` where there are none, or only candles too
/// long to tell.
pub(super) fn span_open(
    level: Option<i32>,
    open: Option<f64>,
    span: i64,
    as_of: UnixMs,
) -> Result<Option<f64>, StoreError> {
    let (Some(level), Some(open)) = (level, open) else { return Ok(None) };
    let level: Interval = directory::interval(level)?;
    Ok(is_fine_enough(level, span, as_of).then_some(open))
}

/// The change from one price to another, percent.
fn change(open: f64, price: f64) -> f64 {
    (price - open) / open * 100.0
}

/// A decimal from text. Rust writes an `f64` as the shortest decimal that reads back the same, without an exponent.
fn decimal(symbol: &str, text: &str) -> Result<Decimal, StoreError> {
    Decimal::from_str(text)
        .map(|number| number.normalize())
        .map_err(|error| StoreError::query(format!("{symbol}: {text} is no decimal: {error}")))
}
