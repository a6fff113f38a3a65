//! Numbers as the pages show them. The same on the server and in the browser; no locale of the machine is asked.

use rust_decimal::{Decimal, RoundingStrategy};

use crate::words::Locale;

/// Shown where there is no number.
pub const NO_NUMBER: &str = "–";
/// The typographic minus, as wide as a figure.
const MINUS: char = '\u{2212}';

/// A price with the decimals of its instrument: `4,167.5`, `143.78`, `0.00001235`.
#[must_use]
pub fn price(value: f64, decimals: u8) -> String {
    fixed(value, usize::from(decimals))
}

/// An exact price, rounded like [`price`] but never through a float.
#[must_use]
pub fn price_exact(value: Decimal, decimals: u8) -> String {
    let rounded = value.round_dp_with_strategy(decimals.into(), RoundingStrategy::MidpointAwayFromZero);
    group(&format!("{rounded:.*}", usize::from(decimals)))
}

/// The same of a price that may not be known.
#[must_use]
pub fn price_or_none(value: Option<Decimal>, decimals: u8) -> String {
    value.map_or_else(|| NO_NUMBER.to_owned(), |value| price_exact(value, decimals))
}

/// A number with so many decimals and thousands separators: `1,234.50`.
#[must_use]
pub fn fixed(value: f64, decimals: usize) -> String {
    if value.is_finite() { group(&format!("{value:.decimals$}")) } else { NO_NUMBER.to_owned() }
}

/// A large amount in short: `9.74K`, `231.52M`, `73.43B`, `1.20T`; in Chinese by ten thousands: `9,741.00`, `2.32亿`,
/// `734.30亿`, `1.20万亿`. What even the last of these does not shorten is written `1.50e15`. An amount below 0.1 keeps two figures:
/// `0.0041`; below 0.000001 it is written `4.10e−9`.
#[must_use]
pub fn compact(value: f64, locale: Locale) -> String {
    let (turn, steps): (f64, &[&str]) = match locale {
        // 999.995 and above would round to 1,000.00.
        Locale::En => (999.995, &["K", "M", "B", "T"]),
        Locale::ZhCn => (9_999.995, &["万", "亿", "万亿"]),
    };
    if !value.is_finite() {
        return NO_NUMBER.to_owned();
    }
    if value != 0.0 && value.abs() < SMALL {
        return if value.abs() < TINY { exponential(value) } else { small(value) };
    }
    let step = if locale == Locale::En { 1_000.0 } else { 10_000.0 };
    let mut scaled = value;
    let mut suffix = "";
    for next in steps {
        if scaled.abs() < turn {
            break;
        }
        scaled /= step;
        suffix = next;
    }
    if scaled.abs() < turn {
        return format!("{}{suffix}", fixed(scaled, 2));
    }
    exponential(value)
}

/// `1.25e20`, `−4.10e−9`.
fn exponential(value: f64) -> String {
    format!("{value:.2e}").replace('-', &MINUS.to_string())
}

/// Amounts below this are written with an exponent: no amount is longer than its column is wide.
const TINY: f64 = 1e-6;

/// Amounts below this would lose a figure with two decimals.
const SMALL: f64 = 0.1;

/// A small amount with two figures, and no fewer than two decimals: `0.05`, `0.0041`, `0.004`.
fn small(value: f64) -> String {
    let mut decimals = 2;
    let mut scaled = value.abs() * 10.0;
    while scaled < 0.995 {
        scaled *= 10.0;
        decimals += 1;
    }
    let text = fixed(value, decimals);
    let least = text.len() - (decimals - 2);
    let shown = text.trim_end_matches('0').len().max(least);
    text[..shown].to_owned()
}

/// A length of time in the unit that suits it: `45 min`, `5.5 h`, `3 days`.
#[must_use]
pub fn duration(ms: i64, locale: Locale) -> String {
    let minutes = ms as f64 / 60_000.0;
    let hours = minutes / 60.0;
    let days = hours / 24.0;
    let (number, [english, one, chinese]) = if minutes < 119.5 {
        (minutes.round(), ["min", "min", "分钟"])
    } else if hours < 47.95 {
        (hours, ["h", "h", "小时"])
    } else {
        (days, ["days", "day", "天"])
    };
    let text = fixed(number, 1);
    let text = text.strip_suffix(".0").unwrap_or(&text);
    match locale {
        Locale::En => format!("{text} {}", if text == "1" { one } else { english }),
        Locale::ZhCn => format!("{text} {chinese}"),
    }
}

/// An amount of dollars in short.
#[must_use]
pub fn dollars(value: f64, locale: Locale) -> String {
    if !value.is_finite() {
        return NO_NUMBER.to_owned();
    }
    let text = compact(value, locale);
    text.strip_prefix(MINUS).map_or_else(|| format!("${text}"), |rest| format!("{MINUS}${rest}"))
}

/// A percentage with two decimals: `0.06%`, `−1.25%`. Pass the magnitude where an arrow shows the direction.
#[must_use]
pub fn percent(value: f64) -> String {
    if value.is_finite() { format!("{}%", fixed(value, 2)) } else { NO_NUMBER.to_owned() }
}

/// Bytes in short: `412 B`, `2.1 KiB`, `38.6 MiB`; the units of the settings and of the command line.
#[must_use]
pub fn bytes(count: u64) -> String {
    // 1,023.95 and above would round to 1,024.0.
    const TURN: f64 = 1_023.95;
    if count < 1_024 {
        return format!("{count} B");
    }
    let mut scaled = count as f64 / 1_024.0;
    let mut unit = "KiB";
    for next in ["MiB", "GiB", "TiB"] {
        if scaled < TURN {
            break;
        }
        scaled /= 1_024.0;
        unit = next;
    }
    format!("{} {unit}", fixed(scaled, 1))
}

/// A whole number with thousands separators: `16,384`.
#[must_use]
pub fn count(number: u64) -> String {
    group(&number.to_string())
}

/// Puts separators between thousands, and the sign of a number that did not round to zero before it.
fn group(plain: &str) -> String {
    let (negative, digits) = plain.strip_prefix('-').map_or((false, plain), |rest| (true, rest));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(w, f)| (w, Some(f)));
    let mut out = String::with_capacity(digits.len() + whole.len() / 3 + 3);
    if negative && digits.bytes().any(|b| (b'1'..=b'9').contains(&b)) {
        out.push(MINUS);
    }
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_have_the_decimals_of_their_instrument() {
        let cases = [
            (4167.5, 1, "4,167.5"),
            (1_234_567.891, 2, "1,234,567.89"),
            (3.5931, 4, "3.5931"),
            (1.0, 4, "1.0000"),
            (42_000.0, 0, "42,000"),
            (0.000_000_001_113_32, 14, "0.00000000111332"),
            (-2.5, 2, "−2.50"),
            (f64::NAN, 2, "–"),
            (f64::NEG_INFINITY, 2, "–"),
        ];
        for (value, decimals, shown) in cases {
            assert_eq!(price(value, decimals), shown, "{value}");
        }
    }

    #[test]
    fn exact_prices_look_the_same() {
        for (text, decimals) in [("4167.5", 1), ("0.314", 5), ("0.00001234", 8), ("0", 2), ("1000000", 0)] {
            let exact: Decimal = text.parse().unwrap();
            assert_eq!(price_exact(exact, decimals), price(text.parse().unwrap(), decimals), "{text}");
        }
        assert_eq!(price_exact("2.675".parse().unwrap(), 2), "2.68");
        assert_eq!(
            price_exact("12345678901234567890.125".parse().unwrap(), 2),
            "12,345,678,901,234,567,890.13"
        );
        assert_eq!(price_or_none(None, 2), "–");
    }

    #[test]
    fn amounts_are_short_and_turn_over_in_time() {
        let cases = [
            (0.5, "0.50"),
            (974.123, "974.12"),
            (999.996, "1.00K"),
            (9_741.0, "9.74K"),
            (231_520_000.0, "231.52M"),
            (73.43e9, "73.43B"),
            (1.2e12, "1.20T"),
            (1.5e14, "150.00T"),
            (1.5e15, "1.50e15"),
            (1.5e17, "1.50e17"),
            (0.1, "0.10"),
            (0.05, "0.05"),
            (0.014, "0.014"),
            (0.004, "0.004"),
            (0.004_12, "0.0041"),
            (-0.000_12, "−0.00012"),
            (0.000_001, "0.000001"),
            (0.000_000_999, "9.99e−7"),
            (0.000_001_23, "0.0000012"),
            (0.000_000_010_9, "1.09e−8"),
            (0.009_999, "0.01"),
            (0.0, "0.00"),
            (-5_000.0, "−5.00K"),
            (f64::INFINITY, "–"),
        ];
        for (value, shown) in cases {
            assert_eq!(compact(value, Locale::En), shown, "{value}");
        }
        let cases = [
            (9_741.0, "9,741.00"),
            (9_999.996, "1.00万"),
            (231_520_000.0, "2.32亿"),
            (73.43e9, "734.30亿"),
            (1.2e12, "1.20万亿"),
            (1.5e15, "1,500.00万亿"),
            (1.5e17, "1.50e17"),
            (0.004, "0.004"),
        ];
        for (value, shown) in cases {
            assert_eq!(compact(value, Locale::ZhCn), shown, "{value}");
        }
        assert_eq!(dollars(-1.0, Locale::En), "−$1.00");
        assert_eq!(dollars(f64::NAN, Locale::En), "–");
    }

    #[test]
    fn bytes_and_counts_are_short() {
        let cases = [
            (0, "0 B"),
            (1_023, "1023 B"),
            (2_140, "2.1 KiB"),
            (1_048_570, "1.0 MiB"),
            (64 << 20, "64.0 MiB"),
        ];
        for (value, shown) in cases {
            assert_eq!(bytes(value), shown, "{value}");
        }
        assert_eq!(bytes(u64::MAX), "16,777,216.0 TiB");
        assert_eq!(count(16_384), "16,384");
    }

    #[test]
    fn no_minus_before_zero() {
        assert_eq!(percent(-0.001), "0.00%");
        assert_eq!(percent(-1.254), "−1.25%");
        assert_eq!(percent(0.06), "0.06%");
        assert_eq!(percent(f64::NAN), "–");
    }

    #[test]
    fn durations_have_the_unit_that_suits_them() {
        let cases = [
            (60_000, "1 min"),
            (5_400_000, "90 min"),
            (7_200_000, "2 h"),
            (19_800_000, "5.5 h"),
            (172_800_000, "2 days"),
            (216_000_000, "2.5 days"),
        ];
        for (ms, text) in cases {
            assert_eq!(duration(ms, Locale::En), text);
        }
        assert_eq!(duration(19_800_000, Locale::ZhCn), "5.5 小时");
    }
}
