//! The four tiles above the table: what the market does as a whole.

use leptos::prelude::*;

use super::{Board, Change, badge::hue};
use crate::format;

/// Width of the bars, in the units of their view box.
const BAR: f64 = 288.0;
/// Coins named in the share bar's caption.
const NAMED: usize = 3;
/// Coins with a colour of their own in the share bar; the rest is left blank.
const SHARES: usize = 6;

/// Rising and falling coins.
fn breadth(board: Board) -> (usize, usize) {
    board.rows.with(|rows| {
        let up = rows.iter().filter(|r| r.change_pct.get() > 0.0).count();
        let down = rows.iter().filter(|r| r.change_pct.get() < 0.0).count();
        (up, down)
    })
}

/// Symbols and their share of the value traded, largest first, in percent.
fn shares(board: Board) -> Vec<(String, f64)> {
    let mut shares: Vec<(String, f64)> =
        board.rows.with(|rows| rows.iter().map(|r| (r.symbol.to_string(), r.turnover())).collect());
    shares.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let total: f64 = shares.iter().map(|s| s.1).sum();
    if total > 0.0 {
        for share in &mut shares {
            share.1 *= 100.0 / total;
        }
    }
    shares
}

/// The tiles.
#[component]
pub fn Tiles(
    /// The quotes.
    board: Board,
) -> impl IntoView {
    let breadth = Memo::new(move |_| breadth(board));
    let shares = Memo::new(move |_| shares(board));
    let turnover = move || {
        let total: f64 = board.rows.with(|rows| rows.iter().map(super::LiveQuote::turnover).sum());
        format!("${}", format::compact(total))
    };
    let coins = move || match board.rows.with(Vec::len) {
        1 => "of one coin".to_owned(),
        n => format!("of {n} coins"),
    };
    let up_width = move || {
        let (up, down) = breadth.get();
        #[expect(clippy::cast_precision_loss, reason = "counts of coins are small")]
        let part = if up + down == 0 { 0.5 } else { up as f64 / (up + down) as f64 };
        format!("{:.1}", part * BAR)
    };
    let mover = Memo::new(move |_| {
        board.rows.with(|rows| {
            rows.iter()
                .map(|r| (r.symbol.to_string(), r.name.clone(), r.change_pct.get()))
                .max_by(|a, b| a.2.abs().total_cmp(&b.2.abs()))
        })
    });
    view! {
        <section class="tiles" aria-label="Market overview">
            <div class="card tile">
                <h2>"Volume 24h"</h2>
                <p class="figure">{turnover}</p>
                <p class="note">{coins}</p>
            </div>
            <div class="card tile">
                <h2>"Largest move 24h"</h2>
                {move || {
                    mover
                        .get()
                        .map(|(symbol, name, pct)| {
                            view! {
                                <p class="figure">
                                    <a href=format!("/coin/{symbol}")>{name}</a>
                                </p>
                                <p class="note">
                                    <Change pct=Some(pct) />
                                </p>
                            }
                        })
                }}
            </div>
            <div class="card tile">
                <h2>"Breadth"</h2>
                <p class="figure">
                    {move || breadth.get().0} <small>" up"</small> " · " {move || breadth.get().1}
                    <small>" down"</small>
                </p>
                <svg class="bar" viewBox="0 0 288 8" preserveAspectRatio="none" aria-hidden="true">
                    <rect class="bar-down" width="288" height="8" />
                    <rect class="bar-up" width=up_width height="8" />
                </svg>
            </div>
            <div class="card tile">
                <h2>"Share of volume"</h2>
                <svg class="bar bar-thick" viewBox="0 0 288 12" preserveAspectRatio="none" aria-hidden="true">
                    {move || {
                        let mut x = 0.0;
                        shares
                            .get()
                            .into_iter()
                            .take(SHARES)
                            .map(|(symbol, share)| {
                                let from = x;
                                x += share / 100.0 * BAR;
                                let class = format!("share {}", hue(&symbol));
                                view! {
                                    <rect
                                        class=class
                                        x=format!("{from:.1}")
                                        width=format!("{:.1}", (x - from - 2.0).max(0.5))
                                        height="12"
                                    />
                                }
                            })
                            .collect_view()
                    }}
                </svg>
                <p class="note">
                    {move || {
                        let names: Vec<String> = shares
                            .get()
                            .into_iter()
                            .take(NAMED)
                            .map(|(symbol, share)| format!("{symbol} {share:.1}%"))
                            .collect();
                        names.join(" · ")
                    }}
                </p>
            </div>
        </section>
    }
    .into_any()
}
