//! The reads as server functions. GET, since they change nothing; under `/fn`, apart from the JSON API.

use leptos::{prelude::*, server_fn::codec::GetUrl};
use model::{Backdrop, ChartData, Coin, LatestPrices};

use super::{DataError, codec::Answered};

#[cfg(feature = "ssr")]
fn market() -> Result<std::sync::Arc<dyn crate::ports::MarketData>, DataError> {
    use_context().ok_or_else(|| DataError::Transport("no market data in context".to_owned()))
}

/// Answers with what `read` gives; its error sets the response's status, which would be 500 for all of them. A page that
/// is being rendered shows the error and has the same status.
#[cfg(feature = "ssr")]
async fn answer<T>(read: impl Future<Output = Result<T, model::MarketError>>) -> Result<T, DataError> {
    // Taken before the wait: context is not sure to be there after it.
    let response = use_context::<leptos_axum::ResponseOptions>();
    read.await.map_err(|error| {
        if let (Some(response), Ok(status)) =
            (response, axum::http::StatusCode::from_u16(error.status_code()))
        {
            response.set_status(status);
        }
        error.into()
    })
}

/// What the markets page begins with: the prices of all symbols, the supplies, and the last seven days of the rows that it
/// shows first. The parameters are the page's own, see [`crate::components::TableQuery`], and the reader's watchlist.
#[server(name = ReadMarkets, prefix = "/fn", endpoint = "markets", input = GetUrl, output = Answered)]
pub async fn markets(
    sort: String,
    text: String,
    shown: String,
    rows: String,
    watch: String,
) -> Result<(LatestPrices, Backdrop), DataError> {
    use crate::{
        components::{TableQuery, first_symbols},
        watchlist::Watchlist,
    };

    let market = market()?;
    answer(async move {
        let prices = market.latest_prices(Vec::new()).await?;
        // A table without its past is still a table.
        let mut backdrop = market.backdrop().await.unwrap_or_default();
        let query = TableQuery::from_texts(&sort, &text, &shown, &rows);
        let first = first_symbols(&prices, &backdrop, &Watchlist::parse(&watch), &query);
        // The others are asked for when their rows come into sight.
        backdrop.weeks.retain(|week| first.contains(&week.symbol));
        Ok((prices, backdrop))
    })
    .await
}

/// Latest prices of all symbols, or of the comma-separated ones.
#[server(name = ReadLatestPrices, prefix = "/fn", endpoint = "latest_prices", input = GetUrl, output = Answered)]
pub async fn latest_prices(symbols: Option<String>) -> Result<LatestPrices, DataError> {
    let market = market()?;
    let symbols = symbols.unwrap_or_default();
    let symbols = symbols.split(',').filter(|s| !s.is_empty()).map(str::parse).collect::<Result<Vec<_>, _>>();
    answer(async move { market.latest_prices(symbols?).await }).await
}

/// One coin's figures.
#[server(name = ReadCoin, prefix = "/fn", endpoint = "coin", input = GetUrl, output = Answered)]
pub async fn coin(symbol: String) -> Result<Coin, DataError> {
    let market = market()?;
    answer(async move { market.coin(symbol.parse()?).await }).await
}

/// Candles of a coin: with `from` the first `limit` of those that open between `from` and `to`, otherwise the last.
#[server(name = ReadChart, prefix = "/fn", endpoint = "chart", input = GetUrl, output = Answered)]
pub async fn chart(
    symbol: String,
    interval: String,
    from: Option<model::UnixMs>,
    to: Option<model::UnixMs>,
    limit: u32,
    source: Option<String>,
) -> Result<ChartData, DataError> {
    let market = market()?;
    answer(async move {
        let query = model::ChartQuery {
            symbol: symbol.parse()?,
            interval: interval.parse()?,
            from,
            to,
            limit,
            source: source.filter(|source| !source.is_empty()).map(model::Source::new),
        };
        query.validate()?;
        market.chart_data(query).await
    })
    .await
}

/// The last seven days of every symbol, or of the comma-separated ones, and the supplies.
#[server(name = ReadBackdrop, prefix = "/fn", endpoint = "backdrop", input = GetUrl, output = Answered)]
pub async fn backdrop(symbols: Option<String>) -> Result<Backdrop, DataError> {
    let market = market()?;
    // Without a status: the page does without it.
    let mut backdrop = market.backdrop().await?;
    if let Some(symbols) = symbols {
        let asked: std::collections::HashSet<&str> = symbols.split(',').collect();
        backdrop.weeks.retain(|week| asked.contains(week.symbol.as_str()));
    }
    Ok(backdrop)
}
