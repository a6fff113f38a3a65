//! The scope of a clear, as callers write it.

use serde::Deserialize;
use tidemark_cache::{Cache, Scope};

use crate::http::problem::Problem;

/// Exactly one of these.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScopeBody {
    all: Option<bool>,
    category: Option<String>,
    prefix: Option<String>,
    tag: Option<String>,
    key: Option<String>,
}

/// Names of the categories.
pub(super) fn categories(cache: &Cache) -> Vec<&'static str> {
    cache.stats().categories.into_keys().collect()
}

/// Splits `category:text` and checks the category.
pub(super) fn full_name<'n>(
    parameter: &str,
    name: &'n str,
    categories: &[&str],
) -> Result<(&'n str, &'n str), Problem> {
    match name.split_once(':') {
        Some((category, text)) if categories.contains(&category) => Ok((category, text)),
        _ => {
            let forms: Vec<String> = categories.iter().map(|c| format!("{c}:")).collect();
            let shown: String = name.chars().take(80).collect();
            let reason = format!("{shown:?} does not begin with {}", forms.join(", "));
            Err(Problem::about(parameter, reason))
        }
    }
}

impl ScopeBody {
    /// The scope. A category that does not exist is refused: such a clear would do nothing and look as if it had.
    ///
    /// # Errors
    /// Names what is off.
    pub(super) fn check(self, categories: &[&str]) -> Result<Scope, Problem> {
        let Self { all, category, prefix, tag, key } = self;
        if all == Some(false) {
            return Err(Problem::about("scope.all", "can only be true"));
        }
        let mut named: Vec<Scope> = [
            all.map(|_| Scope::All),
            category.map(Scope::Category),
            prefix.map(Scope::Prefix),
            tag.map(Scope::Tag),
            key.map(Scope::Key),
        ]
        .into_iter()
        .flatten()
        .collect();
        let (Some(scope), None) = (named.pop(), named.pop()) else {
            return Err(Problem::about("scope", "must be one of all, category, prefix, tag and key"));
        };
        match &scope {
            Scope::Category(name) if !categories.contains(&name.as_str()) => {
                let shown: String = name.chars().take(80).collect();
                let reason = format!("{shown:?} is none of {}", categories.join(", "));
                return Err(Problem::about("scope.category", reason));
            }
            Scope::Prefix(text) => {
                full_name("scope.prefix", text, categories)?;
            }
            Scope::Key(text) => {
                full_name("scope.key", text, categories)?;
            }
            _ => {}
        }
        Ok(scope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Scope, String> {
        let body: ScopeBody = serde_json::from_str(json).map_err(|e| e.to_string())?;
        body.check(&["charts", "prices"]).map_err(|problem| format!("{problem:?}"))
    }

    #[test]
    fn one_scope_is_read() {
        for (json, scope) in [
            (r#"{"all":true}"#, Scope::All),
            (r#"{"category":"prices"}"#, Scope::Category("prices".into())),
            (r#"{"prefix":"charts:BTC/"}"#, Scope::Prefix("charts:BTC/".into())),
            (r#"{"tag":"coin:BTC"}"#, Scope::Tag("coin:BTC".into())),
            (r#"{"key":"prices:recorded"}"#, Scope::Key("prices:recorded".into())),
        ] {
            assert_eq!(read(json), Ok(scope), "{json}");
        }
    }

    #[test]
    fn what_is_off_is_named() {
        for (json, named) in [
            ("{}", "one of all"),
            (r#"{"all":false}"#, "scope.all"),
            (r#"{"all":true,"tag":"x"}"#, "one of all"),
            (r#"{"category":"price"}"#, "scope.category"),
            (r#"{"prefix":""}"#, "scope.prefix"),
            (r#"{"prefix":"chart"}"#, "scope.prefix"),
            (r#"{"key":"recorded"}"#, "scope.key"),
            (r#"{"everything":true}"#, "everything"),
            (r#"{"all":1}"#, "expected a boolean"),
        ] {
            let error = read(json).unwrap_err();
            assert!(error.contains(named), "{json}: {error}");
        }
    }
}
