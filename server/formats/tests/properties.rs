//! What holds for any bytes and any candles.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use candle_files::{BarLength, CandleWriter, Format, Given};
use model::{Candle, Interval};
use proptest::{collection::vec, prelude::*};
use support::*;
use zip::CompressionMethod;

/// Seconds are told from milliseconds by their size: up to the year 5138.
const LAST: i64 = 100_000_000_000_000;

fn interval() -> impl Strategy<Value = Interval> {
    prop::sample::select(Interval::ALL.to_vec())
}

/// Prices and volumes over the whole range that is allowed, not round ones.
fn number(smallest_exponent: f64) -> impl Strategy<Value = f64> {
    (smallest_exponent..19.9).prop_map(|exponent| 10_f64.powf(exponent))
}

fn candle(interval: Interval) -> impl Strategy<Value = Candle> {
    let prices = [number(-11.9), number(-11.9), number(-11.9), number(-11.9)];
    let volume = prop_oneof![Just(0.0), number(-30.0)];
    (0..LAST / interval.ms() - 1, prices, volume).prop_map(move |(index, mut prices, volume)| {
        prices.sort_by(f64::total_cmp);
        let [low, open, close, high] = prices;
        Candle {
            open_time: interval.bucket(index * interval.ms() + interval.offset_ms()),
            open,
            high,
            low,
            close,
            volume,
        }
    })
}

fn file() -> impl Strategy<Value = (Interval, Vec<Candle>)> {
    interval().prop_flat_map(|interval| {
        vec(candle(interval), 0..50).prop_map(move |mut candles| {
            candles.sort_by_key(|candle| candle.open_time);
            candles.dedup_by_key(|candle| candle.open_time);
            (interval, candles)
        })
    })
}

/// Bytes that come near a file: real lines, cut and changed.
fn near(format: Format) -> impl Strategy<Value = Vec<u8>> {
    (file(), vec((any::<prop::sample::Index>(), any::<u8>()), 0..20), any::<prop::sample::Index>()).prop_map(
        move |((interval, candles), changes, cut)| {
            let mut bytes = written(format, interval, &candles);
            for (place, byte) in changes {
                let place = place.index(bytes.len());
                bytes[place] = byte;
            }
            bytes.truncate(cut.index(bytes.len()) + 1);
            bytes
        },
    )
}

/// A format that is read as such whatever the bytes.
fn forced(format: Format, interval: Interval) -> Given {
    Given {
        symbol: Some("BTC".parse().unwrap()),
        length: Some(interval.into()),
        format: Some(format),
        is_forced: true,
        ..Given::default()
    }
}

/// What must hold of anything that was read.
fn sane(name: &str, bytes: Vec<u8>, given: &Given) -> Result<(), TestCaseError> {
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
    let Ok(found) = read_as(name, bytes, given) else { return Ok(()) };
    prop_assert!((found.candles.len() + found.rejects.len()) as u64 <= lines);
    for Candle { open_time, open, high, low, close, volume } in found.candles {
        prop_assert_eq!(found.heading.interval.bucket(open_time), open_time);
        prop_assert!(
            low > 0.0 && low <= open && open <= high && low <= close && close <= high && volume >= 0.0
        );
    }
    Ok(())
}

macro_rules! for_each_layout {
    ($($module:ident: $format:expr;)*) => {$(
        mod $module {
            use super::*;

            proptest! {
                #[test]
                fn any_bytes_are_read_without_a_panic(mut bytes in vec(any::<u8>(), 0..3000), interval in interval()) {
                    sane("x", bytes.clone(), &forced($format, interval))?;
                    // Behind a first line that is right.
                    let mut file = written($format, interval, &[]);
                    file.append(&mut bytes);
                    sane("x", file, &forced($format, interval))?;
                }

                #[test]
                fn damaged_files_are_read_without_a_panic(bytes in near($format), interval in interval()) {
                    sane("Gemini_BTCUSD_1h.csv", bytes.clone(), &Given::default())?;
                    sane("x", bytes, &forced($format, interval))?;
                }

                #[test]
                fn what_is_written_reads_back_equal((interval, candles) in file()) {
                    let bytes = written($format, interval, &candles);
                    let found = read(&format!("BTC-USD-{interval}.csv"), bytes.clone()).unwrap();
                    prop_assert_eq!(&found.rejects, &[]);
                    prop_assert_eq!(&found.candles, &candles);
                    prop_assert_eq!(found.heading.format, $format);
                    for packed in [gzip(&bytes), zip(&[("a.csv", &bytes)], CompressionMethod::Deflated)] {
                        let found = read_as("x", packed, &forced($format, interval)).unwrap();
                        prop_assert_eq!(&found.candles, &candles);
                    }
                }
            }
        }
    )*};
}

proptest! {
    #[test]
    fn marks_and_kraken_read_back_equal((interval, candles) in file(), marks in vec(any::<bool>(), 50)) {
        let mut writer = CandleWriter::with_marks(Vec::new(), "BTC".parse().unwrap(), interval).unwrap();
        for (candle, mark) in candles.iter().zip(&marks) {
            writer.write_marked(candle, *mark).unwrap();
        }
        let found = read(&format!("BTC-USD-{interval}.csv"), writer.into_inner()).unwrap();
        prop_assert_eq!(&found.candles, &candles);
        prop_assert_eq!(&found.incomplete[..], &marks[..candles.len()]);
        // A file of no line has no header to be recognized by.
        if !candles.is_empty() {
            let bytes = written(Format::Kraken, interval, &candles);
            let found = read_as("x", bytes, &forced(Format::Kraken, interval)).unwrap();
            prop_assert_eq!(&found.candles, &candles);
        }
    }

    #[test]
    fn json_is_read_without_a_panic(bytes in "[\\[\\]{},:\"0-9a-z \\n.]{0,200}", interval in interval()) {
        for head in ["[[", "{\"open_time\":", "[1,", ""] {
            let given = Given { format: None, ..forced(Format::Binance, interval) };
            sane("x", format!("{head}{bytes}").into_bytes(), &given)?;
        }
    }
}

for_each_layout! {
    tidemark: Format::Tidemark;
    binance: Format::Binance;
    cryptodatadownload: Format::CryptoDataDownload;
}

proptest! {
    #[test]
    fn any_archive_is_read_without_a_panic(bytes in vec(any::<u8>(), 0..300), change in any::<(u16, u8)>()) {
        for head in [&b"PK\x03\x04"[..], b"PK\x05\x06", b"\x1f\x8b\x08"] {
            let _ = read("BTC-USD-1h.csv", [head, &bytes].concat());
        }
        let text = written(Format::Tidemark, Interval::H1, &[]);
        for mut file in [gzip(&text), zip(&[("a", &text)], CompressionMethod::Deflated)] {
            let place = usize::from(change.0) % file.len();
            file[place] = change.1;
            let _ = read("BTC-USD-1h.csv", file);
        }
    }

    #[test]
    fn any_name_is_read_without_a_panic(name in ".{0,60}", parts in "[A-Z]{0,8}[-_][a-z0-9A-Z]{0,5}([-_][0-9a-z]{0,4}){0,3}") {
        for name in [name, parts] {
            let _ = read(&name, written(Format::Tidemark, Interval::H1, &[]));
        }
    }

    #[test]
    fn the_order_of_short_bars_in_a_candle_does_not_matter(
        (candles, order) in vec(candle(Interval::M1), 3).prop_flat_map(|candles| (Just(candles), Just(vec![0, 1, 2]).prop_shuffle()))
    ) {
        let bars: Vec<_> = (0..3).map(|i| Candle { open_time: 28_800_000 * i as i64, ..candles[i] }).collect();
        let given = Given { length: Some("8h".parse::<BarLength>().unwrap()), ..forced(Format::Tidemark, Interval::D1) };
        let straight = read_as("x", written(Format::Tidemark, Interval::D1, &bars), &given).unwrap();
        let mixed: Vec<_> = order.iter().map(|i| bars[*i]).collect();
        let mixed = read_as("x", written(Format::Tidemark, Interval::D1, &mixed), &given).unwrap();
        prop_assert_eq!(straight.candles, mixed.candles);
    }
}
