//! Small drawings. They are decoration: what they stand for is said beside them or in a name.
//!
//! Each is a piece of mark-up that never changes: as elements of a view, their shapes would weigh more in the browser's half
//! than all the text of a page.

use leptos::prelude::*;

/// A star, filled by the style sheet when its button is pressed.
pub const STAR: &str = r#"<svg class="icon icon-star" viewBox="0 0 16 16" width="16" height="16"><path d="M8 1.8l1.9 4 4.4.5-3.3 3 .9 4.3L8 11.4l-3.9 2.2.9-4.3-3.3-3 4.4-.5z"/></svg>"#;
/// A magnifying glass.
pub const SEARCH: &str = r#"<svg class="icon" viewBox="0 0 16 16" width="16" height="16"><path d="M7 2.2a4.8 4.8 0 1 0 0 9.6 4.8 4.8 0 0 0 0-9.6zM10.6 10.6l3.4 3.4"/></svg>"#;
/// A disc, half dark.
pub const CONTRAST: &str = r#"<svg class="icon" viewBox="0 0 16 16" width="16" height="16"><circle cx="8" cy="8" r="5.8"/><path class="icon-solid" d="M8 2.2a5.8 5.8 0 0 1 0 11.6z"/></svg>"#;
/// An arrow into a tray.
pub const DOWNLOAD: &str = r#"<svg class="icon" viewBox="0 0 16 16" width="16" height="16"><path d="M8 2v8M4.6 6.9L8 10.3l3.4-3.4M2.8 13.6h10.4"/></svg>"#;
/// The mark: two tide lines crossed by an upright rule.
pub const MARK: &str = r#"<svg class="mark" viewBox="0 0 28 28" width="28" height="28"><path class="mark-tide" d="M1 11c3.2-3.4 6.4-3.4 9.6 0s6.4 3.4 9.6 0c2.3-2.4 4.6-3.1 6.8-2.1M1 18c3.2-3.4 6.4-3.4 9.6 0s6.4 3.4 9.6 0c2.3-2.4 4.6-3.1 6.8-2.1"/><path class="mark-rule" d="M13 3v22"/></svg>"#;
/// Two tide lines under a low sun: nothing is here.
pub const EMPTY: &str = r#"<svg class="empty-mark" viewBox="0 0 96 48" width="96" height="48"><circle class="empty-sun" cx="48" cy="17" r="9"/><path d="M4 30c7.3-7.6 14.7-7.6 22 0s14.7 7.6 22 0 14.7-7.6 22 0 14.7 7.6 22 0M14 41c5.7-5.6 11.3-5.6 17 0s11.3 5.6 17 0 11.3-5.6 17 0 11.3 5.6 17 0"/></svg>"#;

/// One of these drawings.
#[must_use]
pub fn icon(drawing: &'static str) -> AnyView {
    view! { <span class="drawing" aria-hidden="true" inner_html=drawing></span> }.into_any()
}

/// A drawing that changes.
#[must_use]
pub fn drawing(drawing: Signal<String>) -> AnyView {
    view! { <span class="drawing" aria-hidden="true" inner_html=drawing></span> }.into_any()
}

/// Nothing is here.
#[component]
pub fn Empty() -> impl IntoView {
    icon(EMPTY)
}
