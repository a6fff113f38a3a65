//! Files that hold one secret.

use std::{
    fs::{self, File, Metadata},
    io::Read,
};

use super::ConfigError;

/// Reads such a file, up to a little more than `longest` bytes, so that the caller notices that there are more. `setting` is
/// who named the file.
///
/// # Errors
/// The file cannot be read, is not UTF-8, or other users may read or change it. The text never repeats what is in the file.
pub(super) fn read(setting: &str, path: &str, longest: usize) -> Result<String, ConfigError> {
    let bad = |reason: String| ConfigError::new(setting, format!("{path}: {reason}"));
    // Before it is opened: that of a pipe would wait for somebody who writes into it.
    let facts = fs::metadata(path).map_err(|e| bad(e.to_string()))?;
    if !facts.is_file() {
        return Err(bad("is not a file".to_owned()));
    }
    let file = File::open(path).map_err(|e| bad(e.to_string()))?;
    // Asked of the open file, so that it cannot be another one by the time it is read.
    let facts = file.metadata().map_err(|e| bad(e.to_string()))?;
    check_mode(&facts).map_err(bad)?;
    let mut text = String::new();
    file.take(longest as u64 + 64).read_to_string(&mut text).map_err(|e| bad(e.to_string()))?;
    Ok(text)
}

/// Nobody but the owner may read or change the file.
#[cfg(unix)]
fn check_mode(facts: &Metadata) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt;

    let mode = facts.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(format!("other users may read or change it (mode {mode:04o}); run chmod 600 on it"))
}

/// Where files have no mode.
#[cfg(not(unix))]
fn check_mode(_: &Metadata) -> Result<(), String> {
    Ok(())
}
