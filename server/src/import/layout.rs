//! The sample layout: a header line, then `open_time,open,high,low,close,volume` with Unix ms.

use model::{Candle, Interval};

/// The first line.
pub(super) const HEADER: &str = "open_time,open,high,low,close,volume";

/// Above this a number is no market's, and its sums no longer fit an exact decimal.
const LARGEST: f64 = 1e20;
/// Below this a price is no market's either: it vanishes in an exact decimal, and a change from it is no number.
const SMALLEST_PRICE: f64 = 1e-12;
/// 9999-12-31 and a bit: a time in microseconds falls beyond.
const LAST_TIME_MS: i64 = 253_402_300_800_000;

/// Whether this is the header line of the layout.
pub(super) fn is_header(line: &str) -> bool {
    let line = line.strip_prefix('\u{feff}').unwrap_or(line);
    let names: Vec<_> = line.split(',').map(|name| name.trim().to_ascii_lowercase()).collect();
    names.join(",") == HEADER
}

/// Reads a line of the layout.
///
/// # Errors
/// Why it makes no candle.
pub(super) fn parse(line: &str, interval: Interval) -> Result<Candle, String> {
    let mut fields = [""; 6];
    let mut count = 0;
    for field in line.split(',') {
        if let Some(place) = fields.get_mut(count) {
            *place = field.trim();
        }
        count += 1;
    }
    if count != fields.len() {
        return Err(format!("has {count} fields, not {}", fields.len()));
    }
    let [time, open, high, low, close, volume] = fields;
    let open_time: i64 =
        time.parse().map_err(|_| format!("open_time {} is not a whole number", shown(time)))?;
    if !(0..LAST_TIME_MS).contains(&open_time) {
        return Err(format!("open_time {open_time} is not in milliseconds between 1970 and 9999"));
    }
    let candle = Candle {
        open_time,
        open: number("open", open)?,
        high: number("high", high)?,
        low: number("low", low)?,
        close: number("close", close)?,
        volume: number("volume", volume)?,
    };
    if interval.bucket(open_time) != open_time {
        return Err(format!("open_time {open_time} is not the start of a {interval} candle"));
    }
    check(&candle)?;
    Ok(candle)
}

fn number(name: &str, text: &str) -> Result<f64, String> {
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
    Ok(number)
}

/// What must hold between the numbers of a candle, none of which is negative.
fn check(candle: &Candle) -> Result<(), String> {
    let Candle { open, high, low, close, .. } = *candle;
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
    Ok(())
}

/// The text of a field in a message: quoted, control characters escaped, not too long.
fn shown(field: &str) -> String {
    format!("{:?}", field.chars().take(40).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_line() {
        let candle = parse("1506816000000,4367.1,4387.5,4365.0,4386.3,755.5217587", Interval::M30).unwrap();
        let expected = Candle {
            open_time: 1_506_816_000_000,
            open: 4367.1,
            high: 4387.5,
            low: 4365.0,
            close: 4386.3,
            volume: 755.5217587,
        };
        assert_eq!(candle, expected);
        assert!(parse(" 0 , 1 , 1 , 1 , 1 , 0 ", Interval::D1).is_ok(), "an idle bar, with spaces");
    }

    #[test]
    fn knows_its_header() {
        assert!(is_header(HEADER));
        assert!(is_header("\u{feff}Open_Time, Open,High,Low,Close,Volume"));
        for other in ["", "open_time,open,close,high,low,volume", "1506816000000,1,1,1,1,1", "a,b"] {
            assert!(!is_header(other), "{other}");
        }
    }

    #[test]
    fn says_why_a_line_makes_no_candle() {
        let cases = [
            ("0,1,1,1,1", "has 5 fields, not 6"),
            ("0,1,1,1,1,1,1", "has 7 fields, not 6"),
            ("x,1,1,1,1,1", "open_time \"x\" is not a whole number"),
            ("1.5,1,1,1,1,1", "open_time \"1.5\" is not a whole number"),
            ("-60000,1,1,1,1,1", "open_time -60000 is not in milliseconds between 1970 and 9999"),
            (
                "1506816000000000,1,1,1,1,1",
                "open_time 1506816000000000 is not in milliseconds between 1970 and 9999",
            ),
            ("1,1,1,1,1,1", "open_time 1 is not the start of a 1m candle"),
            ("0,1,?,1,1,1", "high \"?\" is not a number"),
            ("0,,1,1,1,1", "open \"\" is not a number"),
            ("0,1,1,1,NaN,1", "close \"NaN\" is not finite"),
            ("0,1,inf,1,1,1", "high \"inf\" is not finite"),
            ("0,1,1e999,1,1,1", "high \"1e999\" is not finite"),
            ("0,1,1,1,1,-2", "volume -2 is negative"),
            ("0,1,1,-1,1,1", "low -1 is negative"),
            ("0,1,1,0,1,1", "low is zero"),
            ("0,1,1e21,1,1,1", "high 1e21 is over 1e20"),
            ("0,1e-300,1,1e-300,1,1", "open 1e-300 is under 1e-12"),
            ("0,1,1,9e-13,1,1", "low 9e-13 is under 1e-12"),
            ("0,1,1,2,1,1", "high 1 is below low 2"),
            ("0,9,3,1,2,1", "open 9 is outside low 1 to high 3"),
            ("0,2,3,1,0.5,1", "close 0.5 is outside low 1 to high 3"),
        ];
        for (line, reason) in cases {
            assert_eq!(parse(line, Interval::M1).unwrap_err(), reason, "{line}");
        }
    }
}
