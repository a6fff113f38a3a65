//! The watchlist as the target of a plain form, for readers without scripts.

use leptos::prelude::*;

use super::{DataError, codec::Answered};

/// Puts a coin on the reader's watchlist, or takes it off, and leads back to `next` if that is a page of this site.
#[server(name = ToggleWatch, prefix = "/fn", endpoint = "toggle_watch", output = Answered)]
pub async fn toggle_watch(
    /// The coin's symbol.
    toggle: String,
    /// Where to go then.
    next: Option<String>,
) -> Result<(), DataError> {
    use axum::http::{HeaderValue, StatusCode, header};

    use super::{call::Call, local_path};
    use crate::prefs::{Settled, watch_cookie};

    let call = Call::here();
    let response = use_context::<leptos_axum::ResponseOptions>();
    let symbol = match toggle.parse::<model::Symbol>() {
        Ok(symbol) => symbol,
        Err(error) => {
            if let (Some(response), Ok(status)) = (response, StatusCode::from_u16(error.status_code())) {
                response.set_status(status);
            }
            return Err(error.into());
        }
    };
    let mut watch = Settled::current().watch;
    watch.toggle(&symbol);
    if let (Some(response), Ok(cookie)) = (response, HeaderValue::from_str(&watch_cookie(&watch))) {
        response.append_header(header::SET_COOKIE, cookie);
    }
    call.lead_to(next.as_deref().and_then(local_path).unwrap_or("/"));
    Ok(())
}
