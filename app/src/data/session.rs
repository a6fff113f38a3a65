//! Signing in and out, as server functions. Each works as the target of a plain form, too.

use leptos::{prelude::*, server_fn::codec::GetUrl};
use model::Session;

#[cfg(feature = "ssr")]
use super::{ADMIN, CACHE_CONSOLE, call::Call, local_path};
use super::{ConsoleError, codec::Answered};

#[cfg(feature = "ssr")]
fn accounts() -> Result<std::sync::Arc<dyn crate::ports::Accounts>, ConsoleError> {
    use_context().ok_or_else(|| ConsoleError::Transport("no accounts in context".to_owned()))
}

/// Who is signed in. While a page is rendered it does not touch the page's status: see [`super::to_sign_in`].
#[server(name = ReadSession, prefix = "/fn", endpoint = "session", input = GetUrl, output = Answered)]
pub async fn session() -> Result<Session, ConsoleError> {
    let (accounts, call) = (accounts()?, Call::here());
    accounts.session().await.map_err(|error| call.failed(error))
}

/// Signs in, and leads to `next` if it is a page of this site. A form that fails is led to `/admin?error=` with the error's
/// code, `retry_after_s` where there is one, and `next`.
#[server(name = SignIn, prefix = "/fn", endpoint = "sign_in", output = Answered)]
pub async fn sign_in(
    /// The account.
    user: String,
    /// Its password.
    password: String,
    /// Where to go then.
    next: Option<String>,
) -> Result<Session, ConsoleError> {
    let (accounts, call) = (accounts()?, Call::here());
    let next = next.as_deref().and_then(local_path);
    match accounts.sign_in(model::Credentials { user, password }).await {
        Ok(session) => {
            call.lead_to(next.unwrap_or(CACHE_CONSOLE));
            Ok(session)
        }
        Err(error) => Err(call.failed_form(error, ADMIN, next)),
    }
}

/// Signs out, and leads to the sign-in page.
#[server(name = SignOut, prefix = "/fn", endpoint = "sign_out", output = Answered)]
pub async fn sign_out() -> Result<(), ConsoleError> {
    let (accounts, call) = (accounts()?, Call::here());
    match accounts.sign_out().await {
        Ok(()) => {
            call.lead_to(ADMIN);
            Ok(())
        }
        Err(error) => Err(call.failed_form(error, ADMIN, None)),
    }
}
