//! Commands that a node does not know.
//!
//! Redis repeats the arguments of an unknown command in its error. Ours are often binary, such as a message or an entry: the
//! error is then no UTF-8, the client library cannot read it, and gives the connection up. So a node is asked once a
//! connection, by the bare names of the commands, and what it does not know is never sent to it.

use redis::aio::{ConnectionLike as _, MultiplexedConnection};
use redis::{Arg, Cmd, ErrorKind, RedisError, RedisResult};

/// Commands with binary arguments that some servers do not know: Redis below 7, and every server where a command was renamed.
const ASKED: [(&str, u8); 3] = [("EVALSHA", SCRIPTS), ("PUBLISH", PUBLISH), ("SPUBLISH", SHARDED)];
const SCRIPTS: u8 = 1;
const PUBLISH: u8 = 2;
const SHARDED: u8 = 4;

/// The commands that a node does not know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Lacks(u8);

impl Lacks {
    /// Asks a node. Without arguments a command that is known is refused for their number, and has no effect.
    pub async fn ask(conn: &mut MultiplexedConnection) -> RedisResult<Self> {
        let mut pipe = redis::pipe();
        for (name, _) in ASKED {
            pipe.cmd(name);
        }
        let answers = conn.req_packed_commands(&pipe, 0, ASKED.len()).await?;
        let mut lacks = Self::default();
        for ((_, bit), answer) in ASKED.into_iter().zip(answers) {
            if answer.extract_error().is_err_and(|error| is_unknown_command(&error)) {
                lacks.0 |= bit;
            }
        }
        Ok(lacks)
    }

    /// As the bits of a byte.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// Of the bits of a byte.
    pub fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    /// Whether sharded channels are among them.
    pub fn sharded_channels(self) -> bool {
        self.0 & SHARDED != 0
    }

    /// These, and sharded channels.
    pub fn and_sharded_channels(self) -> Self {
        Self(self.0 | SHARDED)
    }

    /// The error for a command that must not be sent.
    #[inline]
    pub fn check(self, cmd: &Cmd) -> RedisResult<()> {
        // Mostly there are none, and then nobody looks.
        if self.0 == 0 { Ok(()) } else { self.look_for(cmd) }
    }

    #[cold]
    fn look_for(self, cmd: &Cmd) -> RedisResult<()> {
        let Some(Arg::Simple(name)) = cmd.args_iter().next() else { return Ok(()) };
        match ASKED.into_iter().find(|(asked, bit)| self.0 & bit != 0 && asked.as_bytes() == name) {
            Some((name, _)) => Err(RedisError::from((
                ErrorKind::Client,
                "a command is missing",
                format!("unknown command '{name}': this Redis is too old, or the command was renamed"),
            ))),
            None => Ok(()),
        }
    }
}

/// Whether a node does not know a command.
pub(super) fn is_unknown_command(error: &RedisError) -> bool {
    error.to_string().contains("unknown command")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_refused_and_nothing_else() {
        let lacks = Lacks::default().and_sharded_channels();
        let of = |name| lacks.check(&redis::cmd(name));
        let error = of("SPUBLISH").expect_err("refused");
        assert!(is_unknown_command(&error) && !error.is_unrecoverable_error(), "{error}");
        assert!(of("PUBLISH").is_ok() && of("EVALSHA").is_ok());
        assert!(Lacks::default().check(&redis::cmd("SPUBLISH")).is_ok());
        assert_eq!(Lacks::from_bits(lacks.bits()), lacks);
    }
}
