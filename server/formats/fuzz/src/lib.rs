//! What the targets share.

use std::io::Cursor;

use candle_files::{BarLength, CandleReader, CandleWriter, FileError, Format, Given, Input};
use model::Candle;

/// Reads a file whole. What must hold of every candle is checked here.
pub fn read(name: &str, bytes: &[u8], given: &Given) -> Result<(CandleReader, Vec<Candle>), FileError> {
    let input = Input::from_reader(Cursor::new(bytes.to_vec()), Some(bytes.len() as u64))?;
    let mut reader = CandleReader::new(input, name, given)?;
    let interval = reader.heading().interval;
    let mut candles = Vec::new();
    while let Some(row) = reader.next_row()? {
        let Ok(row) = row else { continue };
        let candle = row.candle;
        let Candle { open_time, open, high, low, close, volume } = candle;
        assert_eq!(interval.bucket(open_time), open_time);
        assert!(low > 0.0 && low <= open && open <= high && low <= close && close <= high);
        assert!((0.0..=1e20).contains(&volume));
        candles.push(candle);
    }
    // Of a repeated candle the later line stands.
    candles.reverse();
    candles.sort_by_key(|candle| candle.open_time);
    candles.dedup_by_key(|candle| candle.open_time);
    assert_eq!(candles.len() as u64, reader.summary().candles);
    assert_eq!(reader.nothing().is_some(), candles.is_empty());
    Ok((reader, candles))
}

/// Reads the bytes as this layout, at a length that the first byte chooses; what was read must come back the same when it
/// is written in the layout and read again.
pub fn layout(format: Format, data: &[u8]) {
    let Some((choice, bytes)) = data.split_first() else { return };
    let (_, length) = BarLength::ALL[usize::from(*choice) % BarLength::ALL.len()];
    let given = Given {
        symbol: (choice & 0x80 != 0).then(|| "BTC".parse().expect("a symbol")),
        length: (choice & 0x40 != 0).then_some(length),
        format: Some(format),
        is_forced: choice & 0x20 != 0,
        ..Given::default()
    };
    let Ok((reader, candles)) = read("Gemini_BTCUSD_1h.csv", bytes, &given) else { return };
    let heading = reader.heading();
    let (symbol, interval) = (heading.symbol.clone(), heading.interval);
    let mut writer = CandleWriter::new(Vec::new(), format, symbol.clone(), interval).expect("a vector");
    candles.iter().for_each(|candle| writer.write(candle).expect("a vector"));
    // Beyond the year 5138 seconds, milliseconds and microseconds are not to be told apart.
    if candles.iter().any(|candle| candle.open_time >= 99_999_000_000_000) {
        return;
    }
    let given = Given {
        symbol: Some(symbol),
        length: Some(interval.into()),
        format: Some(format),
        ..Given::default()
    };
    // Without a header, a file of no line is an empty file.
    if candles.is_empty() {
        return;
    }
    let again = read("x", &writer.into_inner(), &given).expect("what was written").1;
    assert_eq!(again, candles);
}
