//! The Redis side of a cache: the way to it, what waits for it, and the jobs that keep in step with the others.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

use crate::builder::Builder;
use crate::bus::{self, Coherence, Ear, Heard, Outbox, publish};
use crate::clears::{Mirror, Scope, Store, Struck};
use crate::l2::{Access, L2Error, Leases, Ops, Redis, Router};
use crate::recent::Recent;
use crate::recovery::{Limits, Recovery};

/// What is kept to be made good while Redis is away.
const RECOVERY: Limits = Limits { entries: 4_096, bytes: 32 << 20 };
/// An exchange about the clear log, asked for by an operator.
pub(crate) const CLEAR_TIMEOUT: Duration = Duration::from_secs(2);

/// The Redis side.
pub(crate) struct L2 {
    pub router: Arc<Router>,
    pub ops: Ops,
    pub leases: Leases,
    pub outbox: Arc<Outbox>,
    pub recovery: Recovery,
    pub recent: Recent,
    pub heard: Arc<Heard>,
    store: Arc<Store>,
    /// The channel of announcements.
    pub channel: String,
    /// Bound on one read or write of an entry.
    pub timeout: Duration,
    /// Slots for writes behind the reader.
    pub writes: Arc<Semaphore>,
    pub max_writes: usize,
    /// Whether it only looks on: nobody hears of it then.
    pub is_observer: bool,
    jobs: Vec<AbortHandle>,
}

impl Drop for L2 {
    fn drop(&mut self) {
        for job in &self.jobs {
            job.abort();
        }
    }
}

impl L2 {
    pub fn start(
        parts: &Builder,
        redis: Redis,
        mirror: &Arc<Mirror>,
        coherence: &Arc<Coherence>,
        runtime: &Handle,
    ) -> Self {
        let store = Store::new(&parts.namespace, Arc::clone(mirror));
        let store = Arc::new(if parts.observer { store.observing() } else { store });
        if let Some(owner) = &parts.owner {
            store.set_owner(owner);
        }
        if let Some(origin) = &parts.origin {
            store.set_origin(origin);
        }
        if parts.adopt_owner {
            store.adopt_owner();
        }
        let outbox = Arc::new(Outbox::new(store.owner_hash()));
        let database = redis.database();
        let router = Router::start(redis, Arc::clone(&store), runtime);
        let heard = Arc::new(Heard::default());
        let channel = bus::channel(&parts.namespace, database);
        let ear = Ear {
            router: Arc::clone(&router),
            coherence: Arc::clone(coherence),
            heard: Arc::clone(&heard),
            channel: channel.clone(),
            outbox: Arc::clone(&outbox),
        };
        let jobs = if parts.observer {
            Vec::new()
        } else {
            let publishing =
                publish(Arc::clone(&outbox), Arc::clone(&heard), Arc::clone(&router), channel.clone());
            vec![runtime.spawn(ear.listen()).abort_handle(), runtime.spawn(publishing).abort_handle()]
        };
        Self {
            router,
            ops: Ops::new(),
            leases: Leases::new(),
            outbox,
            recovery: Recovery::new(RECOVERY),
            recent: Recent::default(),
            heard,
            store,
            channel,
            timeout: parts.l2_timeout,
            writes: Arc::new(Semaphore::new(parts.max_writes)),
            max_writes: parts.max_writes,
            is_observer: parts.observer,
            jobs,
        }
    }

    pub fn writes_in_flight(&self) -> u64 {
        self.max_writes.saturating_sub(self.writes.available_permits()) as u64
    }

    pub fn set_owner(&self, owner: &str) {
        self.store.set_owner(owner);
        self.router.look_at_log();
    }

    pub async fn append(&self, scope: &Scope) -> Result<u64, L2Error> {
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

    pub async fn undo(&self, seq: u64) -> Result<Struck, L2Error> {
        let store = &self.store;
        let exchange = |mut conn| async move { store.undo(&mut conn, seq).await };
        self.router.run(CLEAR_TIMEOUT, store.key(), Access::Write, exchange).await
    }
}
