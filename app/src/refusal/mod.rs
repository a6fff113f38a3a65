//! The page that a browser gets instead of one that the server refuses; rendered on the server only.
//!
//! It is sent when the server has no time for the app, or before a request reaches it. So it is one piece of text without a render,
//! a script or a file: its few styles are in it, with the colors of `style/tokens.css`.

mod texts;

use self::texts::{RefusalTexts, texts};
use crate::{components::icons, data::local_path, prefs::Settled};

/// The styles of the page.
const STYLE: &str = include_str!("refusal.css");

/// What kept a page from being answered.
#[derive(Clone, Copy, Debug)]
pub struct Refusal<'a> {
    /// The HTTP status.
    pub status: u16,
    /// Whether the answer was begun, and not ready in time.
    pub is_late: bool,
    /// When to try again, seconds.
    pub retry_after: Option<u32>,
    /// What was sent, if it was a form: the page with the form, if it is known.
    pub form: Option<Option<&'a str>>,
    /// The id of the request, of letters, digits, dots, hyphens and underscores.
    pub request_id: &'a str,
    /// What the content security policy lets the styles pass by.
    pub nonce: &'a str,
}

/// The page, as this reader wants pages.
#[must_use]
pub fn refusal_page(reader: &Settled, refusal: &Refusal) -> String {
    let Settled { locale, theme, named, .. } = *reader;
    let RefusalTexts { title, text, retry_in, back, request_id } = texts(locale);
    let words = locale.words();
    let Refusal { status, is_late, retry_after, form, request_id: id, nonce } = *refusal;
    let (title, text) = (title(status), text(status, is_late));
    let lang = locale.tag();
    let home = if named { format!("/?lang={lang}") } else { "/".to_owned() };
    // An empty address is that of the page; opened again, that of a form would be no page.
    let passes = retry_after.is_some() || status == 408 || status >= 500;
    let (href, label) = match form {
        Some(page) => {
            page.and_then(local_path).map_or((home.as_str(), words.all_markets), |page| (page, back))
        }
        None if passes => ("", words.retry),
        None => (home.as_str(), words.all_markets),
    };
    let wait = retry_after.map_or_else(String::new, |seconds| format!("<p>{}</p>", retry_in(seconds)));
    let (theme, href, home) = (theme.as_str(), escaped(href), escaped(&home));
    let (mark, empty) = (icons::MARK, icons::EMPTY);
    format!(
        r#"<!DOCTYPE html>
<html lang="{lang}" data-theme="{theme}"><head><meta charset="utf-8"><title>{title} · Tidemark</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<link rel="icon" type="image/svg+xml" href="/favicon.svg"><style nonce="{nonce}">{STYLE}</style></head>
<body><header><a href="{home}"><span aria-hidden="true">{mark}</span>Tidemark</a></header>
<main><section><span aria-hidden="true">{empty}</span><h1>{title}</h1><p>{text}</p>{wait}
<p><a class="button" href="{href}">{label}</a></p><p class="small">HTTP {status} · {request_id} <code>{id}</code></p></section></main>
</body></html>
"#
    )
}

/// Text as the value of an attribute.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSAL: Refusal = Refusal {
        status: 429,
        is_late: false,
        retry_after: Some(4),
        form: None,
        request_id: "id",
        nonce: "n",
    };

    fn page(query: &str, refusal: &Refusal) -> String {
        refusal_page(&Settled::from_request(query, &[], ""), refusal)
    }

    #[test]
    fn its_colors_are_those_of_the_style_sheet() {
        let tokens = include_str!("../../../style/tokens.css");
        let declared = STYLE.split(['{', ';', '}']).map(str::trim).filter(|text| text.starts_with("--"));
        let mut count = 0;
        for declaration in declared {
            assert!(tokens.contains(&format!("{declaration};")), "{declaration}");
            count += 1;
        }
        assert!(count > 20, "{count}");
    }

    #[test]
    fn a_form_leads_back_to_its_page_and_never_to_another_site() {
        let with = |form| page("", &Refusal { form: Some(form), ..REFUSAL });
        assert!(
            with(Some("/admin?next=/a&b=\"c\"")).contains(r#"href="/admin?next=/a&amp;b=&quot;c&quot;""#)
        );
        for bad in [None, Some("//evil.example"), Some("https://evil.example"), Some("javascript:alert(1)")] {
            let page = with(bad);
            assert!(page.contains(r#"class="button" href="/""#), "{page}");
            assert!(!page.contains("evil") && !page.contains("javascript"), "{page}");
        }
    }

    #[test]
    fn trying_again_is_offered_where_it_may_help() {
        let again = |status| {
            let refusal = Refusal { status, retry_after: None, ..REFUSAL };
            page("", &refusal).contains(r#"class="button" href="""#)
        };
        assert!(again(408) && again(500) && again(503));
        assert!(!again(400) && !again(404) && !again(405));
        assert!(
            page("lang=zh-CN", &Refusal { status: 404, retry_after: None, ..REFUSAL })
                .contains("/?lang=zh-CN")
        );
    }
}
