//! A series while it runs: its latest bar and the 24 hours before, kept so that a quote costs no reading.

use std::{collections::VecDeque, str::FromStr};

use model::{Candle, Interval, Quote, Symbol, UnixMs, coin_name};
use rust_decimal::Decimal;

const DAY_MS: i64 = 86_400_000;

/// One symbol of a feed. Bars are taken as they stand, again and again: the newest word about a bar counts.
pub(super) struct RunningSeries {
    symbol: Symbol,
    /// The day is kept in pieces of this length, at least as long as a bar.
    piece: Interval,
    pieces: VecDeque<Piece>,
    latest: Option<Candle>,
}

/// Part of a day, of the bars before the latest.
struct Piece {
    start: UnixMs,
    open: f64,
    high: f64,
    low: f64,
    volume: f64,
}

impl RunningSeries {
    pub fn new(symbol: Symbol, finest: Interval) -> Self {
        Self { symbol, piece: finest.max(Interval::M30), pieces: VecDeque::new(), latest: None }
    }

    /// Takes a bar as it stands. False for one that is older than the latest: its time is over.
    pub fn take(&mut self, candle: Candle) -> bool {
        match self.latest {
            Some(latest) if candle.open_time < latest.open_time => return false,
            Some(latest) if candle.open_time > latest.open_time => self.fold(&latest),
            _ => {}
        }
        self.latest = Some(candle);
        true
    }

    fn fold(&mut self, bar: &Candle) {
        let start = self.piece.bucket(bar.open_time);
        match self.pieces.back_mut() {
            Some(piece) if piece.start == start => {
                piece.high = piece.high.max(bar.high);
                piece.low = piece.low.min(bar.low);
                piece.volume += bar.volume;
            }
            _ => self.pieces.push_back(Piece {
                start,
                open: bar.open,
                high: bar.high,
                low: bar.low,
                volume: bar.volume,
            }),
        }
        while self.pieces.front().is_some_and(|piece| piece.start < start - DAY_MS) {
            self.pieces.pop_front();
        }
    }

    /// The quote at this time: the latest bar, and the pieces that open within the 24 hours before. `None` before the first
    /// bar.
    pub fn quote(&self, at: UnixMs) -> Option<Quote> {
        let latest = self.latest?;
        let day = || self.pieces.iter().filter(|piece| piece.start >= at - DAY_MS);
        let open = day().next().map_or(latest.open, |piece| piece.open);
        let high = day().fold(latest.high, |high, piece| high.max(piece.high));
        let low = day().fold(latest.low, |low, piece| low.min(piece.low));
        let volume = latest.volume + day().map(|piece| piece.volume).sum::<f64>();
        Some(Quote {
            symbol: self.symbol.clone(),
            name: coin_name(self.symbol.as_str()).to_owned(),
            price: decimal(latest.close),
            price_decimals: 2,
            open_1h: None,
            change_1h_pct: None,
            open_24h: Some(decimal(open)),
            change_24h_pct: Some((latest.close - open) / open * 100.0),
            high_24h: Some(decimal(high)),
            low_24h: Some(decimal(low)),
            volume_24h: Some(decimal((volume * 1e8).round() / 1e8)),
            open_7d: None,
            change_7d_pct: None,
            as_of: at,
        })
    }
}

/// The shortest decimal that reads back the same.
fn decimal(number: f64) -> Decimal {
    Decimal::from_str(&number.to_string())
        .or_else(|_| Decimal::try_from(number))
        .unwrap_or_default()
        .normalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    fn bar(minute: i64, price: f64) -> Candle {
        let open_time = minute * MINUTE;
        Candle {
            open_time,
            open: price,
            high: price + 2.0,
            low: price - 1.0,
            close: price + 1.0,
            volume: 0.1,
        }
    }

    fn figures(quote: &Quote) -> [String; 5] {
        [Some(quote.price), quote.open_24h, quote.high_24h, quote.low_24h, quote.volume_24h]
            .map(|figure| figure.unwrap().to_string())
    }

    #[test]
    fn a_quote_has_the_latest_word_about_each_bar() {
        let mut series = RunningSeries::new("BTC".parse().unwrap(), Interval::M1);
        assert!(series.quote(0).is_none());
        for price in [10.0, 11.0, 12.0] {
            assert!(series.take(bar(0, price)));
        }
        assert!(series.take(bar(1, 20.0)));
        assert!(!series.take(bar(0, 99.0)), "too late");
        let quote = series.quote(MINUTE + 5).unwrap();
        assert_eq!(figures(&quote), ["21", "12", "22", "11", "0.2"]);
        assert_eq!(quote.as_of, MINUTE + 5);
        assert!((quote.change_24h_pct.unwrap() - 75.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_older_than_a_day_is_forgotten() {
        let mut series = RunningSeries::new("BTC".parse().unwrap(), Interval::M1);
        (0..3 * 1_440).for_each(|minute| assert!(series.take(bar(minute, minute as f64 + 10.0))));
        let at = 3 * DAY_MS - 1;
        let quote = series.quote(at).unwrap();
        // The first piece that opens within the day, minute 2,880, and all minutes from there on.
        assert_eq!(figures(&quote), ["4330", "2890", "4331", "2889", "144"]);
        assert!(series.pieces.len() <= 50, "{}", series.pieces.len());
        // Nothing for long: the last bar stands alone.
        assert_eq!(figures(&series.quote(at + 2 * DAY_MS).unwrap())[1], "4329");
    }
}
