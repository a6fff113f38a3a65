//! The page's head: mark, navigation, what kind of prices these are, language and display.

use leptos::prelude::*;
use leptos_router::hooks::use_location;
use model::{Provenance, ReplayInfo};

use super::{
    DisplayMenu, LanguageSwitch,
    icons::{self, icon},
    replay_note::replayed,
    star::WatchForm,
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
    prefs.settle();
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
        <WatchForm />
    }
    .into_any()
}

/// The id of the explanation of a [`SourcePill`].
const NOTE: &str = "source-note";

/// Says in two words what kind of prices the page shows, so that nothing invented looks real, and explains it when pressed:
/// by the browser's own popover, so that it works without scripts.
#[component]
pub fn SourcePill(
    /// Where the shown figures come from.
    #[prop(into)]
    provenance: Signal<Provenance>,
    /// Whether the server stopped answering.
    #[prop(into)]
    lost: Signal<bool>,
    /// Whether the server answers with errors.
    #[prop(optional)]
    busy: Option<Signal<bool>>,
    /// What is replayed, where that is known.
    #[prop(optional, into)]
    replay: Option<Signal<Option<ReplayInfo>>>,
) -> impl IntoView {
    let prefs = use_prefs();
    let words = prefs.words();
    let busy = busy.unwrap_or_else(|| Signal::stored(false));
    let text = live::text(move || {
        if lost.get() {
            return words.lost.to_owned();
        }
        if busy.get() {
            return words.server_busy.to_owned();
        }
        provenance.with(|p| match (p.simulated, p.source.as_str()) {
            (true, _) => words.simulated.to_owned(),
            (_, "recorded") => words.recorded.to_owned(),
            (_, "replay") => words.replayed.to_owned(),
            (_, source) => (words.prices_of)(source),
        })
    });
    let class = word(move || {
        let alarm = lost.get() || busy.get() || provenance.with(|p| p.simulated || p.reason.is_some());
        match (alarm, prefs.is_live()) {
            (true, _) => "pill pill-warn",
            (false, true) => "pill",
            // Nothing renews what the server has rendered before the browser takes it over.
            (false, false) => "pill pill-still",
        }
    });
    let about = live::text(move || {
        provenance.with(|p| match (p.simulated, p.source.as_str()) {
            (true, _) => words.about_simulated.to_owned(),
            (_, "recorded") => words.about_recorded.to_owned(),
            (_, "replay") => replay.and_then(|replay| replay.get()).map_or_else(
                || words.about_replay.to_owned(),
                |replay| format!("{} {}", words.about_replay, replayed(replay, prefs.locale)),
            ),
            (_, source) => (words.about_source)(source),
        })
    });
    let dates = live::word(move || {
        if provenance.with(|p| p.source == model::Source::REPLAY) { words.about_replay_dates } else { "" }
    });
    view! {
        <div class="source" role="status">
            <button type="button" class=class popovertarget=NOTE title=words.about_prices>
                <span class="dot" aria-hidden="true"></span>
                <span class="pill-text">{text}</span>
            </button>
        </div>
        <section id=NOTE class="menu source-note" popover="auto" aria-label=words.about_prices>
            <p>{about}</p>
            <p>{dates}</p>
            <p>{words.own_prices}</p>
            <p>
                <code>"tidemark import FILE"</code>
                <br />
                <code>"TIDEMARK_FEED=none"</code>
            </p>
        </section>
    }
    .into_any()
}

/// The pill of a page without data, as the server cannot be reached.
#[component]
pub fn LostPill() -> impl IntoView {
    view! {
        <div class="source" role="status">
            <span class="pill pill-warn">
                <span class="dot" aria-hidden="true"></span>
                <span class="pill-text">{use_words().lost}</span>
            </span>
        </div>
    }
    .into_any()
}
