//! `tidemark data list`.

use serde_json::json;

use super::{Which, find, minute, open};
use crate::cli::cache::table::Table;

/// The series, a line each. Times are UTC.
pub(super) async fn list(which: &Which, json: bool) -> Result<String, String> {
    let store = open().await?;
    let series = find(&store, which).await?;
    if json {
        let list: Vec<_> = series
            .iter()
            .map(|it| {
                json!({ "symbol": it.symbol, "source": it.source, "interval": it.finest, "first_open": it.first_open,
                        "last_open": it.last_open, "candles": it.candles, "incomplete": it.incomplete,
                        "price_decimals": it.price_decimals })
            })
            .collect();
        return Ok(format!("{:#}\n", json!({ "series": list })));
    }
    let mut table = Table::new(&[
        "symbol",
        "source",
        "interval",
        "first open (UTC)",
        "last open (UTC)",
        "candles",
        "incomplete",
        "decimals",
    ]);
    for it in series {
        table.row([
            it.symbol.to_string(),
            it.source.to_string(),
            it.finest.to_string(),
            minute(it.first_open),
            minute(it.last_open),
            it.candles.to_string(),
            it.incomplete.to_string(),
            it.price_decimals.to_string(),
        ]);
    }
    Ok(table.text())
}
