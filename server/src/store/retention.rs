//! Making room: tables of minutes a while ahead, and dropping what is kept long enough.

use model::{Interval, UnixMs};
use sqlx::{Connection, PgConnection};

use super::{
    Store, StoreError,
    candles::secs,
    series::{make_months, raise},
    write::connect,
};

/// Longest time for one series or one month.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);
/// Dropping a month locks out readers for a moment: who reads now is not waited for long.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '2s'";
const STATEMENT_TIMEOUT: &str = "SET LOCAL statement_timeout = '50s'";

/// What was dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Tables of minutes, a month each.
    pub months: u64,
    /// Rows, those in the tables not counted.
    pub rows: u64,
}

impl Store {
    /// Makes the tables of minutes for the months from one time to another, as far as they are missing. How many it made.
    ///
    /// # Errors
    /// As every write.
    pub async fn make_room(&self, from: UnixMs, to: UnixMs) -> Result<u32, StoreError> {
        let mut connection = connect(self).await?;
        let made = self.patient(PATIENCE, make_months(&mut connection, from, to)).await?;
        Ok(u32::try_from(made).unwrap_or(0))
    }

    /// Drops the rows of one level, stored or rolled up, that open before a time. The coarser levels made from them stay.
    /// Cut at the start of a month for minutes, of a day for others, of a week for days: no stored bar is ever rolled up from
    /// half of its rows.
    ///
    /// # Errors
    /// As every write; what was dropped until then stays so.
    pub async fn drop_before(&self, interval: Interval, time: UnixMs) -> Result<Dropped, StoreError> {
        let mut connection = connect(self).await?;
        let mut dropped = Dropped::default();
        if interval == Interval::M1 {
            for (month, end) in old_months(&mut connection, time).await? {
                self.patient(PATIENCE, drop_month(&mut connection, &month, end)).await?;
                dropped.months += 1;
            }
            return Ok(dropped);
        }
        let cut =
            if interval >= Interval::D1 { Interval::W1.bucket(time) } else { Interval::D1.bucket(time) };
        let series: Vec<i64> =
            sqlx::query_scalar("SELECT id FROM series ORDER BY id").fetch_all(&mut connection).await?;
        for id in series {
            dropped.rows += self.patient(PATIENCE, drop_rows(&mut connection, id, interval, cut)).await?;
        }
        Ok(dropped)
    }
}

/// The tables of minutes that end by this time, and when.
async fn old_months(
    connection: &mut PgConnection,
    time: UnixMs,
) -> Result<Vec<(String, UnixMs)>, StoreError> {
    let months = sqlx::query_as(
        "SELECT name, (extract(epoch FROM start + interval '1 month') * 1000)::bigint AS until
         FROM (SELECT c.relname::text AS name, to_date(right(c.relname, 7), 'YYYY_MM')::timestamp AS start
               FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
               WHERE i.inhparent = 'candles_1m'::regclass) m
         WHERE (extract(epoch FROM start + interval '1 month') * 1000)::bigint <= $1 ORDER BY name",
    )
    .bind(time)
    .fetch_all(connection)
    .await?;
    Ok(months)
}

async fn drop_month(connection: &mut PgConnection, month: &str, end: UnixMs) -> Result<(), StoreError> {
    let mut tx = connection.begin().await?;
    for setting in [LOCK_TIMEOUT, STATEMENT_TIMEOUT] {
        sqlx::query(setting).execute(&mut *tx).await?;
    }
    let finest = secs(Interval::M1);
    let touched: Vec<i64> = sqlx::query_scalar(
        "SELECT id FROM series WHERE finest = $1 AND first_open < $2 ORDER BY id FOR UPDATE",
    )
    .bind(finest)
    .bind(end)
    .fetch_all(&mut *tx)
    .await?;
    // The name comes from the catalogue, of tables that only make_months makes.
    sqlx::query(&format!("DROP TABLE {month}")).execute(&mut *tx).await?;
    for id in touched {
        begin_later(&mut tx, id).await?;
    }
    tx.commit().await?;
    Ok(())
}

async fn drop_rows(
    connection: &mut PgConnection,
    id: i64,
    interval: Interval,
    cut: UnixMs,
) -> Result<u64, StoreError> {
    let mut tx = connection.begin().await?;
    for setting in [LOCK_TIMEOUT, STATEMENT_TIMEOUT] {
        sqlx::query(setting).execute(&mut *tx).await?;
    }
    let finest: Option<i32> = sqlx::query_scalar("SELECT finest FROM series WHERE id = $1 FOR UPDATE")
        .bind(id)
        .fetch_optional(&mut *tx)
        .await?;
    let done =
        sqlx::query(r#"DELETE FROM candles WHERE series_id = $1 AND "interval" = $2 AND open_time < $3"#)
            .bind(id)
            .bind(secs(interval))
            .bind(cut)
            .execute(&mut *tx)
            .await?;
    if done.rows_affected() > 0 {
        if finest == Some(secs(interval)) {
            begin_later(&mut tx, id).await?;
        } else {
            raise(&mut tx, id, None).await?;
        }
    }
    tx.commit().await?;
    Ok(done.rows_affected())
}

/// Notes where a series begins and ends now, and tells the listeners.
async fn begin_later(connection: &mut PgConnection, id: i64) -> Result<(), StoreError> {
    sqlx::query(
        r#"UPDATE series s SET
               first_open = (SELECT min(open_time) FROM candles WHERE series_id = s.id AND "interval" = s.finest),
               last_open = (SELECT max(open_time) FROM candles WHERE series_id = s.id AND "interval" = s.finest)
           WHERE id = $1"#,
    )
    .bind(id)
    .execute(&mut *connection)
    .await?;
    raise(connection, id, None).await?;
    Ok(())
}
