//! From prices to pixels, and the round prices worth a label.
//!
//! Only the four basic operations and rounding are used: they give the same bits natively and in wasm, which
//! logarithms and powers of a maths library do not promise.

/// A linear map of prices to rows of pixels, higher prices further up.
#[derive(Clone, Copy, Debug)]
pub struct PriceScale {
    low: f64,
    high: f64,
    top: i32,
    bottom: i32,
    /// The lowest price.
    floor: f64,
}

/// Round prices with as many decimals as their step needs.
#[derive(Clone, Debug)]
pub struct Ticks {
    /// Ascending.
    pub values: Vec<f64>,
    /// Decimals of each label.
    pub decimals: usize,
}

/// The narrowest span, relative to the prices: below it labels would differ only in digits that `f64` does not hold.
const MIN_RELATIVE_SPAN: f64 = 1e-6;
/// The span when all prices are 0, which have no magnitude that it could be relative to.
const ZERO_SPAN: f64 = 2.0;

impl PriceScale {
    /// A scale with `low` at the row `bottom` and `high` at `top`. Equal prices get the middle.
    #[must_use]
    pub fn fit(low: f64, high: f64, top: i32, bottom: i32) -> Self {
        let magnitude = low.abs().max(high.abs());
        let flat = high <= low;
        // A flat line is shown with one percent of air; anything else with as much as it needs.
        let least = if magnitude > 0.0 {
            // Below the least normal number a division by the span would overflow.
            (magnitude * if flat { 0.02 } else { MIN_RELATIVE_SPAN }).max(f64::MIN_POSITIVE)
        } else {
            ZERO_SPAN
        };
        let air = ((least - (high - low)) / 2.0).max(0.0);
        Self { low: low - air, high: high + air, top, bottom: bottom.max(top + 1), floor: low }
    }

    /// The row of a price; the scale goes on beyond its ends.
    #[must_use]
    pub fn y(&self, price: f64) -> i32 {
        let share = (self.high - price) / (self.high - self.low);
        // The cast saturates, and takes no number as 0.
        (f64::from(self.top) + share * f64::from(self.bottom - self.top)).round() as i32
    }

    /// The price at a row.
    #[must_use]
    pub fn price(&self, y: i32) -> f64 {
        let share = f64::from(y - self.top) / f64::from(self.bottom - self.top);
        self.high - share * (self.high - self.low)
    }

    /// Whether a label may name this price: no price of a scale of positive prices is negative or zero.
    #[must_use]
    pub fn can_name(&self, price: f64) -> bool {
        price > 0.0 || self.floor < 0.0 || (price == 0.0 && self.floor == 0.0)
    }

    /// Round prices between the rows `upper` and `lower`, at least `gap` px apart where there is
    /// room for more than one. They are prices that an instrument of so many decimals can have, unless none of those lies
    /// between the rows. Their labels have at least these decimals.
    #[must_use]
    pub fn ticks(&self, upper: i32, lower: i32, gap: u32, decimals: u8) -> Ticks {
        let (low, high) = (self.price(lower), self.price(upper));
        // Steps at most double, so with room for two at least one falls inside.
        let most = (f64::from((lower - upper).max(0)) / f64::from(gap.max(1))).max(2.0);
        let raw = (high - low) / most;
        let with_step = |step: Step| {
            let unit = step.value(1.0);
            let first = (low / unit).ceil();
            let last = (high / unit).floor();
            let count = (last - first + 1.0).clamp(0.0, most + 2.0) as u32;
            let values = (0..count).map(|i| step.value(first + f64::from(i)));
            let values: Vec<f64> = values.filter(|value| self.can_name(*value)).collect();
            Ticks { values, decimals: step.decimals().max(usize::from(decimals)) }
        };
        let tick_size = Step { tenths: 10.0, exponent: -i32::from(decimals) };
        let possible = with_step(Step::at_least(raw.max(tick_size.value(1.0))));
        if possible.values.is_empty() { with_step(Step::at_least(raw)) } else { possible }
    }
}

/// A step of 1, 2, 2.5 or 5 times a power of ten.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Step {
    /// Ten times the leading figure: 10, 20, 25 or 50.
    tenths: f64,
    exponent: i32,
}

impl Step {
    /// The smallest step that is not below `raw`.
    fn at_least(raw: f64) -> Self {
        // The least price is 1e-12, and a span may be a millionth of it.
        const MIN_EXPONENT: i32 = -24;
        const MAX_EXPONENT: i32 = 18;
        let mut exponent = MIN_EXPONENT;
        loop {
            for tenths in [10.0, 20.0, 25.0, 50.0] {
                let step = Self { tenths, exponent };
                if step.value(1.0) >= raw || exponent >= MAX_EXPONENT {
                    return step;
                }
            }
            exponent += 1;
        }
    }

    /// `count` steps. One multiplication by an exact integer and one correctly rounded division: 3 × 0.1 is 0.3.
    fn value(self, count: f64) -> f64 {
        let shift = self.exponent - 1;
        let mut power = 1.0;
        for _ in 0..shift.abs() {
            power *= 10.0;
        }
        if shift < 0 { count * self.tenths / power } else { count * self.tenths * power }
    }

    fn decimals(self) -> usize {
        let extra = i32::from(self.tenths == 25.0);
        usize::try_from(extra - self.exponent).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_ends_to_ends_and_upside_down() {
        let scale = PriceScale::fit(100.0, 200.0, 10, 110);
        assert_eq!([200.0, 150.0, 100.0].map(|p| scale.y(p)), [10, 60, 110]);
        assert!((scale.price(60) - 150.0).abs() < 1e-9);
    }

    #[test]
    fn equal_prices_lie_in_the_middle() {
        for price in [0.0, 1e-5, 143.78, 1e9, -3.0] {
            let scale = PriceScale::fit(price, price, 0, 100);
            assert_eq!(scale.y(price), 50, "{price}");
            assert!(!scale.ticks(0, 100, 40, 2).values.is_empty(), "{price}");
        }
    }

    #[test]
    fn steps_are_round_at_every_magnitude() {
        let shown = |low, high| {
            let ticks = PriceScale::fit(low, high, 0, 400).ticks(0, 400, 44, 13);
            assert_eq!(ticks.decimals, 13, "no fewer than those of the instrument");
            let texts = ticks.values.iter().map(|v| {
                let text = format!("{v:.13}");
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            });
            texts.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(shown(130.0, 150.0), "130 132.5 135 137.5 140 142.5 145 147.5 150");
        assert_eq!(shown(0.285, 0.375), "0.29 0.3 0.31 0.32 0.33 0.34 0.35 0.36 0.37");
        assert_eq!(shown(0.000_010_1, 0.000_012_7), "0.0000105 0.000011 0.0000115 0.000012 0.0000125");
        assert_eq!(shown(3_100.0, 19_800.0), "4000 6000 8000 10000 12000 14000 16000 18000");
        assert_eq!(
            shown(1.0e9, 3.0e9),
            "1000000000 1250000000 1500000000 1750000000 2000000000 2250000000 2500000000 2750000000 3000000000"
        );
    }

    #[test]
    fn ticks_keep_their_distance() {
        for span in [0.013, 0.7, 1.0, 19.0, 33.0, 470.0, 8.8e5] {
            for height in [90, 200, 431] {
                let scale = PriceScale::fit(50.0, 50.0 + span, 0, height);
                let ticks = scale.ticks(0, height, 40, 3);
                assert!(!ticks.values.is_empty(), "{span} {height}");
                for pair in ticks.values.windows(2) {
                    assert!(scale.y(pair[0]) - scale.y(pair[1]) >= 39, "{span} {height} {pair:?}");
                }
            }
        }
    }

    #[test]
    fn prices_of_any_size_fill_the_rows() {
        let mut price = 1e-12;
        while price <= 1e15 {
            let (low, high) = (price, price * 1.08);
            let scale = PriceScale::fit(low, high, 36, 400);
            assert_eq!((scale.y(high), scale.y(low)), (36, 400), "{price}");
            let ticks = scale.ticks(10, 410, 40, 16);
            let labels: Vec<String> =
                ticks.values.iter().map(|v| format!("{v:.*}", ticks.decimals)).collect();
            let mut apart = labels.clone();
            apart.dedup();
            assert!(labels.len() > 3 && apart == labels, "{price}: {labels:?}");
            assert!(ticks.values.iter().all(|v| *v > 0.0), "{price}: {labels:?}");
            price *= 10.0;
        }
    }

    #[test]
    fn labels_are_prices_that_the_instrument_can_have() {
        let shown = |low, high, decimals| {
            let ticks = PriceScale::fit(low, high, 0, 400).ticks(0, 400, 40, decimals);
            ticks.values.iter().map(|v| format!("{v:.*}", ticks.decimals)).collect::<Vec<_>>()
        };
        assert_eq!(shown(0.99, 1.01, 2), ["0.99", "1.00", "1.01"]);
        assert_eq!(shown(3_888.0, 3_889.0, 1).first().map(String::as_str), Some("3888.0"));
        assert_eq!(shown(3_888.0, 3_988.0, 1).last().map(String::as_str), Some("3980.0"));
        // Prices that are recorded more exactly than their decimals say keep their labels.
        assert!(!shown(1.001, 1.002, 2).is_empty());
    }

    #[test]
    fn positive_prices_have_no_label_of_zero_or_less() {
        let scale = PriceScale::fit(0.001, 1.0, 36, 400);
        assert!(scale.price(410) < 0.0);
        assert!(scale.ticks(10, 410, 40, 3).values.iter().all(|v| *v > 0.0));
        assert!(!scale.can_name(-0.01) && !scale.can_name(0.0) && scale.can_name(0.001));
        assert!(PriceScale::fit(0.0, 0.0, 36, 400).can_name(0.0));
        assert!(PriceScale::fit(-1.0, 1.0, 36, 400).can_name(-0.5));
    }
}
