//! The schema and its versions.

use sqlx::migrate::Migrator;

use super::{Store, StoreError};

static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

impl Store {
    /// Brings the schema to the version of this program; does nothing if it is there already. Several processes may
    /// call it at once. Not bounded by the statement timeout of reads.
    ///
    /// # Errors
    /// [`StoreError::Schema`] if the database is newer than this program, otherwise what Postgres said.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let mut connection = self.pool().acquire().await?.detach();
        sqlx::query("SET statement_timeout = 0").execute(&mut connection).await?;
        MIGRATOR.run_direct(&mut connection).await?;
        Ok(())
    }

    /// Compares the newest migration in the database with the newest built in.
    pub(super) async fn check_schema(&self) -> Result<(), StoreError> {
        // Not a checked query: the table belongs to the migrator, not to the migrations.
        let found: Option<i64> =
            sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations WHERE success")
                .fetch_one(self.pool())
                .await?;
        let wanted = MIGRATOR.iter().map(|migration| migration.version).max();
        let reason = match (found, wanted) {
            (found, wanted) if found == wanted => return Ok(()),
            (Some(found), Some(wanted)) if found > wanted => {
                format!("it has version {found}, newer than this program's {wanted}; use a newer tidemark")
            }
            (found, wanted) => format!(
                "it has version {}, this program wants {}; run `tidemark migrate`",
                found.unwrap_or(0),
                wanted.unwrap_or(0)
            ),
        };
        Err(StoreError::Schema { reason })
    }
}
