//! Guessing the password.

use std::time::Instant;

use serde_json::json;

use crate::{
    people::{
        PASSWORD, SESSION, ask, cookie, database_with_password, detail, query, server, status, try_password,
    },
    support::SOON,
};

/// Without the limit on calls, which would answer 429 as well.
const PROXY: [(&str, &str); 2] =
    [("TIDEMARK_TRUSTED_PROXIES", "127.0.0.0/8"), ("TIDEMARK_RATE_LIMIT", "off")];

/// Guesses until it is told to wait; how many guesses were looked at, and how long to wait, seconds.
fn guess(server: &crate::support::Server, from: &str) -> (u32, u32) {
    for looked_at in 0..40 {
        let reply = try_password(server, "not the passphrase", &[("x-forwarded-for", from)]);
        if reply.status == 429 {
            assert!(detail(&reply).contains("too many wrong passwords"));
            return (looked_at, reply.header("retry-after").parse().unwrap());
        }
        assert_eq!((reply.status, reply.header("set-cookie")), (401, ""), "{}", reply.text());
        assert_eq!(detail(&reply), "wrong user or password");
    }
    panic!("never told to wait:\n{}", server.log());
}

#[test]
fn guesses_are_slowed_by_address_and_bystanders_are_let_in() {
    let url = database_with_password();
    let server = server(&url, &PROXY);
    let (looked_at, wait) = guess(&server, "203.0.113.9");
    assert!(looked_at >= 5 && wait >= 1, "{looked_at} {wait}");
    // The right one from there has to wait as well, or it could be told by the answer.
    let own = [("x-forwarded-for", "203.0.113.9")];
    let begun = Instant::now();
    let mut longest = wait;
    while begun.elapsed() < SOON && longest < 4 {
        let reply = try_password(&server, "not the passphrase", &own);
        if reply.status == 429 {
            longest = longest.max(reply.header("retry-after").parse().unwrap());
        }
    }
    assert!(longest >= 4, "the waits grow: {longest}");
    let right = try_password(&server, PASSWORD, &own);
    assert_eq!(right.status, 429, "{}", right.text());
    assert!(detail(&right).contains("too many wrong passwords"), "{}", right.text());
    // Neither another address, nor one that calls itself the attacker's, is locked out.
    for elsewhere in ["203.0.113.10", "2001:db8::1", "203.0.113.9, 198.51.100.7"] {
        let reply = try_password(&server, PASSWORD, &[("x-forwarded-for", elsewhere)]);
        assert_eq!(reply.status, 200, "{elsewhere}: {}", reply.text());
        assert_eq!(status(&server, &cookie(&reply)), 200);
    }
    let refused =
        "SELECT count(*)::text FROM audit WHERE action = 'sign_in_refused' AND address = '203.0.113.9'";
    let noted = local_servers::wait_until(SOON, || query(&url, refused).parse::<u32>().unwrap() >= looked_at);
    assert!(noted, "{}", server.log());
}

#[test]
fn many_at_once_do_not_pass_as_the_first() {
    let server = server(&database_with_password(), &PROXY);
    let looked_at: u32 = std::thread::scope(|scope| {
        let guess = || {
            let reply = try_password(&server, "not the passphrase", &[("x-forwarded-for", "203.0.113.9")]);
            u32::from(reply.status == 401)
        };
        let threads: Vec<_> = (0..24).map(|_| scope.spawn(guess)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    // Five, and those that a slow machine began a wait later.
    assert!((5..=9).contains(&looked_at), "{looked_at}");
}

#[test]
fn an_attack_from_many_addresses_slows_the_operator_and_locks_nobody_out() {
    let server = server(&database_with_password(), &PROXY);
    for n in 0..40 {
        let from = format!("203.0.113.{n}");
        assert_eq!(try_password(&server, "not the passphrase", &[("x-forwarded-for", &from)]).status, 401);
    }
    assert_eq!(try_password(&server, PASSWORD, &[("x-forwarded-for", "198.51.100.1")]).status, 200);
}

#[test]
fn an_unknown_user_is_told_the_same_after_the_same_work() {
    let server = server(&database_with_password(), &PROXY);
    let try_user = |user: &str, from: &str| {
        let headers = [("content-type", "application/json"), ("x-forwarded-for", from)];
        let begun = Instant::now();
        let body = json!({ "user": user, "password": PASSWORD }).to_string();
        let reply = ask(&server, "POST", SESSION, &headers, &body);
        (reply.status, detail(&reply), begun.elapsed())
    };
    for (n, user) in ["root", "", "ADMIN", "admin ", "admin\u{0}"].into_iter().enumerate() {
        let (found, text, _) = try_user(user, &format!("203.0.113.{n}"));
        assert_eq!((found, text.as_str()), (401, "wrong user or password"), "{user:?}");
    }
    // Hashing is most of the time of both: the least of some of each is compared, generously.
    let least = |user: &str, password: &str, net: u32| {
        let body = json!({ "user": user, "password": password }).to_string();
        let times = (0..4).map(|n| {
            let from = format!("198.51.{net}.{n}");
            let headers = [("content-type", "application/json"), ("x-forwarded-for", from.as_str())];
            let begun = Instant::now();
            assert_eq!(ask(&server, "POST", SESSION, &headers, &body).status, 401);
            begun.elapsed()
        });
        times.min().unwrap()
    };
    let (known, unknown) =
        (least("admin", "not the passphrase", 1), least("nobody", "not the passphrase", 2));
    assert!(unknown * 4 > known, "{unknown:?} {known:?}");
}
