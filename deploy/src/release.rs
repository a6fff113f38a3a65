//! Releases: what a build made, copied to where no later build writes.
//!
//! A server writes the names of the site's files, which have hashes in them, into each page. It reads some of these names at
//! its start and others while it runs, from a file beside its binary. A build under a running server mixes the names of two
//! builds, and the pages break. So the server runs from `.tidemark/releases/<hash>/{tidemark,hash.txt,site}`, which never
//! changes. Links beside it name the one that was started last (`current`), the one before it (`previous`), and what
//! `cargo deploy build` made since (`next`).

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File},
    io::{ErrorKind, Read},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    cli::KeptRelease,
    file_lock,
    layout::Layout,
    path_hash::Fnv1a,
    preflight::refused,
    problem::{Problem, Result},
    say,
};

/// The link to the release that was started last.
const CURRENT: &str = "current";
/// The link to the one before it.
const PREVIOUS: &str = "previous";
/// The link to the one that was built to be started next.
const NEXT: &str = "next";
/// Longest wait for another process that builds or copies.
const LOCK: Duration = Duration::from_secs(2);
/// The server's name in a release.
const BINARY: &str = "tidemark";
/// The site's name in a release.
const SITE: &str = "site";
/// Names that the built site has, beside the binary.
pub const HASHES: &str = "hash.txt";
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

    /// Its name: the hash of what is in it.
    pub fn name(&self) -> String {
        self.dir.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    fn is_complete(&self) -> bool {
        self.binary().is_file() && has_files(&self.site())
    }

    /// Makes it the current release, in one step. The release that was current becomes the previous one. A server that runs
    /// is not affected.
    ///
    /// # Errors
    /// When a link cannot be written.
    pub fn make_current(&self, layout: &Layout) -> Result<()> {
        let Some(name) = self.dir.file_name() else { return Ok(()) };
        if let Some(before) = named(layout, CURRENT).filter(|before| before != name) {
            set(layout, PREVIOUS, Some(&before))?;
        }
        set(layout, CURRENT, Some(name))
    }

    /// Makes it the one that is started next without a build. The current release needs no such link, which would stay and
    /// hide what is built into `target` later.
    ///
    /// # Errors
    /// When the link cannot be written.
    pub fn make_next(&self, layout: &Layout) -> Result<()> {
        let is_current = current(layout).as_ref() == Some(self);
        set(layout, NEXT, self.dir.file_name().filter(|_| !is_current))
    }

    /// Notes that it was started: it is not the next one any more.
    pub fn forget_next(&self, layout: &Layout) {
        if named(layout, NEXT).as_deref() == self.dir.file_name()
            && let Err(problem) = set(layout, NEXT, None)
        {
            say::aside(&problem.to_string());
        }
    }
}

/// What the links name that a start changes.
pub struct Links {
    current: Option<OsString>,
    previous: Option<OsString>,
}

impl Links {
    /// As they are.
    pub fn noted(layout: &Layout) -> Self {
        Self { current: named(layout, CURRENT), previous: named(layout, PREVIOUS) }
    }

    /// Makes them so again, after a start that failed. Without a current release at that time nothing is changed.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn restore(&self, layout: &Layout) -> Result<()> {
        if self.current.is_none() {
            return Ok(());
        }
        set(layout, CURRENT, self.current.as_deref())?;
        set(layout, PREVIOUS, self.previous.as_deref())
    }
}

/// What a link names.
fn named(layout: &Layout, link: &str) -> Option<OsString> {
    Some(fs::read_link(folder(layout).join(link)).ok()?.file_name()?.to_owned())
}

/// Makes a link name this, or nothing.
fn set(layout: &Layout, link: &str, name: Option<&OsStr>) -> Result<()> {
    let link = folder(layout).join(link);
    let new = link.with_extension("new");
    let remove = |path: &Path| match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    let switch = || {
        let Some(name) = name else { return remove(&link) };
        remove(&new)?;
        // Relative, so that it holds in a checkout that was moved.
        symlink(name, &new)?;
        fs::rename(&new, &link)
    };
    switch().map_err(|error| refused(&link, &error))
}

/// Held while something builds, copies or removes releases, by one process at a time.
pub struct Lock(#[expect(dead_code, reason = "the lock ends with it")] File);

/// Takes the lock.
///
/// # Errors
/// When another process has it, as one that builds.
pub fn lock(layout: &Layout) -> Result<Lock> {
    let folder = folder(layout);
    fs::create_dir_all(&folder).map_err(|error| refused(&folder, &error))?;
    let busy = "another build is at work in this checkout: wait for it or stop it";
    Ok(Lock(file_lock::lock_within(&folder.join("lock"), LOCK, busy)?))
}

/// Where releases are.
pub fn folder(layout: &Layout) -> PathBuf {
    layout.kept().join("releases")
}

/// The release that was started last.
pub fn current(layout: &Layout) -> Option<Release> {
    linked(layout, CURRENT)
}

/// The release that was built to be started next.
pub fn next(layout: &Layout) -> Option<Release> {
    linked(layout, NEXT)
}

fn linked(layout: &Layout, link: &str) -> Option<Release> {
    Some(Release { dir: folder(layout).join(named(layout, link)?) }).filter(Release::is_complete)
}

/// The server's binary of the current release; before the first one, as it was built.
pub fn binary(layout: &Layout) -> PathBuf {
    current(layout).map_or_else(|| layout.server_binary(), |release| release.binary())
}

/// The release that the operator names.
///
/// # Errors
/// When there is none.
pub fn kept(layout: &Layout, which: KeptRelease) -> Result<Release> {
    let (link, name, hint) = match which {
        KeptRelease::Current => (CURRENT, "current", "`cargo deploy up` without --release builds one"),
        KeptRelease::Previous => {
            (PREVIOUS, "previous", "there is one as soon as a second one has been served")
        }
    };
    linked(layout, link).ok_or_else(|| {
        Problem::said(format!("there is no {name} release in {}: {hint}", folder(layout).display()))
    })
}

/// The release of what is in Cargo's output folder.
///
/// # Errors
/// When nothing is there, or it cannot be copied. `hint` says what to do about a binary or a site that is not there.
pub fn take(layout: &Layout, hint: &str, _lock: &Lock) -> Result<Release> {
    let binary = layout.server_binary();
    let site = layout.site();
    if !binary.is_file() {
        return Err(Problem::said(format!("{} is not there: {hint}", binary.display())));
    }
    if !has_files(&site) {
        // The pages would be without style and script.
        return Err(Problem::said(format!("the built site is not in {}: {hint}", site.display())));
    }
    copy(layout, &binary, &site)
}

/// As [`take`]; where nothing is built any more, the release that was started last. Not for what was built just now.
///
/// # Errors
/// As [`take`].
pub fn take_or_current(layout: &Layout, hint: &str) -> Result<Release> {
    let is_built = layout.server_binary().is_file() && has_files(&layout.site());
    match current(layout).filter(|_| !is_built) {
        Some(current) => Ok(current),
        None => take(layout, hint, &lock(layout)?),
    }
}

/// Copies what was built. The name is the hash of the copy, which no build changes meanwhile.
fn copy(layout: &Layout, binary: &Path, site: &Path) -> Result<Release> {
    let folder = folder(layout);
    fs::create_dir_all(&folder).map_err(|error| refused(&folder, &error))?;
    let unfinished = tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(&folder);
    let unfinished = unfinished.map_err(|error| refused(&folder, &error))?;
    let hashes = binary.with_file_name(HASHES);
    // A build without hashes in its names has no such file.
    let beside =
        [(binary, BINARY), (hashes.as_path(), HASHES)].into_iter().filter(|(from, _)| from.is_file());
    let outer = beside.map(|(from, to)| (from.to_owned(), PathBuf::from(to)));
    let inner = files_below(site)?.into_iter().map(|file| (site.join(&file), Path::new(SITE).join(file)));
    let all: Vec<(PathBuf, PathBuf)> = outer.chain(inner).collect();
    let mut hash = Fnv1a::new();
    for (from, to) in &all {
        let copied = unfinished.path().join(to);
        copy_file(from, &copied).map_err(|error| refused(&copied, &error))?;
        add_file(&mut hash, &copied, to).map_err(|error| refused(&copied, &error))?;
    }
    let release = Release { dir: folder.join(hash.hex()) };
    if release.is_complete() {
        return Ok(release);
    }
    // Under its name it is complete, also after a power cut.
    let finish = || {
        if release.dir.exists() {
            remove(&release.dir)?;
        }
        sync_folders(unfinished.path())?;
        fs::rename(unfinished.path(), &release.dir)?;
        File::open(&folder)?.sync_all()
    };
    finish().map_err(|error| refused(&release.dir, &error))?;
    // What it would remove has another name by now.
    drop(unfinished.keep());
    Ok(release)
}

/// Removes the releases that no link names, and what was not finished. Without a link nothing is removed.
pub fn remove_old(layout: &Layout, _lock: &Lock) {
    let kept: Vec<OsString> =
        [CURRENT, PREVIOUS, NEXT].into_iter().filter_map(|link| named(layout, link)).collect();
    if kept.is_empty() {
        return;
    }
    let entries = fs::read_dir(folder(layout)).into_iter().flatten().flatten();
    let dirs = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    for dir in dirs.filter(|dir| !kept.contains(&dir.file_name())).map(|dir| dir.path()) {
        if let Err(error) = remove(&dir) {
            say::aside(&format!("{} cannot be removed: {error}", dir.display()));
        }
    }
}

/// Removes a release, under another name: what an interrupted removal leaves is not taken for a release.
fn remove(dir: &Path) -> std::io::Result<()> {
    let name = dir.file_name().unwrap_or_default();
    if name.as_encoded_bytes().starts_with(UNFINISHED.as_bytes()) {
        return fs::remove_dir_all(dir);
    }
    let mut unfinished = OsString::from(UNFINISHED);
    unfinished.push(name);
    let unfinished = dir.with_file_name(unfinished);
    if unfinished.exists() {
        // Of an earlier removal that was interrupted.
        fs::remove_dir_all(&unfinished)?;
    }
    fs::rename(dir, &unfinished)?;
    fs::remove_dir_all(&unfinished)
}

/// Whether a site has the files that its pages name.
fn has_files(site: &Path) -> bool {
    fs::read_dir(site.join("pkg")).is_ok_and(|mut files| files.next().is_some())
}

/// Writes the names in a folder, and in those within it, to the disk.
fn sync_folders(dir: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    File::open(dir)?.sync_all()
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
        let entries = fs::read_dir(folder(layout)).unwrap().map(std::result::Result::unwrap);
        let dirs = entries.filter(|entry| entry.file_type().unwrap().is_dir());
        dirs.map(|dir| dir.file_name().into_string().unwrap()).collect()
    }

    fn taken(layout: &Layout) -> Result<Release> {
        take(layout, "build it", &lock(layout).unwrap())
    }

    #[test]
    fn a_later_build_changes_nothing_of_a_release() {
        let (_dir, layout) = built(&FIRST);
        let first = taken(&layout).unwrap();
        first.make_current(&layout).unwrap();
        write(
            &layout,
            &[("release/tidemark", "two"), ("release/hash.txt", "js: b"), ("site/pkg/tidemark.b.js", "b")],
        );
        fs::remove_file(layout.site().join("pkg/tidemark.a.js")).unwrap();
        let second = taken(&layout).unwrap();
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
        let first = taken(&layout).unwrap();
        assert_eq!(taken(&layout).unwrap(), first);
        assert_eq!(names(&layout).len(), 1);
        // Only a name differs.
        fs::rename(layout.site().join("robots.txt"), layout.site().join("robots2.txt")).unwrap();
        assert_ne!(taken(&layout).unwrap(), first);
    }

    #[test]
    fn one_that_lost_a_part_is_copied_again() {
        let (_dir, layout) = built(&FIRST);
        let first = taken(&layout).unwrap();
        fs::remove_file(first.binary()).unwrap();
        assert_eq!(taken(&layout).unwrap(), first);
        assert!(first.is_complete());
    }

    #[test]
    fn one_without_files_for_its_pages_is_copied_again() {
        let (_dir, layout) = built(&FIRST);
        let first = taken(&layout).unwrap();
        // As an interrupted removal leaves it.
        fs::remove_file(first.site().join("pkg/tidemark.a.js")).unwrap();
        assert_eq!(taken(&layout).unwrap(), first);
        assert!(first.site().join("pkg/tidemark.a.js").is_file());
        fs::remove_file(layout.site().join("pkg/tidemark.a.js")).unwrap();
        assert!(taken(&layout).unwrap_err().to_string().contains("built site is not in"));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn an_interrupted_removal_leaves_no_release() {
        let (_dir, layout) = built(&FIRST);
        let first = taken(&layout).unwrap();
        first.make_current(&layout).unwrap();
        write(&layout, &[("release/tidemark", "two")]);
        let second = taken(&layout).unwrap();
        // A process works in it, and sees the folder's name change before anything in it is removed.
        let pkg = File::open(second.site().join("pkg")).unwrap();
        let opened = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&pkg));
        remove_old(&layout, &lock(&layout).unwrap());
        let was_called = fs::read_link(opened).unwrap();
        assert!(was_called.to_string_lossy().contains(UNFINISHED), "{}", was_called.display());
        // What was left is no release, and goes with the next removal.
        fs::create_dir_all(folder(&layout).join(format!("{UNFINISHED}{}", second.name())).join(SITE))
            .unwrap();
        assert_eq!(taken(&layout).unwrap(), second);
        remove_old(&layout, &lock(&layout).unwrap());
        assert_eq!(names(&layout), [first.name()]);
    }

    #[test]
    fn the_current_release_is_not_the_next_one_too() {
        let (_dir, layout) = built(&FIRST);
        let first = taken(&layout).unwrap();
        first.make_current(&layout).unwrap();
        write(&layout, &[("release/tidemark", "two")]);
        let second = taken(&layout).unwrap();
        second.make_next(&layout).unwrap();
        assert_eq!(next(&layout), Some(second.clone()));
        // The checkout went back, and was built again.
        first.make_next(&layout).unwrap();
        assert_eq!(next(&layout), None);
    }

    #[test]
    fn releases_that_are_kept_are_found_by_what_they_are() {
        let (_dir, layout) = built(&FIRST);
        let refused = |which| kept(&layout, which).unwrap_err().to_string();
        assert!(refused(KeptRelease::Current).contains("there is no current release in"));
        let first = taken(&layout).unwrap();
        first.make_current(&layout).unwrap();
        assert!(refused(KeptRelease::Previous).contains("there is no previous release in"));
        write(&layout, &[("release/tidemark", "two")]);
        let second = taken(&layout).unwrap();
        second.make_current(&layout).unwrap();
        assert_eq!(kept(&layout, KeptRelease::Current).unwrap(), second);
        assert_eq!(kept(&layout, KeptRelease::Previous).unwrap(), first);
        fs::remove_file(first.binary()).unwrap();
        assert!(
            refused(KeptRelease::Previous).contains("there is no previous release in"),
            "not a whole one"
        );
    }

    #[test]
    fn without_a_build_there_is_the_current_one_or_an_error() {
        let (_dir, layout) = built(&FIRST);
        let first = taken(&layout).unwrap();
        first.make_current(&layout).unwrap();
        fs::remove_dir_all(layout.site()).unwrap();
        assert_eq!(take_or_current(&layout, "").unwrap(), first);
        // What was built just now went elsewhere: the one of before is not served in its place.
        let refused = taken(&layout).unwrap_err().to_string();
        assert!(refused.contains("built site is not in") && refused.ends_with("build it"), "{refused}");
        fs::remove_file(layout.server_binary()).unwrap();
        assert!(taken(&layout).unwrap_err().to_string().ends_with("build it"));
        fs::remove_file(folder(&layout).join(CURRENT)).unwrap();
        assert!(take_or_current(&layout, "build it").unwrap_err().to_string().ends_with("build it"));
    }

    #[test]
    fn releases_that_links_name_are_kept() {
        let (_dir, layout) = built(&FIRST);
        let make = |n: u32| {
            write(&layout, &[("release/tidemark", &n.to_string())]);
            taken(&layout).unwrap()
        };
        let made: Vec<Release> = (0..6).map(make).collect();
        fs::create_dir(folder(&layout).join(format!("{UNFINISHED}x"))).unwrap();
        remove_old(&layout, &lock(&layout).unwrap());
        assert_eq!(names(&layout).len(), 7, "without a link nothing is removed");
        // In another order than they were built.
        for n in [0, 4, 2, 2] {
            made[n].make_current(&layout).unwrap();
        }
        made[3].make_next(&layout).unwrap();
        // A start that fails changes neither.
        let links = Links::noted(&layout);
        made[3].make_current(&layout).unwrap();
        links.restore(&layout).unwrap();
        remove_old(&layout, &lock(&layout).unwrap());
        let there: Vec<bool> = made.iter().map(Release::is_complete).collect();
        assert_eq!(there, [false, false, true, true, true, false]);
        assert_eq!(names(&layout).len(), 3);
        assert_eq!((current(&layout), next(&layout)), (Some(made[2].clone()), Some(made[3].clone())));
        // Only the one that was started is not the next any more.
        made[2].forget_next(&layout);
        assert!(next(&layout).is_some());
        made[3].forget_next(&layout);
        assert_eq!(next(&layout), None);
    }

    #[test]
    fn one_process_at_a_time_copies() {
        let (_dir, layout) = built(&FIRST);
        let held = lock(&layout).unwrap();
        let busy = take_or_current(&layout, "").unwrap_err().to_string();
        assert!(busy.contains("another build is at work"), "{busy}");
        drop(held);
        take_or_current(&layout, "").unwrap();
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_name_is_the_hash_of_what_was_copied() {
        let (_dir, layout) = built(&FIRST);
        // As a build that writes meanwhile: each reading of it gives something else.
        symlink("/proc/sys/kernel/random/uuid", layout.site().join("pkg/changes")).unwrap();
        let release = taken(&layout).unwrap();
        let mut hash = Fnv1a::new();
        let mut files = files_below(&release.dir).unwrap();
        files.sort_by_key(|file| (file.starts_with(SITE), file != Path::new(BINARY), file.clone()));
        for file in &files {
            add_file(&mut hash, &release.dir.join(file), file).unwrap();
        }
        assert_eq!(release.dir.file_name().unwrap().to_str(), Some(hash.hex().as_str()));
    }
}
