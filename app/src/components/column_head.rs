//! A head of the table of prices.

use leptos::prelude::*;
use leptos_router::{NavigateOptions, hooks::use_navigate};

use super::{SortKey, TableQuery};
use crate::{
    live,
    prefs::{use_prefs, use_words},
};

/// A column's head: a button that sorts.
#[component]
pub fn ColumnHead(
    /// The present state.
    query: Memo<TableQuery>,
    /// The column.
    key: SortKey,
    /// What it is called.
    label: &'static str,
    /// Classes of the cell.
    class: &'static str,
) -> impl IntoView {
    let prefs = use_prefs();
    let navigate = use_navigate();
    let sort = move || query.with(|query| query.sort);
    let mark = live::word(move || match sort().aria(key) {
        Some("ascending") => "↑",
        Some(_) => "↓",
        None => "",
    });
    let click = move |event: leptos::ev::MouseEvent| {
        event.prevent_default();
        let next =
            query.with_untracked(|query| TableQuery { sort: query.sort.after_click(key), ..query.clone() });
        // The way back leads to the page before, not through each order.
        let options = NavigateOptions { replace: true, scroll: false, ..NavigateOptions::default() };
        navigate(&prefs.link(&next.href()), options);
    };
    let (short, long) = match key {
        SortKey::Watch => (view! { <span class="sr-only">{label}</span> }.into_any(), None),
        SortKey::Rank => (label.into_any(), Some(use_words().col_rank_long)),
        _ => (label.into_any(), None),
    };
    view! {
        <th scope="col" class=class title=long aria-sort=live::maybe(move || sort().aria(key))>
            <button
                type="submit"
                form="sort"
                name="sort"
                value=live::text(move || sort().after_click(key).to_text())
                class="sort"
                class:sort-star=key == SortKey::Watch
                aria-label=long
                on:click=click
            >
                {short}
                <span class="sort-mark" aria-hidden="true">
                    {mark}
                </span>
            </button>
        </th>
    }
    .into_any()
}
