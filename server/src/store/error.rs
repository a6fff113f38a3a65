//! What can go wrong between here and Postgres.

use sqlx::{error::DatabaseError, migrate::MigrateError};

/// Why Postgres gave no answer. Cheap enough to clone, so that one failed load answers all who waited for it. The text
/// is one line and holds no password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The setting cannot be read.
    #[error("DATABASE_URL: {reason}; expected postgres://user:password@host:port/database")]
    Setting {
        /// What is wrong with it.
        reason: String,
    },
    /// Postgres cannot be reached, refuses us, or took too long.
    #[error("Postgres is unavailable: {reason}")]
    Unavailable {
        /// What happened.
        reason: String,
    },
    /// The schema is missing, or older or newer than this program.
    #[error("the database needs a migration: {reason}")]
    Schema {
        /// What was found and what to do.
        reason: String,
    },
    /// Postgres refused a statement, or answered what does not fit.
    #[error("query failed: {reason}")]
    Query {
        /// What Postgres said.
        reason: String,
    },
}

impl StoreError {
    /// Whether a later attempt may succeed without anyone doing anything.
    #[must_use]
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    pub(super) fn query(reason: impl Into<String>) -> Self {
        Self::Query { reason: reason.into() }
    }

    /// A task that worked for the store panicked, or was cancelled at shutdown.
    pub(crate) fn stopped(error: tokio::task::JoinError) -> Self {
        Self::query(format!("a task stopped: {error}"))
    }

    pub(super) fn unavailable(reason: impl Into<String>) -> Self {
        Self::Unavailable { reason: reason.into() }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error;
        match error {
            Error::Database(error) => from_database(error.as_ref()),
            Error::Io(error) => Self::unavailable(error.to_string()),
            Error::Tls(error) => Self::unavailable(format!("TLS: {error}")),
            Error::Protocol(reason) => Self::unavailable(format!("protocol: {reason}")),
            Error::PoolTimedOut => Self::unavailable("no connection within the time allowed"),
            Error::PoolClosed | Error::WorkerCrashed => Self::unavailable("the connections are closed"),
            other => Self::query(one_line(&other.to_string())),
        }
    }
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) => error.into(),
            MigrateError::VersionMissing(version) => Self::Schema {
                reason: format!(
                    "it has version {version}, which is newer than this program; use a newer tidemark"
                ),
            },
            MigrateError::VersionMismatch(version) => Self::Schema {
                reason: format!("its version {version} was made by a different build of this program"),
            },
            other => Self::query(one_line(&other.to_string())),
        }
    }
}

/// By SQLSTATE, <https://www.postgresql.org/docs/15/errcodes-appendix.html>.
fn from_database(error: &(dyn DatabaseError + 'static)) -> StoreError {
    let code = error.code().unwrap_or_default();
    let reason = one_line(error.message());
    match (code.get(..2), code.as_ref()) {
        (_, "42P01" | "42703") => StoreError::Schema { reason: format!("{reason}; run `tidemark migrate`") },
        // Connection exceptions, bad credentials, no such database, out of resources, operator intervention (shutdown,
        // statement timeout), lock timeout.
        (Some("08" | "28" | "3D" | "53" | "57"), _) | (_, "55P03") => StoreError::unavailable(reason),
        _ => StoreError::query(format!("{reason} (SQLSTATE {code})")),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_server_is_unavailable_and_may_come_back() {
        let error = StoreError::from(sqlx::Error::PoolTimedOut);
        assert!(error.is_transient(), "{error}");
        let error = StoreError::from(sqlx::Error::Io(std::io::Error::other("refused")));
        assert_eq!(error.to_string(), "Postgres is unavailable: refused");
    }

    #[test]
    fn messages_are_one_line() {
        assert_eq!(
            StoreError::from(sqlx::Error::ColumnNotFound("a\n b".into())).to_string().lines().count(),
            1
        );
    }
}
