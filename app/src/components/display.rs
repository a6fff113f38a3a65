//! Language, theme and colours of rise and fall.

use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_query_map};

use super::icons;
use crate::{
    live::{self, flag},
    prefs::{Rising, Theme, use_prefs},
    query::query_string,
    words::Locale,
};

/// Links to this page in the other languages. A link, not a button: a language has an address, and is there without
/// scripts. It loads the page anew, so that every text is of the language.
#[component]
pub fn LanguageSwitch() -> impl IntoView {
    let prefs = use_prefs();
    let (path, query) = (use_location().pathname, use_query_map());
    let links = Locale::ALL.map(|locale| {
        let href = live::text(move || {
            let query = query.get();
            let rest = query.into_iter().filter(|(name, _)| *name != "lang");
            let rest: Vec<(String, String)> = rest.map(|(name, value)| (name.into_owned(), value)).collect();
            let all = rest.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            path.with(|path| format!("{path}{}", query_string(all.chain([("lang", locale.tag())]))))
        });
        let short = match locale {
            Locale::En => "EN",
            Locale::ZhCn => "中",
        };
        view! {
            <a
                class="language"
                href=href
                rel="external"
                lang=locale.tag()
                hreflang=locale.tag()
                aria-label=locale.name()
                title=locale.name()
                aria-current=(locale == prefs.locale).then_some("true")
            >
                {short}
            </a>
        }
    });
    view! {
        <div class="languages" role="group" aria-label=prefs.words().language>
            {links.into_iter().collect_view()}
        </div>
    }
    .into_any()
}

/// A menu with theme and colours. It opens by the browser's own popover.
#[component]
pub fn DisplayMenu() -> impl IntoView {
    let prefs = use_prefs();
    let words = prefs.words();
    let themes = Theme::ALL.into_iter().zip([words.theme_system, words.theme_light, words.theme_dark]);
    let themes = themes
        .map(|(theme, label)| {
            let chosen = flag(move || prefs.theme() == theme);
            option("theme", theme.as_str(), label, chosen, Box::new(move || prefs.choose_theme(theme)))
        })
        .collect_view();
    let colours = Rising::ALL.into_iter().zip([words.green_up, words.red_up]);
    let colours = colours
        .map(|(rising, label)| {
            let chosen = flag(move || prefs.rising() == rising);
            option("rising", rising.as_str(), label, chosen, Box::new(move || prefs.choose_rising(rising)))
        })
        .collect_view();
    view! {
        <button
            type="button"
            class="icon-button"
            popovertarget="display"
            aria-label=words.display
            title=words.display
        >
            {icons::icon(icons::CONTRAST)}
        </button>
        <form id="display" class="menu" popover="auto" method="get" aria-label=words.display>
            <fieldset>
                <legend>{words.theme}</legend>
                {themes}
            </fieldset>
            <fieldset>
                <legend>{words.colours}</legend>
                {colours}
            </fieldset>
            // Without scripts the choice is sent.
            <button type="submit" class="button scriptless">
                {words.apply}
            </button>
        </form>
    }
    .into_any()
}

/// A choice of the menu.
fn option(
    group: &'static str,
    value: &'static str,
    label: &'static str,
    chosen: Signal<bool>,
    choose: Box<dyn Fn()>,
) -> AnyView {
    view! {
        <label class="menu-item">
            <input
                type="radio"
                name=group
                value=value
                checked=chosen.get_untracked()
                prop:checked=chosen
                on:change=move |_| choose()
            />
            {label}
        </label>
    }
    .into_any()
}
