//! `cargo deploy up`: from a fresh checkout to a served page.

use std::{
    fs::File,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use super::{
    asked, build,
    foreground::{self, NotedSupervisor},
};
use crate::{
    admin_password, admin_token,
    cli::{KeptRelease, UpArgs},
    file_lock,
    layout::Layout,
    moved,
    parts::{self, Part},
    preflight, probe,
    problem::{Problem, Result},
    recover,
    release::{self, Release},
    run, sample, say,
    state::State,
    stop,
    tools::{Consent, Need, ensure},
};

/// Longest wait for another verb to end.
const LOCK: Duration = Duration::from_secs(2);
/// Address to serve on unless told otherwise.
const ADDR: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 3000);

/// Brings everything up. In the foreground it returns after Ctrl-C, with all stopped. What runs already is taken as it is, also
/// when an `up` was killed before it could note it.
///
/// # Errors
/// When a step fails; the parts that were started by then are stopped again unless they ran before.
pub fn run(layout: &Layout, args: &UpArgs) -> Result<u8> {
    layout.make()?;
    let lock = lock(layout)?;
    let mut state = State::load(layout)?;
    moved::settle(layout, &mut state)?;
    asked::choose_redis(&mut state, args)?;
    asked::require_same_server(&state, args)?;
    asked::require_same_release(layout, &state, args)?;
    asked::require_same_token(&state, admin_token::named(layout)?.as_deref())?;
    let supervisor = NotedSupervisor::of(&state);
    if state.running_parts() == state.parts() {
        say::done(
            "Tidemark runs already; a checkout that changed is served after `cargo deploy down` and `up`",
        );
        state.save(layout)?;
        // The `up` that started it may have been killed before it came to that.
        let password = admin_password::first(layout, &state);
        tell(layout, &state, password.as_deref());
        return match supervisor {
            NotedSupervisor::Gone if !args.detach => {
                say::note("the `up` that looked after it is gone; this one does so now");
                foreground::look_after(layout, state, lock)
            }
            NotedSupervisor::Lives(_) => Ok(0),
            NotedSupervisor::Gone | NotedSupervisor::None => foreground::leave(layout, state),
        };
    }
    // Before the long steps rather than after them.
    let mut chosen = args.release.map(|which| release::kept(layout, which)).transpose()?;
    preflight::check(layout, &state)?;
    recover::end_steps(layout);
    let runs = state.process(Part::Server).is_some();
    if !runs {
        parts::require_free(args.addr.unwrap_or(ADDR))?;
        state.admin_token_file = Some(admin_token::file(layout)?);
    }
    if state.cluster.is_some() {
        parts::require_cluster_ports(&state)?;
    }
    let consent = if args.yes { Consent::Given } else { Consent::Ask };
    // A server that runs is not replaced, so that there is nothing to build: it needs Redis or Postgres back, and soon.
    let serves_kept = args.release.is_some();
    let builds = !args.no_build && !serves_kept && !runs;
    let (needed, welcome): (&[Need], &[Need]) =
        if builds { (&[Need::Run, Need::Build], &[Need::Recommended]) } else { (&[Need::Run], &[]) };
    ensure(layout, needed, welcome, consent)?;
    if builds {
        preflight::note_room_to_build(layout);
        chosen = Some(build::release(layout)?);
    } else if runs && !args.no_build && !serves_kept {
        say::note(
            "the server that runs stays: a checkout that changed is built and served after `down` and `up`",
        );
    }
    let before = state.running_parts();
    let started = start(layout, &mut state, args, chosen);
    if let Err(problem) = started {
        // What did not come so far as to be noted.
        recover::adopt(layout, &mut state);
        stop_started(&mut state, &before);
        // What is noted of processes that are gone is known for stale by the next verb.
        drop(state.save(layout));
        return Err(problem);
    }
    // A build that is at work removes them at its end.
    if let Ok(lock) = release::lock(layout) {
        release::remove_old(layout, &lock);
    }
    let password = admin_password::first(layout, &state);
    tell(layout, &state, password.as_deref());
    if let NotedSupervisor::Lives(pid) = supervisor {
        say::line(&format!(
            "The `up` in the foreground (process {pid}) looks after it; `cargo deploy down` stops it all."
        ));
        return Ok(0);
    }
    if args.detach {
        say::line("It runs in the background: `cargo deploy status`, `logs`, `down`.");
        return foreground::leave(layout, state);
    }
    foreground::look_after(layout, state, lock)
}

/// Stops what did not run before, after a start that failed.
fn stop_started(state: &mut State, before: &[Part]) {
    for part in state.parts().into_iter().rev().filter(|part| !before.contains(part)) {
        // An interrupted recovery starts again from the beginning.
        if part.is_loading(state) && !stop::asked() {
            let name = part.name();
            say::note(&format!("{name} goes on reading its data: `up` again waits for it, `down` ends it"));
            continue;
        }
        // The first problem is the one to tell; this one would only follow from it, as on a full disk.
        if let Err(second) = part.stop(state) {
            say::aside(&second.to_string());
        }
    }
}

/// Only one verb that starts or stops parts works at a time.
///
/// # Errors
/// When another one is at it.
pub fn lock(layout: &Layout) -> Result<File> {
    lock_within(layout, LOCK)
}

/// As [`lock`], with this longest wait for another verb to end.
///
/// # Errors
/// As [`lock`].
pub fn lock_within(layout: &Layout, bound: Duration) -> Result<File> {
    // One that is just ending, or begins to look after what it started, lets go of it in a moment.
    file_lock::lock_within(
        &layout.kept().join("lock"),
        bound,
        "another `cargo deploy` is at work in this checkout: wait for it or stop it",
    )
}

fn start(layout: &Layout, state: &mut State, args: &UpArgs, chosen: Option<Release>) -> Result<()> {
    let release = match chosen {
        Some(chosen) => chosen,
        None => to_serve(layout, state)?,
    };
    let binary = release.binary();
    // So that whoever comes after a crash knows the kind of Redis and the ports.
    state.save(layout)?;
    start_redis(layout, state)?;
    stop::check()?;
    parts::start_postgres(layout, state)?;
    let server = |state: &State, args: &[&str]| -> Result<std::process::Command> {
        let mut command = parts::step_command(layout, state, &binary)?;
        command.args(args);
        Ok(command)
    };
    let mut migrate = server(state, &["migrate"])?;
    let migrated = say::step("bring the database's tables up to date", || {
        run::step_to_end(&mut migrate, "bringing the database's tables up to date")
    });
    migrated.map_err(|problem| match (args.release, problem) {
        (Some(KeptRelease::Previous), Problem::Said(why)) => Problem::said(format!(
            "{why}. The previous release is not served; `cargo deploy up --release current` serves the current one"
        )),
        (_, problem) => problem,
    })?;
    let files = sample::files(layout)?;
    let print = sample::fingerprint(&files)?;
    if state.imported.as_ref() == Some(&print) {
        say::done("the sample is in the database already");
    } else {
        let mut import = server(state, &["import"])?;
        import.args(&files);
        say::step(format!("import the sample ({} files)", files.len()), || {
            run::step_to_end(&mut import, "importing the sample")
        })?;
        state.imported = Some(print);
        state.save(layout)?;
    }
    parts::start_server(layout, state, args.addr.unwrap_or(ADDR), args.feed, &release)
}

/// The release that runs. Otherwise the one that was built to be the next; without one, what is in Cargo's output folder.
fn to_serve(layout: &Layout, state: &State) -> Result<Release> {
    let runs = state.process(Part::Server).is_some();
    let noted = if runs { release::current(layout) } else { release::next(layout) };
    match noted {
        Some(release) => Ok(release),
        None => release::take_or_current(layout, "run without --no-build"),
    }
}

fn start_redis(layout: &Layout, state: &mut State) -> Result<()> {
    if state.cluster.is_some() {
        parts::start_cluster(layout, state)
    } else {
        parts::start_redis(layout, state)
    }
}

/// Says where to look; the operator's password if it was made just now.
fn tell(layout: &Layout, state: &State, password: Option<&str>) {
    if let Some(addr) = state.addr.map(probe::reachable) {
        say::line("");
        say::line(&format!("  Tidemark   http://{addr}/"));
        say::line(&format!("  API        http://{addr}/api/latest_prices"));
        say::line(&admin_password::line(addr, password));
        if let Some(release) = release::current(layout) {
            say::line(&format!("  Release    {}", release.name()));
        }
        if let Some(cluster) = &state.cluster {
            say::line(&format!("  Redis      {} (`cargo deploy cluster nodes`)", cluster.url()));
        }
        if let Some(token) = &state.admin_token_file {
            say::line(&format!(
                "  Cache      `cargo deploy cache stats`; the admin API's token is in {}",
                token.display()
            ));
        }
        say::line(&format!("  Logs       {}", layout.logs().display()));
        say::line("");
    }
}

/// Stops all parts, the server first.
///
/// # Errors
/// When one cannot be stopped; the others are stopped all the same.
pub fn stop_all(layout: &Layout, state: &mut State) -> Result<()> {
    let mut first = Ok(());
    for part in state.parts().into_iter().rev() {
        match part.stop(state) {
            Ok(true) => say::done(&format!("{} stopped", part.name())),
            Ok(false) => {}
            Err(problem) => first = first.and(Err(problem)),
        }
    }
    state.supervisor = None;
    // All is stopped, and the next verb knows what is noted for stale: a full disk is no reason to fail.
    if let Err(problem) = state.save(layout) {
        say::aside(&problem.to_string());
    }
    first
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpListener,
        process::Command,
        thread,
    };

    use local_servers::Process;

    use super::*;
    use crate::running::Running;

    #[test]
    fn a_start_that_fails_stops_what_it_started_but_nothing_that_loads() {
        let sleep = || Process::spawn(Command::new("sleep").arg("600")).unwrap();
        let (mut redis, mut postgres) = (sleep(), sleep());
        // A Redis that reads its data, as far as it is asked.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut state = State::default();
        state.redis_port = Some(listener.local_addr().unwrap().port());
        let loads = thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            assert!(client.read(&mut [0; 1024]).unwrap() > 0);
            client.write_all(b"-LOADING Redis is loading the dataset in memory\r\n").unwrap();
        });
        state.redis = Running::note(redis.pid());
        state.postgres = Running::note(postgres.pid());
        stop_started(&mut state, &[Part::Postgres]);
        loads.join().unwrap();
        assert!(redis.is_alive(), "it loads");
        assert!(postgres.is_alive(), "it ran before");
        // It does not load any more.
        stop_started(&mut state, &[]);
        assert!(!redis.is_alive() && !postgres.is_alive());
        assert_eq!((state.redis, state.postgres), (None, None));
    }
}
