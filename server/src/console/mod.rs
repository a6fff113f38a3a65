//! What the operator's pages may ask for, as the one who made a request.

mod accounts;
mod cache;
mod clears;
mod stats;

use axum::http::{HeaderValue, header, request::Parts};
use leptos::prelude::use_context;
use leptos_axum::ResponseOptions;
use model::{AdminError, Session};
use tidemark_cache::Cache;

pub(crate) use self::clears::{clear, close, end_of_clear, end_of_undo, undo};
use crate::{
    accounts::{Accounts, Caller},
    http::AppState,
};

/// The operator's side of one request. Cheap to clone.
#[derive(Clone)]
pub struct Console {
    accounts: Accounts,
    cache: Cache,
    caller: Caller,
    response: ResponseOptions,
}

impl Console {
    /// Of the request whose parts are in leptos' context; none where there is no request, as when routes are listed.
    pub(crate) fn in_context(state: &AppState) -> Option<Self> {
        let parts = use_context::<Parts>()?;
        Some(Self {
            accounts: state.accounts.clone(),
            cache: state.access.cache().clone(),
            caller: Caller::of(&parts, &state.edge),
            response: use_context::<ResponseOptions>()?,
        })
    }

    /// Who is signed in. What depends on it may be kept by nobody.
    async fn session(&self) -> Result<Session, AdminError> {
        self.keep_from_caches();
        self.accounts.session(&self.caller).await
    }

    fn keep_from_caches(&self) {
        self.response.insert_header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}
