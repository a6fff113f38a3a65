//! Kinds of files that hold no lines of candles, recognized by their first bytes, so that the refusal names them.

use crate::FileError;

/// Bytes looked at: the mark of a tar archive is behind its first 257.
pub(crate) const HEAD_BYTES: usize = 512;

/// What packs or holds something else, by its first bytes.
const MAGICS: [(&[u8], &str); 17] = [
    (b"PAR1", "a parquet file; convert it to CSV"),
    (b"ARROW1", "an Arrow file; convert it to CSV"),
    (b"FEA1", "a Feather file; convert it to CSV"),
    (b"\x89HDF\r\n", "an HDF5 file; convert it to CSV"),
    (b"SQLite format 3\0", "an SQLite database; export it as CSV"),
    (b"%PDF", "a PDF"),
    (b"\xd0\xcf\x11\xe0", "a spreadsheet or another file of Microsoft Office; save it as CSV"),
    (b"\xfd7zXZ\0", "packed by xz; unpack it, or pack it by gzip"),
    (b"BZh", "packed by bzip2; unpack it, or pack it by gzip"),
    (b"\x28\xb5\x2f\xfd", "packed by zstd; unpack it, or pack it by gzip"),
    (b"\x04\x22\x4d\x18", "packed by LZ4; unpack it, or pack it by gzip"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it"),
    (b"Rar!", "a RAR archive; unpack it"),
    (b"\x1f\x8b", "packed by gzip twice; unpack it once"),
    (b"PK\x03\x04", "a ZIP archive in another one; unpack it once"),
    (b"\xff\xfe", "text in UTF-16; save it as UTF-8"),
    (b"\xfe\xff", "text in UTF-16; save it as UTF-8"),
];

/// Refuses what is recognized as another kind. `head` is the first [`HEAD_BYTES`] after unpacking.
pub(crate) fn check(head: &[u8]) -> Result<(), FileError> {
    let refuse = |what: &str| Err(FileError::Kind(format!("is {what}")));
    if let Some((_, what)) = MAGICS.iter().find(|(magic, _)| head.starts_with(magic)) {
        return refuse(what);
    }
    // POSIX.1-1988, the header of an archive's first member.
    if head.get(257..262) == Some(b"ustar") {
        return refuse("a tar archive; unpack it");
    }
    if is_utf16(head) {
        return refuse("text in UTF-16; save it as UTF-8");
    }
    let text = String::from_utf8_lossy(head);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if text.starts_with('<') {
        let lower = text.to_ascii_lowercase();
        if lower.starts_with("<!doctype html") || lower.contains("<html") {
            return refuse("an HTML page; the download may have failed");
        }
        let code = lower.split_once("<code>").and_then(|(_, rest)| rest.split_once("</code>"));
        let named = code.and_then(|(code, _)| text.get(lower.find(code)?..)?.get(..code.len()));
        return match named.filter(|code| code.len() <= 40 && code.bytes().all(|b| b.is_ascii_alphanumeric()))
        {
            Some(code) => refuse(&format!("XML with the error {code}; the download failed")),
            None => refuse("XML"),
        };
    }
    let first_line = text.split('\n').next().unwrap_or_default();
    // Not any bytes: a character that the head cuts in two may be replaced.
    let is_text = head.iter().all(|byte| *byte >= 0x20 || b"\t\r\n".contains(byte))
        && text.matches(char::REPLACEMENT_CHARACTER).count() <= 1;
    if is_text && first_line.trim_end_matches('\r').contains('\r') {
        return refuse("text whose lines end with CR alone; save it with LF");
    }
    Ok(())
}

/// Letters of UTF-16 without a byte order mark: each second byte is zero.
fn is_utf16(head: &[u8]) -> bool {
    let some = head.get(..64.min(head.len() / 2 * 2)).unwrap_or_default();
    let is_zero = |odd: usize| some.chunks_exact(2).all(|pair| pair.get(odd) == Some(&0));
    let all_zero = some.iter().all(|byte| *byte == 0);
    some.len() >= 8 && !all_zero && (is_zero(0) || is_zero(1))
}

/// What else than commas separates the fields of a header or a row, if anything does.
pub(crate) fn other_separator(line: &str) -> Option<&'static str> {
    let commas = line.matches(',').count();
    [(';', "semicolons"), ('\t', "tabs"), ('|', "vertical bars")].into_iter().find_map(|(mark, name)| {
        let marks = line.matches(mark).count();
        (marks >= 4 && marks >= commas).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(head: &[u8]) -> String {
        check(head).err().map_or_else(String::new, |error| error.to_string())
    }

    #[test]
    fn names_what_it_recognizes() {
        let utf16 = |text: &str, big: bool| -> Vec<u8> {
            text.encode_utf16().flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() }).collect()
        };
        let mut tar = vec![0; 512];
        tar[257..262].copy_from_slice(b"ustar");
        let cases: [(&[u8], &str); 15] = [
            (b"PAR1\x15\x04", "parquet"),
            (b"\xfd7zXZ\0\0", "xz"),
            (b"BZh91AY", "bzip2"),
            (b"\x28\xb5\x2f\xfd\x04", "zstd"),
            (b"\x1f\x8b\x08", "gzip twice"),
            (&tar, "tar archive"),
            (&utf16("\u{feff}open_time", false), "UTF-16"),
            (&utf16("\u{feff}open_time", true), "UTF-16"),
            (&utf16("open_time", false), "UTF-16"),
            (&utf16("open_time", true), "UTF-16"),
            (b"<!DOCTYPE html><html>", "HTML"),
            (b"\n <html lang=en>", "HTML"),
            (b"<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code>", "error NoSuchKey"),
            (b"<rows/>", "XML"),
            (b"open_time,open\r1,2\r", "CR alone"),
        ];
        for (head, expected) in cases {
            assert!(refused(head).contains(expected), "{expected}: {}", refused(head));
        }
        for good in [
            &b""[..],
            b"open_time,open\r\n1,2",
            b"[[1704067200000",
            b"\0\0\0\0\0\0\0\0\0\0",
            b"a,b",
            b"a\x01\rb",
        ] {
            assert_eq!(refused(good), "");
        }
    }

    #[test]
    fn names_the_separator() {
        assert_eq!(other_separator("time;open;high;low;close"), Some("semicolons"));
        assert_eq!(other_separator("2024-01-01;10,5;12,0;9,1;11,5;100"), Some("semicolons"));
        assert_eq!(other_separator("time\topen\thigh\tlow\tclose"), Some("tabs"));
        assert_eq!(other_separator("a,b;c,d"), None);
    }
}
