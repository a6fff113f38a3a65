//! What the server settles for a page, and the browser finds on it.

#[cfg(feature = "ssr")]
use leptos::prelude::*;
#[cfg(not(feature = "ssr"))]
use leptos::prelude::{document, window};

use super::looks::{Rising, Theme};
use crate::{watchlist::Watchlist, words::Locale};

/// How long a choice is kept, seconds: a year.
const KEPT: u32 = 31_536_000;
/// The names of cookies; those of the first three are query parameters too.
pub(super) const LANG: &str = "lang";
pub(super) const THEME: &str = "theme";
pub(super) const RISING: &str = "rising";
pub(super) const WATCH: &str = "watch";
pub(super) const KEYS: &str = "keys";
/// The value of [`KEYS`] that switches them off.
pub(crate) const OFF: &str = "off";

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
    /// Whether a single key does nothing by itself: who speaks to the computer may press one by a word (WCAG 2.1.4).
    pub keys_off: bool,
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
            keys_off: kept(KEYS) == Some(OFF),
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

    /// The settings that the server wrote on this page. Cookies may hold others by now: after a step back in the history the
    /// browser shows the page as it was answered then.
    #[cfg(not(feature = "ssr"))]
    #[must_use]
    pub fn current() -> Self {
        let root = document().document_element();
        let attribute =
            |name: &str| root.as_ref().and_then(|root| root.get_attribute(name)).unwrap_or_default();
        let query = window().location().search().unwrap_or_default();
        let lang = attribute("lang");
        let of_request = Self::from_request(query.trim_start_matches('?'), &[], &lang);
        Self {
            locale: Locale::from_tag(&lang).unwrap_or_default(),
            theme: Theme::parse(&attribute("data-theme")).unwrap_or_default(),
            rising: Rising::parse(&attribute("data-rising")).unwrap_or_default(),
            watch: Watchlist::parse(&attribute("data-watch")),
            keys_off: attribute("data-keys") == OFF,
            ..of_request
        }
    }

    /// Has the browser keep what the address asked for, and tells the language of the page.
    #[cfg(feature = "ssr")]
    pub(super) fn answer(&self) {
        use axum::http::{HeaderValue, header, request::Parts};

        let Some(response) = use_context::<leptos_axum::ResponseOptions>() else { return };
        response.insert_header(header::CONTENT_LANGUAGE, HeaderValue::from_static(self.locale.tag()));
        let query = use_context::<Parts>().and_then(|parts| parts.uri.query().map(str::to_owned));
        let query = query.unwrap_or_default();
        // Not what the address asks for in vain: that was settled otherwise, and may change.
        let asked = |name: &str| pairs(&query, '&').find(|(key, _)| *key == name).map(|(_, value)| value);
        let values = [
            (LANG, asked(LANG).and_then(Locale::from_tag).map(Locale::tag)),
            (THEME, asked(THEME).and_then(Theme::parse).map(Theme::as_str)),
            (RISING, asked(RISING).and_then(Rising::parse).map(Rising::as_str)),
        ];
        for (name, value) in values {
            if let Some(value) = value
                && let Ok(cookie) = HeaderValue::from_str(&cookie(name, value))
            {
                response.append_header(header::SET_COOKIE, cookie);
            }
        }
    }
}

/// The choices that cookies hold now; `None` for one that they do not.
#[cfg(any(not(feature = "ssr"), test))]
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) theme: Option<Theme>,
    pub(super) rising: Option<Rising>,
    pub(super) watch: Option<Watchlist>,
    pub(super) keys_off: Option<bool>,
}

#[cfg(any(not(feature = "ssr"), test))]
impl Stored {
    /// From a `Cookie` header, or `document.cookie`.
    pub(super) fn from_cookies(cookies: &str) -> Self {
        let kept = |name: &str| pairs(cookies, ';').find(|(key, _)| *key == name).map(|(_, value)| value);
        Self {
            theme: kept(THEME).and_then(Theme::parse),
            rising: kept(RISING).and_then(Rising::parse),
            watch: kept(WATCH).map(Watchlist::parse),
            keys_off: kept(KEYS).map(|value| value == OFF),
        }
    }
}

/// `key=value` pairs; white space around them does not count.
fn pairs(text: &str, separator: char) -> impl Iterator<Item = (&str, &str)> {
    text.split(separator).filter_map(|pair| pair.trim().split_once('='))
}

/// A cookie that holds a choice. Scripts of this page may read and write it: it opens nothing.
pub(super) fn cookie(name: &str, value: &str) -> String {
    format!("{name}={value}; Path=/; Max-Age={KEPT}; SameSite=Lax")
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
        assert!(Settled::from_request("", &["keys=off"], "").keys_off);
        assert!(!Settled::from_request("keys=off", &["keys=on"], "").keys_off);
    }

    #[test]
    fn what_cookies_do_not_hold_is_told_from_what_is_empty() {
        assert_eq!(Stored::from_cookies(""), Stored::default());
        let stored = Stored::from_cookies("watch=; theme=dark; keys=on");
        assert_eq!(stored.watch, Some(Watchlist::default()));
        assert_eq!((stored.theme, stored.rising, stored.keys_off), (Some(Theme::Dark), None, Some(false)));
    }

    #[test]
    fn what_is_unknown_counts_as_not_said() {
        let settled = Settled::from_request("lang=xx&theme=pink&rising", &["theme=; =; watch=;;"], "");
        assert_eq!(settled, Settled::default());
    }
}
