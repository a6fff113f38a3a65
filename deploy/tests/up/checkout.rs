//! A checkout to run the tool in.

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use local_servers::{Process, RespClient, Signal, free_port, port_is_free, postgres_bin_dir, wait_until};
use serde_json::Value;

/// Longest wait for anything.
pub const BOUND: Duration = Duration::from_secs(120);

/// A checkout with nothing in it but what `up` looks at.
pub struct Checkout {
    /// `None` for a copy, which is in that of the original and goes with it.
    _dir: Option<tempfile::TempDir>,
    root: PathBuf,
    pub redis: u16,
    pub postgres: u16,
    pub addr: String,
}

impl Checkout {
    pub fn new() -> Self {
        Self::below("")
    }

    /// As [`Checkout::new`], at this path below a temporary folder.
    pub fn below(path: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        // As root, Postgres is another user, who must be let through.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let above = dir.path().canonicalize().unwrap();
        let root = if path.is_empty() { above } else { above.join(path) };
        Self::at(dir, root)
    }

    /// As [`Checkout::new`], in this folder, which is in or under the temporary one.
    pub fn at(dir: tempfile::TempDir, root: PathBuf) -> Self {
        fs::create_dir_all(root.join("target/site/pkg")).unwrap();
        for (path, text) in [
            ("rust-toolchain.toml", ""),
            ("deploy/Cargo.toml", ""),
            ("data/sample/BTC-USD-30m.csv.gz", "not looked into"),
            ("target/site/pkg/tidemark.js", ""),
        ] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let script = format!(
            "#!/bin/sh\n[ ! -x ./hook ] || ./hook \"$@\" || exit 1\nTIDEMARK_FAKE=\"$*\" exec '{}' --exact checkout::the_stand_in --nocapture\n",
            std::env::current_exe().unwrap().display()
        );
        write_program(&root.join("tidemark"), &script);
        let (redis, postgres) = (free_port().unwrap(), free_port().unwrap());
        fs::create_dir(root.join(".tidemark")).unwrap();
        let state = format!("{{\"format\":1,\"redis_port\":{redis},\"postgres_port\":{postgres}}}");
        fs::write(root.join(".tidemark/state.json"), state).unwrap();
        let addr = format!("127.0.0.1:{}", free_port().unwrap());
        Self { _dir: Some(dir), root, redis, postgres, addr }
    }

    /// A copy beside it with all that it keeps, which listens elsewhere. The files stay their owners'.
    pub fn copy(&self, name: &str) -> Self {
        let root = self.root.with_file_name(name);
        assert!(Command::new("cp").arg("-a").args([&self.root, &root]).status().unwrap().success());
        let addr = format!("127.0.0.1:{}", free_port().unwrap());
        Self { _dir: None, root, redis: self.redis, postgres: self.postgres, addr }
    }

    /// Gives its folder another name.
    pub fn rename(&mut self, name: &str) {
        let new = self.root.with_file_name(name);
        fs::rename(&self.root, &new).unwrap();
        self.root = new;
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A script that the stand-in runs first, with the same arguments; a failure of it is one of the stand-in.
    pub fn hook(&self, script: &str) {
        write_program(&self.root.join("hook"), &format!("#!/bin/sh\n{script}\n"));
    }

    /// The noted process of a part, if it lives.
    pub fn process(&self, part: &str) -> Option<Process> {
        let noted = self.state()[part].clone();
        let pid = u32::try_from(noted["pid"].as_u64()?).ok()?;
        Process::attach(pid, noted["mark"].as_str()?)
    }

    /// The number of a part's process.
    pub fn pid(&self, part: &str) -> u64 {
        self.state()[part]["pid"].as_u64().unwrap()
    }

    /// Kills a part behind the tool's back.
    pub fn kill(&self, part: &str) {
        self.process(part).unwrap().end(Signal::KILL, BOUND).unwrap();
    }

    /// Runs SQL on the checkout's Postgres.
    pub fn sql(&self, sql: &str) -> String {
        let password = fs::read_to_string(self.root.join(".tidemark/secrets/postgres")).unwrap();
        let port = self.state()["postgres_port"].to_string();
        let output = Command::new(postgres_bin_dir().unwrap().join("psql"))
            .args(["-XqAt", "-h", "127.0.0.1", "-U", "tidemark", "-d", "tidemark", "-p", &port, "-c", sql])
            .env("PGPASSWORD", password.trim())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Sends a command to the checkout's Redis, and waits until it is on the disk.
    pub fn redis(&self, command: &[&str]) -> String {
        let port = u16::try_from(self.state()["redis_port"].as_u64().unwrap()).unwrap();
        let mut client = RespClient::connect(port, BOUND).unwrap();
        client.call(command).unwrap().to_string()
    }

    /// Starts `up` in the foreground, saying into the file `said`, and waits until it looks after what it started.
    pub fn foreground(&self) -> Process {
        let out = fs::File::options().create(true).append(true).open(self.root.join("said")).unwrap();
        let mut command = self.command(&["up", "--no-build", "--feed", "none", "--addr", &self.addr]);
        let mut up = Process::spawn(command.stdout(out.try_clone().unwrap()).stderr(out)).unwrap();
        let pid = u64::from(up.pid());
        let ready =
            wait_until(BOUND, || !up.is_alive() || self.state()["keeper"]["pid"].as_u64() == Some(pid));
        assert!(ready && up.is_alive(), "{}", self.said());
        up
    }

    /// What [`Checkout::foreground`] said.
    pub fn said(&self) -> String {
        fs::read_to_string(self.root.join("said")).unwrap()
    }

    /// What a build makes: a server and a site with this in its names.
    pub fn build(&self, name: &str) {
        let binary = self.root.join("tidemark");
        let script = fs::read_to_string(&binary).unwrap();
        let script =
            script.lines().filter(|line| !line.starts_with("# build ")).collect::<Vec<_>>().join("\n");
        write_program(&binary, &format!("{script}\n# build {name}\n"));
        let pkg = self.root.join("target/site/pkg");
        fs::remove_dir_all(&pkg).unwrap();
        fs::create_dir(&pkg).unwrap();
        fs::write(pkg.join(format!("tidemark.{name}.js")), name).unwrap();
        fs::write(self.root.join("hash.txt"), format!("js: {name}\n")).unwrap();
    }

    /// Tools of the checkout that say that all is there to build; a build by them changes nothing.
    pub fn build_tools(&self) {
        let bin = self.root.join(".tidemark/tools/bin");
        fs::create_dir_all(&bin).unwrap();
        // What is served is named by a variable, and not what a build puts into `target`.
        let cargo =
            "mkdir -p target/here/release target/release && echo built > target/here/release/tidemark";
        let site = "while [ $# -gt 0 ]; do\n[ $1 != --folder ] || cp -R target/site $2\n\
                    [ $1 != --hash-file ] || echo built > $2\nshift\ndone";
        let rustc =
            "case \"$1\" in\n--version) echo rustc 1.90.0 ;;\n-vV) echo host: here ;;\n*) echo . ;;\nesac";
        let says = [
            ("cargo", cargo),
            ("rustc", rustc),
            ("cc", "echo cc 14.0.0"),
            ("make", "echo GNU Make 4.3"),
            ("node", "echo v22.0.0"),
            ("npm", "echo 10.0.0"),
            ("wasm-opt", "echo wasm-opt version 132"),
            ("esbuild", "echo 0.28.2"),
        ];
        for (name, script) in says {
            write_program(&bin.join(name), &format!("#!/bin/sh\n{script}\n"));
        }
        fs::create_dir_all(self.root.join("target/tools")).unwrap();
        write_program(&self.root.join("target/tools/site-build"), &format!("#!/bin/sh\n{site}\n"));
    }

    /// The folder of the release that the link names.
    pub fn release(&self) -> PathBuf {
        self.root.join(".tidemark/releases/current").canonicalize().unwrap()
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_deploy"));
        command
            .args(args)
            .current_dir(self.root())
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("TIDEMARK_ADMIN_TOKEN_FILE")
            .env_remove("TIDEMARK_ADMIN_PASSWORD_FILE")
            .env("TIDEMARK_SERVER_BINARY", "tidemark")
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    pub fn up(&self) -> Output {
        self.run(&["up", "--no-build", "--detach", "--feed", "none", "--addr", &self.addr])
    }

    /// What the stand-in was called with.
    pub fn calls(&self) -> Vec<String> {
        fs::read_to_string(self.root().join("calls")).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    /// What the stand-in says to `GET /readyz` from now on; in one step, as it may be asked at any time.
    pub fn answer(&self, text: &str) {
        let new = self.root().join("answer.new");
        fs::write(&new, text).unwrap();
        fs::rename(new, self.root().join("answer")).unwrap();
    }

    /// It is well again.
    pub fn answer_well(&self) {
        fs::remove_file(self.root().join("answer")).unwrap();
    }

    pub fn state(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(self.root().join(".tidemark/state.json")).unwrap()).unwrap()
    }

    /// The admin token's file that `up` makes.
    pub fn admin_token(&self) -> PathBuf {
        self.root().join(".tidemark/secrets/admin-token")
    }

    pub fn all_ports_free(&self) -> bool {
        [self.redis, self.postgres].into_iter().all(port_is_free) && TcpListener::bind(&self.addr).is_ok()
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        // A failed test must leave nothing running.
        drop(self.command(&["down"]).output());
    }
}

/// Writes a script, in one step: one that is still open for writing cannot be run.
pub fn write_program(path: &Path, script: &str) {
    let new = path.with_extension("new");
    fs::write(&new, script).unwrap();
    fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(new, path).unwrap();
}

pub fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Not a test by itself: the server of the others.
#[test]
fn the_stand_in() {
    let Ok(call) = std::env::var("TIDEMARK_FAKE") else { return };
    let mut calls = fs::File::options().create(true).append(true).open("calls").unwrap();
    writeln!(calls, "{call}").unwrap();
    let mut note =
        |name: &str| writeln!(calls, "{name}={}", std::env::var(name).unwrap_or_default()).unwrap();
    if call.starts_with("cache") {
        let settings = ["REDIS_URL", "LEPTOS_SITE_ADDR", "TIDEMARK_ADMIN_TOKEN_FILE", "DATABASE_URL"];
        settings.into_iter().for_each(note);
        println!("the cache says");
        // As of a handle that there is not.
        std::process::exit(i32::from(call.contains("undo 4711")));
    }
    if call.starts_with("admin") {
        note("DATABASE_URL");
    }
    if call == "admin password --if-none" {
        // The folder is there from the first one on.
        if fs::create_dir("has-password").is_err() {
            println!("admin has a password already, which stays");
            return;
        }
        let mut password = String::new();
        std::io::stdin().read_to_string(&mut password).unwrap();
        fs::write("given-password", password).unwrap();
        println!("the password of admin is set; all sessions are over");
    }
    if call != "serve" {
        return;
    }
    for name in ["DATABASE_URL", "REDIS_URL", "TIDEMARK_FEED", "LEPTOS_SITE_ROOT", "LEPTOS_HASH_FILES"] {
        note(name);
    }
    note("TIDEMARK_ADMIN_TOKEN_FILE");
    note("TIDEMARK_ADMIN_PASSWORD_FILE");
    let addr = std::env::var("LEPTOS_SITE_ADDR").unwrap();
    println!("listening on {addr}");
    for stream in TcpListener::bind(addr).unwrap().incoming() {
        let mut stream = stream.unwrap();
        let mut request = [0; 4096];
        if stream.read(&mut request).is_ok() {
            // A test may want another answer to this one.
            let answer = fs::read_to_string("answer").ok().filter(|_| request.starts_with(b"GET /readyz"));
            let body = answer.unwrap_or("ok".to_owned());
            // As the server has it.
            let code = if body.contains("warming") { "503 Service Unavailable" } else { "200 OK" };
            let head = format!("HTTP/1.1 {code}\r\nconnection: close\r\ncontent-length:");
            drop(stream.write_all(format!("{head} {}\r\n\r\n{body}", body.len()).as_bytes()));
        }
    }
}
