//! Private folders in a place that every user may write to, such as `/tmp`.

use std::{
    fs,
    io::ErrorKind,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::Path,
};

use crate::{Error, Result};

/// Makes the folder, unless it is there, with mode 0700. One that is there must be a folder, no link to one, and ours:
/// another user could have put it there, and would see, or choose, what we write.
///
/// # Errors
/// [`Error::Io`] when it cannot be made, [`Error::Failed`] when the path exists and is not a private folder of this user.
pub(crate) fn private_dir(dir: &Path) -> Result<()> {
    let made = fs::DirBuilder::new().mode(0o700).create(dir);
    if made.as_ref().is_err_and(|error| error.kind() != ErrorKind::AlreadyExists) {
        return made.map_err(Error::path("make the folder", dir));
    }
    let refused = |why: &str| Error::Failed {
        what: format!("using {}", dir.display()),
        detail: format!("it is {why}; remove it, or name another folder for temporary files in TMPDIR"),
    };
    // Not what a link leads to.
    let meta = fs::symlink_metadata(dir).map_err(Error::path("look at", dir))?;
    if !meta.is_dir() {
        return Err(refused("no folder"));
    }
    if meta.uid() != rustix::process::geteuid().as_raw() {
        return Err(refused(&format!("of another user, with number {}", meta.uid())));
    }
    if meta.permissions().mode() & 0o077 != 0 {
        return Err(refused("open to other users"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{chown, symlink};

    use super::*;

    #[test]
    fn only_a_folder_of_ours_alone_is_used_and_nothing_of_another_is_changed() {
        let dir = tempfile::tempdir().unwrap();
        let private = dir.path().join("private");
        private_dir(&private).unwrap();
        private_dir(&private).unwrap();
        assert_eq!(fs::metadata(&private).unwrap().permissions().mode() & 0o777, 0o700);

        let (victim, link, file) =
            (dir.path().join("victim"), dir.path().join("link"), dir.path().join("file"));
        fs::create_dir(&victim).unwrap();
        fs::set_permissions(&victim, fs::Permissions::from_mode(0o755)).unwrap();
        symlink(&victim, &link).unwrap();
        fs::write(&file, "").unwrap();
        for (path, why) in [(&link, "no folder"), (&file, "no folder"), (&victim, "open to other users")] {
            let refused = private_dir(path).unwrap_err().to_string();
            assert!(refused.contains(why) && refused.contains("remove it"), "{refused}");
        }
        assert_eq!(fs::metadata(&victim).unwrap().permissions().mode() & 0o777, 0o755);
        if rustix::process::geteuid().is_root() {
            chown(&private, Some(12_345), None).unwrap();
            assert!(private_dir(&private).unwrap_err().to_string().contains("of another user"));
        }
    }
}
