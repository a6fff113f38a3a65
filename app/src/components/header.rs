//! The page's head: mark, navigation, and what kind of prices these are.

use leptos::prelude::*;
use leptos_router::hooks::use_location;
use model::Provenance;

/// The mark: two tide lines crossed by an upright rule.
#[component]
fn Mark() -> impl IntoView {
    view! {
        <svg class="mark" viewBox="0 0 28 28" width="28" height="28" aria-hidden="true">
            <path
                class="mark-tide"
                d="M1 11c3.2-3.4 6.4-3.4 9.6 0s6.4 3.4 9.6 0c2.3-2.4 4.6-3.1 6.8-2.1M1 18c3.2-3.4 6.4-3.4 9.6 0s6.4 3.4 9.6 0c2.3-2.4 4.6-3.1 6.8-2.1"
            />
            <path class="mark-rule" d="M13 3v22" />
        </svg>
    }
}

/// The head of every page. The children stand at its right.
#[component]
pub fn Header(
    /// What stands at the right: usually the [`SourcePill`].
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let path = use_location().pathname;
    view! {
        // External to the router: it would only scroll, where the browser moves the focus too.
        <a class="skip" href="#content" rel="external">"Skip to content"</a>
        <header class="head">
            <div class="head-in">
                <a class="brand" href="/">
                    <Mark />
                    "Tidemark"
                </a>
                <nav aria-label="Main">
                    <a class="nav-link" href="/" aria-current=move || path.with(|p| p == "/").then_some("page")>
                        "Markets"
                    </a>
                </nav>
                <div class="head-right">{children.map(|c| c())}</div>
            </div>
        </header>
    }
    .into_any()
}

/// Says in two words what kind of prices the page shows, so that nothing invented looks real.
#[component]
pub fn SourcePill(
    /// Where the shown figures come from.
    #[prop(into)]
    provenance: Signal<Provenance>,
    /// Whether the server stopped answering.
    #[prop(into)]
    lost: Signal<bool>,
) -> impl IntoView {
    let text = move || {
        if lost.get() {
            return "Connection lost".to_owned();
        }
        provenance.with(|p| match (p.simulated, p.source.as_str()) {
            (true, _) => "Simulated prices".to_owned(),
            (_, "recorded") => "Recorded prices".to_owned(),
            (_, "replay") => "Replayed prices".to_owned(),
            (_, source) => format!("Prices from {source}"),
        })
    };
    let class = move || {
        let alarm = lost.get() || provenance.with(|p| p.simulated || p.reason.is_some());
        if alarm { "pill pill-warn" } else { "pill" }
    };
    view! {
        <span class=class>
            <span class="dot" aria-hidden="true"></span>
            <span class="pill-text">{text}</span>
        </span>
    }
}
