//! The layouts, and which of them a file is of.

use std::{fmt, str::FromStr};

use crate::{
    FileError,
    columns::{ColumnNames, Header, TIDEMARK},
    json::Json,
    kind::other_separator,
};

/// A layout of candle files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `open_time,open,high,low,close,volume` and perhaps `partial`, times in Unix milliseconds; also as lines of JSON.
    Tidemark,
    /// Klines as Binance Vision publishes them: 12 columns, with or without a header line; also as its API gives them.
    Binance,
    /// Columns with names, in any order: a banner line perhaps, a header line, dates or Unix times.
    CryptoDataDownload,
    /// Kraken's download: 7 columns without a header, times in seconds.
    Kraken,
}

impl Format {
    /// All layouts.
    pub const ALL: [Self; 4] = [Self::Tidemark, Self::Binance, Self::CryptoDataDownload, Self::Kraken];

    /// The name on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tidemark => "tidemark",
            Self::Binance => "binance",
            Self::CryptoDataDownload => "cryptodatadownload",
            Self::Kraken => "kraken",
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

/// What is known of the layout before the first line is looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Known<'k> {
    /// The layout, by the caller.
    pub format: Option<Format>,
    /// The columns of a file without a header, by the caller.
    pub columns: Option<&'k ColumnNames>,
    /// How the file's JSON is laid out, if it is JSON.
    pub json: Option<Json>,
    /// Whether the name is of the form of Kraken's download.
    pub is_kraken: bool,
}

/// What stands before the first candle.
#[derive(Debug)]
pub(crate) struct Start {
    pub header: Header,
    /// Lines before the first candle.
    pub skip: usize,
}

/// Finds the layout from the first lines, which the one that is asked for must fit. Empty lines and comments before them
/// do not count.
pub(crate) fn detect(lines: &[String], known: &Known<'_>) -> Result<Start, FileError> {
    let skipped = lines.iter().take_while(|line| is_blank(line) || is_comment(line)).count();
    let Some(first) = lines.get(skipped).map(|line| without_mark(line)) else {
        return Err(FileError::Layout("the file is empty".to_owned()));
    };
    let wanted = known.format;
    let start = |header, skip| Ok(Start { header, skip: skipped + skip });
    let allows = |format| wanted.is_none_or(|wanted| wanted == format);
    if let Some(json) = known.json {
        let header = if json == Json::Klines { Header::binance() } else { Header::tidemark(true) };
        if allows(header.format()) && known.columns.is_none() {
            return start(header, 0);
        }
        return Err(FileError::Layout("the file is JSON, which no option describes".to_owned()));
    }
    if let Some(columns) = known.columns {
        let has_digits = first.bytes().any(|byte| byte.is_ascii_digit());
        return start(Header::named(columns), usize::from(!has_digits));
    }
    if allows(Format::Tidemark)
        && let Some(header) = Header::read_tidemark(first)
    {
        return start(header, 1);
    }
    if allows(Format::Binance) {
        if Header::is_binance(first) {
            return start(Header::binance(), 1);
        }
        if Header::is_binance_row(first) {
            return start(Header::binance(), 0);
        }
    }
    // Seven numbers may mean anything: the name or the caller has to say that they are Kraken's.
    if (wanted == Some(Format::Kraken) || (wanted.is_none() && known.is_kraken))
        && Header::is_kraken_row(first)
    {
        return start(Header::kraken(), 0);
    }
    if allows(Format::CryptoDataDownload) {
        if first.to_ascii_lowercase().contains("cryptodatadownload") {
            let rest = &lines[skipped + 1..];
            let blank_after = rest.iter().take_while(|line| is_blank(line)).count();
            let Some(header) = rest.get(blank_after) else {
                return Err(FileError::Layout("there is no header line after the banner".to_owned()));
            };
            return start(Header::read(header)?, blank_after + 2);
        }
        match Header::read(first) {
            Ok(header) => return start(header, 1),
            // With names of some columns, the missing one is the news.
            Err(error)
                if other_separator(first).is_none() && (wanted.is_some() || Header::resembles(first)) =>
            {
                return Err(error);
            }
            Err(_) => {}
        }
    }
    Err(unknown(first, wanted))
}

/// The refusal of a first line, which says what it is if that can be seen.
fn unknown(first: &str, wanted: Option<Format>) -> FileError {
    if let Some(separator) = other_separator(first) {
        return FileError::Kind(format!(
            "has {separator} between its fields, not commas; save it with commas as separators"
        ));
    }
    let fields = first.split(',').count();
    let is_numeric = fields >= 6
        && !first.trim().is_empty()
        && first.bytes().all(|b| b.is_ascii_digit() || b", .:-+TZeE/\"".contains(&b));
    if is_numeric && wanted.is_none() {
        return FileError::Layout(format!(
            "there is no header line, and {fields} columns; name them in their order, as --columns \
             time,open,high,low,close,volume,- (- for one that is not needed)"
        ));
    }
    let expected = match wanted {
        Some(Format::Tidemark) => format!("{TIDEMARK}, as --format tidemark has it"),
        Some(Format::Binance) => "the 12 columns of --format binance".to_owned(),
        Some(Format::Kraken) => "the 7 columns of --format kraken".to_owned(),
        _ => format!("{TIDEMARK}, nor 12 columns of Binance, nor a header of CryptoDataDownload"),
    };
    let neither = if wanted.is_some() { "not" } else { "neither" };
    FileError::Layout(format!("the first line is {neither} {expected}"))
}

/// A line that says something to people, or the separator to Excel. Some headers and banners begin with the same mark.
fn is_comment(line: &str) -> bool {
    let line = without_mark(line);
    if line.len() <= 6 && line.starts_with("sep=") {
        return true;
    }
    line.starts_with('#')
        && !line.to_ascii_lowercase().contains("cryptodatadownload")
        && !Header::resembles(line)
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
        let known = Known { format: wanted, ..Known::default() };
        let start = detect(&lines, &known).map_err(|error| error.to_string())?;
        Ok((start.header.format(), start.skip))
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
            ("# comment\n#\nopen_time,open,high,low,close,volume", (Format::Tidemark, 3)),
            ("# date,unix,open,high,low,close,volume usdt,volume", (Format::CryptoDataDownload, 1)),
            (",open_time,open,high,low,close,volume", (Format::Tidemark, 1)),
            ("sep=,\nopen_time,open,high,low,close,volume", (Format::Tidemark, 2)),
            ("open_time,open,high,low,close,volume,partial", (Format::Tidemark, 1)),
            ("\"\",\"date\",\"open\",\"high\",\"low\",\"close\",\"volume\"", (Format::CryptoDataDownload, 1)),
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
            ("1704067200000,1,2,1,2,5", None, "there is no header line, and 6 columns; name them"),
            ("1704067200,1,2,1,2,5,7", None, "there is no header line, and 7 columns; name them"),
            ("time;open;high;low;close;volume", None, "has semicolons between its fields"),
            ("time\topen\thigh\tlow\tclose\tvolume", None, "has tabs between its fields"),
            ("a,b", Some(Format::Kraken), "the first line is not the 7 columns of --format kraken"),
            ("date,open,high,low,volume", None, "the header has no column close"),
            ("opened,open,close,high,low,volume", None, "the header has no column of times"),
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

    #[test]
    fn lines_without_names_need_a_word_from_elsewhere() {
        let lines = ["1704067200,101,103,100,102,50.5,7".to_owned()];
        let by_name = detect(&lines, &Known { is_kraken: true, ..Known::default() }).unwrap();
        assert_eq!((by_name.header.format(), by_name.skip), (Format::Kraken, 0));
        assert_eq!(found(&lines[0], Some(Format::Kraken)), Ok((Format::Kraken, 0)));
        let columns = "time,open,high,low,close,volume,-".parse().unwrap();
        let known = Known { columns: Some(&columns), ..Known::default() };
        assert_eq!(detect(&lines, &known).unwrap().skip, 0);
        assert_eq!(detect(&["a,b,c,d,e,f,g".to_owned()], &known).unwrap().skip, 1);
        let json = Known { json: Some(Json::Klines), format: Some(Format::Tidemark), ..Known::default() };
        assert!(detect(&lines, &json).unwrap_err().to_string().contains("JSON"));
    }
}
