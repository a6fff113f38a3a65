//! Rolling up the stored levels.

use model::{Interval, UnixMs};
use sqlx::PgConnection;

use super::{StoreError, candles::secs};

/// Rolls up bars of `level` again from all rows of `below` in them: one for each pair of a series and a start. A bar is
/// never replaced by one of fewer complete finest bars: those may have been dropped for their age since. (A writer never puts an
/// incomplete candle in the place of a complete one, so that nothing else makes them fewer.)
///
/// Whole parts and fractions of volumes are summed by themselves: the sum of the former is exact, and that of the latter loses
/// little, so that the total is the float next to the decimal sum, or nearly. Reading rounds the rest away.
pub(super) async fn roll_up(
    connection: &mut PgConnection,
    below: Interval,
    level: Interval,
    series: &[i64],
    starts: &[UnixMs],
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"INSERT INTO candles AS t (series_id, "interval", open_time, bars, open, high, low, close, volume)
           SELECT b.id, $2, b.start, a.bars, f.open, a.high, a.low, l.close, a.volume
           FROM unnest($3::bigint[], $4::bigint[]) AS b (id, start)
           CROSS JOIN LATERAL (SELECT sum(bars)::integer AS bars, max(high) AS high, min(low) AS low,
                      sum(trunc(volume)) + sum(volume - trunc(volume)) AS volume
               FROM (SELECT bars, high, low, volume FROM candles WHERE series_id = b.id AND "interval" = $1
                   AND open_time >= b.start AND open_time < b.start + $2::integer * 1000::bigint
                   ORDER BY open_time) p) a
           CROSS JOIN LATERAL (SELECT open FROM candles WHERE series_id = b.id AND "interval" = $1
               AND open_time >= b.start ORDER BY open_time LIMIT 1) f
           CROSS JOIN LATERAL (SELECT close FROM candles WHERE series_id = b.id AND "interval" = $1
               AND open_time < b.start + $2::integer * 1000::bigint ORDER BY open_time DESC LIMIT 1) l
           ON CONFLICT (series_id, "interval", open_time) DO UPDATE
               SET bars = excluded.bars, open = excluded.open, high = excluded.high, low = excluded.low,
                   close = excluded.close, volume = excluded.volume
               WHERE excluded.bars >= t.bars AND (t.bars, t.open, t.high, t.low, t.close, t.volume)
                   IS DISTINCT FROM (excluded.bars, excluded.open, excluded.high, excluded.low, excluded.close,
                       excluded.volume)"#,
        secs(below),
        secs(level),
        series,
        starts
    )
    .execute(connection)
    .await?;
    Ok(())
}
