//! What a clear is to cover.

use serde_json::{Value, json};
use tidemark_cache::Scope;

use super::CATEGORIES;

/// Exactly one of these.
#[derive(clap::Args, Clone)]
#[group(required = true, multiple = false)]
pub(super) struct Target {
    /// Everything
    #[arg(long)]
    all: bool,
    /// One category: directory, prices or charts
    #[arg(long, value_parser = CATEGORIES)]
    category: Option<String>,
    /// Entries whose name begins so: charts:BTC/
    #[arg(long, value_parser = full_name)]
    prefix: Option<String>,
    /// Entries that carry this tag: coin:BTC
    #[arg(long)]
    tag: Option<String>,
    /// The entry of this name: prices:recorded
    #[arg(long, value_parser = full_name)]
    key: Option<String>,
}

/// Checks `category:rest`.
pub(super) fn full_name(text: &str) -> Result<String, String> {
    match text.split_once(':') {
        Some((category, _)) if CATEGORIES.contains(&category) => Ok(text.to_owned()),
        _ => Err("does not begin with directory:, prices: or charts:".to_owned()),
    }
}

impl Target {
    pub(super) fn is_all(&self) -> bool {
        self.all
    }

    /// For the cache itself.
    pub(super) fn scope(&self) -> Scope {
        let Self { category, prefix, tag, key, .. } = self.clone();
        let named = category.map(Scope::Category).or(prefix.map(Scope::Prefix));
        named.or(tag.map(Scope::Tag)).or(key.map(Scope::Key)).unwrap_or(Scope::All)
    }

    /// For the API.
    pub(super) fn body(&self) -> Value {
        match self.scope() {
            Scope::All => json!({ "all": true }),
            Scope::Category(text) => json!({ "category": text }),
            Scope::Prefix(text) => json!({ "prefix": text }),
            Scope::Tag(text) => json!({ "tag": text }),
            Scope::Key(text) => json!({ "key": text }),
        }
    }
}
