//! The head of the table's card: title, search, chips.

use leptos::{ev, html::Input, prelude::*};
use leptos_router::{NavigateOptions, hooks::use_navigate};

use super::{Shown, TableQuery, hidden::Hidden, icons};
use crate::{live, prefs::use_prefs};

/// Title, search and chips. All of it works without scripts: a form and links.
#[component]
pub fn TableHead(
    /// The present state.
    query: Memo<TableQuery>,
) -> impl IntoView {
    let words = use_prefs().words();
    view! {
        <div class="card-head table-head">
            <h1 id="markets-title">{words.markets}</h1>
            <Search query />
            <Chips query />
        </div>
    }
    .into_any()
}

/// The search box. `/` goes to it, Escape empties it.
#[component]
fn Search(query: Memo<TableQuery>) -> impl IntoView {
    let prefs = use_prefs();
    let words = prefs.words();
    let navigate = use_navigate();
    let field = NodeRef::<Input>::new();
    let search = StoredValue::new(move |text: String| {
        let next = query.with_untracked(|query| TableQuery { text, ..query.clone() });
        // The way back leads to the page before, not to each letter.
        let options = NavigateOptions { replace: true, scroll: false, ..NavigateOptions::default() };
        navigate(&prefs.link(&next.href()), options);
    });
    let search = move |text| search.with_value(|search| search(text));
    live::effect(move || {
        let keys = window_event_listener(ev::keydown, move |event| {
            let modified = event.ctrl_key() || event.meta_key() || event.alt_key();
            if event.key() == "/"
                && !modified
                && prefs.keys().get_untracked()
                && !writing()
                && let Some(field) = field.get_untracked()
            {
                event.prevent_default();
                // It is on the page and can have the focus.
                let _ = field.focus();
                field.select();
            }
        });
        on_cleanup(move || keys.remove());
    });
    // Back and forward, and links, change the text too; typing has changed it already.
    live::effect(move || {
        let text = query.with(|query| query.text.clone());
        if let Some(field) = field.get_untracked()
            && field.value().trim() != text
        {
            field.set_value(&text);
        }
    });
    view! {
        <form class="search" role="search" method="get" action="/" on:submit=|event| event.prevent_default()>
            <Hidden query without="q" />
            <span class="search-icon">{icons::icon(icons::SEARCH)}</span>
            <input
                node_ref=field
                type="search"
                name="q"
                class="field"
                autocomplete="off"
                aria-label=words.filter
                placeholder=words.filter
                value=query.with_untracked(|query| query.text.clone())
                on:input:target=move |event| search(event.target().value().trim().to_owned())
                on:keydown=move |event| {
                    if event.key() == "Escape" {
                        search(String::new());
                    }
                }
            />
            <kbd class="key" aria-hidden="true" hidden=live::flag(move || !prefs.keys().get())>
                "/"
            </kbd>
            <button type="submit" class="button scriptless">
                {words.filter_send}
            </button>
        </form>
    }
    .into_any()
}

/// Whether the focus is where a key writes.
fn writing() -> bool {
    document().active_element().is_some_and(|element| {
        let editable = element.get_attribute("contenteditable").is_some_and(|value| value != "false");
        editable || matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT")
    })
}

/// The choice of coins.
#[component]
fn Chips(query: Memo<TableQuery>) -> impl IntoView {
    let prefs = use_prefs();
    let words = prefs.words();
    let labels = [words.show_all, words.show_watchlist, words.show_gainers, words.show_losers];
    let chips = Shown::ALL.into_iter().zip(labels).map(|(shown, label)| {
        let href = live::text(move || {
            let href = query.with(|query| TableQuery { shown, ..query.clone() }.href());
            prefs.link(&href)
        });
        let star = (shown == Shown::Watchlist).then(|| icons::icon(icons::STAR));
        let current = live::maybe(move || query.with(|query| query.shown == shown).then_some("true"));
        view! {
            <a class="choice" href=href aria-current=current data-noscroll>
                {star}
                {label}
            </a>
        }
    });
    view! {
        <nav class="chips" aria-label=words.show>
            {chips.collect_view()}
        </nav>
    }
    .into_any()
}
