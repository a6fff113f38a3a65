//! Where the shown figures come from, in plain words.

use leptos::prelude::*;
use model::{Provenance, Tier};

use crate::{live, prefs::use_prefs, when, words::Locale};

/// One sentence on figures that are read again and again: which layer answered, how old they are, and why if they are
/// stale or made up.
#[must_use]
pub fn sentence(provenance: &Provenance, locale: Locale) -> String {
    say(provenance, locale, false)
}

/// The same of figures that are read once and stay on the page: true for as long as it is open.
#[must_use]
pub fn sentence_when_read(provenance: &Provenance, locale: Locale) -> String {
    say(provenance, locale, true)
}

fn say(provenance: &Provenance, locale: Locale, when_read: bool) -> String {
    let words = locale.words();
    let age = when::age(provenance.age_ms, locale);
    let mut text = match (provenance.tier, when_read) {
        (Tier::L1, false) => (words.from_memory)(&age),
        (Tier::L1, true) => (words.from_memory_when_read)(&age),
        (Tier::L2, false) => (words.from_redis)(&age),
        (Tier::L2, true) => (words.from_redis_when_read)(&age),
        (Tier::Database, false) => words.from_database.to_owned(),
        (Tier::Database, true) => words.from_database_when_read.to_owned(),
        (Tier::Simulated, _) => words.from_simulation.to_owned(),
    };
    if provenance.simulated && provenance.tier != Tier::Simulated {
        text.push_str(words.made_up);
    }
    if let Some(reason) = &provenance.reason {
        text.push_str(&(words.because)(&(words.reason)(reason)));
    } else if provenance.stale && !when_read {
        text.push_str(words.refreshing);
    }
    text
}

/// The foot line of a card.
#[component]
pub fn Foot(
    /// Where the shown figures come from.
    #[prop(into)]
    provenance: Signal<Provenance>,
    /// Whether the server stopped answering.
    #[prop(into)]
    lost: Signal<bool>,
    /// HTTP status of the last answer, if it was an error.
    #[prop(into, optional)]
    refused: Signal<Option<u16>>,
) -> impl IntoView {
    let prefs = use_prefs();
    live::text(move || {
        if lost.get() {
            prefs.words().foot_lost.to_owned()
        } else if let Some(status) = refused.get() {
            (prefs.words().foot_refused)(status)
        } else {
            provenance.with(|p| sentence(p, prefs.locale))
        }
    })
}

#[cfg(test)]
mod tests {
    use model::Source;

    use super::*;

    #[test]
    fn says_tier_age_and_reason() {
        let mut p = Provenance {
            tier: Tier::L1,
            source: Source::RECORDED,
            age_ms: 400,
            stale: false,
            simulated: false,
            reason: None,
        };
        assert_eq!(sentence(&p, Locale::En), "Served from memory (L1), 0.4 s old");
        assert_eq!(sentence_when_read(&p, Locale::En), "Served from memory (L1), 0.4 s old when read");
        p.stale = true;
        assert_eq!(sentence_when_read(&p, Locale::En), "Served from memory (L1), 0.4 s old when read");
        assert_eq!(sentence(&p, Locale::En), "Served from memory (L1), 0.4 s old, being refreshed");
        p.reason = Some("the database does not answer".to_owned());
        assert_eq!(
            sentence(&p, Locale::En),
            "Served from memory (L1), 0.4 s old: the database does not answer"
        );
        p.tier = Tier::Database;
        p.reason = None;
        p.stale = false;
        assert_eq!(sentence(&p, Locale::En), "Read from the database just now");
        assert_eq!(sentence_when_read(&p, Locale::En), "Read from the database");
        p.reason = Some("the database does not answer".to_owned());
        p.tier = Tier::Simulated;
        p.simulated = true;
        assert_eq!(sentence(&p, Locale::En), "Made up by the simulation: the database does not answer");
        assert_eq!(sentence(&p, Locale::ZhCn), "由模拟器生成：数据库没有响应");
    }
}
