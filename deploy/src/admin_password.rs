//! The operator's password: the first `up` makes one, has the binary store its hash, and prints it once.

use std::{path::PathBuf, process::Command, time::Duration};

use local_servers::{output_within, random_hex};

use crate::{
    admin_token,
    layout::Layout,
    parts,
    problem::{Problem, Result},
    release, say,
    state::State,
};

/// The server's setting that names a file with the password.
pub const SETTING: &str = "TIDEMARK_ADMIN_PASSWORD_FILE";
/// Letters and digits that nobody takes for one another.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Characters of a group, and groups: 25 characters, 125 bits.
const GROUP: usize = 5;
const GROUPS: usize = 5;

/// The file that the operator names, in the environment or in the `.env`.
///
/// # Errors
/// The value is not UTF-8, or the `.env` cannot be read.
pub fn named(layout: &Layout) -> Result<Option<PathBuf>> {
    admin_token::named_by(SETTING, layout)
}

/// The password, if one was made: the account had none, and no file with one is named. It is told to nobody else and kept
/// nowhere in clear.
pub fn first(layout: &Layout, state: &State) -> Option<String> {
    match make(layout, state) {
        Ok(made) => made,
        Err(problem) => {
            // It serves all the same.
            say::note(&format!(
                "no password was set for /admin: {problem}; `cargo deploy admin password` sets one"
            ));
            None
        }
    }
}

fn make(layout: &Layout, state: &State) -> Result<Option<String>> {
    if named(layout)?.is_some() {
        return Ok(None);
    }
    let password = random()?;
    let mut command = parts::step_command(layout, state, &release::binary(layout))?;
    let said = tell(command.args(["admin", "password", "--if-none"]), &password)?;
    // It says so, too, where there was one.
    Ok(said.contains("is set").then_some(password))
}

/// Longest run of it: a hash, and a word with the database.
const BOUND: Duration = Duration::from_secs(60);

/// Runs a command with the password on standard input, where no list of processes shows it; what it says.
fn tell(command: &mut Command, password: &str) -> Result<String> {
    let what = "`tidemark admin password`";
    let output = output_within(command, &format!("{password}\n"), BOUND)?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned();
        return Err(Problem::said(format!("{what} failed: {why}")));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Groups of letters and digits: `k3vtm-…`.
fn random() -> Result<String> {
    let hex = random_hex(GROUP * GROUPS)?;
    let digits: Vec<u8> =
        hex.bytes().map(|digit| if digit <= b'9' { digit - b'0' } else { digit - b'a' + 10 }).collect();
    let letters: Vec<char> = digits
        .chunks(2)
        .map(|byte| usize::from(byte[0]) << 4 | usize::from(byte[1]))
        .map(|byte| char::from(ALPHABET[byte % ALPHABET.len()]))
        .collect();
    Ok(letters.chunks(GROUP).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-"))
}

/// The line that says where the operator signs in.
pub fn line(addr: std::net::SocketAddr, made: Option<&str>) -> String {
    let change = "`cargo deploy admin password` changes";
    match made {
        Some(password) => {
            format!(
                "  Admin      http://{addr}/admin  user admin, password {password} (shown once; {change} it)"
            )
        }
        None => format!("  Admin      http://{addr}/admin  user admin ({change} the password)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_readable_and_differ() {
        let (one, two) = (random().unwrap(), random().unwrap());
        assert_ne!(one, two);
        let groups: Vec<&str> = one.split('-').collect();
        assert_eq!(groups.len(), GROUPS);
        assert!(groups.iter().all(|g| g.len() == GROUP && g.bytes().all(|b| ALPHABET.contains(&b))), "{one}");
    }

    #[test]
    fn the_password_goes_by_standard_input_and_a_failure_does_not_repeat_it() {
        let echoed =
            tell(Command::new("sh").args(["-c", "read -r x; echo got ${#x}"]), "k3vtm-aaaaa").unwrap();
        assert_eq!(echoed, "got 11\n");
        let failed = tell(Command::new("sh").args(["-c", "echo no >&2; exit 1"]), "k3vtm-aaaaa").unwrap_err();
        let failed = failed.to_string();
        assert!(failed.ends_with("no") && !failed.contains("k3vtm"), "{failed}");
    }
}
