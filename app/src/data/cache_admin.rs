//! The cache's administration as server functions. Each looks at the session itself, within the port.

use leptos::{
    prelude::*,
    server_fn::codec::{GetUrl, Json},
};
use model::{CacheEntry, CacheStats, ClearPreview, ClearScope, Cleared, Undone};

#[cfg(feature = "ssr")]
use super::call::Call;
use super::{ConsoleError, codec::Answered};

#[cfg(feature = "ssr")]
fn admin() -> Result<std::sync::Arc<dyn crate::ports::CacheAdmin>, ConsoleError> {
    use_context().ok_or_else(|| ConsoleError::Transport("no cache in context".to_owned()))
}

/// What the cache of the server does.
#[server(name = ReadCacheStats, prefix = "/fn", endpoint = "cache_stats", input = GetUrl, output = Answered)]
pub async fn cache_stats() -> Result<CacheStats, ConsoleError> {
    let (admin, call) = (admin()?, Call::here());
    admin.stats().await.map_err(|error| call.failed(error))
}

/// What a clear would cover.
#[server(name = PreviewClear, prefix = "/fn", endpoint = "preview_clear", input = Json, output = Answered)]
pub async fn preview_clear(scope: ClearScope) -> Result<ClearPreview, ConsoleError> {
    let (admin, call) = (admin()?, Call::here());
    admin.preview_clear(scope).await.map_err(|error| call.failed(error))
}

/// Clears a part of the cache, on every server.
#[server(name = ClearCache, prefix = "/fn", endpoint = "clear_cache", input = Json, output = Answered)]
pub async fn clear_cache(
    /// What to clear.
    scope: ClearScope,
) -> Result<Cleared, ConsoleError> {
    let (admin, call) = (admin()?, Call::here());
    admin.clear(scope).await.map_err(|error| call.failed(error))
}

/// Takes a clear back.
#[server(name = UndoClear, prefix = "/fn", endpoint = "undo_clear", output = Answered)]
pub async fn undo_clear(
    /// What the clear answered.
    handle: u64,
) -> Result<Undone, ConsoleError> {
    let (admin, call) = (admin()?, Call::here());
    admin.undo(handle).await.map_err(|error| call.failed(error))
}

/// All that is known of the entry of this full name, `category:text`.
#[server(name = ReadCacheEntry, prefix = "/fn", endpoint = "cache_entry", input = GetUrl, output = Answered)]
pub async fn cache_entry(key: String) -> Result<CacheEntry, ConsoleError> {
    let (admin, call) = (admin()?, Call::here());
    admin.inspect(key).await.map_err(|error| call.failed(error))
}
