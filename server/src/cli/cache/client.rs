//! A small client of the admin API: HTTP/1.1 in clear, one connection a call, every wait bounded.

use std::time::Duration;

use axum::http::{Method, Request, StatusCode, Uri, header, request::Builder};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};

use crate::config::AdminToken;

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(3);
/// Longest call: a server answers within ten seconds.
const CALL: Duration = Duration::from_secs(15);
/// Largest answer, bytes.
const LARGEST: usize = 16 << 20;

/// A server and its token.
pub(super) struct Client {
    /// `host:port`.
    authority: String,
    token: AdminToken,
}

impl Client {
    /// Reads `http://host:port`, the port being 80 without one.
    ///
    /// # Errors
    /// Says what is allowed.
    pub(super) fn new(url: &str, token: AdminToken) -> Result<Self, String> {
        let form = "--url: must be http://host:port; for a server behind TLS or far away use an SSH tunnel";
        let uri: Uri = url.parse().map_err(|_| form.to_owned())?;
        let plain = matches!(uri.path(), "" | "/") && uri.query().is_none();
        let authority = uri.authority().filter(|a| plain && !a.as_str().contains('@'));
        let (Some("http"), Some(authority)) = (uri.scheme_str(), authority) else {
            return Err(form.to_owned());
        };
        let port = authority.port_u16().unwrap_or(80);
        Ok(Self { authority: format!("{}:{port}", authority.host()), token })
    }

    /// Where it is.
    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    /// Whether something listens there.
    pub(super) async fn answers(&self) -> bool {
        self.connect().await.is_ok()
    }

    /// Checks that the server there knows the token, before the token is sent: anybody may listen on a port that no server has
    /// taken.
    ///
    /// # Errors
    /// It does not, or it does not answer.
    pub(super) async fn check_server(&self) -> Result<(), String> {
        let mut bytes = [0_u8; 16];
        getrandom::fill(&mut bytes).map_err(|error| self.about(error))?;
        let nonce: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let path = format!("/api/cache/proof?nonce={nonce}");
        let asked = async {
            let stream = self.connect().await?;
            let server = stream.peer_addr().map_err(|error| self.about(error))?;
            let request = self.request(Method::GET, &path).body(Full::default());
            let (_, text) = self.exchange(stream, request).await?;
            Ok::<_, String>((server, text))
        };
        let (server, text) = timeout(CALL, asked)
            .await
            .map_err(|_| self.about(format!("no answer within {} s", CALL.as_secs())))??;
        let answer: Value = serde_json::from_slice(&text).unwrap_or_default();
        if answer["proof"].as_str().is_some_and(|proof| self.token.is_proved_by(server, &nonce, proof)) {
            return Ok(());
        }
        Err(self.about(
            "what listens there does not show that it knows the token, so the token was not sent; \
             if it is a server of yours, as behind a mapped port, name it with --url",
        ))
    }

    /// The JSON at this path.
    pub(super) async fn get(&self, path: &str) -> Result<Value, String> {
        self.call(Method::GET, path, String::new()).await
    }

    /// The answer to this JSON.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.call(Method::POST, path, body.to_string()).await
    }

    async fn connect(&self) -> Result<TcpStream, String> {
        match timeout(CONNECT, TcpStream::connect(&self.authority)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(self.about(error)),
            Err(_) => Err(self.about(format!("no connection within {} s", CONNECT.as_secs()))),
        }
    }

    async fn call(&self, method: Method, path: &str, body: String) -> Result<Value, String> {
        let (status, text) = timeout(CALL, self.authorized(method, path, body))
            .await
            .map_err(|_| self.about(format!("no answer within {} s", CALL.as_secs())))??;
        let document: Option<Value> = serde_json::from_slice(&text).ok();
        match document {
            Some(document) if status.is_success() => Ok(document),
            Some(problem) if problem["detail"].is_string() => {
                Err(self.about(problem["detail"].as_str().unwrap_or_default()))
            }
            _ => Err(self.about(format!("{status}: no answer of a Tidemark server"))),
        }
    }

    async fn authorized(
        &self,
        method: Method,
        path: &str,
        body: String,
    ) -> Result<(StatusCode, Bytes), String> {
        let request = self
            .request(method, path)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token.expose()))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)));
        self.exchange(self.connect().await?, request).await
    }

    fn request(&self, method: Method, path: &str) -> Builder {
        Request::builder().method(method).uri(path).header(header::HOST, &self.authority)
    }

    async fn exchange(
        &self,
        stream: TcpStream,
        request: Result<Request<Full<Bytes>>, axum::http::Error>,
    ) -> Result<(StatusCode, Bytes), String> {
        let request = request.map_err(|e| self.about(e))?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|e| self.about(e))?;
        // It ends with the sender; its errors come back through the call.
        tokio::spawn(connection);
        let answer = sender.send_request(request).await.map_err(|e| self.about(e))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), LARGEST).collect().await.map_err(|e| self.about(e))?;
        Ok((status, body.to_bytes()))
    }

    fn about(&self, error: impl std::fmt::Display) -> String {
        format!("http://{}: {error}", self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_urls_are_taken() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, "0123456789abcdef").unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let token = || AdminToken::read("X", path.to_str().unwrap()).unwrap();
        for (url, authority) in [
            ("http://localhost:3000", "localhost:3000"),
            ("http://10.0.0.1/", "10.0.0.1:80"),
            ("http://[::1]:3000", "[::1]:3000"),
        ] {
            assert_eq!(Client::new(url, token()).ok().unwrap().authority(), authority);
        }
        for bad in ["localhost:3000", "https://h", "http://", "http://u:p@h", "http://h/x", "http://h?x", ""]
        {
            assert!(Client::new(bad, token()).is_err(), "{bad}");
        }
    }
}
