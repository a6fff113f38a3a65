//! The checksum that Binance publishes beside each archive: `BTCUSDT-1h-2024-01.zip.CHECKSUM`.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::ImportError;

const EXTENSION: &str = ".CHECKSUM";
/// Bytes of a checksum file that are looked at: a line has some hundred.
const MAX_BYTES: u64 = 4096;
const BUFFER: usize = 64 * 1024;

/// Whether this is the name of a checksum file, which holds no candles.
#[must_use]
pub fn is_checksum(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().to_ascii_uppercase().ends_with(EXTENSION))
}

/// Compares a file with the checksum beside it, if there is one.
pub(super) fn check(path: &Path) -> Result<(), ImportError> {
    let mut beside = OsString::from(path);
    beside.push(EXTENSION);
    let beside = PathBuf::from(beside);
    let name = beside.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let refused = |reason: String| Err(ImportError::Checksum(reason));
    let text = match read(&beside) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return refused(format!("its checksum {name:?} cannot be read: {error}")),
    };
    // As sha256sum writes it: the digest, then the name.
    let expected = text.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    if expected.len() != 64 || !expected.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return refused(format!("its checksum {name:?} holds no SHA-256"));
    }
    let found = match digest(path) {
        Ok(found) => found,
        // What reads the candles says what is wrong with the file.
        Err(_) => return Ok(()),
    };
    if found == expected {
        return Ok(());
    }
    refused(format!(
        "its SHA-256 begins with {}, {name:?} says {}: it is damaged or another file",
        &found[..16],
        &expected[..16]
    ))
}

fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn digest(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; BUFFER];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => digest.update(buffer.get(..read).unwrap_or_default()),
        }
    }
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_a_file_with_the_checksum_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.zip");
        std::fs::write(&file, "abc").unwrap();
        let verdict = |text: Option<&str>| {
            let beside = folder.path().join("a.zip.CHECKSUM");
            if let Some(text) = text {
                std::fs::write(beside, text).unwrap();
            }
            check(&file).err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert_eq!(verdict(None), "");
        // FIPS 180-2, appendix B.1.
        let right = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(verdict(Some(&format!("{right}  a.zip\n"))), "");
        assert_eq!(verdict(Some(&right.to_ascii_uppercase())), "");
        let wrong = verdict(Some(&format!("{}  a.zip", right.replace("ba78", "ba79"))));
        assert_eq!(
            wrong,
            "its SHA-256 begins with ba7816bf8f01cfea, \"a.zip.CHECKSUM\" says ba7916bf8f01cfea: it is damaged or \
             another file"
        );
        for bad in ["", "not found", "ba7816"] {
            assert_eq!(verdict(Some(bad)), "its checksum \"a.zip.CHECKSUM\" holds no SHA-256", "{bad}");
        }
        assert!(is_checksum(&folder.path().join("a.zip.CHECKSUM")) && !is_checksum(&file));
    }
}
