//! The JSON API.

use axum::{
    Json, Router,
    extract::{OriginalUri, RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};

use super::{AppState, changes::price_changes, export::export, held::hold, openapi, problem::Problem, query};
use crate::accounts::Caller;

/// Public routes under `/api`.
pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/", get(index))
        .route("/latest_prices", get(latest_prices))
        .route("/price_changes", get(price_changes))
        .route("/chart_data", get(chart_data))
        .route("/charts", get(charts))
        .route("/export", get(export))
        .route("/openapi.json", get(openapi::document))
        .fallback(unknown)
        .method_not_allowed_fallback(|| async {
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this call takes GET and HEAD")
        })
}

/// The answer where there is no such call.
pub async fn unknown(OriginalUri(uri): OriginalUri) -> Problem {
    let shown: String = uri.path().chars().take(200).collect();
    Problem::new(StatusCode::NOT_FOUND, format!("no such call: {shown}"))
}

/// What there is, with calls that work as they are.
pub async fn index() -> Response {
    let body = serde_json::json!({
        "name": "Tidemark",
        "version": env!("CARGO_PKG_VERSION"),
        "openapi": "/api/openapi.json",
        "calls": {
            "latest_prices": "/api/latest_prices?symbols=BTC,ETH",
            "price_changes": "/api/price_changes?symbols=BTC,ETH",
            "chart_data": "/api/chart_data?symbol=BTC&interval=1h",
            "charts": "/api/charts?symbols=BTC,ETH&interval=1d",
            "export": "/api/export?symbol=BTC&interval=1d&format=csv",
            "health": "/healthz",
            "ready": "/readyz",
        },
    });
    let mut response = Json(body).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
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

async fn charts(
    State(state): State<AppState>,
    caller: Caller,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = query::batch(raw.as_deref())?;
    let permit = state.edge.permits().batch(caller.client())?;
    let answer =
        state.market.batch_answer(&query).await.map_err(|error| Problem::naming(error, "symbols"))?;
    Ok(hold(answer.into_response(&headers, &("charts", query)), permit))
}
