//! `up --detach`, and what looks at it.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
};

use local_servers::{Process, Signal, wait_until};
use rustix::{
    fs::{Mode, OFlags, open},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};
use serde_json::Value;

use crate::checkout::{BOUND, Checkout, text};

#[test]
fn up_in_the_background_status_and_down() {
    let checkout = Checkout::new();
    let up = checkout.up();
    assert!(up.status.success(), "{}", text(&up));
    assert!(text(&up).contains(&format!("http://{}/", checkout.addr)));
    let calls = checkout.calls();
    assert_eq!(calls[0], "migrate");
    assert!(calls[1].starts_with("import ") && calls[1].ends_with("BTC-USD-30m.csv.gz"), "{calls:?}");
    let secret = checkout.root().join(".tidemark/secrets/postgres");
    assert_eq!(fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o600);
    let password = fs::read_to_string(&secret).unwrap();
    let url = format!("DATABASE_URL=postgres://tidemark:{password}@127.0.0.1:{}/tidemark", checkout.postgres);
    assert!(calls.contains(&url), "{calls:?}");
    assert!(calls.contains(&"TIDEMARK_FEED=none".to_owned()));
    assert!(!text(&up).contains(&password), "no secret is printed");

    let status = checkout.run(&["status", "--json"]);
    let told: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert!(status.status.success() && told["up"] == true, "{told}");
    assert_eq!(told["parts"][0]["port"], checkout.redis);
    if let Some(pid) = told["parts"][2]["pid"].as_u64().filter(|_| Path::new("/proc/self/cmdline").exists()) {
        assert!(!fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap().contains(&password));
    }
    let logs = text(&checkout.run(&["logs", "server"]));
    assert!(logs.contains(&format!("listening on {}", checkout.addr)), "{logs}");

    let again = text(&checkout.up());
    assert!(again.contains("runs already"), "{again}");
    // What it was not started with is not passed over in silence.
    let elsewhere = ["up", "--no-build", "--detach", "--addr", "127.0.0.1:1"];
    for other in [&elsewhere[..], &["up", "--no-build", "--detach", "--feed", "simulated"]] {
        let refused = checkout.run(other);
        assert_eq!(refused.status.code(), Some(1), "{}", text(&refused));
        assert!(text(&refused).contains("`cargo deploy down` first"), "{}", text(&refused));
    }
    assert!(checkout.run(&["up", "--no-build", "--detach"]).status.success());

    // A server that does not reach its Redis says so itself.
    checkout.answer(r#"{"status":"degraded","redis":{"status":"down","reason":"refused"}}"#);
    let status = checkout.run(&["status"]);
    assert_eq!(status.status.code(), Some(3), "{}", text(&status));
    assert!(text(&status).contains("degraded: redis is down (refused)"), "{}", text(&status));
    checkout.answer_well();

    // Nobody reads the log any more, as after `| head`: its follower ends, though nothing more is written.
    let mut follower = checkout.command(&["logs", "server", "-f"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut shown = BufReader::new(follower.stdout.take().unwrap());
    assert!(shown.read_line(&mut String::new()).unwrap() > 0);
    assert!(follower.try_wait().unwrap().is_none(), "it follows");
    drop(shown);
    let ended = wait_until(BOUND, || follower.try_wait().unwrap().is_some());
    drop(follower.kill());
    drop(follower.wait());
    assert!(ended);

    // A part that dies is told, and only that part is started again.
    let pid = checkout.state()["redis"]["pid"].as_u64().unwrap();
    let mark = checkout.state()["redis"]["mark"].as_str().unwrap().to_owned();
    Process::attach(u32::try_from(pid).unwrap(), &mark).unwrap().end(Signal::KILL, BOUND).unwrap();
    let status = checkout.run(&["status"]);
    assert_eq!(status.status.code(), Some(3), "{}", text(&status));
    assert!(text(&status).contains("redis     stopped"), "{}", text(&status));
    let server = checkout.state()["server"]["pid"].clone();
    assert!(checkout.up().status.success());
    assert_eq!(checkout.state()["server"]["pid"], server);
    let imports = checkout.calls().iter().filter(|call| call.starts_with("import")).count();
    assert_eq!(imports, 1, "the sample is imported once");

    let down = checkout.run(&["down"]);
    assert!(down.status.success(), "{}", text(&down));
    assert!(checkout.all_ports_free());
    assert_eq!(checkout.run(&["status"]).status.code(), Some(3));
    assert!(checkout.run(&["down"]).status.success(), "nothing to stop is fine");
}

#[test]
#[cfg(target_os = "linux")]
fn what_runs_in_the_background_outlives_its_terminal() {
    let checkout = Checkout::new();
    // Closed in all that is started, or the terminal would outlive this test's end of it.
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let end = || open(&name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap();
    let up = checkout.command(&["up", "--no-build", "--detach", "--feed", "none", "--addr", &checkout.addr]);
    let mut shell = Command::new("setsid");
    shell.args(["--ctty", "sh", "-c", "\"$0\" \"$@\" > said 2>&1; touch done; exec sleep 600"]);
    shell.arg(up.get_program()).args(up.get_args()).current_dir(checkout.root());
    for (name, value) in up.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    let mut shell = Process::spawn(shell.stdin(end()).stdout(end()).stderr(end())).unwrap();
    assert!(wait_until(BOUND, || checkout.root().join("done").exists()));
    assert!(checkout.said().contains("It runs in the background"), "{}", checkout.said());
    // The terminal is closed: its session's leader gets SIGHUP, and so does the group in the foreground.
    drop(terminal);
    assert!(shell.wait(BOUND));
    let status = checkout.run(&["status"]);
    assert!(status.status.success(), "{}", text(&status));
}

#[test]
fn a_taken_port_is_named() {
    let checkout = Checkout::new();
    let listener = TcpListener::bind(&checkout.addr).unwrap();
    let up = checkout.up();
    assert_eq!(up.status.code(), Some(1));
    assert!(text(&up).contains(&format!("{} is in use", checkout.addr)), "{}", text(&up));
    drop(listener);
    assert!(checkout.calls().is_empty());
}

#[test]
fn a_stale_process_number_is_not_trusted() {
    let checkout = Checkout::new();
    let bystander = Process::spawn(Command::new("sleep").arg("600")).unwrap();
    let mut state = checkout.state();
    state["redis"] = serde_json::json!({ "pid": bystander.pid(), "mark": "an earlier boot:1", "started": 1 });
    fs::write(checkout.root().join(".tidemark/state.json"), state.to_string()).unwrap();
    let status = checkout.run(&["status"]);
    assert_eq!(status.status.code(), Some(3));
    assert!(checkout.run(&["down"]).status.success());
    let mut bystander = bystander;
    assert!(bystander.is_alive(), "somebody else's process is left alone");
    bystander.end(Signal::KILL, BOUND).unwrap();
}
