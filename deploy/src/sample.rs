//! The recorded prices that the project ships.

use std::{fs, path::PathBuf};

use crate::{
    layout::Layout,
    path_hash::fnv1a,
    problem::{Problem, Result},
};

/// The sample's files, by name.
///
/// # Errors
/// When the folder cannot be read or holds none.
pub fn files(layout: &Layout) -> Result<Vec<PathBuf>> {
    let dir = layout.root().join("data/sample");
    let mut files: Vec<PathBuf> = fs::read_dir(&dir)
        .map_err(Problem::io(format!("cannot read the sample in {}", dir.display())))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().ends_with(".csv.gz"))
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(Problem::said(format!("{} holds no *.csv.gz", dir.display())));
    }
    Ok(files)
}

/// Tells one set of files from another by names and sizes.
///
/// # Errors
/// When a file cannot be looked at.
pub fn fingerprint(files: &[PathBuf]) -> Result<String> {
    let mut text = String::new();
    for file in files {
        let size =
            fs::metadata(file).map_err(Problem::io(format!("cannot look at {}", file.display())))?.len();
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        text.push_str(&format!("{name}\n{size}\n"));
    }
    Ok(format!("{:016x}", fnv1a(text.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_follows_names_and_sizes() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::at(dir.path().to_owned());
        assert!(files(&layout).is_err());
        let sample = dir.path().join("data/sample");
        fs::create_dir_all(&sample).unwrap();
        assert!(files(&layout).unwrap_err().to_string().contains("no *.csv.gz"));
        fs::write(sample.join("b.csv.gz"), "12").unwrap();
        fs::write(sample.join("a.csv.gz"), "1").unwrap();
        fs::write(sample.join("README.md"), "not data").unwrap();
        let first = files(&layout).unwrap();
        assert!(first.len() == 2 && first[0].ends_with("a.csv.gz"));
        let before = fingerprint(&first).unwrap();
        assert_eq!(before, fingerprint(&first).unwrap());
        fs::write(sample.join("a.csv.gz"), "longer").unwrap();
        assert_ne!(before, fingerprint(&first).unwrap());
    }
}
