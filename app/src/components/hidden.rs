//! State that a form carries along.

use leptos::prelude::*;

use super::TableQuery;
use crate::{live, prefs::use_prefs};

/// The rest of the table's state, for a form that changes one part of it.
#[component]
pub(super) fn Hidden(
    /// The present state.
    query: Memo<TableQuery>,
    /// The parameter that the form itself sends.
    without: &'static str,
) -> impl IntoView {
    let language = use_prefs().named_language();
    live::part(move || {
        let rest = query.with(TableQuery::parameters).into_iter().filter(|(name, _)| *name != without);
        let language = language.map(|tag| ("lang", tag.to_owned()));
        hidden_inputs(rest.chain(language).map(|(name, value)| (name.to_owned(), value)).collect())
    })
}

/// Names and values that are sent and not seen.
pub(super) fn hidden_inputs(pairs: Vec<(String, String)>) -> AnyView {
    pairs
        .into_iter()
        .map(|(name, value)| view! { <input type="hidden" name=name value=value /> })
        .collect_view()
        .into_any()
}
