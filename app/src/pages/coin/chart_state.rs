//! What the parts of the chart's card share: the choice, the width, the candles.

use std::{future::Future, pin::Pin, sync::Arc};

use futures::future::join;
use leptos::prelude::*;
use model::{ChartData, Interval, Provenance, Source, Symbol, Tier, UnixMs};
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

use super::choice::{Choice, Choices, USUAL_BARS};
use crate::{
    components::{Drawing, Drawings, LiveQuote, NARROW, WIDE},
    data::{self, DataError, Kept},
    when,
};

/// Below this width a chart shows what the narrow drawing does, px.
const NARROW_BELOW: u32 = 560;
/// The bars of a narrow chart that no range was asked for: fewer, so that they can be touched.
const USUAL_NARROW_BARS: u32 = 64;

/// The candles of both drawings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// Those of the wide drawing.
    pub wide: ChartData,
    /// Those of the narrow drawing, where its interval is another.
    pub narrow: Option<ChartData>,
}

impl Pair {
    fn narrow(&self) -> &ChartData {
        self.narrow.as_ref().unwrap_or(&self.wide)
    }

    /// Whether candles of both intervals are here.
    pub fn has(&self, drawn: Drawn) -> bool {
        let has = |interval: Interval| {
            self.wide.interval == interval || self.narrow.as_ref().is_some_and(|it| it.interval == interval)
        };
        has(drawn.wide) && has(drawn.narrow)
    }

    /// The candles for a chart of a width: those of its interval, else those that are nearest to it.
    fn at(&self, width: u32, interval: Interval) -> &ChartData {
        let by_width = if width < NARROW_BELOW { self.narrow() } else { &self.wide };
        let all = [by_width, &self.wide, self.narrow()];
        all.into_iter().find(|data| data.interval == interval).unwrap_or(by_width)
    }
}

/// The intervals of both drawings; once the width is known, both are that of the chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// Of the wide drawing.
    pub wide: Interval,
    /// Of the narrow drawing.
    pub narrow: Interval,
}

/// What was read, and for which choice.
#[derive(Clone, Debug, PartialEq)]
pub struct Latest {
    /// The choice.
    pub choice: Choice,
    /// The candles.
    pub pair: Pair,
    /// When they were received, Unix ms, if they could not be read now.
    pub kept_at: Option<UnixMs>,
}

/// The candles of a choice.
pub type ReadPair = Result<Kept<Pair>, DataError>;

/// What the parts of the chart's card share. Cheap to copy.
#[derive(Clone, Copy)]
pub struct ChartState {
    /// What can be asked for.
    pub choices: StoredValue<Choices>,
    /// The present choice.
    pub choice: Memo<Choice>,
    /// Width of the chart, px, once it is measured.
    pub width: RwSignal<Option<u32>>,
    /// The intervals to draw.
    pub drawn: Memo<Drawn>,
    /// The last candles that were read.
    pub latest: RwSignal<Option<Latest>>,
    /// What the drawings show: the candles, the last of which follows the price.
    pub shown: Memo<Drawings>,
    quote: StoredValue<LiveQuote>,
    provenance: RwSignal<Provenance>,
}

impl ChartState {
    /// The state for this choice and these live figures.
    pub fn new(
        choices: StoredValue<Choices>,
        choice: Memo<Choice>,
        quote: LiveQuote,
        provenance: RwSignal<Provenance>,
    ) -> Self {
        let width = RwSignal::new(None::<u32>);
        let latest = RwSignal::new(None::<Latest>);
        let drawn = {
            let as_of = quote.as_of.clone();
            Memo::new(move |_| {
                let (choice, as_of) = (choice.get(), as_of.get());
                let at = |width| choices.with_value(|all| all.drawn(choice, width, as_of));
                match width.get().map(at) {
                    Some(interval) => Drawn { wide: interval, narrow: interval },
                    None => Drawn { wide: at(WIDE.width), narrow: at(NARROW.width) },
                }
            })
        };
        let shown = {
            let quote = quote.clone();
            Memo::new(move |_| {
                latest.with(|latest| {
                    let Some(Latest { choice, pair, .. }) = latest else {
                        let nothing =
                            Drawing { data: nothing(quote.symbol.clone(), drawn.get().wide), running: None };
                        let nothing = Arc::new(nothing);
                        return Drawings { wide: Arc::clone(&nothing), narrow: nothing };
                    };
                    let drawing = |data: &ChartData, width: u32| {
                        let room = choices.with_value(|all| all.room(width));
                        let mut drawing = Drawing { data: cut(data, *choice, width, room), running: None };
                        // A price of another source, as a simulated one while the store is unavailable, must not move what
                        // was stored.
                        let is_ours = provenance.with(|provenance| provenance.source == data.source);
                        if is_ours {
                            let (price, as_of) = (quote.price.get(), quote.as_of.get());
                            follow(&mut drawing, price.to_f64().unwrap_or(f64::NAN), as_of);
                        }
                        Arc::new(drawing)
                    };
                    match width.get() {
                        Some(width) => {
                            let one = drawing(pair.at(width, drawn.get().wide), width);
                            Drawings { wide: Arc::clone(&one), narrow: one }
                        }
                        None => Drawings {
                            wide: drawing(&pair.wide, WIDE.width),
                            narrow: drawing(pair.narrow(), NARROW.width),
                        },
                    }
                })
            })
        };
        let quote = StoredValue::new(quote);
        Self { choices, choice, width, drawn, latest, shown, quote, provenance }
    }

    /// Takes over what was read for the first choice, once. Returns false if the page is gone: the user may have left it during
    /// the wait, and the server may have rendered it again. Its signals are disposed then.
    pub fn start(&self, choice: Choice, answer: &ReadPair) -> bool {
        let Some(is_first) = self.latest.try_with_untracked(Option::is_none) else { return false };
        match answer {
            Ok(read) if is_first => self.take(choice, read.clone()),
            _ => true,
        }
    }

    /// Takes over what was read for a choice. Whether the page is still there.
    pub fn take(&self, choice: Choice, read: Kept<Pair>) -> bool {
        let Kept { value: pair, kept_at } = read;
        let Some(key) = self.quote.try_with_value(|quote| key(quote, choice)) else { return false };
        if kept_at.is_none() {
            data::keep(&key, || pair.clone(), when::now());
        }
        self.latest.try_set(Some(Latest { choice, pair, kept_at })).is_none()
    }

    /// The source of the live price: its candles are read. None while it is simulated, for then the server decides whether
    /// stored candles can be read.
    pub fn source(&self) -> Option<Source> {
        let source = self.provenance.with(|provenance| provenance.source.clone());
        (source != Source::SIMULATED).then_some(source)
    }

    /// Time of the live price.
    pub fn as_of(&self) -> UnixMs {
        self.quote.with_value(|quote| quote.as_of.get())
    }

    /// Reads the candles of a choice in these intervals. The time of the price and its source are those of now. Where the
    /// server cannot be reached, they are those that were last received, if they are kept.
    pub fn read(&self, choice: Choice, drawn: Drawn) -> Pin<Box<dyn Future<Output = ReadPair> + Send>> {
        let symbol = self.quote.with_value(|quote| quote.symbol.to_string());
        let source = untrack(|| self.source()).map(|source| source.to_string());
        let as_of = untrack(|| self.as_of());
        let one = |interval: Interval| {
            let window = self.choices.with_value(|all| all.window(choice, interval, as_of));
            let interval = window.interval.to_string();
            data::chart(symbol.clone(), interval, window.from, None, window.limit, source.clone())
        };
        let wide = one(drawn.wide);
        let narrow = (drawn.wide != drawn.narrow).then(|| one(drawn.narrow));
        let key = self.quote.with_value(|quote| key(quote, choice));
        Box::pin(async move {
            let read = async {
                Ok(match narrow {
                    None => Pair { wide: wide.await?, narrow: None },
                    Some(narrow) => {
                        let (wide, narrow) = join(wide, narrow).await;
                        Pair { wide: wide?, narrow: Some(narrow?) }
                    }
                })
            };
            let read = data::or_kept(&key, read).await?;
            // Candles of another source do not belong to this price.
            let is_asked = source.is_none_or(|source| source == read.value.wide.source.as_str());
            if read.kept_at.is_some() && !is_asked {
                return Err(DataError::Transport(String::new()));
            }
            Ok(read)
        })
    }

    /// Open time of the candle that holds the live price, if it is later than the last one that was read: a new candle has
    /// begun.
    pub fn begun(&self) -> Option<UnixMs> {
        let as_of = self.as_of();
        let shown = self.shown.get_untracked();
        let data = &shown.wide.data;
        let last = data.candles.last()?.open_time;
        let is_ours = self.provenance.with_untracked(|provenance| provenance.source == data.source);
        // A price as of the end of a candle is that candle's close.
        let begun = data.interval.bucket(as_of.saturating_sub(1));
        (is_ours && begun > last).then_some(begun)
    }
}

/// The key under which the last candles of a choice are kept.
fn key(quote: &LiveQuote, choice: Choice) -> String {
    let Choice { interval, span } = choice;
    format!("chart {} {interval} {span:?}", quote.symbol)
}

/// The candles that a chart shows: where no range was asked for the last ones, no more than there is room for.
fn cut(data: &ChartData, choice: Choice, width: u32, room: u32) -> ChartData {
    if choice.span.is_some() {
        return data.clone();
    }
    let usual = if width < NARROW_BELOW { USUAL_NARROW_BARS } else { USUAL_BARS };
    let most = usual.min(room) as usize;
    let from = data.candles.len().saturating_sub(most);
    let candles = data.candles[from..].to_vec();
    ChartData {
        symbol: data.symbol.clone(),
        source: data.source.clone(),
        candles,
        partial: data.partial.clone(),
        indicators: data.indicators.clone(),
        provenance: data.provenance.clone(),
        ..*data
    }
}

/// Has the last candle follow the price, while the price is of its time, and says whether it is running.
fn follow(drawing: &mut Drawing, price: f64, as_of: UnixMs) {
    let Drawing { data, running } = drawing;
    let interval = data.interval.ms();
    let Some(last) = data.candles.last_mut() else { return };
    let end = last.open_time.saturating_add(interval);
    // A price as of the end of a candle is that candle's close.
    if as_of > last.open_time && as_of <= end && price.is_finite() {
        last.close = price;
        last.high = last.high.max(price);
        last.low = last.low.min(price);
    }
    *running = (as_of < end && data.partial.contains(&last.open_time)).then_some(last.open_time);
}

/// A chart without candles, for as long as none could be read.
fn nothing(symbol: Symbol, interval: Interval) -> ChartData {
    ChartData {
        symbol,
        interval,
        source: Source::RECORDED,
        price_decimals: 2,
        candles: Vec::new(),
        partial: Vec::new(),
        indicators: Default::default(),
        provenance: Provenance {
            tier: Tier::Database,
            source: Source::RECORDED,
            age_ms: 0,
            stale: false,
            simulated: false,
            reason: None,
        },
    }
}

#[cfg(test)]
mod tests {
    use model::Candle;

    use super::*;
    use crate::components::Span;

    fn data(interval: Interval, candles: Vec<Candle>) -> ChartData {
        ChartData { candles, ..nothing("BTC".parse().unwrap(), interval) }
    }

    fn bars(count: i64) -> Vec<Candle> {
        let bar = |i| Candle { open_time: i, open: 1.0, high: 1.0, low: 1.0, close: 1.0, volume: 1.0 };
        (0..count).map(bar).collect()
    }

    #[test]
    fn the_last_candle_follows_prices_of_its_own_time_only() {
        let bar = Candle { open_time: 3_600_000, open: 10.0, high: 11.0, low: 9.0, close: 10.0, volume: 1.0 };
        let mut drawing = Drawing { data: data(Interval::H1, vec![bar]), running: None };
        drawing.data.partial = vec![3_600_000];
        follow(&mut drawing, 12.0, 3_600_000 + 60_000);
        assert_eq!(drawing.data.candles[0], Candle { high: 12.0, close: 12.0, ..bar });
        assert_eq!(drawing.running, Some(3_600_000));
        let before = drawing.data.clone();
        for (price, as_of) in [(20.0, 3_600_000), (20.0, 7_200_001), (f64::NAN, 3_700_000)] {
            follow(&mut drawing, price, as_of);
            assert_eq!(drawing.data, before, "{price} at {as_of}");
        }
        assert_eq!(drawing.running, Some(3_600_000));
        follow(&mut drawing, 12.0, 7_200_000);
        assert_eq!(drawing.running, None, "it has ended");
        drawing.data.candles.clear();
        follow(&mut drawing, 1.0, 0);
    }

    #[test]
    fn without_a_range_the_last_candles_are_drawn_as_far_as_they_fit() {
        let all = data(Interval::H4, bars(150));
        let usual = Choice { interval: Interval::H4, span: None };
        let opens = |choice, width, room| {
            let cut = cut(&all, choice, width, room);
            (cut.candles.first().unwrap().open_time, cut.candles.len())
        };
        assert_eq!(opens(usual, 1040, 487), (0, 150));
        assert_eq!(opens(usual, 366, 150), (86, 64));
        assert_eq!(opens(usual, 600, 100), (50, 100));
        let range = Choice { span: Some(Span::Month), ..usual };
        assert_eq!(opens(range, 120, 20), (0, 150), "a range is drawn whole");
    }

    #[test]
    fn a_chart_takes_the_candles_of_its_interval() {
        use Interval::{D1, H1, H4};
        let pair = Pair { wide: data(H1, bars(2)), narrow: Some(data(H4, bars(1))) };
        assert_eq!(
            [pair.at(1040, H1), pair.at(366, H4), pair.at(700, H4)].map(|it| it.interval),
            [H1, H4, H4]
        );
        // Until others are read, what there is.
        assert_eq!([pair.at(1040, D1), pair.at(366, D1)].map(|it| it.interval), [H1, H4]);
        assert!(pair.has(Drawn { wide: H1, narrow: H4 }) && !pair.has(Drawn { wide: H1, narrow: D1 }));
        let one = Pair { narrow: None, ..pair };
        assert_eq!(one.at(366, H4).interval, H1);
        assert!(!one.has(Drawn { wide: H4, narrow: H4 }));
    }
}
