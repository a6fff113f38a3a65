//! Hot keys, and the clears that are remembered.

use leptos::prelude::*;
use model::{CacheStats, ClearRecord};

use super::{clearing::Clearing, use_admin_words};
use crate::{format, live, prefs::use_prefs, when};

/// Keys shown.
const MOST: usize = 10;

/// The keys that are read most.
#[component]
pub fn HotKeys(
    /// The figures.
    stats: RwSignal<CacheStats>,
) -> impl IntoView {
    let words = use_admin_words();
    let rows = live::part(move || {
        let row = |key: &model::HotKeyStats| {
            view! {
                <tr>
                    <th scope="row">
                        <code>{key.key.clone()}</code>
                    </th>
                    <td class="num">{format::fixed(key.per_second, 1)}</td>
                    <td class="num">{format::bytes(key.bytes)}</td>
                </tr>
            }
        };
        stats.with(|stats| stats.hot_keys.iter().take(MOST).map(row).collect_view().into_any())
    });
    let none = live::part(move || {
        let none = stats.with(|stats| stats.hot_keys.is_empty());
        none.then(|| view! { <p class="empty">{words.no_hot_keys}</p> }).into_any()
    });
    view! {
        <section class="card" aria-labelledby="hot-title">
            <div class="card-head">
                <h2 id="hot-title">{words.hot_keys}</h2>
            </div>
            <div class="table-wrap">
                <table class="prices console-table">
                    <thead>
                        <tr>
                            <th scope="col">{words.col_key}</th>
                            <th scope="col" class="num">
                                {words.col_per_second}
                            </th>
                            <th scope="col" class="num">
                                {words.col_memory}
                            </th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
            {none}
        </section>
    }
    .into_any()
}

/// The clears, newest first, each with its undo.
#[component]
pub fn Clears(
    /// The figures.
    stats: RwSignal<CacheStats>,
    /// Clears.
    clearing: Clearing,
) -> impl IntoView {
    let words = use_admin_words();
    let handles = Memo::new(move |_| {
        stats.with(|stats| stats.clears.iter().take(MOST).map(|clear| clear.handle).collect::<Vec<_>>())
    });
    let none = live::part(move || {
        let none = handles.with(Vec::is_empty);
        none.then(|| view! { <p class="empty">{words.no_clears}</p> }).into_any()
    });
    view! {
        <section class="card" aria-labelledby="clears-title">
            <div class="card-head">
                <h2 id="clears-title">{words.clears}</h2>
            </div>
            <div class="table-wrap">
                <table class="prices console-table">
                    <thead>
                        <tr>
                            <th scope="col">{words.col_scope}</th>
                            <th scope="col">{words.col_when}</th>
                            <th scope="col" class="num">
                                <span class="sr-only">{words.col_actions}</span>
                            </th>
                        </tr>
                    </thead>
                    <tbody>
                        <For each=move || handles.get() key=|handle| *handle let:handle>
                            <ClearRow stats clearing handle />
                        </For>
                    </tbody>
                </table>
            </div>
            {none}
        </section>
    }
    .into_any()
}

/// One clear. What is left of its undo changes in place, so that the button keeps the focus.
#[component]
fn ClearRow(stats: RwSignal<CacheStats>, clearing: Clearing, handle: u64) -> impl IntoView {
    let prefs = use_prefs();
    let words = use_admin_words();
    let record = Memo::new(move |_| {
        stats.with(|stats| stats.clears.iter().find(|clear| clear.handle == handle).cloned())
    });
    let of = move |figure: Box<dyn Fn(&ClearRecord) -> String + Send + Sync>| {
        live::text(move || record.with(|record| record.as_ref().map(&*figure).unwrap_or_default()))
    };
    let can_undo = Memo::new(move |_| {
        record.with(|record| record.as_ref().is_some_and(|r| !r.undone && r.undo_left_ms > 0))
    });
    let action = live::part(move || {
        if can_undo.get() {
            let label = of(Box::new(move |r| (words.undo)(&when::age(r.undo_left_ms, prefs.locale))));
            view! {
                <button type="button" class="button button-small scripted" on:click=move |_| clearing.undo(handle)>
                    {label}
                </button>
            }
            .into_any()
        } else {
            let undone = record.with(|record| record.as_ref().is_some_and(|r| r.undone));
            view! { <span class="muted">{if undone { words.undone } else { words.undo_over }}</span> }
                .into_any()
        }
    });
    view! {
        <tr>
            <th scope="row">{of(Box::new(|r| (words.scope)(&r.scope)))}</th>
            <td>{of(Box::new(move |r| prefs.calendar().date_time(r.at)))}</td>
            <td class="num">{action}</td>
        </tr>
    }
    .into_any()
}
