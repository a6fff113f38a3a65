//! Redis behind TLS.

mod common;

use std::fs;
use std::process::Command;
use std::time::Duration;

use common::*;
use local_servers::{RedisServer, free_port};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tidemark_cache::{Cache, Tier};

/// Where the inner test finds the server.
const URL: &str = "TIDEMARK_TEST_TLS_URL";

#[tokio::test]
async fn a_certificate_is_checked() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = |name: &str| dir.path().join(name);
    let mut of_ca = CertificateParams::new(Vec::new()).expect("parameters");
    of_ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(of_ca, KeyPair::generate().expect("a key")).expect("a CA");
    let key = KeyPair::generate().expect("a key");
    let of_server = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("parameters");
    let certificate = of_server.signed_by(&key, &ca).expect("a certificate");
    fs::write(path("ca.pem"), ca.pem()).expect("written");
    fs::write(path("server.pem"), certificate.pem()).expect("written");
    fs::write(path("key.pem"), key.serialize_pem()).expect("written");

    let port = free_port().expect("a port");
    let (tls_port, text) = (port.to_string(), |name| path(name).display().to_string());
    let (ca_file, server_file, key_file) = (text("ca.pem"), text("server.pem"), text("key.pem"));
    let _redis = blocking(move || {
        RedisServer::ephemeral_with(&[
            ("tls-port", &tls_port),
            ("tls-cert-file", &server_file),
            ("tls-key-file", &key_file),
            ("tls-ca-cert-file", &ca_file),
            ("tls-auth-clients", "no"),
        ])
    })
    .await
    .expect("starts");
    let url = format!("rediss://127.0.0.1:{port}");

    // Nobody here knows this authority.
    let cache = Cache::builder().redis(Some(url.clone())).build().expect("builds");
    until("the refusal is said", || {
        cache.l2_state().last_error.is_some_and(|error| error.to_lowercase().contains("certificate"))
    })
    .await;
    assert_eq!(cache.l2_state().connects, 0);

    // A process that is told of it connects. The setting is read from the environment, hence another process.
    let inner = Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", "with_the_authority_known_it_connects", "--ignored"])
        .env("SSL_CERT_FILE", path("ca.pem"))
        .env(URL, url)
        .output();
    let inner = inner.expect("runs");
    assert!(inner.status.success(), "{}", String::from_utf8_lossy(&inner.stdout));
}

#[tokio::test]
#[ignore = "run by a_certificate_is_checked, with an authority to trust"]
async fn with_the_authority_known_it_connects() {
    let url = std::env::var(URL).expect("run by the other test");
    let builder = Cache::builder().redis(Some(url)).l2_timeout(Duration::from_secs(1));
    let cache = builder.build().expect("builds");
    assert!(cache.wait_for_l2(PATIENCE).await, "{:?}", cache.l2_state());
    let texts = texts(&cache, steady().tiers(tidemark_cache::Tiers::L2));
    load(&texts, "k", "v", 1).await.expect("loads");
    written(&cache, "texts", 1).await;
    assert_eq!(load_failing(&texts, "k").await.expect("from Redis").tier, Tier::L2);
}
