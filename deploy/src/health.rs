//! Asks the server whether it is well, and where its prices come from.

use std::net::SocketAddr;

use serde_json::Value;

use crate::probe::get;

/// Why the server is not well.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unwell {
    /// It serves without these, each with its reason if there is one.
    #[error("answers, degraded: {0}")]
    Degraded(String),
    /// It answers, and first loads what was read most before. What is down meanwhile, or nothing.
    #[error("answers, warming up{}", after_colon(.0))]
    Warming(String),
    /// It does not serve.
    #[error("{0}")]
    Down(String),
}

fn after_colon(what: &str) -> String {
    if what.is_empty() { String::new() } else { format!(": {what}") }
}

/// How Tidemark at this address is, in words: whether it lives, and whether it is warm and reaches what it uses.
///
/// # Errors
/// When it is not well.
pub fn server(addr: SocketAddr) -> Result<String, Unwell> {
    for path in ["/healthz", "/readyz"] {
        let Some((code, body)) = get(addr, path) else {
            return Err(Unwell::Down("does not answer".to_owned()));
        };
        let told: Value = serde_json::from_str(&body).unwrap_or_default();
        match (code, told["status"].as_str()) {
            (200, Some("degraded")) => return Err(Unwell::Degraded(down(&told))),
            (503, Some("warming")) => return Err(Unwell::Warming(down(&told))),
            (200, _) => {}
            _ => return Err(Unwell::Down(format!("answers {code} to GET {path}"))),
        }
    }
    Ok("answers".to_owned())
}

/// Where the server's prices come from, as it says itself.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Prices {
    /// `replay`, `simulated` or, without a feed, nothing.
    pub source: Option<String>,
    /// As of `GET /readyz`: `running`, `standby`, `starting`, `waiting`, `not stored` or `none`.
    pub status: String,
    /// Why it waits, or is not stored.
    pub reason: Option<String>,
}

impl Prices {
    /// In words.
    pub fn words(&self) -> String {
        let source = match self.source.as_deref() {
            Some("replay") => "replay: recorded prices, played again as if they came in now",
            Some("simulated") => "simulated: made-up prices, marked as such",
            Some(other) => other,
            None => return "none: what is stored stands still".to_owned(),
        };
        let reason = self.reason.as_deref().map(|it| format!(": {it}")).unwrap_or_default();
        format!("{source} ({}{reason})", self.status)
    }
}

/// Asks the server where its prices come from; `None` when it does not say.
pub fn prices(addr: SocketAddr) -> Option<Prices> {
    let (_, body) = get(addr, "/readyz")?;
    let told: Value = serde_json::from_str(&body).ok()?;
    let feed = told.get("feed")?;
    let text = |name: &str| feed[name].as_str().map(str::to_owned);
    Some(Prices { source: text("source"), status: text("status")?, reason: text("reason") })
}

/// What is down, after the answer to `GET /readyz`.
fn down(told: &Value) -> String {
    let parts = told.as_object().into_iter().flatten();
    let down = parts.filter(|(_, it)| it["status"] == "down").map(|(name, it)| {
        let reason = it["reason"].as_str().map(|it| format!(" ({it})")).unwrap_or_default();
        format!("{name} is down{reason}")
    });
    down.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::tests::server_of;

    #[test]
    fn a_server_is_well_degraded_warming_up_or_down() {
        let lives = b"HTTP/1.1 200 OK\r\n\r\n{\"status\":\"ok\"}".as_slice();
        let addr = server_of(vec![
            lives,
            b"HTTP/1.1 200 OK\r\n\r\n{\"status\":\"ok\",\"redis\":{\"status\":\"up\"}}",
            lives,
            b"HTTP/1.1 200 OK\r\n\r\n{\"status\":\"degraded\",\"redis\":{\"status\":\"down\",\"reason\":\"refused\"},\
              \"postgres\":{\"status\":\"up\"}}",
            lives,
            b"HTTP/1.1 503 Service Unavailable\r\n\r\n{\"status\":\"warming\",\"redis\":{\"status\":\"up\"}}",
            lives,
            b"HTTP/1.1 503 Service Unavailable\r\n\r\n{\"status\":\"warming\",\"redis\":{\"status\":\"down\"}}",
            lives,
            b"HTTP/1.1 503 Service Unavailable\r\n\r\n{}",
        ]);
        assert_eq!(server(addr), Ok("answers".to_owned()));
        let told = server(addr).unwrap_err();
        assert_eq!(told.to_string(), "answers, degraded: redis is down (refused)");
        assert_eq!(server(addr).unwrap_err(), Unwell::Warming(String::new()));
        assert_eq!(server(addr).unwrap_err().to_string(), "answers, warming up: redis is down");
        assert_eq!(server(addr).unwrap_err().to_string(), "answers 503 to GET /readyz");
    }

    #[test]
    fn prices_are_told_in_words() {
        let addr = server_of(vec![
            b"HTTP/1.1 200 OK\r\n\r\n{\"feed\":{\"status\":\"not stored\",\"source\":\"replay\",\"reason\":\"Postgres is away\"}}",
            b"HTTP/1.1 200 OK\r\n\r\n{\"feed\":{\"status\":\"none\"}}",
            b"HTTP/1.1 200 OK\r\n\r\nok",
        ]);
        let words = prices(addr).unwrap().words();
        assert!(
            words.starts_with("replay: ") && words.ends_with("(not stored: Postgres is away)"),
            "{words}"
        );
        assert_eq!(prices(addr).unwrap().words(), "none: what is stored stands still");
        assert_eq!(prices(addr), None);
    }
}
