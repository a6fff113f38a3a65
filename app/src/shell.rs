//! The HTML document around the app; rendered on the server only.

use leptos::{config::LeptosOptions, html, hydration::HydrationScripts, prelude::*};
use leptos_meta::{HashedStylesheet, MetaTags};

use crate::{
    App,
    prefs::{OFF, Settled, Theme},
};

/// The document. The options say where the scripts and the style sheet lie.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    let Settled { locale, theme, rising, watch, keys_off, .. } = Settled::current();
    // The browser reads these attributes back for hydration, see `Settled::current`.
    let keys = if keys_off { OFF } else { "" };
    view! {
        <!DOCTYPE html>
        <html
            lang=locale.tag()
            data-theme=theme.as_str()
            data-rising=rising.as_str()
            data-watch=watch.to_text()
            data-keys=keys
        >
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                {bars(theme, Theme::Light, "#fffdf9")}
                {bars(theme, Theme::Dark, "#111b25")}
                <meta name="description" content=locale.words().about />
                <link rel="icon" type="image/svg+xml" href="/favicon.svg" />
                <HashedStylesheet options=options.clone() />
                <AutoReload options=options.clone() />
                <HydrationScripts options />
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

/// The colour of the browser's own bars in a shade. `media` is none of the attributes that a view knows of a `meta`.
fn bars(theme: Theme, shade: Theme, colour: &'static str) -> impl IntoView {
    html::meta().id(shade.bar_id()).name("theme-color").content(colour).attr("media", theme.bar_media(shade))
}
