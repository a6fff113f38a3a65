//! The chart of a coin: an SVG from the server, and a canvas over the same geometry once the page is hydrated.

use std::sync::Arc;

use leptos::prelude::*;
use model::{Candle, ChartData, UnixMs};

use super::{
    chart_legend::{ChartLegend, spoken},
    chart_stage::Stage,
};
use crate::{
    chart::{Labels, Notes, Plot, Size, candlestick_svg},
    format, live,
    prefs::use_prefs,
    when::Calendar,
    words::{Locale, Words},
};

/// The wide drawing, and the one for phones. The style sheet shows one of them: the server does not know the width.
pub const WIDE: Size = Size { width: 1040, height: 540 };
/// The drawing for phones.
pub const NARROW: Size = Size { width: 366, height: 400 };

/// The candles of a drawing.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// The candles, each of the interval that the drawing is labelled with.
    pub data: ChartData,
    /// Open time of the candle that has not ended.
    pub running: Option<UnixMs>,
}

impl Drawing {
    pub(super) fn plot(&self, size: Size, calendar: Calendar) -> Option<Plot> {
        let ChartData { candles, partial, interval, price_decimals, .. } = &self.data;
        Plot::new(candles, partial, *interval, *price_decimals, size, calendar)
    }

    /// What is said where no candle is drawn.
    pub(super) fn empty_text(&self, words: &Words) -> String {
        match self.data.candles.len() {
            0 => words.no_candles.to_owned(),
            n => (words.bars_undrawn)(n),
        }
    }
}

/// What both drawings show. Once the chart's width is known they are one and the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawings {
    /// What the wide drawing shows; once it is painted, the canvas too.
    pub wide: Arc<Drawing>,
    /// What the narrow drawing shows.
    pub narrow: Arc<Drawing>,
}

/// A text for the wide drawing and one for the narrow drawing. Where they differ both are on the page, and the style sheet
/// shows one of them.
pub fn by_width(texts: Memo<(String, String)>) -> AnyView {
    live::part(move || {
        let (wide, narrow) = texts.get();
        if wide == narrow {
            view! { <span>{wide}</span> }.into_any()
        } else {
            view! {
                <span class="for-wide">{wide}</span>
                <span class="for-narrow">{narrow}</span>
            }
            .into_any()
        }
    })
}

/// Legend, drawing and footer. Keys and pointer walk along the bars.
#[component]
pub fn ChartView(
    /// The candles.
    shown: Memo<Drawings>,
    /// Width of the chart, px, once it is measured: it settles a moment after it has changed.
    width: RwSignal<Option<u32>>,
    /// Name of the coin, for the drawing's accessible text.
    name: String,
    /// Where the candles come from, for the footer.
    origin: Signal<String>,
) -> impl IntoView {
    let prefs = use_prefs();
    let words = prefs.words();
    let name = StoredValue::new(name);
    let title = move |drawing: &Drawing| {
        name.with_value(|name| (words.chart_title)(name, drawing.data.interval.as_str()))
    };
    let data = Memo::new(move |_| shown.with(|shown| Arc::clone(&shown.wide)));
    let stage = Stage::new(data, width);
    let svg = move |size: Size| {
        let calendar = prefs.calendar();
        let drawing =
            shown.with(|shown| Arc::clone(if size == NARROW { &shown.narrow } else { &shown.wide }));
        let plot = drawing.plot(size, calendar);
        let description = describe(&drawing, plot.as_ref(), words, calendar);
        let (title, empty) = (title(&drawing), drawing.empty_text(words));
        let labels = Labels { title: &title, description: &description, empty: &empty };
        let notes = plot.as_ref().map(|plot| plot.notes(drawing.running)).unwrap_or_default();
        (candlestick_svg(plot.as_ref(), size, &labels), notes)
    };
    // Once painted, the drawings are only for paper: they are drawn when somebody prints.
    let drawing = move |size: Size| {
        Memo::new(move |old: Option<&(String, Notes)>| match old {
            Some(old) if stage.painted.get() && !stage.printing.get() => old.clone(),
            _ => svg(size),
        })
    };
    let (wide, narrow) = (drawing(WIDE), drawing(NARROW));
    let text_of = |drawn: Memo<(String, Notes)>| live::text(move || drawn.with(|(svg, _)| svg.clone()));
    let (wide_svg, narrow_svg) = (text_of(wide), text_of(narrow));
    let foot = Memo::new(move |_| {
        let of = |drawing: &Drawing, notes: Notes| {
            let zone = prefs.calendar().of_bars(drawing.data.interval).zone;
            let time = drawing.data.candles.last().map_or(0, |bar| bar.open_time);
            let mut parts = notes_text(notes, drawing.running.is_some(), prefs.locale);
            parts.push(zone.label(time));
            parts.join(" · ")
        };
        shown.with(|shown| {
            if stage.painted.get() {
                let notes = stage.notes(shown.wide.running);
                let text = of(&shown.wide, notes);
                return (text.clone(), text);
            }
            (of(&shown.wide, wide.with(|drawn| drawn.1)), of(&shown.narrow, narrow.with(|drawn| drawn.1)))
        })
    });
    let last = |drawing: &Drawing| drawing.data.candles.last().copied();
    let are_two = Memo::new(move |_| {
        shown.with(|shown| shown.wide.data.interval != shown.narrow.data.interval && !stage.painted.get())
    });
    let legends = live::part(move || {
        let of = move |pick: fn(&Drawings) -> &Arc<Drawing>| {
            let bar = Signal::derive(move || stage.bar().or_else(|| shown.with(|shown| last(pick(shown)))));
            let interval = Signal::derive(move || shown.with(|shown| pick(shown).data.interval));
            let decimals = Signal::derive(move || shown.with(|shown| pick(shown).data.price_decimals));
            view! { <ChartLegend bar interval decimals /> }
        };
        if are_two.get() {
            view! {
                <div class="for-wide">{of(|shown| &shown.wide)}</div>
                <div class="for-narrow">{of(|shown| &shown.narrow)}</div>
            }
            .into_any()
        } else {
            of(|shown| &shown.wide).into_any()
        }
    });
    // Said only to those who walk by keys: a pointer moves too fast to be read out.
    let said = live::text(move || {
        let bar = stage.walked.get().then(|| stage.bar()).flatten();
        let (interval, decimals) = data.with(|it| (it.data.interval, it.data.price_decimals));
        bar.map(|bar| spoken(&bar, interval, decimals, words, prefs.calendar())).unwrap_or_default()
    });
    let painted = live::flag(move || stage.painted.get());
    let only_painted = move |value: &'static str| live::maybe(move || painted.get().then_some(value));
    let description = live::text(move || {
        let says =
            || stage.with_plot(|plot| data.with(|drawing| describe(drawing, plot, words, prefs.calendar())));
        painted.get().then(says).unwrap_or_default()
    });
    let move_to = move |event: leptos::ev::PointerEvent| {
        stage.point(f64::from(event.offset_x()), f64::from(event.offset_y()));
    };
    view! {
        <figure class="chart-figure" class:painted=painted>
            {legends}
            <div
                node_ref=stage.node
                class="chart-stage"
                // Walked only where a canvas shows the walk.
                role=only_painted("application")
                tabindex=only_painted("0")
                aria-label=Signal::derive(move || painted.get().then(|| data.with(|drawing| title(drawing))))
                aria-describedby=only_painted("chart-says chart-keys")
                on:pointermove=move_to
                on:pointerdown=move_to
                on:pointerleave=move |event| {
                    // A finger leaves as it lifts: what it tapped stays until the next tap.
                    if event.pointer_type() != "touch" {
                        stage.leave();
                    }
                }
                on:blur=move |_| stage.leave()
                on:keydown=move |event| {
                    // With these keys it is a shortcut of the browser, such as Alt+Left for the page before.
                    let is_shortcut = event.alt_key() || event.ctrl_key() || event.meta_key();
                    if !is_shortcut && stage.walk(&event.key()) {
                        event.prevent_default();
                    }
                }
            >
                <div class="chart-wide" inner_html=wide_svg></div>
                <div class="chart-narrow" inner_html=narrow_svg></div>
                <canvas node_ref=stage.base class="chart-canvas" aria-hidden="true"></canvas>
                <canvas node_ref=stage.over class="chart-canvas" aria-hidden="true"></canvas>
            </div>
            <p id="chart-says" class="sr-only">
                {description}
            </p>
            <p id="chart-keys" class="sr-only">
                {only_painted(words.chart_keys)}
            </p>
            <p class="sr-only" aria-live="polite">
                {said}
            </p>
        </figure>
        <p class="card-foot">
            <span>{origin}</span>
            {by_width(foot)}
        </p>
    }
    .into_any()
}

/// What the drawing shows, in words.
fn describe(drawing: &Drawing, plot: Option<&Plot>, words: &Words, calendar: Calendar) -> String {
    let candles: Vec<Candle> = plot.map(Plot::candles).unwrap_or_default();
    let (Some(first), Some(last)) = (candles.first(), candles.last()) else {
        return drawing.empty_text(words);
    };
    let (interval, decimals) = (drawing.data.interval, drawing.data.price_decimals);
    let high = candles.iter().map(|c| c.high).fold(f64::MIN, f64::max);
    let low = candles.iter().map(|c| c.low).fold(f64::MAX, f64::min);
    let prices = [first.open, high, low, last.close].map(|price| format::price(price, decimals));
    (words.chart_says)(
        candles.len(),
        interval.as_str(),
        &calendar.bar_time(interval, first.open_time),
        &calendar.bar_time(interval, last.open_time),
        prices.each_ref().map(String::as_str),
    )
}

/// What the footer says of the drawn candles.
fn notes_text(notes: Notes, is_running: bool, locale: Locale) -> Vec<String> {
    let words = locale.words();
    let mut parts = Vec::new();
    match (notes.incomplete, is_running) {
        (0, false) => parts.push(words.bars_complete.to_owned()),
        (0, true) => {}
        (n, _) => parts.push((words.bars_incomplete)(n, notes.hollow)),
    }
    if is_running {
        parts.push(words.bar_running.to_owned());
    }
    if notes.gaps > 0 {
        parts.push((words.bar_gaps)(notes.gaps, &format::duration(notes.longest_gap_ms, locale)));
    }
    if notes.undrawn > 0 {
        parts.push((words.bars_undrawn)(notes.undrawn));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_footer_says_what_is_true_of_the_drawn_candles() {
        let text = |notes, running| notes_text(notes, running, Locale::En).join(" · ");
        let none = Notes { hollow: true, ..Notes::default() };
        assert_eq!(text(none, false), "All candles are complete");
        assert_eq!(text(none, true), "The last candle is running");
        let some = Notes { incomplete: 3, gaps: 2, longest_gap_ms: 19_800_000, undrawn: 1, ..none };
        assert_eq!(
            text(some, true),
            "3 incomplete candles (hollow) · The last candle is running · 2 gaps, the longest 5.5 h · \
             1 candle cannot be drawn"
        );
        let narrow = Notes { incomplete: 1, hollow: false, ..none };
        assert_eq!(text(narrow, false), "1 incomplete candle (faint)");
    }
}
