//! The cache, for pages.

use std::time::Duration;

use app::ports::{AdminAnswer, CacheAdmin};
use model::{
    AdminError, BadName, CacheEntry, CacheStats, ClearPreview, ClearScope, Cleared, Counted, EntryCopy,
    ScopePart, ScopeProblem, Unavailable, Undone, UnixMs,
};
use tidemark_cache::{
    BadScope, BadTag, Cache, ClearError, Inspected, MAX_SCOPE_TEXT, MAX_TAG_BYTES, Preview, Scope,
};

use super::{Console, clears, stats};
use crate::feed::now_ms;

impl CacheAdmin for Console {
    fn stats(&self) -> AdminAnswer<CacheStats> {
        let console = self.clone();
        Box::pin(async move {
            console.session().await?;
            Ok(stats::of(&console.cache).await)
        })
    }

    fn preview_clear(&self, scope: ClearScope) -> AdminAnswer<ClearPreview> {
        let console = self.clone();
        Box::pin(async move {
            console.session().await?;
            let cache = &console.cache;
            let scope = checked(cache, scope)?;
            let preview = cache.preview_clear(&scope).await.map_err(|e| refused(cache, &scope, e))?;
            Ok(shown(preview))
        })
    }

    fn clear(&self, scope: ClearScope) -> AdminAnswer<Cleared> {
        let console = self.clone();
        Box::pin(async move {
            let session = console.session().await?;
            let cache = &console.cache;
            let scope = checked(cache, scope)?;
            let who = (session.user.as_str(), console.caller.address);
            let (cleared, preview) = clears::clear(cache, &console.accounts, who, scope.clone())
                .await
                .map_err(|error| refused(cache, &scope, error))?;
            let undo_until = undo_until(cache, &scope.to_string(), now_ms());
            Ok(Cleared { handle: cleared.seq, undo_until, covered: shown(preview) })
        })
    }

    fn undo(&self, handle: u64) -> AdminAnswer<Undone> {
        let console = self.clone();
        Box::pin(async move {
            let session = console.session().await?;
            let who = (session.user.as_str(), console.caller.address);
            let undone = clears::undo(&console.cache, &console.accounts, who, handle).await;
            let undone = undone.map_err(|error| refused(&console.cache, &Scope::All, error))?;
            let tidemark_cache::Undone { revived, reloaded, still_cleared, gone, complete } = undone;
            Ok(Undone { revived, reloaded, still_cleared, gone, complete })
        })
    }

    fn inspect(&self, key: String) -> AdminAnswer<CacheEntry> {
        let console = self.clone();
        Box::pin(async move {
            console.session().await?;
            let cache = &console.cache;
            full_name(cache, ScopePart::Key, &key)?;
            let (category, text) = key.split_once(':').unwrap_or((&key, ""));
            let found = cache.inspect(category, text).await;
            Ok(CacheEntry {
                memory: found.l1.map(copy),
                redis: found.l2.map(copy),
                redis_key: found.l2_key,
                slot: found.slot,
                lease_ms: found.lease_ms,
                redis_error: found.l2_error,
            })
        })
    }
}

fn known(cache: &Cache) -> Vec<String> {
    cache.lives().into_keys().map(str::to_owned).collect()
}

/// Whether the name begins with a category and a colon.
fn full_name(cache: &Cache, part: ScopePart, name: &str) -> Result<(), AdminError> {
    let known = known(cache);
    if name.split_once(':').is_some_and(|(category, _)| known.iter().any(|name| name == category)) {
        return Ok(());
    }
    Err(AdminError::BadScope { part, problem: ScopeProblem::NoCategory { known } })
}

/// The scope for the cache. One that could only cover nothing is refused: such a clear would look as if it had done
/// something.
fn checked(cache: &Cache, scope: ClearScope) -> Result<Scope, AdminError> {
    Ok(match scope {
        ClearScope::All => Scope::All,
        ClearScope::Category(name) => {
            let known = known(cache);
            if !known.contains(&name) {
                let problem = ScopeProblem::UnknownCategory { known };
                return Err(AdminError::BadScope { part: ScopePart::Category, problem });
            }
            Scope::Category(name)
        }
        ClearScope::Prefix(text) => {
            full_name(cache, ScopePart::Prefix, &text)?;
            Scope::Prefix(text)
        }
        ClearScope::Key(text) => {
            full_name(cache, ScopePart::Key, &text)?;
            Scope::Key(text)
        }
        ClearScope::Tag(text) => Scope::Tag(text),
    })
}

/// Why a clear or an undo was not made.
fn refused(cache: &Cache, scope: &Scope, error: ClearError) -> AdminError {
    match error {
        ClearError::Scope(bad) => {
            let part = match scope {
                Scope::Prefix(_) => ScopePart::Prefix,
                Scope::Tag(_) => ScopePart::Tag,
                Scope::Key(_) => ScopePart::Key,
                Scope::All | Scope::Category(_) => ScopePart::Category,
            };
            let problem = match bad {
                BadScope::Category(_) => ScopeProblem::UnknownCategory { known: known(cache) },
                BadScope::TooLong(_) | BadScope::Tag(BadTag::Length(_)) => {
                    let most = if part == ScopePart::Tag { MAX_TAG_BYTES } else { MAX_SCOPE_TEXT };
                    let most = u32::try_from(most).unwrap_or(u32::MAX);
                    ScopeProblem::NotAllowed { why: BadName::Length { most } }
                }
                BadScope::Tag(BadTag::Characters(_)) => ScopeProblem::NotAllowed { why: BadName::Characters },
            };
            AdminError::BadScope { part, problem }
        }
        ClearError::Unknown(handle) => AdminError::UnknownClear { handle },
        ClearError::Unavailable(error) => {
            tracing::warn!(%error, "the clear log cannot be reached: {error}");
            AdminError::Unavailable { what: Unavailable::ClearLog }
        }
    }
}

/// When the last of what a clear of this time covers has expired, by the lives of the categories that it may cover. `scope`
/// is in the words of the clear log: `category charts`.
pub(super) fn undo_until(cache: &Cache, scope: &str, at: UnixMs) -> UnixMs {
    let named = scope.split_once(' ').filter(|(kind, _)| matches!(*kind, "category" | "prefix" | "key"));
    let named = named.map(|(_, text)| text.split(':').next().unwrap_or(text));
    let lives = cache.lives();
    let life = named.and_then(|name| lives.get(name)).copied();
    let life = life.unwrap_or_else(|| lives.values().copied().max().unwrap_or(Duration::ZERO));
    at.saturating_add(i64::try_from(life.as_millis()).unwrap_or(i64::MAX))
}

fn shown(preview: Preview) -> ClearPreview {
    let Preview {
        l1_entries,
        l1_bytes,
        l2_counted,
        l2_entries,
        l2_bytes,
        l2_entries_error,
        uncertain,
        errors,
        sample,
        ..
    } = preview;
    let (counted, (keys, bytes)) = match l2_counted {
        // The memory is all there is.
        tidemark_cache::Counted::NoRedis => (Counted::NoRedis, (l1_entries, l1_bytes)),
        tidemark_cache::Counted::Unknown => (Counted::Unknown, (0, 0)),
        tidemark_cache::Counted::AtLeast => (Counted::AtLeast, (l2_entries, l2_bytes)),
        tidemark_cache::Counted::Estimate => (Counted::Estimate, (l2_entries, l2_bytes)),
        tidemark_cache::Counted::Exact => (Counted::Exact, (l2_entries, l2_bytes)),
    };
    ClearPreview {
        counted,
        keys,
        bytes,
        keys_error: l2_entries_error,
        memory_keys: l1_entries,
        memory_bytes: l1_bytes,
        uncertain,
        errors,
        sample,
    }
}

fn copy(copy: Inspected) -> EntryCopy {
    EntryCopy {
        kind: copy.kind.to_owned(),
        version: copy.version,
        alive: copy.alive,
        age_ms: copy.age_ms,
        fresh_for_ms: copy.fresh_for_ms,
        stale_for_ms: copy.stale_for_ms,
        load_us: u64::from(copy.cost_us),
        bytes: copy.bytes,
        raw_bytes: copy.raw_bytes,
        tags: copy.tags,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        config::{CachePolicies, Feed},
        market::Market,
    };

    fn cache() -> (Cache, Market) {
        let cache = Cache::builder().build().unwrap();
        let market =
            Market::new(&cache, None, Feed::Simulated, Arc::default(), &CachePolicies::default()).unwrap();
        (cache, market)
    }

    #[tokio::test]
    async fn an_undo_is_worth_while_as_long_as_what_was_cleared_lives() {
        let (cache, _market) = cache();
        let day = 86_400_000;
        for (scope, life) in [
            ("all", day),
            ("tag coin:BTC", day),
            ("category charts", 3_600_000),
            ("prefix charts:BTC/", 3_600_000),
            ("key prices:recorded", 600_000),
        ] {
            assert_eq!(undo_until(&cache, scope, 1_000), 1_000 + life, "{scope}");
        }
    }

    #[tokio::test]
    async fn what_could_cover_nothing_is_refused_by_its_part() {
        let (cache, _market) = cache();
        assert_eq!(checked(&cache, ClearScope::All), Ok(Scope::All));
        for (scope, part) in [
            (ClearScope::Category("chart".to_owned()), ScopePart::Category),
            (ClearScope::Prefix("chart".to_owned()), ScopePart::Prefix),
            (ClearScope::Key("recorded".to_owned()), ScopePart::Key),
        ] {
            let error = checked(&cache, scope).unwrap_err();
            assert!(matches!(error, AdminError::BadScope { part: found, .. } if found == part), "{error}");
        }
        for (scope, part, most) in [
            (ClearScope::Tag("a b".to_owned()), ScopePart::Tag, None),
            (ClearScope::Tag("a".repeat(65)), ScopePart::Tag, Some(64)),
            (ClearScope::Tag("a".repeat(2_000)), ScopePart::Tag, Some(64)),
            (ClearScope::Tag(String::new()), ScopePart::Tag, Some(64)),
            (ClearScope::Prefix(format!("charts:{}", "a".repeat(1_024))), ScopePart::Prefix, Some(1_024)),
        ] {
            let scope = checked(&cache, scope).unwrap();
            let error = refused(&cache, &scope, cache.preview_clear(&scope).await.unwrap_err());
            let why = most.map_or(BadName::Characters, |most| BadName::Length { most });
            let problem = ScopeProblem::NotAllowed { why };
            assert_eq!(error, AdminError::BadScope { part, problem });
        }
    }
}
