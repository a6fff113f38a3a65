//! The built pages.

use std::path::Path;

use tokio::fs;

use super::finding::Finding;
use crate::config::site_options;

const NAME: &str = "site";

/// Whether the site's folder has a program for browsers.
pub(super) async fn check() -> Vec<Finding> {
    // A setting that cannot be read has a line of its own.
    let Ok(options) = site_options() else { return Vec::new() };
    let package = Path::new(options.site_root.as_ref()).join(options.site_pkg_dir.as_ref());
    let shown = package.display();
    let fix = "run `cargo deploy build`, or set LEPTOS_SITE_ROOT to the folder that it made";
    let mut entries = match fs::read_dir(&package).await {
        Ok(entries) => entries,
        Err(error) => {
            let detail = format!("{shown}: {error}; pages come without style and without live figures");
            return vec![Finding::warn(NAME, detail, fix)];
        }
    };
    let (mut files, mut found) = (0_u32, [false; 3]);
    while let Ok(Some(entry)) = entries.next_entry().await {
        files += 1;
        let name = entry.file_name().to_string_lossy().into_owned();
        for (found, end) in found.iter_mut().zip([".wasm", ".js", ".css"]) {
            *found |= name.ends_with(end);
        }
    }
    vec![if found == [true; 3] {
        Finding::ok(NAME, format!("{files} files in {shown}"))
    } else {
        Finding::warn(NAME, format!("{shown} lacks the program or the style of the pages"), fix)
    }]
}
