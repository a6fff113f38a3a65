//! The sample layout: a header line, then `open_time,open,high,low,close,volume` with Unix ms.

use model::Candle;

use crate::{
    number::number,
    time::{in_range, whole},
};

/// The first line.
pub(crate) const HEADER: &str = "open_time,open,high,low,close,volume";

/// Whether this is the header line of the layout.
pub(crate) fn is_header(line: &str) -> bool {
    let mut names = line.split(',').map(str::trim);
    let same =
        HEADER.split(',').all(|name| names.next().is_some_and(|found| found.eq_ignore_ascii_case(name)));
    same && names.next().is_none()
}

/// Reads a line; what must hold between its numbers is not checked yet.
///
/// # Errors
/// Why it makes no candle.
pub(crate) fn parse(line: &str) -> Result<Candle, String> {
    let [time, open, high, low, close, volume] = fields(line)?;
    Ok(Candle {
        open_time: in_range("open_time", whole("open_time", time)?)?,
        open: number("open", open)?,
        high: number("high", high)?,
        low: number("low", low)?,
        close: number("close", close)?,
        volume: number("volume", volume)?,
    })
}

/// The fields of a line, trimmed, exactly so many.
pub(crate) fn fields<const N: usize>(line: &str) -> Result<[&str; N], String> {
    let mut fields = [""; N];
    let mut count = 0;
    for field in line.split(',') {
        if let Some(place) = fields.get_mut(count) {
            *place = field.trim();
        }
        count += 1;
    }
    if count == N { Ok(fields) } else { Err(format!("has {count} fields, not {N}")) }
}

#[cfg(test)]
mod tests {
    use model::Interval;

    use super::*;
    use crate::number::check;

    #[test]
    fn reads_a_line() {
        let candle = parse("1506816000000,4367.1,4387.5,4365.0,4386.3,755.5217587").unwrap();
        let expected = Candle {
            open_time: 1_506_816_000_000,
            open: 4367.1,
            high: 4387.5,
            low: 4365.0,
            close: 4386.3,
            volume: 755.5217587,
        };
        assert_eq!(candle, expected);
        assert!(parse(" 0 , 1 , 1 , 1 , 1 , 0 ").is_ok(), "an idle bar, with spaces");
        assert!(parse("0,1,1,1,1,-0").unwrap().volume.is_sign_positive());
    }

    #[test]
    fn knows_its_header() {
        assert!(is_header(HEADER));
        assert!(is_header("Open_Time, Open,High,Low,Close,Volume"));
        for other in ["", "open_time,open,close,high,low,volume", "1506816000000,1,1,1,1,1", "a,b"] {
            assert!(!is_header(other), "{other}");
        }
        assert!(!is_header(&format!("{HEADER},more")));
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
            let error = parse(line).and_then(|candle| check(&candle, Interval::M1.into())).unwrap_err();
            assert_eq!(error, reason, "{line}");
        }
    }
}
