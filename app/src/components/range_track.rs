//! Where a price stands between the day's low and high.

use leptos::prelude::*;
use rust_decimal::{Decimal, prelude::ToPrimitive};

use super::icons::drawing;
use crate::live;

/// The tick's place on a track of `width`: the low at 0, the high at `width`, the middle when both are equal.
#[must_use]
pub fn tick(low: Decimal, high: Decimal, price: Decimal, width: f64) -> f64 {
    let span = (high - low).to_f64().unwrap_or_default();
    if span <= 0.0 {
        return width / 2.0;
    }
    ((price - low).to_f64().unwrap_or_default() / span).clamp(0.0, 1.0) * width
}

/// A hairline track with a tick.
#[component]
pub fn RangeTrack(
    /// Low of the 24 hours; without it there is no track.
    #[prop(into)]
    low: Signal<Option<Decimal>>,
    /// High of the 24 hours, likewise.
    #[prop(into)]
    high: Signal<Option<Decimal>>,
    /// Latest price.
    #[prop(into)]
    price: Signal<Decimal>,
) -> impl IntoView {
    drawing(live::text(move || {
        let (Some(low), Some(high)) = (low.get(), high.get()) else { return String::new() };
        let x = tick(low, high, price.get(), 68.0);
        format!(
            "<svg class=\"track\" preserveAspectRatio=\"none\" viewBox=\"0 0 71 10\" width=\"71\" height=\"10\">\
             <rect class=\"track-line\" y=\"3.5\" width=\"71\" height=\"3\" rx=\"1.5\"/>\
             <rect class=\"track-tick\" x=\"{x:.1}\" width=\"3\" height=\"10\" rx=\"1\"/></svg>"
        )
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_on_the_track() {
        let d = Decimal::from;
        assert_eq!(tick(d(10), d(20), d(15), 70.0), 35.0);
        assert_eq!(tick(d(10), d(20), d(30), 70.0), 70.0);
        assert_eq!(tick(d(10), d(20), d(1), 70.0), 0.0);
        assert_eq!(tick(d(10), d(10), d(10), 70.0), 35.0);
    }
}
