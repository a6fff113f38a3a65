//! The JSON API.

use axum::{
    Router,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode, Uri},
    response::Response,
    routing::get,
};

use super::{AppState, problem::Problem, query};

/// Routes under `/api`.
pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/latest_prices", get(latest_prices))
        .route("/chart_data", get(chart_data))
        .fallback(|uri: Uri| async move {
            Problem::new(StatusCode::NOT_FOUND, format!("no such call: /api{}", uri.path()))
        })
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this call takes GET and HEAD")
        })
}

async fn latest_prices(
    State(state): State<AppState>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let symbols = query::symbols(raw.as_deref())?;
    let answer =
        state.market.prices_answer(&symbols).await.map_err(|error| Problem::naming(error, "symbols"))?;
    Ok(answer.into_response(&headers, &("latest_prices", symbols)))
}

async fn chart_data(
    State(state): State<AppState>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = query::chart(raw.as_deref())?;
    let answer = state.market.chart_answer(&query).await?;
    Ok(answer.into_response(&headers, &("chart_data", query)))
}
