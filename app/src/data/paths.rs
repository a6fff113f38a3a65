//! Where signing in leads.

use leptos::prelude::*;

/// The sign-in page.
pub const ADMIN: &str = "/admin";
/// The page of the cache.
pub const CACHE_CONSOLE: &str = "/admin/cache";

/// `next` if it leads to a page of this site, and can be a header: it begins with a single slash. A browser takes a backslash for
/// a slash and leaves control characters out.
#[must_use]
pub fn local_path(next: &str) -> Option<&str> {
    let local = next.starts_with('/') && !next.starts_with("//") && next.len() <= 1_024;
    (local && next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')).then_some(next)
}

/// The sign-in page that leads back to `next`; to the page of the cache if that is no page of this site.
#[must_use]
pub fn sign_in_path(next: &str) -> String {
    format!("{ADMIN}?next={}", escaped(local_path(next).unwrap_or(CACHE_CONSOLE)))
}

/// Text as the value of a query's parameter.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                escaped.push(char::from(byte))
            }
            other => escaped.push_str(&format!("%{other:02X}")),
        }
    }
    escaped
}

/// Sends a reader who is not signed in to the sign-in page, which leads back to `next`. Rendered on the server, the answer is
/// `303 See Other`; call it before the first part of the page is sent, from a blocking resource's view or a page that is
/// rendered whole. In the browser it navigates.
pub fn to_sign_in(next: &str) {
    let path = sign_in_path(next);
    #[cfg(feature = "ssr")]
    if let (Some(response), Ok(path)) =
        (use_context::<leptos_axum::ResponseOptions>(), axum::http::HeaderValue::from_str(&path))
    {
        response.set_status(axum::http::StatusCode::SEE_OTHER);
        response.insert_header(axum::http::header::LOCATION, path);
    }
    #[cfg(not(feature = "ssr"))]
    {
        let options = leptos_router::NavigateOptions { replace: true, ..Default::default() };
        // Once the view that found it out is done with.
        let navigate = leptos_router::hooks::use_navigate();
        request_animation_frame(move || navigate(&path, options));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_this_site_are_led_back_to() {
        for good in ["/", "/admin/cache", "/coin/BTC?interval=1h#x"] {
            assert_eq!(local_path(good), Some(good));
        }
        for bad in [
            "",
            "admin",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example",
            "/\t/evil.example",
            "/x\r\nset-cookie: a=b",
            "/é",
            " /",
        ] {
            assert_eq!(local_path(bad), None, "{bad:?}");
        }
        assert_eq!(sign_in_path("/admin/cache?a=b&c"), "/admin?next=/admin/cache%3Fa%3Db%26c");
        assert_eq!(sign_in_path("//evil.example"), "/admin?next=/admin/cache");
    }
}
