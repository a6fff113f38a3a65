//! The drawing of a coin's candles, kept at the choice, at the width and at the price.

use std::time::Duration;

use leptos::{prelude::*, task::spawn_local};
use model::{Source, UnixMs};

use super::{
    chart_state::{ChartState, Drawn, ReadPair},
    choice::Choice,
};
use crate::{
    components::{ChartView, Problem, every, sentence_when_read},
    data::Kept,
    live,
    prefs::use_prefs,
};

/// How often the candles are read again; in between the last one follows the price.
const REFRESH: Duration = Duration::from_secs(15);
/// How often a candle that has begun is asked for at once: the price may be known a moment before its candle is.
const MAX_TRIES: u8 = 3;

/// What is to be read.
#[derive(Clone, Debug, PartialEq)]
struct Wanted {
    choice: Choice,
    drawn: Drawn,
    source: Option<Source>,
}

/// The drawing. It stays while the choice changes: so do its canvas and the focus.
#[component]
pub fn LiveChart(
    /// Name of the coin.
    name: String,
    /// What was read for the first choice.
    answer: ReadPair,
    /// What the card's parts share.
    state: ChartState,
) -> impl IntoView {
    let prefs = use_prefs();
    let problem = RwSignal::new(answer.err());
    let reading = RwSignal::new(false);
    let ChartState { choice, drawn, latest, shown, width, .. } = state;
    let wanted =
        Memo::new(move |_| Wanted { choice: choice.get(), drawn: drawn.get(), source: state.source() });
    // What was asked for last: one answer is waited for, and that of an earlier question is dropped.
    let asked = StoredValue::new(wanted.get_untracked());
    live::effect(move || {
        let next = wanted.get();
        if asked.with_value(|asked| *asked == next) {
            return;
        }
        let is_here = latest.with_untracked(|latest| {
            latest.as_ref().is_some_and(|latest| {
                let is_of_source =
                    next.source.as_ref().is_none_or(|source| *source == latest.pair.wide.source);
                latest.choice == next.choice && is_of_source && latest.pair.has(next.drawn)
            })
        });
        asked.set_value(next.clone());
        reading.set(!is_here);
        if is_here {
            // What could not be read before it is no longer asked for.
            problem.set(None);
            return;
        }
        let answer = state.read(next.choice, next.drawn);
        spawn_local(async move {
            let answer = answer.await;
            // Another choice may have been made meanwhile, or the page left.
            if asked.try_get_value().as_ref() != Some(&next) {
                return;
            }
            reading.set(false);
            match answer {
                Ok(read) => {
                    problem.set(None);
                    state.take(next.choice, read);
                }
                Err(error) => problem.set(Some(error)),
            }
        });
    });
    let refresh = move || {
        let present = asked.get_value();
        let answer = state.read(present.choice, present.drawn);
        async move {
            // What cannot be read stays: the page says beside it where its price comes from.
            if let Ok(read @ Kept { kept_at: None, .. }) = answer.await
                && asked.try_get_value().as_ref() == Some(&present)
                && reading.try_get_untracked() == Some(false)
            {
                problem.set(None);
                state.take(present.choice, read);
            }
        }
    };
    every(REFRESH, refresh, || {});
    // The price may be of the next candle already: that one is read at once.
    let tried = StoredValue::new((UnixMs::MIN, 0_u8));
    let is_open = StoredValue::new(false);
    live::effect(move || {
        // Runs with each newer price.
        state.as_of();
        let Some(begun) = state.begun() else { return };
        let (of, tries) = tried.get_value();
        let tries = if of == begun { tries } else { 0 };
        if tries >= MAX_TRIES || is_open.get_value() || reading.get_untracked() {
            return;
        }
        tried.set_value((begun, tries + 1));
        is_open.set_value(true);
        let answer = refresh();
        spawn_local(async move {
            answer.await;
            let _ = is_open.try_set_value(false);
        });
    });
    let origin = live::text(move || {
        let kept_at = latest.with(|latest| latest.as_ref().and_then(|latest| latest.kept_at));
        match kept_at {
            Some(at) => (prefs.words().candles_received)(&prefs.calendar().date_time(at)),
            None => shown.with(|shown| sentence_when_read(&shown.wide.data.provenance, prefs.locale)),
        }
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
            <ChartView shown width name origin />
        </div>
    }
    .into_any()
}
