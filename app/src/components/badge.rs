//! The round mark of a coin.

use leptos::prelude::*;
use model::Symbol;

/// The class that colours a coin: a fixed one for the best-known, otherwise one of eight by the symbol's letters.
#[must_use]
pub fn hue(symbol: &str) -> String {
    let number = match symbol {
        "BTC" => 0,
        "ETH" => 1,
        "XRP" => 2,
        "EOS" => 3,
        "LTC" => 4,
        other => other.bytes().fold(0_u32, |sum, b| sum.wrapping_mul(31).wrapping_add(b.into())) % 8,
    };
    format!("hue-{number}")
}

/// A coin's first letter on its colour. Decoration only: the name stands beside it.
#[component]
pub fn Badge(
    /// Whose mark.
    symbol: Symbol,
    /// Whether it stands in a page head, where it is larger.
    #[prop(optional)]
    large: bool,
) -> impl IntoView {
    let initial = symbol.as_str().chars().next().unwrap_or('?').to_string();
    let class = format!("badge {}{}", hue(symbol.as_str()), if large { " badge-large" } else { "" });
    view! { <span class=class aria-hidden="true">{initial}</span> }
}
