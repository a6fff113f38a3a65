//! Files of the site's folder.

use std::convert::Infallible;

use axum::{
    body::Body,
    http::{HeaderMap, Request, StatusCode, header},
    response::{IntoResponse, Response},
    routing::MethodRouter,
};
use tower::{Service, ServiceExt, service_fn};
use tower_http::services::ServeDir;

use crate::http::problem::Problem;

/// Longest name of a file or folder, bytes. With the ending of a compressed copy it is still below the 255 that file systems
/// allow.
const MAX_NAME: usize = 200;
/// Longest path of a file, bytes. With the site's folder it is well below the 4,096 that the system allows.
const MAX_PATH: usize = 1_024;

/// Serves the files of this folder. What is none is answered by `not_found`, or by 404 without it.
pub(super) fn files(
    root: &str,
    not_found: Option<MethodRouter>,
) -> impl Service<Request<Body>, Response = Response, Error = Infallible, Future: Send>
+ Clone
+ Send
+ Sync
+ 'static {
    // A folder is none: it would be answered by a redirect that repeats the path, such as `//pkg` to `//pkg/`, which a browser
    // takes for another site.
    let dir =
        ServeDir::new(root).precompressed_br().precompressed_gzip().append_index_html_on_directories(false);
    let not_found = not_found.unwrap_or_else(|| axum::routing::any(no_file));
    service_fn(move |mut request: Request<Body>| {
        let (dir, not_found) = (dir.clone(), not_found.clone());
        async move {
            if !may_be_file(request.uri().path()) {
                return not_found.oneshot(request).await;
            }
            keep_one_range(request.headers_mut());
            match dir.fallback(not_found).try_call(request).await {
                Ok(response) => Ok(response.map(Body::new)),
                Err(error) => {
                    tracing::error!(%error, "a file of the site cannot be read: {error}");
                    let problem = Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the file cannot be read");
                    Ok(problem.into_response())
                }
            }
        }
    })
}

async fn no_file() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "there is no such file")
}

/// Whether a file may have this path. The system is not asked for names that it would refuse.
fn may_be_file(path: &str) -> bool {
    path.len() <= MAX_PATH && !path.starts_with("//") && path.split('/').all(|name| name.len() <= MAX_NAME)
}

/// Removes a `Range` that is not a single range of bytes: RFC 9110 (section 14.2) wants an unknown unit ignored, and lets several
/// ranges be ignored.
fn keep_one_range(headers: &mut HeaderMap) {
    let is_one = |range: &str| {
        range.get(..6).is_some_and(|unit| unit.eq_ignore_ascii_case("bytes=")) && !range.contains(',')
    };
    if headers.get(header::RANGE).is_some_and(|range| !range.to_str().is_ok_and(is_one)) {
        headers.remove(header::RANGE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn folders_odd_paths_and_odd_ranges_are_answered_without_failures() {
        let root = std::env::temp_dir().join(format!("tidemark-files-{}", std::process::id()));
        std::fs::create_dir_all(root.join("pkg")).unwrap();
        std::fs::write(root.join("a.txt"), "0123456789").unwrap();
        let serve = files(root.to_str().unwrap(), None);
        let ask = async |path: &str, range: Option<&str>| {
            let mut request = Request::get(path);
            if let Some(range) = range {
                request = request.header(header::RANGE, range);
            }
            let answer = serve.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            assert!(!answer.headers().contains_key(header::LOCATION), "{path}");
            answer.status().as_u16()
        };
        for path in ["/pkg/", "/b.txt", "/a.txt/b", "/%2e%2e/a"] {
            assert_eq!(ask(path, None).await, 404, "{path}");
        }
        for (range, status) in
            [("bytes=0-3", 206), ("items=0-3", 200), ("bytes=0-1,3-4", 200), ("x", 200), ("bytes=99-", 416)]
        {
            assert_eq!(ask("/a.txt", Some(range)).await, status, "{range}");
        }
        std::fs::remove_dir_all(root).unwrap();
    }
}
