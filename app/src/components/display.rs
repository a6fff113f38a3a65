//! Language, theme and colours of rise and fall.

use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_location, use_navigate, use_query_map},
    params::ParamsMap,
};

use super::{hidden::hidden_inputs, icons};
use crate::{
    data::local_path,
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
            let rest = without(query.get(), &["lang"]);
            let all = rest.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let query = query_string(all.chain([("lang", locale.tag())]));
            path.with(|path| format!("{}{query}", own(path)))
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

/// A path as a link to a page of this site. The path of an unknown page may be `//evil.example`, which a browser takes for
/// another site.
fn own(path: &str) -> &str {
    local_path(path).unwrap_or("/")
}

/// An address's parameters but for these.
fn without(query: ParamsMap, names: &[&str]) -> Vec<(String, String)> {
    let rest = query.into_iter().filter(|(name, _)| !names.contains(&name.as_ref()));
    rest.map(|(name, value)| (name.into_owned(), value)).collect()
}

/// What the menu chooses, as the address names it.
const CHOICES: [&str; 2] = ["theme", "rising"];

/// A menu with theme and colours. It opens by the browser's own popover.
#[component]
pub fn DisplayMenu() -> impl IntoView {
    let prefs = use_prefs();
    let words = prefs.words();
    let (path, query) = (use_location().pathname, use_query_map());
    let navigate = use_navigate();
    // An address that names a choice would bring it back when the page is loaded anew.
    let forget = StoredValue::new(move || {
        let named = query.with_untracked(|query| CHOICES.iter().any(|name| query.get_str(name).is_some()));
        if named {
            let rest = without(query.get_untracked(), &CHOICES);
            let rest = query_string(rest.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            let options = NavigateOptions { replace: true, scroll: false, ..NavigateOptions::default() };
            navigate(&path.with_untracked(|path| format!("{}{rest}", own(path))), options);
        }
    });
    let forget = move || forget.with_value(|forget| forget());
    let themes = Theme::ALL.into_iter().zip([words.theme_system, words.theme_light, words.theme_dark]);
    let themes = themes
        .map(|(theme, label)| {
            let chosen = flag(move || prefs.theme() == theme);
            option(
                "theme",
                theme.as_str(),
                label,
                chosen,
                Box::new(move || {
                    prefs.choose_theme(theme);
                    forget();
                }),
            )
        })
        .collect_view();
    let colours = Rising::ALL.into_iter().zip([words.green_up, words.red_up]);
    let colours = colours
        .map(|(rising, label)| {
            let chosen = flag(move || prefs.rising() == rising);
            option(
                "rising",
                rising.as_str(),
                label,
                chosen,
                Box::new(move || {
                    prefs.choose_rising(rising);
                    forget();
                }),
            )
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
            {live::part(move || hidden_inputs(without(query.get(), &CHOICES)))}
            <fieldset>
                <legend>{words.theme}</legend>
                {themes}
            </fieldset>
            <fieldset>
                <legend>{words.colours}</legend>
                {colours}
            </fieldset>
            // Without scripts there are no keys.
            <fieldset class="scripted">
                <legend>{words.keys}</legend>
                <label class="menu-item">
                    <input
                        type="checkbox"
                        checked=prefs.keys().get_untracked()
                        prop:checked=flag(move || prefs.keys().get())
                        on:change:target=move |event| prefs.choose_keys(event.target().checked())
                    />
                    {words.keys_slash}
                </label>
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
