//! Redis behind TLS, one node and a cluster.

mod common;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use common::*;
use local_servers::{ClusterTls, RedisCluster, RedisServer, free_port};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;
use tidemark_cache::{Cache, Tier};

/// Where the inner test finds the server.
const URL: &str = "TIDEMARK_TEST_TLS_URL";
/// Where it finds the certificate that it is to show, if it is to show one.
const CLIENT: &str = "TIDEMARK_TEST_TLS_CLIENT";
const KEYS: usize = 30;

/// An authority that nobody knows, and a certificate of it for 127.0.0.1.
struct Certificate {
    dir: TempDir,
}

impl Certificate {
    fn new() -> Self {
        let certificate = Self { dir: tempfile::tempdir().expect("a folder") };
        let mut of_ca = CertificateParams::new(Vec::new()).expect("parameters");
        // Of the same name as what it issues, it would pass for the issuer of itself where nodes check each other.
        of_ca.distinguished_name.push(DnType::CommonName, "an authority of this test");
        of_ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(of_ca, KeyPair::generate().expect("a key")).expect("a CA");
        let key = KeyPair::generate().expect("a key");
        let of_server = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("parameters");
        let signed = of_server.signed_by(&key, &ca).expect("a certificate");
        fs::write(certificate.path("ca.pem"), ca.pem()).expect("written");
        fs::write(certificate.path("server.pem"), signed.pem()).expect("written");
        fs::write(certificate.path("key.pem"), key.serialize_pem()).expect("written");
        let key = KeyPair::generate().expect("a key");
        let of_client = CertificateParams::new(vec!["tidemark".to_owned()]).expect("parameters");
        let signed = of_client.signed_by(&key, &ca).expect("a certificate");
        fs::write(certificate.path("client.pem"), signed.pem()).expect("written");
        fs::write(certificate.path("client-key.pem"), key.serialize_pem()).expect("written");
        certificate
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }
}

/// Runs the inner test in another process, which trusts the authority: that is read from the environment.
fn inner(url: &str, certificate: &Certificate, shows: bool) {
    let mut command = Command::new(std::env::current_exe().expect("a path"));
    command
        .args(["--exact", "with_the_authority_known_it_connects", "--ignored"])
        .env("SSL_CERT_FILE", certificate.path("ca.pem"))
        .env(URL, url);
    if shows {
        command.env(CLIENT, certificate.path(""));
    }
    let output = command.output().expect("runs");
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && out.contains("1 passed"), "{out}");
}

/// Without knowing the authority there is no connection, with it all goes on as without TLS.
async fn is_checked(url: String, certificate: &Certificate) {
    let cache = Cache::builder().redis(Some(url.clone())).build().expect("builds");
    until("the refusal is said", || {
        cache.l2_state().last_error.is_some_and(|error| error.to_lowercase().contains("certificate"))
    })
    .await;
    assert_eq!(cache.l2_state().connects, 0);

    inner(&url, certificate, false);
}

#[tokio::test]
async fn a_certificate_is_checked() {
    let certificate = Certificate::new();
    let port = free_port().expect("a port");
    let (tls_port, text) = (port.to_string(), |name| certificate.text(name));
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
    is_checked(format!("rediss://127.0.0.1:{port}"), &certificate).await;
}

#[tokio::test]
async fn a_certificate_is_shown_to_a_redis_that_asks_for_one() {
    let certificate = Certificate::new();
    let port = free_port().expect("a port");
    let (tls_port, text) = (port.to_string(), |name| certificate.text(name));
    let (ca_file, server_file, key_file) = (text("ca.pem"), text("server.pem"), text("key.pem"));
    let _redis = blocking(move || {
        RedisServer::ephemeral_with(&[
            ("tls-port", &tls_port),
            ("tls-cert-file", &server_file),
            ("tls-key-file", &key_file),
            ("tls-ca-cert-file", &ca_file),
            // As Redis comes.
            ("tls-auth-clients", "yes"),
        ])
    })
    .await
    .expect("starts");
    inner(&format!("rediss://127.0.0.1:{port}"), &certificate, true);
}

#[tokio::test]
async fn certificates_of_a_cluster_are_checked() {
    let certificate = Certificate::new();
    let tls = ClusterTls {
        certificate: certificate.path("server.pem"),
        key: certificate.path("key.pem"),
        authority: certificate.path("ca.pem"),
    };
    let cluster = blocking(move || RedisCluster::ephemeral_behind_tls(&tls)).await.expect("starts");
    let url = cluster.cluster_url();
    assert!(url.starts_with("rediss-cluster://"), "{url}");
    is_checked(url, &certificate).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by the others, with an authority to trust"]
async fn with_the_authority_known_it_connects() {
    let url = std::env::var(URL).expect("run by another test");
    let builder = || {
        let builder = Cache::builder().redis(Some(url.clone())).l2_timeout(Duration::from_secs(1));
        match std::env::var_os(CLIENT).map(PathBuf::from) {
            None => builder,
            Some(dir) => {
                let read = |name| fs::read(dir.join(name)).expect("a file");
                builder.redis_certificate(read("client.pem"), read("client-key.pem"))
            }
        }
    };
    let (a, b) = (connected(builder()).await, connected(builder()).await);
    if url.starts_with("rediss-cluster://") {
        common::cluster::all_nodes_known(&a, 6).await;
        // They were found by their ports with TLS: nothing went past it.
        let nodes = a.l2_state().nodes;
        assert!(nodes.iter().all(|node| url.contains(&node.address)), "{url}: {nodes:?}");
    }
    let (in_a, in_b) = (texts(&a, steady()), texts(&b, steady()));
    settled(&[&a, &b]).await;
    for i in 0..KEYS {
        load(&in_a, &format!("k{i}"), "v", 1).await.expect("loads");
    }
    written(&a, "texts", KEYS as u64).await;
    assert_eq!(a.stats().categories["texts"].l2.writes, KEYS as u64);
    for i in 0..KEYS {
        let hit = load_failing(&in_b, &format!("k{i}")).await.expect("from Redis");
        assert_eq!(hit.tier, Tier::L2);
    }
    // Messages have connections of their own.
    in_a.set(&key("k0"), Text("v".into()), 2);
    until_version(&in_b, "k0", 2).await;
}
