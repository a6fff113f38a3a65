//! JSON that holds candles: the klines of Binance's API, one array of arrays, and Tidemark's lines of JSON.
//!
//! Both come down to the fields of a line: an array without its brackets is one as CSV has it, strings and all, and of an
//! object the fields are put in order. Numbers are so read by the one way that numbers are read.

use std::io::{self, BufRead};

use crate::{FileError, columns::TIDEMARK, error::shown};

/// How a file of JSON is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Json {
    /// One array of arrays, on any number of lines.
    Klines,
    /// An array or an object a line.
    Lines,
}

impl Json {
    /// Recognizes JSON by its first characters; none if it is something else.
    ///
    /// # Errors
    /// JSON that holds something else than candles.
    pub(crate) fn recognize(text: &str) -> Result<Option<Self>, FileError> {
        let text = text.trim_start_matches('\u{feff}').trim_start();
        let Some(rest) = text.strip_prefix('[') else {
            return match text.strip_prefix('{').map(str::trim_start) {
                None => Ok(None),
                Some(rest) if rest.starts_with("\"open_time\"") => Ok(Some(Self::Lines)),
                Some(_) => Err(other(text)),
            };
        };
        let rest = rest.trim_start();
        if rest.starts_with('[') {
            Ok(Some(Self::Klines))
        } else if rest.starts_with(|c: char| c.is_ascii_digit()) {
            Ok(Some(Self::Lines))
        } else {
            Err(other(text))
        }
    }
}

fn other(text: &str) -> FileError {
    let first = text.lines().next().unwrap_or_default();
    FileError::Kind(format!(
        "is JSON that begins with {}: neither klines of Binance's API nor lines as Tidemark exports them",
        shown(first)
    ))
}

/// The fields of an element or a line, as a line of CSV.
///
/// # Errors
/// Why it is none.
pub(crate) fn to_csv(json: Json, text: &str) -> Result<String, String> {
    let text = text.trim();
    if let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        if inner.contains(['[', ']', '{', '}', '\\']) {
            return Err("is no array of numbers".to_owned());
        }
        // A line of Tidemark says only of incomplete candles that they are.
        let lacks_mark = json == Json::Lines && inner.matches(',').count() == 5;
        return Ok(if lacks_mark { format!("{inner},") } else { inner.to_owned() });
    }
    let Some(inner) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) else {
        return Err("is neither an array nor an object".to_owned());
    };
    let mut fields = TIDEMARK.split(',').map(|name| (name, "")).collect::<Vec<_>>();
    let mut partial = "";
    for member in inner.split(',') {
        let (name, value) = member.split_once(':').ok_or_else(|| "is no object of numbers".to_owned())?;
        let (name, value) = (name.trim().trim_matches('"'), value.trim());
        if name == "partial" || name == "incomplete" {
            partial = value;
        } else if let Some((_, slot)) = fields.iter_mut().find(|(field, _)| *field == name) {
            *slot = value;
        }
    }
    let fields: Vec<_> = fields.into_iter().map(|(_, value)| value).chain([partial]).collect();
    Ok(fields.join(","))
}

/// The elements of a JSON array, one after the other.
#[derive(Default)]
pub(crate) struct Elements {
    is_begun: bool,
    is_ended: bool,
}

impl Elements {
    /// Reads the next element, an array, into the buffer; false at the end of the outer one. `longest` bounds it.
    ///
    /// # Errors
    /// `UnexpectedEof` if the array is not closed, `InvalidData` if there is something else in it.
    pub(crate) fn next(
        &mut self,
        input: &mut impl BufRead,
        buffer: &mut Vec<u8>,
        longest: usize,
    ) -> io::Result<bool> {
        let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        let (mut is_inside, mut is_string) = (false, false);
        loop {
            let Some(byte) = next_byte(input)? else {
                return if self.is_ended { Ok(false) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            };
            if is_inside {
                buffer.push(byte);
                match byte {
                    b'"' => is_string = !is_string,
                    b']' if !is_string => return Ok(true),
                    b'\n' | b'\r' if !is_string => {
                        buffer.pop();
                    }
                    _ => {}
                }
                if buffer.len() > longest {
                    return Err(invalid("an element is too long"));
                }
                continue;
            }
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => {}
                _ if self.is_ended => return Err(invalid("something follows the array")),
                // A byte order mark of UTF-8.
                0xef | 0xbb | 0xbf if !self.is_begun => {}
                b'[' if !self.is_begun => self.is_begun = true,
                b'[' => {
                    is_inside = true;
                    buffer.push(byte);
                }
                b',' if self.is_begun => {}
                b']' if self.is_begun => self.is_ended = true,
                _ => return Err(invalid("an element is no array")),
            }
        }
    }
}

fn next_byte(input: &mut impl BufRead) -> io::Result<Option<u8>> {
    let byte = input.fill_buf()?.first().copied();
    input.consume(usize::from(byte.is_some()));
    Ok(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognizes_candles_in_json() {
        for (text, expected) in [
            ("[[1704067200000,\"1\"", Some(Json::Klines)),
            ("\u{feff}[\n  [\n 17", Some(Json::Klines)),
            ("[1704067200000,1,2,1,1,5]", Some(Json::Lines)),
            ("{\"open_time\":1704067200000", Some(Json::Lines)),
            ("open_time,open", None),
            ("", None),
        ] {
            assert_eq!(Json::recognize(text).unwrap(), expected, "{text}");
        }
        for text in ["{\"code\":-1121,\"msg\":\"Invalid symbol.\"}", "[{\"open\":1}]", "[]", "{}", "[\"a\"]"]
        {
            assert!(Json::recognize(text).unwrap_err().to_string().starts_with("is JSON that begins with"));
        }
    }

    #[test]
    fn reads_the_fields() {
        assert_eq!(to_csv(Json::Klines, "[1,\"2.5\",3]").unwrap(), "1,\"2.5\",3");
        let object = "{\"open_time\":5,\"close\":4,\"open\":1,\"high\":2,\"low\":3,\"volume\":6}";
        assert_eq!(to_csv(Json::Lines, object).unwrap(), "5,1,2,3,4,6,");
        let marked = object.replace("6}", "6,\"partial\":true}");
        assert_eq!(to_csv(Json::Lines, &marked).unwrap(), "5,1,2,3,4,6,true");
        assert_eq!(to_csv(Json::Lines, "[5,1,2,1,1,6]").unwrap(), "5,1,2,1,1,6,");
        assert_eq!(to_csv(Json::Lines, "[5,1,2,1,1,6,true]").unwrap(), "5,1,2,1,1,6,true");
        for bad in ["1,2", "[[1]]", "{1}", "", "[1"] {
            assert!(to_csv(Json::Lines, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn takes_an_array_apart() {
        let all = |text: &str| -> io::Result<Vec<String>> {
            let (mut input, mut elements, mut found) = (text.as_bytes(), Elements::default(), Vec::new());
            loop {
                let mut buffer = Vec::new();
                if !elements.next(&mut input, &mut buffer, 20)? {
                    return Ok(found);
                }
                found.push(String::from_utf8(buffer).unwrap());
            }
        };
        assert_eq!(all("[[1,\"a\"],\n [2,\n3]]\n").unwrap(), ["[1,\"a\"]", "[2,3]"]);
        assert_eq!(all("[]").unwrap(), Vec::<String>::new());
        assert_eq!(all("[[1],[2").unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        for bad in ["[1]", "[[1]] x", "[[1,2,3,4,5,6,7,8,9,10,11]]", "[{}]"] {
            assert_eq!(all(bad).unwrap_err().kind(), io::ErrorKind::InvalidData, "{bad}");
        }
    }
}
