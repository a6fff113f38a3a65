//! How a reader wants the pages: language, theme, colours of rise and fall, watchlist.
//!
//! The server settles them while it renders, from the address, then cookies, then the browser's headers, and writes them
//! on `<html>`, so that nothing flashes and the browser finds the same ones there. The language stays while a page is
//! open; the others change in place and are kept in cookies. The cookies are shared by all tabs: a page reads them again
//! before it changes them, and when another tab has.

mod looks;
mod settled;

use leptos::prelude::*;

pub(crate) use self::settled::OFF;
use self::settled::{KEYS, LANG, RISING, THEME, WATCH};
pub use self::{
    looks::{Rising, Theme},
    settled::Settled,
};
use crate::{
    live,
    watchlist::Watchlist,
    when::{Calendar, Zone},
    words::{Locale, Words},
};

/// How the reader wants this page, in context. Cheap to copy.
#[derive(Clone, Copy)]
pub struct Prefs {
    /// Language; stays while the page is open.
    pub locale: Locale,
    named: bool,
    theme: RwSignal<Theme>,
    rising: RwSignal<Rising>,
    watch: RwSignal<Watchlist>,
    keys: RwSignal<bool>,
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
            keys: RwSignal::new(!settled.keys_off),
            zone: RwSignal::new(Zone::Utc),
        };
        provide_context(prefs);
        #[cfg(not(feature = "ssr"))]
        browser::on_change(
            // Before, hydration must find what the server wrote; `settle` reads the cookies after it.
            move || prefs.zone.get_untracked() == Zone::Reader,
            move |stored| prefs.take_over(settled::Stored::from_cookies(stored)),
        );
        prefs
    }

    /// Takes over what another tab has chosen.
    #[cfg(not(feature = "ssr"))]
    fn take_over(&self, stored: settled::Stored) {
        if let Some(watch) = stored.watch
            && self.watch.with_untracked(|shown| *shown != watch)
        {
            self.watch.set(watch);
        }
        if let Some(theme) = stored.theme
            && self.theme.get_untracked() != theme
        {
            self.theme.set(theme);
            browser::set_attribute("data-theme", theme.as_str());
            browser::colour_bars(theme);
        }
        if let Some(rising) = stored.rising
            && self.rising.get_untracked() != rising
        {
            self.rising.set(rising);
            browser::set_attribute("data-rising", rising.as_str());
        }
        if let Some(off) = stored.keys_off
            && self.keys.get_untracked() == off
        {
            self.keys.set(!off);
        }
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

    /// Once this part of the page is hydrated, has times written in the reader's zone and takes over what the cookies hold. The
    /// server does not know the zone, and cookies may have changed since it answered. Hydration must find what the server wrote,
    /// including in parts whose code loads later.
    pub fn settle(&self) {
        let prefs = *self;
        live::effect(move || {
            // What is hydrated together with this part is done by the next frame.
            request_animation_frame(move || {
                if prefs.zone.try_get_untracked() == Some(Zone::Utc) {
                    prefs.zone.set(Zone::Reader);
                }
                #[cfg(not(feature = "ssr"))]
                if let Some(cookies) = browser::settled_cookies() {
                    prefs.take_over(settled::Stored::from_cookies(&cookies));
                }
            });
        });
    }

    /// Whether the browser has taken the page over: what the server rendered stands still without it.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.zone.get() == Zone::Reader
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
        #[cfg(not(feature = "ssr"))]
        browser::colour_bars(theme);
    }

    /// Chooses the colour of a rise, here and for later pages.
    pub fn choose_rising(&self, rising: Rising) {
        self.rising.set(rising);
        keep(RISING, rising.as_str(), Some("data-rising"));
    }

    /// Whether single keys do something by themselves.
    #[must_use]
    pub fn keys(&self) -> RwSignal<bool> {
        self.keys
    }

    /// Switches single keys on or off, here and for later pages.
    pub fn choose_keys(&self, on: bool) {
        self.keys.set(on);
        keep(KEYS, if on { "on" } else { OFF }, None);
    }

    /// Puts a coin on the watchlist, or takes it off: the opposite of what this page shows.
    pub fn toggle_watch(&self, symbol: &model::Symbol) {
        let starred = !self.watch.with_untracked(|watch| watch.has(symbol));
        // Another tab may have changed the list since this page was loaded. A browser that refuses cookies has none: then
        // the page's own list counts.
        #[cfg(not(feature = "ssr"))]
        let stored = browser::settled_cookies().and_then(|text| settled::Stored::from_cookies(&text).watch);
        #[cfg(feature = "ssr")]
        let stored = None::<Watchlist>;
        self.watch.update(|watch| {
            if let Some(stored) = stored {
                *watch = stored;
            }
            watch.set(symbol, starred);
        });
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
    browser::set_cookie(&settled::cookie(name, value));
    if let Some(attribute) = attribute {
        browser::set_attribute(attribute, value);
    }
    browser::announce(&format!("{name}={value}"));
}

/// The server answers with cookies instead: nobody clicks there.
#[cfg(feature = "ssr")]
fn keep(_name: &str, _value: &str, _attribute: Option<&str>) {}

/// The cookie that keeps this watchlist.
#[cfg(feature = "ssr")]
pub(crate) fn watch_cookie(watch: &Watchlist) -> String {
    settled::cookie(WATCH, &watch.to_text())
}

/// The page's cookies, and the other tabs that share them.
#[cfg(not(feature = "ssr"))]
mod browser {
    use std::cell::Cell;

    use leptos::{leptos_dom::helpers::window_event_listener_untyped, prelude::document};
    use wasm_bindgen::{JsCast, JsValue, closure::Closure};
    use web_sys::{BroadcastChannel, MessageEvent};

    use super::Theme;

    /// The channel on which a page announces that it changed a cookie, as `name=value`.
    const CHANNEL: &str = "tidemark-prefs";
    /// A browser writes cookies in another process than it sends messages in: for this long after a message `document.cookie`
    /// may hold what was before it, ms.
    const UNSETTLED_MS: f64 = 2_000.0;

    thread_local! {
        // One a page: a channel does not hear its own messages. None in a browser that has no such channels: there a tab
        // reads the cookies when it comes into sight.
        static TABS: Option<BroadcastChannel> = BroadcastChannel::new(CHANNEL).ok();
        /// When the last message was heard, ms.
        static HEARD: Cell<f64> = const { Cell::new(f64::NEG_INFINITY) };
    }

    /// Tells the other tabs of a changed cookie.
    pub(super) fn announce(pair: &str) {
        TABS.with(|tabs| {
            if let Some(tabs) = tabs {
                // Only a channel that was closed refuses: this one stays open.
                let _ = tabs.post_message(&JsValue::from_str(pair));
            }
        });
    }

    /// The page's cookies, unless another tab has changed one this moment.
    pub(super) fn settled_cookies() -> Option<String> {
        (js_sys::Date::now() - HEARD.get() > UNSETTLED_MS).then(cookies)
    }

    /// Runs with the changed cookie when another tab has changed one, and with all of them when one may have while this tab was
    /// not in sight, once `is_ready`. For as long as the page is open.
    pub(super) fn on_change(
        is_ready: impl Fn() -> bool + Clone + 'static,
        run: impl Fn(&str) + Clone + 'static,
    ) {
        TABS.with(|tabs| {
            if let Some(tabs) = tabs {
                let (is_ready, run) = (is_ready.clone(), run.clone());
                let heard = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
                    if let Some(pair) = event.data().as_string()
                        && is_ready()
                    {
                        HEARD.set(js_sys::Date::now());
                        run(&pair);
                    }
                });
                tabs.set_onmessage(Some(heard.as_ref().unchecked_ref()));
                // It lives as long as the page does.
                heard.forget();
            }
        });
        // A page that comes back from the browser's memory has missed all messages.
        for event in ["visibilitychange", "pageshow"] {
            let (is_ready, run) = (is_ready.clone(), run.clone());
            window_event_listener_untyped(event, move |_| {
                if is_ready()
                    && let Some(text) = settled_cookies()
                {
                    run(&text);
                }
            });
        }
    }

    /// Sets an attribute of `<html>`.
    pub(super) fn set_attribute(name: &str, value: &str) {
        if let Some(root) = document().document_element() {
            // Only a name that is no name is refused.
            let _ = root.set_attribute(name, value);
        }
    }

    fn html() -> Option<web_sys::HtmlDocument> {
        document().dyn_into().ok()
    }

    /// As in a `Cookie` header; empty where the browser refuses cookies.
    pub(super) fn cookies() -> String {
        html().and_then(|html| html.cookie().ok()).unwrap_or_default()
    }

    /// Has the browser's own bars follow the theme.
    pub(super) fn colour_bars(theme: Theme) {
        for shade in [Theme::Light, Theme::Dark] {
            if let Some(meta) = document().get_element_by_id(shade.bar_id()) {
                // Only a name that is no name is refused.
                let _ = meta.set_attribute("media", theme.bar_media(shade));
            }
        }
    }

    /// Sets one. A browser that refuses keeps the choice for as long as the page is open.
    pub(super) fn set_cookie(cookie: &str) {
        if let Some(html) = html() {
            let _ = html.set_cookie(cookie);
        }
    }
}
