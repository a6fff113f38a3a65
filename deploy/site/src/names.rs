//! Names with hashes in them, so that browsers keep a file for good and still fetch a new one.
//!
//! A name has to change when the file does, and a file changes when the names in it do. The main script, the main module and
//! the loader of the pieces name each other in a circle, so a name cannot be the hash of what the file holds in the end.
//! It is the hash of what the file held before, together with that of every file that it leads to.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::{
    error::{Error, Result, at},
    file_name, files,
};

/// The script that loads the pieces. The main module has this name in its binary, where a hash replaces the
/// underscores, which are as many as it has characters.
pub(crate) const LOADER: &str = "__wasm_split.______________________.js";
/// The list of the pieces that each page needs. It names them without `.wasm`.
pub(crate) const MANIFEST: &str = "__wasm_split_manifest.json";
/// What a hash replaces in [`LOADER`].
const PLACEHOLDER: &str = "______________________";

/// Files by name.
type Files = BTreeMap<String, Vec<u8>>;

/// The hashes in the names of those files that the server asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hashes {
    script: String,
    wasm: String,
    style: String,
    manifest: String,
    loader: String,
}

impl Hashes {
    /// The file that the server reads them from, a line each. The words are Leptos' own.
    pub(crate) fn hash_file(&self) -> String {
        format!(
            "js: {}\nwasm: {}\ncss: {}\nmanifest: {}\nsplit: {}\n",
            self.script, self.wasm, self.style, self.manifest, self.loader
        )
    }
}

/// Gives the files directly in a folder names with hashes, and rewrites the names in them. Those in folders below, snippets
/// of crates, have hashes from wasm-bindgen.
pub(crate) fn rename(pkg: &Path, name: &str) -> Result<Hashes> {
    let mut found = Files::new();
    for path in files(pkg)? {
        found.insert(file_name(&path).to_owned(), at(&path, fs::read(&path))?);
    }
    let hashes = hashes(&found);
    let of = |file: &str| {
        hashes.get(file).cloned().ok_or_else(|| Error::caused(pkg.join(file).display(), "it was not made"))
    };
    let asked_for = Hashes {
        script: of(&format!("{name}.js"))?,
        wasm: of(&format!("{name}.wasm"))?,
        style: of(&format!("{name}.css"))?,
        manifest: of(MANIFEST)?,
        loader: of(LOADER)?,
    };
    for (old, bytes) in &found {
        let (old_path, new_path) = (pkg.join(old), pkg.join(hashed(old, &of(old)?)));
        at(&new_path, fs::write(&new_path, rewritten(old, bytes, &hashes)?))?;
        at(&old_path, fs::remove_file(&old_path))?;
    }
    Ok(asked_for)
}

/// The name of a file with its hash: `tidemark.HASH.js` for `tidemark.js`.
fn hashed(name: &str, hash: &str) -> String {
    if name.contains(PLACEHOLDER) {
        return name.replace(PLACEHOLDER, hash);
    }
    match name.rsplit_once('.') {
        Some((stem, ending)) => format!("{stem}.{hash}.{ending}"),
        None => format!("{name}.{hash}"),
    }
}

/// The hash of each file, see the module.
fn hashes(files: &Files) -> BTreeMap<String, String> {
    let own: BTreeMap<&str, [u8; 32]> =
        files.iter().map(|(name, bytes)| (name.as_str(), Sha256::digest(bytes).into())).collect();
    let named: BTreeMap<&str, Vec<&str>> = files
        .iter()
        .map(|(name, bytes)| {
            let others = files.keys().filter(|other| *other != name && names(name, bytes, other));
            (name.as_str(), others.map(String::as_str).collect())
        })
        .collect();
    let hash = |name: &str| {
        let mut reached = BTreeSet::new();
        let mut next = vec![name];
        while let Some(file) = next.pop() {
            if reached.insert(file) {
                next.extend(named.get(file).into_iter().flatten());
            }
        }
        // The file itself comes first: two files of a circle reach the same ones.
        let mut all = Sha256::new_with_prefix(own[name]);
        for file in reached.iter().filter(|file| **file != name) {
            all.update(file.as_bytes());
            all.update([0]);
            all.update(own[file]);
        }
        // 128 bits, which are as many characters as the placeholder has.
        URL_SAFE_NO_PAD.encode(&all.finalize()[..16])
    };
    files.keys().map(|name| (name.clone(), hash(name))).collect()
}

/// Whether a file names another one.
fn names(name: &str, bytes: &[u8], other: &str) -> bool {
    match other.strip_suffix(".wasm").filter(|_| name == MANIFEST) {
        Some(stem) => contains(bytes, format!("\"{stem}\"").as_bytes()),
        None => contains(bytes, format!("./{other}").as_bytes()),
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// What a file holds when every name in it has its hash.
fn rewritten(name: &str, bytes: &[u8], hashes: &BTreeMap<String, String>) -> Result<Vec<u8>> {
    let failed =
        |error: &dyn std::fmt::Display| Error::caused(format!("cannot change the names in {name}"), error);
    if name == MANIFEST {
        let mut pieces: BTreeMap<String, Vec<String>> =
            serde_json::from_slice(bytes).map_err(|e| failed(&e))?;
        for piece in pieces.values_mut().flatten() {
            let hash = hashes
                .get(&format!("{piece}.wasm"))
                .ok_or_else(|| failed(&format!("no file {piece}.wasm")))?;
            *piece = format!("{piece}.{hash}");
        }
        return serde_json::to_vec(&pieces).map_err(|error| failed(&error));
    }
    if name.ends_with(".wasm") {
        let loader = hashes.get(LOADER).map(|hash| hashed(LOADER, hash));
        return Ok(loader.map_or_else(|| bytes.to_vec(), |new| replaced(bytes, LOADER, &new)));
    }
    if name.ends_with(".js") {
        let text = std::str::from_utf8(bytes).map_err(|error| failed(&error))?;
        let text = hashes.iter().fold(text.to_owned(), |text, (old, hash)| {
            text.replace(&format!("./{old}"), &format!("./{}", hashed(old, hash)))
        });
        return Ok(text.into_bytes());
    }
    Ok(bytes.to_vec())
}

/// A copy in which a text has another one of the same length in its place: in a binary nothing may move.
fn replaced(bytes: &[u8], old: &str, new: &str) -> Vec<u8> {
    debug_assert_eq!(old.len(), new.len(), "{old} and {new}");
    let mut copy = bytes.to_vec();
    let mut at = 0;
    while at + old.len() <= copy.len() {
        if copy[at..].starts_with(old.as_bytes()) {
            copy[at..at + old.len()].copy_from_slice(new.as_bytes());
            at += old.len();
        } else {
            at += 1;
        }
    }
    copy
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a build with two pages makes.
    fn site() -> Files {
        let wasm = format!("\0asm import ./{LOADER} and ./{LOADER}");
        let loader =
            "import {initSync} from \"./tidemark.js\";fetch(\"./chunk_1.wasm\");fetch(\"./chunk_10.wasm\")";
        let manifest = r#"{"coin":["chunk_1","chunk_10"],"admin":["chunk_10"]}"#;
        let files = [
            ("tidemark.js", format!("import*as a from\"./{LOADER}\";load({{\"./{LOADER}\":a}})")),
            ("tidemark.wasm", wasm),
            ("tidemark.css", "body{color:red}".to_owned()),
            (LOADER, loader.to_owned()),
            (MANIFEST, manifest.to_owned()),
            ("chunk_1.wasm", "\0asm one".to_owned()),
            ("chunk_10.wasm", "\0asm ten".to_owned()),
        ];
        files.into_iter().map(|(name, text)| (name.to_owned(), text.into_bytes())).collect()
    }

    /// The names that differ when this file holds something else.
    fn changed_by(file: &str) -> Vec<String> {
        let (before, mut files) = (hashes(&site()), site());
        files.get_mut(file).unwrap().extend_from_slice(b" more");
        let after = hashes(&files);
        before.into_iter().filter(|(name, hash)| after[name] != *hash).map(|(name, _)| name).collect()
    }

    #[test]
    fn a_name_has_the_hash_before_its_ending() {
        assert_eq!(hashed("tidemark.js", "abc"), "tidemark.abc.js");
        assert_eq!(hashed("no-ending", "abc"), "no-ending.abc");
        assert_eq!(hashed(LOADER, "0123456789012345678901"), "__wasm_split.0123456789012345678901.js");
    }

    #[test]
    fn hashes_fit_into_the_placeholder_and_into_addresses() {
        for (name, hash) in hashes(&site()) {
            assert_eq!(hash.len(), PLACEHOLDER.len(), "{name}");
            assert!(hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{hash}");
        }
    }

    #[test]
    fn every_file_that_leads_to_a_changed_one_has_another_name() {
        let circle = [LOADER, MANIFEST, "tidemark.js", "tidemark.wasm"];
        assert_eq!(changed_by("tidemark.css"), ["tidemark.css"]);
        assert_eq!(changed_by(MANIFEST), [MANIFEST]);
        for (piece, manifest) in [("chunk_1.wasm", true), ("tidemark.js", false)] {
            let changed = changed_by(piece);
            for name in circle.iter().filter(|name| manifest || **name != MANIFEST) {
                // The main module leads to the loader alone, and that to the script and the pieces.
                assert!(changed.iter().any(|it| it == name), "{piece}: {name} of {changed:?}");
            }
            assert!(!changed.iter().any(|it| it == "chunk_10.wasm" || it == "tidemark.css"), "{changed:?}");
        }
    }

    #[test]
    fn files_that_hold_the_same_have_names_of_their_own() {
        let mut files = site();
        let same = files["chunk_1.wasm"].clone();
        files.insert("chunk_10.wasm".to_owned(), same);
        let hashes = hashes(&files);
        assert_ne!(hashes["tidemark.js"], hashes["tidemark.wasm"]);
        // Of the same bytes and leading nowhere: their stems differ.
        assert_eq!(hashes["chunk_1.wasm"], hashes["chunk_10.wasm"]);
    }

    #[test]
    fn every_name_in_a_file_is_one_that_exists() {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in site() {
            fs::write(dir.path().join(name), bytes).unwrap();
        }
        let made = rename(dir.path(), "tidemark").unwrap();
        let text = |start: &str| {
            let all = files(dir.path()).unwrap();
            let path = all.iter().find(|path| file_name(path).starts_with(start)).unwrap();
            String::from_utf8(fs::read(path).unwrap()).unwrap()
        };
        let loader = format!("./__wasm_split.{}.js", made.loader);
        for path in files(dir.path()).unwrap() {
            let bytes = fs::read(&path).unwrap();
            assert!(!contains(&bytes, PLACEHOLDER.as_bytes()), "{}", path.display());
        }
        assert_eq!(
            text(&format!("tidemark.{}.wasm", made.wasm)),
            format!("\0asm import {loader} and {loader}")
        );
        assert!(text(&format!("tidemark.{}.js", made.script)).contains(&loader));
        let loader = text("__wasm_split.");
        assert!(loader.contains(&format!("\"./tidemark.{}.js\"", made.script)), "{loader}");
        let names: Vec<String> =
            files(dir.path()).unwrap().iter().map(|it| file_name(it).to_owned()).collect();
        for fetched in loader.split("fetch(\"./").skip(1) {
            let fetched = fetched.split('"').next().unwrap();
            assert!(names.iter().any(|name| name == fetched), "{fetched} of {names:?}");
        }
        let manifest = text("__wasm_split_manifest.");
        let pieces: BTreeMap<String, Vec<String>> = serde_json::from_str(&manifest).unwrap();
        assert_eq!(pieces["coin"].len(), 2);
        for piece in pieces.values().flatten() {
            assert!(names.contains(&format!("{piece}.wasm")), "{piece} of {names:?}");
        }
        assert!(names.contains(&format!("tidemark.{}.css", made.style)));
    }

    #[test]
    fn the_hash_file_has_the_lines_that_leptos_reads() {
        let of = |text: &str| text.to_owned();
        let hashes =
            Hashes { script: of("J"), wasm: of("W"), style: of("C"), manifest: of("M"), loader: of("S") };
        assert_eq!(hashes.hash_file(), "js: J\nwasm: W\ncss: C\nmanifest: M\nsplit: S\n");
    }

    #[test]
    fn a_file_that_was_not_made_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("tidemark.js"), "").unwrap();
        let error = rename(dir.path(), "tidemark").unwrap_err().to_string();
        assert!(error.ends_with("tidemark.wasm: it was not made"), "{error}");
    }

    #[test]
    fn a_manifest_that_names_a_piece_that_is_not_there_is_refused() {
        let error = rewritten(MANIFEST, br#"{"coin":["chunk_9"]}"#, &BTreeMap::new()).unwrap_err();
        assert!(error.to_string().contains("no file chunk_9.wasm"), "{error}");
    }
}
