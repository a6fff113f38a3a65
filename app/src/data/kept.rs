//! The last data that each page has shown, for a visit while the server cannot be reached.

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

/// Reads the data of a page. Where the server cannot be reached, it is what the page of this key last showed, if it is kept.
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

/// Keeps what the page of this key shows, unless it was kept before. On the server it does nothing.
pub fn keep<T: Clone + 'static>(key: &str, shown: &Kept<T>) {
    #[cfg(not(feature = "ssr"))]
    if shown.kept_at.is_none() {
        browser::keep(key, Box::new(shown.value.clone()));
    }
    #[cfg(feature = "ssr")]
    let _ = (key, shown);
}

#[cfg(not(feature = "ssr"))]
fn last<T: Clone + 'static>(key: &str) -> Option<Kept<T>> {
    browser::last(key)
}

#[cfg(feature = "ssr")]
fn last<T>(_key: &str) -> Option<Kept<T>> {
    None
}

#[cfg(not(feature = "ssr"))]
mod browser {
    use std::{any::Any, cell::RefCell};

    use model::UnixMs;

    use super::Kept;
    use crate::when;

    /// Pages that are kept; the one that was kept longest ago goes first.
    const MAX_PAGES: usize = 12;

    struct Page {
        key: String,
        at: UnixMs,
        value: Box<dyn Any>,
    }

    thread_local! {
        static PAGES: RefCell<Vec<Page>> = const { RefCell::new(Vec::new()) };
    }

    pub(super) fn keep(key: &str, value: Box<dyn Any>) {
        PAGES.with_borrow_mut(|pages| {
            pages.retain(|page| page.key != key);
            if pages.len() >= MAX_PAGES {
                pages.remove(0);
            }
            pages.push(Page { key: key.to_owned(), at: when::now(), value });
        });
    }

    pub(super) fn last<T: Clone + 'static>(key: &str) -> Option<Kept<T>> {
        PAGES.with_borrow(|pages| {
            let page = pages.iter().find(|page| page.key == key)?;
            let value = page.value.downcast_ref::<T>()?.clone();
            Some(Kept { value, kept_at: Some(page.at) })
        })
    }
}
