//! The pool of connections and its bounds.

use std::{future::Future, net::IpAddr, str::FromStr, sync::Arc, time::Duration};

use sqlx::{
    ConnectOptions, Connection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{StoreError, write::patient};

/// Connections of one process. Reads are few (they come through the cache), so a handful keeps Postgres free.
const MAX_CONNECTIONS: u32 = 8;
/// Connections of a server in all: its pool, one that listens for changes, one by which the feed writes, one for what fills or tidies
/// up the tables, and one for each export.
pub(crate) const SERVER_CONNECTIONS: u32 = MAX_CONNECTIONS + 3 + MAX_EXPORTS;
/// Exports at once; each holds a connection for as long as its client takes to read.
pub(crate) const MAX_EXPORTS: u32 = 4;
/// Longest wait for a connection, free or new.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// Longest run of one statement, kept by Postgres.
const STATEMENT_TIMEOUT_MS: &str = "5000";
/// Longest read in all, kept here: a connection into a black hole never hears of the statement timeout.
const READ_TIMEOUT: Duration = Duration::from_secs(8);

/// Candles in Postgres. Cheap to clone; the clones share one pool.
#[derive(Clone, Debug)]
pub struct Store {
    pool: PgPool,
    // Shared: a store is cloned for every read, and the options are a dozen strings.
    options: Arc<PgConnectOptions>,
}

impl Store {
    /// Reads `database_url` and prepares a pool; connects only when first used.
    ///
    /// # Errors
    /// [`StoreError::Setting`] if the URL cannot be read. The text never repeats the URL.
    pub fn connect_lazy(database_url: &str) -> Result<Self, StoreError> {
        let setting = |reason: String| StoreError::Setting { reason };
        let url = database_url.trim();
        if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
            return Err(setting("does not start with postgres://".to_owned()));
        }
        let options = PgConnectOptions::from_str(url)
            .map_err(|error| {
                setting(match error {
                    // The inner text alone: "invalid port number" and the like.
                    sqlx::Error::Configuration(error) => error.to_string(),
                    _ => "cannot be read".to_owned(),
                })
            })?
            .application_name("tidemark")
            .options([
                ("statement_timeout", STATEMENT_TIMEOUT_MS),
                // The server's side of a connection whose client is gone without a word.
                ("tcp_keepalives_idle", "30"),
                ("tcp_keepalives_interval", "10"),
                ("tcp_keepalives_count", "3"),
                ("timezone", "UTC"),
                // Compiling a statement over tables a month takes longer than any of ours runs.
                ("jit", "off"),
            ]);
        let pool = PgPoolOptions::new()
            .max_connections(MAX_CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(Duration::from_secs(300))
            // The pool pings what is given back, without a limit: on a silent socket that would hold one of the few
            // places until the kernel gives the socket up. This ping comes before it, and an error frees the place.
            .after_release(|connection, _| {
                Box::pin(async move {
                    match tokio::time::timeout(ACQUIRE_TIMEOUT, connection.ping()).await {
                        Ok(pinged) => pinged.map(|()| true),
                        Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
                    }
                })
            })
            .connect_lazy_with(options.clone());
        Ok(Self { pool, options: Arc::new(options) })
    }

    /// Asks Postgres whether it answers and has the schema of this program.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] or [`StoreError::Schema`].
    pub async fn ping(&self) -> Result<(), StoreError> {
        match bounded(self.check_schema()).await {
            // The pool tries until its time is up and does not say why it failed; one attempt of our own does.
            Err(StoreError::Unavailable { .. }) => bounded(async {
                self.options.connect().await?.close().await?;
                self.check_schema().await
            })
            .await
            .map_err(|error| self.at_address(error)),
            other => other,
        }
        .map_err(|error| self.for_user(error))
    }

    /// With the user's name in what it is to be granted.
    pub(crate) fn for_user(&self, error: StoreError) -> StoreError {
        error.for_user(self.options.get_username())
    }

    /// Runs a read with a bound, as [`bounded`]. Its error names the user.
    pub(super) async fn bounded<T>(
        &self,
        read: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        bounded(read).await.map_err(|error| self.for_user(error))
    }

    /// Runs work that may take as long as this, as [`patient`]. Its error names the user.
    pub(super) async fn patient<T>(
        &self,
        patience: Duration,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        patient(patience, work).await.map_err(|error| self.for_user(error))
    }

    fn at_address(&self, error: StoreError) -> StoreError {
        match error {
            StoreError::Unavailable { away, reason } => StoreError::Unavailable {
                away,
                reason: format!("{reason} (at {}:{})", self.options.get_host(), self.options.get_port()),
            },
            other => other,
        }
    }

    /// Where the database is, as the URL says: user, host, port, name, and the options that choose a schema. No password. An address
    /// that each machine has for itself, such as `localhost`, goes with the name of this machine.
    #[must_use]
    pub fn origin(&self) -> String {
        let it = &self.options;
        let host =
            it.get_socket().map_or_else(|| it.get_host().to_owned(), |path| path.display().to_string());
        let name = it.get_database().unwrap_or_default();
        let options = it.get_options().unwrap_or_default();
        let machine =
            if it.get_socket().is_some() || is_own_address(&host) { machine() } else { String::new() };
        format!("{}@{host}:{}/{name}?{options}{machine}", it.get_username(), it.get_port())
    }

    /// Closes the connections, waiting for those in use. Later calls are [`StoreError::Unavailable`].
    pub async fn close(&self) {
        self.pool.close().await;
    }

    pub(super) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// A connection outside the pool, for work that keeps it long: listening, importing.
    pub(super) fn options(&self) -> &PgConnectOptions {
        &self.options
    }
}

/// Whether each machine has this address for itself. The client library takes a path for a socket.
fn is_own_address(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback());
    is_loopback
        || host.is_empty()
        || host.starts_with('/')
        || host.trim_end_matches('.').eq_ignore_ascii_case("localhost")
}

/// The name of this machine, after what it goes with.
#[cfg(unix)]
fn machine() -> String {
    format!(" on {}", rustix::system::uname().nodename().to_string_lossy())
}

/// Where it cannot be asked for so simply.
#[cfg(not(unix))]
fn machine() -> String {
    String::new()
}

/// Runs a read with the bound that holds even when Postgres falls silent.
pub(super) async fn bounded<T>(read: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    tokio::time::timeout(READ_TIMEOUT, read).await.unwrap_or_else(|_| Err(StoreError::slow()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_bad_url_names_the_setting_and_hides_the_password() {
        for bad in [
            "",
            "mysql://u:hunter2@h/d",
            "postgres://u:hunter2@h:notaport/d",
            "postgres://u:hunter2@h/d?sslmode=x",
        ] {
            let text = Store::connect_lazy(bad).unwrap_err().to_string();
            assert!(text.starts_with("DATABASE_URL: "), "{text}");
            assert!(!text.contains("hunter2"), "{text}");
        }
    }

    #[tokio::test]
    async fn an_address_that_each_machine_has_goes_with_the_machine() {
        let origin = |url: &str| Store::connect_lazy(url).unwrap().origin();
        let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
        for own in ["localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3", "[::1]", "[::ffff:127.0.0.1]"] {
            let origin = origin(&format!("postgres://u:s3cret@{own}/d"));
            assert!(origin.ends_with(&format!(" on {name}")) && !origin.contains("s3cret"), "{origin}");
        }
        assert!(origin("postgres:///d?host=/run/postgresql&user=u").ends_with(&format!(" on {name}")));
        for shared in ["db.example.org", "10.0.0.5", "[2001:db8::1]", "localhost.example.org"] {
            let origin = origin(&format!("postgres://u:s3cret@{shared}/d"));
            assert!(!origin.contains(" on ") && !origin.contains("s3cret"), "{origin}");
        }
    }

    #[tokio::test]
    async fn nothing_listening_is_unavailable() {
        // Bound and dropped: nobody listens there now.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let store = Store::connect_lazy(&format!("postgres://u@127.0.0.1:{port}/d")).unwrap();
        assert!(matches!(store.ping().await, Err(StoreError::Unavailable { .. })));
    }
}
