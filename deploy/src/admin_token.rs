//! The file with the token of the admin API: the operator's own, or one that `up` makes at first.

use std::{
    env,
    fs::File,
    io::{ErrorKind, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf, absolute},
};

use local_servers::random_hex;
use rustix::fs::OFlags;

use crate::{
    layout::Layout,
    problem::{Problem, Result},
};

/// The server's setting that names the file.
pub const SETTING: &str = "TIDEMARK_ADMIN_TOKEN_FILE";
/// Bytes of a token that we make, before they are written in hex.
const BYTES: usize = 32;
/// Bytes that the server takes as a token: shorter ones could be guessed, longer ones do not fit into a header.
const ALLOWED: std::ops::RangeInclusive<usize> = 16..=4_096;

/// The token file for a server that is about to start: the one that the operator names, or the one of this checkout, made
/// if it is not there yet.
///
/// # Errors
/// The file is none that the server takes, with one line that says why. It is never replaced by guess.
pub fn file(layout: &Layout) -> Result<PathBuf> {
    if let Some(path) = named(layout)? {
        check(&path).map_err(|why| Problem::said(format!("{SETTING}: {}: {why}", path.display())))?;
        return Ok(path);
    }
    let path = layout.admin_token();
    // A link that leads nowhere is there, too.
    if path.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        make(&path)?;
    }
    check(&path).map_err(|why| {
        Problem::said(format!("{}: {why}; without this file `up` makes a new token", path.display()))
    })?;
    Ok(path)
}

/// The file that the operator names, in the environment or in the `.env` that the server reads.
///
/// # Errors
/// The value is not UTF-8, or the `.env` cannot be read.
pub fn named(layout: &Layout) -> Result<Option<PathBuf>> {
    named_by(SETTING, layout)
}

/// As [`named`], by another setting.
pub fn named_by(setting: &str, layout: &Layout) -> Result<Option<PathBuf>> {
    match env::var(setting) {
        // As the server takes it: blank is not set, and hides what the `.env` says.
        Ok(value) if value.trim().is_empty() => Ok(None),
        Ok(value) => absolute(value.trim()).map(Some).map_err(Problem::io(setting)),
        Err(env::VarError::NotUnicode(_)) => Err(Problem::said(format!("{setting}: is not valid UTF-8"))),
        Err(env::VarError::NotPresent) => named_in_file(setting, layout.root()),
    }
}

/// As [`named`], by the nearest `.env` in the server's working directory or above it.
fn named_in_file(setting: &str, root: &Path) -> Result<Option<PathBuf>> {
    let Some(path) = root.ancestors().map(|dir| dir.join(".env")).find(|path| path.is_file()) else {
        return Ok(None);
    };
    // The text of an error would repeat the line, which may hold a password.
    let bad = || Problem::said(format!("{}: a line cannot be read; each is NAME=value", path.display()));
    for line in dotenvy::from_path_iter(&path).map_err(|_| bad())? {
        let (name, value) = line.map_err(|_| bad())?;
        if name == setting {
            let value = value.trim();
            return Ok((!value.is_empty()).then(|| root.join(value)));
        }
    }
    Ok(None)
}

/// Why the server would not take this token file, and what to do; it never repeats what is in it.
///
/// # Errors
/// Why.
pub fn check(path: &Path) -> std::result::Result<(), String> {
    let cannot = |error: std::io::Error| format!("cannot be read: {error}");
    // A named pipe without a writer would keep us waiting, and is refused below.
    let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options().read(true).custom_flags(nonblocking).open(path).map_err(cannot)?;
    let facts = file.metadata().map_err(cannot)?;
    if !facts.is_file() {
        return Err("is not a file".to_owned());
    }
    let mode = facts.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(format!("other users may read or change it (mode {mode:04o}); run chmod 600 on it"));
    }
    let mut bytes = Vec::new();
    file.take(*ALLOWED.end() as u64 + 64).read_to_end(&mut bytes).map_err(cannot)?;
    let token = bytes.trim_ascii();
    match token.len() {
        0 => Err("is empty".to_owned()),
        length if !ALLOWED.contains(&length) => {
            let (shortest, longest) = ALLOWED.into_inner();
            Err(format!("the token has {length} bytes, not {shortest} to {longest}"))
        }
        _ if !token.iter().all(u8::is_ascii_graphic) => {
            Err("the token must be one word of visible ASCII characters".to_owned())
        }
        _ => Ok(()),
    }
}

/// Makes a token, in one step: there is either the whole file, for its owner alone, or none. One that came to be there
/// meanwhile stays.
fn make(path: &Path) -> Result<()> {
    let what = || format!("cannot write {}", path.display());
    let dir = path.parent().unwrap_or(Path::new("."));
    // Made with mode 600, and removed again if anything fails.
    let mut file = tempfile::NamedTempFile::new_in(dir).map_err(Problem::io(what()))?;
    let token = random_hex(BYTES)?;
    file.write_all(format!("{token}\n").as_bytes())
        .and_then(|()| file.as_file().sync_all())
        .map_err(Problem::io(what()))?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(Problem::io(what())(error.error)),
    }
}

#[cfg(test)]
mod tests;
