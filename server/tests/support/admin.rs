//! The admin API and its token.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use super::{Reply, Server, agent};

/// The token of the tests.
pub const TOKEN: &str = "a-token-of-the-tests-0123456789";

/// A token file; removed when dropped.
pub struct TokenFile {
    dir: TempDir,
}

impl TokenFile {
    /// With the token of the tests, for its owner's eyes only.
    pub fn new() -> Self {
        Self::with(&format!("{TOKEN}\n"), 0o600)
    }

    pub fn with(text: &str, mode: u32) -> Self {
        let file = Self { dir: TempDir::new().unwrap() };
        fs::write(file.path(), text).unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    pub fn path(&self) -> PathBuf {
        self.dir.path().join("token")
    }

    /// The setting's value.
    pub fn value(&self) -> String {
        self.path().to_str().unwrap().to_owned()
    }
}

impl Server {
    /// A GET with this token.
    pub fn get_as(&self, path: &str, token: Option<&str>) -> Reply {
        match token {
            Some(token) => self.get_with(path, &[("authorization", &format!("Bearer {token}"))]),
            None => self.get_with(path, &[]),
        }
    }

    /// A POST with this token.
    pub fn post_as(&self, path: &str, body: &str, token: Option<&str>) -> Reply {
        let mut request = agent().post(self.url(path)).header("content-type", "application/json");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        Reply::of(request.send(body).unwrap()).unwrap()
    }

    /// The answer to a GET with the right token.
    pub fn admin_json(&self, path: &str) -> Value {
        let reply = self.get_as(path, Some(TOKEN));
        assert_eq!(reply.status, 200, "{path}: {}\n{}", reply.text(), self.log());
        reply.json()
    }

    /// The answer to a POST with the right token.
    pub fn admin_post(&self, path: &str, body: &Value) -> Value {
        let reply = self.post_as(path, &body.to_string(), Some(TOKEN));
        assert_eq!(reply.status, 200, "{path} {body}: {}\n{}", reply.text(), self.log());
        reply.json()
    }
}
