//! The audit log. Past the cache, and only ever added to, but for what is too old or too many.

use model::UnixMs;

use super::{Store, StoreError, connect::bounded};
use crate::accounts::AuditEntry;

/// Audit entries kept of each kind: refused ones are counted apart, so that guesses cannot push the others out.
const MOST_AUDIT: i64 = 10_000;
/// How long audit entries are kept: 400 days, so that a year can be looked back at.
const AUDIT_MS: i64 = 400 * 86_400_000;

impl Store {
    /// Adds an entry to the audit log.
    pub(crate) async fn write_audit(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        bounded(async {
            sqlx::query!(
                "INSERT INTO audit (at, action, account, address, detail) VALUES ($1, $2, $3, $4, $5)",
                entry.at,
                entry.action.as_str(),
                entry.account,
                entry.address,
                entry.detail
            )
            .execute(self.pool())
            .await?;
            Ok(())
        })
        .await
    }

    /// Drops audit entries that are too old or too many.
    pub(crate) async fn sweep_audit(&self, now: UnixMs) -> Result<(), StoreError> {
        bounded(async {
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
