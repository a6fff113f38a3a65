//! What a server does for the database now and then: room for the months to come, and dropping what was kept long enough.

use std::time::Duration;

use crate::{
    config::Retention,
    feed::now_ms,
    store::{Store, StoreError},
};

const EVERY: Duration = Duration::from_secs(3_600);
const RETRY: Duration = Duration::from_secs(60);
/// How far ahead there is room for minutes: this month and the two after it.
const AHEAD_MS: i64 = 62 * 86_400_000;

/// Keeps house until it is aborted. Several servers may do so at once.
pub(super) async fn keep(store: Store, retention: Retention) {
    loop {
        let rest = match tidy(&store, &retention).await {
            Ok(()) => EVERY,
            Err(error) => {
                tracing::debug!(%error, "the database cannot be tidied up now: {error}");
                RETRY
            }
        };
        tokio::time::sleep(rest).await;
    }
}

async fn tidy(store: &Store, retention: &Retention) -> Result<(), StoreError> {
    let now = now_ms();
    let made = store.make_room(now, now + AHEAD_MS).await?;
    if made > 0 {
        tracing::info!(made, "made room for 1m candles: {made} months");
    }
    for (interval, kept) in retention.iter() {
        let before = now - i64::try_from(kept.as_millis()).unwrap_or(i64::MAX).min(now);
        let dropped = store.drop_before(interval, before).await?;
        if dropped.months + dropped.rows > 0 {
            let (months, rows) = (dropped.months, dropped.rows);
            tracing::info!(%interval, months, rows, "dropped {interval} candles: {months} months, {rows} rows");
        }
    }
    Ok(())
}
