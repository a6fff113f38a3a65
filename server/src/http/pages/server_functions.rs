//! What holds for every server function: content types, and where a form is led.

use app::data::local_path;
use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::http::{media_type, problem::Problem};

/// The paths of server functions begin so.
pub(super) const PREFIX: &str = "/fn/";
/// What server functions read.
const MEDIA_TYPES: [&str; 2] = ["application/x-www-form-urlencoded", "application/json"];

/// Answers other content types by 415, and lets redirects lead to pages of this site alone. Leptos leads forms back to the
/// `Referer`, which a request may name as it likes, and scripts' GETs too if they accept HTML.
pub(super) async fn check(mut request: Request, next: Next) -> Response {
    if !request.uri().path().starts_with(PREFIX) {
        return next.run(request).await;
    }
    if request.method().is_safe() {
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    } else if !has_known_type(request.headers()) {
        let detail = format!("the body must be {}", MEDIA_TYPES.join(" or "));
        return Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail).into_response();
    }
    let host = request.headers().get(header::HOST).cloned();
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if let Some(location) = headers.get(header::LOCATION) {
        let own = own_address(location, host.as_ref()).unwrap_or_else(|| HeaderValue::from_static("/"));
        headers.insert(header::LOCATION, own);
    }
    response
}

/// Whether the body is of a type that server functions read. One without a type is read, too: it may be empty.
fn has_known_type(headers: &HeaderMap) -> bool {
    media_type(headers).is_none_or(|media| MEDIA_TYPES.iter().any(|known| media.eq_ignore_ascii_case(known)))
}

/// This address as one of this site: itself if it is of this host, otherwise its path and query. Behind a proxy the browser may
/// know the site by another name.
pub(in crate::http) fn own_address(
    location: &HeaderValue,
    host: Option<&HeaderValue>,
) -> Option<HeaderValue> {
    let text = location.to_str().ok()?;
    if let Some(path) = local_path(text) {
        return HeaderValue::from_str(path).ok();
    }
    let uri: Uri = text.parse().ok()?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return None;
    }
    let path = local_path(uri.path_and_query()?.as_str())?;
    let is_own = host.is_some_and(|host| uri.authority().is_some_and(|own| own.as_str() == host));
    if is_own { Some(location.clone()) } else { HeaderValue::from_str(path).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_path_of_a_foreign_address_is_kept() {
        let own = |text: &str| {
            own_address(&HeaderValue::from_str(text).unwrap(), Some(&HeaderValue::from_static("a:1")))
                .map_or("-".to_owned(), |path| path.to_str().unwrap().to_owned())
        };
        for (from, to) in [
            ("/admin?error=busy", "/admin?error=busy"),
            ("https://evil.example/x?y=1", "/x?y=1"),
            ("http://a:1/admin?next=/x", "http://a:1/admin?next=/x"),
            ("http://x@a:1/admin", "/admin"),
            ("http://a:2/admin", "/admin"),
            ("javascript:alert(1)?x", "-"),
            ("//evil.example", "-"),
            ("https://evil.example//other.example", "-"),
            ("/\\evil.example", "-"),
            ("admin", "-"),
        ] {
            assert_eq!(own(from), to, "{from}");
        }
    }
}
