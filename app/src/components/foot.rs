//! Where the shown figures come from, in plain words.

use leptos::prelude::*;
use model::{Provenance, Tier};

use crate::when;

/// One sentence on figures that are read again and again: which layer answered, how old they are, and why if they are
/// stale or made up.
#[must_use]
pub fn sentence(provenance: &Provenance) -> String {
    let refresh = if provenance.stale { ", being refreshed" } else { "" };
    say(provenance, "", " just now", refresh)
}

/// The same of figures that are read once and stay on the page: true for as long as it is open.
#[must_use]
pub fn sentence_when_read(provenance: &Provenance) -> String {
    say(provenance, " when read", "", "")
}

fn say(provenance: &Provenance, then: &str, now: &str, refresh: &str) -> String {
    let age = when::age(provenance.age_ms);
    let mut text = match provenance.tier {
        Tier::L1 => format!("Served from memory (L1), {age} old{then}"),
        Tier::L2 => format!("Served from Redis (L2), {age} old{then}"),
        Tier::Database => format!("Read from the database{now}"),
        Tier::Simulated => "Made up by the simulation".to_owned(),
    };
    if provenance.simulated && provenance.tier != Tier::Simulated {
        text.push_str(", made up by the simulation");
    }
    if let Some(reason) = &provenance.reason {
        text.push_str(": ");
        text.push_str(reason);
    } else {
        text.push_str(refresh);
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
) -> impl IntoView {
    move || {
        if lost.get() {
            "The server does not answer; these figures are the last it sent.".to_owned()
        } else {
            provenance.with(sentence)
        }
    }
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
        assert_eq!(sentence(&p), "Served from memory (L1), 0.4 s old");
        assert_eq!(sentence_when_read(&p), "Served from memory (L1), 0.4 s old when read");
        p.stale = true;
        assert_eq!(sentence_when_read(&p), "Served from memory (L1), 0.4 s old when read");
        assert_eq!(sentence(&p), "Served from memory (L1), 0.4 s old, being refreshed");
        p.reason = Some("the database does not answer".to_owned());
        assert_eq!(sentence(&p), "Served from memory (L1), 0.4 s old: the database does not answer");
        p.tier = Tier::Database;
        p.reason = None;
        p.stale = false;
        assert_eq!(sentence(&p), "Read from the database just now");
        assert_eq!(sentence_when_read(&p), "Read from the database");
        p.reason = Some("the database does not answer".to_owned());
        p.tier = Tier::Simulated;
        p.simulated = true;
        assert_eq!(sentence(&p), "Made up by the simulation: the database does not answer");
    }
}
