//! Lines of an export.

use std::fmt::Write;

use bytes::Bytes;
use model::Candle;

/// How candles are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated, with a header: what `tidemark import` reads.
    Csv,
    /// One JSON object a line.
    Ndjson,
}

impl Format {
    /// The format of this name: `csv` or `ndjson`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "csv" => Some(Self::Csv),
            "ndjson" => Some(Self::Ndjson),
            _ => None,
        }
    }

    /// Its name, which is also the end of a file's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
        }
    }

    /// Its media type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Ndjson => "application/x-ndjson",
        }
    }

    /// What comes before the first candle.
    pub fn header(self) -> &'static str {
        match self {
            Self::Csv => "open_time,open,high,low,close,volume\n",
            Self::Ndjson => "",
        }
    }

    /// Lines of these candles. Numbers are the shortest that read back the same.
    pub fn lines(self, candles: &[Candle]) -> Bytes {
        let mut text = String::with_capacity(candles.len() * if self == Self::Csv { 64 } else { 112 });
        for candle in candles {
            let Candle { open_time, open, high, low, close, volume } = candle;
            // Writing to a string cannot fail.
            let _ = match self {
                Self::Csv => writeln!(text, "{open_time},{open},{high},{low},{close},{volume}"),
                // Finite numbers as Rust writes them are JSON; the store holds no others.
                Self::Ndjson => writeln!(
                    text,
                    "{{\"open_time\":{open_time},\"open\":{open},\"high\":{high},\"low\":{low},\"close\":{close},\
                     \"volume\":{volume}}}"
                ),
            };
        }
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back_the_same() {
        let candle = Candle { open_time: 5, open: 1e-9, high: 1e21, low: 0.1, close: 3.0, volume: 1.0 / 3.0 };
        let line = Format::Ndjson.lines(&[candle]);
        let read: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(read["open"].as_f64(), Some(1e-9));
        assert_eq!(read["high"].as_f64(), Some(1e21));
        assert_eq!(read["volume"].as_f64(), Some(1.0 / 3.0));
        assert_eq!(read["open_time"].as_i64(), Some(5));
        let line = String::from_utf8(Format::Csv.lines(&[candle]).to_vec()).unwrap();
        let fields: Vec<f64> = line.trim().split(',').map(|field| field.parse().unwrap()).collect();
        assert_eq!(fields, [5.0, 1e-9, 1e21, 0.1, 3.0, 1.0 / 3.0]);
    }
}
