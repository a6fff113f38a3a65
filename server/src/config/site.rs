//! Where the pages' files lie and where to listen.

use std::{net::SocketAddr, path::PathBuf};

use leptos::config::LeptosOptions;

use super::{ConfigError, parsed, variable};

/// Options of the pages, from Leptos' own variables; without them those of a release build in this checkout.
///
/// # Errors
/// `LEPTOS_SITE_ADDR` or `LEPTOS_RELOAD_PORT` cannot be parsed.
pub fn site_options() -> Result<LeptosOptions, ConfigError> {
    let addr: SocketAddr = parsed("LEPTOS_SITE_ADDR", "an address such as 127.0.0.1:3000")?
        .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 3000)));
    let reload_port: u32 = parsed("LEPTOS_RELOAD_PORT", "a port")?.unwrap_or(3001);
    let root = variable("LEPTOS_SITE_ROOT")?.unwrap_or_else(|| "target/site".to_owned());
    let hashed: bool = match parsed("LEPTOS_HASH_FILES", "true or false")? {
        Some(hashed) => hashed,
        None => hash_file().is_some_and(|file| file.exists()),
    };
    Ok(LeptosOptions::builder()
        .output_name("tidemark")
        .site_root(root)
        .site_pkg_dir("pkg")
        .site_addr(addr)
        .reload_port(reload_port)
        .hash_files(hashed)
        .hash_file(std::sync::Arc::<str>::from("hash.txt"))
        .build())
}

/// A build puts the hashes beside the binary.
fn hash_file() -> Option<PathBuf> {
    Some(std::env::current_exe().ok()?.parent()?.join("hash.txt"))
}
