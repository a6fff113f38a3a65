//! Writing candles in the layouts that are read.

use std::io::{self, Write};

use model::{Candle, Interval, Symbol};

use crate::{binance, format::Format, tidemark, time::date_text};

/// Writes candles of one symbol and interval. Numbers are the shortest text that reads back the same. What a candle does
/// not have is 0 where the layout has a fixed place for it, and left out where columns have names.
pub struct CandleWriter<W> {
    out: W,
    format: Format,
    symbol: Symbol,
    interval: Interval,
    /// Whether there is a column that marks incomplete candles.
    has_marks: bool,
}

impl<W: Write> CandleWriter<W> {
    /// Writes what stands before the first candle.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn new(mut out: W, format: Format, symbol: Symbol, interval: Interval) -> io::Result<Self> {
        match format {
            Format::Tidemark => writeln!(out, "{}", tidemark::HEADER)?,
            Format::Binance => writeln!(out, "{}", binance::HEADER)?,
            Format::CryptoDataDownload => {
                // Those who read the layout skip its first line.
                writeln!(out, "# in the layout of CryptoDataDownload; written by Tidemark")?;
                writeln!(out, "unix,date,symbol,open,high,low,close,Volume {symbol}")?;
            }
        }
        Ok(Self { out, format, symbol, interval, has_marks: false })
    }

    /// A writer of Tidemark's layout with a seventh column, which marks incomplete candles. Writes its header.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn with_marks(mut out: W, symbol: Symbol, interval: Interval) -> io::Result<Self> {
        writeln!(out, "{},partial", tidemark::HEADER)?;
        Ok(Self { out, format: Format::Tidemark, symbol, interval, has_marks: true })
    }

    /// Writes a complete candle.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&mut self, candle: &Candle) -> io::Result<()> {
        self.write_marked(candle, false)
    }

    /// Writes a candle; the mark only where there is a column for it.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write_marked(&mut self, candle: &Candle, is_incomplete: bool) -> io::Result<()> {
        let Candle { open_time, open, high, low, close, volume } = *candle;
        let out = &mut self.out;
        match self.format {
            Format::Tidemark if self.has_marks => {
                let mark = u8::from(is_incomplete);
                writeln!(out, "{open_time},{open},{high},{low},{close},{volume},{mark}")
            }
            Format::Tidemark => writeln!(out, "{open_time},{open},{high},{low},{close},{volume}"),
            Format::Binance => {
                let close_time = open_time + self.interval.ms() - 1;
                writeln!(out, "{open_time},{open},{high},{low},{close},{volume},{close_time},0,0,0,0,0")
            }
            Format::CryptoDataDownload => {
                // Bars start at whole minutes. Seconds are told from milliseconds by their size.
                let (unix, date, symbol) = (open_time / 1000, date_text(open_time), &self.symbol);
                writeln!(out, "{unix},{date},{symbol}/USD,{open},{high},{low},{close},{volume}")
            }
        }
    }

    /// The writer, to be flushed or closed.
    pub fn into_inner(self) -> W {
        self.out
    }
}
