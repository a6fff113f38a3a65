//! Reading many keys: one pipeline a node, all nodes at once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use redis::aio::ConnectionLike;
use redis::{Pipeline, RedisResult, Value};
use tokio::time::{Instant, sleep, timeout_at};

use super::conn::Conn;
use super::node::Node;
use super::ops::{Fetched, to_fetched};
use super::router::{Access, Router};
use super::run::Chosen;
use super::state::{L2Error, text_of};
use super::verdict::Verdict;

/// Times that keys are asked for at most: the first, and after redirects.
const MAX_ROUNDS: usize = 5;
/// Before keys are asked for again that could not be answered.
const PAUSE: Duration = Duration::from_millis(10);

/// Where a redirect sends a key, and whether ASKING is due.
type SentTo = Option<(Arc<Node>, bool)>;

/// What became of a key in a round.
enum Next {
    Done(Result<Fetched, L2Error>),
    /// Ask again, the node named if one was.
    Again(SentTo, L2Error),
}

/// Keys to be asked of one node, by their place in the list.
struct Group {
    chosen: Chosen,
    asking: bool,
    keys: Vec<usize>,
}

/// A group without keys yet; its place among the groups.
fn begin(groups: &mut Vec<Group>, chosen: Chosen, asking: bool) -> usize {
    groups.push(Group { chosen, asking, keys: Vec::new() });
    groups.len() - 1
}

impl Router {
    /// Reads many keys, each at most `max_bytes` and one more of it, all within `limit`. `each` is called once a key, with
    /// its place among the keys, as the nodes answer: what is done there goes on while others are still on their way.
    pub async fn fetch_many(
        &self,
        limit: Duration,
        keys: &[String],
        max_bytes: usize,
        access: Access,
        mut each: impl FnMut(usize, Result<Fetched, L2Error>),
    ) {
        let deadline = Instant::now() + limit;
        if !self.log_is_read() {
            return (0..keys.len()).for_each(|i| each(i, Err(self.closed())));
        }
        // Why a key has no answer yet.
        let mut without: HashMap<usize, L2Error> = HashMap::new();
        let mut open: Vec<(usize, SentTo)> = (0..keys.len()).map(|i| (i, None)).collect();
        for round in 1..=MAX_ROUNDS {
            let last = round == MAX_ROUNDS;
            // Where the connection broke and there is no other node, what counts is that it was asked.
            let mut not_asked = |i: usize, error: L2Error| {
                let broken = without.remove(&i).filter(|error| matches!(error, L2Error::Broken(_)));
                each(i, Err(broken.unwrap_or(error)));
            };
            let groups = self.group(keys, std::mem::take(&mut open), access, deadline, &mut not_asked).await;
            let mut asked: FuturesUnordered<_> =
                groups.iter().map(|group| self.ask(group, keys, max_bytes, access, deadline, last)).collect();
            let mut pause = false;
            while let Some(answers) = asked.next().await {
                for (i, next) in answers {
                    match next {
                        Next::Done(result) => each(i, result),
                        Next::Again(sent_to, error) => {
                            pause |= sent_to.is_none();
                            without.insert(i, error);
                            open.push((i, sent_to));
                        }
                    }
                }
            }
            let pause = if pause { PAUSE } else { Duration::ZERO };
            if open.is_empty() || round == MAX_ROUNDS || Instant::now() + pause >= deadline {
                break;
            }
            if !pause.is_zero() {
                sleep(pause).await;
            }
        }
        for (i, _) in open {
            each(i, Err(without.remove(&i).unwrap_or(L2Error::Timeout)));
        }
    }

    /// The same, answers in the order of the keys.
    #[cfg(test)]
    pub async fn fetch_all(
        &self,
        limit: Duration,
        keys: &[String],
        max_bytes: usize,
        access: Access,
    ) -> Vec<Result<Fetched, L2Error>> {
        let mut results: Vec<_> = keys.iter().map(|_| None).collect();
        let each = |i: usize, result| assert!(results[i].replace(result).is_none(), "answered twice");
        self.fetch_many(limit, keys, max_bytes, access, each).await;
        results.into_iter().map(|result| result.expect("every key is answered")).collect()
    }

    /// Divides keys among their nodes. `not_asked` is called at once for those without a usable one.
    async fn group(
        &self,
        keys: &[String],
        open: Vec<(usize, SentTo)>,
        access: Access,
        deadline: Instant,
        not_asked: &mut impl FnMut(usize, L2Error),
    ) -> Vec<Group> {
        let map = self.map();
        let mut groups: Vec<Group> = Vec::new();
        // A node is chosen once for all keys of a shard.
        let mut of_shard: Vec<Option<Result<usize, L2Error>>> = vec![None; map.shards.len()];
        let mut of_guest: HashMap<(usize, bool), usize> = HashMap::new();
        for (i, sent_to) in open {
            let group = match sent_to {
                Some((node, asking)) => match self.guest(node, deadline).await {
                    Err(error) => Err(error),
                    Ok(chosen) => Ok(*of_guest
                        .entry((Arc::as_ptr(&chosen.node) as usize, asking))
                        .or_insert_with(|| begin(&mut groups, chosen, asking))),
                },
                None => {
                    let slot = self.slot(&keys[i]);
                    match map.index(slot).and_then(|at| Some((of_shard.get_mut(at)?, map.shards.get(at)?))) {
                        Some((group, shard)) => group
                            .get_or_insert_with(|| {
                                let chosen = self.choose_of(shard, access, None)?;
                                Ok(begin(&mut groups, chosen, false))
                            })
                            .clone(),
                        None => {
                            self.ask_for_map();
                            Err(L2Error::Disconnected(format!("no node serves slot {slot}")))
                        }
                    }
                }
            };
            match group {
                Ok(group) => groups[group].keys.push(i),
                Err(error) => not_asked(i, error),
            }
        }
        groups
    }

    /// Asks one node for its keys.
    async fn ask(
        &self,
        group: &Group,
        keys: &[String],
        max_bytes: usize,
        access: Access,
        deadline: Instant,
        last: bool,
    ) -> Vec<(usize, Next)> {
        let Chosen { node, number, conn } = &group.chosen;
        let mut pipe = Pipeline::with_capacity(group.keys.len());
        for &i in &group.keys {
            let mut cmd = redis::Cmd::with_capacity(4, keys[i].len() + 24);
            cmd.arg("GETRANGE").arg(&keys[i]).arg(b"0").arg(max_bytes);
            pipe.add_command(cmd);
        }
        node.note_use();
        let mut conn = Conn::new(conn.clone(), group.asking, node.lacks());
        let exchange = conn.req_packed_commands(&pipe, 0, group.keys.len());
        let all = |next: &dyn Fn() -> Next| group.keys.iter().map(|&i| (i, next())).collect();
        let values = match timeout_at(deadline, exchange).await {
            Ok(Ok(values)) => values,
            Ok(Err(error)) if !error.is_timeout() => {
                node.count_error(&error);
                if error.is_unrecoverable_error() {
                    node.withdraw(*number, &text_of(&error));
                }
                let error = L2Error::from(error);
                // Nothing is changed by reading twice, if another node is there.
                return all(&|| match access {
                    Access::Write => Next::Done(Err(error.clone())),
                    _ => Next::Again(None, error.clone()),
                });
            }
            _ => {
                let error = node.timed_out(*number);
                return all(&|| Next::Done(Err(error.clone())));
            }
        };
        node.answered();
        let mut values = values.into_iter();
        let one = |&i: &usize| {
            let value = values.next().unwrap_or_default().extract_error();
            (i, self.next(value, node, self.slot(&keys[i]), max_bytes, last))
        };
        group.keys.iter().map(one).collect()
    }

    fn next(&self, answer: RedisResult<Value>, node: &Node, slot: u16, max_bytes: usize, last: bool) -> Next {
        let error = match answer {
            Ok(value) => {
                return Next::Done(to_fetched(redis::from_redis_value(value).map_err(Into::into), max_bytes));
            }
            Err(error) => error,
        };
        match self.judge(&error, node) {
            Verdict::Moved(Some(address)) => {
                node.counts.redirects.add(1);
                Next::Again(self.moved(slot, &address).map(|node| (node, false)), error.into())
            }
            Verdict::Ask(address) => {
                node.counts.redirects.add(1);
                Next::Again(self.node(&address).map(|node| (node, true)), error.into())
            }
            Verdict::Moved(None) | Verdict::Later => {
                self.ask_for_map();
                if last || node.refused_lately() {
                    node.note_refusal();
                    return Next::Done(Err(error.into()));
                }
                Next::Again(None, error.into())
            }
            _ => Next::Done(to_fetched(Err(error), max_bytes)),
        }
    }
}
