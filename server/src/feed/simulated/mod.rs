//! Simulated prices: a pure function of time, the same on every server.
//!
//! They are the last resort when neither cache nor database can answer, and are stored nowhere then. They are also a feed
//! ([`play`]), with a database in series of their own. They always say that they are simulated. [`path`] makes the prices; this module cuts them into candles and quotes.
//!
//! **How intervals agree.** A bar opens and closes on the path itself, its volume is a difference of one running total,
//! and its high and low are those of the path, found by a search that looks only where they can well be. So a coarse bar
//! equals its finer bars rolled up: open and close always, volume up to rounding, high and low nearly always, and
//! otherwise nearly. The work of a bar does not grow with its length by more than the levels of the tree.

mod coins;
#[cfg(test)]
mod facts;
mod path;
mod play;

use model::{
    Candle, Interval, MAX_LIMIT, Quote, Source, Sparkline, Symbol, UnixMs, coin_name,
    span::{DAY_MS, HOUR_MS, WEEK_MS},
};
use rust_decimal::Decimal;

use self::{
    coins::{Coin, coins},
    path::{ACTIVITY_PER_DAY, Reader, Stretch, seed_of},
};

/// Share of the volume that flows whatever prices do.
const CALM_SHARE: f64 = 0.4;
/// Beyond the year 9999 no date is shown; times are cut off there, which keeps sums from overflowing.
const LAST_MS: i64 = 253_402_300_799_999;

pub(super) use self::play::SimulatedPlay;

/// Candles by ascending open time, and the open times of those that have not ended.
pub type Simulated = (Vec<Candle>, Vec<UnixMs>);

/// Coins of the simulation where nobody says how many.
pub const DEFAULT_COINS: usize = 10;
/// Most coins of the simulation.
pub const MOST_COINS: usize = 5_000;

/// Simulated prices of a fixed set of coins.
#[derive(Debug)]
pub struct Simulation {
    symbols: Vec<Symbol>,
    /// In the same order, by symbol.
    coins: Vec<Coin>,
}

impl Default for Simulation {
    fn default() -> Self {
        Self::new(DEFAULT_COINS)
    }
}

impl Simulation {
    /// The simulation of so many coins, [`DEFAULT_COINS`] to [`MOST_COINS`]. Its seeds are the coins' names: every server
    /// has the same.
    #[must_use]
    pub fn new(count: usize) -> Self {
        let (symbols, coins) = coins(count.min(MOST_COINS))
            .into_iter()
            .filter_map(|coin| Some((coin.symbol.parse().ok()?, coin)))
            .unzip();
        Self { symbols, coins }
    }

    /// The coins, by symbol.
    #[must_use]
    pub fn symbols(&self) -> &[Symbol] {
        &self.symbols
    }

    /// Whether this coin has simulated prices.
    #[must_use]
    pub fn knows(&self, symbol: &Symbol) -> bool {
        self.coin(symbol).is_some()
    }

    /// The latest price of every coin, by symbol, with the figures of the spans that end at `now`.
    #[must_use]
    pub fn quotes(&self, now: UnixMs) -> Vec<Quote> {
        self.symbols.iter().zip(&self.coins).map(|(symbol, coin)| quote(symbol, coin, now)).collect()
    }

    /// The latest price of a coin, with the figures of the spans that end at `now`; `None` for a coin that the simulation
    /// does not know.
    #[must_use]
    pub fn quote(&self, symbol: &Symbol, now: UnixMs) -> Option<Quote> {
        Some(quote(symbol, self.coin(symbol)?, now))
    }

    /// The seven days of every coin, by symbol, that end at `now`: the price at their start, then the closes of four-hour
    /// candles.
    #[must_use]
    pub fn weeks(&self, now: UnixMs) -> Vec<Sparkline> {
        let line = |(symbol, coin): (&Symbol, &Coin)| Sparkline {
            symbol: symbol.clone(),
            source: Source::SIMULATED,
            closes: week(coin, now),
        };
        self.symbols.iter().zip(&self.coins).map(line).collect()
    }

    /// Bars of a coin that open between `from` and `to`, both inclusive: with `from` the first `limit`, otherwise the
    /// last. Never later than `now`; the bar that holds `now` is partial. At most [`MAX_LIMIT`] bars. `None` for a
    /// coin that the simulation does not know.
    #[must_use]
    pub fn candles(
        &self,
        symbol: &Symbol,
        interval: Interval,
        from: Option<UnixMs>,
        to: Option<UnixMs>,
        limit: u32,
        now: UnixMs,
    ) -> Option<Simulated> {
        let coin = self.coin(symbol)?;
        let now = now.clamp(0, LAST_MS);
        let last = interval.bucket(to.unwrap_or(now).clamp(-1, now));
        // The first bar that opens at or after `from`.
        let first = interval.bucket(from.unwrap_or(0).clamp(0, LAST_MS) + interval.ms() - 1);
        if last < first {
            return Some((Vec::new(), Vec::new()));
        }
        let most = i64::from(limit.min(MAX_LIMIT));
        let count = ((last - first) / interval.ms() + 1).min(most);
        let start = if from.is_some() { first } else { last - (count - 1) * interval.ms() };
        let candles = bars(coin, interval, start, count, now);
        let partial = candles.iter().map(|c| c.open_time).filter(|open| open + interval.ms() > now).collect();
        Some((candles, partial))
    }

    /// Decimals of a coin's prices; `None` for a coin that the simulation does not know.
    #[must_use]
    pub fn price_decimals(&self, symbol: &Symbol) -> Option<u8> {
        self.coin(symbol).and_then(|coin| u8::try_from(coin.decimals).ok())
    }

    fn coin(&self, symbol: &Symbol) -> Option<&Coin> {
        self.symbols.binary_search(symbol).ok().and_then(|index| self.coins.get(index))
    }
}

/// So many bars from this open time on; those that have not ended at `now` as they stand then.
fn bars(coin: &Coin, interval: Interval, start: UnixMs, count: i64, now: UnixMs) -> Vec<Candle> {
    let mut reader = Reader::new(seed_of(&coin.symbol), coin.beta);
    (0..count)
        .map(|i| start + i * interval.ms())
        .map(|open| bar(coin, &mut reader, open, (open + interval.ms()).min(now)))
        .collect()
}

/// Prices and volume from `open` to `end`, which is not before it.
fn bar(coin: &Coin, reader: &mut Reader, open: UnixMs, end: UnixMs) -> Candle {
    let Stretch { start, stop, low, high } = reader.range(open, end);
    let calm = (end - open) as f64 / DAY_MS as f64;
    let lively = (stop.activity - start.activity) / ACTIVITY_PER_DAY;
    let volume = coin.daily_volume * (CALM_SHARE * calm + (1.0 - CALM_SHARE) * lively);
    Candle {
        open_time: open,
        open: coin.price(start.log),
        high: coin.price(high),
        low: coin.price(low),
        close: coin.price(stop.log),
        volume: (volume.max(0.0) * 1e4).round() / 1e4,
    }
}

impl Coin {
    /// The price of a point of the path, rounded to the coin's decimals; at least one unit of the last.
    fn price(&self, log: f64) -> f64 {
        let power = 10_f64.powi(self.decimals as i32);
        (self.anchor * log.exp() * power).round().max(1.0) / power
    }

    /// A price of [`Self::price`] as the decimal that it is.
    fn exact(&self, price: f64) -> Decimal {
        let units = (price * 10_f64.powi(self.decimals as i32)).round();
        Decimal::new(units as i64, self.decimals)
    }
}

/// The finest candles of the simulation: the price at the start of a span is the open of the one that contains it.
const FINEST: Interval = Interval::M1;

/// Where the span that ends at `now` begins: the open time of the candle that contains its start. `None` before 1970, when
/// there are no candles.
fn span_start(span: i64, now: UnixMs) -> Option<UnixMs> {
    Some(FINEST.bucket(now - span)).filter(|open| *open >= 0)
}

fn quote(symbol: &Symbol, coin: &Coin, now: UnixMs) -> Quote {
    let now = now.clamp(0, LAST_MS);
    let mut reader = Reader::new(seed_of(&coin.symbol), coin.beta);
    let price = coin.price(reader.at(now).log);
    let [open_1h, open_24h, open_7d] = [HOUR_MS, DAY_MS, WEEK_MS].map(|span| {
        let start = span_start(span, now)?;
        Some(coin.price(reader.at(start).log))
    });
    // All candles from the start of the 24 hours joined are one walk along the path.
    let day = span_start(DAY_MS, now).map(|start| bar(coin, &mut reader, start, now));
    let change = |open: Option<f64>| open.map(|open| (price - open) / open * 100.0);
    Quote {
        symbol: symbol.clone(),
        name: coin_name(symbol.as_str()).to_owned(),
        price: coin.exact(price),
        price_decimals: u8::try_from(coin.decimals).unwrap_or(u8::MAX),
        open_1h: open_1h.map(|open| coin.exact(open)),
        change_1h_pct: change(open_1h),
        open_24h: open_24h.map(|open| coin.exact(open)),
        change_24h_pct: change(open_24h),
        high_24h: day.map(|day| coin.exact(day.high)),
        low_24h: day.map(|day| coin.exact(day.low)),
        volume_24h: day.map(|day| Decimal::try_from(day.volume).unwrap_or_default().round_dp(4)),
        open_7d: open_7d.map(|open| coin.exact(open)),
        change_7d_pct: change(open_7d),
        as_of: now,
    }
}

/// The price seven days before `now`, and the closes of the four-hour candles since.
fn week(coin: &Coin, now: UnixMs) -> Vec<f64> {
    const LINE: Interval = Interval::H4;
    let now = now.clamp(0, LAST_MS);
    let mut reader = Reader::new(seed_of(&coin.symbol), coin.beta);
    let mut price = |time: UnixMs| coin.price(reader.at(time).log);
    let mut closes = Vec::new();
    closes.extend(span_start(WEEK_MS, now).map(&mut price));
    let mut open = LINE.bucket((now - WEEK_MS).max(0));
    while open < now {
        closes.push(price((open + LINE.ms()).min(now)));
        open += LINE.ms();
    }
    closes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2024-06-05T14:37:21Z, a Wednesday.
    const NOW: i64 = 1_717_598_241_000;

    fn btc() -> Symbol {
        "BTC".parse().unwrap()
    }

    fn ask(interval: Interval, from: Option<i64>, to: Option<i64>, limit: u32) -> Simulated {
        Simulation::default().candles(&btc(), interval, from, to, limit, NOW).unwrap()
    }

    #[test]
    fn the_range_is_inclusive_and_ends_now() {
        let hour = Interval::H1.ms();
        let running = Interval::H1.bucket(NOW);
        let (bars, partial) = ask(Interval::H1, None, None, 3);
        let opens = |bars: &[Candle]| bars.iter().map(|b| b.open_time).collect::<Vec<_>>();
        assert_eq!(opens(&bars), [running - 2 * hour, running - hour, running]);
        assert_eq!(partial, [running]);
        // With `from` the first bars; without it the last up to `to`.
        let (bars, partial) = ask(Interval::H1, Some(running - 10 * hour), Some(running), 2);
        assert_eq!(opens(&bars), [running - 10 * hour, running - 9 * hour]);
        assert!(partial.is_empty());
        let (bars, _) = ask(Interval::H1, Some(running - 10 * hour + 1), Some(running - 8 * hour), 50);
        assert_eq!(opens(&bars), [running - 9 * hour, running - 8 * hour]);
        let (bars, _) = ask(Interval::H1, None, Some(running - 5 * hour), 2);
        assert_eq!(opens(&bars), [running - 6 * hour, running - 5 * hour]);
        // Nothing after now, nothing turned round, nothing at the ends of time.
        assert!(ask(Interval::H1, Some(NOW + 1), None, 5).0.is_empty());
        assert!(ask(Interval::H1, Some(i64::MAX), Some(i64::MIN), 5).0.is_empty());
        assert!(ask(Interval::W1, Some(i64::MIN), Some(i64::MAX), 5).0.len() == 5);
        assert!(ask(Interval::H1, None, None, 0).0.is_empty());
        assert_eq!(ask(Interval::M1, None, None, u32::MAX).0.len(), MAX_LIMIT as usize);
    }

    #[test]
    fn bars_are_sound_and_follow_on() {
        for interval in Interval::ALL {
            let (bars, _) = ask(interval, None, None, 400);
            for bar in &bars {
                assert!(bar.low <= bar.open.min(bar.close) && bar.high >= bar.open.max(bar.close), "{bar:?}");
                assert!(bar.low > 0.0 && bar.volume >= 0.0 && bar.volume.is_finite(), "{bar:?}");
                assert_eq!(interval.bucket(bar.open_time), bar.open_time);
            }
            for pair in bars.windows(2) {
                assert_eq!(pair[0].close, pair[1].open);
                assert_eq!(pair[0].open_time + interval.ms(), pair[1].open_time);
            }
        }
    }

    #[test]
    fn a_coarse_bar_agrees_with_its_finer_bars() {
        for pair in Interval::ALL.windows(2) {
            let (fine, coarse) = (pair[0], pair[1]);
            let (bars, _) = ask(coarse, None, None, 30);
            for bar in bars {
                let end = bar.open_time + coarse.ms() - 1;
                let (parts, _) = ask(fine, Some(bar.open_time), Some(end), MAX_LIMIT);
                let (first, last) = (parts.first().unwrap(), parts.last().unwrap());
                assert_eq!((bar.open, bar.close), (first.open, last.close), "{coarse}");
                let volume: f64 = parts.iter().map(|p| p.volume).sum();
                assert!((bar.volume - volume).abs() <= 1e-3 + 1e-9 * volume, "{coarse} {volume} {bar:?}");
                let high = parts.iter().map(|p| p.high).fold(f64::MIN, f64::max);
                let low = parts.iter().map(|p| p.low).fold(f64::MAX, f64::min);
                let near = |a: f64, b: f64| (a - b).abs() <= b * 1e-3;
                assert!(near(bar.high, high) && near(bar.low, low), "{coarse} {high} {low} {bar:?}");
            }
        }
    }

    #[test]
    fn a_quote_is_what_the_candles_say() {
        let quotes = Simulation::default().quotes(NOW);
        assert_eq!(quotes.len(), DEFAULT_COINS);
        let quote = quotes.iter().find(|q| q.symbol == btc()).unwrap();
        assert_eq!(Simulation::default().quote(&btc(), NOW).as_ref(), Some(quote));
        assert_eq!((quote.as_of, quote.price_decimals), (NOW, 2));
        let close = ask(Interval::M1, None, None, 1).0[0].close;
        assert_eq!(quote.price.to_string(), format!("{close:.2}"));
        // The open of the minute that contains the start of each span.
        for (span, open, change) in [
            (HOUR_MS, quote.open_1h, quote.change_1h_pct),
            (DAY_MS, quote.open_24h, quote.change_24h_pct),
            (WEEK_MS, quote.open_7d, quote.change_7d_pct),
        ] {
            let first = ask(Interval::M1, Some(Interval::M1.bucket(NOW - span)), None, 1).0[0].open;
            assert_eq!(open.unwrap().to_string(), format!("{first:.2}"), "{span}");
            assert!((change.unwrap() - (close / first - 1.0) * 100.0).abs() < 1e-9, "{span}");
        }
        let (day, _) = ask(Interval::M1, Some(Interval::M1.bucket(NOW - DAY_MS)), None, 2_000);
        assert_eq!(day.len(), 1_441);
        let high = day.iter().map(|b| b.high).fold(f64::MIN, f64::max);
        let low = day.iter().map(|b| b.low).fold(f64::MAX, f64::min);
        let near = |figure: Option<Decimal>, other: f64| {
            let figure: f64 = figure.unwrap().to_string().parse().unwrap();
            (figure - other).abs() <= other * 1e-3
        };
        assert!(near(quote.high_24h, high) && near(quote.low_24h, low), "{quote:?} {high} {low}");
        assert!(near(quote.volume_24h, day.iter().map(|b| b.volume).sum()));
        // Candles of half an hour that begin together with the day say the same.
        let at = Interval::M30.bucket(NOW);
        let quote = Simulation::default().quote(&btc(), at).unwrap();
        let (half_hours, _) = Simulation::default()
            .candles(&btc(), Interval::M30, Some(at - DAY_MS), Some(at - 1), 100, at)
            .unwrap();
        assert_eq!(half_hours.len(), 48);
        assert_eq!(quote.open_24h.unwrap().to_string(), format!("{:.2}", half_hours[0].open));
        assert_eq!(quote.price.to_string(), format!("{:.2}", half_hours[47].close));
    }

    #[test]
    fn figures_do_not_reach_back_before_the_first_candle() {
        let quote = |now| Simulation::default().quote(&btc(), now).unwrap();
        let two_hours = quote(2 * HOUR_MS);
        assert!(two_hours.open_1h.is_some());
        assert_eq!((two_hours.open_24h, two_hours.high_24h, two_hours.volume_24h), (None, None, None));
        assert_eq!((two_hours.change_24h_pct, two_hours.open_7d), (None, None));
        assert!(quote(WEEK_MS).open_7d.is_some());
    }

    #[test]
    fn the_line_of_a_week_goes_from_its_start_to_the_price() {
        let simulation = Simulation::new(60);
        for now in [NOW, Interval::H4.bucket(NOW), Interval::H4.bucket(NOW) + 60_000] {
            let lines = simulation.weeks(now);
            assert_eq!(lines.len(), 60);
            for line in lines {
                let quote = simulation.quote(&line.symbol, now).unwrap();
                let ends = [line.closes.first(), line.closes.last()].map(|close| close.unwrap().to_string());
                let of = |figure: Decimal| figure.normalize().to_string();
                assert_eq!(ends, [of(quote.open_7d.unwrap()), of(quote.price)]);
                assert!((43..=44).contains(&line.closes.len()), "{}", line.closes.len());
                let (candles, _) =
                    simulation.candles(&line.symbol, Interval::H4, None, None, 42, now).unwrap();
                let last: Vec<f64> = candles.iter().filter(|c| c.open_time < now).map(|c| c.close).collect();
                assert_eq!(line.closes[line.closes.len() - last.len()..], last);
            }
        }
        assert!(simulation.weeks(0).iter().all(|line| line.closes.is_empty()));
    }

    #[test]
    fn an_ended_bar_never_changes() {
        let simulation = Simulation::default();
        let at =
            |now| simulation.candles(&btc(), Interval::M5, None, Some(NOW - 3_600_000), 20, now).unwrap();
        assert_eq!(at(NOW), at(NOW + 12_345_678));
    }

    #[test]
    fn knows_its_coins_only() {
        let simulation = Simulation::default();
        for symbol in ["BTC", "ETH", "XRP", "LTC", "EOS"] {
            assert!(simulation.knows(&symbol.parse().unwrap()));
        }
        let nope = "NOPE".parse().unwrap();
        assert!(!simulation.knows(&nope));
        assert!(simulation.candles(&nope, Interval::H1, None, None, 5, NOW).is_none());
        assert_eq!(simulation.symbols().len(), DEFAULT_COINS);
        assert!(simulation.symbols().is_sorted());
    }

    #[test]
    fn more_coins_leave_the_others_as_they_are() {
        let (few, many) = (Simulation::default(), Simulation::new(500));
        assert_eq!(many.symbols().len(), 500);
        assert!(many.symbols().is_sorted());
        let bars = |of: &Simulation| of.candles(&btc(), Interval::M5, None, None, 20, NOW).unwrap();
        assert_eq!(bars(&few), bars(&many));
        for quote in many.quotes(NOW) {
            assert!(quote.price > Decimal::ZERO && quote.volume_24h.unwrap() > Decimal::ZERO, "{quote:?}");
        }
    }

    #[test]
    fn any_clock_will_do() {
        for now in [i64::MIN, -1, 0, 1, DAY_MS, i64::MAX] {
            let simulation = Simulation::default();
            assert_eq!(simulation.quotes(now).len(), DEFAULT_COINS);
            for interval in Interval::ALL {
                assert!(simulation.candles(&btc(), interval, None, None, 3, now).is_some());
            }
        }
    }
}
