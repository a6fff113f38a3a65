//! The last data that each page has received, for a visit while the server cannot be reached.

use model::UnixMs;
use serde::{Deserialize, Serialize};

use super::DataError;

/// What a page shows: what was just read, or else the last that was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept<T> {
    /// The data.
    pub value: T,
    /// When it was received, Unix ms, if it could not be read now.
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
        Err(error @ DataError::Transport(_)) => last(key).ok_or(error),
        Err(error) => Err(error),
    }
}

/// Keeps the data that were received under this key at this time, Unix ms. On the server it does nothing.
pub fn keep<T: 'static>(key: &str, value: impl FnOnce() -> T, at: UnixMs) {
    #[cfg(not(feature = "ssr"))]
    browser::keep(key, at, value());
    #[cfg(feature = "ssr")]
    let _ = (key, value, at);
}

/// The data that were last kept under this key. None on the server.
#[must_use]
pub fn last<T: Clone + 'static>(key: &str) -> Option<Kept<T>> {
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
    use std::{
        any::{Any, TypeId},
        cell::RefCell,
    };

    use model::UnixMs;

    use super::Kept;

    /// Values of one type that are kept; the one that was kept longest ago goes first. Many charts push out no page.
    const MAX_OF_A_TYPE: usize = 12;

    struct Entry {
        key: String,
        at: UnixMs,
        value: Box<dyn Any>,
    }

    thread_local! {
        static ENTRIES: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
    }

    pub(super) fn keep<T: 'static>(key: &str, at: UnixMs, value: T) {
        keep_any(Entry { key: key.to_owned(), at, value: Box::new(value) });
    }

    fn keep_any(entry: Entry) {
        let of: TypeId = entry.value.as_ref().type_id();
        let is_of_type = |entry: &Entry| entry.value.as_ref().type_id() == of;
        ENTRIES.with_borrow_mut(|entries| {
            entries.retain(|kept| kept.key != entry.key);
            if entries.iter().filter(|kept| is_of_type(kept)).count() >= MAX_OF_A_TYPE
                && let Some(oldest) = entries.iter().position(is_of_type)
            {
                entries.remove(oldest);
            }
            entries.push(entry);
        });
    }

    pub(super) fn last<T: Clone + 'static>(key: &str) -> Option<Kept<T>> {
        ENTRIES.with_borrow(|entries| {
            let entry = entries.iter().find(|entry| entry.key == key)?;
            let value = entry.value.downcast_ref::<T>()?.clone();
            Some(Kept { value, kept_at: Some(entry.at) })
        })
    }
}
