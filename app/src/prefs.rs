//! How a reader wants the pages: language, theme, colours of rise and fall, watchlist.
//!
//! The server settles them while it renders, from the address, then cookies, then the browser's headers, and writes them
//! on `<html>`, so that nothing flashes and the browser finds the same ones there. The language stays while a page is
//! open; the others change in place and are kept in cookies.

use leptos::prelude::*;

use crate::{
    live,
    watchlist::Watchlist,
    when::{Calendar, Zone},
    words::{Locale, Words},
};

/// How long a choice is kept, seconds: a year.
const KEPT: u32 = 31_536_000;
/// The names of cookies; those of the first three are query parameters too.
const LANG: &str = "lang";
const THEME: &str = "theme";
const RISING: &str = "rising";
const WATCH: &str = "watch";

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the device has it.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// All of them, in the order of the menu.
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    /// The value of the cookie, of `?theme=` and of `data-theme`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.as_str() == text)
    }
}

/// The colour of a rise; a fall has the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rising {
    /// Green up, red down.
    #[default]
    Green,
    /// Red up, green down, as in East Asia.
    Red,
}

impl Rising {
    /// Both, in the order of the menu.
    pub const ALL: [Self; 2] = [Self::Green, Self::Red];

    /// The value of the cookie, of `?rising=` and of `data-rising`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Red => "red",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rising| rising.as_str() == text)
    }
}

/// What was settled for a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Language of the page.
    pub locale: Locale,
    /// Whether the address names the language: then links name it too.
    pub named: bool,
    /// Light or dark.
    pub theme: Theme,
    /// Colour of a rise.
    pub rising: Rising,
    /// Coins with a star.
    pub watch: Watchlist,
}

impl Settled {
    /// From an address's query, the `Cookie` headers and `Accept-Language`. What is unknown counts as not said.
    #[must_use]
    pub fn from_request(query: &str, cookies: &[&str], languages: &str) -> Self {
        let asked = |name: &str| pairs(query, '&').find(|(key, _)| *key == name).map(|(_, value)| value);
        let kept = |name: &str| {
            cookies.iter().flat_map(|line| pairs(line, ';')).find(|(key, _)| *key == name).map(|(_, v)| v)
        };
        let lang = asked(LANG).and_then(Locale::from_tag);
        Self {
            locale: lang
                .or_else(|| kept(LANG).and_then(Locale::from_tag))
                .unwrap_or_else(|| Locale::negotiate(languages)),
            named: lang.is_some(),
            theme: asked(THEME)
                .and_then(Theme::parse)
                .or_else(|| kept(THEME).and_then(Theme::parse))
                .unwrap_or_default(),
            rising: asked(RISING)
                .and_then(Rising::parse)
                .or_else(|| kept(RISING).and_then(Rising::parse))
                .unwrap_or_default(),
            watch: kept(WATCH).map(Watchlist::parse).unwrap_or_default(),
        }
    }

    /// The settings of the request that is being rendered; the usual ones outside of a request.
    #[cfg(feature = "ssr")]
    #[must_use]
    pub fn current() -> Self {
        use axum::http::{header, request::Parts};

        let Some(parts) = use_context::<Parts>() else { return Self::default() };
        let text = |value: &'_ axum::http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
        let cookies: Vec<String> = parts.headers.get_all(header::COOKIE).iter().map(text).collect();
        let cookies: Vec<&str> = cookies.iter().map(String::as_str).collect();
        let languages = parts.headers.get(header::ACCEPT_LANGUAGE).map(text).unwrap_or_default();
        Self::from_request(parts.uri.query().unwrap_or_default(), &cookies, &languages)
    }

    /// The settings that the server wrote on this page.
    #[cfg(not(feature = "ssr"))]
    #[must_use]
    pub fn current() -> Self {
        let root = document().document_element();
        let attribute =
            |name: &str| root.as_ref().and_then(|root| root.get_attribute(name)).unwrap_or_default();
        let cookies = browser::cookies();
        let query = window().location().search().unwrap_or_default();
        let lang = attribute("lang");
        let of_request = Self::from_request(query.trim_start_matches('?'), &[&cookies], &lang);
        Self {
            locale: Locale::from_tag(&lang).unwrap_or_default(),
            theme: Theme::parse(&attribute("data-theme")).unwrap_or_default(),
            rising: Rising::parse(&attribute("data-rising")).unwrap_or_default(),
            ..of_request
        }
    }

    /// Has the browser keep what the address asked for, and tells the language of the page.
    #[cfg(feature = "ssr")]
    fn answer(&self) {
        use axum::http::{HeaderValue, header, request::Parts};

        let Some(response) = use_context::<leptos_axum::ResponseOptions>() else { return };
        response.insert_header(header::CONTENT_LANGUAGE, HeaderValue::from_static(self.locale.tag()));
        let query = use_context::<Parts>().and_then(|parts| parts.uri.query().map(str::to_owned));
        let query = query.unwrap_or_default();
        let values =
            [(LANG, self.locale.tag()), (THEME, self.theme.as_str()), (RISING, self.rising.as_str())];
        for (name, value) in values {
            let asked = pairs(&query, '&').any(|(key, _)| key == name);
            if asked && let Ok(cookie) = HeaderValue::from_str(&cookie(name, value)) {
                response.append_header(header::SET_COOKIE, cookie);
            }
        }
    }
}

/// `key=value` pairs; white space around them does not count.
fn pairs(text: &str, separator: char) -> impl Iterator<Item = (&str, &str)> {
    text.split(separator).filter_map(|pair| pair.trim().split_once('='))
}

/// A cookie that holds a choice. Scripts of this page may read and write it: it opens nothing.
fn cookie(name: &str, value: &str) -> String {
    format!("{name}={value}; Path=/; Max-Age={KEPT}; SameSite=Lax")
}

/// How the reader wants this page, in context. Cheap to copy.
#[derive(Clone, Copy)]
pub struct Prefs {
    /// Language; stays while the page is open.
    pub locale: Locale,
    named: bool,
    theme: RwSignal<Theme>,
    rising: RwSignal<Rising>,
    watch: RwSignal<Watchlist>,
    zone: RwSignal<Zone>,
}

impl Prefs {
    /// Settles them and puts them into context; called once, by the root component.
    pub fn provide() -> Self {
        let settled = Settled::current();
        #[cfg(feature = "ssr")]
        settled.answer();
        let prefs = Self {
            locale: settled.locale,
            named: settled.named,
            theme: RwSignal::new(settled.theme),
            rising: RwSignal::new(settled.rising),
            watch: RwSignal::new(settled.watch),
            zone: RwSignal::new(Zone::Utc),
        };
        provide_context(prefs);
        prefs
    }

    /// The texts of the page.
    #[must_use]
    pub const fn words(&self) -> &'static Words {
        self.locale.words()
    }

    /// Light or dark, as chosen.
    #[must_use]
    pub fn theme(&self) -> Theme {
        self.theme.get()
    }

    /// The colour of a rise, as chosen.
    #[must_use]
    pub fn rising(&self) -> Rising {
        self.rising.get()
    }

    /// How times are written: in UTC at first, in the reader's zone once hydrated.
    #[must_use]
    pub fn calendar(&self) -> Calendar {
        Calendar { locale: self.locale, zone: self.zone.get() }
    }

    /// Has times written in the reader's zone once this part of the page is hydrated. The server does not know the zone: its
    /// times are UTC, and hydration must find them so, also of a part whose code comes later.
    pub fn settle_zone(&self) {
        let zone = self.zone;
        live::effect(move || {
            // What is hydrated together with this part is done by the next frame.
            request_animation_frame(move || {
                if zone.try_get_untracked() == Some(Zone::Utc) {
                    zone.set(Zone::Reader);
                }
            });
        });
    }

    /// The coins with a star.
    #[must_use]
    pub fn watch(&self) -> RwSignal<Watchlist> {
        self.watch
    }

    /// A link within the site: it goes on naming the language if this page's address does.
    #[must_use]
    pub fn link(&self, to: &str) -> String {
        if !self.named {
            return to.to_owned();
        }
        let separator = if to.contains('?') { '&' } else { '?' };
        format!("{to}{separator}{LANG}={}", self.locale.tag())
    }

    /// Whether links name the language, and which.
    #[must_use]
    pub fn named_language(&self) -> Option<&'static str> {
        self.named.then_some(self.locale.tag())
    }

    /// Chooses a theme, here and for later pages.
    pub fn choose_theme(&self, theme: Theme) {
        self.theme.set(theme);
        keep(THEME, theme.as_str(), Some("data-theme"));
    }

    /// Chooses the colour of a rise, here and for later pages.
    pub fn choose_rising(&self, rising: Rising) {
        self.rising.set(rising);
        keep(RISING, rising.as_str(), Some("data-rising"));
    }

    /// Puts a coin on the watchlist, or takes it off.
    pub fn toggle_watch(&self, symbol: &model::Symbol) {
        self.watch.update(|watch| watch.toggle(symbol));
        keep(WATCH, &self.watch.with_untracked(Watchlist::to_text), None);
    }
}

/// The present page's preferences.
#[must_use]
pub fn use_prefs() -> Prefs {
    expect_context()
}

/// The present page's texts.
#[must_use]
pub fn use_words() -> &'static Words {
    use_prefs().words()
}

/// Keeps a choice in its cookie and, if it has an attribute, on `<html>`.
#[cfg(not(feature = "ssr"))]
fn keep(name: &str, value: &str, attribute: Option<&str>) {
    browser::set_cookie(&cookie(name, value));
    if let (Some(attribute), Some(root)) = (attribute, document().document_element()) {
        // Only a name that is no name is refused.
        let _ = root.set_attribute(attribute, value);
    }
}

/// The server answers with cookies instead: nobody clicks there.
#[cfg(feature = "ssr")]
fn keep(_name: &str, _value: &str, _attribute: Option<&str>) {}

/// The page's cookies.
#[cfg(not(feature = "ssr"))]
mod browser {
    use leptos::prelude::document;
    use wasm_bindgen::JsCast;

    fn html() -> Option<web_sys::HtmlDocument> {
        document().dyn_into().ok()
    }

    /// As in a `Cookie` header; empty where the browser refuses cookies.
    pub(super) fn cookies() -> String {
        html().and_then(|html| html.cookie().ok()).unwrap_or_default()
    }

    /// Sets one. A browser that refuses keeps the choice for as long as the page is open.
    pub(super) fn set_cookie(cookie: &str) {
        if let Some(html) = html() {
            let _ = html.set_cookie(cookie);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_wins_over_cookies_and_they_over_headers() {
        let settled = Settled::from_request("sort=-cap&lang=zh-CN", &["lang=en; theme=dark"], "en");
        assert_eq!((settled.locale, settled.named, settled.theme), (Locale::ZhCn, true, Theme::Dark));
        let settled = Settled::from_request("", &["x=1; lang=en", "rising=red"], "zh-CN");
        assert_eq!((settled.locale, settled.named, settled.rising), (Locale::En, false, Rising::Red));
        assert_eq!(Settled::from_request("", &[], "zh-CN").locale, Locale::ZhCn);
    }

    #[test]
    fn what_is_unknown_counts_as_not_said() {
        let settled = Settled::from_request("lang=xx&theme=pink&rising", &["theme=; =; watch=;;"], "");
        assert_eq!(settled, Settled::default());
    }
}
