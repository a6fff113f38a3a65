//! The three layouts, and which of them a file is of.

use std::{fmt, str::FromStr};

use crate::{FileError, binance, cryptodatadownload::Header, tidemark};

/// A layout of candle files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `open_time,open,high,low,close,volume`, times in Unix milliseconds.
    Tidemark,
    /// Klines as Binance Vision publishes them: 12 columns, with or without a header line.
    Binance,
    /// A banner line, a header line with names, dates or Unix times.
    CryptoDataDownload,
}

impl Format {
    /// All layouts.
    pub const ALL: [Self; 3] = [Self::Tidemark, Self::Binance, Self::CryptoDataDownload];

    /// The name on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tidemark => "tidemark",
            Self::Binance => "binance",
            Self::CryptoDataDownload => "cryptodatadownload",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|format| format.as_str() == text);
        found.ok_or_else(|| format!("is none of {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}

/// How the lines of a file are to be read.
pub(crate) enum Layout {
    Tidemark,
    Binance,
    CryptoDataDownload(Header),
}

impl Layout {
    pub(crate) const fn format(&self) -> Format {
        match self {
            Self::Tidemark => Format::Tidemark,
            Self::Binance => Format::Binance,
            Self::CryptoDataDownload(_) => Format::CryptoDataDownload,
        }
    }
}

/// What stands before the first candle.
pub(crate) struct Start {
    pub layout: Layout,
    /// Lines before the first candle.
    pub skip: usize,
}

/// Finds the layout from the first lines, which `wanted` must fit if it is given. Empty lines before them do not count.
pub(crate) fn detect(lines: &[String], wanted: Option<Format>) -> Result<Start, FileError> {
    let blank = lines.iter().take_while(|line| is_blank(line)).count();
    let Some(first) = lines.get(blank).map(|line| without_mark(line)) else {
        return Err(FileError::Layout("the file is empty".to_owned()));
    };
    let start = |layout, skip| Ok(Start { layout, skip: blank + skip });
    let allows = |format| wanted.is_none_or(|wanted| wanted == format);
    if allows(Format::Tidemark) && tidemark::is_header(first) {
        return start(Layout::Tidemark, 1);
    }
    if allows(Format::Binance) {
        if binance::is_header(first) {
            return start(Layout::Binance, 1);
        }
        if binance::is_row(first) {
            return start(Layout::Binance, 0);
        }
    }
    if allows(Format::CryptoDataDownload) {
        if first.to_ascii_lowercase().contains("cryptodatadownload") {
            let rest = &lines[blank + 1..];
            let blank_after = rest.iter().take_while(|line| is_blank(line)).count();
            let Some(header) = rest.get(blank_after) else {
                return Err(FileError::Layout("there is no header line after the banner".to_owned()));
            };
            return start(Layout::CryptoDataDownload(Header::read(header)?), blank_after + 2);
        }
        match Header::read(first) {
            Ok(header) => return start(Layout::CryptoDataDownload(header), 1),
            // With names of some columns, the missing one is the news.
            Err(error) if wanted.is_some() || Header::resembles(first) => return Err(error),
            Err(_) => {}
        }
    }
    let expected = match wanted {
        Some(Format::Tidemark) => format!("{}, as --format tidemark has it", tidemark::HEADER),
        Some(Format::Binance) => "the 12 columns of --format binance".to_owned(),
        _ => format!("{}, nor 12 columns of Binance, nor a header of CryptoDataDownload", tidemark::HEADER),
    };
    let neither = if wanted.is_some() { "not" } else { "neither" };
    Err(FileError::Layout(format!("the first line is {neither} {expected}")))
}

/// Without the mark that some put at the beginning of a file to say that it is UTF-8.
pub(crate) fn without_mark(line: &str) -> &str {
    line.strip_prefix('\u{feff}').unwrap_or(line)
}

pub(crate) fn is_blank(line: &str) -> bool {
    without_mark(line).trim().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, wanted: Option<Format>) -> Result<(Format, usize), String> {
        let lines: Vec<_> = text.lines().map(str::to_owned).collect();
        let start = detect(&lines, wanted).map_err(|error| error.to_string())?;
        Ok((start.layout.format(), start.skip))
    }

    #[test]
    fn tells_the_layouts_apart() {
        let kline = "1704067200000,1,2,1,2,5,1704070799999,7,3,2,3,0";
        let cases = [
            ("open_time,open,high,low,close,volume", (Format::Tidemark, 1)),
            ("\u{feff}Open_Time, Open,High,Low,Close,Volume", (Format::Tidemark, 1)),
            ("\n \nopen_time,open,high,low,close,volume", (Format::Tidemark, 3)),
            (kline, (Format::Binance, 0)),
            (&format!("\u{feff}{kline}"), (Format::Binance, 0)),
            (
                "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore",
                (Format::Binance, 1),
            ),
            (
                "https://www.CryptoDataDownload.com\nunix,date,symbol,open,high,low,close,Volume BTC,Volume USD",
                (Format::CryptoDataDownload, 2),
            ),
            ("\"# cryptodatadownload\"\n\ndate,open,high,low,close,volume", (Format::CryptoDataDownload, 3)),
            ("Date,Symbol,Open,High,Low,Close,Volume BTC", (Format::CryptoDataDownload, 1)),
            ("timestamp,open,high,low,close,volume", (Format::CryptoDataDownload, 1)),
        ];
        for (text, expected) in cases {
            assert_eq!(found(text, None), Ok(expected), "{text}");
            assert_eq!(found(text, Some(expected.0)), Ok(expected), "{text}");
        }
    }

    #[test]
    fn says_what_the_first_line_lacks() {
        let cases = [
            ("", None, "the file is empty"),
            ("\n \n", None, "the file is empty"),
            (
                "a,b\n1,2",
                None,
                "the first line is neither open_time,open,high,low,close,volume, nor 12 columns of Binance",
            ),
            ("1704067200000,1,2,1,2,5", None, "the first line is neither"),
            ("date,open,high,low,volume", None, "the header has no column close"),
            ("open_time,open,close,high,low,volume", None, "the header has no column of times"),
            ("CryptoDataDownload", None, "no header line after the banner"),
            (
                "a,b",
                Some(Format::Tidemark),
                "the first line is not open_time,open,high,low,close,volume, as --format",
            ),
            ("a,b", Some(Format::Binance), "the first line is not the 12 columns of --format binance"),
            ("a,b", Some(Format::CryptoDataDownload), "the header has no column of times"),
        ];
        for (text, wanted, expected) in cases {
            let error = found(text, wanted).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
