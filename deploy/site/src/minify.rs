//! The scripts, minified by esbuild.

use std::{ffi::OsString, path::Path, process::Command, time::Duration};

use crate::{error::Result, file_name, files, tool};

/// Longest time that esbuild may take. It takes less than a second.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Minifies each script of the folder in its place.
pub(crate) fn scripts(esbuild: &Path, pkg: &Path) -> Result<()> {
    let scripts = files(pkg)?.into_iter().filter(|path| file_name(path).ends_with(".js"));
    let mut command = Command::new(esbuild);
    command.args(scripts);
    // As modules, in which all names that are not exported may be shortened. The browsers that can run the wasm know all of
    // the syntax that wasm-bindgen writes.
    command.args([
        "--minify",
        "--format=esm",
        "--target=esnext",
        "--legal-comments=none",
        "--log-level=warning",
    ]);
    let mut out = OsString::from("--outdir=");
    out.push(pkg);
    command.arg("--allow-overwrite").arg(out);
    tool::run(&mut command, TIMEOUT)
}
