//! The connection that an exchange is given.

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{Cmd, ErrorKind, Pipeline, RedisError, RedisFuture, RedisResult, Value};

use super::lacks::Lacks;

/// A connection to one node, cheap to clone. After an `ASK` it puts `ASKING` before every command: the node then answers
/// for a slot that is on its way to it. A single command that the node does not know is not sent, and is an error.
#[derive(Clone)]
pub(crate) struct Conn {
    inner: MultiplexedConnection,
    asking: bool,
    lacks: Lacks,
}

impl Conn {
    pub fn new(inner: MultiplexedConnection, asking: bool, lacks: Lacks) -> Self {
        Self { inner, asking, lacks }
    }

    async fn ask_one(&mut self, cmd: &Cmd) -> RedisResult<Value> {
        let mut pipe = Pipeline::with_capacity(2);
        pipe.cmd("ASKING").add_command(cmd.clone());
        let answers = self.inner.send_packed_commands(&pipe, 0, 2).await?;
        answers.into_iter().nth(1).unwrap_or_default().extract_error()
    }

    async fn ask_many(&mut self, pipeline: &Pipeline) -> RedisResult<Vec<Value>> {
        if pipeline.is_transaction() {
            // ASKING holds for one command; of MULTI and EXEC only a script stays whole.
            return Err(RedisError::from((
                ErrorKind::Client,
                "a transaction cannot follow a slot that moves",
            )));
        }
        let mut pipe = Pipeline::with_capacity(2 * pipeline.len());
        for cmd in pipeline.cmd_iter() {
            pipe.cmd("ASKING").add_command(cmd.clone());
        }
        let answers = self.inner.send_packed_commands(&pipe, 0, pipe.len()).await?;
        Ok(answers.into_iter().skip(1).step_by(2).collect())
    }
}

impl ConnectionLike for Conn {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        if let Err(error) = self.lacks.check(cmd) {
            return Box::pin(std::future::ready(Err(error)));
        }
        if self.asking { Box::pin(self.ask_one(cmd)) } else { self.inner.req_packed_command(cmd) }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        if self.asking {
            Box::pin(self.ask_many(pipeline))
        } else {
            self.inner.req_packed_commands(pipeline, offset, count)
        }
    }

    fn get_db(&self) -> i64 {
        self.inner.get_db()
    }
}
