//! Postgres's data of checkouts that its user cannot enter, as those below `/root`: each in a folder of its own, which says
//! whose it is.

use std::{
    fs,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
};

use local_servers::data_folder_is_stopped_at;

use crate::{
    layout::{Layout, let_through},
    path_hash::path_hash,
    preflight::{quoted, refused},
    problem::{Problem, Result},
    state::State,
};

/// Where these folders are.
const ELSEWHERE: &str = "/var/lib/tidemark";
/// In such a folder: the path of the checkout that it is of.
const OWNER: &str = "checkout";

/// Where the data of a checkout at this place is made.
pub fn usual(layout: &Layout) -> PathBuf {
    Path::new(ELSEWHERE).join(path_hash(layout.root())).join("postgres")
}

/// Makes the folders above this data, and lets PostgreSQL's user through to it.
///
/// # Errors
/// When one cannot be made, or that user is kept out by one that is not ours to open.
pub fn make_above(data: &Path) -> Result<()> {
    let above = data.parent().unwrap_or(data);
    fs::create_dir_all(above).map_err(|error| refused(above, &error))?;
    above.ancestors().take_while(|dir| dir.starts_with(ELSEWHERE)).try_for_each(let_through)?;
    match data_folder_is_stopped_at(data)? {
        None => Ok(()),
        Some(dir) => Err(Problem::said(format!(
            "PostgreSQL runs as its own user, who cannot enter {} and so not {}: chmod o+x {}",
            dir.display(),
            data.display(),
            quoted(&dir)
        ))),
    }
}

/// The checkout that has claimed this data; `None` of data that is not elsewhere, or that nobody has claimed.
pub fn owner(data: &Path) -> Option<PathBuf> {
    // An empty note is one that a power cut kept from the disk.
    let path = fs::read(folder_of(data)?.join(OWNER)).ok().filter(|path| !path.is_empty())?;
    Some(PathBuf::from(std::ffi::OsString::from_vec(path)))
}

/// The folders elsewhere that are the checkout's own: the one that its place has, and the one that is noted, which a
/// checkout that was moved goes on with.
pub fn own_folders(layout: &Layout, state: &State) -> Vec<PathBuf> {
    let data = [Some(usual(layout)), state.postgres_data.clone()];
    let own = data.into_iter().flatten().filter(|data| is_own(layout, state, data));
    let mut own: Vec<PathBuf> = own.filter_map(|data| folder_of(&data)).collect();
    own.dedup();
    own
}

/// Notes in the folder that the data is of this checkout, if the data is elsewhere.
///
/// # Errors
/// When it is another checkout's, or the note cannot be written.
pub fn claim(layout: &Layout, state: &State, data: &Path) -> Result<()> {
    let Some(folder) = folder_of(data) else { return Ok(()) };
    if let Some(other) = owner(data).filter(|_| !is_own(layout, state, data)) {
        return Err(Problem::said(format!(
            "{} holds the data of the checkout in {}, which was here before: use that one, or have this one elsewhere",
            folder.display(),
            other.display()
        )));
    }
    if owner(data).is_some_and(|it| it == layout.root()) {
        return Ok(());
    }
    let note = folder.join(OWNER);
    let new = note.with_extension("new");
    // In one step: half a path would be another checkout's.
    fs::write(&new, layout.root().as_os_str().as_bytes())
        .and_then(|()| fs::rename(&new, &note))
        .map_err(|error| refused(&note, &error))
}

/// Whether data is this checkout's, where it is now or where it was before it was moved.
fn is_own(layout: &Layout, state: &State, data: &Path) -> bool {
    owner(data).is_none_or(|it| it == layout.root() || Some(&it) == state.root.as_ref())
}

/// The folder below [`ELSEWHERE`] that holds this data and nothing else but whose it is.
fn folder_of(data: &Path) -> Option<PathBuf> {
    let folder = data.parent()?;
    (data.ends_with("postgres") && folder.parent()? == Path::new(ELSEWHERE)).then(|| folder.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_elsewhere_is_told_by_its_place() {
        let layout = Layout::at(PathBuf::from("/somewhere/tidemark"));
        let usual = Path::new(ELSEWHERE).join(path_hash(layout.root()));
        let own = |noted: Option<&str>| {
            let mut state = State::default();
            state.postgres_data = noted.map(PathBuf::from);
            own_folders(&layout, &state)
        };
        assert_eq!(own(None), [usual.as_path()]);
        assert_eq!(own(usual.join("postgres").to_str()), [usual.as_path()], "once");
        let moved = Path::new(ELSEWHERE).join("4711");
        assert_eq!(own(moved.join("postgres").to_str()), [usual.as_path(), &moved]);
        for others in
            ["/", "/var/lib/tidemark", "/var/lib/tidemark/postgres", "/var/lib/postgresql/15/postgres"]
        {
            assert_eq!(own(Some(others)), [usual.as_path()], "{others}");
        }
    }

    #[test]
    fn data_stays_that_of_a_checkout_that_was_moved() {
        // Nobody else writes there.
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let (before, after) = (Layout::at(dir.path().join("before")), Layout::at(dir.path().join("after")));
        let data = usual(&before);
        fs::create_dir_all(&data).unwrap();
        let mut state = State::default();
        let tried = [
            owner(&data),
            claim(&before, &state, &data).ok().and_then(|()| owner(&data)),
            // Moved: its notes are of the old place, until it claims the data.
            {
                state.root = Some(before.root().to_owned());
                claim(&after, &state, &data).ok().and_then(|()| owner(&data))
            },
        ];
        state.root = Some(after.root().to_owned());
        state.postgres_data = Some(data.clone());
        let own = own_folders(&after, &state);
        // One that is made anew at the old place.
        let (anew, refused) =
            (own_folders(&before, &State::default()), claim(&before, &State::default(), &data));
        fs::remove_dir_all(data.parent().unwrap()).unwrap();
        let [first, claimed, moved] = tried;
        assert_eq!((first, claimed), (None, Some(before.root().to_owned())));
        assert_eq!(moved.as_deref(), Some(after.root()));
        assert!(own.iter().any(|folder| data.starts_with(folder)), "{own:?}");
        assert!(anew.is_empty(), "{anew:?}");
        let refused = refused.unwrap_err().to_string();
        assert!(
            refused.contains("holds the data of the checkout in") && refused.contains("/after"),
            "{refused}"
        );
    }

    #[test]
    fn data_below_the_checkout_needs_no_claim() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::at(dir.path().to_owned());
        let data = layout.kept().join("postgres");
        claim(&layout, &State::default(), &data).unwrap();
        assert!(!layout.kept().exists());
        assert_eq!(owner(&data), None);
    }
}
