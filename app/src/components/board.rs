//! Live quotes: a signal a field, so that a tick touches only the text that changed.

use leptos::prelude::*;
use model::{LatestPrices, Provenance, Quote, Symbol, UnixMs};
use rust_decimal::{Decimal, prelude::ToPrimitive};

use super::wash::Wash;

/// One symbol's quote as signals.
#[derive(Clone, Debug)]
pub struct LiveQuote {
    /// Ticker symbol.
    pub symbol: Symbol,
    /// Name of the coin.
    pub name: String,
    /// Latest price, USD.
    pub price: ArcRwSignal<Decimal>,
    /// Decimals that prices are shown with.
    pub decimals: ArcRwSignal<u8>,
    /// Price at the start of the 24 hours, USD; this and what follows are `None` where the candles cannot tell.
    pub open: ArcRwSignal<Option<Decimal>>,
    /// Change over the hour, percent.
    pub hour_pct: ArcRwSignal<Option<f64>>,
    /// Change over the 24 hours, percent.
    pub change_pct: ArcRwSignal<Option<f64>>,
    /// Change over the seven days, percent.
    pub week_pct: ArcRwSignal<Option<f64>>,
    /// Highest price of the 24 hours, USD.
    pub high: ArcRwSignal<Option<Decimal>>,
    /// Lowest price of the 24 hours, USD.
    pub low: ArcRwSignal<Option<Decimal>>,
    /// Traded amount of the 24 hours, in coins.
    pub volume: ArcRwSignal<Option<Decimal>>,
    /// The time that the price is of, Unix ms.
    pub as_of: ArcRwSignal<UnixMs>,
    /// Direction of the last change.
    pub wash: ArcRwSignal<Wash>,
}

fn set_if_changed<T: PartialEq + Clone + Send + Sync + 'static>(signal: &ArcRwSignal<T>, value: T) {
    if signal.with_untracked(|old| *old != value) {
        signal.set(value);
    }
}

impl LiveQuote {
    /// Signals that hold this quote.
    #[must_use]
    pub fn new(quote: Quote) -> Self {
        Self {
            symbol: quote.symbol,
            name: quote.name,
            price: ArcRwSignal::new(quote.price),
            decimals: ArcRwSignal::new(quote.price_decimals),
            open: ArcRwSignal::new(quote.open_24h),
            hour_pct: ArcRwSignal::new(quote.change_1h_pct),
            change_pct: ArcRwSignal::new(quote.change_24h_pct),
            week_pct: ArcRwSignal::new(quote.change_7d_pct),
            high: ArcRwSignal::new(quote.high_24h),
            low: ArcRwSignal::new(quote.low_24h),
            volume: ArcRwSignal::new(quote.volume_24h),
            as_of: ArcRwSignal::new(quote.as_of),
            wash: ArcRwSignal::new(Wash::default()),
        }
    }

    /// Takes a newer quote over; only signals whose value differs fire.
    pub fn apply(&self, quote: &Quote) {
        let old = self.price.get_untracked();
        if old != quote.price {
            self.wash.update(|wash| *wash = wash.next(quote.price > old));
        }
        set_if_changed(&self.price, quote.price);
        set_if_changed(&self.decimals, quote.price_decimals);
        set_if_changed(&self.open, quote.open_24h);
        set_if_changed(&self.hour_pct, quote.change_1h_pct);
        set_if_changed(&self.change_pct, quote.change_24h_pct);
        set_if_changed(&self.week_pct, quote.change_7d_pct);
        set_if_changed(&self.high, quote.high_24h);
        set_if_changed(&self.low, quote.low_24h);
        set_if_changed(&self.volume, quote.volume_24h);
        set_if_changed(&self.as_of, quote.as_of);
    }

    /// Value traded in the 24 hours, USD: the amount at the latest price. `None` where the amount is not known.
    #[must_use]
    pub fn turnover(&self) -> Option<f64> {
        Some(self.volume.get()?.to_f64()? * self.price.get().to_f64()?)
    }
}

/// All quotes of a page and where they come from.
#[derive(Clone, Copy)]
pub struct Board {
    /// One a symbol.
    pub rows: RwSignal<Vec<LiveQuote>>,
    /// Where the shown figures come from.
    pub provenance: RwSignal<Provenance>,
    /// Whether the last refresh failed, so that what is shown ages.
    pub lost: RwSignal<bool>,
}

impl Board {
    /// A board that shows this answer.
    #[must_use]
    pub fn new(prices: LatestPrices) -> Self {
        Self {
            rows: RwSignal::new(prices.prices.into_iter().map(LiveQuote::new).collect()),
            provenance: RwSignal::new(prices.provenance),
            lost: RwSignal::new(false),
        }
    }

    /// Takes a newer answer over. Symbols that are new join; symbols that went leave.
    pub fn apply(&self, prices: LatestPrices) {
        // The page may have been left while the answer was on its way: then there is nothing to show it on.
        let same = self.rows.try_with_untracked(|rows| {
            rows.len() == prices.prices.len()
                && prices.prices.iter().all(|q| rows.iter().any(|row| row.symbol == q.symbol))
        });
        let Some(same) = same else { return };
        if same {
            self.rows.with_untracked(|rows| {
                for quote in &prices.prices {
                    if let Some(row) = rows.iter().find(|row| row.symbol == quote.symbol) {
                        row.apply(quote);
                    }
                }
            });
        } else {
            self.rows.update(|rows| {
                let old = std::mem::take(rows);
                *rows = prices
                    .prices
                    .into_iter()
                    .map(|quote| match old.iter().find(|row| row.symbol == quote.symbol) {
                        Some(row) => {
                            row.apply(&quote);
                            row.clone()
                        }
                        None => LiveQuote::new(quote),
                    })
                    .collect();
            });
        }
        self.provenance.set(prices.provenance);
        self.lost.set(false);
    }
}

#[cfg(test)]
mod tests {
    use model::{Source, Tier};

    use super::*;

    fn quote(symbol: &str, price: i64) -> Quote {
        let price = Decimal::from(price);
        Quote {
            symbol: symbol.parse().unwrap(),
            name: symbol.to_owned(),
            price,
            price_decimals: 2,
            open_1h: None,
            change_1h_pct: None,
            open_24h: Some(price),
            change_24h_pct: Some(0.0),
            high_24h: Some(price),
            low_24h: Some(price),
            volume_24h: Some(Decimal::ONE),
            open_7d: None,
            change_7d_pct: None,
            as_of: 0,
        }
    }

    fn prices(quotes: &[(&str, i64)]) -> LatestPrices {
        let provenance = Provenance {
            tier: Tier::L1,
            source: Source::RECORDED,
            age_ms: 0,
            stale: false,
            simulated: false,
            reason: None,
        };
        LatestPrices { prices: quotes.iter().map(|(s, p)| quote(s, *p)).collect(), provenance }
    }

    #[test]
    fn rows_that_stay_keep_their_signals() {
        let owner = Owner::new();
        owner.with(|| {
            let board = Board::new(prices(&[("BTC", 1), ("ETH", 2)]));
            let btc = board.rows.with_untracked(|rows| rows[0].clone());
            board.apply(prices(&[("BTC", 3), ("XRP", 4)]));
            let symbols: Vec<String> =
                board.rows.with_untracked(|rows| rows.iter().map(|r| r.symbol.to_string()).collect());
            assert_eq!(symbols, ["BTC", "XRP"]);
            assert_eq!(btc.price.get_untracked(), Decimal::from(3));
        });
    }

    #[test]
    fn an_answer_after_the_page_was_left_is_dropped() {
        let owner = Owner::new();
        let board = owner.with(|| Board::new(prices(&[("BTC", 1)])));
        owner.cleanup();
        board.apply(prices(&[("BTC", 2)]));
        board.apply(prices(&[("ETH", 2)]));
    }
}
