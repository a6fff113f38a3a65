//! The folder that is made, and how it replaces the one before it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    PKG,
    error::{Error, Result, at},
};

/// A site that is not complete yet, in a folder beside its place. Removed when it is dropped.
pub(crate) struct Unfinished {
    dir: PathBuf,
}

impl Unfinished {
    /// Makes the folder, after removing what a killed build left in it.
    pub(crate) fn create(site: &Path) -> Result<Self> {
        let mut name = site.file_name().unwrap_or_default().to_owned();
        name.push(".unfinished");
        let unfinished = Self { dir: site.with_file_name(name) };
        at(&unfinished.dir, remove(&unfinished.dir))?;
        for dir in [unfinished.site(), unfinished.work()] {
            at(&dir, fs::create_dir_all(&dir))?;
        }
        Ok(unfinished)
    }

    /// The site.
    pub(crate) fn site(&self) -> PathBuf {
        self.dir.join("site")
    }

    /// Files that are needed on the way.
    pub(crate) fn work(&self) -> PathBuf {
        self.dir.join("work")
    }

    /// Puts the site in its place and writes the hashes. The old site leaves first, the new one comes last: at no time does a
    /// complete site lie beside the hashes of another one.
    pub(crate) fn replace(self, site: &Path, hash_file: &Path, hashes: &str) -> Result<()> {
        match fs::rename(site, self.dir.join("old")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::caused(site.display(), error));
            }
            _ => {}
        }
        if let Some(above) = hash_file.parent() {
            at(above, fs::create_dir_all(above))?;
        }
        at(hash_file, fs::write(hash_file, hashes))?;
        at(site, fs::rename(self.site(), site))
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // The next build tries again.
        drop(remove(&self.dir));
    }
}

/// Removes a folder that may not be there.
fn remove(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Copies the assets, with folders, into the site.
pub(crate) fn copy_assets(from: &Path, site: &Path) -> Result<()> {
    for reserved in ["index.html", PKG] {
        let path = from.join(reserved);
        if path.exists() {
            return Err(Error::caused(path.display(), "the name is reserved for what the build makes"));
        }
    }
    copy_folder(from, site)
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    at(to, fs::create_dir_all(to))?;
    for entry in at(from, fs::read_dir(from))? {
        let entry = at(from, entry)?;
        let (source, copy) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy_folder(&source, &copy)?;
        } else {
            at(&source, fs::copy(&source, &copy))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn a_complete_site_replaces_the_old_one_with_its_hashes() {
        let dir = tempfile::tempdir().unwrap();
        let (site, hashes) = (dir.path().join("site"), dir.path().join("release/hash.txt"));
        write(&site.join("old.css"), "old");
        let unfinished = Unfinished::create(&site).unwrap();
        write(&unfinished.site().join("new.css"), "new");
        unfinished.replace(&site, &hashes, "css: new\n").unwrap();
        assert!(site.join("new.css").exists() && !site.join("old.css").exists());
        assert_eq!(fs::read_to_string(&hashes).unwrap(), "css: new\n");
        let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "{left:?}");
    }

    #[test]
    fn a_site_that_is_given_up_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let site = dir.path().join("site");
        write(&site.join("old.css"), "old");
        let unfinished = Unfinished::create(&site).unwrap();
        let path = unfinished.dir.clone();
        write(&unfinished.site().join("new.css"), "new");
        drop(unfinished);
        assert!(site.join("old.css").exists() && !path.exists());
    }

    #[test]
    fn what_a_killed_build_left_is_not_in_the_next_site() {
        let dir = tempfile::tempdir().unwrap();
        let site = dir.path().join("site");
        let killed = Unfinished::create(&site).unwrap();
        write(&killed.site().join("half.wasm"), "half");
        std::mem::forget(killed);
        let next = Unfinished::create(&site).unwrap();
        assert!(!next.site().join("half.wasm").exists());
    }

    #[test]
    fn assets_are_copied_with_their_folders() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("public"), dir.path().join("site"));
        write(&from.join("robots.txt"), "User-agent: *");
        write(&from.join("fonts/a.woff2"), "font");
        copy_assets(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("fonts/a.woff2")).unwrap(), "font");
        assert!(to.join("robots.txt").exists());
    }

    #[test]
    fn an_asset_cannot_hide_what_the_build_makes() {
        let dir = tempfile::tempdir().unwrap();
        write(&dir.path().join("pkg/mine.js"), "");
        let error = copy_assets(dir.path(), &dir.path().join("site")).unwrap_err().to_string();
        assert!(error.contains("pkg: the name is reserved"), "{error}");
    }

    #[test]
    fn missing_assets_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let error = copy_assets(&dir.path().join("public"), &dir.path().join("site")).unwrap_err();
        assert!(error.to_string().contains("public: "), "{error}");
    }
}
