//! The drawing of a coin's candles, kept at the choice and at the price.

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::Arc, time::Duration};

use leptos::{prelude::*, task::spawn_local};
use model::{ChartData, Provenance, Source, Symbol, Tier};
use rust_decimal::prelude::ToPrimitive;

use super::choice::Choice;
use crate::{
    components::{ChartView, LiveQuote, Problem, every, sentence_when_read},
    data::DataError,
    live,
    prefs::use_prefs,
};

/// How often the candles are read again; in between the last one follows the price.
const REFRESH: Duration = Duration::from_secs(15);

/// Reads the candles of a choice.
pub(super) type Read =
    Arc<dyn Fn(Choice) -> Pin<Box<dyn Future<Output = Result<ChartData, DataError>> + Send>> + Send + Sync>;

/// The drawing, kept at the choice and at the price. It stays while the choice changes: so do its canvas and the focus.
#[component]
pub fn LiveChart(
    /// Symbol and name of the coin.
    coin: (Symbol, String),
    /// What was read for the first choice.
    answer: Result<ChartData, DataError>,
    /// The present choice.
    choice: Memo<Choice>,
    /// Reads another one.
    read: Read,
    /// The live figures.
    quote: LiveQuote,
    /// Where they come from.
    provenance: RwSignal<Provenance>,
) -> impl IntoView {
    let prefs = use_prefs();
    let words = prefs.words();
    let (symbol, name) = coin;
    let (data, problem) = match answer {
        Ok(data) => (data, None),
        Err(error) => (nothing(symbol, choice.get_untracked()), Some(error)),
    };
    let latest = RwSignal::new(data);
    let problem = RwSignal::new(problem);
    let reading = RwSignal::new(false);
    let asked = StoredValue::new(choice.get_untracked());
    {
        let read = Arc::clone(&read);
        live::effect(move || {
            let next = choice.get();
            if asked.get_value() == next {
                return;
            }
            asked.set_value(next);
            reading.set(true);
            let answer = read(next);
            spawn_local(async move {
                let answer = answer.await;
                // Another choice may have been made meanwhile, or the page left.
                if asked.try_get_value() != Some(next) {
                    return;
                }
                reading.set(false);
                match answer {
                    Ok(data) => {
                        problem.set(None);
                        latest.set(data);
                    }
                    Err(error) => problem.set(Some(error)),
                }
            });
        });
    }
    let refresh = move || {
        let present = asked.get_value();
        let answer = read(present);
        async move {
            // What cannot be read stays: the page says beside it where its price comes from.
            if let Ok(data) = answer.await
                && asked.try_get_value() == Some(present)
                && reading.try_get_untracked() == Some(false)
            {
                problem.set(None);
                latest.set(data);
            }
        }
    };
    every(REFRESH, refresh, || {});
    let (price, as_of) = (quote.price, quote.as_of);
    let live = Signal::derive(move || {
        let mut data = latest.get();
        // A price of another source, as one made up while the store is away, must not move what was stored.
        let ours = provenance.with(|provenance| provenance.source == data.source);
        if let (true, Some(price)) = (ours, price.get().to_f64()) {
            follow(&mut data, price, as_of.get());
        }
        data
    });
    let whole = live::flag(move || choice.get().span.is_some());
    let origin = live::text(move || latest.with(|data| sentence_when_read(&data.provenance, prefs.locale)));
    let gaps = live::text(move || match latest.with(|data| data.partial.len()) {
        0 => words.bars_complete.to_owned(),
        n => (words.bars_partial)(n),
    });
    let zone = live::text(move || {
        latest.with(|data| {
            let time = data.candles.last().map_or(0, |bar| bar.open_time);
            prefs.calendar().of_bars(data.interval).zone.label(time)
        })
    });
    let trouble =
        live::part(move || problem.get().map(|error| view! { <Problem error inner=true /> }).into_any());
    view! {
        {trouble}
        <div
            class="chart-live"
            class:reading=live::flag(move || reading.get())
            aria-busy=live::word(move || if reading.get() { "true" } else { "false" })
            hidden=live::flag(move || problem.with(Option::is_some))
        >
            <ChartView data=live whole name />
            <p class="card-foot">
                <span>{origin}</span>
                <span>{gaps} " · " {zone}</span>
            </p>
        </div>
    }
    .into_any()
}

/// A chart without candles, for as long as none could be read.
fn nothing(symbol: Symbol, choice: Choice) -> ChartData {
    ChartData {
        symbol,
        interval: choice.interval,
        source: Source::RECORDED,
        price_decimals: 2,
        candles: Vec::new(),
        partial: Vec::new(),
        indicators: BTreeMap::new(),
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

/// Has the last bar follow the price, while the price is of its time. A price of a later time waits for its own bar.
fn follow(data: &mut ChartData, price: f64, as_of: model::UnixMs) {
    let interval = data.interval.ms();
    let Some(last) = data.candles.last_mut() else { return };
    // A price as of the end of a bar is that bar's close.
    if as_of > last.open_time && as_of <= last.open_time.saturating_add(interval) && price.is_finite() {
        last.close = price;
        last.high = last.high.max(price);
        last.low = last.low.min(price);
    }
}

#[cfg(test)]
mod tests {
    use model::{Candle, Interval};

    use super::*;

    #[test]
    fn the_last_bar_follows_prices_of_its_own_time_only() {
        let bar = Candle { open_time: 3_600_000, open: 10.0, high: 11.0, low: 9.0, close: 10.0, volume: 1.0 };
        let provenance = Provenance {
            tier: Tier::L1,
            source: Source::REPLAY,
            age_ms: 0,
            stale: false,
            simulated: false,
            reason: None,
        };
        let mut data = ChartData {
            symbol: "BTC".parse().unwrap(),
            interval: Interval::H1,
            source: Source::REPLAY,
            price_decimals: 2,
            candles: vec![bar],
            partial: Vec::new(),
            indicators: Default::default(),
            provenance,
        };
        follow(&mut data, 12.0, 3_600_000 + 60_000);
        assert_eq!(data.candles[0], Candle { high: 12.0, close: 12.0, ..bar });
        let before = data.clone();
        for (price, as_of) in [(20.0, 3_600_000), (20.0, 7_200_001), (f64::NAN, 3_700_000)] {
            follow(&mut data, price, as_of);
            assert_eq!(data, before, "{price} at {as_of}");
        }
        data.candles.clear();
        follow(&mut data, 1.0, 0);
    }
}
