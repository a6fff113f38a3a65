//! A database with a password, and somebody who signs in.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    process::{Output, Stdio},
    sync::OnceLock,
};

use local_servers::PostgresServer;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Reply, Server, Setup, run, tidemark};

pub const PASSWORD: &str = "a fine long passphrase";
pub const SESSION: &str = "/api/session";

/// A database of its own, migrated and without a password. The server is shared.
pub fn database() -> String {
    static POSTGRES: OnceLock<PostgresServer> = OnceLock::new();
    let server = POSTGRES.get_or_init(|| PostgresServer::ephemeral().unwrap());
    migrated(server.create_database().unwrap())
}

/// Migrates it.
fn migrated(url: String) -> String {
    let done = run(&url, &["migrate"]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    url
}

/// A server and a database of its own with a password, for tests that stop or hold it.
pub fn own_database() -> (PostgresServer, String) {
    let postgres = PostgresServer::ephemeral().unwrap();
    let url = migrated(postgres.url());
    assert!(set_password(&url, PASSWORD, &[]).status.success());
    (postgres, url)
}

/// The same with a password.
pub fn database_with_password() -> String {
    let url = database();
    let set = set_password(&url, PASSWORD, &[]);
    assert!(set.status.success(), "{}", String::from_utf8_lossy(&set.stderr));
    url
}

/// `tidemark admin password` with this on standard input.
pub fn set_password(url: &str, password: &str, more: &[&str]) -> Output {
    let mut command = tidemark();
    command.args(["admin", "password"]).args(more).env("DATABASE_URL", url);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // One that refuses at once reads nothing.
    let _ = writeln!(child.stdin.take().unwrap(), "{password}");
    child.wait_with_output().unwrap()
}

/// One value of the database.
pub fn query(url: &str, sql: &str) -> String {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut connection: sqlx::PgConnection = sqlx::Connection::connect(url).await.unwrap();
        let value: Option<String> = sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap();
        value.unwrap_or_default()
    })
}

/// A statement without a value.
pub fn execute(url: &str, sql: &str) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut connection: sqlx::PgConnection = sqlx::Connection::connect(url).await.unwrap();
        sqlx::query(sql).execute(&mut connection).await.unwrap();
    });
}

/// A file with the password.
pub struct PasswordFile(TempDir);

impl PasswordFile {
    pub fn new(text: &str) -> Self {
        let file = Self(TempDir::new().unwrap());
        fs::write(file.0.path().join("password"), text).unwrap();
        fs::set_permissions(file.0.path().join("password"), fs::Permissions::from_mode(0o600)).unwrap();
        file
    }

    pub fn path(&self) -> String {
        self.0.path().join("password").to_str().unwrap().to_owned()
    }
}

/// A server over this database.
pub fn server(url: &str, env: &[(&str, &str)]) -> Server {
    Server::start(&Setup { postgres: Some(url), env, ..Setup::default() })
}

/// Asks; redirects are answers.
pub fn ask(server: &Server, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    server.send(method, path, headers, body)
}

/// Tries to sign in.
pub fn try_password(server: &Server, password: &str, headers: &[(&str, &str)]) -> Reply {
    let headers = [headers, &[("content-type", "application/json")]].concat();
    ask(server, "POST", SESSION, &headers, &json!({ "user": "admin", "password": password }).to_string())
}

/// Signs in; the cookie as a browser sends it back.
pub fn sign_in(server: &Server) -> String {
    let reply = try_password(server, PASSWORD, &[]);
    assert_eq!(reply.status, 200, "{}\n{}", reply.text(), server.log());
    cookie(&reply)
}

/// Name and value of the cookie that is set.
pub fn cookie(reply: &Reply) -> String {
    reply.header("set-cookie").split(';').next().unwrap().to_owned()
}

/// The status of `GET /api/session` with this cookie.
pub fn status(server: &Server, cookie: &str) -> u16 {
    ask(server, "GET", SESSION, &[("cookie", cookie)], "").status
}

/// A change by cookie: the answer to a clear of the charts.
pub fn clear(server: &Server, headers: &[(&str, &str)]) -> Reply {
    let headers = [headers, &[("content-type", "application/json")]].concat();
    ask(server, "POST", "/api/cache/clear", &headers, r#"{"scope":{"category":"charts"}}"#)
}

/// The detail of a problem document.
pub fn detail(reply: &Reply) -> String {
    assert_eq!(reply.header("content-type"), "application/problem+json", "{}", reply.text());
    assert_eq!(reply.header("cache-control"), "no-store");
    let problem: Value = reply.json();
    problem["detail"].as_str().unwrap().to_owned()
}
