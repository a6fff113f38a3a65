//! The last data that each page has received, for a visit while the server cannot be reached.

use model::UnixMs;
use serde::{Deserialize, Serialize};

use super::DataError;

/// What a page shows: what was just read, or else the last that was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept<T> {
    /// The data.
    pub value: T,
    /// When it was read, Unix ms, where it could not be read now.
    pub kept_at: Option<UnixMs>,
}

/// Reads the data of a page. Where the server cannot be reached, it is what the page of this key last received, if that is kept.
///
/// # Errors
/// As `read`.
pub async fn or_kept<T: Clone + 'static>(
    key: &str,
    read: impl Future<Output = Result<T, DataError>>,
) -> Result<Kept<T>, DataError> {
    match read.await {
        Ok(value) => Ok(Kept { value, kept_at: None }),
        Err(error @ DataError::Transport(_)) => {
            last(key).map(|(value, at)| Kept { value, kept_at: Some(at) }).ok_or(error)
        }
        Err(error) => Err(error),
    }
}

/// Keeps the data that were received under this key at this time, Unix ms. On the server it does nothing.
pub fn keep<T: 'static>(key: &str, value: T, at: UnixMs) {
    #[cfg(not(feature = "ssr"))]
    browser::keep(key, at, Box::new(value));
    #[cfg(feature = "ssr")]
    let _ = (key, value, at);
}

/// The data that were last kept under this key, and when they were received, Unix ms. None on the server.
#[must_use]
pub fn last<T: Clone + 'static>(key: &str) -> Option<(T, UnixMs)> {
    #[cfg(not(feature = "ssr"))]
    return browser::last(key);
    #[cfg(feature = "ssr")]
    {
        let _ = key;
        None
    }
}

#[cfg(not(feature = "ssr"))]
mod browser {
    use std::{any::Any, cell::RefCell};

    use model::UnixMs;

    /// Values that are kept; the one that was kept longest ago goes first. A coin's page has two: its figures and its candles.
    const MAX_VALUES: usize = 24;

    struct Entry {
        key: String,
        at: UnixMs,
        value: Box<dyn Any>,
    }

    thread_local! {
        static ENTRIES: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
    }

    pub(super) fn keep(key: &str, at: UnixMs, value: Box<dyn Any>) {
        ENTRIES.with_borrow_mut(|entries| {
            entries.retain(|entry| entry.key != key);
            if entries.len() >= MAX_VALUES {
                entries.remove(0);
            }
            entries.push(Entry { key: key.to_owned(), at, value });
        });
    }

    pub(super) fn last<T: Clone + 'static>(key: &str) -> Option<(T, UnixMs)> {
        ENTRIES.with_borrow(|entries| {
            let entry = entries.iter().find(|entry| entry.key == key)?;
            Some((entry.value.downcast_ref::<T>()?.clone(), entry.at))
        })
    }
}
