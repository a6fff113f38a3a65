//! Candles.


use model::{ChartQuery, MarketError, Source};
use tidemark_cache::{Loaded, Shared, Want};

use super::{
    Answer, LoadFailure, Market, Read,
    keys::ChartKey,
    unavailable,
    values::{CandleRange, StoredRange},
};
use crate::config::Feed;

impl Market {
    /// A range of candles.
    ///
    /// # Errors
    /// An unknown symbol, a bad parameter by name, or nothing can answer.
    pub async fn chart_answer(&self, query: &ChartQuery) -> Result<Answer, MarketError> {
        let Read { open_json, version, provenance, .. } = self.chart(query).await?;
        Ok(Answer { open_json, version, provenance })
    }

    /// The same, typed.
    pub(super) async fn chart(&self, query: &ChartQuery) -> Result<Read<Shared<CandleRange>>, MarketError> {
        query.validate()?;
        if self.0.feed == Feed::Simulated || query.source.as_ref() == Some(&Source::SIMULATED) {
            return self.simulated_chart(query, None).await;
        }
        let directory = match self.directory().await {
            Ok(directory) => directory,
            Err(error) => {
                tracing::warn!(%error, "the list of series cannot be read");
                return self.simulated_chart(query, Some(unavailable(&error))).await;
            }
        };
        let series = self.series(&directory, &query.symbol, query.source.as_ref(), Some(query.interval))?;
        let key = ChartKey::new(query, series);
        let source = series.source.clone();
        let load = {
            let (store, key, id) = (self.0.store.clone(), key.clone(), series.id);
            move || async move {
                let store = store.ok_or(LoadFailure::NoDatabase)?;
                let bars = store.candles(id, key.interval, key.from, key.to, key.limit).await?;
                let bars = bars.ok_or(LoadFailure::Gone)?;
                let range = StoredRange {
                    symbol: key.symbol,
                    interval: key.interval,
                    source: key.source,
                    candles: bars.candles,
                    partial: bars.partial,
                };
                Ok(Loaded::new(CandleRange::new(range)?, bars.revision))
            }
        };
        match self.0.charts.get_or_load(&key, Want::at_least(series.revision), load).await {
            Ok(hit) => Ok(Read {
                provenance: self.provenance(&hit, source),
                open_json: hit.value.open_json.clone(),
                version: hit.version,
                value: hit.value,
            }),
            Err(error) => {
                tracing::warn!(%error, key = %key, "candles cannot be read");
                self.simulated_chart(query, Some(unavailable(&error))).await
            }
        }
    }
}
