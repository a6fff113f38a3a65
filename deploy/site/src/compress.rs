//! Compressed copies, which the server sends to browsers that take them.

use std::{fs, io::Write, path::Path, thread};

use brotli::enc::BrotliEncoderParams;
use flate2::{Compression, write::GzEncoder};

use crate::error::{Error, Result, at};

/// Endings of files that are compressed already.
const COMPRESSED: [&str; 3] = [".br", ".gz", ".woff2"];

/// Writes a copy by gzip and one by brotli beside each file in the folder and those in it.
pub(crate) fn folder(dir: &Path) -> Result<()> {
    for entry in at(dir, fs::read_dir(dir))? {
        let path = at(dir, entry)?.path();
        if path.is_dir() {
            folder(&path)?;
        } else if needs_copies(crate::file_name(&path)) {
            file(&path)?;
        }
    }
    Ok(())
}

/// Whether a file of this name is to be compressed.
fn needs_copies(name: &str) -> bool {
    !COMPRESSED.iter().any(|ending| name.ends_with(ending))
}

/// Writes both copies of a file, at the same time.
fn file(path: &Path) -> Result<()> {
    let bytes = at(path, fs::read(path))?;
    let write = |ending: &str, copy: Vec<u8>| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        at(Path::new(&name), fs::write(&name, copy))
    };
    thread::scope(|scope| {
        let gzip = scope.spawn(|| write(".gz", gzip(&bytes)?));
        write(".br", brotli(&bytes)?)?;
        gzip.join().unwrap_or_else(|_| Err(Error::new("the thread that compresses by gzip panicked")))
    })
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).map_err(|error| Error::caused("gzip", error))
}

fn brotli(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut copy = Vec::new();
    // By default the best and slowest: the copies are made once and sent often.
    let params = BrotliEncoderParams { size_hint: bytes.len(), ..BrotliEncoderParams::default() };
    brotli::BrotliCompress(&mut &*bytes, &mut copy, &params)
        .map_err(|error| Error::caused("brotli", error))?;
    Ok(copy)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn both_copies_hold_what_the_file_holds() {
        let dir = tempfile::tempdir().unwrap();
        let text = "the same words again and again, ".repeat(500);
        let path = dir.path().join("pkg/a.js");
        fs::create_dir(dir.path().join("pkg")).unwrap();
        fs::write(&path, &text).unwrap();
        folder(dir.path()).unwrap();
        let copy = |ending: &str| fs::read(dir.path().join(format!("pkg/a.js{ending}"))).unwrap();
        let (gzip, brotli) = (copy(".gz"), copy(".br"));
        assert!(brotli.len() < 100 && gzip.len() < 200, "{} {}", brotli.len(), gzip.len());
        let mut read = String::new();
        flate2::read::GzDecoder::new(&*gzip).read_to_string(&mut read).unwrap();
        assert_eq!(read, text);
        let mut read = Vec::new();
        brotli::BrotliDecompress(&mut &*brotli, &mut read).unwrap();
        assert_eq!(read, text.as_bytes());
    }

    #[test]
    fn what_is_compressed_already_is_left_alone() {
        for name in ["a.js", "a.wasm", "a.css", "robots.txt", "favicon.svg", "a.ttf"] {
            assert!(needs_copies(name), "{name}");
        }
        for name in ["a.js.br", "a.js.gz", "inter.woff2"] {
            assert!(!needs_copies(name), "{name}");
        }
    }

    #[test]
    fn an_empty_file_has_copies_too() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("empty.txt"), "").unwrap();
        folder(dir.path()).unwrap();
        assert!(dir.path().join("empty.txt.br").exists() && dir.path().join("empty.txt.gz").exists());
    }
}
