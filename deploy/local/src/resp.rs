//! A small client of the Redis protocol (RESP2), enough to look after servers. See
//! <https://redis.io/docs/latest/develop/reference/protocol-spec/>.

use std::{
    fmt,
    io::{self, BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::Duration,
};

use crate::{Error, Result};

/// Longest string that is read, in bytes.
const MAX_BULK: usize = 64 << 20;
/// Longest line and longest array that is read.
const MAX_ITEMS: usize = 1 << 20;
/// Deepest array in an array that is read.
const MAX_DEPTH: usize = 8;

/// What a server answered, other than an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// No value.
    Nil,
    /// A number.
    Integer(i64),
    /// A status line or a string of bytes.
    Bulk(Vec<u8>),
    /// Several answers.
    Array(Vec<Self>),
}

impl Reply {
    /// The items of an array; nothing for any other answer.
    #[must_use]
    pub fn items(self) -> Vec<Self> {
        if let Self::Array(items) = self { items } else { Vec::new() }
    }

    /// The bytes of a string; nothing for any other answer.
    #[must_use]
    pub fn bytes(self) -> Vec<u8> {
        if let Self::Bulk(bytes) = self { bytes } else { Vec::new() }
    }
}

impl fmt::Display for Reply {
    /// As `redis-cli` prints it into a pipe: an item a line, nothing for nil.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => Ok(()),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Bulk(bytes) => f.write_str(&String::from_utf8_lossy(bytes)),
            Self::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let newline = if index == 0 { "" } else { "\n" };
                    write!(f, "{newline}{item}")?;
                }
                Ok(())
            }
        }
    }
}

/// A connection to a Redis server on 127.0.0.1. After an error other than [`Error::Refused`] it is of no further use.
#[derive(Debug)]
pub struct RespClient {
    port: u16,
    stream: BufReader<TcpStream>,
}

impl RespClient {
    /// Connects; `bound` holds for this and for each read and write that follows.
    ///
    /// # Errors
    /// [`Error::Io`] when nobody listens or answers in time.
    pub fn connect(port: u16, bound: Duration) -> Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let connect = || {
            let stream = TcpStream::connect_timeout(&address, bound)?;
            stream.set_read_timeout(Some(bound))?;
            stream.set_write_timeout(Some(bound))?;
            stream.set_nodelay(true)?;
            Ok(BufReader::new(stream))
        };
        let stream = connect().map_err(Error::io(format!("cannot connect to Redis on port {port}")))?;
        Ok(Self { port, stream })
    }

    /// Sends a command, its name first, and reads the answer.
    ///
    /// # Errors
    /// [`Error::Refused`] with an error answer's text; [`Error::Io`] when the connection breaks or is too slow.
    pub fn call<A: AsRef<[u8]>>(&mut self, command: &[A]) -> Result<Reply> {
        let name = || {
            let words: Vec<_> =
                command.iter().take(2).map(|it| String::from_utf8_lossy(it.as_ref())).collect();
            format!("{} on port {}", words.join(" "), self.port)
        };
        let what = name();
        let mut request = format!("*{}\r\n", command.len()).into_bytes();
        for word in command {
            let word = word.as_ref();
            request.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            request.extend_from_slice(word);
            request.extend_from_slice(b"\r\n");
        }
        let answer = self.stream.get_mut().write_all(&request).and_then(|()| read(&mut self.stream, 0));
        match answer {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(reason)) => Err(Error::Refused { what, reason }),
            Err(error) => Err(Error::io(what)(error)),
        }
    }
}

/// One answer: a reply, or a server's error.
fn read(stream: &mut impl BufRead, depth: usize) -> io::Result<std::result::Result<Reply, String>> {
    let line = line(stream)?;
    let (kind, rest) = line.split_at_checked(1).ok_or_else(|| invalid("an empty line"))?;
    let number = || rest.parse::<i64>().map_err(|_| invalid("a bad number"));
    let length = |limit: usize| -> io::Result<Option<usize>> {
        match number()? {
            -1 => Ok(None),
            length => match usize::try_from(length) {
                Ok(length) if length <= limit => Ok(Some(length)),
                _ => Err(invalid("a bad length")),
            },
        }
    };
    Ok(Ok(match kind {
        "+" => Reply::Bulk(rest.as_bytes().to_vec()),
        "-" => return Ok(Err(rest.to_owned())),
        ":" => Reply::Integer(number()?),
        "$" => match length(MAX_BULK)? {
            None => Reply::Nil,
            Some(length) => {
                let mut bytes = vec![0; length + 2];
                stream.read_exact(&mut bytes)?;
                bytes.truncate(length);
                Reply::Bulk(bytes)
            }
        },
        "*" if depth < MAX_DEPTH => match length(MAX_ITEMS)? {
            None => Reply::Nil,
            Some(length) => {
                let mut items = Vec::new();
                for _ in 0..length {
                    match read(stream, depth + 1)? {
                        Ok(item) => items.push(item),
                        Err(reason) => return Ok(Err(reason)),
                    }
                }
                Reply::Array(items)
            }
        },
        _ => return Err(invalid("an unknown kind of answer")),
    }))
}

fn line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    stream.by_ref().take(MAX_ITEMS as u64).read_until(b'\n', &mut line)?;
    if !line.ends_with(b"\r\n") {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    line.truncate(line.len() - 2);
    String::from_utf8(line).map_err(|_| invalid("a line that is no text"))
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the server sent {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> io::Result<std::result::Result<Reply, String>> {
        read(&mut text.as_bytes(), 0)
    }

    #[test]
    fn answers_are_read_and_printed() {
        let reply = parse("*4\r\n:7\r\n$3\r\na\r\n\r\n$-1\r\n+OK\r\n").unwrap().unwrap();
        assert_eq!(
            reply.clone().items(),
            [Reply::Integer(7), Reply::Bulk(b"a\r\n".to_vec()), Reply::Nil, Reply::Bulk(b"OK".to_vec())]
        );
        assert_eq!(reply.to_string(), "7\na\r\n\n\nOK");
        assert_eq!(parse("-MOVED 7 127.0.0.1:1\r\n").unwrap().unwrap_err(), "MOVED 7 127.0.0.1:1");
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "\r\n", "$x\r\n", "$-2\r\n", "$99999999999\r\n", "$5\r\nab\r\n", "?1\r\n", "+no end"]
        {
            assert!(parse(text).is_err(), "{text:?}");
        }
        assert!(parse(&"*1\r\n".repeat(20)).is_err(), "too deep");
    }
}
