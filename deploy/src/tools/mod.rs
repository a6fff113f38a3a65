//! The programs that Tidemark is built, run and checked with: which there are, and how to get the others.

mod detect;
mod install;
mod packages;
mod plan;

pub use detect::{Finding, Need, State, chromium, detect};
pub use install::{Consent, ensure};
pub use plan::{Circumstances, fix, plan};
