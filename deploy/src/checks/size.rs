//! What the first page weighs: the site's scripts, wasm and style, compressed as they travel. Pieces of wasm that belong to
//! other pages are shown, and do not count.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::{
    layout::Layout,
    problem::{Problem, Result},
    say,
};

/// Bytes that the first page may weigh: 300 kB.
const BUDGET: u64 = 300_000;

/// Prints the sizes and compares their sum by brotli, as browsers take it, with the budget. The compressed files lie
/// beside the others; they are what the server sends.
///
/// # Errors
/// When it is too much, or a file is missing.
pub fn check(layout: &Layout) -> Result<()> {
    let files = files(&layout.site().join("pkg"))?;
    let mut total = 0;
    for (file, counts) in &files {
        let (plain, gzip, brotli) = (size(file, "")?, size(file, ".gz")?, size(file, ".br")?);
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let note = if *counts { "" } else { "  (another page's)" };
        total += if *counts { brotli } else { 0 };
        say::line(&format!("  {plain:>9} bytes, {gzip:>8} by gzip, {brotli:>8} by brotli  {name}{note}"));
    }
    let verdict = format!("{total} bytes by brotli in all, of {BUDGET}");
    if total > BUDGET {
        return Err(Problem::said(format!("the first page is too heavy: {verdict}")));
    }
    say::line(&format!("  {verdict}"));
    Ok(())
}

/// Size in bytes of a file, or of its compressed companion.
fn size(file: &Path, suffix: &str) -> Result<u64> {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    let path = PathBuf::from(name);
    Ok(fs::metadata(&path).map_err(Problem::io(format!("cannot look at {}", path.display())))?.len())
}

/// Begin the names of pieces of wasm that another page needs, and of those that several others share.
const PARTS: [&str; 2] = ["split_", "chunk_"];
/// Begins the name of the script that fetches the pieces.
const PIECES: &str = "__wasm_split";

/// The files, and whether they belong to the first page. The newest of each name: with hashed names those of earlier builds
/// may lie beside it.
fn files(dir: &Path) -> Result<Vec<(PathBuf, bool)>> {
    let mut newest: BTreeMap<String, (SystemTime, PathBuf)> = BTreeMap::new();
    let entries = fs::read_dir(dir).map_err(Problem::io(format!("cannot read {}", dir.display())))?;
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        // `tidemark.HASH.wasm`: the hash is what changes.
        let (stem, kind) = (name.split('.').next().unwrap_or(name), name.rsplit('.').next().unwrap_or(name));
        let made = fs::metadata(&path).and_then(|meta| meta.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
        if matches!(kind, "wasm" | "js" | "css") {
            let slot = newest.entry(format!("{stem}.{kind}")).or_insert((made, path.clone()));
            if made > slot.0 {
                *slot = (made, path);
            }
        }
    }
    let is_part = |name: &str| PARTS.iter().any(|part| name.starts_with(part));
    for kind in ["wasm", "js", "css"] {
        let own = |name: &String| name.ends_with(kind) && !is_part(name) && !name.starts_with(PIECES);
        if !newest.keys().any(own) {
            return Err(Problem::said(format!("{} holds no .{kind}", dir.display())));
        }
    }
    Ok(newest.into_iter().map(|(name, (_, path))| (path, !is_part(&name))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heavy_site_fails_and_a_light_one_passes() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::at(dir.path().to_owned());
        let pkg = layout.site().join("pkg");
        fs::create_dir_all(&pkg).unwrap();
        assert!(check(&layout).unwrap_err().to_string().contains(".wasm"));
        for name in ["a.wasm", "a.js", "a.css", "split_coin.x.wasm"] {
            fs::write(pkg.join(name), vec![0; 500_000]).unwrap();
        }
        assert!(check(&layout).unwrap_err().to_string().contains(".gz"), "not compressed");
        for name in ["a.wasm", "a.js", "a.css", "split_coin.x.wasm"] {
            fs::write(pkg.join(format!("{name}.gz")), vec![0; 120_000]).unwrap();
            fs::write(pkg.join(format!("{name}.br")), vec![0; 100_000]).unwrap();
        }
        fs::write(pkg.join("a.wasm.br"), vec![0; 100_000]).unwrap();
        check(&layout).unwrap();
        fs::write(pkg.join("a.wasm.br"), vec![0; 100_001]).unwrap();
        assert!(check(&layout).unwrap_err().to_string().contains("too heavy"));
    }
}
