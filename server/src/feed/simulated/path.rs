//! A random path that can be read at any time, in any order, on any server.
//!
//! Two ideas, both dyadic, so that a value costs one walk down a tree:
//!
//! - **Price**: Lévy's construction of Brownian motion. A cell of time knows its value at both ends; its middle is drawn
//!   from the bridge between them.
//! - **Volatility**: a multiplicative cascade. A cell's variance is split unevenly between its halves, again and again,
//!   which makes heavy tails and slowly decaying clusters, as in the multifractal model of asset returns (Mandelbrot,
//!   Fisher & Calvet 1997) and the Markov-switching multifractal (Calvet & Fisher 2004). Conditional on the variances
//!   the price is a time-changed Brownian motion, so returns are uncorrelated, as real ones are.
//!
//! Every draw is a hash of seed, level and cell: nothing is stored. A coin's path is the market's, weighted, plus its
//! own. Only the four operations and
//! square roots are used here, which every machine rounds alike.

use model::UnixMs;

/// Length of a top cell: 2³⁴ ms, 199 days. At its ends the path is drawn afresh about 0, so it never runs away.
const TOP_BITS: u32 = 34;
/// Length of the shortest cell: 2¹² ms, 4 s; within it the path is a straight line.
const LEAF_BITS: u32 = 12;
const DEPTH: usize = (TOP_BITS - LEAF_BITS) as usize;
/// Milliseconds of a year of 365.25 days.
const YEAR_MS: f64 = 31_557_600_000.0;

/// How unevenly variance is split: a half gets a share of 0.5 ± this at most.
const UNEVEN: f64 = 0.42;
/// The same for cells of six days and more: calm and wild months differ more than calm and wild hours.
const UNEVEN_LONG: f64 = 0.48;
const LONG_LEVELS: usize = (TOP_BITS - 29) as usize + 1;
/// Annual variance of the market's path, and of a coin's own.
const ANNUAL_VARIANCE: [f64; 2] = [0.85, 0.45];
/// Standard deviation of the path at the ends of a top cell.
const TOP_DEVIATION: [f64; 2] = [0.22, 0.15];

/// The two parts of a path: the market's and the coin's own.
type Pair = [f64; 2];

/// SplitMix64's finaliser (Steele, Lea & Flood 2014).
const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A seed for a text.
pub(super) fn seed_of(text: &str) -> u64 {
    text.bytes().fold(0x7469_6465_6d61_726b, |seed, byte| mix(seed ^ u64::from(byte)))
}

/// 64 random bits of a cell for each seed.
fn draw(seeds: [u64; 2], level: usize, index: i64) -> [u64; 2] {
    // The golden ratio spreads neighbouring indices over all bits before they are mixed.
    let place = mix((index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(level as u64));
    seeds.map(|seed| mix(seed ^ place))
}

/// Close to a standard normal from 48 bits: a sum of four uniforms (Irwin–Hall). Its tails are thin; the cascade, not
/// this, makes the tails of returns.
fn normal(bits: u64) -> f64 {
    let sum = (bits & 0xfff) + (bits >> 12 & 0xfff) + (bits >> 24 & 0xfff) + (bits >> 36 & 0xfff);
    // The sum has the mean 2 · 4095 and the variance 4 · (4096² − 1) / 12.
    (sum as f64 - 8_190.0) / 2_364.826_209_084_859
}

/// Uniform on −1 to 1 from the upper 16 bits.
fn uniform(bits: u64) -> f64 {
    (bits >> 48) as f64 / 32_767.5 - 1.0
}

/// Pushes a number between −1 and 1 outwards.
fn bulge(x: f64) -> f64 {
    x * (1.5 - 0.5 * x * x)
}

/// A piece of time, halved.
#[derive(Clone, Copy)]
struct Cell {
    index: i64,
    start: Pair,
    middle: Pair,
    end: Pair,
    /// Share of the variance that falls in the first half.
    share: Pair,
    /// Variance of the whole piece.
    variance: Pair,
    /// Variance of the coin's own cascade before this piece, since 1970, in top cells.
    activity: f64,
}

impl Cell {
    /// One of its halves, without a middle.
    fn half(&self, index: i64) -> Self {
        let second = index & 1 == 1;
        let part = |i: usize| if second { 1.0 - self.share[i] } else { self.share[i] };
        Self {
            index,
            start: if second { self.middle } else { self.start },
            end: if second { self.end } else { self.middle },
            variance: [self.variance[0] * part(0), self.variance[1] * part(1)],
            activity: self.activity + if second { self.variance[1] * self.share[1] } else { 0.0 },
            ..*self
        }
    }
}

/// A path at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    /// Logarithm of price over anchor.
    pub(super) log: f64,
    /// Activity until then: it grows by 1 a top cell on average, fast when prices move. Differences are additive.
    pub(super) activity: f64,
}

/// What the path does from one time to another.
pub(super) struct Stretch {
    pub(super) start: Point,
    pub(super) stop: Point,
    /// Lowest `log`.
    pub(super) low: f64,
    /// Highest `log`.
    pub(super) high: f64,
}

/// Activity of a day, on average.
pub(super) const ACTIVITY_PER_DAY: f64 = 86_400_000.0 / (1_u64 << TOP_BITS) as f64;

/// Reads one path. Times near the last one cost little, since the walk starts where they part.
pub(super) struct Reader {
    seeds: [u64; 2],
    beta: f64,
    /// From the top cell down to the shortest one around the last time.
    cells: Vec<Cell>,
}

impl Reader {
    pub(super) fn new(own_seed: u64, beta: f64) -> Self {
        let seeds = [seed_of("the market"), own_seed];
        Self { seeds, beta, cells: Vec::with_capacity(DEPTH + 1) }
    }

    /// The path at a time.
    pub(super) fn at(&mut self, time: UnixMs) -> Point {
        while let Some(cell) = self.cells.last() {
            if time >> (TOP_BITS - (self.cells.len() - 1) as u32) == cell.index {
                break;
            }
            self.cells.pop();
        }
        let mut cell = match self.cells.last() {
            Some(cell) => *cell,
            None => self.enter(self.top(time >> TOP_BITS)),
        };
        while self.cells.len() <= DEPTH {
            let level = self.cells.len();
            let index = time >> (TOP_BITS - level as u32);
            cell = self.enter(cell.half(index));
        }
        let length = (1_u64 << LEAF_BITS) as f64;
        let along = (time - (cell.index << LEAF_BITS)) as f64 / length;
        let line = |i: usize| cell.start[i] + along * (cell.end[i] - cell.start[i]);
        Point {
            log: self.log([line(0), line(1)]),
            activity: (cell.activity + along * cell.variance[1]) / top_variance(1),
        }
    }

    /// A top cell without its middle.
    fn top(&self, index: i64) -> Cell {
        let value = |at: i64| {
            let bits = draw(self.seeds, usize::MAX, at);
            [TOP_DEVIATION[0] * normal(bits[0]), TOP_DEVIATION[1] * normal(bits[1])]
        };
        let variance = [top_variance(0), top_variance(1)];
        Cell {
            index,
            start: value(index),
            middle: [0.0; 2],
            end: value(index.wrapping_add(1)),
            share: [0.5; 2],
            variance,
            activity: index as f64 * variance[1],
        }
    }

    /// Draws a cell's middle and goes into it.
    fn enter(&mut self, cell: Cell) -> Cell {
        let cell = self.halved(cell, self.cells.len());
        self.cells.push(cell);
        cell
    }

    /// The cell with its middle.
    fn halved(&self, mut cell: Cell, level: usize) -> Cell {
        let bits = draw(self.seeds, level, cell.index);
        // Every other split of a coin's own cascade is the market's: storms hit all coins together.
        let leader = (bits[1] >> 48 & 1) as usize;
        let tilts = [uniform(bits[0]), uniform(bits[leader])];
        for i in 0..2 {
            let share =
                0.5 + if level < LONG_LEVELS { UNEVEN_LONG * bulge(tilts[i]) } else { UNEVEN * tilts[i] };
            // The bridge in the cascade's own time.
            let deviation = (cell.variance[i] * share * (1.0 - share)).sqrt();
            cell.share[i] = share;
            cell.middle[i] =
                cell.start[i] + share * (cell.end[i] - cell.start[i]) + deviation * normal(bits[i]);
        }
        cell
    }

    /// The path from a time to a later one.
    ///
    /// Level by level, only those cells are halved that may hold an extreme: a bridge of variance V between a and b
    /// passes m with the probability exp(−2 (m − a) (m − b) / V), and what is less likely than exp(−4) is left out:
    /// then the extreme is missed by a hair, for the cells that may pass it by much are all looked at.
    pub(super) fn range(&mut self, from: UnixMs, to: UnixMs) -> Stretch {
        const REACH: f64 = 2.0;
        let (stop, start) = (self.at(to), self.at(from));
        let (mut low, mut high) = (start.log.min(stop.log), start.log.max(stop.log));
        // The deepest cell around `from` that holds `to` as well.
        let bits_of = |level: usize| TOP_BITS - level as u32;
        let shared = (0..self.cells.len()).rev().find(|l| to >> bits_of(*l) == self.cells[*l].index);
        let mut level = shared.unwrap_or(0);
        let mut cells = match shared {
            Some(level) => vec![self.cells[level]],
            None => (from >> TOP_BITS..=to >> TOP_BITS).map(|i| self.halved(self.top(i), 0)).collect(),
        };
        let mut next = Vec::new();
        while level < DEPTH && !cells.is_empty() {
            level += 1;
            let bits = bits_of(level);
            for cell in &cells {
                let middle = (2 * cell.index + 1) << bits;
                if (from..=to).contains(&middle) {
                    low = low.min(self.log(cell.middle));
                    high = high.max(self.log(cell.middle));
                }
            }
            for cell in &cells {
                for index in [2 * cell.index, 2 * cell.index + 1] {
                    let half = cell.half(index);
                    let (start, end) = (self.log(half.start), self.log(half.end));
                    let variance = self.beta * self.beta * half.variance[0] + half.variance[1];
                    let may = |best: f64| (best - start) * (best - end) < REACH * variance;
                    let outside = index << bits >= to || (index + 1) << bits <= from;
                    if !outside && (may(high) || may(low)) {
                        next.push(self.halved(half, level));
                    }
                }
            }
            std::mem::swap(&mut cells, &mut next);
            next.clear();
        }
        Stretch { start, stop, low, high }
    }

    fn log(&self, parts: Pair) -> f64 {
        self.beta * parts[0] + parts[1]
    }
}

fn top_variance(part: usize) -> f64 {
    ANNUAL_VARIANCE[part] * (1_u64 << TOP_BITS) as f64 / YEAR_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_700_000_000_000;

    #[test]
    fn a_value_does_not_depend_on_what_was_read_before() {
        let times: Vec<i64> = (0..500).map(|i| START + i * 7_919_333 % 20_000_000_000).collect();
        let mut walking = Reader::new(seed_of("BTC"), 1.0);
        for time in times {
            assert_eq!(walking.at(time), Reader::new(seed_of("BTC"), 1.0).at(time));
        }
    }

    #[test]
    fn the_path_has_no_jumps_where_cells_meet() {
        let mut reader = Reader::new(seed_of("ETH"), 1.0);
        for bits in LEAF_BITS..=TOP_BITS {
            let border = (START >> bits) << bits;
            let (before, at) = (reader.at(border - 1), reader.at(border));
            assert!((before.log - at.log).abs() < 1e-3, "2^{bits} ms: {before:?} {at:?}");
            assert!((at.activity - before.activity).abs() < 1e-3, "2^{bits} ms");
        }
    }

    #[test]
    fn the_range_holds_every_point_and_is_not_wider() {
        let mut reader = Reader::new(seed_of("SOL"), 1.0);
        for (from, length) in
            [(START + 777, 60_000), (START, 3_600_000), ((1 << TOP_BITS) * 99 - 5_000_001, 9_999_999)]
        {
            let Stretch { low, high, .. } = reader.range(from, from + length);
            // Within a shortest cell the path is straight, so its extremes are at borders of cells.
            let border = 1 << LEAF_BITS;
            let inner = (from / border + 1..=(from + length) / border).map(|i| i * border);
            let logs: Vec<f64> =
                [from, from + length].into_iter().chain(inner).map(|t| reader.at(t).log).collect();
            let least = logs.iter().copied().fold(f64::MAX, f64::min);
            let most = logs.iter().copied().fold(f64::MIN, f64::max);
            assert!(
                low >= least && high <= most && low - least < 1e-4 && most - high < 1e-4,
                "{low} {least} {high} {most}"
            );
        }
    }

    #[test]
    fn activity_never_falls_and_keeps_its_mean() {
        let mut reader = Reader::new(seed_of("XRP"), 1.0);
        let points: Vec<f64> = (0..5_000).map(|i| reader.at(START + i * 1_000_000).activity).collect();
        assert!(points.windows(2).all(|pair| pair[1] > pair[0]));
        let cells = 10;
        let (from, to) = (reader.at(0).activity, reader.at(cells << TOP_BITS).activity);
        assert!((to - from - cells as f64).abs() < 1e-9);
    }
}
