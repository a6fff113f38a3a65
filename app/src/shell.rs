//! The HTML document around the app; rendered on the server only.

use leptos::{config::LeptosOptions, hydration::HydrationScripts, prelude::*};
use leptos_meta::{HashedStylesheet, MetaTags};

use crate::{
    App,
    prefs::{Settled, Theme},
};

/// The document. The options say where the scripts and the style sheet lie.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    let Settled { locale, theme, rising, .. } = Settled::current();
    view! {
        <!DOCTYPE html>
        <html lang=locale.tag() data-theme=theme.as_str() data-rising=rising.as_str()>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <meta name="theme-color" content="#fffdf9" attr:media=theme.bar_media(Theme::Light) />
                <meta name="theme-color" content="#111b25" attr:media=theme.bar_media(Theme::Dark) />
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
