//! PostgreSQL refuses to run as root: which user it runs as then, and which folders that user can reach.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{Error, Result};

/// The user that PostgreSQL's package makes for it.
const NAME: &str = "postgres";

/// A user to run as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Account {
    uid: u32,
    gid: u32,
}

impl Account {
    /// The account that a server started by us has to run as: `None` means our own.
    pub(crate) fn of_server() -> Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let id = |flag: &str| {
            let out = Command::new("id").args([flag, NAME]).output().ok()?;
            String::from_utf8_lossy(&out.stdout).trim().parse::<u32>().ok()
        };
        match (id("-u"), id("-g")) {
            (Some(uid), Some(gid)) => Ok(Some(Self { uid, gid })),
            _ => Err(Error::Missing {
                program: format!("user {NAME}"),
                hint: "PostgreSQL does not run as root; its package makes this user".to_owned(),
            }),
        }
    }

    /// Makes a command run as this user. `std` drops root's supplementary groups with it.
    pub(crate) fn apply(self, command: &mut Command) {
        command.uid(self.uid).gid(self.gid).env("HOME", "/");
    }

    /// Gives a file or folder to this user.
    pub(crate) fn own(self, path: &Path) -> Result<()> {
        chown(path, Some(self.uid), Some(self.gid)).map_err(Error::path("change the owner of", path))
    }

    /// Whether this user may pass through the folder.
    fn may_enter(self, dir: &Path) -> bool {
        let Ok(meta) = fs::metadata(dir) else { return false };
        let mode = meta.permissions().mode();
        let bit = if meta.uid() == self.uid {
            0o100
        } else if meta.gid() == self.gid {
            0o010
        } else {
            0o001
        };
        mode & bit != 0
    }

    /// Whether this user may pass through every folder above `path`, as far as they exist.
    pub(crate) fn reaches(self, path: &Path) -> bool {
        self.stopped_at(path).is_none()
    }

    /// The uppermost folder above `path` that this user may not pass through.
    fn stopped_at(self, path: &Path) -> Option<PathBuf> {
        let real = path.ancestors().skip(1).find_map(|dir| dir.canonicalize().ok())?;
        let stops: Vec<&Path> = real.ancestors().filter(|dir| !self.may_enter(dir)).collect();
        stops.last().map(|dir| (*dir).to_owned())
    }
}

/// The name of the other user that PostgreSQL has to run as, if we are root; `None` when it runs as ourselves.
///
/// # Errors
/// [`Error::Missing`] when that user does not exist.
pub fn server_account() -> Result<Option<&'static str>> {
    Ok(Account::of_server()?.map(|_| NAME))
}

/// Whether a server started by us could keep its data in `dir`: as root it runs as another user, who must be able to
/// pass through every folder above. False for a checkout under `/root`.
///
/// # Errors
/// As [`server_account`].
pub fn data_folder_is_reachable(dir: &Path) -> Result<bool> {
    Ok(Account::of_server()?.is_none_or(|account| account.reaches(dir)))
}

/// The uppermost folder above `dir` that keeps a server started by us from its data there, see
/// [`data_folder_is_reachable`].
///
/// # Errors
/// As [`server_account`].
pub fn data_folder_is_stopped_at(dir: &Path) -> Result<Option<PathBuf>> {
    Ok(Account::of_server()?.and_then(|account| account.stopped_at(dir)))
}

/// The user id that the owner of a data folder must have for a server started by us.
///
/// # Errors
/// As [`server_account`].
pub fn data_folder_owner() -> Result<u32> {
    Ok(Account::of_server()?.map_or_else(|| rustix::process::geteuid().as_raw(), |account| account.uid))
}

/// A folder for temporary data that the server's user can reach.
pub(crate) fn temporary_base(account: Option<Account>) -> PathBuf {
    let own = std::env::temp_dir();
    let Some(account) = account else { return own };
    [own.clone(), PathBuf::from("/tmp"), PathBuf::from("/var/tmp")]
        .into_iter()
        .find(|dir| account.reaches(&dir.join("x")))
        .unwrap_or(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_folder_stops_others() {
        let dir = tempfile::tempdir().unwrap();
        let (closed, open) = (dir.path().join("closed"), dir.path().join("open"));
        for (path, mode) in [(&closed, 0o700), (&open, 0o711)] {
            fs::create_dir(path).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
        let stranger = Account { uid: 4_000_001, gid: 4_000_001 };
        assert!(!stranger.may_enter(&closed));
        assert!(stranger.may_enter(&open));
        assert!(!stranger.reaches(&closed.join("deep/er")));
        assert_eq!(stranger.stopped_at(&closed.join("deep/er")), Some(closed.canonicalize().unwrap()));
        let owner = fs::metadata(&closed).unwrap();
        assert!(Account { uid: owner.uid(), gid: owner.gid() }.may_enter(&closed));
        assert!(stranger.reaches(Path::new("/no-such-folder/data")));
    }
}
