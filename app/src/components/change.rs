//! A change in percent.

use std::cmp::Ordering;

use leptos::prelude::*;

use crate::{
    format,
    live::{self, word},
    prefs::use_words,
};

/// Which way a change goes, as it reads: what is written as 0.00% goes neither way. `None` where it is not known.
#[must_use]
pub fn direction(pct: Option<f64>) -> Option<Ordering> {
    let pct = pct.filter(|pct| !pct.is_nan())?;
    Some(if pct >= 0.005 {
        Ordering::Greater
    } else if pct <= -0.005 {
        Ordering::Less
    } else {
        Ordering::Equal
    })
}

/// A change in percent with its direction's sign and colour. Screen readers leave the sign out or call it a triangle: for
/// them the direction is a word.
#[component]
pub fn Change(
    /// Percent; none where it is not known.
    #[prop(into)]
    pct: Signal<Option<f64>>,
) -> impl IntoView {
    let words = use_words();
    let direction = move || match direction(pct.get()) {
        Some(Ordering::Greater) => ("change up", words.up, "▲ "),
        Some(Ordering::Less) => ("change down", words.down, "▼ "),
        _ => ("change", "", ""),
    };
    let text = move || pct.get().map_or_else(|| format::NO_NUMBER.to_owned(), |p| format::percent(p.abs()));
    view! {
        <span class=word(move || direction().0)>
            <span class="spoken">{word(move || direction().1)} " "</span>
            <span aria-hidden="true">{word(move || direction().2)}</span>
            {live::text(text)}
        </span>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reads_as_zero_goes_neither_way() {
        for (pct, way) in [
            (Some(0.005), Some(Ordering::Greater)),
            (Some(0.004_99), Some(Ordering::Equal)),
            (Some(0.0), Some(Ordering::Equal)),
            (Some(-0.004_99), Some(Ordering::Equal)),
            (Some(-0.005), Some(Ordering::Less)),
            (Some(f64::NAN), None),
            (None, None),
        ] {
            assert_eq!(direction(pct), way, "{pct:?}");
            let shown = pct.map(|pct| format::percent(pct.abs()));
            assert_eq!(shown.as_deref() == Some("0.00%"), way == Some(Ordering::Equal), "{pct:?}");
        }
    }
}
