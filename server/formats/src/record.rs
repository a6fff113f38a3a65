//! The fields of one line: RFC 4180.

use std::borrow::Cow;

/// Columns of a line, at most.
pub(crate) const MAX_COLUMNS: usize = 64;

/// Between the fields of a line that had quotes. In a line that has it already, the count of fields is wrong.
const UNIT_SEPARATOR: char = '\u{1f}';

/// One line, split at its commas.
pub(crate) struct Record<'l> {
    text: Cow<'l, str>,
    separator: char,
}

impl<'l> Record<'l> {
    /// Splits a line. A comma in quotes separates nothing, two quotes in quotes are one.
    ///
    /// # Errors
    /// A quote that is not closed, or too many columns.
    pub(crate) fn new(line: &'l str) -> Result<Self, String> {
        if !line.contains('"') {
            return Ok(Self { text: Cow::Borrowed(line), separator: ',' });
        }
        if line.bytes().filter(|byte| *byte == b'"').count() % 2 == 1 {
            return Err("has a quote that is not closed".to_owned());
        }
        let (mut out, mut ends) = (vec![0; line.len()], [0; MAX_COLUMNS + 1]);
        let mut reader = csv_core::Reader::new();
        let (_, read, written, count) = reader.read_record(line.as_bytes(), &mut out, &mut ends);
        let (_, _, _, more) =
            reader.read_record(&[], out.get_mut(written..).unwrap_or_default(), &mut ends[count..]);
        let count = count + more;
        if read < line.len() || count > MAX_COLUMNS {
            return Err(format!("has over {MAX_COLUMNS} fields"));
        }
        let mut text = String::with_capacity(line.len());
        let mut start = 0;
        for (index, end) in ends.into_iter().take(count).enumerate() {
            if index > 0 {
                text.push(UNIT_SEPARATOR);
            }
            text.push_str(&String::from_utf8_lossy(out.get(start..end).unwrap_or_default()));
            start = end;
        }
        Ok(Self { text: Cow::Owned(text), separator: UNIT_SEPARATOR })
    }

    /// The fields, without the spaces and quotes around them.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &str> {
        self.text.split(self.separator).map(|field| field.trim().trim_matches('"').trim())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(line: &str) -> Result<Vec<String>, String> {
        Ok(Record::new(line)?.fields().map(str::to_owned).collect())
    }

    #[test]
    fn commas_in_quotes_separate_nothing() {
        let cases: [(&str, &[&str]); 8] = [
            ("a,b", &["a", "b"]),
            (" a , b ", &["a", "b"]),
            ("", &[""]),
            ("\"a,1\",b", &["a,1", "b"]),
            ("\"a\"\"b\",c", &["a\"b", "c"]),
            ("\"\",\"open_time\",x", &["", "open_time", "x"]),
            ("a, \"b\"", &["a", "b"]),
            ("\"1,234.5\",\"\",", &["1,234.5", "", ""]),
        ];
        for (line, expected) in cases {
            assert_eq!(fields(line).unwrap(), expected, "{line}");
        }
        assert!(fields("a,\"b").unwrap_err().contains("not closed"));
        assert!(fields(&format!("\"x\"{}", ",y".repeat(80))).unwrap_err().contains("over 64"));
    }
}
