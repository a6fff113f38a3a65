//! While the database is away.

use std::time::Instant;

use local_servers::wait_until;

use crate::{
    people::{PASSWORD, SESSION, ask, clear, detail, own_database, server, sign_in, status, try_password},
    support::SOON,
};

#[test]
fn sessions_seen_here_go_on_and_a_sign_in_is_told_why_not() {
    let (postgres, url) = own_database();
    let server = server(&url, &[]);
    let other = crate::people::server(&url, &[]);
    let (pair, leaving) = (sign_in(&server), sign_in(&server));
    assert_eq!(status(&server, &pair), 200);
    postgres.stop().unwrap();

    assert_eq!(status(&server, &pair), 200, "{}", server.log());
    assert_eq!(clear(&server, &[("cookie", &pair)]).status, 200);
    // Where it was not seen nobody knows of it.
    let unseen = ask(&other, "GET", SESSION, &[("cookie", &pair)], "");
    assert_eq!(unseen.status, 503);
    assert!(detail(&unseen).contains("database of accounts is away"));
    assert!(!unseen.header("retry-after").is_empty());
    let made_up = format!("tidemark={}", "a".repeat(64));
    assert_eq!(status(&server, &made_up), 503);
    assert_eq!(status(&server, "tidemark=x"), 401);
    for password in [PASSWORD, "not the passphrase"] {
        let reply = try_password(&server, password, &[]);
        assert_eq!((reply.status, reply.header("set-cookie")), (503, ""), "{}", reply.text());
        assert!(detail(&reply).contains("database of accounts is away"));
    }
    // Over here at once, and there when it is back.
    assert_eq!(ask(&server, "DELETE", SESSION, &[("cookie", &leaving)], "").status, 204);
    assert_eq!(status(&server, &leaving), 401);

    postgres.start().unwrap();
    let back = wait_until(SOON, || status(&other, &pair) == 200);
    assert!(back, "{}", other.log());
    assert_eq!(status(&server, &leaving), 401);
    // That it could not be tried is not held against anybody.
    let again = wait_until(SOON, || try_password(&server, PASSWORD, &[]).status == 200);
    assert!(again, "{}", server.log());
}

#[test]
fn a_database_that_falls_silent_holds_nobody_up_for_long() {
    let (postgres, url) = own_database();
    let server = server(&url, &[]);
    let pair = sign_in(&server);
    assert_eq!(status(&server, &pair), 200);
    postgres.pause().unwrap();
    // One waits for it; those after it wait for nothing while it rests.
    let begun = Instant::now();
    for _ in 0..40 {
        assert_eq!(status(&server, &pair), 200, "{}", server.log());
    }
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    assert_eq!(try_password(&server, PASSWORD, &[]).status, 503);
    postgres.resume().unwrap();
    assert!(wait_until(SOON, || try_password(&server, PASSWORD, &[]).status == 200), "{}", server.log());
}
