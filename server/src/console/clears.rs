//! Clears and their undoing, noted in the audit log whoever asks for them.
//!
//! Both run in a task of their own. A caller who hangs up ends the future of its request, and a clear that is done must not
//! be missing in the audit log for that.

use std::{future::Future, net::IpAddr, panic::resume_unwind, time::Duration};

use tidemark_cache::{Cache, ClearError, Cleared, L2Error, Preview, Scope, Undone};
use tokio::{
    sync::{AcquireError, Semaphore},
    time::timeout,
};

use crate::accounts::{Accounts, Action};

/// Clears and undos at once; others wait. A caller who hangs up leaves a task behind, and must not leave any number.
const MAX_AT_ONCE: u32 = 8;
static PERMITS: Semaphore = Semaphore::const_new(MAX_AT_ONCE as usize);

/// Clears a part of the cache. The audit log has the request before it is done, and then what came of it.
///
/// # Errors
/// As [`Cache::clear_counted`].
pub(crate) async fn clear(
    cache: &Cache,
    accounts: &Accounts,
    who: (&str, IpAddr),
    scope: Scope,
) -> Result<(Cleared, Preview), ClearError> {
    let (cache, accounts, account, address) = (cache.clone(), accounts.clone(), who.0.to_owned(), who.1);
    detached(&PERMITS, async move {
        let text = scope.to_string();
        accounts.record(Action::ClearRequested, &account, address, &text).await;
        let done = cache.clear_counted(scope).await;
        let (action, detail) = end_of_clear(&text, &done);
        accounts.note(action, &account, address, &detail);
        done
    })
    .await
    .unwrap_or_else(|_| Err(stopping()))
}

/// Takes a clear back. The audit log has the request before it is done, and then what came of it.
///
/// # Errors
/// As [`Cache::undo`].
pub(crate) async fn undo(
    cache: &Cache,
    accounts: &Accounts,
    who: (&str, IpAddr),
    handle: u64,
) -> Result<Undone, ClearError> {
    let (cache, accounts, account, address) = (cache.clone(), accounts.clone(), who.0.to_owned(), who.1);
    detached(&PERMITS, async move {
        let text = handle.to_string();
        accounts.record(Action::UndoRequested, &account, address, &text).await;
        let done = cache.undo(handle).await;
        let (action, detail) = end_of_undo(&text, &done);
        accounts.note(action, &account, address, &detail);
        done
    })
    .await
    .unwrap_or_else(|_| Err(stopping()))
}

/// What the audit log has of the end of a clear of this scope.
pub(crate) fn end_of_clear(scope: &str, done: &Result<(Cleared, Preview), ClearError>) -> (Action, String) {
    match done {
        Ok((cleared, _)) => (Action::CacheCleared, format!("{} {scope}", cleared.seq)),
        Err(error) => (Action::ClearFailed, format!("{scope}: {error}")),
    }
}

/// What the audit log has of the end of an undo of the clear with this handle.
pub(crate) fn end_of_undo(handle: &str, done: &Result<Undone, ClearError>) -> (Action, String) {
    match done {
        Ok(_) => (Action::ClearUndone, handle.to_owned()),
        Err(error) => (Action::UndoFailed, format!("{handle}: {error}")),
    }
}

/// Waits for clears and undos whose callers have hung up, for `limit` at most. None begins after it.
pub(crate) async fn close(limit: Duration) {
    close_permits(&PERMITS, limit).await;
}

async fn close_permits(permits: &Semaphore, limit: Duration) {
    let all = timeout(limit, permits.acquire_many(MAX_AT_ONCE)).await;
    permits.close();
    if all.is_err() {
        tracing::warn!("the server stops while the cache is being cleared");
    }
}

/// Why a clear is refused once the server stops: it would be neither ended nor noted.
fn stopping() -> ClearError {
    ClearError::Unavailable(L2Error::Disconnected("the server stops".to_owned()))
}

/// Runs it to its end even if the caller is dropped meanwhile. An error after [`close`].
async fn detached<T: Send + 'static>(
    permits: &'static Semaphore,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, AcquireError> {
    let permit = permits.acquire().await?;
    let done = tokio::spawn(async move {
        let done = work.await;
        drop(permit);
        done
    });
    match done.await {
        Ok(done) => Ok(done),
        // As it would be without the task.
        Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
        // The runtime ends, and this future with it.
        Err(_) => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn nothing_begins_after_a_close_that_waited_in_vain() {
        static PERMITS: Semaphore = Semaphore::const_new(MAX_AT_ONCE as usize);
        let (begun, is_begun) = oneshot::channel();
        let (end, is_ended) = oneshot::channel();
        let running = tokio::spawn(detached(&PERMITS, async {
            begun.send(()).unwrap();
            is_ended.await.unwrap()
        }));
        is_begun.await.unwrap();
        close_permits(&PERMITS, Duration::from_millis(1)).await;
        assert!(detached(&PERMITS, async {}).await.is_err());
        end.send(7).unwrap();
        assert_eq!(running.await.unwrap().unwrap(), 7, "what was begun comes to its end");
    }
}
