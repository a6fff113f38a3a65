//! Dates from Unix time, proleptic Gregorian, and how they are written in each language.

use crate::words::Locale;

/// A point in time as calendar and clock show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// Year, astronomical numbering.
    pub year: i64,
    /// Month, 1 to 12.
    pub month: u8,
    /// Day of the month, 1 to 31.
    pub day: u8,
    /// Minute of the day, 0 to 1439.
    pub minute: u16,
}

/// Milliseconds of a day.
pub const DAY_MS: i64 = 86_400_000;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl Civil {
    /// Of a Unix time in ms. Years by Howard Hinnant's `civil_from_days`
    /// (<https://howardhinnant.github.io/date_algorithms.html>).
    #[must_use]
    pub fn from_ms(ms: i64) -> Self {
        let days = ms.div_euclid(DAY_MS);
        let minute = (ms.rem_euclid(DAY_MS) / 60_000) as u16;
        let z = days + 719_468;
        let era = z.div_euclid(146_097);
        let day_of_era = z.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = (day_of_year - (153 * shifted + 2) / 5 + 1) as u8;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 } as u8;
        Self { year: year_of_era + era * 400 + i64::from(month <= 2), month, day, minute }
    }

    /// `09:30`
    #[must_use]
    pub fn clock(&self) -> String {
        format!("{:02}:{:02}", self.minute / 60, self.minute % 60)
    }

    /// `09 Mar`, `3月9日`
    #[must_use]
    pub fn day_month(&self, locale: Locale) -> String {
        match locale {
            Locale::En => format!("{:02} {}", self.day, self.month_name()),
            Locale::ZhCn => format!("{}月{}日", self.month, self.day),
        }
    }

    /// `Mar 2019`, `2019年3月`
    #[must_use]
    pub fn month_year(&self, locale: Locale) -> String {
        match locale {
            Locale::En => format!("{} {}", self.month_name(), self.year),
            Locale::ZhCn => format!("{}年{}月", self.year, self.month),
        }
    }

    /// `09 Mar 2019`, `2019年3月9日`: as wide for every day of a month in English, for an axis.
    #[must_use]
    pub fn day_month_year(&self, locale: Locale) -> String {
        match locale {
            Locale::En => format!("{} {}", self.day_month(locale), self.year),
            Locale::ZhCn => self.date(locale),
        }
    }

    /// `9 Mar 2019`, `2019年3月9日`
    #[must_use]
    pub fn date(&self, locale: Locale) -> String {
        match locale {
            Locale::En => format!("{} {}", self.day, self.month_year(locale)),
            Locale::ZhCn => format!("{}{}日", self.month_year(locale), self.day),
        }
    }

    /// Months since year 0.
    #[must_use]
    pub fn months(&self) -> i64 {
        self.year * 12 + i64::from(self.month) - 1
    }

    fn month_name(&self) -> &'static str {
        MONTHS.get(usize::from(self.month.saturating_sub(1))).copied().unwrap_or("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_leap_days_and_times_before_1970() {
        let at = |ms| {
            let c = Civil::from_ms(ms);
            (c.year, c.month, c.day, c.clock())
        };
        assert_eq!(at(0), (1970, 1, 1, "00:00".into()));
        assert_eq!(at(-1), (1969, 12, 31, "23:59".into()));
        assert_eq!(at(951_782_400_000), (2000, 2, 29, "00:00".into()));
        assert_eq!(at(1_554_075_000_000), (2019, 3, 31, "23:30".into()));
        let c = Civil::from_ms(1_554_075_000_000);
        let written =
            |locale| [c.day_month(locale), c.month_year(locale), c.day_month_year(locale), c.date(locale)];
        assert_eq!(written(Locale::En), ["31 Mar", "Mar 2019", "31 Mar 2019", "31 Mar 2019"]);
        assert_eq!(written(Locale::ZhCn), ["3月31日", "2019年3月", "2019年3月31日", "2019年3月31日"]);
        for extreme in [i64::MIN, i64::MAX] {
            let c = Civil::from_ms(extreme);
            assert!((1..=12).contains(&c.month) && (1..=31).contains(&c.day));
        }
    }
}
