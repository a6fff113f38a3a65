//! Requests of an open page to the JSON API. They expose the HTTP status and the entity tag; server functions hide both.

use serde::de::DeserializeOwned;

/// Why a read has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchError {
    /// Nobody answered, or what came is no answer of this call.
    Unreachable,
    /// The server answered with this HTTP status.
    Refused(u16),
}

impl FetchError {
    /// The status, where there was one.
    #[must_use]
    pub const fn status(self) -> Option<u16> {
        match self {
            Self::Unreachable => None,
            Self::Refused(status) => Some(status),
        }
    }
}

/// A value with its entity tag.
pub struct Fetched<T> {
    /// The value.
    pub value: T,
    /// What a later read sends, to be answered only if the value is another one by then.
    pub tag: Option<String>,
}

/// Reads a path of the API. `None` if the value is still the one that had this tag.
///
/// # Errors
/// Nobody answers, or not with a value. On the server always: it has no API to ask.
#[cfg(feature = "hydrate")]
pub async fn fetch<T: DeserializeOwned>(
    path: &str,
    tag: Option<&str>,
) -> Result<Option<Fetched<T>>, FetchError> {
    let Some((text, tag)) = get(path, tag).await? else { return Ok(None) };
    let value = serde_json::from_str(&text).map_err(|_| FetchError::Unreachable)?;
    Ok(Some(Fetched { value, tag }))
}

/// The body and its entity tag.
#[cfg(feature = "hydrate")]
async fn get(path: &str, tag: Option<&str>) -> Result<Option<(String, Option<String>)>, FetchError> {
    let mut request = gloo_net::http::Request::get(path);
    if let Some(tag) = tag {
        request = request.header("if-none-match", tag);
    }
    let response = request.send().await.map_err(|_| FetchError::Unreachable)?;
    match response.status() {
        304 => Ok(None),
        200 => {
            let tag = response.headers().get("etag");
            let text = response.text().await.map_err(|_| FetchError::Unreachable)?;
            Ok(Some((text, tag)))
        }
        status => Err(FetchError::Refused(status)),
    }
}

/// The same in the server's half.
///
/// # Errors
/// Always.
#[cfg(not(feature = "hydrate"))]
pub async fn fetch<T: DeserializeOwned>(
    _path: &str,
    _tag: Option<&str>,
) -> Result<Option<Fetched<T>>, FetchError> {
    Err(FetchError::Unreachable)
}
