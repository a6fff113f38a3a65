//! `GET /api/export`: all candles of a range, as a file.

mod body;
mod format;

use std::{sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::{RawQuery, State},
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use model::Source;
use tokio::time::Instant;

pub use self::format::Format;
use self::format::Lines;
use super::{
    AppState,
    held::hold,
    problem::Problem,
    query,
    stall::{MinRate, Pace},
};
use crate::{
    accounts::Caller,
    market::{Exported, IncompleteCandles},
    store::StoreError,
};

/// Longest time from the head of the answer to its end.
const MAX_TIME: Duration = Duration::from_secs(600);
/// Longest time in which the client may take nothing.
const READ_WITHIN: Duration = Duration::from_secs(30);

/// Answers with a file, sent in parts.
pub(super) async fn export(
    State(state): State<AppState>,
    caller: Caller,
    pace: Option<Extension<Pace>>,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let (query, format, incomplete) = query::export(raw.as_deref())?;
    let permit = Arc::new(state.edge.permits().export(caller.client())?);
    let Exported { source, mut pages } = state.market.export(&query).await?;
    let revision = pages.revision();
    // The first page comes before the head: what fails at once is reported as an error.
    let unread = |error: StoreError| {
        tracing::debug!(%error, "an export cannot be read");
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "the database does not answer")
    };
    let may_mark = format == Format::Csv && incomplete == IncompleteCandles::Mark;
    let has_marks = may_mark && pages.has_incomplete().await.map_err(unread)?;
    let first = pages.next_marked().await.map_err(unread)?;
    // It has a permit and a deadline of its own: whoever reads it may have to store it first.
    let deadline = Instant::now() + MAX_TIME;
    if let Some(Extension(pace)) = pace {
        pace.set(MinRate { bytes: 1, window: READ_WITHIN }, deadline);
    }
    let lines = Lines { format, incomplete, has_marks };
    // A replayed or made-up price must not pass for a recorded one when the file is found again.
    let of = if source == Source::RECORDED { String::new() } else { format!("-{source}") };
    let name = format!("{}-USD-{}{of}.{}", query.symbol, query.interval, format.name());
    let mut response =
        hold(Response::new(body::stream(lines, first, pages, deadline, Arc::clone(&permit))), permit);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("cache-status", HeaderValue::from_static("tidemark; fwd=bypass; detail=database"));
    headers.insert("tidemark-revision", HeaderValue::from(revision));
    // Symbols and sources are letters and digits.
    for (name, value) in [
        ("content-disposition", format!("attachment; filename=\"{name}\"")),
        ("tidemark-source", source.to_string()),
    ] {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
    Ok(response)
}
