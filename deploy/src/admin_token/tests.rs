use std::{
    fs::{self, Permissions},
    os::unix::fs::symlink,
};

use super::*;

fn layout() -> (tempfile::TempDir, Layout) {
    let dir = tempfile::tempdir().unwrap();
    let layout = Layout::at(dir.path().to_owned());
    layout.make().unwrap();
    (dir, layout)
}

fn write(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_token_is_made_once_for_its_owner_alone() {
    let (_dir, layout) = layout();
    let path = layout.admin_token();
    make(&path).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let token = text.trim_end();
    assert!(token.len() == 64 && token.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(check(&path), Ok(()));
    make(&path).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), text, "one that is there stays");
    // Nothing half made is left beside it.
    assert_eq!(fs::read_dir(layout.secrets()).unwrap().count(), 1);
}

#[test]
fn a_bad_file_is_named_and_neither_repeated_nor_replaced() {
    let (_dir, layout) = layout();
    let path = layout.admin_token();
    for (text, mode, why) in [
        ("0123456789abcdef", 0o644, "mode 0644"),
        ("0123456789abcdef", 0o620, "chmod 600"),
        ("", 0o600, "is empty"),
        (" \n", 0o600, "is empty"),
        ("0123456789abcde\n", 0o600, "15 bytes"),
        ("01234567 89abcdef", 0o600, "one word"),
        ("0123456789abcdéé", 0o600, "ASCII"),
    ] {
        write(&path, text, mode);
        let error = check(&path).unwrap_err();
        assert!(error.contains(why) && !error.contains("0123"), "{error}");
        make(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    write(&path, &"x".repeat(5_000), 0o600);
    assert!(check(&path).unwrap_err().contains("16 to 4096"));
    fs::remove_file(&path).unwrap();
    assert!(check(&path).unwrap_err().contains("cannot be read"));
    symlink("nowhere", &path).unwrap();
    make(&path).unwrap();
    assert!(
        check(&path).unwrap_err().contains("cannot be read"),
        "a link that leads nowhere is not followed"
    );
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(check(&path).unwrap_err().contains("not a file"));
}

#[test]
fn the_nearest_env_file_may_name_it() {
    let dir = tempfile::tempdir().unwrap();
    let (above, root) = (dir.path(), dir.path().join("checkout"));
    fs::create_dir(&root).unwrap();
    fs::write(above.join(".env"), "REDIS_URL=redis://h\nTIDEMARK_ADMIN_TOKEN_FILE=/a/token\n").unwrap();
    assert_eq!(named_in_file(SETTING, &root).unwrap(), Some("/a/token".into()));
    fs::write(root.join(".env"), "TIDEMARK_ADMIN_TOKEN_FILE=token\n").unwrap();
    assert_eq!(named_in_file(SETTING, &root).unwrap(), Some(root.join("token")));
    fs::write(root.join(".env"), "TIDEMARK_ADMIN_TOKEN_FILE=\n").unwrap();
    assert_eq!(named_in_file(SETTING, &root).unwrap(), None);
    fs::write(root.join(".env"), "a secret that is no setting\n").unwrap();
    let error = named_in_file(SETTING, &root).unwrap_err().to_string();
    assert!(error.contains(".env") && !error.contains("secret"), "{error}");
}

#[test]
fn a_named_pipe_is_refused_and_not_waited_for() {
    let (_dir, layout) = layout();
    let path = layout.admin_token();
    let made = std::process::Command::new("mkfifo").args(["-m", "600"]).arg(&path).status();
    assert!(made.unwrap().success());
    let (told, tells) = std::sync::mpsc::channel();
    // In a thread, which would wait for a writer for ever.
    std::thread::spawn(move || told.send(check(&path)));
    let why = tells.recv_timeout(std::time::Duration::from_secs(60)).unwrap().unwrap_err();
    assert_eq!(why, "is not a file");
}
