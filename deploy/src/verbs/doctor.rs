//! `cargo deploy doctor`: each prerequisite as found, missing or too old, with the fix.

use serde_json::json;

use crate::{
    cli::DoctorArgs,
    layout::Layout,
    problem::Result,
    say,
    tools::{Circumstances, Finding, Need, State, detect, fix, plan},
};

/// Lists them; the exit code is 1 when one that `up` needs is missing.
///
/// # Errors
/// None at present.
pub fn run(layout: &Layout, args: &DoctorArgs) -> Result<u8> {
    let at = Circumstances::here(layout);
    let findings = detect(layout);
    let vital = |it: &&Finding| !it.good() && matches!(it.need, Need::Run | Need::Build);
    let lacking: Vec<Finding> = findings.iter().filter(vital).cloned().collect();
    let healthy = lacking.is_empty();
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
        say::line(&json!({ "healthy": healthy, "prerequisites": list }).to_string());
        return Ok(u8::from(!healthy));
    }
    for it in &findings {
        let purpose = match it.need {
            Need::Run | Need::Build => "",
            Need::Recommended => " (recommended)",
            Need::Tests => " (for the checks)",
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
            (false, Need::Recommended | Need::Tests) => say::note(&text),
            (good, _) => say::line(&format!("{} {text}", say::mark(good))),
        }
    }
    say::line(match (healthy, plan(&lacking, &at).by_hand.is_empty()) {
        (true, _) => "All that `cargo deploy up` needs is there.",
        (false, true) => "`cargo deploy up` installs what is missing.",
        (false, false) => "`cargo deploy up` installs what it can; the rest is for you to do, as above.",
    });
    Ok(u8::from(!healthy))
}
