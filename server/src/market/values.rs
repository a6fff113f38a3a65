//! What the cache holds: each value with its serialised JSON beside it, so that an answer from memory copies bytes.

use std::collections::BTreeMap;

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
    /// The cache's own.
    Kept(Shared<CandleRange>),
    /// Made for this answer.
    Drawn(Box<CandleRange>),
}

impl std::ops::Deref for Candles {
    type Target = CandleRange;

    fn deref(&self) -> &CandleRange {
        match self {
            Self::Kept(range) => range,
            Self::Drawn(range) => range,
        }
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

impl CandleRange {
    /// A range with its JSON.
    ///
    /// # Errors
    /// When a candle cannot be serialised.
    pub fn new(bars: StoredRange) -> Result<Self, CodecError> {
        let open_json = open_json(&RangeJson {
            symbol: &bars.symbol,
            interval: bars.interval,
            source: &bars.source,
            price_decimals: bars.price_decimals,
            candles: &bars.candles,
            partial: &bars.partial,
            indicators: BTreeMap::new(),
        })?;
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
