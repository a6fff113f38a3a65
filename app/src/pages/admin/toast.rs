//! What was done last: what went, what it will cost, and its undo.

use leptos::prelude::*;
use model::{CacheStats, ClearScope};

use super::{
    clearing::{Clearing, Done},
    use_admin_words,
};
use crate::{format, live, prefs::use_prefs, when, words::AdminWords};

/// The toast. It stays until it is closed or another takes its place: who needs time to read has it.
#[component]
pub fn Toast(
    /// The clear.
    clearing: Clearing,
) -> impl IntoView {
    let prefs = use_prefs();
    let words = use_admin_words();
    let text = move |done: &Done| match done {
        Done::Cleared(scope, cleared) => {
            let covered = &cleared.covered;
            let keys = covered.keys.max(covered.memory_keys);
            let bytes = covered.bytes.max(covered.memory_bytes);
            let what = object(scope, words);
            let cleared = (words.cleared)(&what, &format::count(keys), &format::bytes(bytes));
            format!("{cleared} {}", (words.cost)(&format::count(keys)))
        }
        Done::Undone(undone) => (words.undone_says)(undone.revived, undone.reloaded),
        Done::Failed(why) => why.clone(),
    };
    let content = live::part(move || {
        let Some(done) = clearing.done.get() else { return ().into_any() };
        let undo = match &done {
            Done::Cleared(_, cleared) => {
                let handle = cleared.handle;
                let left = clearing.undo_left(handle);
                let label = live::text(move || (words.undo)(&when::age(left.get(), prefs.locale)));
                Some(view! {
                    <button type="button" class="button" on:click=move |_| clearing.undo(handle)>
                        {label}
                    </button>
                })
            }
            _ => None,
        };
        view! {
            <div class="toast">
                <p>{text(&done)}</p>
                {undo}
                <button
                    type="button"
                    class="button toast-close"
                    aria-label=words.close
                    on:click=move |_| clearing.done.set(None)
                >
                    "×"
                </button>
            </div>
        }
        .into_any()
    });
    view! {
        <div class="toasts" role="status">
            {content}
        </div>
    }
    .into_any()
}

/// A scope as the object of a sentence.
fn object(scope: &ClearScope, words: &AdminWords) -> String {
    match scope {
        ClearScope::All => words.scope_all.to_owned(),
        ClearScope::Category(name)
        | ClearScope::Prefix(name)
        | ClearScope::Key(name)
        | ClearScope::Tag(name) => name.clone(),
    }
}

impl Clearing {
    /// What is left of a clear's undo, ms, as the figures have it; its whole time before they do.
    fn undo_left(&self, handle: u64) -> Memo<u64> {
        let this = *self;
        Memo::new(move |_| {
            let known = this.figures().with(|stats: &CacheStats| {
                stats.clears.iter().find(|clear| clear.handle == handle).map(|clear| clear.undo_left_ms)
            });
            let whole = || {
                this.done.with_untracked(|done| match done {
                    Some(Done::Cleared(_, cleared)) => {
                        let now = this.figures().with_untracked(|stats: &CacheStats| stats.as_of);
                        u64::try_from(cleared.undo_until - now).unwrap_or(0)
                    }
                    _ => 0,
                })
            };
            known.unwrap_or_else(whole)
        })
    }
}
