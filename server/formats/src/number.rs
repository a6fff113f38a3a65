//! Numbers of a candle, and what must hold between them.

use model::Candle;

use crate::{error::shown, length::BarLength};

/// Above this a number is no market's, and its sums no longer fit an exact decimal.
const LARGEST: f64 = 1e20;
/// Below this a price is no market's either: it vanishes in an exact decimal, and a change from it is no number.
const SMALLEST_PRICE: f64 = 1e-12;

/// Reads a price or a volume.
pub(crate) fn number(name: &str, text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| format!("{name} {} is not a number", shown(text)))?;
    if !number.is_finite() {
        return Err(format!("{name} {} is not finite", shown(text)));
    }
    if number < 0.0 {
        return Err(format!("{name} {number} is negative"));
    }
    if number > LARGEST {
        return Err(format!("{name} {number:e} is over {LARGEST:e}"));
    }
    // -0 becomes 0: nobody wants to read a volume of -0.
    Ok(number + 0.0)
}

/// Checks that a candle starts where bars of this length do, and its numbers.
pub(crate) fn check(candle: &Candle, length: BarLength) -> Result<(), String> {
    let time = candle.open_time;
    let starts = match length {
        BarLength::Stored(interval) => interval.bucket(time) == time,
        // They all divide a day.
        other => other.ms().is_some_and(|ms| time % ms == 0),
    };
    if !starts {
        return Err(format!("open_time {time} is not the start of a {length} candle"));
    }
    check_numbers(candle)
}

/// What must hold between the numbers of a candle, none of which is negative.
pub(crate) fn check_numbers(candle: &Candle) -> Result<(), String> {
    let Candle { open, high, low, close, volume, .. } = *candle;
    for (name, price) in [("open", open), ("high", high), ("low", low), ("close", close)] {
        if price == 0.0 {
            return Err(format!("{name} is zero"));
        }
        if price < SMALLEST_PRICE {
            return Err(format!("{name} {price:e} is under {SMALLEST_PRICE:e}"));
        }
    }
    if high < low {
        return Err(format!("high {high} is below low {low}"));
    }
    for (name, price) in [("open", open), ("close", close)] {
        if !(low..=high).contains(&price) {
            return Err(format!("{name} {price} is outside low {low} to high {high}"));
        }
    }
    // The sum of a candle that was rolled up.
    if volume > LARGEST {
        return Err(format!("volume {volume:e} is over {LARGEST:e}"));
    }
    Ok(())
}
