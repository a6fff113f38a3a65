//! The programs that Tidemark is built, run and checked with: which there are, and how to get the others.

mod detect;
mod finding;
mod fix;
mod install;
mod packages;
mod plan;
pub mod test_servers;

pub use detect::{chromium, detect, esbuild, wasm_opt};
pub use finding::{Finding, Need, State};
pub use fix::fix;
pub use install::{Consent, ensure};
pub use plan::{Circumstances, plan};
