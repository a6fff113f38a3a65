//! Accounts and their sessions. Past the cache: who is let in is never a matter of what was cached.

use model::UnixMs;

use super::{
    Store, StoreError,
    audit::{self, Noted},
};
use crate::accounts::{AuditEntry, IdHash, SessionRecord};

/// Sessions kept of an account; those that were not used for longest give way.
const MOST_SESSIONS: i64 = 100;

impl Store {
    /// The hash of an account's password, in PHC format.
    pub(crate) async fn password_hash(&self, account: &str) -> Result<Option<String>, StoreError> {
        self.bounded(async {
            let hash = sqlx::query_scalar!("SELECT password_hash FROM accounts WHERE name = $1", account)
                .fetch_optional(self.pool())
                .await?;
            Ok(hash)
        })
        .await
    }

    /// Sets a password, ends all sessions of the account and adds the entry to the audit log, in one transaction at the time
    /// of the entry.
    pub(crate) async fn set_password(
        &self,
        account: &str,
        hash: &str,
        entry: &AuditEntry,
    ) -> Result<Noted, StoreError> {
        self.bounded(async {
            let mut tx = self.pool().begin().await?;
            sqlx::query!(
                "INSERT INTO accounts (name, password_hash, changed_at) VALUES ($1, $2, $3)
                 ON CONFLICT (name) DO UPDATE SET password_hash = excluded.password_hash,
                     changed_at = excluded.changed_at",
                account,
                hash,
                entry.at
            )
            .execute(&mut *tx)
            .await?;
            sqlx::query!("DELETE FROM sessions WHERE account = $1", account).execute(&mut *tx).await?;
            let noted = audit::add_in(&mut tx, entry).await?.map_err(|error| self.for_user(error));
            tx.commit().await?;
            Ok(noted)
        })
        .await
    }

    /// Sets a password if the account has none yet, as [`Store::set_password`]. None if it has one.
    pub(crate) async fn set_first_password(
        &self,
        account: &str,
        hash: &str,
        entry: &AuditEntry,
    ) -> Result<Option<Noted>, StoreError> {
        self.bounded(async {
            let mut tx = self.pool().begin().await?;
            let done = sqlx::query!(
                "INSERT INTO accounts (name, password_hash, changed_at) VALUES ($1, $2, $3)
                 ON CONFLICT (name) DO NOTHING",
                account,
                hash,
                entry.at
            )
            .execute(&mut *tx)
            .await?;
            if done.rows_affected() == 0 {
                return Ok(None);
            }
            let noted = audit::add_in(&mut tx, entry).await?.map_err(|error| self.for_user(error));
            tx.commit().await?;
            Ok(Some(noted))
        })
        .await
    }

    /// Makes a session, if the account's password still is the one of this hash: it may have been changed while the old one
    /// was checked. Whether it was made.
    pub(crate) async fn start_session(
        &self,
        id: &IdHash,
        record: &SessionRecord,
        password_hash: &str,
    ) -> Result<bool, StoreError> {
        self.bounded(async {
            let mut tx = self.pool().begin().await?;
            // The row is locked against a new password, which would end this session otherwise.
            let account = sqlx::query_scalar!(
                "SELECT name FROM accounts WHERE name = $1 AND password_hash = $2 FOR SHARE",
                record.account,
                password_hash
            )
            .fetch_optional(&mut *tx)
            .await?;
            if account.is_none() {
                return Ok(false);
            }
            sqlx::query!(
                "INSERT INTO sessions (id_hash, account, created_at, seen_at, address, agent)
                 VALUES ($1, $2, $3, $4, $5, $6)",
                &id.0[..],
                record.account,
                record.created_at,
                record.seen_at,
                record.address,
                record.agent
            )
            .execute(&mut *tx)
            .await?;
            sqlx::query!(
                "DELETE FROM sessions WHERE id_hash IN
                     (SELECT id_hash FROM sessions WHERE account = $1 ORDER BY seen_at DESC OFFSET $2)",
                record.account,
                MOST_SESSIONS
            )
            .execute(&mut *tx)
            .await?;
            tx.commit().await?;
            Ok(true)
        })
        .await
    }

    /// The session of this id.
    pub(crate) async fn session(&self, id: &IdHash) -> Result<Option<SessionRecord>, StoreError> {
        self.bounded(async {
            let found = sqlx::query_as!(
                SessionRecord,
                "SELECT account, created_at, seen_at, address, agent FROM sessions WHERE id_hash = $1",
                &id.0[..]
            )
            .fetch_optional(self.pool())
            .await?;
            Ok(found)
        })
        .await
    }

    /// Notes that a session was used.
    pub(crate) async fn touch_session(&self, id: &IdHash, now: UnixMs) -> Result<(), StoreError> {
        self.bounded(async {
            sqlx::query!(
                "UPDATE sessions SET seen_at = greatest(seen_at, $2) WHERE id_hash = $1",
                &id.0[..],
                now
            )
            .execute(self.pool())
            .await?;
            Ok(())
        })
        .await
    }

    /// Ends a session, if it is there.
    pub(crate) async fn end_session(&self, id: &IdHash) -> Result<(), StoreError> {
        self.bounded(async {
            sqlx::query!("DELETE FROM sessions WHERE id_hash = $1", &id.0[..]).execute(self.pool()).await?;
            Ok(())
        })
        .await
    }

    /// Ends all sessions and adds the entry of how many to the audit log, in one transaction. How many there were.
    pub(crate) async fn end_sessions(
        &self,
        entry: impl FnOnce(u64) -> AuditEntry,
    ) -> Result<(u64, Noted), StoreError> {
        self.bounded(async {
            let mut tx = self.pool().begin().await?;
            let ended = sqlx::query!("DELETE FROM sessions").execute(&mut *tx).await?.rows_affected();
            let noted = audit::add_in(&mut tx, &entry(ended)).await?.map_err(|error| self.for_user(error));
            tx.commit().await?;
            Ok((ended, noted))
        })
        .await
    }

    /// All sessions, the one that was used last first.
    pub(crate) async fn sessions(&self) -> Result<Vec<SessionRecord>, StoreError> {
        self.bounded(async {
            let found = sqlx::query_as!(
                SessionRecord,
                "SELECT account, created_at, seen_at, address, agent FROM sessions ORDER BY seen_at DESC"
            )
            .fetch_all(self.pool())
            .await?;
            Ok(found)
        })
        .await
    }

    /// Drops sessions that were made, or last used, by these times.
    pub(crate) async fn sweep_sessions(&self, created: UnixMs, seen: UnixMs) -> Result<(), StoreError> {
        self.bounded(async {
            sqlx::query!("DELETE FROM sessions WHERE created_at <= $1 OR seen_at <= $2", created, seen)
                .execute(self.pool())
                .await?;
            Ok(())
        })
        .await
    }
}
