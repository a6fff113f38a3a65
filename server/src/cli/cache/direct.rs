//! The cache in Redis, without a server.

use std::time::Duration;

use serde_json::{Value, json};
use tidemark_cache::Cache;

use super::target::Target;
use crate::{cli::serve::open_cache, config::Config};

/// Longest wait for Redis, for it joins behind.
const CONNECT: Duration = Duration::from_secs(3);
/// Longest wait for the others to be told of what was done.
const FAREWELL: Duration = Duration::from_secs(1);

/// A cache that holds nothing itself.
pub(super) struct Direct(Cache);

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
        Ok(Self(cache))
    }

    pub(super) async fn nodes(&self) -> Result<Value, String> {
        document(&json!({ "nodes": self.0.nodes().await, "failovers": self.0.failovers() }))
    }

    pub(super) async fn inspect(&self, key: &str) -> Result<Value, String> {
        let (category, text) = key.split_once(':').ok_or("the key is category:text")?;
        document(&self.0.inspect(category, text).await)
    }

    pub(super) async fn clear(&self, target: &Target, dry_run: bool) -> Result<Value, String> {
        let scope = target.scope();
        if dry_run {
            let preview = self.0.preview_clear(&scope).await.map_err(|e| e.to_string())?;
            return document(&json!({ "dry_run": true, "handle": null, "preview": preview }));
        }
        let (cleared, preview) = self.0.clear_counted(scope).await.map_err(|e| e.to_string())?;
        document(&json!({ "dry_run": false, "handle": cleared.seq, "preview": preview }))
    }

    pub(super) async fn undo(&self, handle: u64) -> Result<Value, String> {
        document(&self.0.undo(handle).await.map_err(|e| e.to_string())?)
    }

    pub(super) async fn close(&self) {
        self.0.close(FAREWELL).await;
    }
}

fn document(value: &impl serde::Serialize) -> Result<Value, String> {
    serde_json::to_value(value).map_err(|e| e.to_string())
}
