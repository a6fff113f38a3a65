//! Numbers as people read them.

use std::time::Duration;

use serde_json::Value;

/// Bytes, in the largest unit that leaves a number above one.
pub(super) fn bytes(number: u64) -> String {
    let mut scaled = number as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        // What would round to 1024.0 is one of the next unit.
        if scaled < 1023.95 || (unit == "B" && number < 1024) {
            return if unit == "B" { format!("{number} B") } else { format!("{scaled:.1} {unit}") };
        }
        scaled /= 1024.0;
    }
    format!("{scaled:.1} TiB")
}

/// A time of this many milliseconds: `850 ms`, `4.2 s`, `3 min`, `5 h`, `2 d`.
pub(in crate::cli) fn millis(number: u64) -> String {
    let time = Duration::from_millis(number);
    match time.as_secs() {
        0 => format!("{number} ms"),
        1..=119 => format!("{:.1} s", time.as_secs_f64()),
        seconds @ 120..=7_199 => format!("{} min", seconds / 60),
        seconds @ 7_200..=172_799 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

/// A part of a whole in percent; a dash of nothing.
pub(super) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 { "–".to_owned() } else { format!("{:.1} %", part as f64 / whole as f64 * 100.0) }
}

/// A whole number of a document; 0 where there is none.
pub(super) fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

/// Text of a document as it is, anything else as JSON, nothing as a dash.
pub(super) fn word(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_fitting_units() {
        assert_eq!(
            [0, 1_023, 1_536, (1 << 20) - 1, 3 << 30].map(bytes),
            ["0 B", "1023 B", "1.5 KiB", "1.0 MiB", "3.0 GiB"]
        );
        assert_eq!(
            [999, 4_200, 180_000, 7_200_000, 172_800_000].map(millis),
            ["999 ms", "4.2 s", "3 min", "2 h", "2 d"]
        );
        assert_eq!(percent(1, 4), "25.0 %");
        assert_eq!(percent(0, 0), "–");
    }
}
