//! Numbers of a candle, and what must hold between them.

use std::borrow::Cow;

use model::{Candle, UnixMs};

use crate::{error::shown, length::BarLength};

/// Above this a number is no market's, and its sums no longer fit an exact decimal.
const LARGEST: f64 = 1e20;
/// Below this a price is no market's either: it vanishes in an exact decimal, and a change from it is no number.
const SMALLEST_PRICE: f64 = 1e-12;

/// Reads a price or a volume.
pub(crate) fn number(name: &str, text: &str) -> Result<f64, String> {
    let plain = without_thousands(text);
    let number: f64 = plain.parse().map_err(|_| format!("{name} {} is not a number", shown(text)))?;
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

/// A number as spreadsheets show it, `42,283.58`, without its separators of thousands; anything else as it is.
fn without_thousands(text: &str) -> Cow<'_, str> {
    if !text.contains(',') {
        return Cow::Borrowed(text);
    }
    let whole = text.split('.').next().unwrap_or_default();
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or_default();
    let all_digits = |group: &str| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit());
    let fits =
        first.len() <= 3 && all_digits(first) && groups.all(|group| group.len() == 3 && all_digits(group));
    if fits { Cow::Owned(text.replace(',', "")) } else { Cow::Borrowed(text) }
}

/// Whether bars of this length start at this time.
pub(crate) fn is_start(time: UnixMs, length: BarLength) -> bool {
    match length {
        BarLength::Stored(interval) => interval.bucket(time) == time,
        // They all divide a day.
        other => other.ms().is_some_and(|ms| time % ms == 0),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_separators_of_thousands() {
        for (text, value) in
            [("42,283.58", 42_283.58), ("1,174,358,231.77", 1_174_358_231.77), ("1,000", 1000.0)]
        {
            assert_eq!(number("open", text), Ok(value), "{text}");
        }
        for text in ["42,28", "1,2345", ",100", "1,000,", "1,00.5", "0x10", "1_0", "１"] {
            assert!(number("open", text).unwrap_err().contains("is not a number"), "{text}");
        }
    }
}
