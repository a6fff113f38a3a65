//! The candles of many symbols in one answer.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use bytes::{BufMut, Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt, stream};
use model::{Interval, MarketError, Provenance, Source};
use tidemark_cache::{Hit, Limits, LoadError, Want};

use super::{
    Answer, LoadFailure, Market,
    batch_query::{BATCH_MAX_CANDLES, BatchQuery},
    charts::{ChartRead, read_range},
    keys::{ChartKey, range_limit},
    prices::unserialisable,
    unavailable,
    values::CandleRange,
};
use crate::feed::now_ms;

/// Ranges read from the database at once, of one call: half of its connections, so that others come through.
const LOADS_AT_ONCE: usize = 4;

/// A range to read: which, and of which series.
#[derive(Clone)]
struct Wanted {
    key: ChartKey,
    id: i64,
    revision: u64,
}

/// A range of the answer, serialized: cached ranges may be longer and are not held on to.
struct BatchPart {
    open_json: Bytes,
    version: u64,
    provenance: Provenance,
}

impl BatchPart {
    fn of(read: ChartRead) -> Result<Self, MarketError> {
        let open_json = read.candles.open_json().map_err(|_| unserialisable())?;
        Ok(Self { open_json, version: read.version, provenance: read.provenance })
    }
}

/// Where the candles of a symbol come from.
enum Plan {
    /// From the cache and the store.
    Stored(Wanted),
    /// From the simulation, for this reason if it is the last resort.
    Draw(Option<MarketError>),
    /// They are here.
    Found(BatchPart),
}

impl Plan {
    fn wanted(&self) -> Option<&Wanted> {
        match self {
            Self::Stored(wanted) => Some(wanted),
            _ => None,
        }
    }
}

impl Market {
    /// Ranges of candles in the order of the symbols.
    ///
    /// # Errors
    /// An unknown symbol, a bad parameter by name, or nothing can answer.
    pub async fn batch_answer(&self, query: &BatchQuery) -> Result<Answer, MarketError> {
        let reads = self.batch(query).await?;
        let provenance = together(reads.iter().map(|read| &read.provenance)).ok_or_else(unserialisable)?;
        // Of many series the highest revision says nothing of the others: all count.
        let mut versions = DefaultHasher::new();
        for read in &reads {
            (read.version, read.provenance.source.as_str()).hash(&mut versions);
        }
        let open_json = open_json(query.interval, &reads).map_err(|_| unserialisable())?;
        Ok(Answer { open_json, version: versions.finish(), provenance })
    }

    /// The same, range by range.
    async fn batch(&self, query: &BatchQuery) -> Result<Vec<BatchPart>, MarketError> {
        let mut plans = self.plans(query).await?;
        // Of all parts: a call waits no longer for many than for few.
        let limits = self.0.charts.limits();
        for (part, symbols) in
            plans.chunks_mut(at_once(query.limit)).zip(query.symbols.chunks(at_once(query.limit)))
        {
            let wanted: Vec<Wanted> = part.iter().filter_map(Plan::wanted).cloned().collect();
            let mut hits = self.stored(wanted, limits).await.into_iter();
            // The place of each symbol gets what became of its look-up.
            for (plan, symbol) in part.iter_mut().zip(symbols) {
                let Plan::Stored(wanted) = plan else { continue };
                *plan = match hits.next() {
                    Some(Ok(hit)) => {
                        let source = wanted.key.source.clone();
                        Plan::Found(BatchPart::of(self.answered(hit, source, &query.of(symbol)))?)
                    }
                    Some(Err(error)) => {
                        tracing::debug!(%error, symbol = %wanted.key.symbol, "candles cannot be read");
                        Plan::Draw(Some(made_up_for(&error)?))
                    }
                    None => return Err(unserialisable()),
                };
            }
        }
        let mut reads = Vec::with_capacity(plans.len());
        // Drawn one after the other: a call takes one place, as others do.
        for (plan, symbol) in plans.into_iter().zip(&query.symbols) {
            reads.push(match plan {
                Plan::Found(read) => read,
                Plan::Draw(reason) => BatchPart::of(self.simulated_chart(&query.of(symbol), reason).await?)?,
                Plan::Stored(_) => return Err(unserialisable()),
            });
        }
        Ok(reads)
    }

    /// Where the candles of each symbol are to come from.
    async fn plans(&self, query: &BatchQuery) -> Result<Vec<Plan>, MarketError> {
        let source = query.source.clone().unwrap_or_else(|| self.default_source());
        let simulated = source == Source::SIMULATED;
        let mut plans = Vec::with_capacity(query.symbols.len());
        if simulated && self.0.store.is_none() {
            plans.resize_with(query.symbols.len(), || Plan::Draw(None));
            return Ok(plans);
        }
        let directory = match self.directory().await {
            Ok(directory) => directory,
            Err(error) => {
                let reason = if simulated { None } else { Some(made_up_for(&error)?) };
                plans.resize_with(query.symbols.len(), || Plan::Draw(reason.clone()));
                return Ok(plans);
            }
        };
        for symbol in &query.symbols {
            if simulated && !self.stores_simulated(symbol).await {
                plans.push(Plan::Draw(None));
                continue;
            }
            let series = self.series(&directory, symbol, query.source.as_ref(), Some(query.interval))?;
            let key = ChartKey::new(&query.of(symbol), series, now_ms());
            plans.push(Plan::Stored(Wanted { key, id: series.id, revision: series.revision }));
        }
        Ok(plans)
    }

    /// The ranges as the cache has or loads them, in their order: one look into memory and Redis for all, and one wait
    /// within `limits`. Each is wanted of its series' revision.
    async fn stored(
        &self,
        wanted: Vec<Wanted>,
        limits: Limits,
    ) -> Vec<Result<Hit<CandleRange>, LoadError<LoadFailure>>> {
        let keys: Vec<ChartKey> = wanted.iter().map(|one| one.key.clone()).collect();
        let series: HashMap<ChartKey, (i64, u64)> =
            wanted.into_iter().map(|one| (one.key, (one.id, one.revision))).collect();
        let (series, store) = (Arc::new(series), self.0.store.clone());
        let of_load = Arc::clone(&series);
        let load = move |missing: Vec<ChartKey>| {
            let (series, store) = (Arc::clone(&of_load), store.clone());
            async move {
                let loads = missing.into_iter().map(|key| {
                    let id = series.get(&key).map(|(id, _)| *id);
                    let store = store.clone();
                    async move {
                        let Some(id) = id else { return Ok(None) };
                        match read_range(store, key.clone(), id).await {
                            Ok(loaded) => Ok(Some((key, loaded))),
                            // One series that went away does not spoil the others.
                            Err(LoadFailure::Gone) => Ok(None),
                            Err(failure) => Err(failure),
                        }
                    }
                });
                let loaded: Vec<_> = stream::iter(loads).buffered(LOADS_AT_ONCE).try_collect().await?;
                Ok::<_, LoadFailure>(loaded.into_iter().flatten().collect())
            }
        };
        let want = |key: &ChartKey| Want::at_least(series.get(key).map_or(0, |(_, revision)| *revision));
        self.0.charts.get_each_or_load_within(&keys, want, limits, load).await
    }
}

/// Ranges held at once of a call with this limit: cached ranges may be longer than what is asked of them, and of a hundred
/// no more candles are held than an answer may have.
fn at_once(limit: u32) -> usize {
    usize::try_from(BATCH_MAX_CANDLES / range_limit(limit)).unwrap_or(1).max(1)
}

/// Why candles are made up; too much work is no reason.
fn made_up_for(error: &LoadError<LoadFailure>) -> Result<MarketError, MarketError> {
    match error {
        LoadError::Overloaded => Err(unavailable(error)),
        error => Ok(unavailable(error)),
    }
}

/// Provenance of several answers: the slowest tier, the greatest age, stale or simulated if any is.
fn together<'p>(mut parts: impl Iterator<Item = &'p Provenance>) -> Option<Provenance> {
    let first = parts.next()?.clone();
    Some(parts.fold(first, |all, part| Provenance {
        tier: all.tier.max(part.tier),
        source: if all.source == part.source { all.source } else { Source::new("mixed") },
        age_ms: all.age_ms.max(part.age_ms),
        stale: all.stale || part.stale,
        simulated: all.simulated || part.simulated,
        reason: all.reason.or_else(|| part.reason.clone()),
    }))
}

/// `{"interval":…,"charts":[…]`, each chart as `chart_data` answers it.
fn open_json(interval: Interval, reads: &[BatchPart]) -> Result<Bytes, serde_json::Error> {
    let length: usize = reads.iter().map(|read| read.open_json.len() + 160).sum();
    let mut json = BytesMut::with_capacity(length + 64);
    json.extend_from_slice(format!("{{\"interval\":\"{interval}\",\"charts\":[").as_bytes());
    for (i, read) in reads.iter().enumerate() {
        if i > 0 {
            json.put_u8(b',');
        }
        json.extend_from_slice(&read.open_json);
        json.extend_from_slice(b",\"provenance\":");
        json.extend_from_slice(&serde_json::to_vec(&read.provenance)?);
        json.put_u8(b'}');
    }
    json.put_u8(b']');
    Ok(json.freeze())
}

#[cfg(test)]
mod tests {
    use model::{Symbol, Tier};
    use tidemark_cache::{Cache, Loaded};
    use tokio::{
        sync::Semaphore,
        task::JoinSet,
        time::{Duration, sleep, timeout},
    };

    use super::*;
    use crate::{
        config::{CachePolicies, Feed},
        market::{
            keys::DirectoryKey,
            values::{DirectoryValue, StoredRange},
        },
        store::{Directory, SeriesInfo},
    };

    const SOON: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_call_in_parts_waits_for_one_soft_timeout() {
        let cache = Cache::builder().build().unwrap();
        let market =
            Market::new(&cache, None, Feed::None, Default::default(), &CachePolicies::default()).unwrap();
        let symbols: Vec<Symbol> = (0..21).map(|i| format!("C{i:02}").parse().unwrap()).collect();
        let series: Vec<SeriesInfo> = symbols
            .iter()
            .zip(1..)
            .map(|(symbol, id)| SeriesInfo {
                id,
                symbol: symbol.clone(),
                name: String::new(),
                source: Source::RECORDED,
                finest: Interval::H1,
                revision: 2,
                first_open: 1_546_300_800_000,
                last_open: 1_546_300_800_000,
                price_decimals: 2,
            })
            .collect();
        let query =
            BatchQuery { symbols, interval: Interval::H1, from: None, to: None, limit: 1_001, source: None };
        let query = query.checked().unwrap();
        assert!(at_once(query.limit) < query.symbols.len(), "more parts than one");
        let (mut loads, gate) = (JoinSet::new(), Arc::new(Semaphore::new(0)));
        for (symbol, series) in query.symbols.iter().zip(&series) {
            let key = ChartKey::new(&query.of(symbol), series, now_ms());
            let bars = StoredRange {
                symbol: symbol.clone(),
                interval: Interval::H1,
                source: Source::RECORDED,
                price_decimals: 2,
                candles: Vec::new(),
                partial: Vec::new(),
            };
            let range = CandleRange::new(bars).unwrap();
            market.0.charts.set(&key, range.clone(), 1);
            // The newer one is loaded already.
            let (market, gate) = (market.clone(), Arc::clone(&gate));
            loads.spawn(async move {
                let load = move || async move {
                    gate.acquire().await.unwrap().forget();
                    Ok::<_, LoadFailure>(Loaded::new(range, 2))
                };
                market.0.charts.get_or_load(&key, Want::at_least(2), load).await.is_ok()
            });
        }
        let directory = Directory { version: 2, series, emptied: Vec::new() };
        market.0.directory.set(&DirectoryKey, DirectoryValue(directory), 2);
        let pause = || sleep(Duration::from_millis(1));
        let begun = async {
            while cache.stats().flights < 21 {
                pause().await;
            }
        };
        timeout(SOON, begun).await.expect("the newer ones are not loaded");
        // What is loaded comes only once the last part has begun, which has no time left to wait for it.
        let joined = || cache.stats().categories["charts"].source.coalesced;
        let release = async {
            while joined() < 21 {
                pause().await;
            }
            gate.add_permits(21);
        };
        let both = async { tokio::join!(market.batch(&query), release) };
        let (reads, ()) = timeout(SOON, both).await.expect("a part has not begun");
        let reads = reads.unwrap();
        assert_eq!(reads.len(), 21);
        assert!(reads.iter().all(|read| read.provenance.stale && read.version == 1));
    }

    #[test]
    fn the_worst_of_all_parts_is_told() {
        let part = |tier, source: &'static str, age_ms, stale| Provenance {
            tier,
            source: Source::new(source),
            age_ms,
            stale,
            simulated: source == "simulated",
            reason: stale.then(|| "slow".to_owned()),
        };
        let parts = [part(Tier::L1, "recorded", 9, false), part(Tier::Database, "recorded", 0, true)];
        let all = together(parts.iter()).unwrap();
        assert_eq!(all, part(Tier::Database, "recorded", 9, true));
        let mixed = [parts[0].clone(), part(Tier::Simulated, "simulated", 0, false), parts[0].clone()];
        let all = together(mixed.iter()).unwrap();
        assert_eq!((all.tier, all.source.as_str(), all.simulated), (Tier::Simulated, "mixed", true));
    }
}
