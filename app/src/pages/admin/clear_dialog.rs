//! The dialog that clears: what, how much that is, and a typed word before everything goes.

use leptos::{html::Dialog, prelude::*};
use model::{CacheStats, ClearPreview, ClearScope, Counted};

use super::{alarm, clearing::Clearing, use_admin_words};
use crate::{format, live, words::AdminWords};

/// The kinds of scope, in the order of their names in [`AdminWords::kinds`].
const KINDS: [&str; 5] = ["all", "category", "prefix", "key", "tag"];

/// Keys of the sample that are shown: the dialog stays within a phone's window.
const SHOWN: usize = 8;

fn kind(scope: &ClearScope) -> usize {
    match scope {
        ClearScope::All => 0,
        ClearScope::Category(_) => 1,
        ClearScope::Prefix(_) => 2,
        ClearScope::Key(_) => 3,
        ClearScope::Tag(_) => 4,
    }
}

fn name_of(scope: &ClearScope) -> &str {
    match scope {
        ClearScope::All => "",
        ClearScope::Category(name)
        | ClearScope::Prefix(name)
        | ClearScope::Key(name)
        | ClearScope::Tag(name) => name,
    }
}

fn scope_of(kind: &str, name: String) -> ClearScope {
    match kind {
        "category" => ClearScope::Category(name),
        "prefix" => ClearScope::Prefix(name),
        "key" => ClearScope::Key(name),
        "tag" => ClearScope::Tag(name),
        _ => ClearScope::All,
    }
}

/// The dialog. A modal `<dialog>`: the browser keeps the focus in it, and Escape closes it.
#[component]
pub fn ClearDialog(
    /// The clear.
    clearing: Clearing,
    /// The figures, for the names of categories.
    stats: RwSignal<CacheStats>,
) -> impl IntoView {
    let words = use_admin_words();
    let node = NodeRef::<Dialog>::new();
    let typed = RwSignal::new(String::new());
    let open = Memo::new(move |_| clearing.scope.with(Option::is_some));
    live::effect(move || {
        let (open, Some(dialog)) = (open.get(), node.get()) else { return };
        if open && !dialog.open() {
            typed.set(String::new());
            // It is on the page and not open.
            let _ = dialog.show_modal();
        } else if !open && dialog.open() {
            dialog.close();
        }
    });
    let chosen = Memo::new(move |_| clearing.scope.with(|scope| scope.as_ref().map_or(0, kind)));
    let options = KINDS.into_iter().zip(words.kinds).enumerate().map(|(i, (value, label))| {
        view! {
            <option value=value prop:selected=live::flag(move || chosen.get() == i)>
                {label}
            </option>
        }
    });
    let choose_kind = move |kind: String| {
        typed.set(String::new());
        let first = || stats.with_untracked(|stats| stats.categories.first().map(|c| c.name.clone()));
        let name = if kind == "category" { first().unwrap_or_default() } else { String::new() };
        clearing.choose(scope_of(&kind, name));
    };
    let ready = Memo::new(move |_| {
        let some = clearing.preview.with(|preview| preview.as_ref().is_some_and(|(_, p)| !is_nothing(p)));
        let all = clearing.scope.with(|scope| matches!(scope, Some(ClearScope::All)));
        some && !clearing.clearing.get() && (!all || typed.with(|typed| typed.trim() == words.word))
    });
    let confirm = live::part(move || {
        let all = clearing.scope.with(|scope| matches!(scope, Some(ClearScope::All)));
        let field = || {
            view! {
                <label class="labelled">
                    <span>{(words.type_word)(words.word)}</span>
                    <input
                        class="field"
                        autocomplete="off"
                        on:input:target=move |event| typed.set(event.target().value())
                    />
                </label>
            }
        };
        all.then(field).into_any()
    });
    let button = live::word(move || if clearing.clearing.get() { words.clearing } else { words.confirm });
    view! {
        <dialog
            node_ref=node
            class="dialog"
            aria-labelledby="clear-title"
            on:close=move |_| clearing.close()
        >
            <form
                method="dialog"
                on:submit=move |event| {
                    event.prevent_default();
                    if ready.get_untracked() {
                        clearing.clear();
                    }
                }
            >
                <h2 id="clear-title">{words.clear_title}</h2>
                <div class="dialog-row">
                    <label class="labelled">
                        <span>{words.clear_what}</span>
                        <select
                            class="field"
                            on:change:target=move |event| choose_kind(event.target().value())
                        >
                            {options.collect_view()}
                        </select>
                    </label>
                    <ScopeName clearing stats chosen />
                </div>
                <div aria-live="polite">
                    <Preview clearing />
                </div>
                {alarm(Signal::derive(move || clearing.problem.get()))}
                {confirm}
                <p class="dialog-note">{words.clear_note}</p>
                <div class="dialog-actions">
                    <button type="button" class="button" on:click=move |_| clearing.close()>
                        {words.cancel}
                    </button>
                    <button
                        type="submit"
                        class="button button-danger"
                        disabled=live::flag(move || !ready.get())
                    >
                        {button}
                    </button>
                </div>
            </form>
        </dialog>
    }
    .into_any()
}

/// The name that a scope needs: a choice of categories, or a text.
#[component]
fn ScopeName(clearing: Clearing, stats: RwSignal<CacheStats>, chosen: Memo<usize>) -> impl IntoView {
    let words = use_admin_words();
    live::part(move || match chosen.get() {
        0 => ().into_any(),
        1 => {
            let names: Vec<String> =
                stats.with_untracked(|stats| stats.categories.iter().map(|c| c.name.clone()).collect());
            let options = names.into_iter().map(|name| {
                let this = name.clone();
                let selected = live::flag(move || {
                    clearing.scope.with(|scope| scope.as_ref().is_some_and(|scope| name_of(scope) == this))
                });
                view! {
                    <option value=name.clone() prop:selected=selected>
                        {name.clone()}
                    </option>
                }
            });
            view! {
                <label class="labelled labelled-wide">
                    <span>{words.col_category}</span>
                    <select
                        class="field"
                        on:change:target=move |event| {
                            clearing.choose(ClearScope::Category(event.target().value()));
                        }
                    >
                        {options.collect_view()}
                    </select>
                </label>
            }
            .into_any()
        }
        which => {
            let example = words.examples[which - 2];
            view! {
                <label class="labelled labelled-wide">
                    <span>{words.name}</span>
                    <input
                        class="field"
                        autocomplete="off"
                        placeholder=example
                        on:input:target=move |event| {
                            let name = event.target().value().trim().to_owned();
                            clearing.name(scope_of(KINDS[which], name));
                        }
                        on:keydown=move |event| {
                            // A disabled button would keep the form from being sent.
                            if event.key() == "Enter" && clearing.preview.with_untracked(Option::is_none) {
                                event.prevent_default();
                                clearing.look();
                            }
                        }
                    />
                </label>
                <button type="button" class="button" on:click=move |_| clearing.look()>
                    {words.preview}
                </button>
            }
            .into_any()
        }
    })
}

/// What the clear would cover.
#[component]
fn Preview(clearing: Clearing) -> impl IntoView {
    let words = use_admin_words();
    live::part(move || {
        let Some((_, preview)) = clearing.preview.get() else {
            let looking = clearing.looking.get();
            return view! { <p class="preview">{if looking { words.previewing } else { "" }}</p> }.into_any();
        };
        if is_nothing(&preview) {
            return view! { <p class="preview">{words.covers_nothing}</p> }.into_any();
        }
        let memory = (preview.memory_keys > 0 && preview.counted != Counted::NoRedis).then(|| {
            (words.covers_memory)(&format::count(preview.memory_keys), &format::bytes(preview.memory_bytes))
        });
        let errors = (!preview.errors.is_empty()).then(|| (words.preview_errors)(preview.errors.len()));
        let sample = preview.sample.iter().take(SHOWN).map(|key| {
            view! {
                <li>
                    <code>{key.clone()}</code>
                </li>
            }
        });
        let any = !preview.sample.is_empty();
        view! {
            <div class="preview">
                <p>
                    <b>{covers(&preview, words)}</b>
                </p>
                <p>{memory}</p>
                <p>{errors}</p>
                <p class="preview-title">{any.then_some(words.sample)}</p>
                <ul>{sample.collect_view()}</ul>
            </div>
        }
        .into_any()
    })
}

/// How many keys, of how many bytes.
fn covers(preview: &ClearPreview, words: &AdminWords) -> String {
    let (keys, bytes) = (format::count(preview.keys), format::bytes(preview.bytes));
    match preview.counted {
        Counted::NoRedis => (words.covers_memory)(&keys, &bytes),
        Counted::Unknown => words.covers_unknown.to_owned(),
        Counted::AtLeast => (words.covers_at_least)(&keys, &bytes),
        Counted::Estimate => (words.covers_about)(&keys, &format::count(preview.keys_error), &bytes),
        Counted::Exact => (words.covers)(&keys, &bytes),
    }
}

/// Returns true if a clear is known to cover nothing.
fn is_nothing(preview: &ClearPreview) -> bool {
    let all_counted = matches!(preview.counted, Counted::Exact | Counted::NoRedis);
    all_counted && preview.keys == 0 && preview.memory_keys == 0 && preview.errors.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Locale;

    #[test]
    fn scopes_come_back_from_kind_and_name() {
        for (i, value) in KINDS.into_iter().enumerate() {
            let scope = scope_of(value, "x".to_owned());
            assert_eq!(kind(&scope), i);
            assert_eq!(name_of(&scope), if i == 0 { "" } else { "x" });
        }
    }

    #[test]
    fn an_estimate_says_so() {
        let words = Locale::En.admin_words();
        let preview = |counted, keys_error| ClearPreview {
            counted,
            keys: 3_180,
            bytes: 38_600_000,
            keys_error,
            ..Default::default()
        };
        for (counted, error, text) in [
            (Counted::Exact, 0, "3,180 keys in Redis, 36.8 MiB"),
            (Counted::Estimate, 40, "about 3,180 keys in Redis (± 40), 36.8 MiB"),
            (Counted::AtLeast, 0, "at least 3,180 keys in Redis, 36.8 MiB"),
            (Counted::Unknown, 0, "Redis could not be looked at: its keys are not counted"),
            (Counted::NoRedis, 0, "3,180 keys in the memory of this server, 36.8 MiB"),
        ] {
            assert_eq!(covers(&preview(counted, error), words), text);
        }
    }

    #[test]
    fn only_what_was_counted_whole_is_known_to_be_nothing() {
        let of = |counted| ClearPreview { counted, ..Default::default() };
        assert!(is_nothing(&of(Counted::Exact)) && is_nothing(&of(Counted::NoRedis)));
        for counted in [Counted::Unknown, Counted::AtLeast, Counted::Estimate] {
            assert!(!is_nothing(&of(counted)), "{counted:?}");
        }
        assert!(!is_nothing(&ClearPreview { memory_keys: 1, ..of(Counted::Exact) }));
    }
}
