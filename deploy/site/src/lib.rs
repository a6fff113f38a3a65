//! Makes the site: the folder of files that the server sends beside its pages.
//!
//! Cargo compiles the front end to one wasm file. This crate makes of it what a browser loads: pieces of wasm of which a page
//! fetches those that it needs, the JavaScript around them, one style sheet, the assets, names with hashes in them, and
//! compressed copies. It does with the same libraries what `cargo leptos build --release --split --precompress` does, and is
//! compiled in a tenth of the time.
//!
//! The site is made in a folder beside the one that it replaces, and renamed when it is complete. A build that fails or is
//! killed leaves no half site.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

mod compress;
mod error;
mod folder;
mod minify;
mod names;
mod style;
mod tool;
mod wasm;

use std::{
    fs,
    path::{Path, PathBuf},
};

pub use error::{Error, Result};

use folder::Unfinished;

/// The folder of hashed files in the site, as the server knows it.
pub const PKG: &str = "pkg";

/// What a site is made of, and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The front end as compiled, linked with `--emit-relocs`.
    pub wasm: PathBuf,
    /// The style sheet, which may import others.
    pub style: PathBuf,
    /// Files that keep their names, such as `robots.txt`.
    pub assets: PathBuf,
    /// The beginning of the names of script, wasm and style.
    pub name: String,
    /// The folder to make; what is there is replaced.
    pub folder: PathBuf,
    /// The list of hashes to write, from which the server knows the names.
    pub hash_file: PathBuf,
    /// Binaryen's `wasm-opt`. Without it the wasm stays about a third larger.
    pub wasm_opt: Option<PathBuf>,
    /// The minifier `esbuild`. Without it the scripts stay as they are generated.
    pub esbuild: Option<PathBuf>,
}

impl Site {
    /// Makes the site. `progress` is called with what is done next.
    ///
    /// # Errors
    /// When a source cannot be read or is wrong, a tool fails, or the folder cannot be written. The old site is then
    /// as it was, unless the exchange of the two folders failed.
    pub fn build(&self, mut progress: impl FnMut(&str)) -> Result<()> {
        let unfinished = Unfinished::create(&self.folder)?;
        let pkg = unfinished.site().join(PKG);
        error::at(&pkg, fs::create_dir_all(&pkg))?;

        progress("bundle the style sheets");
        let css = pkg.join(format!("{}.css", self.name));
        error::at(&css, fs::write(&css, style::bundle(&self.style)?))?;

        progress("split the wasm and write the JavaScript around it");
        let input = error::at(&self.wasm, fs::read(&self.wasm))?;
        let pieces = wasm::split(&input, &self.name, &pkg, &unfinished.work())?;
        drop(input);
        wasm::bind(&pieces, &self.name, &pkg)?;

        if let Some(wasm_opt) = &self.wasm_opt {
            progress("make the wasm smaller (wasm-opt)");
            wasm::optimize(wasm_opt, &pkg)?;
        }
        if let Some(esbuild) = &self.esbuild {
            progress("minify the scripts (esbuild)");
            minify::scripts(esbuild, &pkg)?;
        }

        let hashes = names::rename(&pkg, &self.name)?;
        folder::copy_assets(&self.assets, &unfinished.site())?;
        progress("compress");
        compress::folder(&unfinished.site())?;
        unfinished.replace(&self.folder, &self.hash_file, &hashes.hash_file())
    }
}

/// The files directly in a folder, in the order of their names.
fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = error::at(dir, fs::read_dir(dir))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = error::at(dir, entry)?.path();
        if path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The name of a file as text.
fn file_name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A site of these sources, in a folder that holds an old one.
    fn site(dir: &Path, wasm: &str, style: &str) -> Site {
        for (path, text) in [
            ("app.wasm", wasm),
            ("main.css", style),
            ("public/robots.txt", "User-agent: *"),
            ("site/pkg/old.js", "old"),
            ("hash.txt", "js: old"),
        ] {
            let path = dir.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Site {
            wasm: dir.join("app.wasm"),
            style: dir.join("main.css"),
            assets: dir.join("public"),
            name: "tidemark".to_owned(),
            folder: dir.join("site"),
            hash_file: dir.join("hash.txt"),
            wasm_opt: None,
            esbuild: None,
        }
    }

    #[test]
    fn a_build_that_fails_says_why_and_leaves_the_old_site() {
        let cases = [
            ("no wasm", "a { color: red }", "the wasm cannot be split: "),
            ("no wasm", "a { color: red } }", "main.css:1:"),
            ("no wasm", "@import \"b.css\";", "main.css:1: @import \"b.css\" names a file that is not there"),
        ];
        for (wasm, style, why) in cases {
            let dir = tempfile::tempdir().unwrap();
            let error = site(dir.path(), wasm, style).build(|_| ()).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
            let read = |path: &str| fs::read_to_string(dir.path().join(path)).unwrap();
            assert_eq!((read("site/pkg/old.js").as_str(), read("hash.txt").as_str()), ("old", "js: old"));
            assert!(!dir.path().join("site.unfinished").exists());
        }
    }

    #[test]
    fn a_source_that_is_not_there_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let site = site(dir.path(), "", "");
        fs::remove_file(&site.wasm).unwrap();
        let error = site.build(|_| ()).unwrap_err().to_string();
        assert!(error.contains("app.wasm: No such file"), "{error}");
    }
}
