//! Clears as the page makes them: what is to go, what it covers, what became of it.

use leptos::{prelude::*, task::spawn_local};
use model::{CacheStats, ClearPreview, ClearScope, Cleared, Undone};

use super::say;
use crate::{
    data::{self, ConsoleError},
    words::Locale,
};

/// A clear under way or done.
#[derive(Clone, Copy)]
pub struct Clearing {
    /// What the dialog is about; none while it is closed.
    pub scope: RwSignal<Option<ClearScope>>,
    /// What that covers, once looked at.
    pub preview: RwSignal<Option<(ClearScope, ClearPreview)>>,
    /// Whether what it covers is being looked at.
    pub looking: RwSignal<bool>,
    /// Whether it is being cleared.
    pub clearing: RwSignal<bool>,
    /// What went wrong.
    pub problem: RwSignal<Option<String>>,
    /// What was done last, for the toast.
    pub done: RwSignal<Option<Done>>,
    /// The figures, read again after each change.
    stats: RwSignal<CacheStats>,
    /// In which language to say what went wrong.
    locale: Locale,
}

/// What was done last.
#[derive(Clone, Debug, PartialEq)]
pub enum Done {
    /// A clear.
    Cleared(ClearScope, Cleared),
    /// Its undo.
    Undone(Undone),
    /// An undo that failed: why.
    Failed(String),
}

impl Clearing {
    /// Nothing to be cleared yet.
    #[must_use]
    pub fn new(stats: RwSignal<CacheStats>, locale: Locale) -> Self {
        Self {
            locale,
            scope: RwSignal::new(None),
            preview: RwSignal::new(None),
            looking: RwSignal::new(false),
            clearing: RwSignal::new(false),
            problem: RwSignal::new(None),
            done: RwSignal::new(None),
            stats,
        }
    }

    /// Opens the dialog with this scope, and looks at what it covers.
    pub fn open(&self, scope: ClearScope) {
        self.choose(scope);
    }

    /// Another scope in the open dialog. What is complete is looked at at once.
    pub fn choose(&self, scope: ClearScope) {
        let complete = is_complete(&scope);
        self.name(scope);
        if complete {
            self.look();
        }
    }

    /// Another scope that is still being typed: it is looked at when it is sent, not at each letter.
    pub fn name(&self, scope: ClearScope) {
        self.looking.set(false);
        self.preview.set(None);
        self.problem.set(None);
        self.scope.set(Some(scope));
    }

    /// Closes the dialog.
    pub fn close(&self) {
        self.looking.set(false);
        self.scope.set(None);
    }

    /// Looks at what the present scope covers.
    pub fn look(&self) {
        let Some(scope) = self.scope.get_untracked() else { return };
        let this = *self;
        this.looking.set(true);
        spawn_local(async move {
            let answer = data::preview_clear(scope.clone()).await;
            // Another scope may have been chosen meanwhile, or the page left.
            if this.scope.try_get_untracked().flatten().as_ref() != Some(&scope) {
                return;
            }
            this.looking.set(false);
            match answer {
                Ok(preview) => this.preview.set(Some((scope, preview))),
                Err(error) => this.fail(&error),
            }
        });
    }

    /// Clears what the preview showed.
    pub fn clear(&self) {
        let Some((scope, _)) = self.preview.get_untracked() else { return };
        let this = *self;
        this.clearing.set(true);
        spawn_local(async move {
            let answer = data::clear_cache(scope.clone()).await;
            if this.clearing.try_set(false).is_some() {
                return;
            }
            match answer {
                Ok(cleared) => {
                    this.close();
                    this.done.set(Some(Done::Cleared(scope, cleared)));
                    this.refresh().await;
                }
                Err(error) => this.fail(&error),
            }
        });
    }

    /// Takes a clear back.
    pub fn undo(&self, handle: u64) {
        let this = *self;
        spawn_local(async move {
            let done = match data::undo_clear(handle).await {
                Ok(undone) => Done::Undone(undone),
                Err(error) => Done::Failed(say(&error, this.locale)),
            };
            this.done.try_set(Some(done));
            this.refresh().await;
        });
    }

    /// The figures.
    #[must_use]
    pub fn figures(&self) -> RwSignal<CacheStats> {
        self.stats
    }

    async fn refresh(&self) {
        if let Ok(stats) = data::cache_stats().await {
            self.stats.try_set(stats);
        }
    }

    fn fail(&self, error: &ConsoleError) {
        self.problem.set(Some(say(error, self.locale)));
    }
}

/// Whether a scope names what it needs to name.
#[must_use]
pub fn is_complete(scope: &ClearScope) -> bool {
    match scope {
        ClearScope::All => true,
        ClearScope::Category(name)
        | ClearScope::Prefix(name)
        | ClearScope::Tag(name)
        | ClearScope::Key(name) => !name.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_without_its_name_is_not_complete() {
        assert!(is_complete(&ClearScope::All));
        assert!(is_complete(&ClearScope::Key("prices:recorded".to_owned())));
        assert!(!is_complete(&ClearScope::Prefix(String::new())));
    }
}
