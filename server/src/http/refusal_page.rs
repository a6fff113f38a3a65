//! Which refusals a person reads: those get a page instead of a problem document.

use app::{
    prefs::Settled,
    refusal::{Refusal, refusal_page},
};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header},
    response::Response,
};
use leptos::nonce::Nonce;

use super::{health, pages::own_address, problem::Problem, security};

/// Calls of programs: they get a problem document whatever they accept.
const API: &str = "/api";
/// Ranges of `Accept` that are looked at.
const MAX_RANGES: usize = 32;

/// A reader whose browser asks for a page, with what a page for that reader depends on.
pub(super) struct Reader {
    languages: Option<HeaderValue>,
    cookies: Vec<HeaderValue>,
    /// Where a form was sent from.
    referer: Option<HeaderValue>,
    host: Option<HeaderValue>,
    is_form: bool,
}

impl Reader {
    /// The reader of this request; none if a program makes it.
    pub(super) fn of<B>(request: &Request<B>) -> Option<Self> {
        let headers = request.headers();
        let path = request.uri().path();
        let is_call = path.strip_prefix(API).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if is_call || health::is_path(path) || !prefers_html(headers) {
            return None;
        }
        let one = |name: HeaderName| headers.get(name).cloned();
        Some(Self {
            languages: one(header::ACCEPT_LANGUAGE),
            cookies: headers.get_all(header::COOKIE).iter().cloned().collect(),
            referer: one(header::REFERER),
            host: one(header::HOST),
            is_form: !matches!(*request.method(), Method::GET | Method::HEAD),
        })
    }

    /// Puts the page in place of this answer's problem document. Answers without one stay as they are.
    pub(super) fn show(&self, response: &mut Response, uri: &Uri, request_id: &str) {
        let Some(problem) = Problem::take(response) else { return };
        let cookies: Vec<&str> = self.cookies.iter().filter_map(|line| line.to_str().ok()).collect();
        let languages = self.languages.as_ref().and_then(|value| value.to_str().ok()).unwrap_or_default();
        let settled = Settled::from_request(uri.query().unwrap_or_default(), &cookies, languages);
        let sent_from = self.referer.as_ref().and_then(|referer| own_address(referer, self.host.as_ref()));
        // Of an address of this host the path will do.
        let sent_from = sent_from.and_then(|address| {
            let uri: Uri = address.to_str().ok()?.parse().ok()?;
            Some(uri.path_and_query()?.as_str().to_owned())
        });
        let nonce = Nonce::new();
        let page = refusal_page(
            &settled,
            &Refusal {
                status: problem.status().as_u16(),
                is_late: problem.is_late(),
                retry_after: problem.seconds_to_wait(),
                form: self.is_form.then_some(sent_from.as_deref()),
                request_id,
                nonce: &nonce,
            },
        );
        *response.body_mut() = Body::from(page);
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_LENGTH);
        let language = settled.locale.tag();
        for (name, value) in [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CACHE_CONTROL, "no-store"),
            (header::CONTENT_LANGUAGE, language),
            (header::VARY, "accept, accept-language, cookie"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Ok(policy) = HeaderValue::try_from(security::refusal_policy(&nonce)) {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
    }
}

/// Whether HTML is named, and preferred to JSON (RFC 9110 section 12.5.1). Programs accept anything, and browsers name HTML.
fn prefers_html(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
    let (mut html, mut json, mut json_by) = (0, 0, 0);
    for range in lines.flat_map(|line| line.split(',')).take(MAX_RANGES) {
        let mut parts = range.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default().to_ascii_lowercase();
        let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let quality = quality.map_or(1_000, thousandths);
        // What is more exact counts.
        let exactness = match media.as_str() {
            "text/html" => {
                html = quality;
                continue;
            }
            "application/problem+json" | "application/json" => 3,
            "application/*" => 2,
            "*/*" => 1,
            _ => continue,
        };
        if exactness > json_by || (exactness == json_by && quality > json) {
            (json, json_by) = (quality, exactness);
        }
    }
    html > json
}

/// A quality value in thousandths; what is none is 0.
fn thousandths(text: &str) -> u16 {
    let quality = text.parse::<f32>().unwrap_or(0.0);
    if (0.0..=1.0).contains(&quality) { (quality * 1_000.0) as u16 } else { 0 }
}

#[cfg(test)]
mod tests {
    use axum::{Router, http::StatusCode, routing::get};
    use http_body_util::BodyExt;
    use tower::ServiceExt;

    use super::*;
    use crate::metrics::RequestMetrics;

    #[test]
    fn browsers_prefer_html_and_programs_do_not() {
        let prefers = |accept: &'static str| {
            prefers_html(&HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]))
        };
        for browser in [
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
            "text/html",
            "application/json;q=0.5, TEXT/HTML;level=1;q=0.9",
            "text/html, application/json;q=0",
        ] {
            assert!(prefers(browser), "{browser}");
        }
        for program in [
            "",
            "*/*",
            "application/json",
            "application/json, text/html",
            "text/html;q=0.5, */*",
            "text/html;q=0",
            "text/html;q=2",
            "image/avif,image/webp,*/*",
            "text/*",
        ] {
            assert!(!prefers(program), "{program}");
        }
        assert!(!prefers_html(&HeaderMap::new()));
    }

    #[test]
    fn calls_and_health_are_of_programs() {
        let has_reader = |path: &str| {
            let request = Request::get(path).header(header::ACCEPT, "text/html").body(()).unwrap();
            Reader::of(&request).is_some()
        };
        for page in ["/", "/coin/BTC", "/fn/sign_in", "/pkg/x.js", "/apis"] {
            assert!(has_reader(page), "{page}");
        }
        for call in ["/api", "/api/", "/api/cache/stats", "/healthz", "/readyz"] {
            assert!(!has_reader(call), "{call}");
        }
    }

    #[tokio::test]
    async fn what_overload_and_slow_parts_refuse_is_a_page_with_its_status() {
        let busy = || async { Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many calls at once") };
        let late = || async { Problem::late("no answer in time").retry_after(120) };
        let panics = || async { Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "an error of the server") };
        let routes =
            Router::new().route("/busy", get(busy)).route("/late", get(late)).route("/500", get(panics));
        let routes = security::wrap(routes, &RequestMetrics::default());
        for (path, status, said) in [
            ("/busy", 503, ["The server is busy", "Try again in 1 second.", ">Retry<"]),
            ("/late", 503, ["The page was not ready in time.", "Try again in 2 minutes.", ">Retry<"]),
            ("/late?lang=zh-CN", 503, ["页面未能及时生成。", "请在 2 分钟后重试。", ">重试<"]),
            ("/500", 500, ["Server error", "Request ID", ">Retry<"]),
        ] {
            let request = Request::get(path).header(header::ACCEPT, "text/html").body(Body::empty()).unwrap();
            let answer = routes.clone().oneshot(request).await.unwrap();
            assert_eq!(answer.status(), status, "{path}");
            assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
            assert!(answer.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().contains("'nonce-"));
            let html = answer.into_body().collect().await.unwrap().to_bytes();
            let html = String::from_utf8(html.to_vec()).unwrap();
            for said in said {
                assert!(html.contains(said), "{said} in {html}");
            }
        }
    }
}
