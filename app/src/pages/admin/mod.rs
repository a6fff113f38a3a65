//! The operator's pages: signing in, and the cache.

mod categories;
mod clear_dialog;
mod clearing;
mod console;
mod figures;
mod lists;
mod nodes;
mod sign_in;
mod tiles;
mod toast;

use leptos::prelude::*;

use self::{console::ConsolePage, sign_in::SignInPage};
use super::lazy::lazy_page;
use crate::{
    data::ConsoleError,
    live,
    prefs::use_prefs,
    when,
    words::{AdminWords, Locale},
};

lazy_page!(
    /// The route of the sign-in page.
    SignInRoute,
    sign_in_view,
    __preload_sign_in_view,
    SIGN_IN_LOADED,
    SignInPage
);

lazy_page!(
    /// The route of the cache's page.
    ConsoleRoute,
    console_view,
    __preload_console_view,
    CONSOLE_LOADED,
    ConsolePage
);

/// The texts of the operator's pages.
fn use_admin_words() -> &'static AdminWords {
    use_prefs().locale.admin_words()
}

/// What went wrong, in this language.
fn say(error: &ConsoleError, locale: Locale) -> String {
    match error {
        ConsoleError::Admin(error) => {
            locale.admin_words().error(error, |seconds| when::wait(seconds, locale))
        }
        ConsoleError::Transport(_) => locale.admin_words().failed.to_owned(),
    }
}

/// A line that says what went wrong, and is read out; nothing while nothing has.
fn alarm(text: Signal<Option<String>>) -> AnyView {
    view! {
        <div role="alert">
            {live::part(move || text.get().map(|text| view! { <p class="alarm">{text}</p> }).into_any())}
        </div>
    }
    .into_any()
}
