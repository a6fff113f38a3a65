//! Releases: what a build made, copied to where no later build writes.
//!
//! A server writes the names of the site's files, which have hashes in them, into each page. It reads some of these names at
//! its start and others while it runs, from a file beside its binary. A build under a running server mixes the names of two
//! builds, and the pages break. So the server runs from `.tidemark/releases/<hash>/{tidemark,hash.txt,site}`, which never
//! changes, and the link `.tidemark/releases/current` names the one that was started last.

use std::{
    fs::{self, File},
    io::{ErrorKind, Read},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::{
    layout::Layout,
    path_hash::Fnv1a,
    preflight::refused,
    problem::{Problem, Result},
    say,
};

/// The link's name.
const CURRENT: &str = "current";
/// The server's name in a release.
const BINARY: &str = "tidemark";
/// The site's name in a release.
const SITE: &str = "site";
/// Names that the built site has, beside the binary, see the workspace's manifest.
const HASHES: &str = "hash.txt";
/// How the folder of a copy that is not complete begins.
const UNFINISHED: &str = ".unfinished-";

/// A server and the site that was built with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    dir: PathBuf,
}

impl Release {
    /// The server.
    pub fn binary(&self) -> PathBuf {
        self.dir.join(BINARY)
    }

    /// The built site.
    pub fn site(&self) -> PathBuf {
        self.dir.join(SITE)
    }

    fn is_complete(&self) -> bool {
        self.binary().is_file() && self.site().join("pkg").is_dir()
    }

    /// Makes the link name this release, in one step. A server that runs is not concerned.
    ///
    /// # Errors
    /// When the link cannot be written.
    pub fn make_current(&self, layout: &Layout) -> Result<()> {
        let link = folder(layout).join(CURRENT);
        let new = link.with_extension("new");
        let Some(name) = self.dir.file_name() else { return Ok(()) };
        let switch = || {
            match fs::remove_file(&new) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            // Relative, so that it holds in a checkout that was moved.
            symlink(name, &new)?;
            fs::rename(&new, &link)
        };
        switch().map_err(|error| refused(&link, &error))
    }
}

/// Where releases are.
pub fn folder(layout: &Layout) -> PathBuf {
    layout.kept().join("releases")
}

/// The release that was started last.
pub fn current(layout: &Layout) -> Option<Release> {
    let name = fs::read_link(folder(layout).join(CURRENT)).ok()?;
    Some(Release { dir: folder(layout).join(name.file_name()?) }).filter(Release::is_complete)
}

/// The server's binary of the current release; before the first one, as it was built.
pub fn binary(layout: &Layout) -> PathBuf {
    current(layout).map_or_else(|| layout.server_binary(), |release| release.binary())
}

/// The release of what was built last. Where nothing is built any more, the one that was started last.
///
/// # Errors
/// When there is neither, or it cannot be copied. `hint` says what to do about a binary that is not there.
pub fn take(layout: &Layout, hint: &str) -> Result<Release> {
    let binary = layout.server_binary();
    let site = layout.site();
    let problem = if !binary.is_file() {
        format!("{} is not there: {hint}", binary.display())
    } else if !site.join("pkg").is_dir() {
        // The pages would be without style and script.
        format!("the built site is not in {}: run without --no-build", site.display())
    } else {
        return copy(layout, &binary, &site);
    };
    current(layout).ok_or_else(|| Problem::said(problem))
}

/// Copies what was built, unless the same was copied before.
fn copy(layout: &Layout, binary: &Path, site: &Path) -> Result<Release> {
    let hashes = binary.with_file_name(HASHES);
    let files = files_below(site)?;
    let mut hash = Fnv1a::new();
    // A build without hashes in its names has no such file.
    let beside =
        [(binary, BINARY), (hashes.as_path(), HASHES)].into_iter().filter(|(from, _)| from.is_file());
    let outer = beside.map(|(from, to)| (from.to_owned(), PathBuf::from(to)));
    let all: Vec<(PathBuf, PathBuf)> =
        outer.chain(files.into_iter().map(|file| (site.join(&file), Path::new(SITE).join(file)))).collect();
    for (from, to) in &all {
        add_file(&mut hash, from, to).map_err(Problem::io(format!("cannot read {}", from.display())))?;
    }
    let folder = folder(layout);
    let release = Release { dir: folder.join(hash.hex()) };
    if release.is_complete() {
        return Ok(release);
    }
    fs::create_dir_all(&folder).map_err(|error| refused(&folder, &error))?;
    let unfinished = tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(&folder);
    let unfinished = unfinished.map_err(|error| refused(&folder, &error))?;
    for (from, to) in &all {
        let to = unfinished.path().join(to);
        copy_file(from, &to).map_err(|error| refused(&to, &error))?;
    }
    // Under its name it is complete, also after a power cut.
    let finish = || {
        if release.dir.exists() {
            fs::remove_dir_all(&release.dir)?;
        }
        fs::create_dir_all(unfinished.path().join(SITE).join("pkg"))?;
        fs::rename(unfinished.path(), &release.dir)?;
        File::open(&folder)?.sync_all()
    };
    finish().map_err(|error| refused(&release.dir, &error))?;
    // What it would remove has another name by now.
    drop(unfinished.keep());
    Ok(release)
}

/// Removes older releases, but for the current one and the one before it, and what was not finished.
pub fn remove_old(layout: &Layout) {
    let Some(current) = current(layout) else { return };
    let made = |dir: &Path| fs::metadata(dir).and_then(|it| it.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    let entries = fs::read_dir(folder(layout)).into_iter().flatten().flatten();
    let dirs = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut others: Vec<PathBuf> = dirs.map(|entry| entry.path()).filter(|dir| *dir != current.dir).collect();
    others.sort_by_key(|dir| std::cmp::Reverse(made(dir)));
    let is_unfinished =
        |dir: &Path| dir.file_name().is_some_and(|name| name.to_string_lossy().starts_with(UNFINISHED));
    let (unfinished, older): (Vec<PathBuf>, Vec<PathBuf>) =
        others.into_iter().partition(|dir| is_unfinished(dir));
    for dir in unfinished.into_iter().chain(older.into_iter().skip(1)) {
        if let Err(error) = fs::remove_dir_all(&dir) {
            say::aside(&format!("{} cannot be removed: {error}", dir.display()));
        }
    }
}

/// The files below a folder, by their paths from there, in a fixed order.
fn files_below(dir: &Path) -> Result<Vec<PathBuf>> {
    let (mut files, mut folders) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(folder) = folders.pop() {
        let path = dir.join(&folder);
        let what = || format!("cannot read {}", path.display());
        for entry in fs::read_dir(&path).map_err(Problem::io(what()))? {
            let name = folder.join(entry.map_err(Problem::io(what()))?.file_name());
            if dir.join(&name).is_dir() {
                folders.push(name);
            } else {
                files.push(name);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Adds a file's name, length and contents.
fn add_file(hash: &mut Fnv1a, from: &Path, to: &Path) -> std::io::Result<()> {
    let mut file = File::open(from)?;
    hash.add(to.as_os_str().as_encoded_bytes());
    hash.add(&[0]);
    hash.add(&file.metadata()?.len().to_le_bytes());
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(()),
            read => hash.add(&buffer[..read]),
        }
    }
}

fn copy_file(from: &Path, to: &Path) -> std::io::Result<()> {
    if let Some(above) = to.parent() {
        fs::create_dir_all(above)?;
    }
    fs::copy(from, to)?;
    File::open(to)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(files: &[(&str, &str)]) -> (tempfile::TempDir, Layout) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().to_owned();
        let layout = Layout::with_target(root.clone(), root.join("target"));
        layout.make().unwrap();
        write(&layout, files);
        (dir, layout)
    }

    fn write(layout: &Layout, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = layout.root().join("target").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    const FIRST: [(&str, &str); 4] = [
        ("release/tidemark", "one"),
        ("release/hash.txt", "js: a"),
        ("site/pkg/tidemark.a.js", "a"),
        ("site/robots.txt", ""),
    ];

    fn names(layout: &Layout) -> Vec<String> {
        let entries = fs::read_dir(folder(layout)).unwrap().map(|entry| entry.unwrap().file_name());
        entries.map(|name| name.into_string().unwrap()).collect()
    }

    #[test]
    fn a_later_build_changes_nothing_of_a_release() {
        let (_dir, layout) = built(&FIRST);
        let first = take(&layout, "").unwrap();
        first.make_current(&layout).unwrap();
        write(
            &layout,
            &[("release/tidemark", "two"), ("release/hash.txt", "js: b"), ("site/pkg/tidemark.b.js", "b")],
        );
        fs::remove_file(layout.site().join("pkg/tidemark.a.js")).unwrap();
        let second = take(&layout, "").unwrap();
        assert_ne!(first, second);
        let text = |path: PathBuf| fs::read_to_string(path).unwrap();
        assert_eq!(text(first.binary()), "one");
        assert_eq!(text(first.binary().with_file_name(HASHES)), "js: a");
        assert_eq!(text(first.site().join("pkg/tidemark.a.js")), "a");
        assert_eq!(text(second.binary()), "two");
        assert!(!second.site().join("pkg/tidemark.a.js").exists());
        // Until a server is started from it.
        assert_eq!(current(&layout), Some(first));
        second.make_current(&layout).unwrap();
        assert_eq!(current(&layout), Some(second.clone()));
        assert_eq!(binary(&layout), second.binary());
    }

    #[test]
    fn the_same_build_is_the_same_release() {
        let (_dir, layout) = built(&FIRST);
        let first = take(&layout, "").unwrap();
        assert_eq!(take(&layout, "").unwrap(), first);
        assert_eq!(names(&layout).len(), 1);
        // Only a name differs.
        fs::rename(layout.site().join("robots.txt"), layout.site().join("robots2.txt")).unwrap();
        assert_ne!(take(&layout, "").unwrap(), first);
    }

    #[test]
    fn one_that_lost_a_part_is_copied_again() {
        let (_dir, layout) = built(&FIRST);
        let first = take(&layout, "").unwrap();
        fs::remove_file(first.binary()).unwrap();
        assert_eq!(take(&layout, "").unwrap(), first);
        assert!(first.is_complete());
    }

    #[test]
    fn without_a_build_there_is_the_current_one_or_an_error() {
        let (_dir, layout) = built(&FIRST);
        let first = take(&layout, "").unwrap();
        first.make_current(&layout).unwrap();
        fs::remove_dir_all(layout.site()).unwrap();
        assert_eq!(take(&layout, "").unwrap(), first);
        fs::remove_file(folder(&layout).join(CURRENT)).unwrap();
        assert!(take(&layout, "").unwrap_err().to_string().contains("built site is not in"));
        fs::remove_file(layout.server_binary()).unwrap();
        assert!(take(&layout, "build it").unwrap_err().to_string().ends_with("build it"));
    }

    #[test]
    fn the_current_one_and_the_one_before_are_kept() {
        let (_dir, layout) = built(&FIRST);
        let mut made = Vec::new();
        for n in 0..4 {
            write(&layout, &[("release/tidemark", &n.to_string())]);
            let release = take(&layout, "").unwrap();
            let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000 + n);
            File::open(&release.dir).unwrap().set_modified(time).unwrap();
            made.push(release);
        }
        fs::create_dir(folder(&layout).join(format!("{UNFINISHED}x"))).unwrap();
        remove_old(&layout);
        assert_eq!(names(&layout).len(), 5, "without a current one nothing is removed");
        made[3].make_current(&layout).unwrap();
        remove_old(&layout);
        let there: Vec<bool> = made.iter().map(Release::is_complete).collect();
        assert_eq!(there, [false, false, true, true]);
        assert_eq!(names(&layout).len(), 3);
    }
}
