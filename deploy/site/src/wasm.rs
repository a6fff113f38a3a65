//! The wasm: split into pieces, with the JavaScript around them, and made smaller.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
    thread,
    time::Duration,
};

use wasm_bindgen_cli_support::Bindgen;

use crate::{
    error::{Error, Result, at},
    file_name, files,
    names::{LOADER, MANIFEST},
    tool,
};

/// Longest time that `wasm-opt` may take for one file. It takes half a minute for 2 MB on a slow core.
const OPTIMIZE_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// Splits the wasm. The pieces, the script that loads them and the list of which page needs which go to `pkg`. Returns the
/// path of what is left, the main module.
pub(crate) fn split(input: &[u8], name: &str, pkg: &Path, work: &Path) -> Result<PathBuf> {
    let main = work.join(format!("{name}.wasm"));
    let (module, loader) = (format!("./{name}.js"), format!("./{LOADER}"));
    let mut options = wasm_split_cli_support::Options::new(input);
    options.output_dir = pkg;
    options.main_out_path = &main;
    options.main_module = &module;
    options.link_name = &loader;
    let split = wasm_split_cli_support::transform(options)
        .map_err(|error| Error::caused("the wasm cannot be split", format!("{error:#}")))?;
    // In order, so that the same source makes the same file.
    let pieces: BTreeMap<_, _> = split.prefetch_map.into_iter().collect();
    let manifest = pkg.join(MANIFEST);
    let json = serde_json::to_vec(&pieces).map_err(|error| Error::caused(manifest.display(), error))?;
    at(&manifest, fs::write(&manifest, json))?;
    Ok(main)
}

/// Writes the main module as browsers take it, and the JavaScript around it.
pub(crate) fn bind(main: &Path, name: &str, pkg: &Path) -> Result<()> {
    let generate = || {
        Bindgen::new()
            .web(true)?
            // The pieces import what the linker exports, under the names that the linker gave.
            .keep_lld_exports(true)
            .demangle(false)
            // The pages name the wasm, which has a hash in its name.
            .omit_default_module_path(true)
            // Declarations for TypeScript, which nothing here reads.
            .typescript(false)
            .input_path(main)
            .out_name(name)
            .generate(pkg)
    };
    generate().map_err(|error| {
        Error::caused("wasm-bindgen cannot write the JavaScript around the wasm", format!("{error:#}"))
    })?;
    // Leptos names it without the suffix.
    let made = pkg.join(format!("{name}_bg.wasm"));
    at(&made, fs::rename(&made, pkg.join(format!("{name}.wasm"))))
}

/// Makes each wasm file smaller, as many at a time as there are cores.
pub(crate) fn optimize(wasm_opt: &Path, pkg: &Path) -> Result<()> {
    let mut queue: Vec<(u64, PathBuf)> = Vec::new();
    for path in files(pkg)?.into_iter().filter(|path| file_name(path).ends_with(".wasm")) {
        queue.push((at(&path, fs::metadata(&path))?.len(), path));
    }
    // The largest is taken first: it takes the longest.
    queue.sort();
    let queue = Mutex::new(queue);
    let next = || queue.lock().ok()?.pop();
    let work = || -> Result<()> {
        while let Some((_, path)) = next() {
            let mut command = Command::new(wasm_opt);
            command.args(["-Oz", "--enable-bulk-memory", "--enable-nontrapping-float-to-int"]);
            tool::run(command.arg(&path).arg("-o").arg(&path), OPTIMIZE_TIMEOUT)?;
        }
        Ok(())
    };
    let workers = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        let ends = threads.into_iter().map(|thread| {
            thread.join().unwrap_or_else(|_| Err(Error::new("a thread that ran wasm-opt panicked")))
        });
        // Each is waited for before the first error is returned.
        ends.collect::<Vec<_>>().into_iter().collect()
    })
}
