//! A cached body with its provenance: entity tag, `304`, `Cache-Status`.

use std::hash::{Hash, Hasher};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::{Bytes, BytesMut};
use model::{Provenance, Tier};

use super::problem::Problem;

/// Serialised data that lacks only its provenance and the closing brace.
#[derive(Clone, Debug)]
pub struct Answer {
    /// JSON object without its last `}`; never empty of members.
    pub open_json: Bytes,
    /// Version of the data.
    pub version: u64,
    /// Where it comes from.
    pub provenance: Provenance,
}

/// A weak entity tag from the data's version, source and query: two answers of one tag differ in provenance at most
/// (RFC 9110 section 8.8.3).
fn entity_tag(version: u64, source: &str, query: &impl Hash) -> String {
    // Not a secret and not stored: the fixed keys of the default hasher are what makes all servers agree.
    let mut hasher = std::hash::DefaultHasher::new();
    source.hash(&mut hasher);
    query.hash(&mut hasher);
    format!("W/\"{version:x}-{:x}\"", hasher.finish())
}

/// Whether `If-None-Match` names this tag; comparison is weak, as section 13.1.2 wants.
fn matches(headers: &HeaderMap, tag: &str) -> bool {
    let opaque = |t: &str| t.trim().trim_start_matches("W/").to_owned();
    headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|v| v.to_str().ok()).any(|value| {
        value.trim() == "*" || value.split(',').any(|candidate| opaque(candidate) == opaque(tag))
    })
}

/// `Cache-Status` of RFC 9211: who answered.
fn cache_status(provenance: &Provenance) -> HeaderValue {
    let how = match (provenance.tier, provenance.stale) {
        (Tier::L1, false) => "tidemark; hit; detail=l1",
        (Tier::L1, true) => "tidemark; hit; detail=l1-stale",
        (Tier::L2, false) => "tidemark; hit; detail=l2",
        (Tier::L2, true) => "tidemark; hit; detail=l2-stale",
        (Tier::Database, _) => "tidemark; fwd=miss; stored; detail=database",
        (Tier::Simulated, _) => "tidemark; fwd=miss; detail=simulated",
    };
    HeaderValue::from_static(how)
}

impl Answer {
    /// The response to a request with these headers; `query` is all that tells this answer from others of its version.
    pub fn into_response(self, request: &HeaderMap, query: &impl Hash) -> Response {
        let tag = entity_tag(self.version, self.provenance.source.as_str(), query);
        let mut response = if matches(request, &tag) {
            let mut response = StatusCode::NOT_MODIFIED.into_response();
            // As in the whole answer, where the compression says it (RFC 9110 section 15.4.5).
            response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
            response
        } else {
            match self.body() {
                Ok(body) => {
                    let mut response = Response::new(Body::from(body));
                    let json = HeaderValue::from_static("application/json");
                    response.headers_mut().insert(header::CONTENT_TYPE, json);
                    response
                }
                Err(_) => {
                    return Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the answer cannot be written")
                        .into_response();
                }
            }
        };
        let headers = response.headers_mut();
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(header::ETAG, tag);
        }
        // Clients ask again each time; an unchanged answer costs them a 304.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert("cache-status", cache_status(&self.provenance));
        response
    }

    fn body(&self) -> Result<Bytes, serde_json::Error> {
        let provenance = serde_json::to_vec(&self.provenance)?;
        let mut body = BytesMut::with_capacity(self.open_json.len() + provenance.len() + 16);
        body.extend_from_slice(&self.open_json);
        body.extend_from_slice(b",\"provenance\":");
        body.extend_from_slice(&provenance);
        body.extend_from_slice(b"}");
        Ok(body.freeze())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_listed_tag_matches_weakly() {
        let tag = entity_tag(7, "recorded", &"q");
        let strong = tag.trim_start_matches("W/").to_owned();
        for value in ["*".to_owned(), tag.clone(), format!("\"x\", {strong}")] {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, value.parse().unwrap());
            assert!(matches(&headers, &tag), "{value}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, "\"other\"".parse().unwrap());
        assert!(!matches(&headers, &tag));
    }

    #[test]
    fn version_source_and_query_each_change_the_tag() {
        let base = entity_tag(7, "recorded", &"q");
        assert_ne!(base, entity_tag(8, "recorded", &"q"));
        assert_ne!(base, entity_tag(7, "replay", &"q"));
        assert_ne!(base, entity_tag(7, "recorded", &"r"));
        assert_eq!(base, entity_tag(7, "recorded", &"q"));
    }
}
