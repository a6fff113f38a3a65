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

/// Reads the answer of the node at `asked`. A node without a host is at the same host.
pub(super) fn read(value: &Value, asked: &Address) -> Result<Vec<Range>, String> {
    let Value::Array(rows) = value else { return Err("CLUSTER SLOTS was answered with no list".into()) };
    let ranges: Option<Vec<Range>> = rows.iter().map(|row| range(row, asked)).collect();
    match ranges {
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
    let [host, Value::Int(port), ..] = parts.as_slice() else { return None };
    let host = match host {
        Value::BulkString(host) => std::str::from_utf8(host).ok()?,
        Value::SimpleString(host) => host,
        Value::Nil => "",
        _ => return None,
    };
    Some(asked.neighbour(host, u16::try_from(*port).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    fn node(host: Value, port: i64) -> Value {
        Value::Array(vec![host, Value::Int(port), text("id"), Value::Array(Vec::new())])
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
            row(0, 99, vec![node(Value::Nil, 7001), node(text("::1"), 7002)]),
            row(100, 16_383, vec![node(text("redis.example"), 7003), node(Value::Int(1), 7004)]),
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
    fn nonsense_is_refused() {
        let asked = Address::tcp("h", 1);
        let good = || node(text("h"), 1);
        for rows in [
            vec![],
            vec![Value::Int(1)],
            vec![row(5, 4, vec![good()])],
            vec![row(0, 16_384, vec![good()])],
            vec![row(-1, 4, vec![good()])],
            vec![row(0, 4, vec![])],
            vec![row(0, 4, vec![node(text("h"), 70_000)])],
        ] {
            assert!(read(&Value::Array(rows.clone()), &asked).is_err(), "{rows:?}");
        }
        assert!(read(&Value::Nil, &asked).is_err());
    }
}
