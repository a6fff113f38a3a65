//! Why a part did not start, in one line: what its log says, and what to do.

use std::{
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::Path,
};

use local_servers::Error;

use crate::{layout::Layout, parts::Part, preflight::quoted, problem::Problem, stop};

/// No more than this much of a log is looked at, in bytes.
const LOOK: u64 = 64 << 10;

/// What a log says, and what that means to an operator. `{data}` stands for the part's data
/// folder, `{quoted}` for the same in a shell's line.
type Known = (&'static [&'static str], &'static str);

const DISK_FULL: Known = (
    &["No space left on device", "Disk quota exceeded"],
    "the disk is full: free some space (`df -h`, `df -i`), then `up` again",
);
const READ_ONLY: Known =
    (&["Read-only file system"], "{data} is on a read-only file system: mount it writable, then `up` again");
const NO_MEMORY: Known = (
    &["Cannot allocate memory", "out of memory", "Out of memory", "Out Of Memory"],
    "there is not enough memory: stop something else, or raise the limit (`free -m`, `ulimit -v`), then `up` again",
);
const TAKEN: Known =
    (&["Address already in use"], "somebody took its port at the same moment: `up` again looks for another");

/// Of Redis. See `aof.c`, `rdb.c` and `server.c` of its source.
const REDIS: [Known; 5] = [
    (
        &[
            "Bad file format reading the append only file",
            "Unexpected end of file reading the append only file",
        ],
        "its append-only file is damaged: `redis-check-aof --fix {aof}` cuts it off there, or `cargo deploy reset \
         --cache` begins with an empty cache (Postgres has all that counts)",
    ),
    (
        &["Can't handle RDB format version"],
        "its data was written by a newer Redis: install that version, or `cargo deploy reset --cache` begins with an \
         empty cache",
    ),
    (
        &[
            "Wrong signature trying to load DB",
            "Short read or OOM loading DB",
            "Internal error in RDB reading",
            "RDB file was saved with checksum",
            "Wrong RDB checksum",
            "Invalid object type",
            "Terminating server after rdb file reading failure",
            "Error reading the RDB preamble",
        ],
        "its snapshot is damaged: `cargo deploy reset --cache` begins with an empty cache (Postgres has all that counts)",
    ),
    (
        &["The AOF manifest file", "Invalid AOF manifest file", "file doesn't exist", "AOF file is missing"],
        "files of its append-only log are missing or do not fit: `cargo deploy reset --cache` begins with an empty cache \
         (Postgres has all that counts)",
    ),
    (&["Permission denied"], "it may not write in {data}: see who owns what is there (`ls -la`)"),
];

/// Of PostgreSQL.
const POSTGRES: [Known; 5] = [
    (
        &["database files are incompatible with server"],
        "{data} was made by another version of PostgreSQL: install that one, or move the folder away to begin anew",
    ),
    (
        &["could not locate a valid checkpoint record", "invalid primary checkpoint record", "PANIC:"],
        "its data is damaged: restore a backup, or `cargo deploy reset` begins anew with the sample. Do not use \
         pg_resetwal, which leaves the damage in",
    ),
    (
        &["has wrong ownership"],
        "{data} belongs to another user than PostgreSQL's: give it back with `chown -R`",
    ),
    (&["has invalid permissions"], "others may enter {data}, which PostgreSQL refuses: `chmod 700 {quoted}`"),
    (
        &["is another postmaster", "Is another postmaster", "is still in use"],
        "a PostgreSQL that this tool did not start runs on {data}: stop that one first",
    ),
];

/// The length of a part's log, so that only what comes after it is looked at.
pub fn end_of_log(log: &Path) -> u64 {
    std::fs::metadata(log).map_or(0, |meta| meta.len())
}

/// Why it did not start, out of the error and of what came into its log past `from`.
pub fn not_started(layout: &Layout, part: Part, data: &Path, from: u64, error: &Error) -> Problem {
    if stop::asked() {
        return Problem::Interrupted;
    }
    let detail = error.to_string();
    let brief = match error {
        Error::Missing { .. } | Error::Io { .. } => None,
        Error::Timeout { what, after, .. } => Some(format!("no {what} within {} s", after.as_secs())),
        Error::Failed { detail, .. } => Some(detail.lines().next().unwrap_or_default().trim().to_owned()),
        _ => Some(one_line(&detail)),
    };
    explained(layout, part, data, from, &detail, brief)
}

/// Why a part ended soon after its start, out of what came into its log past `from`.
pub fn ended(layout: &Layout, part: Part, data: &Path, from: u64) -> Problem {
    explained(layout, part, data, from, "", Some("it ended".to_owned()))
}

/// As known of such a log or `detail`; otherwise `brief` with the log's last line, or `detail` where the log cannot tell more.
fn explained(
    layout: &Layout,
    part: Part,
    data: &Path,
    from: u64,
    detail: &str,
    brief: Option<String>,
) -> Problem {
    let log = part.log(layout);
    let logged = read_from(&log, from);
    let name = part.name();
    if let Some(what) = known(part, &format!("{logged}\n{detail}"), data) {
        return Problem::said(format!("{name} does not start: {what}"));
    }
    Problem::said(match brief {
        Some(brief) => {
            format!("{name} does not start ({brief}){}; see {}", last_line_of(&logged), log.display())
        }
        None => format!("{name} does not start: {}", one_line(detail)),
    })
}

/// The line for what is known.
fn known(part: Part, logged: &str, data: &Path) -> Option<String> {
    let own: &[Known] = match part {
        Part::Redis | Part::Node(_) => &REDIS,
        Part::Postgres => &POSTGRES,
        Part::Server => &[],
    };
    // What the machine lacks comes first: the rest may follow from it.
    let all = [DISK_FULL, READ_ONLY, NO_MEMORY, TAKEN].into_iter().chain(own.iter().copied());
    let (_, text) = all.into_iter().find(|(signs, _)| signs.iter().any(|sign| logged.contains(sign)))?;
    let text = text.replace("{aof}", &manifest(data)).replace("{quoted}", &quoted(data));
    Some(text.replace("{data}", &data.display().to_string()))
}

/// What `redis-check-aof` is to be given: since Redis 7 the list of the log's files, before it the one file.
fn manifest(data: &Path) -> String {
    let list = data.join("appendonlydir/appendonly.aof.manifest");
    let file = if list.exists() { list } else { data.join("appendonly.aof") };
    quoted(&file)
}

/// `: ` and the last line that says something, or nothing.
pub fn last_line_of(logged: &str) -> String {
    let last = logged.lines().rev().find(|line| !line.trim().is_empty());
    last.map(|line| format!(": {}", line.trim())).unwrap_or_default()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a log holds past `from`, or its last part.
pub fn read_from(log: &Path, from: u64) -> String {
    let mut bytes = Vec::new();
    if let Ok(mut file) = File::open(log) {
        let size = file.metadata().map_or(0, |meta| meta.len());
        let from = if from > size { 0 } else { from };
        // What cannot be read is missing from a message, no more.
        drop(file.seek(SeekFrom::Start(from.max(size.saturating_sub(LOOK)))));
        drop(file.take(LOOK).read_to_end(&mut bytes));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_of_real_servers_are_understood() {
        let data = Path::new("/d");
        let cases = [
            (
                Part::Postgres,
                "FATAL:  could not map anonymous shared memory: Cannot allocate memory\nHINT:  This error usually means",
                "not enough memory",
            ),
            (Part::Postgres, "FATAL:  data directory \"/d\" has invalid permissions", "chmod 700 /d"),
            (Part::Postgres, "PANIC:  could not locate a valid checkpoint record", "Do not use pg_resetwal"),
            (
                Part::Redis,
                "# Bad file format reading the append only file appendonly.aof.1.incr.aof: make a backup of your AOF file",
                "redis-check-aof --fix /d/appendonly.aof`",
            ),
            (Part::Node(2), "# Can't handle RDB format version 99", "a newer Redis"),
            (Part::Redis, "Fatal error: can't open … No space left on device", "the disk is full"),
        ];
        for (part, logged, wanted) in cases {
            let line = known(part, logged, data).unwrap();
            assert!(line.contains(wanted) && !line.contains('\n'), "{line}");
        }
        assert_eq!(known(Part::Redis, "Ready to accept connections", data), None);
    }

    #[test]
    fn an_unknown_reason_is_the_logs_last_line() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::at(dir.path().to_owned());
        layout.make().unwrap();
        let log = Part::Redis.log(&layout);
        std::fs::write(&log, "of an earlier start: No space left on device\n").unwrap();
        let from = end_of_log(&log);
        std::fs::write(&log, "of an earlier start: No space left on device\nGuru Meditation\n\n").unwrap();
        let error = Error::Failed { what: "redis".to_owned(), detail: "exit status: 3\n  x".to_owned() };
        let line = not_started(&layout, Part::Redis, dir.path(), from, &error).to_string();
        assert!(line.starts_with("redis does not start (exit status: 3): Guru Meditation; see "), "{line}");
    }
}
