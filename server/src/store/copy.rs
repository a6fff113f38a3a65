//! Rows in Postgres' binary COPY format.

use model::Interval;

use super::candles::{MarkedCandle, secs};

/// Postgres' binary COPY format, <https://www.postgresql.org/docs/15/sql-copy.html#id-1.9.3.55.9.4>: a signature, flags, then
/// per row the number of fields and each field's length and big-endian bytes, and -1 at the end.
pub(super) fn copy_bytes(series_id: i64, interval: Interval, candles: &[MarkedCandle]) -> Vec<u8> {
    const ROW: usize = 2 + 9 * 4 + 2 * 8 + 2 * 4 + 5 * 8;
    let mut bytes = Vec::with_capacity(21 + ROW * candles.len());
    bytes.extend_from_slice(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0");
    for marked in candles {
        let candle = marked.candle;
        bytes.extend_from_slice(&9_i16.to_be_bytes());
        field(&mut bytes, series_id.to_be_bytes());
        field(&mut bytes, secs(interval).to_be_bytes());
        field(&mut bytes, candle.open_time.to_be_bytes());
        field(&mut bytes, marked.bars().to_be_bytes());
        for number in [candle.open, candle.high, candle.low, candle.close, candle.volume] {
            field(&mut bytes, number.to_be_bytes());
        }
    }
    bytes.extend_from_slice(&(-1_i16).to_be_bytes());
    bytes
}

fn field<const N: usize>(bytes: &mut Vec<u8>, value: [u8; N]) {
    // Eight bytes at most.
    bytes.extend_from_slice(&[0, 0, 0, N as u8]);
    bytes.extend_from_slice(&value);
}
