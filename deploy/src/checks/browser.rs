//! The browser tests of `end2end`, against the release binary on servers of its own.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    process::Stdio,
    time::Duration,
};

use local_servers::{PostgresServer, Process, RedisServer, Signal, free_port, wait_until};

use crate::{
    admin_password,
    layout::Layout,
    parts::serve_settings,
    probe,
    problem::{Problem, Result},
    run, sample, say, stop, tools,
};

/// Longest wait for the server's first good answer.
const READY: Duration = Duration::from_secs(60);
/// Longest wait for its end.
const END: Duration = Duration::from_secs(30);

/// Starts Redis, Postgres and the server, and runs `npm test` with `BASE_URL` and `CHROMIUM_PATH` set.
///
/// # Errors
/// When a part does not start or a test fails.
pub fn check(layout: &Layout) -> Result<()> {
    let binary = layout.server_binary();
    if !binary.is_file() {
        return Err(Problem::said(format!("{} is not there: the check `build` makes it", binary.display())));
    }
    let end2end = layout.root().join("end2end");
    let npm = |args: &[&str]| {
        let mut command = run::command(layout, "npm");
        command.args(args).current_dir(&end2end);
        command
    };
    say::step("install the browser tests' packages", || {
        // The browser is the system's: none is to be fetched.
        run::to_end(npm(&["ci", "--no-fund", "--no-audit"]).env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1"))
    })?;
    let redis = RedisServer::ephemeral()?;
    let postgres = PostgresServer::ephemeral()?;
    let server = |args: &[&str]| {
        let mut command = run::command(layout, &binary.to_string_lossy());
        command
            .args(args)
            .env("DATABASE_URL", postgres.url())
            .env("REDIS_URL", redis.url())
            .env("TIDEMARK_FEED", "none");
        command
    };
    say::step("fill a database with the sample", || {
        run::to_end(&mut server(&["migrate"]))?;
        run::to_end(server(&["import"]).args(sample::files(layout)?))
    })?;
    let addr = SocketAddr::from(([127, 0, 0, 1], free_port()?));
    let log = layout.logs().join("browser-check-server.log");
    let what = || format!("cannot write {}", log.display());
    let out = File::create(&log).map_err(Problem::io(what()))?;
    let err = out.try_clone().map_err(Problem::io(what()))?;
    let password = layout.logs().join("browser-check-password");
    write_password(&password)?;
    let mut serve = server(&["serve"]);
    serve_settings(&mut serve, &layout.site(), addr);
    // The tests guess passwords from addresses of their own, which they name as a proxy does.
    serve.env(admin_password::SETTING, &password).env("TIDEMARK_TRUSTED_PROXIES", "127.0.0.1");
    let mut process = Process::spawn(serve.stdin(Stdio::null()).stdout(out).stderr(err))?;
    let ready = wait_until(READY, || {
        stop::asked() || !process.is_alive() || matches!(probe::get(addr, "/healthz"), Some((200, _)))
    });
    let tested = if ready && process.is_alive() {
        let mut test = npm(&["test"]);
        test.env("BASE_URL", format!("http://{addr}"));
        test.env("REDIS_URL", redis.url()).env(admin_password::SETTING, &password);
        if let Some(path) = tools::chromium() {
            test.env("CHROMIUM_PATH", path);
        }
        run::to_end(&mut test)
    } else {
        stop::check().and_then(|()| Err(Problem::said("the server did not come up")))
    };
    let ended = process.end(Signal::TERM, END);
    let tested = match tested {
        Err(Problem::Said(why)) => {
            Err(Problem::said(format!("{why}; the server's log is {}", log.display())))
        }
        other => other,
    };
    tested.and(ended.map(drop).map_err(Problem::from))
}

/// Writes the operator's password for this check's own database, for nobody else to read.
fn write_password(path: &Path) -> Result<()> {
    let what = || format!("cannot write {}", path.display());
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(b"the check's own password\n")).map_err(Problem::io(what()))
}
