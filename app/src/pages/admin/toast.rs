//! What was done last: what went, what it will cost, and its undo.

use leptos::{html::Div, prelude::*, wasm_bindgen::JsCast, web_sys};
use model::{CacheStats, ClearScope, Counted, Undone};

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
            let what = object(scope, words);
            let keys = format::count(covered.keys.max(covered.memory_keys));
            let bytes = format::bytes(covered.bytes.max(covered.memory_bytes));
            let cost = (words.cost)(&keys);
            // Without a count, show none; the cost is not known either.
            match covered.counted {
                Counted::Unknown => (words.cleared_unknown)(&what),
                Counted::AtLeast => (words.cleared)(&what, &format!("≥ {keys}"), &bytes),
                Counted::Estimate => {
                    format!("{} {cost}", (words.cleared)(&what, &format!("≈ {keys}"), &bytes))
                }
                Counted::NoRedis | Counted::Exact => {
                    format!("{} {cost}", (words.cleared)(&what, &keys, &bytes))
                }
            }
        }
        Done::Undone(undone) => what_was_undone(undone, words),
        Done::Failed(why) => why.clone(),
    };
    let node = NodeRef::<Div>::new();
    // The button that was pressed is gone: the focus goes on from what became of it.
    live::effect(move || {
        if clearing.done.with(|done| matches!(done, Some(Done::Undone(_) | Done::Failed(_)))) {
            request_animation_frame(move || {
                if let Some(node) = node.try_get_untracked().flatten() {
                    // It is on the page and can have the focus.
                    let _ = node.focus();
                }
            });
        }
    });
    let content = live::part(move || {
        let Some(done) = clearing.done.get() else { return ().into_any() };
        let undo = match &done {
            Done::Cleared(_, cleared) => {
                let handle = cleared.handle;
                let left = clearing.undo_left(handle);
                let label = live::text(move || (words.undo)(&when::age(left.get(), prefs.locale)));
                let can = Memo::new(move |_| left.get() > 0);
                live::part(move || {
                    let button = || {
                        view! {
                            <button type="button" class="button" on:click=move |_| clearing.undo(handle)>
                                {label}
                            </button>
                        }
                    };
                    can.get().then(button).into_any()
                })
            }
            _ => ().into_any(),
        };
        view! {
            <div class="toast" node_ref=node tabindex="-1">
                <p>{text(&done)}</p>
                {undo}
                <button
                    type="button"
                    class="button toast-close"
                    aria-label=words.close
                    on:click=move |_| {
                        clearing.done.set(None);
                        if let Some(content) = document().get_element_by_id("content") {
                            focus(&content);
                        }
                    }
                >
                    "×"
                </button>
            </div>
        }
        .into_any()
    });
    // Read out by itself: within the toast, the undo's seconds would have it read out again and again.
    let said = live::text(move || clearing.done.with(|done| done.as_ref().map(text).unwrap_or_default()));
    view! {
        <p class="sr-only" role="status">
            {said}
        </p>
        <div class="toasts">{content}</div>
    }
    .into_any()
}

/// Gives the focus to an element of the page.
fn focus(element: &web_sys::Element) {
    if let Some(element) = element.dyn_ref::<web_sys::HtmlElement>() {
        // One that cannot have it leaves it where it was.
        let _ = element.focus();
    }
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

/// What an undo brought back, and what it did not.
fn what_was_undone(undone: &Undone, words: &AdminWords) -> String {
    let text = (words.undone_says)(undone.revived, undone.reloaded, undone.complete);
    match undone.still_cleared {
        0 => text,
        still => format!("{text} {}", (words.undone_still)(still)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Locale;

    #[test]
    fn what_another_clear_still_covers_is_not_told_as_restored() {
        let words = Locale::En.admin_words();
        let undone = Undone { revived: 2, reloaded: 0, still_cleared: 800, gone: None, complete: true };
        assert_eq!(
            what_was_undone(&undone, words),
            "Undone: 2 keys restored, 0 already loaded again. 800 keys stay cleared by another clear."
        );
        let all = Undone { still_cleared: 0, ..undone };
        assert!(!what_was_undone(&all, words).contains("stay cleared"));
    }
}
