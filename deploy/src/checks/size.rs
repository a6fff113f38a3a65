//! What the first page weighs: the site's script, wasm and style, compressed as they travel.

use std::{
    fs,
    path::{Path, PathBuf},
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
    for file in &files {
        let (plain, gzip, brotli) = (size(file, "")?, size(file, ".gz")?, size(file, ".br")?);
        total += brotli;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        say::line(&format!("  {plain:>9} bytes, {gzip:>8} by gzip, {brotli:>8} by brotli  {name}"));
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

/// The newest file of each kind: with hashed names those of earlier builds may lie beside it.
fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut newest = Vec::new();
    for kind in ["wasm", "js", "css"] {
        let found = fs::read_dir(dir)
            .map_err(Problem::io(format!("cannot read {}", dir.display())))?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|it| it == kind))
            .max_by_key(|path| fs::metadata(path).and_then(|meta| meta.modified()).ok());
        newest.push(found.ok_or_else(|| Problem::said(format!("{} holds no .{kind}", dir.display())))?);
    }
    Ok(newest)
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
        for name in ["a.wasm", "a.js", "a.css"] {
            fs::write(pkg.join(name), vec![0; 500_000]).unwrap();
        }
        assert!(check(&layout).unwrap_err().to_string().contains(".gz"), "not compressed");
        for name in ["a.wasm", "a.js", "a.css"] {
            fs::write(pkg.join(format!("{name}.gz")), vec![0; 120_000]).unwrap();
            fs::write(pkg.join(format!("{name}.br")), vec![0; 100_000]).unwrap();
        }
        check(&layout).unwrap();
        fs::write(pkg.join("a.wasm.br"), vec![0; 100_001]).unwrap();
        assert!(check(&layout).unwrap_err().to_string().contains("too heavy"));
    }
}
