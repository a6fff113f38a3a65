//! Times and ages as the pages show them.

use model::{Interval, UnixMs};

use crate::{chart::civil::Civil, words::Locale};

/// What the clock of this machine shows, Unix ms.
#[cfg(feature = "hydrate")]
#[must_use]
pub fn now() -> UnixMs {
    js_sys::Date::now() as UnixMs
}

/// What the clock of this machine shows, Unix ms.
#[cfg(not(feature = "hydrate"))]
#[must_use]
pub fn now() -> UnixMs {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    UnixMs::try_from(now.as_millis()).unwrap_or(UnixMs::MAX)
}

/// Whose clock times are written by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Zone {
    /// Coordinated universal time: what the server writes, for it does not know the reader's zone.
    #[default]
    Utc,
    /// The reader's own, as the browser knows it. On the server the same as UTC.
    Reader,
}

impl Zone {
    /// What this zone is ahead of UTC at a time, ms; negative west of Greenwich.
    #[must_use]
    pub fn offset_ms(self, at: UnixMs) -> i64 {
        match self {
            Self::Utc => 0,
            Self::Reader => reader_offset_ms(at),
        }
    }

    /// `UTC`, `UTC+8`, `UTC−3:30`
    #[must_use]
    pub fn label(self, at: UnixMs) -> String {
        let minutes = self.offset_ms(at) / 60_000;
        let sign = if minutes < 0 { '\u{2212}' } else { '+' };
        match (minutes.abs() / 60, minutes.abs() % 60) {
            (0, 0) => "UTC".to_owned(),
            (hours, 0) => format!("UTC{sign}{hours}"),
            (hours, rest) => format!("UTC{sign}{hours}:{rest:02}"),
        }
    }
}

#[cfg(feature = "hydrate")]
fn reader_offset_ms(at: UnixMs) -> i64 {
    // Minutes that UTC is ahead of the reader; no number for a time that a date cannot hold.
    let behind = js_sys::Date::new(&(at as f64).into()).get_timezone_offset();
    if behind.is_finite() { -(behind as i64) * 60_000 } else { 0 }
}

#[cfg(not(feature = "hydrate"))]
fn reader_offset_ms(_at: UnixMs) -> i64 {
    0
}

/// How times are written: in which language, by whose clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calendar {
    /// The language.
    pub locale: Locale,
    /// The clock.
    pub zone: Zone,
}

impl Calendar {
    /// English, UTC.
    pub const ENGLISH: Self = Self { locale: Locale::En, zone: Zone::Utc };

    /// The same language, by UTC.
    #[must_use]
    pub const fn utc(self) -> Self {
        Self { zone: Zone::Utc, ..self }
    }

    /// For the times of bars of this interval: those of a day and longer begin by UTC, wherever the reader is.
    #[must_use]
    pub fn of_bars(self, interval: Interval) -> Self {
        if by_day(interval) { self.utc() } else { self }
    }

    /// When a bar of this interval begins: `1 Oct 2017` from a day on, `1 Oct 2017, 12:30 UTC+8` below.
    #[must_use]
    pub fn bar_time(self, interval: Interval, open_time: UnixMs) -> String {
        if by_day(interval) { self.utc().date(open_time) } else { self.date_time(open_time) }
    }

    /// A time as calendar and clock show it.
    #[must_use]
    pub fn civil(self, time: UnixMs) -> Civil {
        Civil::from_ms(self.local_ms(time))
    }

    /// The time that a clock set to UTC would have to show, to show this one's, ms.
    #[must_use]
    pub fn local_ms(self, time: UnixMs) -> i64 {
        time.saturating_add(self.zone.offset_ms(time))
    }

    /// `31 Mar 2019`
    #[must_use]
    pub fn date(self, time: UnixMs) -> String {
        self.civil(time).date(self.locale)
    }

    /// `23:30 UTC`
    #[must_use]
    pub fn clock(self, time: UnixMs) -> String {
        format!("{}\u{a0}{}", self.civil(time).clock(), self.zone.label(time))
    }

    /// `31 Mar 2019, 23:30 UTC`
    #[must_use]
    pub fn date_time(self, time: UnixMs) -> String {
        let civil = self.civil(time);
        let (date, clock, zone) = (civil.date(self.locale), civil.clock(), self.zone.label(time));
        match self.locale {
            // A clock and its zone stay on one line.
            Locale::En => format!("{date}, {clock}\u{a0}{zone}"),
            Locale::ZhCn => format!("{date} {clock}\u{a0}{zone}"),
        }
    }
}

fn by_day(interval: Interval) -> bool {
    interval.ms() >= Interval::D1.ms()
}

/// `0.4 s`, `12 s`, `3 min`, `2 h`, `5 days`
#[must_use]
pub fn age(ms: u64, locale: Locale) -> String {
    const SECOND: u64 = 1_000;
    const MINUTE: u64 = 60 * SECOND;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let [second, minute, hour, day, days] = match locale {
        Locale::En => ["s", "min", "h", "day", "days"],
        Locale::ZhCn => ["秒", "分钟", "小时", "天", "天"],
    };
    match ms {
        0..10_000 => format!("{}.{} {second}", ms / SECOND, ms % SECOND / 100),
        10_000..MINUTE => format!("{} {second}", ms / SECOND),
        MINUTE..HOUR => format!("{} {minute}", ms / MINUTE),
        HOUR..DAY => format!("{} {hour}", ms / HOUR),
        DAY.. => match ms / DAY {
            1 => format!("1 {day}"),
            n => format!("{n} {days}"),
        },
    }
}

/// The same in whole units: `0 s`, `12 s`, `3 min`. It changes each second at most.
#[must_use]
pub fn age_in_units(ms: u64, locale: Locale) -> String {
    match (ms, locale) {
        (0..10_000, Locale::En) => format!("{} s", ms / 1_000),
        (0..10_000, Locale::ZhCn) => format!("{} 秒", ms / 1_000),
        _ => age(ms, locale),
    }
}

/// A time to wait, in whole seconds while it is short and else in begun minutes: `1 s`, `2 min`. Who tries after it is not
/// too early.
#[must_use]
pub fn wait(seconds: u32, locale: Locale) -> String {
    match (seconds, locale) {
        (0..60, Locale::En) => format!("{seconds} s"),
        (0..60, Locale::ZhCn) => format!("{seconds} 秒"),
        _ => age(u64::from(seconds.div_ceil(60)) * 60_000, locale),
    }
}

/// A short span: `9 µs`, `0.6 ms`, `14 ms`, from a second on as an age.
#[must_use]
pub fn span(us: u64, locale: Locale) -> String {
    match us {
        0..100 => format!("{us} µs"),
        100..10_000 => format!("{}.{} ms", us / 1_000, us % 1_000 / 100),
        10_000..1_000_000 => format!("{} ms", us / 1_000),
        _ => age(us / 1_000, locale),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_grow_their_unit() {
        let cases = [
            (0, "0.0 s", "0.0 秒"),
            (449, "0.4 s", "0.4 秒"),
            (9_999, "9.9 s", "9.9 秒"),
            (10_000, "10 s", "10 秒"),
            (60_000, "1 min", "1 分钟"),
            (7_200_000, "2 h", "2 小时"),
            (86_400_000, "1 day", "1 天"),
            (400_000_000, "4 days", "4 天"),
        ];
        for (ms, english, chinese) in cases {
            assert_eq!(age(ms, Locale::En), english);
            assert_eq!(age(ms, Locale::ZhCn), chinese);
        }
    }

    #[test]
    fn waits_are_whole() {
        assert_eq!((wait(1, Locale::En), wait(59, Locale::ZhCn)), ("1 s".to_owned(), "59 秒".to_owned()));
        assert_eq!(wait(900, Locale::En), "15 min");
        assert_eq!(wait(64, Locale::En), "2 min");
    }

    #[test]
    fn spans_keep_two_figures() {
        let cases =
            [(9, "9 µs"), (640, "0.6 ms"), (14_300, "14 ms"), (1_200_000, "1.2 s"), (90_000_000, "1 min")];
        for (us, text) in cases {
            assert_eq!(span(us, Locale::En), text);
        }
    }

    #[test]
    fn bars_of_a_day_are_dated_and_shorter_ones_timed() {
        let at = |interval| Calendar::ENGLISH.bar_time(interval, 1_554_075_000_000);
        assert_eq!(
            (at(Interval::D1), at(Interval::W1)),
            ("31 Mar 2019".to_owned(), "31 Mar 2019".to_owned())
        );
        assert_eq!(at(Interval::H4), "31 Mar 2019, 23:30\u{a0}UTC");
        let reader = Calendar { zone: Zone::Reader, ..Calendar::ENGLISH };
        assert_eq!(reader.of_bars(Interval::W1).zone, Zone::Utc);
        assert_eq!(reader.of_bars(Interval::H1).zone, Zone::Reader);
    }

    #[test]
    fn dates_are_of_the_language() {
        let chinese = Calendar { locale: Locale::ZhCn, zone: Zone::Utc };
        assert_eq!(Calendar::ENGLISH.date_time(1_554_075_000_000), "31 Mar 2019, 23:30\u{a0}UTC");
        assert_eq!(chinese.date_time(1_554_075_000_000), "2019年3月31日 23:30\u{a0}UTC");
        assert_eq!(Calendar::ENGLISH.date(1_506_816_000_000), "1 Oct 2017");
        assert_eq!(chinese.date(1_506_816_000_000), "2017年10月1日");
    }
}
