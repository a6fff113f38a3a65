//! `/api/session`: sign in, sign out, who am I.

mod caller;
pub(crate) mod cookie;
mod same_origin;

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use model::{AdminError, Credentials, ScopePart};

pub(crate) use self::same_origin::{has_authorization, same_origin, same_origin_or_token};
use super::{AppState, json_body::Object, media_type, problem::Problem};
use crate::accounts::Caller;

/// The route.
pub fn routes() -> Router<AppState> {
    Router::new().route("/api/session", get(who).post(sign_in).delete(sign_out)).method_not_allowed_fallback(
        || async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "a session takes GET, HEAD, POST and DELETE")
        },
    )
}

async fn who(State(state): State<AppState>, caller: Caller) -> Result<Response, Problem> {
    let session = state.accounts.session(&caller).await?;
    Ok(private(Json(session)))
}

async fn sign_in(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    require_json(&headers)?;
    let Object(credentials) = serde_json::from_slice::<Object<Credentials>>(&body).map_err(|error| {
        // The text of the error may repeat a value; its place says enough.
        let place = format!("line {} column {}", error.line(), error.column());
        let detail =
            format!(r#"body: not as expected at {place}; expected {{"user":"admin","password":"…"}}"#);
        Problem::new(StatusCode::BAD_REQUEST, detail)
    })?;
    let (id, session) = state.accounts.sign_in(&caller, credentials).await?;
    let mut response = private(Json(session));
    if let Some(cookie) = cookie::set(&id, caller.secure) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

async fn sign_out(State(state): State<AppState>, caller: Caller) -> Response {
    state.accounts.sign_out(&caller).await;
    let mut response = private(StatusCode::NO_CONTENT);
    if let Some(cookie) = cookie::remove(caller.secure) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// A form of another site can send text that happens to be JSON, and never this type.
fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    if media_type(headers).is_some_and(|media| media.eq_ignore_ascii_case("application/json")) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body must be application/json"))
}

/// An answer that nobody may keep.
fn private(answer: impl IntoResponse) -> Response {
    let mut response = answer.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl From<AdminError> for Problem {
    fn from(error: AdminError) -> Self {
        let status = StatusCode::from_u16(error.status_code()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let problem = match &error {
            AdminError::BadScope { part, problem } => Self::about(part_name(*part), problem),
            _ => Self::new(status, error.to_string()),
        };
        match error {
            AdminError::TooManyGuesses { retry_after_s } => problem.retry_after(retry_after_s),
            // RFC 9110 wants a scheme; there is none for cookies, so that this one only says how.
            AdminError::NotSignedIn | AdminError::WrongPassword => {
                problem.with_header("www-authenticate", HeaderValue::from_static("Session"))
            }
            _ => problem,
        }
    }
}

const fn part_name(part: ScopePart) -> &'static str {
    match part {
        ScopePart::Category => "scope.category",
        ScopePart::Prefix => "scope.prefix",
        ScopePart::Tag => "scope.tag",
        ScopePart::Key => "scope.key",
    }
}
