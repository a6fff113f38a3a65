//! What a page shows instead of data.

use leptos::prelude::*;
use model::MarketError;

use crate::data::DataError;

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

/// A card that says what went wrong, and what can be done. Sets the response's status.
#[component]
pub fn Problem(
    /// What went wrong.
    error: DataError,
) -> impl IntoView {
    let (status, title, hint) = match &error {
        DataError::Market(MarketError::UnknownSymbol { symbol }) => (
            404,
            format!("No coin called {symbol}"),
            "It may be spelt differently, or its prices have not been imported.",
        ),
        DataError::Market(error @ MarketError::BadParameter { .. }) => {
            (error.status_code(), "That cannot be shown".to_owned(), "Choose another interval or coin.")
        }
        DataError::Market(error @ MarketError::Unavailable { .. }) => {
            (error.status_code(), "No prices for now".to_owned(), "The page can be reloaded in a moment.")
        }
        DataError::Transport(_) => {
            (503, "The server cannot be reached".to_owned(), "The page can be reloaded in a moment.")
        }
    };
    set_status(status);
    view! {
        <section class="card problem" role="alert">
            <h1>{title}</h1>
            <p>{error.to_string()}"."</p>
            <p>{hint} " " <a href="/">"All markets"</a></p>
        </section>
    }
}
