//! `tidemark data gaps`.

use serde_json::json;

use super::{Which, counted, find, minute, open};
use crate::store::{Gap, Gaps, StoredSeries};

/// What each series lacks.
pub(super) async fn gaps(which: &Which, limit: u32, json: bool) -> Result<String, String> {
    let store = open().await?;
    let (mut text, mut list) = (String::new(), Vec::new());
    for series in find(&store, which).await? {
        let gaps = store.gaps(&series, limit).await.map_err(|error| error.to_string())?;
        if json {
            list.push(document(&series, &gaps));
        } else {
            text.push_str(&lines(&series, &gaps));
        }
    }
    if json {
        return Ok(format!("{:#}\n", json!({ "series": list })));
    }
    if text.is_empty() {
        text.push_str("none\n");
    }
    Ok(text)
}

fn document(series: &StoredSeries, gaps: &Gaps) -> serde_json::Value {
    let longest: Vec<_> = gaps
        .longest
        .iter()
        .map(|gap| json!({ "from": gap.from, "to": gap.to, "candles": gap.candles }))
        .collect();
    json!({ "symbol": series.symbol, "source": series.source, "interval": series.finest, "candles": series.candles,
            "missing": gaps.missing, "gaps": gaps.count, "longest": longest, "incomplete": series.incomplete,
            "incomplete_at": gaps.incomplete })
}

fn lines(series: &StoredSeries, gaps: &Gaps) -> String {
    let StoredSeries { symbol, source, finest, candles, incomplete, .. } = series;
    let mut text = format!(
        "{symbol} {finest} {source}: {}, {} missing in {}, {incomplete} incomplete\n",
        counted(*candles, "candle", "candles"),
        gaps.missing,
        counted(gaps.count, "gap", "gaps")
    );
    for Gap { from, to, candles } in &gaps.longest {
        let range = if from == to { minute(*from) } else { format!("{} to {}", minute(*from), minute(*to)) };
        text.push_str(&format!("  {range} UTC: {} missing\n", counted(*candles, "candle", "candles")));
    }
    rest(&mut text, gaps.count, gaps.longest.len(), "shorter gap", "shorter gaps");
    for time in &gaps.incomplete {
        text.push_str(&format!("  {} UTC: incomplete\n", minute(*time)));
    }
    rest(
        &mut text,
        *incomplete,
        gaps.incomplete.len(),
        "earlier incomplete candle",
        "earlier incomplete candles",
    );
    text
}

/// Says how many are not shown.
fn rest(text: &mut String, all: u64, shown: usize, one: &str, many: &str) {
    let rest = all.saturating_sub(shown as u64);
    if rest > 0 {
        text.push_str(&format!("  and {}; --limit shows more\n", counted(rest, one, many)));
    }
}
