//! Who sent a request.

use std::{convert::Infallible, net::Ipv4Addr};

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};

use super::cookie;
use crate::{
    accounts::Caller,
    http::{
        AppState, Edge,
        client::{Client, Peer, is_secure},
    },
};

/// The figures that an open console reads every two seconds, with nobody before it as well.
const FIGURES: &str = "/fn/cache_stats";

impl Caller {
    /// Whom a request is from.
    pub(crate) fn of(parts: &Parts, edge: &Edge) -> Self {
        // Only requests that come over no connection, as in tests, are of nobody.
        let peer =
            parts.extensions.get::<Peer>().map_or(Ipv4Addr::UNSPECIFIED.into(), |Peer(peer)| peer.ip());
        let secure = is_secure(peer, &parts.headers, edge.proxies());
        let agent = parts.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        Self {
            address: Client::of(peer, &parts.headers, edge.proxies()).address,
            agent: agent.unwrap_or_default().to_owned(),
            session: cookie::read(&parts.headers, secure),
            secure,
            by_itself: parts.uri.path() == FIGURES,
        }
    }
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        Ok(Self::of(parts, &state.edge))
    }
}
