//! The map as a node tells it: `CLUSTER SLOTS`, see <https://redis.io/docs/latest/commands/cluster-slots/>.

use redis::{Cmd, Value};

use super::address::Address;
use super::slots::SLOTS;

/// Slots from `first` to `last` and who has them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub first: u16,
    pub last: u16,
    pub master: Address,
    pub replicas: Vec<Address>,
}

pub(super) fn question() -> Cmd {
    let mut cmd = redis::cmd("CLUSTER");
    cmd.arg("SLOTS");
    cmd
}

/// Reads the answer of the node at `asked`. A node without a host is at the same host; of one whose host is unknown (`?`: it
/// is to be told by name, and has none yet) the address beside it counts.
pub(super) fn read(value: &Value, asked: &Address) -> Result<Vec<Range>, String> {
    let Value::Array(rows) = value else { return Err("CLUSTER SLOTS was answered with no list".into()) };
    let ranges: Option<Vec<Range>> = rows.iter().map(|row| range(row, asked)).collect();
    match ranges {
        None if rows.iter().any(has_unknown_host) => {
            Err("CLUSTER SLOTS was answered with an unknown host, `?`, and \
             no address beside it: set cluster-announce-hostname, or cluster-preferred-endpoint-type ip"
                .into())
        }
        None => Err("CLUSTER SLOTS was answered with something malformed".into()),
        Some(ranges) if ranges.is_empty() => Err("the cluster has no slots assigned".into()),
        Some(ranges) => Ok(ranges),
    }
}

fn range(row: &Value, asked: &Address) -> Option<Range> {
    let Value::Array(parts) = row else { return None };
    let [Value::Int(first), Value::Int(last), nodes @ ..] = parts.as_slice() else { return None };
    let (first, last) = (u16::try_from(*first).ok()?, u16::try_from(*last).ok()?);
    let mut nodes = nodes.iter().map(|node| address(node, asked));
    let master = nodes.next()??;
    // A replica that cannot be read is left out: the master is what counts.
    (first <= last && last < SLOTS).then(|| Range {
        first,
        last,
        master,
        replicas: nodes.flatten().collect(),
    })
}

fn address(node: &Value, asked: &Address) -> Option<Address> {
    let Value::Array(parts) = node else { return None };
    let [host, Value::Int(port), more @ ..] = parts.as_slice() else { return None };
    let port = u16::try_from(*port).ok()?;
    let host = match host {
        Value::Nil => "",
        host => text(host)?,
    };
    // Behind the port: the node's identity, then what else is known of it, such as its address.
    asked.neighbour(host, port).or_else(|| asked.neighbour(address_beside(more.get(1)?)?, port))
}

/// The `ip` of what a node tells beside its name: a list of fields and values, or a map of them.
fn address_beside(more: &Value) -> Option<&str> {
    let is_ip = |field: &Value| text(field) == Some("ip");
    match more {
        Value::Array(fields) => {
            fields.chunks_exact(2).find(|pair| is_ip(&pair[0])).and_then(|pair| text(&pair[1]))
        }
        Value::Map(fields) => {
            fields.iter().find(|(field, _)| is_ip(field)).and_then(|(_, value)| text(value))
        }
        _ => None,
    }
}

fn has_unknown_host(row: &Value) -> bool {
    let Value::Array(parts) = row else { return false };
    parts.iter().any(|node| matches!(node, Value::Array(parts) if parts.first().and_then(text) == Some("?")))
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    fn node(host: Value, port: i64) -> Value {
        node_with(host, port, Vec::new())
    }

    fn node_with(host: Value, port: i64, more: Vec<Value>) -> Value {
        Value::Array(vec![host, Value::Int(port), bulk("id"), Value::Array(more)])
    }

    fn row(first: i64, last: i64, nodes: Vec<Value>) -> Value {
        let mut row = vec![Value::Int(first), Value::Int(last)];
        row.extend(nodes);
        Value::Array(row)
    }

    #[test]
    fn hosts_may_be_missing_names_or_ipv6() {
        let asked = Address::tcp("10.0.0.9", 7000);
        let rows = vec![
            row(0, 99, vec![node(Value::Nil, 7001), node(bulk("::1"), 7002)]),
            row(100, 16_383, vec![node(bulk("redis.example"), 7003), node(Value::Int(1), 7004)]),
        ];
        let ranges = read(&Value::Array(rows), &asked).expect("reads");
        let told: Vec<_> = ranges
            .iter()
            .map(|r| {
                (r.first, r.last, r.master.to_string(), r.replicas.iter().map(Address::to_string).collect())
            })
            .collect();
        let first = (0, 99, "10.0.0.9:7001".to_owned(), vec!["[::1]:7002".to_owned()]);
        assert_eq!(told, [first, (100, 16_383, "redis.example:7003".to_owned(), Vec::new())]);
    }

    #[test]
    fn an_unknown_host_is_not_that_of_who_answers() {
        let asked = Address::tcp("10.0.0.1", 7000);
        let beside = |ip: &str| vec![bulk("hostname"), bulk(""), bulk("ip"), bulk(ip)];
        let known = vec![
            row(0, 99, vec![node_with(bulk("?"), 7001, beside("10.0.0.2"))]),
            row(
                100,
                16_383,
                vec![
                    node_with(bulk("redis.example"), 7002, beside("10.0.0.3")),
                    node_with(bulk("?"), 7003, beside("10.0.0.4")),
                ],
            ),
        ];
        let ranges = read(&Value::Array(known), &asked).expect("reads");
        assert_eq!(ranges[0].master, Address::tcp("10.0.0.2", 7001));
        assert_eq!(ranges[1].master, Address::tcp("redis.example", 7002), "a name that is told counts");
        assert_eq!(ranges[1].replicas, [Address::tcp("10.0.0.4", 7003)]);
        let as_map = Value::Map(vec![(bulk("ip"), bulk("10.0.0.2"))]);
        let of_resp3 = Value::Array(vec![bulk("?"), Value::Int(7001), bulk("id"), as_map]);
        assert_eq!(address(&of_resp3, &asked), Some(Address::tcp("10.0.0.2", 7001)));
        let unknown = Value::Array(vec![row(0, 16_383, vec![node(bulk("?"), 7001)])]);
        let error = read(&unknown, &asked).expect_err("refused");
        assert!(error.contains("cluster-preferred-endpoint-type"), "{error}");
    }

    #[test]
    fn nonsense_is_refused() {
        let asked = Address::tcp("h", 1);
        let good = || node(bulk("h"), 1);
        for rows in [
            vec![],
            vec![Value::Int(1)],
            vec![row(5, 4, vec![good()])],
            vec![row(0, 16_384, vec![good()])],
            vec![row(-1, 4, vec![good()])],
            vec![row(0, 4, vec![])],
            vec![row(0, 4, vec![node(bulk("h"), 70_000)])],
        ] {
            assert!(read(&Value::Array(rows.clone()), &asked).is_err(), "{rows:?}");
        }
        assert!(read(&Value::Nil, &asked).is_err());
    }
}
