//! What the cache holds: each value with its serialised JSON beside it, so that an answer from memory copies bytes.

use std::{collections::BTreeMap, ops::Range};

use bytes::Bytes;
use model::{Candle, Interval, Quote, Source, Sparkline, Symbol, UnixMs};
use serde::{Deserialize, Serialize};
use tidemark_cache::{
    CodecError, Shared, Value,
    codec::{from_postcard, to_postcard},
};

use crate::store::Directory;

/// The JSON object without its closing brace, for the provenance to be appended.
fn open_json<T: Serialize>(value: &T) -> Result<Bytes, CodecError> {
    let mut json = serde_json::to_vec(value).map_err(|e| CodecError::new(e.to_string()))?;
    json.pop();
    Ok(json.into())
}

/// Which series are stored.
#[derive(Clone, Debug)]
pub struct DirectoryValue(pub Directory);

impl Value for DirectoryValue {
    const SCHEMA: u16 = 2;

    fn encode(&self) -> Result<Vec<u8>, CodecError> {
        to_postcard(&self.0)
    }

    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        from_postcard(bytes).map(Self)
    }

    fn weight(&self) -> usize {
        128 + self.0.series.len() * 192
    }
}

/// The latest prices of one source.
#[derive(Clone, Debug)]
pub struct PriceTable {
    /// By symbol.
    pub quotes: Vec<Quote>,
    /// `{"prices":[…]`
    pub open_json: Bytes,
}

#[derive(Serialize)]
struct PricesJson<'a> {
    prices: &'a [Quote],
}

/// The JSON of these quotes, open for the provenance.
pub(super) fn prices_json(quotes: &[Quote]) -> Result<Bytes, CodecError> {
    open_json(&PricesJson { prices: quotes })
}

impl PriceTable {
    /// A table with its JSON.
    ///
    /// # Errors
    /// When a quote cannot be serialised.
    pub fn new(quotes: Vec<Quote>) -> Result<Self, CodecError> {
        let open_json = prices_json(&quotes)?;
        Ok(Self { quotes, open_json })
    }
}

impl Value for PriceTable {
    const SCHEMA: u16 = 2;

    fn encode(&self) -> Result<Vec<u8>, CodecError> {
        to_postcard(&self.quotes)
    }

    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        Self::new(from_postcard(bytes)?)
    }

    fn weight(&self) -> usize {
        128 + self.open_json.len() + self.quotes.len() * (size_of::<Quote>() + 32)
    }
}

/// The last week of all symbols of one source.
#[derive(Clone, Debug)]
pub struct Sparklines {
    /// By symbol.
    pub lines: Vec<Sparkline>,
}

impl Sparklines {
    /// The line of one symbol.
    #[must_use]
    pub fn of(&self, symbol: &Symbol) -> Option<&Sparkline> {
        let place = self.lines.binary_search_by(|line| line.symbol.cmp(symbol)).ok()?;
        self.lines.get(place)
    }
}

impl Value for Sparklines {
    const SCHEMA: u16 = 1;

    fn encode(&self) -> Result<Vec<u8>, CodecError> {
        to_postcard(&self.lines)
    }

    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        Ok(Self { lines: from_postcard(bytes)? })
    }

    fn weight(&self) -> usize {
        let closes: usize = self.lines.iter().map(|line| line.closes.len() * 8).sum();
        128 + closes + self.lines.len() * (size_of::<Sparkline>() + 32)
    }
}

/// One range of candles.
#[derive(Clone, Debug)]
pub struct CandleRange {
    /// What was read.
    pub bars: StoredRange,
    /// `{"symbol":…,"interval":…,"source":…,"candles":[…],"partial":[…],"indicators":{}`
    pub open_json: Bytes,
}

/// A range to answer with.
pub enum Candles {
    /// A part of the cache's own.
    Kept {
        /// All of it.
        range: Shared<CandleRange>,
        /// Which of its candles.
        part: Range<usize>,
    },
    /// Made for this answer.
    Drawn(Box<CandleRange>),
}

impl Candles {
    /// The first or the last `limit` candles of a cached range, or all if there are no more.
    pub fn kept(range: Shared<CandleRange>, limit: usize, first: bool) -> Self {
        let count = range.bars.candles.len();
        let part = if first { 0..limit.min(count) } else { count.saturating_sub(limit)..count };
        Self::Kept { range, part }
    }

    fn range(&self) -> &CandleRange {
        match self {
            Self::Kept { range, .. } => range,
            Self::Drawn(range) => range,
        }
    }

    /// What the candles are of. Its own candles may be more than the answer's.
    pub fn bars(&self) -> &StoredRange {
        &self.range().bars
    }

    /// The candles of the answer.
    pub fn candles(&self) -> &[Candle] {
        let all = &self.bars().candles;
        match self {
            Self::Kept { part, .. } => all.get(part.clone()).unwrap_or_default(),
            Self::Drawn(_) => all,
        }
    }

    /// The open times of those that are partial.
    pub fn partial(&self) -> Vec<UnixMs> {
        let candles = self.candles();
        let is_here = |time: &&UnixMs| candles.binary_search_by_key(*time, |candle| candle.open_time).is_ok();
        self.bars().partial.iter().filter(is_here).copied().collect()
    }

    /// The JSON of the answer, open for the provenance. Of a whole range it is there already.
    ///
    /// # Errors
    /// When a candle cannot be serialised.
    pub fn open_json(&self) -> Result<Bytes, CodecError> {
        let range = self.range();
        if self.candles().len() == range.bars.candles.len() {
            return Ok(range.open_json.clone());
        }
        range.bars.open_json(self.candles(), &self.partial())
    }
}

/// The part of a range that is stored in Redis.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StoredRange {
    /// Ticker symbol.
    pub symbol: Symbol,
    /// Length of each candle.
    pub interval: Interval,
    /// Whose candles.
    pub source: Source,
    /// Decimals of the instrument's tick size.
    pub price_decimals: u8,
    /// By ascending open time.
    pub candles: Vec<Candle>,
    /// Open times of bars that lack some of their finer bars, or have not ended.
    pub partial: Vec<UnixMs>,
}

#[derive(Serialize)]
struct RangeJson<'a> {
    symbol: &'a Symbol,
    interval: Interval,
    source: &'a Source,
    price_decimals: u8,
    candles: &'a [Candle],
    partial: &'a [UnixMs],
    indicators: BTreeMap<(), ()>,
}

impl StoredRange {
    /// The JSON with these candles, open for the provenance.
    fn open_json(&self, candles: &[Candle], partial: &[UnixMs]) -> Result<Bytes, CodecError> {
        open_json(&RangeJson {
            symbol: &self.symbol,
            interval: self.interval,
            source: &self.source,
            price_decimals: self.price_decimals,
            candles,
            partial,
            indicators: BTreeMap::new(),
        })
    }
}

impl CandleRange {
    /// A range with its JSON.
    ///
    /// # Errors
    /// When a candle cannot be serialised.
    pub fn new(bars: StoredRange) -> Result<Self, CodecError> {
        let open_json = bars.open_json(&bars.candles, &bars.partial)?;
        Ok(Self { bars, open_json })
    }
}

impl Value for CandleRange {
    const SCHEMA: u16 = 2;

    fn encode(&self) -> Result<Vec<u8>, CodecError> {
        to_postcard(&self.bars)
    }

    fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        Self::new(from_postcard(bytes)?)
    }

    fn weight(&self) -> usize {
        let bars = &self.bars;
        256 + self.open_json.len() + bars.candles.len() * size_of::<Candle>() + bars.partial.len() * 8
    }
}

#[cfg(test)]
mod tests {
    use tidemark_cache::{Cache, Policy};

    use super::*;

    #[tokio::test]
    async fn an_answer_has_the_candles_of_one_end_and_what_is_partial_of_them() {
        const HOUR: UnixMs = 3_600_000;
        let candle =
            |open_time| Candle { open_time, open: 1.0, high: 1.0, low: 1.0, close: 1.0, volume: 1.0 };
        let range = CandleRange::new(StoredRange {
            symbol: "BTC".parse().unwrap(),
            interval: Interval::H1,
            source: Source::RECORDED,
            price_decimals: 2,
            candles: (0..5).map(|i| candle(i * HOUR)).collect(),
            partial: vec![0, 3 * HOUR, 4 * HOUR],
        })
        .unwrap();
        let whole = range.open_json.clone();
        let cache = Cache::builder().build().unwrap();
        let ranges = cache.category::<u64, CandleRange>("ranges", Policy::default()).unwrap();
        ranges.set(&1, range, 1);
        let range = ranges.get(&1).await.unwrap().value;
        let opens = |cut: &Candles| cut.candles().iter().map(|c| c.open_time / HOUR).collect::<Vec<_>>();
        for (limit, first, hours, partial) in [
            (2, true, &[0, 1][..], &[0][..]),
            (2, false, &[3, 4], &[3 * HOUR, 4 * HOUR]),
            (4, false, &[1, 2, 3, 4], &[3 * HOUR, 4 * HOUR]),
            (5, true, &[0, 1, 2, 3, 4], &[0, 3 * HOUR, 4 * HOUR]),
            (5_000, false, &[0, 1, 2, 3, 4], &[0, 3 * HOUR, 4 * HOUR]),
        ] {
            let cut = Candles::kept(range.clone(), limit, first);
            assert_eq!((opens(&cut), cut.partial()), (hours.to_vec(), partial.to_vec()), "{limit} {first}");
            let mut json = cut.open_json().unwrap().to_vec();
            assert_eq!(json == whole, limit >= 5);
            json.push(b'}');
            let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
            assert_eq!(json["candles"].as_array().unwrap().len(), hours.len());
            assert_eq!(json["partial"], serde_json::json!(partial));
        }
    }
}
