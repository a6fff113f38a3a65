//! What was measured, as a table for people or as JSON for programs.

use serde::Serialize;

/// Whether a figure keeps to its budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It does.
    Pass,
    /// It does not.
    Fail,
    /// It has no budget: it is there to be compared with.
    Shown,
}

impl Verdict {
    /// Pass if it holds.
    #[must_use]
    pub fn of(holds: bool) -> Self {
        if holds { Self::Pass } else { Self::Fail }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "FAIL",
            Self::Shown => "-",
        }
    }
}

/// One figure beside its limit, from the same run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// Unit of both figures.
    pub unit: &'static str,
    /// Our figure.
    pub measured: f64,
    /// What `limit` is a figure of; empty if there is none.
    pub against: &'static str,
    /// The figure that ours is held against.
    pub limit: Option<f64>,
    /// `measured` divided by `limit`.
    pub ratio: Option<f64>,
    /// What is allowed, in words; empty if nothing is said about it.
    pub budget: &'static str,
    /// Whether it is kept.
    pub verdict: Verdict,
    /// What a reader should know beside it; empty if nothing.
    pub note: String,
}

impl Row {
    /// A figure with nothing beside it.
    pub fn new(what: impl Into<String>, measured: f64, unit: &'static str) -> Self {
        Self {
            what: what.into(),
            unit,
            measured,
            against: "",
            limit: None,
            ratio: None,
            budget: "",
            verdict: Verdict::Shown,
            note: String::new(),
        }
    }

    /// Puts a limit beside it.
    #[must_use]
    pub fn beside(mut self, against: &'static str, limit: f64) -> Self {
        self.against = against;
        self.limit = Some(limit);
        self.ratio = (limit != 0.0).then(|| self.measured / limit);
        self
    }

    /// The ratio of the middle of many pairs, where it is known better than by dividing the two figures.
    #[must_use]
    pub fn with_ratio(mut self, ratio: f64) -> Self {
        self.ratio = Some(ratio);
        self
    }

    /// Judges it.
    #[must_use]
    pub fn judged(mut self, budget: &'static str, holds: bool) -> Self {
        self.budget = budget;
        self.verdict = Verdict::of(holds);
        self
    }

    /// Adds a note.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }
}

/// All rows of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// The rows, in the order of measuring.
    pub rows: Vec<Row>,
}

impl Report {
    /// Whether nothing missed its budget.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.rows.iter().all(|row| row.verdict != Verdict::Fail)
    }

    /// The table.
    #[must_use]
    pub fn table(&self) -> String {
        let head = ["", "measured", "limit", "ratio", "budget", ""].map(str::to_owned);
        let body = self.rows.iter().map(|row| {
            [
                row.what.clone(),
                format!("{} {}", number(row.measured), row.unit),
                row.limit.map_or_else(String::new, |limit| format!("{} {}", number(limit), row.against)),
                row.ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}")),
                row.budget.to_owned(),
                row.verdict.word().to_owned(),
            ]
        });
        let mut text = align(&std::iter::once(head).chain(body).collect::<Vec<_>>(), 1);
        for row in self.rows.iter().filter(|row| !row.note.is_empty()) {
            text.push_str(&format!("\n{}: {}", row.what, row.note));
        }
        text.push('\n');
        text
    }
}

/// Columns side by side: the first `left` to the left, the others to the right.
pub(crate) fn align<const N: usize>(rows: &[[String; N]], left: usize) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = widths[column];
            let gap = if column == 0 { "" } else { "  " };
            line.push_str(&if column < left {
                format!("{gap}{cell:<width$}")
            } else {
                format!("{gap}{cell:>width$}")
            });
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Three or four digits that count, thousands apart.
pub(crate) fn number(value: f64) -> String {
    if !value.is_finite() {
        return "?".to_owned();
    }
    let text = match value.abs() {
        size if size >= 100.0 || value.fract() == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.1 => format!("{value:.3}"),
        _ => format!("{value:.4}"),
    };
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let (sign, digits) = whole.split_at(usize::from(whole.starts_with('-')));
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_grouped() {
        let cases = [
            (1_234_567.8, "1,234,568"),
            (0.0, "0"),
            (12.34, "12.3"),
            (-4_000.0, "-4,000"),
            (0.98765, "0.988"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
        assert_eq!(number(f64::NAN), "?");
    }

    #[test]
    fn one_failure_fails_the_report() {
        let row = || Row::new("a get", 30.0, "ns").beside("ns bare", 20.0);
        let mut report = Report { rows: vec![row(), row().judged("<= 2", true)] };
        assert!(report.holds(), "a figure without a budget fails nothing");
        report.rows.push(row().judged("<= 1.2", false).note("why"));
        assert!(!report.holds());
        let table = report.table();
        assert!(table.contains("1.50") && table.contains("FAIL") && table.contains("a get: why"), "{table}");
    }
}
