//! Rows of the table of series: making them, and giving them revisions.

use model::{Interval, Source, Symbol, UnixMs, coin_name};
use sqlx::PgConnection;

use super::{StoreError, candles::secs, directory, watch::CHANNEL};

/// Advisory lock that brings the revisions of all series into the order of their commits, so that the highest one stands
/// for everything below it.
const REVISIONS_LOCK: i64 = 0x7469_6465_0001;

/// Makes a series unless it is there.
pub(super) async fn make(
    connection: &mut PgConnection,
    symbol: &Symbol,
    source: &Source,
    finest: Interval,
) -> Result<(), StoreError> {
    // Always in this order, so that two writers cannot wait for each other.
    sqlx::query!("INSERT INTO sources (source) VALUES ($1) ON CONFLICT DO NOTHING", source.as_str())
        .execute(&mut *connection)
        .await?;
    sqlx::query!(
        "INSERT INTO symbols (symbol, name) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        symbol.as_str(),
        coin_name(symbol.as_str())
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "INSERT INTO series (symbol_id, source_id, finest)
         SELECT y.id, o.id, $3 FROM symbols y, sources o WHERE y.symbol = $1 AND o.source = $2
         ON CONFLICT DO NOTHING",
        symbol.as_str(),
        source.as_str(),
        secs(finest)
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Which candles came for a series, as far as its row says something of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Newest {
    /// Open time of the last that came.
    pub last: Option<UnixMs>,
    /// Open time of the last that came and has not ended.
    pub running: Option<UnixMs>,
}

/// Settles what the row of a series says of its candles: the decimals of their prices, and which of them has not ended. One
/// that had not ended when it was written, and came again or has later ones now, is over.
pub(super) async fn describe(
    connection: &mut PgConnection,
    id: i64,
    newest: Newest,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE series SET price_decimals = common_price_decimals(id, finest),
             running = CASE WHEN $2::bigint IS NOT NULL THEN greatest(running, $2)
                            WHEN running <= $3 THEN NULL ELSE running END
         WHERE id = $1",
        id,
        newest.running,
        newest.last
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Gives a series its new revision, the highest of all, and notifies the listeners once it is committed. `span`: open times of
/// the first and the last of the finest bars that came.
pub(super) async fn raise(
    connection: &mut PgConnection,
    id: i64,
    span: Option<(UnixMs, UnixMs)>,
) -> Result<u64, StoreError> {
    lock_revisions(connection).await?;
    let revision = sqlx::query_scalar!(
        r#"UPDATE series SET revision = greatest((SELECT max(revision) FROM series) + 1,
               (extract(epoch FROM clock_timestamp()) * 1000000)::bigint),
               first_open = least(first_open, $2), last_open = greatest(last_open, $3)
           WHERE id = $1 RETURNING revision"#,
        id,
        span.map(|span| span.0),
        span.map(|span| span.1)
    )
    .fetch_one(&mut *connection)
    .await?;
    tell(connection, &id.to_string(), revision).await
}

/// What came for a series.
#[derive(Clone, Copy, Debug)]
pub(super) struct Came {
    /// The series.
    pub id: i64,
    /// Open time of its first finest bar that came.
    pub first: UnixMs,
    /// Open time of the last.
    pub last: UnixMs,
    /// Whether that one still runs.
    pub runs: bool,
}

/// Gives several series one new revision and says which of their finest bars still runs. Tells the listeners once.
pub(super) async fn raise_all(connection: &mut PgConnection, came: &[Came]) -> Result<u64, StoreError> {
    lock_revisions(connection).await?;
    // The time is read once, so that all of them get the same.
    let revisions = sqlx::query_scalar!(
        r#"WITH next AS MATERIALIZED (SELECT greatest((SELECT max(revision) FROM series) + 1,
               (extract(epoch FROM clock_timestamp()) * 1000000)::bigint) AS revision)
           UPDATE series s SET revision = next.revision, running = CASE WHEN c.runs THEN c.last END,
               first_open = least(s.first_open, c.first), last_open = greatest(s.last_open, c.last)
           FROM next, unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::boolean[]) AS c (id, first, last, runs)
           WHERE s.id = c.id RETURNING s.revision"#,
        &came.iter().map(|it| it.id).collect::<Vec<_>>(),
        &came.iter().map(|it| it.first).collect::<Vec<_>>(),
        &came.iter().map(|it| it.last).collect::<Vec<_>>(),
        &came.iter().map(|it| it.runs).collect::<Vec<_>>()
    )
    .fetch_all(&mut *connection)
    .await?;
    let revision = revisions.into_iter().max().unwrap_or(0);
    tell(connection, "*", revision).await
}

async fn lock_revisions(connection: &mut PgConnection) -> Result<(), StoreError> {
    // The last lock that is taken, and held to the end: nobody waits for us with it. What follows is a statement of its
    // own: its snapshot sees every revision that was given out.
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(REVISIONS_LOCK).execute(connection).await?;
    Ok(())
}

async fn tell(connection: &mut PgConnection, which: &str, revision: i64) -> Result<u64, StoreError> {
    sqlx::query!("SELECT pg_notify($1, $2)", CHANNEL, format!("{which}:{revision}"))
        .execute(connection)
        .await?;
    directory::revision(revision)
}

/// Makes the tables of minutes for these times, as far as they are missing.
pub(super) async fn make_months(
    connection: &mut PgConnection,
    from: UnixMs,
    to: UnixMs,
) -> Result<i32, StoreError> {
    let made = sqlx::query_scalar!(r#"SELECT make_months($1, $2) AS "made!""#, from, to)
        .fetch_one(connection)
        .await?;
    Ok(made)
}
