//! What a page shows instead of data.

use leptos::prelude::*;
use model::MarketError;

use super::{
    Empty, Header,
    header::LostPill,
    retry::{Retry, RetryButton},
};
use crate::{data::DataError, prefs::use_prefs};

/// Sets the status of the response being rendered; in the browser there is none.
pub fn set_status(code: u16) {
    #[cfg(feature = "ssr")]
    if let (Some(response), Ok(status)) =
        (use_context::<leptos_axum::ResponseOptions>(), axum::http::StatusCode::from_u16(code))
    {
        response.set_status(status);
    }
    #[cfg(not(feature = "ssr"))]
    let _ = code;
}

/// A page without data: what went wrong, and its remedy. It tries again by itself where that may help.
#[component]
pub fn Unread(
    /// What went wrong.
    error: DataError,
    /// What reads the data again.
    retry: Retry,
) -> impl IntoView {
    let lost = matches!(error, DataError::Transport(_));
    view! {
        <Header>{lost.then(|| view! { <LostPill /> })}</Header>
        <main id="content" class="content" tabindex="-1">
            <Problem error retry />
        </main>
    }
    .into_any()
}

/// A card that says what went wrong, and what can be done. Sets the response's status.
#[component]
pub fn Problem(
    /// What went wrong.
    error: DataError,
    /// Whether it is a part of a card, in a page that has a heading of its own.
    #[prop(optional)]
    inner: bool,
    /// What reads the data again, where that is possible.
    #[prop(optional)]
    retry: Option<Retry>,
) -> impl IntoView {
    let prefs = use_prefs();
    let words = prefs.words();
    let (status, title, detail, hint) = match &error {
        DataError::Market(MarketError::UnknownSymbol { symbol }) => {
            (404, (words.no_coin)(symbol), None, words.no_coin_hint)
        }
        DataError::Market(error @ MarketError::BadParameter { name, .. }) => {
            let detail = (words.bad_parameter)(name);
            (error.status_code(), words.bad_request.to_owned(), Some(detail), words.bad_request_hint)
        }
        DataError::Market(error @ MarketError::Unavailable { reason }) => {
            let detail = (words.reason)(reason);
            (error.status_code(), words.unavailable.to_owned(), Some(detail), words.unavailable_hint)
        }
        DataError::Transport(_) => (503, words.unreachable.to_owned(), None, words.unavailable_hint),
    };
    set_status(status);
    // An address that is wrong stays so.
    let retry = retry.filter(|_| status >= 500);
    // Without scripts the page is loaded again: an empty address is that of the page.
    let remedy = retry.map(|retry| {
        view! {
            <RetryButton retry />
            <a class="button scriptless" href="" rel="external">
                {words.reload}
            </a>
            " "
        }
    });
    let retrying = remedy.is_some().then(|| view! { <p class="scripted">{words.retrying}</p> });
    // A part of a page leaves the way on to the page.
    let markets = (!inner).then(|| {
        view! {
            <a class="button" href=prefs.link("/")>
                {words.all_markets}
            </a>
        }
    });
    let heading =
        if inner { view! { <h2>{title}</h2> }.into_any() } else { view! { <h1>{title}</h1> }.into_any() };
    view! {
        <section class=if inner { "problem" } else { "card problem" } role="alert">
            <Empty />
            {heading}
            {detail.map(|detail| view! { <p>{detail} {words.stop}</p> })}
            <p>{hint}</p>
            {retrying}
            <p>{remedy} {markets}</p>
        </section>
    }
    .into_any()
}
