//! `tidemark check`: tests each setting and connection, and says what is wrong and what to do.

mod admin;
mod clock;
mod files;
mod finding;
mod postgres;
mod redis;
mod settings;
mod site;

use std::{future::Future, io::Write, process::ExitCode, time::Duration};

use clap::Args as ClapArgs;
use tokio::time::{Instant, timeout};

use self::finding::{Finding, State};

/// Longest time of each check.
const WITHIN: Duration = Duration::from_secs(5);

/// How to tell it.
#[derive(ClapArgs)]
pub(super) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Checks all at once. Exit code 1 if something fails; warnings do not count.
pub(super) async fn run(args: Args) -> ExitCode {
    let begun = Instant::now();
    let (mut findings, settings) = settings::check();
    let (postgres, redis, site, admin) = tokio::join!(
        within("Postgres", postgres::check(settings.database_url.as_ref())),
        within("Redis", redis::check(settings.redis.as_ref())),
        within("site", site::check()),
        within("admin token", admin::check()),
    );
    findings.extend(postgres);
    findings.extend(redis);
    findings.push(files::check());
    findings.extend(site);
    findings.extend(admin);
    findings.push(settings::served(&settings));
    let failed = findings.iter().any(|finding| finding.state == State::Fail);
    let text = if args.json {
        let document = serde_json::json!({
            "ok": !failed,
            "took_ms": finding::millis(begun.elapsed()),
            "checks": findings,
        });
        format!("{document:#}\n")
    } else {
        finding::lines(&findings)
    };
    // A reader that went away, such as `head`, is no error.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// What a check found, if it ends in time.
async fn within(name: &str, check: impl Future<Output = Vec<Finding>>) -> Vec<Finding> {
    timeout(WITHIN, check).await.unwrap_or_else(|_| {
        let detail = format!("no answer within {} s", WITHIN.as_secs());
        vec![
            Finding::fail(name, detail, "see whether it runs, and whether a firewall is in between")
                .took(WITHIN),
        ]
    })
}
