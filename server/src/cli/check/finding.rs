//! What a check found, and how it is shown.

use std::{fmt::Write, time::Duration};

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// As it should be.
    Ok,
    /// Works, but not as well as it could.
    Warn,
    /// Does not work.
    Fail,
}

/// One line of the result.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Finding {
    pub(super) name: String,
    pub(super) state: State,
    /// What was found. Holds no secret.
    pub(super) detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fix: Option<String>,
    /// How long it took, milliseconds; none where nothing was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ms: Option<u64>,
}

impl Finding {
    fn new(name: &str, state: State, detail: String, fix: Option<String>) -> Self {
        Self { name: name.to_owned(), state, detail, fix, ms: None }
    }

    pub(super) fn ok(name: &str, detail: impl Into<String>) -> Self {
        Self::new(name, State::Ok, detail.into(), None)
    }

    pub(super) fn warn(name: &str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(name, State::Warn, detail.into(), Some(fix.into()))
    }

    pub(super) fn fail(name: &str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(name, State::Fail, detail.into(), Some(fix.into()))
    }

    /// With the time that it took.
    pub(super) fn took(self, took: Duration) -> Self {
        Self { ms: Some(millis(took)), ..self }
    }
}

/// Whole milliseconds.
pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// What a terminal would obey is shown as `?`: details come from other servers.
fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// A line each, and one more for what to do.
pub(super) fn lines(findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for Finding { name, state, detail, fix, ms } in findings {
        let state = match state {
            State::Ok => "ok",
            State::Warn => "warn",
            State::Fail => "FAIL",
        };
        let ms = ms.map_or_else(String::new, |ms| format!("{ms} ms"));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{state:<4}  {name:<width$}  {ms:>8}  {}", visible(detail));
        if let Some(fix) = fix {
            let _ = writeln!(text, "      {:<width$}  {:>8}  → {}", "", "", visible(fix));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_a_terminal_is_not_told_what_to_do() {
        let findings = [
            Finding::ok("a", "fine").took(Duration::from_millis(12)),
            Finding::fail("longer", "bad\u{1b}[2J", "do so"),
        ];
        let text = lines(&findings);
        assert_eq!(
            text,
            "ok    a          12 ms  fine\nFAIL  longer            bad?[2J\n                        → do so\n"
        );
    }
}
