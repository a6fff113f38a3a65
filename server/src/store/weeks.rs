//! The closing prices of the last week of every symbol of a source.

use model::{Interval, Source, Sparkline, span::WEEK_MS};
use serde::{Deserialize, Serialize};

use super::{Store, StoreError, candles::secs, directory, latest::span_open, rollup::base_level};

/// Length of the candles of a line, where those stored are not longer.
const LINE: Interval = Interval::H4;

/// The last week of one source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Weeks {
    /// The highest revision of all series of the source that have candles; 0 without any.
    pub version: u64,
    /// One a symbol, by symbol.
    pub lines: Vec<Sparkline>,
}

impl Store {
    /// The seven days of each symbol of `source` that end with its latest price: the price at their start, where it is
    /// known, then the closes of four-hour candles, or of the finest where those are longer. Of the series that
    /// [`Store::latest`] takes. A snapshot.
    ///
    /// # Errors
    /// As every read: [`StoreError`].
    pub async fn weeks(&self, source: &Source) -> Result<Weeks, StoreError> {
        // Of each finest interval: the length of the line's candles, and the stored rows that they are made of.
        let finest = Interval::ALL;
        let lengths = finest.map(|finest| finest.max(LINE));
        let levels: Vec<i32> =
            finest.iter().zip(lengths).map(|(finest, length)| secs(base_level(*finest, length))).collect();
        self.bounded(async {
            // One statement: at most 43 closes a symbol, whatever is stored. See `latest.rs`.
            let rows = sqlx::query!(
                r#"SELECT s.newest AS "newest!", y.symbol, s.as_of AS "as_of!", s.cut AS "cut!", p.level AS "level?", p.open AS "open?",
                          w.closes AS "closes?"
                   FROM (SELECT DISTINCT ON (t.symbol_id) t.id, t.symbol_id, t.finest,
                                least(l.open_time + t.finest * 1000::bigint, t.revision / 1000) AS as_of,
                                l.bars = 0 AND t.running IS DISTINCT FROM l.open_time AS cut,
                                max(t.revision) OVER () AS newest
                         FROM series t
                         JOIN candles l ON l.series_id = t.id AND l."interval" = t.finest AND l.open_time = t.last_open
                         WHERE t.source_id = (SELECT id FROM sources WHERE source = $1)
                         ORDER BY t.symbol_id, l.open_time DESC, t.finest) s
                   JOIN symbols y ON y.id = s.symbol_id
                   JOIN unnest($2::integer[], $3::integer[], $4::integer[]) AS i (finest, length, level)
                       ON i.finest = s.finest
                   LEFT JOIN LATERAL (
                       SELECT v.level, CASE WHEN c.holds THEN c.open ELSE c.close END AS open
                       FROM unnest(ARRAY[s.finest, 3600, 86400]) AS v (level)
                       CROSS JOIN LATERAL (
                           SELECT open, close, bars, open_time + v.level * 1000::bigint > s.as_of - $5::bigint AS holds
                           FROM candles
                           WHERE series_id = s.id AND "interval" = v.level AND open_time <= s.as_of - $5::bigint
                           ORDER BY open_time DESC LIMIT 1) c
                       WHERE v.level >= s.finest
                       AND (v.level = s.finest OR NOT c.holds OR c.bars * s.finest::bigint >= v.level)
                       ORDER BY v.level LIMIT 1) p ON true
                   CROSS JOIN LATERAL (
                       SELECT array_agg(b.close ORDER BY b.bucket) AS closes
                       FROM (SELECT DISTINCT ON (open_time / (i.length * 1000::bigint))
                                    open_time / (i.length * 1000::bigint) AS bucket, close
                             FROM candles
                             WHERE series_id = s.id AND "interval" = i.level
                             AND open_time > s.as_of - $5::bigint - i.level * 1000::bigint
                             ORDER BY open_time / (i.length * 1000::bigint), open_time DESC) b) w
                   ORDER BY y.symbol COLLATE "C""#,
                source.as_str(),
                &finest.map(secs)[..],
                &lengths.map(secs)[..],
                &levels,
                WEEK_MS
            )
            .fetch_all(self.pool())
            .await?;
            let mut version = 0;
            let mut lines = Vec::with_capacity(rows.len());
            for row in rows {
                version = version.max(directory::revision(row.newest)?);
                let mut closes: Vec<f64> = Vec::new();
                closes.extend(span_open(row.level.filter(|_| !row.cut), row.open, WEEK_MS, row.as_of)?);
                closes.extend(row.closes.unwrap_or_default());
                lines.push(Sparkline {
                    symbol: directory::symbol(&row.symbol)?,
                    source: source.clone(),
                    closes,
                });
            }
            Ok(Weeks { version, lines })
        })
        .await
    }
}
