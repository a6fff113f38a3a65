//! Where an export goes.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// Standard output, or a file. A regular file is written beside its place and renamed when it is whole; dropped before,
/// nothing is left of it.
pub(super) enum Target {
    Stdout,
    /// A pipe or a device: there is nothing to rename.
    Direct(File),
    Beside {
        file: File,
        part: PathBuf,
        place: PathBuf,
        is_placed: bool,
    },
}

impl Target {
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        if path == Path::new("-") {
            return Ok(Self::Stdout);
        }
        let unwritable = |error: &dyn std::fmt::Display| format!("--output {}: {error}", path.display());
        // A link stays one: what it points to is replaced.
        let place = match fs::metadata(path) {
            Ok(found) if found.is_dir() => return Err(unwritable(&"is a directory")),
            Ok(found) if found.is_file() => fs::canonicalize(path).map_err(|error| unwritable(&error))?,
            Ok(_) => {
                let file = File::options().write(true).open(path).map_err(|error| unwritable(&error))?;
                return Ok(Self::Direct(file));
            }
            Err(_) => path.to_owned(),
        };
        let name = place.file_name().ok_or_else(|| unwritable(&"is no name of a file"))?;
        let part = place.with_file_name(format!(".{}.{}.part", name.to_string_lossy(), std::process::id()));
        let file = File::create_new(&part).map_err(|error| unwritable(&error))?;
        Ok(Self::Beside { file, part, place, is_placed: false })
    }

    /// Whether it is a file, and not what others may print to.
    pub(super) fn is_file(&self) -> bool {
        !matches!(self, Self::Stdout)
    }

    pub(super) fn writer(&self) -> io::Result<Box<dyn Write>> {
        Ok(match self {
            Self::Stdout => Box::new(io::stdout()),
            Self::Direct(file) | Self::Beside { file, .. } => Box::new(file.try_clone()?),
        })
    }

    /// All has been written: gives the file its name.
    pub(super) fn place(mut self) -> io::Result<()> {
        if let Self::Beside { file, part, place, is_placed } = &mut self {
            file.sync_all()?;
            fs::rename(part, place)?;
            *is_placed = true;
        }
        Ok(())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Self::Beside { part, is_placed: false, .. } = self {
            // Nothing can be done about an error.
            let _ = fs::remove_file(part);
        }
    }
}
