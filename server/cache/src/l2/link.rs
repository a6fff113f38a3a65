//! The connection to Redis: made in the background, watched, replaced when it breaks.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use redis::aio::MultiplexedConnection;
use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::{AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::state::{L2Error, L2State, Noted};
use crate::clears::Store;

/// A connection attempt, handshake included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// An exchange of the watchdog: poll of the clear log, or reading it whole.
const WATCH_TIMEOUT: Duration = Duration::from_secs(1);
/// Between two polls of the clear log, which are the watchdog's pings as well.
const WATCH_EVERY: Duration = Duration::from_secs(1);
/// Between two attempts at most.
const MAX_BACKOFF: Duration = Duration::from_secs(1);
const MIN_BACKOFF: Duration = Duration::from_millis(25);
/// So many commands in a row without an answer in time open the breaker.
const TIMEOUTS_TO_OPEN: u32 = 3;
/// Commands that wait to be written to the socket at most.
const QUEUE: usize = 1_024;

/// Where Redis is and how to get there. Its `Debug` shows no credentials.
#[derive(Clone)]
pub(crate) struct Redis {
    client: Client,
    address: String,
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Redis").field(&self.address).finish()
    }
}

impl Redis {
    /// Reads a URL. The error never repeats it: it may hold a password.
    pub fn parse(url: &str) -> Result<Self, String> {
        let scheme = url.split_once("://").map(|(scheme, _)| scheme);
        if !matches!(scheme, Some("redis" | "redis+unix" | "unix")) {
            return Err(match scheme {
                Some(scheme) => format!("scheme `{scheme}` is not supported, redis:// is"),
                None => "expected redis://host:port".into(),
            });
        }
        let info = url
            .into_connection_info()
            .map_err(|_| "does not parse, expected redis://[user:password@]host:port[/db]".to_owned())?;
        let address = match info.addr() {
            ConnectionAddr::Tcp(host, port) => format!("{host}:{port}"),
            ConnectionAddr::Unix(path) => path.display().to_string(),
            _ => "redis".to_owned(),
        };
        let client = Client::open(with_tcp_settings(info))
            .map_err(|error| format!("cannot be used: {}", error.category()))?;
        Ok(Self { client, address })
    }
}

/// A socket that notices a dead peer even when nothing is asked of it.
fn with_tcp_settings(info: ConnectionInfo) -> ConnectionInfo {
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(10))
        .with_interval(Duration::from_secs(3))
        .with_retries(3);
    let settings = TcpSettings::default().set_nodelay(true).set_keepalive(keepalive);
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    let settings = settings.set_user_timeout(Duration::from_secs(5));
    info.set_tcp_settings(settings)
}

/// The link. Commands take the connection that is published, or fail at once when there is none.
pub(crate) struct Link {
    redis: Redis,
    /// The published connection and its number.
    conn: RwLock<Option<(u64, MultiplexedConnection)>>,
    noted: Mutex<Noted>,
    /// Commands in a row that had no answer in time.
    timeouts: AtomicU32,
    /// Tells the watchdog to look now.
    look: Notify,
    /// Tells who waits that there is a connection.
    up: Notify,
}

impl Link {
    pub fn new(redis: Redis) -> Self {
        Self {
            redis,
            conn: RwLock::new(None),
            noted: Mutex::new(Noted::new()),
            timeouts: AtomicU32::new(0),
            look: Notify::new(),
            up: Notify::new(),
        }
    }

    pub fn state(&self) -> L2State {
        let noted = self.noted.lock();
        L2State {
            configured: true,
            connected: noted.connected,
            address: Some(self.redis.address.clone()),
            last_error: noted.last_error.clone(),
            for_ms: crate::clock::millis(noted.held_for()),
            connects: noted.connects,
        }
    }

    pub fn is_connected(&self) -> bool {
        self.conn.read().is_some()
    }

    /// Returns when there is a connection.
    pub async fn wait_connected(&self) {
        loop {
            let mut up = std::pin::pin!(self.up.notified());
            // Listen first, look then: otherwise a call in between is missed.
            up.as_mut().enable();
            if self.is_connected() {
                return;
            }
            up.await;
        }
    }

    /// Runs one exchange within `limit`. Fails at once while there is no connection; takes the connection out of use
    /// when it broke or when too many exchanges in a row had no answer.
    pub async fn run<T, F, Fut>(&self, limit: Duration, exchange: F) -> Result<T, L2Error>
    where
        F: FnOnce(MultiplexedConnection) -> Fut,
        Fut: Future<Output = redis::RedisResult<T>>,
    {
        let (number, conn) = self.connection()?;
        let result = timeout(limit, exchange(conn)).await;
        match result {
            Ok(Ok(value)) => {
                self.timeouts.store(0, Ordering::Relaxed);
                Ok(value)
            }
            Ok(Err(error)) if error.is_timeout() => Err(self.timed_out(number)),
            Ok(Err(error)) => {
                // An answer, if a bad one, shows that the other side lives; the rest are broken connections.
                if error.is_unrecoverable_error() {
                    self.withdraw(number, &error.to_string());
                } else {
                    self.timeouts.store(0, Ordering::Relaxed);
                }
                Err(error.into())
            }
            Err(_) => Err(self.timed_out(number)),
        }
    }

    /// A copy of the published connection, for exchanges with a timeout of their own.
    pub fn connection(&self) -> Result<(u64, MultiplexedConnection), L2Error> {
        self.conn.read().clone().ok_or_else(|| {
            let noted = self.noted.lock();
            L2Error::Disconnected(noted.last_error.clone().unwrap_or_else(|| "just lost".into()))
        })
    }

    fn timed_out(&self, number: u64) -> L2Error {
        if self.timeouts.fetch_add(1, Ordering::Relaxed) + 1 >= TIMEOUTS_TO_OPEN {
            self.withdraw(number, &L2Error::Timeout.to_string());
        }
        L2Error::Timeout
    }

    /// Takes connection `number` out of use; the watchdog then decides what becomes of it.
    fn withdraw(&self, number: u64, why: &str) {
        let mut conn = self.conn.write();
        if conn.as_ref().is_some_and(|(published, _)| *published == number) {
            *conn = None;
            self.note_lost(why);
            self.look.notify_one();
        }
    }

    fn publish(&self, number: u64, conn: &MultiplexedConnection) {
        self.timeouts.store(0, Ordering::Relaxed);
        let mut published = self.conn.write();
        if published.is_none() {
            *published = Some((number, conn.clone()));
            let mut noted = self.noted.lock();
            noted.connected = true;
            noted.last_error = None;
            noted.since = Instant::now();
            noted.connects += 1;
            self.up.notify_waiters();
            tracing::info!(redis = %self.redis.address, "connected to Redis {}", self.redis.address);
        }
    }

    fn note_lost(&self, why: &str) {
        let mut noted = self.noted.lock();
        if noted.connected {
            noted.since = Instant::now();
            tracing::warn!(redis = %self.redis.address, error = why, "Redis {} is away: {why}", self.redis.address);
        }
        noted.connected = false;
        noted.last_error = Some(why.to_owned());
    }

    /// Connects, watches, reconnects, for as long as it is polled.
    pub async fn supervise(&self, clears: &Store) {
        let mut backoff = MIN_BACKOFF;
        for number in 1.. {
            let why = match self.connect(clears).await {
                Ok(mut conn) => {
                    backoff = MIN_BACKOFF;
                    self.publish(number, &conn);
                    self.watch(number, &mut conn, clears).await
                }
                Err(error) => error,
            };
            self.withdraw(number, &why.to_string());
            self.note_lost(&why.to_string());
            // Up to half off, so that many servers do not come back in step.
            sleep(backoff.mul_f64(1.0 - fastrand::f64() / 2.0)).await;
            backoff = (backoff * 2).min(MAX_BACKOFF);
        }
    }

    /// A connection over which the clear log was read: only then can entries be judged.
    async fn connect(&self, clears: &Store) -> Result<MultiplexedConnection, L2Error> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(CONNECT_TIMEOUT))
            .set_pipeline_buffer_size(QUEUE);
        let connecting = self.redis.client.get_multiplexed_async_connection_with_config(&config);
        let mut conn = timeout(CONNECT_TIMEOUT, connecting).await.map_err(|_| L2Error::Timeout)??;
        look_at(&mut conn, clears).await?;
        Ok(conn)
    }

    /// Polls the clear log until that fails; returns the error. A connection that was withdrawn and answers again is
    /// published again: that closes the breaker.
    async fn watch(&self, number: u64, conn: &mut MultiplexedConnection, clears: &Store) -> L2Error {
        loop {
            // Early on a call: whoever withdrew the connection wants to know.
            let _ = timeout(WATCH_EVERY, self.look.notified()).await;
            if let Err(error) = look_at(conn, clears).await {
                return error;
            }
            self.publish(number, conn);
        }
    }
}

async fn look_at(conn: &mut MultiplexedConnection, clears: &Store) -> Result<(), L2Error> {
    timeout(WATCH_TIMEOUT, clears.sync(conn)).await.unwrap_or(Err(L2Error::Timeout))
}
