//! The four tiles above the table: what the market does as a whole.

use std::fmt::Write;

use leptos::prelude::*;
use rust_decimal::prelude::ToPrimitive;

use super::{BehindSignal, Board, Change, LiveQuote, badge::hue, icons::drawing};
use crate::{format, live, prefs::use_prefs};

/// Width of the bars, in the units of their view box.
const BAR: f64 = 288.0;
/// Coins named in the share bar's caption.
const NAMED: usize = 3;
/// Coins with a colour of their own in the share bar; the rest is left blank.
const SHARES: usize = 6;

/// Rising, falling and unchanged coins.
fn breadth(board: Board) -> [usize; 3] {
    board.rows.with(|rows| {
        let count = |wanted: fn(f64) -> bool| rows.iter().filter(|r| r.change_pct.get().is_some_and(wanted)).count();
        let (up, down) = (count(|pct| pct > 0.0), count(|pct| pct < 0.0));
        [up, down, rows.iter().filter(|r| r.change_pct.get().is_some()).count() - up - down]
    })
}

/// Value of all coins whose number is known, now and 24 hours ago, USD; none where no number is known.
fn caps(board: Board, behind: BehindSignal) -> Option<(f64, f64)> {
    behind.with(|behind| {
        board.rows.with(|rows| {
            let of = |row: &LiveQuote| {
                let cap = |price: rust_decimal::Decimal| behind.cap(&row.symbol, price.to_f64()?);
                Some((cap(row.price.get())?, cap(row.open.get()?)?))
            };
            rows.iter().filter_map(of).reduce(|a, b| (a.0 + b.0, a.1 + b.1))
        })
    })
}

/// Symbols and their share of the market cap, or of the value traded where no cap is known; largest first, in percent.
fn shares(board: Board, behind: BehindSignal) -> Vec<(String, f64)> {
    let capped = caps(board, behind).is_some();
    let mut shares: Vec<(String, f64)> = behind.with(|behind| {
        board.rows.with(|rows| {
            let of = |row: &LiveQuote| {
                let price = row.price.get().to_f64()?;
                let value = if capped { behind.cap(&row.symbol, price)? } else { row.turnover()? };
                Some((row.symbol.to_string(), value))
            };
            rows.iter().filter_map(of).collect()
        })
    });
    shares.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let total: f64 = shares.iter().map(|s| s.1).sum();
    if total > 0.0 {
        for share in &mut shares {
            share.1 *= 100.0 / total;
        }
    }
    shares
}

/// The beginning of a bar of this height.
fn bar_open(height: u32) -> String {
    format!("<svg class=\"bar bar-{height}\" viewBox=\"0 0 {BAR} {height}\" preserveAspectRatio=\"none\">")
}

/// The tiles.
#[component]
pub fn Tiles(
    /// The quotes.
    board: Board,
    /// Supplies.
    behind: BehindSignal,
) -> impl IntoView {
    let prefs = use_prefs();
    let (locale, words) = (prefs.locale, prefs.words());
    let breadth = Memo::new(move |_| breadth(board));
    let caps = Memo::new(move |_| caps(board, behind));
    let shares = Memo::new(move |_| shares(board, behind));
    let turnover = live::text(move || {
        let total: f64 = board.rows.with(|rows| rows.iter().filter_map(LiveQuote::turnover).sum());
        format::dollars(total, locale)
    });
    let coins = live::text(move || (words.of_coins)(board.rows.with(Vec::len)));
    let cap = live::text(move || {
        caps.get().map_or_else(|| format::NO_NUMBER.to_owned(), |(now, _)| format::dollars(now, locale))
    });
    let cap_change: Signal<Option<f64>> = Signal::derive(move || {
        caps.get().filter(|(_, before)| *before > 0.0).map(|(now, before)| (now - before) / before * 100.0)
    });
    let width = move |which: usize| {
        let counts = breadth.get();
        let all: usize = counts.iter().sum();
        #[expect(clippy::cast_precision_loss, reason = "counts of coins are small")]
        let part = if all == 0 { 0.0 } else { counts[which] as f64 / all as f64 };
        part * BAR
    };
    let count = move |which: usize| live::text(move || breadth.get()[which].to_string());
    let still = live::text(move || match breadth.get()[2] {
        0 => String::new(),
        still => format!("{still} {}", words.unchanged),
    });
    let share_title =
        live::word(move || if caps.get().is_some() { words.dominance } else { words.volume_share });
    let share_bar = live::text(move || {
        let mut x = 0.0;
        let mut bar = bar_open(12);
        for (symbol, share) in shares.get().into_iter().take(SHARES) {
            let from = x;
            x += share / 100.0 * BAR;
            let (hue, width) = (hue(&symbol), (x - from - 2.0).max(0.5));
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
        let name = |(symbol, share): (String, f64)| format!("{symbol} {share:.1}%");
        let names: Vec<String> = shares.get().into_iter().take(NAMED).map(name).collect();
        names.join(" · ")
    });
    view! {
        <section class="tiles" aria-label=words.overview>
            <div class="card tile">
                <h2>{words.market_cap}</h2>
                <p class="figure">{cap}</p>
                <p class="note">
                    {live::part(move || match cap_change.get() {
                        Some(_) => view! { <Change pct=cap_change /> }.into_any(),
                        None => words.no_supply.into_any(),
                    })}
                </p>
            </div>
            <div class="card tile">
                <h2>{words.volume_24h}</h2>
                <p class="figure">{turnover}</p>
                <p class="note">{coins}</p>
            </div>
            <div class="card tile">
                <h2>{words.breadth}</h2>
                <p class="figure">
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
            </div>
        </section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use model::{Backdrop, LatestPrices, Provenance, Quote, Source, Supply, Tier};

    use super::*;
    use crate::components::backdrop::Behind;

    fn board() -> Board {
        let quote = |symbol: &str, price: i64, open: i64, volume: i64| Quote {
            symbol: symbol.parse().unwrap(),
            name: symbol.to_owned(),
            price: price.into(),
            price_decimals: 2,
            open_1h: None,
            change_1h_pct: None,
            open_24h: Some(open.into()),
            change_24h_pct: Some((price - open) as f64),
            high_24h: Some(price.max(open).into()),
            low_24h: Some(price.min(open).into()),
            volume_24h: Some(volume.into()),
            open_7d: None,
            change_7d_pct: None,
            as_of: 0,
        };
        Board::new(LatestPrices {
            prices: vec![quote("BTC", 100, 90, 1), quote("DOT", 5, 5, 20), quote("ETH", 20, 25, 10)],
            provenance: Provenance {
                tier: Tier::L1,
                source: Source::RECORDED,
                age_ms: 0,
                stale: false,
                simulated: false,
                reason: None,
            },
        })
    }

    fn behind(supplies: &[(&str, i64)]) -> BehindSignal {
        let supply = |(symbol, coins): &(&str, i64)| Supply {
            symbol: symbol.parse().unwrap(),
            as_of: 0,
            circulating: (*coins).into(),
            source: "a table".to_owned(),
            source_zh_cn: None,
        };
        let supplies = supplies.iter().map(supply).collect();
        RwSignal::new(Behind::new(&Backdrop { weeks: Vec::new(), supplies, replay: None }))
    }

    #[test]
    fn what_the_market_does_is_counted() {
        Owner::new().with(|| {
            assert_eq!(breadth(board()), [1, 1, 1]);
            let known = behind(&[("BTC", 3), ("ETH", 5)]);
            assert_eq!(caps(board(), known), Some((400.0, 395.0)), "only coins whose number is known");
            let parts: Vec<(String, f64)> = vec![("BTC".to_owned(), 75.0), ("ETH".to_owned(), 25.0)];
            assert_eq!(shares(board(), known), parts);
        });
    }

    #[test]
    fn without_supplies_shares_are_of_the_value_traded() {
        Owner::new().with(|| {
            let unknown = behind(&[]);
            assert_eq!(caps(board(), unknown), None);
            // 200, and twice 100 traded: equal ones by name.
            let parts = [("ETH", 50.0), ("BTC", 25.0), ("DOT", 25.0)].map(|(s, p)| (s.to_owned(), p));
            assert_eq!(shares(board(), unknown), parts);
        });
    }
}
