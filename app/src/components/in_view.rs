//! Which rows of the table a reader sees.

use model::Symbol;

/// Rows above and below the window that count as seen: a short scroll finds them up to date.
#[cfg(any(feature = "hydrate", test))]
const MARGIN: usize = 3;

/// The range of the rows between two heights of the window, with a margin. `edges` gives a row's upper and lower edge; rows
/// stand one below another, so that few are measured.
#[cfg(any(feature = "hydrate", test))]
fn range(count: usize, height: f64, edges: impl Fn(usize) -> (f64, f64)) -> std::ops::Range<usize> {
    let first_where = |is_below: &dyn Fn((f64, f64)) -> bool| {
        let (mut from, mut to) = (0, count);
        while from < to {
            let middle = from + (to - from) / 2;
            if is_below(edges(middle)) {
                to = middle;
            } else {
                from = middle + 1;
            }
        }
        from
    };
    let first = first_where(&|(_, lower)| lower > 0.0);
    let end = first_where(&|(upper, _)| upper >= height);
    if first >= end {
        return 0..0;
    }
    first.saturating_sub(MARGIN)..(end + MARGIN).min(count)
}

/// The symbols of the rows in the window and next to it, from the top down; at most as many as one question may name.
#[cfg(feature = "hydrate")]
#[must_use]
pub fn rows_in_view() -> Vec<Symbol> {
    use leptos::prelude::{document, window};

    let Ok(Some(body)) = document().query_selector(".prices tbody") else { return Vec::new() };
    let rows = body.children();
    let height = window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or_default();
    let count = usize::try_from(rows.length()).unwrap_or_default();
    let row = |i: usize| u32::try_from(i).ok().and_then(|i| rows.item(i));
    let seen = range(count, height, |i| {
        row(i).map_or((f64::MAX, f64::MAX), |row| {
            let place = row.get_bounding_client_rect();
            (place.top(), place.bottom())
        })
    });
    let symbol = |i| row(i)?.get_attribute("data-symbol")?.parse().ok();
    seen.filter_map(symbol).take(model::MAX_CHANGE_SYMBOLS).collect()
}

/// On the server nobody sees any.
#[cfg(not(feature = "hydrate"))]
#[must_use]
pub fn rows_in_view() -> Vec<Symbol> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_the_window_and_a_few_beside_it_are_seen() {
        // Rows of 50 px; the first begins at `top`.
        let seen = |count: usize, top: f64| {
            range(count, 900.0, |i| (top + 50.0 * i as f64, top + 50.0 * (i + 1) as f64))
        };
        assert_eq!(seen(300, 400.0), 0..13);
        assert_eq!(seen(300, -5_000.0), 97..121);
        assert_eq!(seen(300, -14_500.0), 287..300);
        assert_eq!(seen(5, 400.0), 0..5);
        // None, where the table is above or below the window, or empty.
        assert_eq!(seen(300, 1_000.0), 0..0);
        assert_eq!(seen(300, -20_000.0), 0..0);
        assert_eq!(seen(0, 0.0), 0..0);
    }
}
