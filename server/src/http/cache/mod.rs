//! The admin API of the cache: statistics, clears, undo, inspection. For who is signed in or has the token.

mod access;
mod report;
mod scope;

use std::fmt;

use axum::{
    Extension, Json, Router,
    body::Bytes,
    extract::{RawQuery, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, Unexpected, Visitor},
};
use tidemark_cache::{ClearError, Preview};

pub use self::access::Access;
use self::{
    access::{Operator, Refused},
    report::Report,
    scope::ScopeBody,
};
use super::{AppState, client::Listener, json_body::Object, problem::Problem, query::Params};
use crate::console;

/// Routes under `/api/cache`.
pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/proof", get(proof))
        .route("/stats", get(stats))
        .route("/inspect", get(inspect))
        .route("/clear", post(clear))
        .route("/undo", post(undo))
        .method_not_allowed_fallback(|| async {
            let detail = "proof, stats and inspect take GET and HEAD, clear and undo take POST";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
        })
}

/// The body of a clear.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClearBody {
    scope: Object<ScopeBody>,
    #[serde(default)]
    dry_run: bool,
}

/// What was or would be cleared.
#[derive(Serialize)]
struct ClearAnswer {
    dry_run: bool,
    /// For undo; none where nothing was cleared.
    handle: Option<u64>,
    preview: Preview,
}

/// The body of an undo.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UndoBody {
    #[serde(deserialize_with = "whole_number")]
    handle: u64,
}

/// Largest handle that is read. Beyond it JSON's numbers are not exact; handles are counted from 1.
const MAX_HANDLE: u64 = 9_007_199_254_740_991;

/// A number without a fraction, however it is written: to JSON, `7.0` is the integer 7.
fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    struct Whole;

    impl Visitor<'_> for Whole {
        type Value = u64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("u64")
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
            if number <= MAX_HANDLE {
                Ok(number)
            } else {
                Err(E::invalid_value(Unexpected::Unsigned(number), &self))
            }
        }

        fn visit_f64<E: Error>(self, number: f64) -> Result<u64, E> {
            if number.fract() == 0.0 && (0.0..=MAX_HANDLE as f64).contains(&number) {
                Ok(number as u64)
            } else {
                Err(E::invalid_value(Unexpected::Float(number), &self))
            }
        }
    }

    deserializer.deserialize_u64(Whole)
}

/// Shortest and longest nonce, bytes.
const NONCE: std::ops::RangeInclusive<usize> = 32..=128;

/// Shows a caller that this server knows the token, before the caller sends it.
async fn proof(
    State(state): State<AppState>,
    Extension(Listener(listener)): Extension<Listener>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let params = Params::parse(raw.as_deref(), &["nonce"])?;
    let nonce = params.required("nonce", "hexadecimal digits, made at random for this call")?;
    if !NONCE.contains(&nonce.len()) || !nonce.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let reason = format!("must be {} to {} hexadecimal digits", NONCE.start(), NONCE.end());
        return Err(Problem::about("nonce", reason));
    }
    Ok(match state.access.proof(listener, nonce) {
        Some(proof) => private(Proof { proof }),
        None => Refused::NoToken.into_response(),
    })
}

/// The answer to a nonce.
#[derive(Serialize)]
struct Proof {
    /// In hex.
    proof: String,
}

async fn stats(_: Operator, State(state): State<AppState>) -> Response {
    private(Report::of(state.access.cache()).await)
}

async fn inspect(
    _: Operator,
    State(state): State<AppState>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let cache = state.access.cache();
    let params = Params::parse(raw.as_deref(), &["key"])?;
    let name = params.required("key", "category:text")?;
    let (category, text) = scope::full_name("key", name, &scope::categories(cache))?;
    Ok(private(cache.inspect(category, text).await))
}

async fn clear(operator: Operator, State(state): State<AppState>, body: Bytes) -> Result<Response, Problem> {
    let cache = state.access.cache();
    let ClearBody { scope, dry_run } = parse(&body, r#"{"scope":{"category":"prices"},"dry_run":true}"#)?;
    let scope = scope.0.check(&scope::categories(cache))?;
    let (handle, preview) = if dry_run {
        (None, cache.preview_clear(&scope).await.map_err(problem)?)
    } else {
        let done = console::clear(cache, &state.accounts, operator.who(), scope).await;
        let (cleared, preview) = done.map_err(problem)?;
        (Some(cleared.seq), preview)
    };
    Ok(private(ClearAnswer { dry_run, handle, preview }))
}

async fn undo(operator: Operator, State(state): State<AppState>, body: Bytes) -> Result<Response, Problem> {
    let UndoBody { handle } = parse(&body, r#"{"handle":7}"#)?;
    let undone = console::undo(state.access.cache(), &state.accounts, operator.who(), handle).await;
    let undone = undone.map_err(problem)?;
    Ok(private(undone))
}

/// Reads a JSON body. The error says what is off and shows a body that would do.
fn parse<'b, T: Deserialize<'b>>(body: &'b [u8], example: &str) -> Result<T, Problem> {
    serde_json::from_slice(body).map(|Object(read)| read).map_err(|error| {
        Problem::new(StatusCode::BAD_REQUEST, format!("body: {error}; expected such as {example}"))
    })
}

/// The problem of a clear or undo that was not recorded.
fn problem(error: ClearError) -> Problem {
    let status = match error {
        ClearError::Scope(_) => return Problem::about("scope", error.to_string()),
        ClearError::Unknown(_) => StatusCode::NOT_FOUND,
        ClearError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    Problem::new(status, error.to_string())
}

/// An answer that nobody may keep.
fn private(body: impl Serialize) -> Response {
    let mut response = Json(body).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_a_whole_number_however_it_is_written() {
        let read = |text: &str| {
            let body = serde_json::from_str::<UndoBody>(&format!(r#"{{"handle":{text}}}"#));
            body.map(|body| body.handle).ok()
        };
        for (text, handle) in [("7", 7), ("7.0", 7), ("2139e0", 2139), ("9007199254740991", MAX_HANDLE)] {
            assert_eq!(read(text), Some(handle), "{text}");
        }
        for text in
            ["7.5", "-1", "-1.0", "1e300", "9007199254740992", "18446744073709551615", "\"7\"", "null"]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
