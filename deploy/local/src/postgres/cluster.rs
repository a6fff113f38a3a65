//! Makes data folders ("clusters" in PostgreSQL's words): a lasting one by `initdb`, ephemeral ones as copies of a
//! template that is made once for each user and version, since `initdb` costs seconds and a copy a tenth of one.

use std::{
    fs::{self, File},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    account::temporary_base,
    programs::{Programs, run},
};
use crate::{Error, Result, private_dir::private_dir, random_secret, wait_until};

/// Raise it when the way the template is made changes.
const TEMPLATE_FORMAT: u32 = 1;
/// Longest wait for another process that makes the template.
const TEMPLATE_WAIT: Duration = Duration::from_secs(180);

/// Makes the data folder `dir` with superuser `user`, its password, and an empty database. It appears under its name only
/// when it is complete.
pub(crate) fn create(
    programs: &Programs,
    dir: &Path,
    user: &str,
    password: &str,
    database: &str,
    options: &[&str],
) -> Result<()> {
    let unfinished = dir.with_extension("unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(Error::path("remove", &unfinished))?;
    }
    make_dir(programs, &unfinished)?;
    // A file beside the folder, as initdb wants the folder empty; in the environment of no process, on no command line.
    let pwfile = dir.with_extension("password");
    write_for(programs, &pwfile, password)?;
    let made = run(
        programs
            .command("initdb", &unfinished)
            .args(["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"])
            .arg(format!("--username={user}"))
            .arg(format!("--pwfile={}", pwfile.display()))
            .args(options)
            .arg("-D")
            .arg(&unfinished),
        "",
    );
    fs::remove_file(&pwfile).map_err(Error::path("remove", &pwfile))?;
    if let Err(error) = made {
        // What initdb could not finish must not keep a full disk full. The next start would remove it as well.
        drop(fs::remove_dir_all(&unfinished));
        return Err(error);
    }
    // Single-user mode takes SQL from its input, one command a line, and needs neither port nor password.
    let mut single = programs.command("postgres", &unfinished);
    single.args(["--single", "-c", "fsync=off", "-D"]).arg(&unfinished).arg("postgres");
    run(&mut single, &format!("CREATE DATABASE \"{database}\"\n"))?;
    fs::rename(&unfinished, dir).map_err(Error::path("rename", &unfinished))
}

/// Fills the empty folder `dir` with an ephemeral data folder; returns its superuser's password.
pub(crate) fn copy_template(programs: &Programs, dir: &Path, user: &str, database: &str) -> Result<String> {
    let root = private_root(programs)?;
    let name = format!("{}-{TEMPLATE_FORMAT}", programs.version()?);
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(root.join("lock"))
        .map_err(Error::path("open a lock in", &root))?;
    if !wait_until(TEMPLATE_WAIT, || lock.try_lock().is_ok()) {
        return Err(Error::Timeout {
            what: format!("the lock on {}", root.display()),
            after: TEMPLATE_WAIT,
            detail: String::new(),
        });
    }
    let template = root.join(&name);
    if let Some(password) = try_copy(programs, &template, dir)? {
        return Ok(password);
    }
    if template.exists() {
        fs::remove_dir_all(&template).map_err(Error::path("remove", &template))?;
    }
    make_template(programs, &root, &name, user, database)?;
    try_copy(programs, &template, dir)?.ok_or_else(|| Error::Failed {
        what: format!("copying {}", template.display()),
        detail: "files are missing".to_owned(),
    })
}

/// `root/name/{data, password, files}`.
fn make_template(programs: &Programs, root: &Path, name: &str, user: &str, database: &str) -> Result<()> {
    // Outside the root, which the server's user cannot enter, and on the same file system.
    let work = tempfile::Builder::new()
        .prefix("tidemark-initdb-")
        .tempdir_in(temporary_base(programs.account))
        .map_err(Error::io("cannot make a temporary folder"))?;
    if let Some(account) = programs.account {
        account.own(work.path())?;
    }
    let password = random_secret()?;
    let data = work.path().join("data");
    create(programs, &data, user, &password, database, &["--no-sync", "--wal-segsize=1"])?;
    let unfinished = root.join("unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(Error::path("remove", &unfinished))?;
    }
    fs::create_dir(&unfinished).map_err(Error::path("make the folder", &unfinished))?;
    let moved = unfinished.join("data");
    fs::rename(&data, &moved).map_err(Error::path("rename", &data))?;
    fs::write(unfinished.join("password"), &password).map_err(Error::path("write in", &unfinished))?;
    fs::write(unfinished.join("files"), count(&moved)?.to_string())
        .map_err(Error::path("write in", &unfinished))?;
    let done = root.join(name);
    fs::rename(&unfinished, &done).map_err(Error::path("rename", &unfinished))
}

/// Copies a template if it is there and whole: cleaners of temporary folders take old files away one by one.
fn try_copy(programs: &Programs, template: &Path, dir: &Path) -> Result<Option<String>> {
    let data = template.join("data");
    let (Ok(password), Ok(files)) =
        (fs::read_to_string(template.join("password")), fs::read_to_string(template.join("files")))
    else {
        return Ok(None);
    };
    if !data.exists() || files.parse() != Ok(count(&data)?) {
        return Ok(None);
    }
    copy_dir(programs, &data, dir)?;
    Ok(Some(password))
}

fn count(dir: &Path) -> Result<u64> {
    let mut total = 0;
    for entry in fs::read_dir(dir).map_err(Error::path("read", dir))? {
        let entry = entry.map_err(Error::path("read", dir))?;
        total += 1;
        if entry.path().is_dir() {
            total += count(&entry.path())?;
        }
    }
    Ok(total)
}

fn copy_dir(programs: &Programs, from: &Path, to: &Path) -> Result<()> {
    make_dir(programs, to)?;
    for entry in fs::read_dir(from).map_err(Error::path("read", from))? {
        let entry = entry.map_err(Error::path("read", from))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy_dir(programs, &source, &target)?;
        } else {
            fs::copy(&source, &target).map_err(Error::path("copy", &source))?;
            if let Some(account) = programs.account {
                account.own(&target)?;
            }
        }
    }
    Ok(())
}

/// Makes a folder that only the server's user may enter.
fn make_dir(programs: &Programs, dir: &Path) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(Error::path("make the folder", dir))?;
    match programs.account {
        Some(account) => account.own(dir),
        None => Ok(()),
    }
}

/// Writes a file that only the server's user may read.
fn write_for(programs: &Programs, path: &Path, text: &str) -> Result<()> {
    if path.exists() {
        fs::remove_file(path).map_err(Error::path("remove", path))?;
    }
    File::options()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(Error::path("write", path))?;
    match programs.account {
        Some(account) => account.own(path),
        None => Ok(()),
    }
}

/// The folder of templates: ours alone, as temporary folders are open to every user.
fn private_root(programs: &Programs) -> Result<PathBuf> {
    let uid = rustix::process::geteuid().as_raw();
    let root = temporary_base(programs.account).join(format!("tidemark-postgres-{uid}"));
    private_dir(&root)?;
    Ok(root)
}
