//! The schema and its versions.

use sqlx::migrate::Migrator;

use super::{Store, StoreError};

static MIGRATOR: Migrator = sqlx::migrate!("./migrations");

impl Store {
    /// Brings the schema to the version of this program; does nothing if it is there already. Several processes may
    /// call it at once. Not bounded by the statement timeout of reads.
    ///
    /// # Errors
    /// [`StoreError::Schema`] if the database is newer than this program, [`StoreError::Denied`] with the command that gives a
    /// missing right, otherwise what Postgres said.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.migrate_as_user().await.map_err(|error| self.for_user(error))
    }

    async fn migrate_as_user(&self) -> Result<(), StoreError> {
        let mut connection = self.pool().acquire().await?.detach();
        sqlx::query("SET statement_timeout = 0").execute(&mut connection).await?;
        MIGRATOR.run_direct(&mut connection).await?;
        Ok(())
    }

    /// Which database this is: the same for all who use it, however they write its address, another where it was restored from a
    /// dump. A copy of the files, as by `pg_basebackup` or a snapshot of the disk, has the same.
    ///
    /// # Errors
    /// As every read; also where the user may not ask.
    pub async fn identity(&self) -> Result<String, StoreError> {
        // The identity of the cluster's files, the database in it, and the schema of the search path. Not a checked query: it
        // asks the server, not this program's schema.
        let ask = "SELECT format('%s.%s.%s', (SELECT system_identifier FROM pg_control_system()), \
                   (SELECT oid FROM pg_database WHERE datname = current_database()), \
                   (SELECT oid FROM pg_namespace WHERE nspname = current_schema()))";
        self.bounded(async { Ok(sqlx::query_scalar(ask).fetch_one(self.pool()).await?) }).await
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
