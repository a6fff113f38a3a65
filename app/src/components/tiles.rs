//! The four tiles above the table: what the market does as a whole.

use std::fmt::Write;

use leptos::prelude::*;

use super::{Change, Totals, badge::hue, icons::drawing};
use crate::{format, live, prefs::use_prefs};

/// Width of the bars, in the units of their view box.
const BAR: f64 = 288.0;
/// Coins named in the share bar's caption.
const NAMED: usize = 3;
/// Coins with a colour of their own in the share bar; the rest is left blank.
const SHARES: usize = 6;

/// The beginning of a bar of this height.
fn bar_open(height: u32) -> String {
    format!("<svg class=\"bar bar-{height}\" viewBox=\"0 0 {BAR} {height}\" preserveAspectRatio=\"none\">")
}

/// The tiles. Each says of how many coins its figure is, where it is not of all.
#[component]
pub fn Tiles(
    /// The figures.
    totals: Memo<Totals>,
) -> impl IntoView {
    let prefs = use_prefs();
    let (locale, words) = (prefs.locale, prefs.words());
    let dollars = move |value: Option<f64>| {
        value.map_or_else(|| format::NO_NUMBER.to_owned(), |value| format::dollars(value, locale))
    };
    let of = move |count: usize, all: usize| {
        if count == all { (words.of_coins)(all) } else { (words.of_some_coins)(count, all) }
    };
    let turnover = live::text(move || dollars(totals.with(|totals| totals.volume)));
    let traded = live::text(move || totals.with(|totals| of(totals.traded, totals.coins)));
    let cap = live::text(move || dollars(totals.with(|totals| totals.cap)));
    let capped = live::text(move || totals.with(|totals| of(totals.capped, totals.coins)));
    let cap_change = Signal::derive(move || totals.with(|totals| totals.cap_change));
    let is_capped = Memo::new(move |_| totals.with(|totals| totals.cap.is_some()));
    let width = move |which: usize| {
        let counts = totals.with(|totals| totals.breadth);
        let all: usize = counts.iter().sum();
        #[expect(clippy::cast_precision_loss, reason = "counts of coins are small")]
        let part = if all == 0 { 0.0 } else { counts[which] as f64 / all as f64 };
        part * BAR
    };
    let count =
        move |which: usize| live::text(move || totals.with(|totals| totals.breadth[which]).to_string());
    let still = live::text(move || {
        totals.with(|totals| {
            let compared: usize = totals.breadth.iter().sum();
            let still = match totals.breadth[2] {
                0 => None,
                still => Some(format!("{still} {}", words.unchanged)),
            };
            let scope = (compared < totals.coins).then(|| of(compared, totals.coins));
            let parts: Vec<String> = still.into_iter().chain(scope).collect();
            parts.join(" · ")
        })
    });
    let share_title = live::word(move || if is_capped.get() { words.dominance } else { words.volume_share });
    let share_hint =
        live::text(move || if is_capped.get() { words.dominance_among.to_owned() } else { String::new() });
    let share_bar = live::text(move || {
        let mut x = 0.0;
        let mut bar = bar_open(12);
        for (symbol, share) in
            totals.with(|totals| totals.shares.iter().take(SHARES).cloned().collect::<Vec<_>>())
        {
            let from = x;
            x += share / 100.0 * BAR;
            let (hue, width) = (hue(symbol.as_str()), (x - from - 2.0).max(0.5));
            // Writing to a string cannot fail.
            let _ = write!(
                bar,
                "<rect class=\"share {hue}\" x=\"{from:.1}\" width=\"{width:.1}\" height=\"12\"/>"
            );
        }
        bar + "</svg>"
    });
    let breadth_bar = live::text(move || {
        let (up, down) = (width(0), width(1));
        let (open, from) = (bar_open(8), BAR - down);
        format!(
            "{open}<rect class=\"bar-still\" width=\"{BAR}\" height=\"8\"/>\
             <rect class=\"bar-up\" width=\"{up:.1}\" height=\"8\"/>\
             <rect class=\"bar-down\" x=\"{from:.1}\" width=\"{down:.1}\" height=\"8\"/></svg>"
        )
    });
    let share_names = live::text(move || {
        totals.with(|totals| {
            let name = |(symbol, share): &(model::Symbol, f64)| format!("{symbol} {share:.1}%");
            let names: Vec<String> = totals.shares.iter().take(NAMED).map(name).collect();
            names.join(" · ")
        })
    });
    view! {
        <section class="tiles" aria-label=words.overview>
            <div class="card tile">
                <h2>{words.market_cap}</h2>
                <p class="figure">{cap}</p>
                <p class="note">
                    {live::part(move || {
                        if is_capped.get() {
                            view! {
                                <Change pct=cap_change />
                                " "
                                {words.col_24h}
                                " · "
                                {capped}
                            }
                                .into_any()
                        } else {
                            words.no_supply.into_any()
                        }
                    })}
                </p>
            </div>
            <div class="card tile">
                <h2>{words.volume_24h}</h2>
                <p class="figure">{turnover}</p>
                <p class="note">{traded}</p>
            </div>
            <div class="card tile">
                <h2>{words.breadth}</h2>
                <p class="figure figure-pair">
                    {count(0)} " " <small>{words.rising}</small> " · " {count(1)}
                    " " <small>{words.falling}</small>
                </p>
                {drawing(breadth_bar)}
                <p class="note">{still}</p>
            </div>
            <div class="card tile tile-share">
                <h2>{share_title}</h2>
                {drawing(share_bar)}
                <p class="note">{share_names}</p>
                <p class="among">{share_hint}</p>
            </div>
        </section>
    }
    .into_any()
}
