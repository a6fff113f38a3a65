//! The cache in Redis, without a server.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use serde_json::{Value, json};
use tidemark_cache::Cache;
use tokio::time::timeout;

use super::target::Target;
use crate::{
    accounts::{Action, AuditEntry},
    cli::serve::open_cache,
    config::Config,
    console::{end_of_clear, end_of_undo},
    store::Store,
};

/// Longest wait for Redis, for it joins behind.
const CONNECT: Duration = Duration::from_secs(3);
/// Longest wait for the others to be told of what was done.
const FAREWELL: Duration = Duration::from_secs(1);
/// Longest wait for the database to take an audit entry.
const NOTE: Duration = Duration::from_secs(3);

/// A cache that holds nothing itself, and the database with the audit log.
pub(super) struct Direct {
    cache: Cache,
    /// The database, or why there is none.
    store: Result<Store, String>,
    /// Whether it was said that the audit log lacks an entry.
    warned: AtomicBool,
}

impl Direct {
    /// Connects to `REDIS_URL`.
    pub(super) async fn open() -> Result<Self, String> {
        let config = Config::from_env().map_err(|e| e.to_string())?;
        let Some(url) = &config.redis.url else {
            return Err("REDIS_URL is not set: a server's memory alone is cleared by a restart".to_owned());
        };
        let cache = open_cache(&config)?;
        if !cache.wait_for_l2(CONNECT).await {
            let reason =
                cache.l2_state().last_error.unwrap_or_else(|| "no answer within 3 seconds".to_owned());
            return Err(format!("REDIS_URL={}: {reason}", url.shown()));
        }
        let store = match &config.database_url {
            // A clear must be possible all the same.
            Some(url) => Store::connect_lazy(url.expose()).map_err(|error| error.to_string()),
            None => Err("DATABASE_URL is not set".to_owned()),
        };
        Ok(Self { cache, store, warned: AtomicBool::new(false) })
    }

    pub(super) async fn nodes(&self) -> Result<Value, String> {
        document(&json!({ "nodes": self.cache.nodes().await, "failovers": self.cache.failovers() }))
    }

    pub(super) async fn inspect(&self, key: &str) -> Result<Value, String> {
        let (category, text) = key.split_once(':').ok_or("the key is category:text")?;
        document(&self.cache.inspect(category, text).await)
    }

    pub(super) async fn clear(&self, target: &Target, dry_run: bool) -> Result<Value, String> {
        let scope = target.scope();
        if dry_run {
            let preview = self.cache.preview_clear(&scope).await.map_err(|e| e.to_string())?;
            return document(&json!({ "dry_run": true, "handle": null, "preview": preview }));
        }
        let text = scope.to_string();
        self.note(Action::ClearRequested, &text).await;
        let done = self.cache.clear_counted(scope).await;
        let (action, detail) = end_of_clear(&text, &done);
        self.note(action, &detail).await;
        let (cleared, preview) = done.map_err(|e| e.to_string())?;
        document(&json!({ "dry_run": false, "handle": cleared.seq, "preview": preview }))
    }

    pub(super) async fn undo(&self, handle: u64) -> Result<Value, String> {
        let text = handle.to_string();
        self.note(Action::UndoRequested, &text).await;
        let done = self.cache.undo(handle).await;
        let (action, detail) = end_of_undo(&text, &done);
        self.note(action, &detail).await;
        document(&done.map_err(|e| e.to_string())?)
    }

    /// Writes to the audit log, as a server does, first what is about to be done and then what came of it. A clear must be
    /// possible without the database, so that an entry that cannot be written is a warning, in one line for both.
    async fn note(&self, action: Action, detail: &str) {
        let entry = AuditEntry::now(action, "shell", None, detail);
        let problem = match &self.store {
            Err(problem) => Some(problem.clone()),
            Ok(store) => match timeout(NOTE, store.write_audit(&entry)).await {
                Ok(written) => written.err().map(|error| error.to_string()),
                Err(_) => Some(format!("the database does not answer within {} s", NOTE.as_secs())),
            },
        };
        if let Some(problem) = problem
            && !self.warned.swap(true, Ordering::Relaxed)
        {
            eprintln!("tidemark: {} is not in the audit log: {problem}", action.as_str());
        }
    }

    pub(super) async fn close(&self) {
        self.cache.close(FAREWELL).await;
    }
}

fn document(value: &impl serde::Serialize) -> Result<Value, String> {
    serde_json::to_value(value).map_err(|e| e.to_string())
}
