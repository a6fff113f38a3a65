//! Clears and their undoing, noted in the audit log whoever asks for them.

use std::net::IpAddr;

use tidemark_cache::{Cache, ClearError, Cleared, Preview, Scope, Undone};

use crate::accounts::{Accounts, Action};

/// Clears a part of the cache.
///
/// # Errors
/// As [`Cache::clear_counted`].
pub(crate) async fn clear(
    cache: &Cache,
    accounts: &Accounts,
    who: (&str, IpAddr),
    scope: Scope,
) -> Result<(Cleared, Preview), ClearError> {
    let text = scope.to_string();
    let (cleared, preview) = cache.clear_counted(scope).await?;
    let (account, address) = who;
    accounts.note(Action::CacheCleared, account, address, &format!("{} {text}", cleared.seq));
    Ok((cleared, preview))
}

/// Takes a clear back.
///
/// # Errors
/// As [`Cache::undo`].
pub(crate) async fn undo(
    cache: &Cache,
    accounts: &Accounts,
    who: (&str, IpAddr),
    handle: u64,
) -> Result<Undone, ClearError> {
    let undone = cache.undo(handle).await?;
    let (account, address) = who;
    accounts.note(Action::ClearUndone, account, address, &handle.to_string());
    Ok(undone)
}
