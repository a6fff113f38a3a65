//! `cargo deploy doctor`: each prerequisite as found, missing or too old, with the fix.

use serde_json::json;

use crate::{
    cli::DoctorArgs,
    layout::Layout,
    preflight,
    problem::Result,
    say, state,
    tools::{Circumstances, Finding, Need, State, detect, fix, plan},
};

/// What is in the way of `up` on this machine, apart from programs: the disk, the clock, and who owns what. Each with what to
/// do.
fn troubles(layout: &Layout) -> Vec<String> {
    let state = state::State::load(layout).map_err(|problem| problem.to_string());
    let found = state.and_then(|state| {
        let there = layout.kept().exists();
        let checked = if there { preflight::check(layout, &state) } else { Ok(()) };
        checked.map_err(|problem| problem.to_string())
    });
    let mut texts: Vec<String> = found.err().into_iter().collect();
    if !layout.server_binary().is_file()
        && let Some(text) = preflight::lack_of_room(&layout.target(), preflight::ROOM_TO_BUILD)
    {
        texts.push(format!("for the first build {text}"));
    }
    texts
}

/// Lists them, and what else is in the way; the exit code is 1 when one that `up` needs is missing, or the disk or the clock is
/// in the way.
///
/// # Errors
/// None at present.
pub fn run(layout: &Layout, args: &DoctorArgs) -> Result<u8> {
    let at = Circumstances::here(layout);
    let findings = detect(layout);
    let vital = |it: &&Finding| !it.good() && matches!(it.need, Need::Run | Need::Build);
    let lacking: Vec<Finding> = findings.iter().filter(vital).cloned().collect();
    let troubles = troubles(layout);
    let healthy = lacking.is_empty() && troubles.is_empty();
    if args.json {
        let list: Vec<_> = findings
            .iter()
            .map(|it| {
                let mut value = json!(it);
                if !it.good() {
                    value["fix"] = json!(fix(it, &at));
                }
                value
            })
            .collect();
        let told = json!({ "healthy": healthy, "prerequisites": list, "troubles": troubles });
        say::line(&told.to_string());
        return Ok(u8::from(!healthy));
    }
    for it in &findings {
        let purpose = match it.need {
            Need::Run | Need::Build => "",
            Need::Recommended => " (recommended)",
            Need::Tests => " (for the checks)",
            Need::SomeTests => " (for some tests)",
            Need::Watch => " (for `cargo leptos watch`)",
        };
        let name = format!("{}{purpose}", it.name);
        let text = match &it.state {
            State::Found { version, path } => format!("{name:<32} {version:<12} {}", path.display()),
            State::Missing => format!("{name:<32} missing      {}", fix(it, &at)),
            State::WrongVersion { version, path } => {
                format!("{name:<32} {version:<12} {} is not {}: {}", path.display(), it.wanted, fix(it, &at))
            }
        };
        match (it.good(), it.need) {
            (false, Need::Recommended | Need::Tests | Need::SomeTests | Need::Watch) => say::note(&text),
            (good, _) => say::line(&format!("{} {text}", say::mark(good))),
        }
    }
    for text in &troubles {
        say::line(&format!("{} {text}", say::mark(false)));
    }
    if troubles.is_empty() {
        let free = preflight::free_bytes(&layout.kept()).map(preflight::bytes);
        say::done(&format!(
            "disk and clock: {} free, and nothing was written in the future",
            free.unwrap_or_default()
        ));
    }
    if !troubles.is_empty() && lacking.is_empty() {
        return Ok(1);
    }
    say::line(match (healthy, plan(&lacking, &at).by_hand.is_empty()) {
        (true, _) => "All that `cargo deploy up` needs is there.",
        (false, true) => "`cargo deploy up` installs what is missing.",
        (false, false) => "`cargo deploy up` installs what it can; the rest is for you to do, as above.",
    });
    Ok(u8::from(!healthy))
}
