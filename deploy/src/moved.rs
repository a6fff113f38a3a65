//! A checkout that was moved, or copied with all that it keeps: what is noted is then of another place.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use crate::{
    elsewhere,
    layout::Layout,
    preflight::refused,
    problem::Result,
    recover::postgres_data_there,
    say,
    state::{self, State},
};

/// The checkout that this one was copied from, if it still keeps its own. One that was moved has left nothing there.
pub fn original(layout: &Layout, state: &State) -> Option<PathBuf> {
    let from = state.root.as_deref().filter(|from| *from != layout.root())?;
    let noted = |root: &Path| fs::metadata(state::path(&Layout::at(root.to_owned()))).ok();
    let there = noted(from)?;
    // The same one by another name, as through a link.
    let same =
        noted(layout.root()).is_some_and(|here| (here.dev(), here.ino()) == (there.dev(), there.ino()));
    (!same).then(|| from.to_owned())
}

/// Finds Postgres's data again: what is noted may be the folder below the old place, which is gone or another's. A copy
/// has neither processes nor data of the original.
pub fn follow(layout: &Layout, state: &mut State) {
    let copied = original(layout, state).is_some();
    if copied {
        state.supervisor = None;
        state.redis = None;
        state.postgres = None;
        state.server = None;
        state.admin_token_file = None;
        // Its nodes know each other by addresses, which are the original's.
        state.cluster = None;
    }
    let Some(noted) = &state.postgres_data else { return };
    let there = postgres_data_there(layout);
    let of_another = !noted.starts_with(layout.root()) && (copied || noted.ends_with(".tidemark/postgres"));
    if !noted.exists() || (of_another && (copied || there.is_some())) {
        state.postgres_data = there;
    }
}

/// Makes the checkout one of its own, before anything is started in it: says what a copy does not take on, and removes the
/// copied cluster, whose nodes would join the original's.
///
/// # Errors
/// When that cannot be removed, or the data elsewhere is another checkout's.
pub fn settle(layout: &Layout, state: &mut State) -> Result<()> {
    if let Some(original) = original(layout, state) {
        let nodes = layout.kept().join("cluster");
        let begun = if nodes.exists() { "; its cluster begins empty" } else { "" };
        say::note(&format!(
            "this checkout is a copy of {}, whose servers and data stay its own{begun}",
            original.display()
        ));
        match fs::remove_dir_all(&nodes) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(refused(&nodes, &error));
            }
            _ => {}
        }
    }
    if let Some(data) = state.postgres_data.as_deref().filter(|data| data.exists()) {
        elsewhere::claim(layout, state, data)?;
    }
    state.root = Some(layout.root().to_owned());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cluster::Cluster, running::Running};

    #[test]
    fn data_is_followed_to_where_the_checkout_is_now() {
        let dir = tempfile::tempdir().unwrap();
        let (old, layout) = (Layout::at(dir.path().join("old")), Layout::at(dir.path().join("new")));
        let data = |layout: &Layout| layout.kept().join("postgres");
        let make = |layout: &Layout| {
            fs::create_dir_all(data(layout)).unwrap();
            fs::write(data(layout).join("PG_VERSION"), "15\n").unwrap();
        };
        let followed = |noted: PathBuf| {
            let mut state = State::default();
            state.postgres_data = Some(noted);
            follow(&layout, &mut state);
            state.postgres_data
        };
        assert_eq!(followed(data(&old)), None, "neither here nor there");
        make(&layout);
        assert_eq!(followed(data(&old)), Some(data(&layout)), "moved");
        make(&old);
        assert_eq!(followed(data(&old)), Some(data(&layout)), "copied: the old one is another checkout's");
        assert_eq!(followed(data(&layout)), Some(data(&layout)));
        let elsewhere = dir.path().join("lib/4711/postgres");
        fs::create_dir_all(&elsewhere).unwrap();
        assert_eq!(
            followed(elsewhere.clone()),
            Some(elsewhere),
            "it stays where it was when the checkout moves"
        );
    }

    #[test]
    fn a_copy_has_nothing_of_the_original_and_a_moved_checkout_all() {
        let dir = tempfile::tempdir().unwrap();
        let (old, layout) = (Layout::at(dir.path().join("old")), Layout::at(dir.path().join("new")));
        layout.make().unwrap();
        let elsewhere = dir.path().join("lib/4711/postgres");
        fs::create_dir_all(&elsewhere).unwrap();
        let me = Running::note(std::process::id());
        let mut noted = State::default();
        noted.root = Some(old.root().to_owned());
        noted.postgres_data = Some(elsewhere);
        noted.postgres_port = Some(5442);
        noted.cluster = Some(Cluster::at(7001));
        (noted.server, noted.supervisor) = (me.clone(), me);
        noted.save(&layout).unwrap();
        fs::create_dir_all(layout.kept().join("cluster/1")).unwrap();

        let mut moved = noted.clone();
        follow(&layout, &mut moved);
        assert_eq!(moved, noted);

        old.make().unwrap();
        noted.save(&old).unwrap();
        let mut copy = noted.clone();
        follow(&layout, &mut copy);
        let mut expected = State::default();
        (expected.root, expected.postgres_port) = (noted.root.clone(), Some(5442));
        assert_eq!(copy, expected);
        let mut original = noted.clone();
        follow(&old, &mut original);
        assert_eq!(original, noted);

        settle(&layout, &mut copy).unwrap();
        assert_eq!(copy.root.as_deref(), Some(layout.root()));
        assert!(!layout.kept().join("cluster").exists());
        // From now on what it notes is its own.
        copy.server = noted.server;
        let own = copy.clone();
        follow(&layout, &mut copy);
        assert_eq!(copy, own);
    }

    #[test]
    fn the_same_checkout_by_another_name_is_no_copy() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::at(dir.path().join("new"));
        layout.make().unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(layout.root(), &link).unwrap();
        let mut state = State::default();
        state.root = Some(link);
        state.save(&layout).unwrap();
        assert_eq!(original(&layout, &state), None);
    }
}
