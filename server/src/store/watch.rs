//! Hearing of changes: Postgres tells every listener when an import commits.

use std::time::Duration;

use sqlx::{
    PgPool,
    postgres::{PgListener, PgPoolOptions},
};

use super::{Store, StoreError, connect::bounded, directory};

/// The channel; the payload is `series_id:revision`, or `*:revision` of several series.
pub(super) const CHANNEL: &str = "tidemark_series";

/// Without word for so long, ask: it finds a dead connection, and makes up for a message that was lost.
const QUIET: Duration = Duration::from_secs(5);
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(5);

impl Store {
    /// Calls `on_change` with the highest revision known, at once and after every change, for as long as the future
    /// is polled. After a lost connection it connects again, waiting 0.1 s to 5 s between attempts, and reports the
    /// revision that it finds then. A revision may be reported twice, and several changes at once as their newest.
    /// Cancel it by dropping it.
    pub async fn watch(self, on_change: impl Fn(u64)) {
        let mut retry = FIRST_RETRY;
        loop {
            let mut connected = false;
            // One connection of its own: readers must not wait for the listener's. A pool for each attempt: a listener that
            // was dropped on a silent socket holds its pool's only place until the kernel gives the socket up.
            let pool = PgPoolOptions::new()
                .max_connections(1)
                .acquire_timeout(Duration::from_secs(3))
                .max_lifetime(None)
                .idle_timeout(None)
                .connect_lazy_with(self.options().clone());
            let Err(error) = listen(&pool, &on_change, &mut connected).await;
            if connected {
                retry = FIRST_RETRY;
            }
            tracing::debug!(%error, "not listening for changes; trying again in {retry:?}");
            tokio::time::sleep(retry).await;
            retry = (retry * 2).min(LAST_RETRY);
        }
    }
}

async fn listen(
    pool: &PgPool,
    on_change: &impl Fn(u64),
    connected: &mut bool,
) -> Result<std::convert::Infallible, StoreError> {
    let mut listener = bounded(async {
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(CHANNEL).await?;
        Ok(listener)
    })
    .await?;
    // Only after LISTEN: a change between the two would go unheard.
    let mut newest = highest(&mut listener).await?;
    on_change(newest);
    *connected = true;
    loop {
        match tokio::time::timeout(QUIET, listener.try_recv()).await {
            Ok(Ok(Some(notification))) => {
                // A payload that cannot be read still says that something changed.
                let revision = match revision(notification.payload()) {
                    Some(revision) => revision,
                    None => highest(&mut listener).await?,
                };
                newest = newest.max(revision);
                on_change(newest);
            }
            // None: the connection was lost.
            Ok(Ok(None)) => return Err(StoreError::unavailable("the connection was closed")),
            Ok(Err(error)) => return Err(error.into()),
            Err(_quiet) => {
                let found = highest(&mut listener).await?;
                if found > newest {
                    newest = found;
                    on_change(newest);
                }
            }
        }
    }
}

/// The highest revision, asked over the listening connection.
async fn highest(listener: &mut PgListener) -> Result<u64, StoreError> {
    bounded(async {
        let found = sqlx::query_scalar!(r#"SELECT coalesce(max(revision), 0) AS "revision!" FROM series"#)
            .fetch_one(listener)
            .await?;
        directory::revision(found)
    })
    .await
}

fn revision(payload: &str) -> Option<u64> {
    payload.split_once(':')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::revision;

    #[test]
    fn reads_its_payload_only() {
        assert_eq!(revision("7:1700000000000000"), Some(1_700_000_000_000_000));
        assert_eq!(revision("7"), None);
        assert_eq!(revision("7:x"), None);
    }
}
