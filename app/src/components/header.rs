//! The page's head: mark, navigation, what kind of prices these are, language and display.

use leptos::prelude::*;
use leptos_router::hooks::use_location;
use model::Provenance;

use super::{
    DisplayMenu, LanguageSwitch,
    icons::{self, icon},
};
use crate::{
    live::{self, maybe, word},
    prefs::{use_prefs, use_words},
};

/// The head of every page. The children stand at its right.
#[component]
pub fn Header(
    /// What stands at the right, before language and display: usually the [`SourcePill`].
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let prefs = use_prefs();
    prefs.settle_zone();
    let words = prefs.words();
    let path = use_location().pathname;
    let markets = maybe(move || path.with(|p| p == "/").then_some("page"));
    let cache = maybe(move || path.with(|p| p.starts_with("/admin")).then_some("page"));
    view! {
        // External to the router: it would only scroll, where the browser moves the focus too.
        <a class="skip" href="#content" rel="external">
            {words.skip}
        </a>
        <header class="head">
            <div class="head-in">
                <a class="brand" href=prefs.link("/") aria-label="Tidemark">
                    {icon(icons::MARK)}
                    <span class="brand-name">"Tidemark"</span>
                </a>
                <nav aria-label=words.main_nav>
                    <a class="nav-link" href=prefs.link("/") aria-current=markets>
                        {words.markets}
                    </a>
                    <a class="nav-link" href=prefs.link("/admin/cache") aria-current=cache>
                        {words.cache}
                    </a>
                </nav>
                <div class="head-right">
                    {children.map(|c| c())} <LanguageSwitch /> <DisplayMenu />
                </div>
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
    let words = use_words();
    let text = live::text(move || {
        if lost.get() {
            return words.lost.to_owned();
        }
        provenance.with(|p| match (p.simulated, p.source.as_str()) {
            (true, _) => words.simulated.to_owned(),
            (_, "recorded") => words.recorded.to_owned(),
            (_, "replay") => words.replayed.to_owned(),
            (_, source) => (words.prices_of)(source),
        })
    });
    let class = word(move || {
        let alarm = lost.get() || provenance.with(|p| p.simulated || p.reason.is_some());
        if alarm { "pill pill-warn" } else { "pill" }
    });
    view! {
        <span class=class role="status">
            <span class="dot" aria-hidden="true"></span>
            <span class="pill-text">{text}</span>
        </span>
    }
    .into_any()
}
