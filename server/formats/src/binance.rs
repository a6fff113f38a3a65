//! Klines as Binance Vision publishes them, <https://github.com/binance/binance-public-data>: 12 columns, the times in
//! milliseconds, for spot since 2025-01-01 in microseconds.

use model::{Candle, UnixMs};

use crate::{
    length::BarLength,
    number::number,
    tidemark::fields,
    time::{MILLISECONDS_BELOW, from_micros, in_range, whole},
};

/// The header that some of the files have.
pub(crate) const HEADER: &str = "open_time,open,high,low,close,volume,close_time,quote_volume,count,\
                                 taker_buy_volume,taker_buy_quote_volume,ignore";
const COLUMNS: usize = 12;

/// Whether this is the header line of the layout; the names of the columns differ between the markets.
pub(crate) fn is_header(line: &str) -> bool {
    fields::<COLUMNS>(line).is_ok_and(|[time, open, ..]| {
        let time = time.to_ascii_lowercase().replace([' ', '_'], "");
        time == "opentime" && open.eq_ignore_ascii_case("open")
    })
}

/// Whether this looks like a line of the layout.
pub(crate) fn is_row(line: &str) -> bool {
    fields::<COLUMNS>(line)
        .is_ok_and(|[time, ..]| !time.is_empty() && time.bytes().all(|b| b.is_ascii_digit()))
}

/// Reads a line; what must hold between its numbers is not checked yet.
///
/// # Errors
/// Why it makes no candle of this length.
pub(crate) fn parse(line: &str, length: BarLength) -> Result<Candle, String> {
    let [open_time, open, high, low, close, volume, close_time, ..] = fields::<COLUMNS>(line)?;
    let open_time = time("open_time", open_time)?;
    let candle = Candle {
        open_time,
        open: number("open", open)?,
        high: number("high", high)?,
        low: number("low", low)?,
        close: number("close", close)?,
        volume: number("volume", volume)?,
    };
    check_length(open_time, close_time, length)?;
    Ok(candle)
}

/// The open time alone, if it is one.
pub(crate) fn open_time(line: &str) -> Option<UnixMs> {
    time("open_time", fields::<COLUMNS>(line).ok()?[0]).ok()
}

/// Milliseconds or microseconds, told apart by their size.
fn time(name: &str, text: &str) -> Result<UnixMs, String> {
    match whole(name, text)? {
        n if n < MILLISECONDS_BELOW => in_range(name, n),
        n => from_micros(name, n),
    }
}

/// Bars that ended early, as some did when the exchange stood still, are taken; those of another length are not.
fn check_length(open_time: UnixMs, close_time: &str, length: BarLength) -> Result<(), String> {
    let close = whole("close_time", close_time)?;
    // The last millisecond or microsecond of the bar.
    let end =
        if close < MILLISECONDS_BELOW { close.saturating_add(1) } else { (close / 1000).saturating_add(1) };
    let took = end.saturating_sub(open_time);
    let Some(ms) = length.ms() else { return Ok(()) };
    if took == ms {
        return Ok(());
    }
    if took < 0 {
        return Err(format!("close_time {close_time} is before open_time"));
    }
    match BarLength::from_ms(took) {
        Some(other) => Err(format!("close_time {close_time} makes it a {other} candle, not {length}")),
        None if took > ms => Err(format!("close_time {close_time} is past the end of a {length} candle")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use model::Interval;

    use super::*;
    use crate::number::check;

    const HOUR: BarLength = BarLength::Stored(Interval::H1);
    const TAIL: &str = ",7,3,2,3,0";

    #[test]
    fn reads_both_kinds_of_times() {
        let expected =
            Candle { open_time: 1_735_689_600_000, open: 1.5, high: 2.5, low: 1.0, close: 2.0, volume: 0.25 };
        let millis = format!("1735689600000,1.5,2.5,1.0,2.0,0.25,1735693199999{TAIL}");
        let micros = format!("1735689600000000,1.5,2.5,1.0,2.0,0.25,1735693199999999{TAIL}");
        assert_eq!(parse(&millis, HOUR), Ok(expected));
        assert_eq!(parse(&micros, HOUR), Ok(expected));
        assert_eq!(open_time(&micros), Some(expected.open_time));
        // A bar that the exchange cut short.
        let cut = format!("1735689600000,1.5,2.5,1.0,2.0,0.25,1735692000123{TAIL}");
        assert_eq!(parse(&cut, HOUR), Ok(expected));
    }

    #[test]
    fn knows_its_lines() {
        assert!(is_header(HEADER));
        assert!(is_header("Open time,Open,High,Low,Close,Volume,Close time,a,b,c,d,Ignore"));
        assert!(!is_header("open_time,open,high,low,close,volume"));
        assert!(is_row("1,a,b,c,d,e,f,g,h,i,j,k"));
        assert!(!is_row(HEADER) && !is_row("1,2,3,4,5,6"));
    }

    #[test]
    fn says_why_a_line_makes_no_candle() {
        let cases = [
            ("0,1,1,1,1,1", "has 6 fields, not 12"),
            ("x,1,1,1,1,1,3599999", "open_time \"x\" is not a whole number"),
            ("-1,1,1,1,1,1,3599999", "open_time -1 is not in milliseconds between 1970 and 9999"),
            ("1735689600000001,1,1,1,1,1,0", "open_time 1735689600000001 is no whole number of milliseconds"),
            (
                "999999999999999000,1,1,1,1,1,0",
                "open_time 999999999999999000 is not in milliseconds or microseconds between 1970 and 9999",
            ),
            ("60000,1,1,1,1,1,3659999", "open_time 60000 is not the start of a 1h candle"),
            ("0,1,?,1,1,1,3599999", "high \"?\" is not a number"),
            ("0,1,1,1,1,NaN,3599999", "volume \"NaN\" is not finite"),
            ("0,1,1,1,1,1,soon", "close_time \"soon\" is not a whole number"),
            ("0,1,1,1,1,1,59999", "close_time 59999 makes it a 1m candle, not 1h"),
            ("0,1,1,1,1,1,86399999", "close_time 86399999 makes it a 1d candle, not 1h"),
            ("0,1,1,1,1,1,3600999", "close_time 3600999 is past the end of a 1h candle"),
            ("3600000,1,1,1,1,1,59999", "close_time 59999 is before open_time"),
            ("0,1,1,2,1,1,3599999", "high 1 is below low 2"),
        ];
        for (line, reason) in cases {
            let line = if line.split(',').count() == 7 { format!("{line}{TAIL}") } else { line.to_owned() };
            let error = parse(&line, HOUR).and_then(|candle| check(&candle, HOUR)).unwrap_err();
            assert_eq!(error, reason, "{line}");
        }
    }
}
