//! Signing in and out from a page.

use app::ports::{Accounts, AdminAnswer};
use axum::http::header;
use model::{Credentials, Session};

use super::Console;
use crate::http::cookie;

impl Accounts for Console {
    fn session(&self) -> AdminAnswer<Session> {
        let console = self.clone();
        Box::pin(async move { console.session().await })
    }

    fn sign_in(&self, credentials: Credentials) -> AdminAnswer<Session> {
        let Self { accounts, caller, response, .. } = self.clone();
        self.keep_from_caches();
        Box::pin(async move {
            let (id, session) = accounts.sign_in(&caller, credentials).await?;
            if let Some(cookie) = cookie::set(&id, caller.secure) {
                response.append_header(header::SET_COOKIE, cookie);
            }
            Ok(session)
        })
    }

    fn sign_out(&self) -> AdminAnswer<()> {
        let Self { accounts, caller, response, .. } = self.clone();
        self.keep_from_caches();
        Box::pin(async move {
            accounts.sign_out(&caller).await;
            if let Some(cookie) = cookie::remove(caller.secure) {
                response.append_header(header::SET_COOKIE, cookie);
            }
            Ok(())
        })
    }
}
