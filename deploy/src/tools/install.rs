//! Carries a plan out, after saying what it will do.

use super::{
    detect::{detect, locked},
    finding::{Finding, Need},
    plan::{Circumstances, Plan, Platform, Root, Step, plan},
};
use crate::{
    ask,
    layout::Layout,
    problem::{Problem, Result},
    run, say,
};

/// Whether to ask before installing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consent {
    /// It was given on the command line.
    Given,
    /// Ask; without a terminal, refuse.
    Ask,
}

impl Circumstances {
    /// Those of this machine and checkout.
    pub fn here(layout: &Layout) -> Self {
        let has = |program| run::find(layout, program).is_some();
        let platform = if has("apt-get") {
            Platform::Debian(match (rustix::process::geteuid().is_root(), has("sudo")) {
                (true, _) => Root::Already,
                (false, true) => Root::Sudo,
                (false, false) => Root::No,
            })
        } else if has("brew") {
            Platform::Homebrew
        } else {
            Platform::Other
        };
        Self {
            platform,
            rustup: has("rustup"),
            binstall: has("cargo-binstall"),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            openssl_builds: has("make")
                && run::said(run::command(layout, "perl").args(["-MIPC::Cmd", "-MFindBin", "-e", "1"]))
                    .is_some(),
            wasm_bindgen: locked(layout, "wasm-bindgen"),
            tools: layout.tools().display().to_string(),
        }
    }
}

/// Sees to it that what is needed is there: says what is missing and what it will run, asks if told to, runs it, and looks
/// again. What is only welcome may stay away, with a line that says so.
///
/// # Errors
/// When something needed is missing and was not, or could not be, installed.
pub fn ensure(layout: &Layout, needed: &[Need], welcome: &[Need], consent: Consent) -> Result<()> {
    let wanted = |it: &Finding| needed.contains(&it.need) || welcome.contains(&it.need);
    let lacking =
        || -> Vec<Finding> { detect(layout).into_iter().filter(|it| wanted(it) && !it.good()).collect() };
    let missing = lacking();
    if missing.is_empty() {
        say::done("everything needed is installed");
        return Ok(());
    }
    let plan = plan(&missing, &Circumstances::here(layout));
    announce(&missing, &plan);
    if !plan.steps.is_empty() && (consent == Consent::Given || agreed(&missing, needed)?) {
        for step in &plan.steps {
            match carry_out(layout, step) {
                Err(Problem::Interrupted) => return Err(Problem::Interrupted),
                // It may have been for something that is only welcome: what counts is what is there in the end.
                Err(problem) => say::error(&problem.to_string()),
                Ok(()) => {}
            }
        }
    }
    let still = lacking();
    for it in still.iter().filter(|it| !needed.contains(&it.need)) {
        say::note(&format!("{} {} is not there; Tidemark works without it", it.name, it.wanted));
    }
    require(&still, needed)
}

/// An error that names what is needed and missing, if anything is.
fn require(missing: &[Finding], needed: &[Need]) -> Result<()> {
    let names: Vec<String> = missing
        .iter()
        .filter(|it| needed.contains(&it.need))
        .map(|it| format!("{} {}", it.name, it.wanted).trim().to_owned())
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    Err(Problem::said(format!(
        "still missing: {} (`cargo deploy doctor` tells how to get each)",
        names.join(", ")
    )))
}

fn announce(missing: &[Finding], plan: &Plan) {
    say::line("Missing or of another version:");
    for it in missing {
        say::line(format!("  {} {}", it.name, it.wanted).trim_end());
    }
    if !plan.steps.is_empty() {
        say::line("To install it, this would run:");
        for step in &plan.steps {
            say::line(&format!("  {}{}", step.argv.join(" "), about(step)));
        }
        if plan
            .steps
            .iter()
            .any(|step| step.argv.iter().any(|word| word == "redis-server" || word == "postgresql"))
        {
            say::line(
                "Debian may start services of its own from these packages. Tidemark does not use them.",
            );
        }
    }
    for line in &plan.by_hand {
        say::line(&format!("  by hand: {line}"));
    }
}

/// Asks at the terminal. Without one it is an error when something needed is missing, and otherwise a no.
fn agreed(missing: &[Finding], needed: &[Need]) -> Result<bool> {
    if !ask::can_be_asked() {
        require(missing, needed).map_err(|problem| {
            Problem::said(format!(
                "{problem}; this is no terminal to ask at: give --yes to install the above"
            ))
        })?;
        return Ok(false);
    }
    ask::agreed("Go ahead?")
}

/// How long a step takes, in words.
fn about(step: &Step) -> String {
    step.minutes.map(|minutes| format!(" (about {minutes} min)")).unwrap_or_default()
}

fn carry_out(layout: &Layout, step: &Step) -> Result<()> {
    let Some((program, args)) = step.argv.split_first() else { return Ok(()) };
    say::step(format!("{}{}", step.argv.join(" "), about(step)), || {
        run::to_end(run::command(layout, program).args(args).envs(step.env.iter().copied()))
    })
}
