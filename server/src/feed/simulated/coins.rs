//! The coins of the simulation.

use std::borrow::Cow;

use super::path::seed_of;

/// What a coin's made-up prices hover about. Round figures of the real market, so that nothing looks absurd.
#[derive(Clone, Debug)]
pub(super) struct Coin {
    pub(super) symbol: Cow<'static, str>,
    /// Price about which the path swings, USD.
    pub(super) anchor: f64,
    /// Decimals of a price.
    pub(super) decimals: u32,
    /// Mean volume of a day, coins.
    pub(super) daily_volume: f64,
    /// Weight of the market's moves; 1 for the coin that leads it.
    pub(super) beta: f64,
}

const fn coin(symbol: &'static str, anchor: f64, decimals: u32, daily_volume: f64, beta: f64) -> Coin {
    Coin { symbol: Cow::Borrowed(symbol), anchor, decimals, daily_volume, beta }
}

/// Those that stand for real ones.
const COINS: [Coin; 10] = [
    coin("ADA", 0.85, 5, 450e6, 1.1),
    coin("BTC", 95_000.0, 2, 16e3, 0.9),
    coin("DOGE", 0.24, 6, 3.2e9, 1.15),
    coin("EOS", 0.75, 5, 130e6, 1.05),
    coin("ETH", 3_300.0, 2, 270e3, 1.0),
    coin("LINK", 19.0, 4, 18e6, 1.05),
    coin("LTC", 100.0, 3, 4.5e6, 1.0),
    coin("SOL", 180.0, 3, 9e6, 1.1),
    coin("XLM", 0.33, 6, 350e6, 1.1),
    coin("XRP", 2.2, 5, 1.1e9, 1.05),
];

/// So many coins by symbol: those above, at least, and made-up ones that stand for nothing.
pub(super) fn coins(count: usize) -> Vec<Coin> {
    let made_up = (COINS.len()..count).map(|index| made_up(format!("SIM{:04}", index + 1)));
    let mut coins: Vec<Coin> = COINS.into_iter().chain(made_up).collect();
    coins.sort_by(|a, b| a.symbol.cmp(&b.symbol));
    coins
}

/// Anywhere between cents and thousands of dollars, of about a billion dollars' volume a day.
fn made_up(symbol: String) -> Coin {
    let seed = seed_of(&symbol);
    let (scale, decimals) = [(0.01, 6), (0.1, 5), (1.0, 4), (10.0, 3), (100.0, 2)][(seed % 5) as usize];
    let anchor = scale * (10 + seed / 5 % 90) as f64 / 10.0;
    let beta = 0.9 + (seed / 450 % 30) as f64 / 100.0;
    Coin { symbol: Cow::Owned(symbol), anchor, decimals, daily_volume: (1e9 / anchor).round(), beta }
}
