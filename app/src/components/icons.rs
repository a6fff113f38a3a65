//! Small drawings, one path each. They are decoration: what they stand for is said beside them or in a name.

use leptos::prelude::*;

fn icon(class: &'static str, path: &'static str) -> AnyView {
    view! {
        <svg class=class viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
            <path d=path />
        </svg>
    }
    .into_any()
}

/// A star, filled by the style sheet when its button is pressed.
#[must_use]
pub fn star() -> AnyView {
    icon("icon icon-star", "M8 1.8l1.9 4 4.4.5-3.3 3 .9 4.3L8 11.4l-3.9 2.2.9-4.3-3.3-3 4.4-.5z")
}

/// A magnifying glass.
#[must_use]
pub fn search() -> AnyView {
    icon("icon", "M7 2.2a4.8 4.8 0 1 0 0 9.6 4.8 4.8 0 0 0 0-9.6zM10.6 10.6l3.4 3.4")
}

/// A disc, half dark.
#[must_use]
pub fn contrast() -> AnyView {
    view! {
        <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
            <circle cx="8" cy="8" r="5.8" />
            <path class="icon-solid" d="M8 2.2a5.8 5.8 0 0 1 0 11.6z" />
        </svg>
    }
    .into_any()
}

/// An arrow into a tray.
#[must_use]
pub fn download() -> AnyView {
    icon("icon", "M8 2v8M4.6 6.9L8 10.3l3.4-3.4M2.8 13.6h10.4")
}

/// Two tide lines under a low sun: nothing is here.
#[component]
pub fn Empty() -> impl IntoView {
    view! {
        <svg class="empty-mark" viewBox="0 0 96 48" width="96" height="48" aria-hidden="true">
            <circle class="empty-sun" cx="48" cy="17" r="9" />
            <path d="M4 30c7.3-7.6 14.7-7.6 22 0s14.7 7.6 22 0 14.7-7.6 22 0 14.7 7.6 22 0M14 41c5.7-5.6 11.3-5.6 17 0s11.3 5.6 17 0 11.3-5.6 17 0 11.3 5.6 17 0" />
        </svg>
    }
    .into_any()
}
