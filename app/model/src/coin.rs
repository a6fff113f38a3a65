//! What a coin's page shows beside the chart.

use serde::{Deserialize, Serialize};

use crate::{Interval, Provenance, Quote, Source, Supply, Symbol, UnixMs};

/// One coin: its latest figures, and the intervals that its stored candles can answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Coin {
    /// Latest figures.
    pub quote: Quote,
    /// Intervals that can be asked of its series, finest first.
    pub intervals: Vec<Interval>,
    /// Open time of the first stored candle, Unix ms; `None` for simulated prices.
    pub first_open: Option<UnixMs>,
    /// The last seven days, where they can be read.
    pub week: Option<Sparkline>,
    /// How many coins there are, where it is known.
    pub supply: Option<Supply>,
    /// What its series replays, if it does: its candles then have the times of the replay, not those of the recording.
    #[serde(default)]
    pub replay: Option<ReplayInfo>,
    /// Where the figures come from.
    pub provenance: Provenance,
}

/// Which part of a recording is replayed, and which moment of it is playing. All times are those of the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayInfo {
    /// Open time of the first recorded candle that is played, Unix ms.
    pub first: UnixMs,
    /// End of the last one, Unix ms.
    pub end: UnixMs,
    /// The recorded moment that plays now, Unix ms.
    pub playing: UnixMs,
}

impl ReplayInfo {
    /// The moment of a recording that plays at `now`. The recording lasts from `first` to `end`; it starts at `epoch` and
    /// restarts each time it ends. All times are Unix ms.
    #[must_use]
    pub fn at(first: UnixMs, end: UnixMs, epoch: UnixMs, now: UnixMs) -> Self {
        let length = end.saturating_sub(first).max(1);
        let playing = first.saturating_add(now.saturating_sub(epoch).rem_euclid(length));
        Self { first, end, playing }
    }
}

/// Closing prices of the last seven days, for a line in a table row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sparkline {
    /// Ticker symbol.
    pub symbol: Symbol,
    /// Whose prices these are: they stand only beside others of the same source.
    pub source: Source,
    /// Closes of four-hour bars, or of the finest stored where those are longer; oldest first.
    pub closes: Vec<f64>,
}

/// What stands beside the latest prices and changes slowly.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Backdrop {
    /// The last seven days of every symbol; one whose candles cannot be read is left out.
    pub weeks: Vec<Sparkline>,
    /// How many coins there are, of the symbols whose number is known.
    pub supplies: Vec<Supply>,
    /// What is replayed, where the latest prices are a replay: of several recordings the one that begins first.
    #[serde(default)]
    pub replay: Option<ReplayInfo>,
}

impl Backdrop {
    /// Takes a newer answer over. The last seven days of symbols that it does not have stay.
    pub fn update(&mut self, newer: Self) {
        self.weeks.retain(|old| newer.weeks.iter().all(|new| new.symbol != old.symbol));
        self.weeks.extend(newer.weeks);
        self.supplies = newer.supplies;
        self.replay = newer.replay;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_backdrop_replaces_the_weeks_it_has() {
        let week = |symbol: &str, close| Sparkline {
            symbol: symbol.parse().unwrap(),
            source: Source::RECORDED,
            closes: vec![close],
        };
        let replay = Some(ReplayInfo::at(100, 140, 1_000, 1_010));
        let mut backdrop =
            Backdrop { weeks: vec![week("BTC", 1.0), week("ETH", 2.0)], ..Backdrop::default() };
        backdrop.update(Backdrop { weeks: vec![week("BTC", 3.0)], supplies: Vec::new(), replay });
        assert_eq!(backdrop.weeks, [week("ETH", 2.0), week("BTC", 3.0)]);
        assert_eq!(backdrop.replay, replay);
    }

    #[test]
    fn a_replay_plays_its_recording_over_and_over() {
        let playing = |now| ReplayInfo::at(100, 140, 1_000, now).playing;
        assert_eq!((playing(1_000), playing(1_039), playing(1_040)), (100, 139, 100));
        // The pass before the epoch ends there.
        assert_eq!((playing(999), playing(960)), (139, 100));
        // Nonsense in the database does not panic.
        assert_eq!(ReplayInfo::at(5, 5, 0, i64::MAX).playing, 5);
    }
}
