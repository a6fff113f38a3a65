//! A series while it runs: what its quote needs, in memory, so that a quote costs no reading.
//!
//! The figures follow the rule of [`model::span`], at the finest interval: the price at the start of a span is the open of the
//! candle that contains that moment, else the last close before it; high, low and volume of 24 hours begin with that candle.

use std::{collections::VecDeque, str::FromStr};

use model::{
    Candle, Interval, Quote, Symbol, UnixMs, coin_name,
    span::{DAY_MS, HOUR_MS, WEEK_MS, is_fine_enough},
};
use rust_decimal::Decimal;

const SPANS: [i64; 3] = [HOUR_MS, DAY_MS, WEEK_MS];

/// One symbol of a feed. Candles are taken in their current state, again and again: the newest state counts.
pub(super) struct RunningSeries {
    symbol: Symbol,
    finest: Interval,
    price_decimals: u8,
    /// How much of the past is kept at the finest interval, ms.
    memory: i64,
    latest: Option<Candle>,
    /// Of the candles before the latest.
    starts: Starts,
    /// The day is kept in pieces of this length, at least as long as a candle.
    piece: Interval,
    pieces: VecDeque<Piece>,
    /// What was computed last, by the feed itself, where memory does not reach back: a price for each span.
    computed: [Option<(UnixMs, Option<f64>)>; SPANS.len()],
    /// The same for the part of the first piece that counts, by its start.
    tail: Option<(UnixMs, Option<Range>)>,
}

/// Figures of candles together.
#[derive(Clone, Copy)]
struct Range {
    high: f64,
    low: f64,
    volume: f64,
}

impl Range {
    fn of(candle: &Candle) -> Self {
        Self { high: candle.high, low: candle.low, volume: candle.volume }
    }

    fn and(self, other: Self) -> Self {
        Self {
            high: self.high.max(other.high),
            low: self.low.min(other.low),
            volume: self.volume + other.volume,
        }
    }
}

/// Part of a day.
struct Piece {
    start: UnixMs,
    range: Range,
    /// Its candles, by open time, where they are shorter than the piece and known.
    parts: Vec<(UnixMs, Range)>,
}

/// The price at the start of each finest candle: 8 bytes each, without holes. Where no candle is, it is the close before.
#[derive(Default)]
struct Starts {
    /// The place of the first price: its open time divided by the length of a candle.
    first: i64,
    prices: VecDeque<f64>,
    /// The close of the last candle.
    close: f64,
}

impl Starts {
    fn push(&mut self, place: i64, open: f64, close: f64, most: usize) {
        let next = self.first + self.prices.len() as i64;
        if self.prices.is_empty() {
            self.first = place;
        } else {
            let missing = usize::try_from(place - next).unwrap_or(0);
            if missing >= most {
                self.prices.clear();
                self.first = place - most as i64;
            }
            self.prices.extend(std::iter::repeat_n(self.close, missing.min(most)));
        }
        self.prices.push_back(open);
        self.close = close;
        while self.prices.len() > most {
            self.prices.pop_front();
            self.first += 1;
        }
    }

    /// The price at the start of this place. `None` before the first one.
    fn at(&self, place: i64) -> Option<f64> {
        let index = usize::try_from(place - self.first).ok()?;
        (!self.prices.is_empty()).then(|| self.prices.get(index).copied().unwrap_or(self.close))
    }
}

/// Length of the pieces that a day is kept in.
fn piece(finest: Interval) -> Interval {
    finest.max(Interval::M30)
}

/// Whether the candles of a day are kept one by one.
fn has_parts(finest: Interval, memory: i64) -> bool {
    piece(finest) > finest && memory >= DAY_MS
}

/// What a series takes, about: 8 bytes for each candle of the past that is kept, 32 for each of the last day.
pub(super) fn bytes(finest: Interval, memory: i64) -> i64 {
    let parts = if has_parts(finest, memory) {
        DAY_MS / finest.ms() * size_of::<(UnixMs, Range)>() as i64
    } else {
        0
    };
    memory / finest.ms() * size_of::<f64>() as i64 + parts
}

impl RunningSeries {
    /// A series without candles. `memory`: how much of the past is kept at the finest interval, ms. Figures that need more
    /// are asked of the feed, see [`quote`](Self::quote).
    pub fn new(symbol: Symbol, finest: Interval, price_decimals: u8, memory: i64) -> Self {
        Self {
            symbol,
            finest,
            price_decimals,
            memory,
            latest: None,
            starts: Starts::default(),
            piece: piece(finest),
            pieces: VecDeque::new(),
            computed: [None; SPANS.len()],
            tail: None,
        }
    }

    /// Takes a finest candle in its current state. False for one that is older than the latest: its time is over.
    pub fn take(&mut self, candle: Candle) -> bool {
        match self.latest {
            Some(latest) if candle.open_time < latest.open_time => return false,
            Some(latest) if candle.open_time > latest.open_time => self.fold(&latest),
            _ => {}
        }
        self.latest = Some(candle);
        true
    }

    /// Takes an ended candle of half an hour, of which no finer ones are known. They come before all others.
    pub fn take_half_hour(&mut self, candle: &Candle) {
        self.fold_piece(candle.open_time, Range::of(candle), false);
    }

    fn place(&self, time: UnixMs) -> i64 {
        self.finest.bucket(time).div_euclid(self.finest.ms())
    }

    fn fold(&mut self, candle: &Candle) {
        let most = usize::try_from(self.memory / self.finest.ms()).unwrap_or(0) + 2;
        self.starts.push(self.place(candle.open_time), candle.open, candle.close, most);
        let has_parts = has_parts(self.finest, self.memory);
        self.fold_piece(candle.open_time, Range::of(candle), has_parts);
    }

    fn fold_piece(&mut self, open_time: UnixMs, range: Range, has_parts: bool) {
        let start = self.piece.bucket(open_time);
        match self.pieces.back_mut() {
            Some(piece) if piece.start == start => piece.range = piece.range.and(range),
            _ => self.pieces.push_back(Piece { start, range, parts: Vec::new() }),
        }
        if has_parts && let Some(piece) = self.pieces.back_mut() {
            piece.parts.push((open_time, range));
        }
        while self.pieces.front().is_some_and(|piece| piece.start < start - DAY_MS - self.piece.ms()) {
            self.pieces.pop_front();
        }
    }

    /// The price at the start of the finest candle that contains this time, as far as memory reaches.
    fn price_at(&self, time: UnixMs) -> Option<f64> {
        let latest = self.latest?;
        let (place, latest_place) = (self.place(time), self.place(latest.open_time));
        if place == latest_place {
            Some(latest.open)
        } else if place > latest_place {
            Some(latest.close)
        } else {
            self.starts.at(place)
        }
    }

    /// The quote at this time, or at the end of the last candle if that is earlier: of what comes after it nothing is known, as
    /// in what is stored. `None` before the first candle. `past` is one candle from one time to another, for feeds that
    /// can compute any: it is asked for what is not in memory, once for each finest candle.
    pub fn quote(&mut self, at: UnixMs, past: impl Fn(UnixMs, UnixMs) -> Option<Candle>) -> Option<Quote> {
        let latest = self.latest?;
        let at = at.min(latest.open_time + self.finest.ms());
        let [open_1h, open_24h, open_7d] = [0, 1, 2].map(|span| self.start_of(span, at, &past));
        let day = open_24h.and_then(|_| self.day(self.finest.bucket(at - DAY_MS), &past));
        let change = |open: f64| (latest.close - open) / open * 100.0;
        Some(Quote {
            symbol: self.symbol.clone(),
            name: coin_name(self.symbol.as_str()).to_owned(),
            price: decimal(latest.close),
            price_decimals: self.price_decimals,
            open_1h: open_1h.map(decimal),
            change_1h_pct: open_1h.map(change),
            open_24h: open_24h.map(decimal),
            change_24h_pct: open_24h.map(change),
            high_24h: day.map(|day| decimal(day.high)),
            low_24h: day.map(|day| decimal(day.low)),
            // Without a candle nothing was traded.
            volume_24h: open_24h.map(|_| decimal((day.map_or(0.0, |day| day.volume) * 1e8).round() / 1e8)),
            open_7d: open_7d.map(decimal),
            change_7d_pct: open_7d.map(change),
            as_of: at,
        })
    }

    /// The price at the start of a span that ends at `at`.
    fn start_of(
        &mut self,
        span: usize,
        at: UnixMs,
        past: impl Fn(UnixMs, UnixMs) -> Option<Candle>,
    ) -> Option<f64> {
        if !is_fine_enough(self.finest, SPANS[span], at) {
            return None;
        }
        let start = self.finest.bucket(at - SPANS[span]);
        if let Some(price) = self.price_at(start) {
            return Some(price);
        }
        match self.computed[span] {
            Some((time, price)) if time == start => price,
            _ => {
                let price = past(start, start).map(|point| point.open);
                self.computed[span] = Some((start, price));
                price
            }
        }
    }

    /// The figures of all finest candles from this open time on.
    fn day(&mut self, from: UnixMs, past: impl Fn(UnixMs, UnixMs) -> Option<Candle>) -> Option<Range> {
        let mut day: Option<Range> = None;
        let mut add = |range: Range| day = Some(day.map_or(range, |day| day.and(range)));
        for piece in &self.pieces {
            let end = piece.start + self.piece.ms();
            if piece.start >= from {
                add(piece.range);
            } else if end > from && !piece.parts.is_empty() {
                piece.parts.iter().filter(|(time, _)| *time >= from).for_each(|(_, range)| add(*range));
            } else if end > from {
                let tail = match self.tail {
                    Some((time, tail)) if time == from => tail,
                    _ => {
                        let tail = past(from, end).map(|candle| Range::of(&candle));
                        self.tail = Some((from, tail));
                        tail
                    }
                };
                if let Some(tail) = tail {
                    add(tail);
                }
            }
        }
        if let Some(latest) = self.latest.filter(|latest| latest.open_time >= from) {
            add(Range::of(&latest));
        }
        day
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
    /// 2024-06-05T00:00Z.
    const START: i64 = 1_717_545_600_000;

    fn candle(open_time: UnixMs, price: f64) -> Candle {
        Candle {
            open_time,
            open: price,
            high: price + 2.0,
            low: price - 1.0,
            close: price + 1.0,
            volume: 0.125,
        }
    }

    fn series(finest: Interval, memory: i64) -> RunningSeries {
        RunningSeries::new("BTC".parse().unwrap(), finest, 3, memory)
    }

    fn nothing(_: UnixMs, _: UnixMs) -> Option<Candle> {
        None
    }

    fn text(figure: Option<Decimal>) -> String {
        figure.map_or_else(|| "none".to_owned(), |figure| figure.to_string())
    }

    #[test]
    fn a_quote_has_the_newest_state_of_each_candle() {
        let mut running = series(Interval::M1, WEEK_MS);
        assert!(running.quote(START, nothing).is_none());
        for price in [10.0, 11.0, 12.0] {
            assert!(running.take(candle(START, price)));
        }
        assert!(running.take(candle(START + MINUTE, 20.0)));
        assert!(!running.take(candle(START, 99.0)), "its time is over");
        let quote = running.quote(START + MINUTE + 5, nothing).unwrap();
        assert_eq!((quote.price.to_string(), quote.price_decimals), ("21".to_owned(), 3));
        assert_eq!(quote.as_of, START + MINUTE + 5);
        assert_eq!((quote.open_24h, quote.change_24h_pct, quote.high_24h), (None, None, None), "too young");
        let quote = running.quote(START + DAY_MS, nothing).unwrap();
        assert_eq!(
            (quote.as_of, quote.open_24h),
            (START + 2 * MINUTE, None),
            "nothing is known of the day since"
        );
        assert!(running.take(candle(START + DAY_MS, 20.0)));
        let quote = running.quote(START + DAY_MS + 5, nothing).unwrap();
        assert_eq!(quote.as_of, START + DAY_MS + 5);
        let figures = [quote.open_24h, quote.high_24h, quote.low_24h, quote.volume_24h].map(text);
        assert_eq!(figures, ["12", "22", "11", "0.375"]);
        assert!((quote.change_24h_pct.unwrap() - 75.0).abs() < 1e-9);
    }

    /// The rule of spans, word by word, over all candles.
    fn by_the_rule(candles: &[Candle], finest: Interval, at: UnixMs) -> [String; 6] {
        let at = candles.last().map_or(at, |last| at.min(last.open_time + finest.ms()));
        let start = |span: i64| {
            let moment = at - span;
            let last = candles.iter().rfind(|c| c.open_time <= moment)?;
            is_fine_enough(finest, span, at).then(|| {
                if moment < last.open_time + finest.ms() {
                    (last.open, last.open_time)
                } else {
                    (last.close, moment)
                }
            })
        };
        let open = |span| text(start(span).map(|(price, _)| decimal(price)));
        let Some((_, from)) = start(DAY_MS) else {
            let none = || "none".to_owned();
            return [open(HOUR_MS), none(), open(WEEK_MS), none(), none(), none()];
        };
        let day: Vec<_> = candles.iter().filter(|c| c.open_time >= from).collect();
        let high = day.iter().map(|c| c.high).reduce(f64::max).map(decimal);
        let low = day.iter().map(|c| c.low).reduce(f64::min).map(decimal);
        let volume = decimal(day.iter().map(|c| c.volume).sum());
        [open(HOUR_MS), open(DAY_MS), open(WEEK_MS), text(high), text(low), volume.to_string()]
    }

    #[test]
    fn figures_follow_the_rule_at_every_moment_and_with_gaps() {
        for finest in [Interval::M1, Interval::M5, Interval::M30, Interval::H1, Interval::H4, Interval::D1] {
            let mut running = series(finest, WEEK_MS);
            let mut candles: Vec<Candle> = Vec::new();
            let length = finest.ms();
            // Ten days and a half; short gaps, and one of a day and a half.
            for i in 0..(21 * DAY_MS / 2) / length {
                let open_time = START + i * length;
                let in_gap = i % 11 == 7 || i * length / (DAY_MS / 2) % 7 == 4;
                if !in_gap {
                    let next = candle(open_time, 100.0 + (i * 7_919 % 1_009) as f64);
                    assert!(running.take(next));
                    candles.push(next);
                }
                if i % (1 + 97 * MINUTE / length) == 0 || i < 3 {
                    for at in [open_time, open_time + 1, open_time + MINUTE, open_time + length - 1] {
                        let Some(quote) = running.quote(at, nothing) else { continue };
                        assert_eq!(quote.as_of, at.min(candles.last().unwrap().open_time + length));
                        let figures = [
                            quote.open_1h,
                            quote.open_24h,
                            quote.open_7d,
                            quote.high_24h,
                            quote.low_24h,
                            quote.volume_24h,
                        ];
                        assert_eq!(
                            figures.map(text),
                            by_the_rule(&candles, finest, at),
                            "{finest} {}",
                            at - START
                        );
                    }
                }
            }
            assert!(running.starts.prices.len() as i64 <= WEEK_MS / length + 2);
            assert!(running.pieces.len() <= 51, "{}", running.pieces.len());
        }
    }

    #[test]
    fn a_week_of_minutes_takes_as_much_as_is_said() {
        assert_eq!(bytes(Interval::M1, WEEK_MS), 10_080 * 8 + 1_440 * 32);
        assert_eq!(bytes(Interval::M30, WEEK_MS), 336 * 8);
        assert_eq!(bytes(Interval::M1, HOUR_MS), 60 * 8);
    }

    #[test]
    fn a_gap_longer_than_memory_leaves_the_last_close() {
        let mut running = series(Interval::M1, HOUR_MS);
        running.take(candle(START, 10.0));
        running.take(candle(START + 30 * DAY_MS, 20.0));
        running.take(candle(START + 30 * DAY_MS + MINUTE, 30.0));
        assert!(running.starts.prices.len() <= 62);
        let quote = running.quote(START + 30 * DAY_MS + MINUTE, nothing).unwrap();
        assert_eq!(text(quote.open_1h), "11");
    }

    #[test]
    fn what_is_not_in_memory_is_asked_of_the_feed_once_for_each_candle() {
        let mut running = series(Interval::M1, HOUR_MS);
        for half_hour in 0..48 {
            running.take_half_hour(&candle(START + half_hour * 30 * MINUTE, 50.0 + half_hour as f64));
        }
        running.take(candle(START + DAY_MS, 200.0));
        let asked = std::cell::RefCell::new(Vec::new());
        let past = |from: UnixMs, to: UnixMs| {
            asked.borrow_mut().push(((from - START) / MINUTE, (to - from) / MINUTE));
            Some(candle(from, 7.0))
        };
        let at = START + DAY_MS + 10_000;
        let first = running.quote(at, past).unwrap();
        // The whole first piece, and the running candle. The prices of a day, a week and an hour ago are the feed's.
        assert_eq!([first.open_1h, first.open_24h, first.open_7d].map(text), ["7", "7", "7"]);
        assert_eq!([first.low_24h, first.volume_24h].map(text), ["49", "6.125"]);
        assert_eq!(*asked.borrow(), [(23 * 60, 0), (0, 0), (-6 * 1_440, 0)]);
        // A minute later 29 minutes of the first piece are left.
        asked.borrow_mut().clear();
        for _ in 0..3 {
            let later = running.quote(at + MINUTE, past).unwrap();
            assert_eq!([later.low_24h, later.high_24h].map(text), ["6", "202"]);
        }
        assert_eq!(*asked.borrow(), [(23 * 60 + 1, 0), (1, 0), (-6 * 1_440 + 1, 0), (1, 29)]);
    }
}
