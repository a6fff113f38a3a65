//! The audit log. Past the cache, and only ever added to, but for what is too old or too many.

use model::UnixMs;
use sqlx::{Connection, PgConnection};

use super::{Store, StoreError};
use crate::accounts::AuditEntry;

/// Audit entries kept of each kind: refused ones are counted apart, so that guesses cannot push the others out.
const MOST_AUDIT: i64 = 10_000;
/// How long audit entries are kept: 400 days, so that a year can be looked back at.
const AUDIT_MS: i64 = 400 * 86_400_000;

/// Whether the audit log has what was done. An entry that cannot be written does not prevent it.
pub(crate) type Noted = Result<(), StoreError>;

/// Adds an entry in the transaction of what it describes.
///
/// # Errors
/// Of the transaction. That the entry alone could not be written is the inner error; the transaction can go on.
pub(super) async fn add_in(transaction: &mut PgConnection, entry: &AuditEntry) -> Result<Noted, sqlx::Error> {
    // An error ends a transaction, but not beyond a savepoint.
    let mut savepoint = transaction.begin().await?;
    match insert(&mut savepoint, entry).await {
        Ok(()) => savepoint.commit().await.map(Ok),
        Err(error) => savepoint.rollback().await.map(|()| Err(error.into())),
    }
}

async fn insert(connection: &mut PgConnection, entry: &AuditEntry) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO audit (at, action, account, address, detail) VALUES ($1, $2, $3, $4, $5)",
        entry.at,
        entry.action.as_str(),
        entry.account,
        entry.address,
        entry.detail
    )
    .execute(connection)
    .await
    .map(|_| ())
}

impl Store {
    /// Adds an entry to the audit log.
    pub(crate) async fn write_audit(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        self.bounded(async {
            let mut connection = self.pool().acquire().await?;
            Ok(insert(&mut connection, entry).await?)
        })
        .await
    }

    /// Drops audit entries that are too old or too many.
    pub(crate) async fn sweep_audit(&self, now: UnixMs) -> Result<(), StoreError> {
        self.bounded(async {
            sqlx::query!("DELETE FROM audit WHERE at < $1", now - AUDIT_MS).execute(self.pool()).await?;
            for refused in [true, false] {
                sqlx::query!(
                    "DELETE FROM audit WHERE (action = 'sign_in_refused') = $1 AND id <=
                         (SELECT id FROM audit WHERE (action = 'sign_in_refused') = $1 ORDER BY id DESC
                          OFFSET $2 LIMIT 1)",
                    refused,
                    MOST_AUDIT
                )
                .execute(self.pool())
                .await?;
            }
            Ok(())
        })
        .await
    }
}
