//! The cache as a whole: what its categories share.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::builder::{Builder, ConfigError};
use crate::category::Category;
use crate::clears::{ClearError, Cleared, MAX_SCOPE_TEXT, Mirror, Scope, Store, Undone};
use crate::codec::Value;
use crate::key::{Key, is_name};
use crate::l1::Memory;
use crate::l2::{Access, L2Error, L2State, Ops, Router};
use crate::policy::Policy;
use crate::stats::{CategoryStats, ClearStats, Counters, Stats};

/// An exchange about the clear log, asked for by an operator.
const CLEAR_TIMEOUT: Duration = Duration::from_secs(2);

/// A tiered cache: process memory, then Redis, then a loader. Cheap to clone; its jobs end with the last handle, those
/// of its categories included.
#[derive(Clone)]
pub struct Cache {
    shared: Arc<Shared>,
}

/// What all categories use.
pub(crate) struct Shared {
    pub namespace: String,
    pub runtime: Handle,
    pub mirror: Arc<Mirror>,
    pub l2: Option<L2>,
    pub max_entry_bytes: usize,
    /// Slots for loaders that run.
    pub loads: Semaphore,
    pub flights: AtomicUsize,
    pub max_flights: usize,
    l1_bytes: u64,
    categories: Mutex<BTreeMap<&'static str, Registered>>,
}

/// The Redis side.
pub(crate) struct L2 {
    pub router: Arc<Router>,
    pub ops: Ops,
    store: Arc<Store>,
    /// Bound on one read or write of an entry.
    pub timeout: Duration,
    /// Slots for writes behind the reader.
    pub writes: Arc<Semaphore>,
    max_writes: usize,
}

struct Registered {
    share: u32,
    memory: Option<Arc<dyn Memory>>,
    counters: Arc<Counters>,
}

impl Cache {
    /// Starts with no Redis, 64 MiB of memory and the namespace `tm`.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Puts the parts together. Called by the builder, which has checked them.
    pub(crate) fn assemble(parts: &Builder, redis: Option<crate::l2::Redis>, runtime: Handle) -> Self {
        let log = if redis.is_some() { crate::clears::Log::unread() } else { crate::clears::Log::fresh() };
        let mirror = Arc::new(Mirror::new(log));
        let l2 = redis.map(|redis| {
            let store = Arc::new(Store::new(&parts.namespace, Arc::clone(&mirror)));
            L2 {
                router: Router::start(redis, Arc::clone(&store), &runtime),
                ops: Ops::new(),
                store,
                timeout: parts.l2_timeout,
                writes: Arc::new(Semaphore::new(parts.max_writes)),
                max_writes: parts.max_writes,
            }
        });
        Self {
            shared: Arc::new(Shared {
                namespace: parts.namespace.clone(),
                runtime,
                mirror,
                l2,
                max_entry_bytes: parts.max_entry_bytes,
                loads: Semaphore::new(parts.max_loads),
                flights: AtomicUsize::new(0),
                max_flights: parts.max_flights,
                l1_bytes: parts.l1_bytes,
                categories: Mutex::new(BTreeMap::new()),
            }),
        }
    }

    /// Makes a category. Its name, `[a-z0-9_-]{1,32}`, can be used once in a cache.
    ///
    /// The memory limit is divided anew among all categories by their shares.
    pub fn category<K: Key, V: Value>(
        &self,
        name: &'static str,
        policy: Policy,
    ) -> Result<Category<K, V>, ConfigError> {
        if !is_name(name) {
            return Err(ConfigError::Name { what: "category", name: name.into() });
        }
        policy.validate().map_err(|(field, why)| ConfigError::Policy { category: name, field, why })?;
        let mut categories = self.shared.categories.lock();
        if categories.contains_key(name) {
            return Err(ConfigError::NameTaken(name));
        }
        let share = policy.l1_share;
        let category = Category::new(name, policy, self.shared.l1_bytes, Arc::clone(&self.shared))?;
        let (memory, counters) = category.registration();
        categories.insert(name, Registered { share, memory, counters });
        divide(self.shared.l1_bytes, &categories);
        Ok(category)
    }

    /// Records a clear: every entry that `scope` covers and whose load began before is dead from now on here, and
    /// within about a second in every other process. Takes the same time whatever it covers.
    pub async fn clear(&self, scope: Scope) -> Result<Cleared, ClearError> {
        if scope.text().len() > MAX_SCOPE_TEXT {
            return Err(ClearError::Scope(format!(
                "{} bytes are more than {MAX_SCOPE_TEXT}",
                scope.text().len()
            )));
        }
        if let Scope::Category(name) = &scope
            && !is_name(name)
        {
            return Err(ClearError::Scope(format!("`{name}` is no category name")));
        }
        let seq = match &self.shared.l2 {
            None => self.shared.mirror.change(|log| log.append(scope, crate::clock::unix_us())),
            Some(l2) => l2.append(&scope).await?,
        };
        Ok(Cleared { seq })
    }

    /// Strikes the clear of this sequence. What was reloaded since stays; what expired stays gone.
    pub async fn undo(&self, seq: u64) -> Result<(), ClearError> {
        let found = match &self.shared.l2 {
            None => self.shared.mirror.change(|log| log.undo(seq)),
            Some(l2) => l2.undo(seq).await? == Undone::Struck,
        };
        if found { Ok(()) } else { Err(ClearError::Unknown(seq)) }
    }

    /// The connection to Redis. Cheap enough for every health check.
    pub fn l2_state(&self) -> L2State {
        self.shared.l2.as_ref().map_or_else(L2State::none, |l2| l2.router.state())
    }

    /// Waits until Redis is connected, at most for `limit`; true if it is. For tools that need it; a server does not wait.
    pub async fn wait_for_l2(&self, limit: Duration) -> bool {
        let Some(l2) = &self.shared.l2 else { return false };
        timeout(limit, l2.router.wait_connected()).await.is_ok()
    }

    /// Sets a key of a short life in Redis, reads its life, deletes it; returns the time of the three.
    pub async fn ping(&self) -> Result<Duration, L2Error> {
        let l2 = self.shared.l2.as_ref().ok_or(L2Error::NotConfigured)?;
        l2.ops.probe(&l2.router, CLEAR_TIMEOUT, &self.shared.namespace).await
    }

    /// All numbers.
    pub fn stats(&self) -> Stats {
        let log = self.shared.mirror.log();
        let categories: BTreeMap<_, _> = self
            .shared
            .categories
            .lock()
            .iter()
            .map(|(name, registered)| (*name, registered.stats()))
            .collect();
        Stats {
            l2: self.l2_state(),
            l2_writes_in_flight: self.shared.l2.as_ref().map_or(0, L2::writes_in_flight),
            flights: self.shared.flights.load(Ordering::Relaxed) as u64,
            l1_limit_bytes: self.shared.l1_bytes,
            l1_bytes: categories.values().map(|c| c.l1_bytes).sum(),
            clears: ClearStats {
                head: log.head,
                floor: log.floor,
                records: log.records.len() as u64,
                active: log.records.iter().filter(|r| !r.undone).count() as u64,
            },
            categories,
        }
    }
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache")
            .field("namespace", &self.shared.namespace)
            .field("l2", &self.l2_state())
            .finish_non_exhaustive()
    }
}

impl L2 {
    fn writes_in_flight(&self) -> u64 {
        self.max_writes.saturating_sub(self.writes.available_permits()) as u64
    }

    async fn append(&self, scope: &Scope) -> Result<u64, L2Error> {
        let store = &self.store;
        let exchange = |mut conn| async move {
            match store.append(&mut conn, scope).await {
                // The log was lost since the last poll: put it back first.
                Err(error) if error.code() == Some("NOLOG") => {
                    store.sync(&mut conn).await?;
                    store.append(&mut conn, scope).await
                }
                other => other,
            }
        };
        self.router.run(CLEAR_TIMEOUT, store.key(), Access::Write, exchange).await
    }

    async fn undo(&self, seq: u64) -> Result<Undone, L2Error> {
        let store = &self.store;
        let exchange = |mut conn| async move { store.undo(&mut conn, seq).await };
        self.router.run(CLEAR_TIMEOUT, store.key(), Access::Write, exchange).await
    }
}

impl Registered {
    fn stats(&self) -> CategoryStats {
        let memory = |read: fn(&dyn Memory) -> u64| self.memory.as_deref().map_or(0, read);
        CategoryStats {
            l1: self.counters.l1.read(),
            l1_bytes: memory(|m| m.bytes()),
            l1_limit_bytes: memory(|m| m.limit()),
            l1_entries: memory(|m| m.entries()),
            l2: self.counters.l2.read(),
            source: self.counters.source.read(),
        }
    }
}

/// Gives each category its part of the memory.
fn divide(bytes: u64, categories: &BTreeMap<&'static str, Registered>) {
    let in_memory = || categories.values().filter_map(|c| Some((c.share, c.memory.as_ref()?)));
    let shares: u128 = in_memory().map(|(share, _)| u128::from(share)).sum();
    for (share, memory) in in_memory() {
        let part = u128::from(bytes) * u128::from(share) / shares.max(1);
        memory.set_limit(u64::try_from(part).unwrap_or(bytes));
    }
}

/// Bounds on the error of a loader: waiters share it, and it must say what happened.
pub trait SourceError: Clone + Display + Send + Sync + 'static {}

impl<E: Clone + Display + Send + Sync + 'static> SourceError for E {}
