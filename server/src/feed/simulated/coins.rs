//! The coins of the simulation.

/// What a coin's made-up prices hover about. Round figures of the real market, so that nothing looks absurd.
pub(super) struct Coin {
    pub(super) symbol: &'static str,
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
    Coin { symbol, anchor, decimals, daily_volume, beta }
}

/// By symbol.
pub(super) const COINS: [Coin; 10] = [
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
