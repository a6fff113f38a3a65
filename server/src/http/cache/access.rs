//! Who may use the admin API: whoever is signed in, or sends the token.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use model::AdminError;
use tidemark_cache::Cache;

use crate::{
    accounts::Caller,
    config::{ADMIN_PASSWORD_FILE, ADMIN_TOKEN_FILE, AdminToken},
    http::{AppState, client::ClientKey, problem::Problem, rate::RefusalRate, session::has_authorization},
};

/// The cache, and the token that opens it. Cheap to clone.
#[derive(Clone)]
pub struct Access {
    cache: Cache,
    token: Option<Arc<AdminToken>>,
    refusals: RefusalRate,
}

impl Access {
    /// Without a token only sessions have access.
    #[must_use]
    pub fn new(cache: Cache, token: Option<AdminToken>) -> Self {
        Self { cache, token: token.map(Arc::new), refusals: RefusalRate::new() }
    }

    /// What is accessed.
    pub(crate) fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Shows that this server knows the token, if there is one.
    pub(super) fn proof(&self, listener: SocketAddr, nonce: &str) -> Option<String> {
        self.token.as_ref().map(|token| token.proof(listener, nonce))
    }

    /// Whether the request's token is the right one.
    fn check_token(&self, headers: &HeaderMap, client: IpAddr) -> Result<(), Refused> {
        let Some(token) = &self.token else { return Err(Refused::NoToken) };
        let given = bearer(headers);
        // The right token is always let in, or anybody could lock the operator out by guessing wrongly.
        if given.is_some_and(|given| token.is(given)) {
            return Ok(());
        }
        Err(self.count(client, if given.is_some() { Refused::Wrong } else { Refused::Missing }))
    }

    /// The refusal, or that this client had too many.
    fn count(&self, client: IpAddr, refused: Refused) -> Refused {
        if self.refusals.claim(ClientKey::of(client)) { refused } else { Refused::TooMany }
    }
}

/// The token of `Authorization: Bearer`. The scheme's case does not count (RFC 9110 section 11.1).
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked("bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

/// Why somebody is not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Neither a token nor a password can be right: there are none.
    Closed,
    /// A token was sent, and none is configured.
    NoToken,
    /// None was sent, and no session.
    Missing,
    /// Another was sent.
    Wrong,
    /// This client was refused too often within a second.
    TooMany,
    /// The session cannot be looked up.
    Session(AdminError),
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, detail) = match self {
            Self::Closed => {
                let detail = format!(
                    "the admin API is closed: neither {ADMIN_TOKEN_FILE} nor {ADMIN_PASSWORD_FILE} is set"
                );
                (StatusCode::FORBIDDEN, detail)
            }
            Self::NoToken => {
                (StatusCode::FORBIDDEN, format!("no token is taken: {ADMIN_TOKEN_FILE} is not set"))
            }
            Self::Missing => (
                StatusCode::UNAUTHORIZED,
                "sign in, or send the header Authorization: Bearer with the token".to_owned(),
            ),
            Self::Wrong => (StatusCode::UNAUTHORIZED, "this is not the token".to_owned()),
            Self::TooMany => (
                StatusCode::TOO_MANY_REQUESTS,
                "too many calls from this address without a valid token or session".to_owned(),
            ),
            Self::Session(error) => return Problem::from(error).into_response(),
        };
        let mut response = Problem::new(status, detail).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// A caller who was let in.
pub(super) struct Operator {
    /// The account, or `token`.
    account: String,
    address: IpAddr,
}

impl Operator {
    /// For the audit log.
    pub(super) fn who(&self) -> (&str, IpAddr) {
        (&self.account, self.address)
    }
}

impl FromRequestParts<AppState> for Operator {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Refused> {
        let caller = Caller::of(parts, &state.edge);
        let address = caller.address;
        // Whoever sends a token is judged by it alone: only a cookie is checked for where the request comes from.
        if has_authorization(&parts.headers) {
            let closed = !state.accounts.can_be();
            return match state.access.check_token(&parts.headers, address) {
                Ok(()) => Ok(Self { account: "token".to_owned(), address }),
                Err(Refused::NoToken) if closed => Err(Refused::Closed),
                Err(refused) => Err(refused),
            };
        }
        match state.accounts.session(&caller).await {
            Ok(session) => Ok(Self { account: session.user, address }),
            Err(AdminError::NotSignedIn) if state.access.token.is_none() && !state.accounts.can_be() => {
                Err(Refused::Closed)
            }
            Err(AdminError::NotSignedIn) => Err(state.access.count(address, Refused::Missing)),
            Err(error) => Err(Refused::Session(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bearer_is_found_whatever_the_case() {
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            bearer(&headers).map(|token| String::from_utf8(token.to_vec()).unwrap())
        };
        assert_eq!(of("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(of("bEARER  abc ").as_deref(), Some("abc"));
        for other in ["Basic abc", "Bearer", "Bear", ""] {
            assert_eq!(of(other), None, "{other}");
        }
        assert_eq!(bearer(&HeaderMap::new()), None);
    }
}
