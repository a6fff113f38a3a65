//! Lines of an export.

use std::fmt::Write;

use bytes::Bytes;
use model::Candle;

use crate::{market::IncompleteCandles, store::MarkedCandle};

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
}

/// The lines of a file: its format, and what becomes of incomplete candles.
#[derive(Clone, Copy, Debug)]
pub struct Lines {
    pub format: Format,
    pub incomplete: IncompleteCandles,
    /// Whether CSV has a column of marks: it has six columns where no candle is incomplete.
    pub has_marks: bool,
}

impl Lines {
    /// What comes before the first candle.
    pub fn header(self) -> &'static str {
        match self.format {
            Format::Csv if self.has_marks => "open_time,open,high,low,close,volume,partial\n",
            Format::Csv => "open_time,open,high,low,close,volume\n",
            Format::Ndjson => "",
        }
    }

    /// Lines of these candles. Numbers are the shortest that read back the same.
    pub fn of(self, candles: &[MarkedCandle]) -> Bytes {
        let length = if self.format == Format::Csv { 64 } else { 112 };
        let mut text = String::with_capacity(candles.len() * length);
        for &MarkedCandle { candle, incomplete } in candles {
            if incomplete && self.incomplete == IncompleteCandles::Omit {
                continue;
            }
            let is_marked = incomplete && self.incomplete == IncompleteCandles::Mark;
            let Candle { open_time, open, high, low, close, volume } = candle;
            // Writing to a string cannot fail.
            let _ = match self.format {
                Format::Csv => {
                    let mark = if !self.has_marks {
                        ""
                    } else if is_marked {
                        ",1"
                    } else {
                        ",0"
                    };
                    writeln!(text, "{open_time},{open},{high},{low},{close},{volume}{mark}")
                }
                // Finite numbers as Rust writes them are JSON; the store holds no others.
                Format::Ndjson => {
                    let mark = if is_marked { ",\"partial\":true" } else { "" };
                    writeln!(
                        text,
                        "{{\"open_time\":{open_time},\"open\":{open},\"high\":{high},\"low\":{low},\
                         \"close\":{close},\"volume\":{volume}{mark}}}"
                    )
                }
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
        let lines = |format| Lines { format, incomplete: IncompleteCandles::Mark, has_marks: false };
        let line = lines(Format::Ndjson).of(&[candle.into()]);
        let read: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(read["open"].as_f64(), Some(1e-9));
        assert_eq!(read["high"].as_f64(), Some(1e21));
        assert_eq!(read["volume"].as_f64(), Some(1.0 / 3.0));
        assert_eq!(read["open_time"].as_i64(), Some(5));
        let line = String::from_utf8(lines(Format::Csv).of(&[candle.into()]).to_vec()).unwrap();
        let fields: Vec<f64> = line.trim().split(',').map(|field| field.parse().unwrap()).collect();
        assert_eq!(fields, [5.0, 1e-9, 1e21, 0.1, 3.0, 1.0 / 3.0]);
    }
    #[test]
    fn incomplete_candles_are_marked_left_out_or_kept() {
        let candle = Candle { open_time: 5, open: 1.0, high: 1.0, low: 1.0, close: 1.0, volume: 2.0 };
        let candles = [candle.into(), MarkedCandle { candle, incomplete: true }];
        let text = |format, incomplete, has_marks| {
            let lines = Lines { format, incomplete, has_marks };
            lines.header().to_owned() + std::str::from_utf8(&lines.of(&candles)).unwrap()
        };
        let names = "open_time,open,high,low,close,volume";
        let line = "5,1,1,1,1,2";
        let csv = |incomplete, has_marks| text(Format::Csv, incomplete, has_marks);
        let marked = format!("{names},partial\n{line},0\n{line},1\n");
        assert_eq!(csv(IncompleteCandles::Mark, true), marked);
        assert_eq!(csv(IncompleteCandles::Omit, false), format!("{names}\n{line}\n"));
        assert_eq!(csv(IncompleteCandles::Keep, false), format!("{names}\n{line}\n{line}\n"));
        let json = |incomplete| text(Format::Ndjson, incomplete, false);
        let marks = |text: String| -> Vec<Option<bool>> {
            let mark = |line| serde_json::from_str::<serde_json::Value>(line).unwrap()["partial"].as_bool();
            text.lines().map(mark).collect()
        };
        assert_eq!(marks(json(IncompleteCandles::Mark)), [None, Some(true)]);
        assert_eq!(marks(json(IncompleteCandles::Omit)), [None]);
        assert_eq!(marks(json(IncompleteCandles::Keep)), [None, None]);
    }
}
