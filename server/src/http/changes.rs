//! `GET /api/price_changes`: what a page that is open asks every two seconds.

use axum::{
    extract::{RawQuery, State},
    http::HeaderMap,
    response::Response,
};

use super::{AppState, problem::Problem, query};

/// Answers with the quotes that changed; with `304` where the asked ones are as the caller's tag says.
pub(super) async fn price_changes(
    State(state): State<AppState>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = query::changes(raw.as_deref())?;
    let answer =
        state.market.changes_answer(&query).await.map_err(|error| Problem::naming(error, "symbols"))?;
    // The tag is of the rows: it is the same whatever the caller knows of them already.
    Ok(answer.into_response(&headers, &("price_changes", query.symbols)))
}
