//! The life of a session.

use serde_json::json;

use crate::{
    people::{
        PASSWORD, PasswordFile, SESSION, ask, clear, cookie, database, database_with_password, detail, query,
        server, sign_in, status, try_password,
    },
    support::{Server, Setup},
};

#[test]
fn somebody_signs_in_is_known_and_signs_out() {
    let url = database_with_password();
    let server = server(&url, &[]);
    let nobody = ask(&server, "GET", SESSION, &[], "");
    assert_eq!((nobody.status, detail(&nobody).as_str()), (401, "not signed in"));
    assert!(!nobody.header("www-authenticate").is_empty());
    assert_eq!(clear(&server, &[]).status, 401);

    let reply = try_password(&server, PASSWORD, &[]);
    assert_eq!((reply.status, reply.header("cache-control")), (200, "no-store"), "{}", reply.text());
    assert_eq!(reply.json()["user"], json!("admin"));
    let set = reply.header("set-cookie");
    let (pair, attributes) = set.split_once("; ").unwrap();
    assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Strict");
    let id = pair.strip_prefix("tidemark=").unwrap();
    assert_eq!(id.len(), 64, "256 bits in hex");

    let who = ask(&server, "GET", SESSION, &[("cookie", pair)], "");
    assert_eq!((who.status, who.header("cache-control")), (200, "no-store"));
    let left = who.json()["expires_at"].as_i64().unwrap() - reply.json()["expires_at"].as_i64().unwrap();
    assert!((0..60_000).contains(&left), "it was used now: {left}");
    assert_eq!(who.json()["ends_at"], reply.json()["ends_at"]);
    assert_eq!(clear(&server, &[("cookie", pair)]).status, 200);
    let stats = ask(&server, "GET", "/api/cache/stats", &[("cookie", pair)], "");
    assert_eq!((stats.status, stats.header("cache-control")), (200, "no-store"));

    // What is stored cannot be sent as a cookie.
    let stored = query(&url, "SELECT encode(id_hash, 'hex') FROM sessions");
    assert_ne!(stored, id);
    assert_eq!(status(&server, &format!("tidemark={stored}")), 401);

    let out = ask(&server, "DELETE", SESSION, &[("cookie", pair)], "");
    assert_eq!(out.status, 204);
    assert!(
        out.header("set-cookie").starts_with("tidemark=; ") && out.header("set-cookie").contains("Max-Age=0")
    );
    // Sent again, the cookie is of no use.
    assert_eq!(status(&server, pair), 401);
    assert_eq!(clear(&server, &[("cookie", pair)]).status, 401);
    assert_eq!(query(&url, "SELECT count(*)::text FROM sessions"), "0");
    // Signing out twice is no error.
    assert_eq!(ask(&server, "DELETE", SESSION, &[("cookie", pair)], "").status, 204);
}

#[test]
fn an_id_that_was_put_into_the_browser_is_never_adopted_and_the_old_one_ends() {
    let server = server(&database_with_password(), &[]);
    let planted = format!("tidemark={}", "0123456789abcdef".repeat(4));
    let reply = try_password(&server, PASSWORD, &[("cookie", &planted)]);
    assert_eq!(reply.status, 200);
    let first = cookie(&reply);
    assert_ne!(first, planted);
    assert_eq!((status(&server, &planted), status(&server, &first)), (401, 200));
    // Signed in again, the id is another one.
    let second = cookie(&try_password(&server, PASSWORD, &[("cookie", &first)]));
    assert_ne!(second, first);
    assert_eq!((status(&server, &first), status(&server, &second)), (401, 200));
    // Beside one of somebody else's neither counts.
    assert_eq!(status(&server, &format!("{second}; {planted}")), 401);
}

#[test]
fn behind_a_proxy_with_tls_the_cookie_is_bound_to_host_and_tls() {
    let server = server(&database_with_password(), &[("TIDEMARK_TRUSTED_PROXIES", "127.0.0.0/8")]);
    let tls = ("x-forwarded-proto", "https");
    let reply = try_password(&server, PASSWORD, &[tls]);
    let set = reply.header("set-cookie").to_owned();
    assert!(set.starts_with("__Host-tidemark="), "{set}");
    for part in ["; Path=/", "; HttpOnly", "; SameSite=Strict", "; Secure"] {
        assert!(set.contains(part), "{set}");
    }
    assert!(!set.contains("Domain"), "{set}");
    let pair = cookie(&reply);
    assert_eq!(ask(&server, "GET", SESSION, &[tls, ("cookie", &pair)], "").status, 200);
    // Under the name that any page on plain HTTP could set, it does not count.
    let plain = pair.replace("__Host-", "");
    assert_eq!(ask(&server, "GET", SESSION, &[tls, ("cookie", &plain)], "").status, 401);
    assert_eq!(status(&server, &pair), 401);
}

#[test]
fn sessions_outlive_a_restart_and_a_clear_of_everything() {
    let url = database_with_password();
    let redis = local_servers::RedisServer::ephemeral().unwrap();
    let setup = Setup { postgres: Some(&url), redis: Some(&redis), ..Setup::default() };
    let first = Server::start(&setup);
    first.wait_json("/readyz", |r| r["redis"]["status"] == "up");
    let pair = sign_in(&first);
    let headers = [("cookie", pair.as_str()), ("content-type", "application/json")];
    let all = ask(&first, "POST", "/api/cache/clear", &headers, r#"{"scope":{"all":true}}"#);
    assert_eq!(all.status, 200, "{}", all.text());
    assert_eq!(status(&first, &pair), 200);
    let undo = format!(r#"{{"handle":{}}}"#, all.json()["handle"]);
    assert_eq!(ask(&first, "POST", "/api/cache/undo", &headers, &undo).status, 200);
    assert!(first.terminate().success());
    // Nothing of it is in Redis, so that it may be lost as well.
    drop(redis);
    let second = server(&url, &[]);
    assert_eq!(status(&second, &pair), 200);
    // Signed out there, also for another server at once.
    let third = server(&url, &[]);
    assert_eq!(status(&third, &pair), 200);
    assert_eq!(ask(&second, "DELETE", SESSION, &[("cookie", &pair)], "").status, 204);
    assert_eq!((status(&second, &pair), status(&third, &pair)), (401, 401));

    let told = local_servers::wait_until(crate::support::SOON, || {
        query(
            &url,
            "SELECT string_agg(action || ' ' || account || ' ' || detail, '|' ORDER BY id) FROM audit",
        )
        .contains("sign_out")
    });
    let audit = query(
        &url,
        "SELECT string_agg(action || ' ' || account || ' ' || detail, '|' ORDER BY id) FROM audit",
    );
    assert!(told, "{audit}");
    for part in
        ["password_changed shell", "sign_in admin", "cache_cleared admin 1 all", "clear_undone admin 1"]
    {
        assert!(audit.contains(part), "{part}: {audit}");
    }
}

#[test]
fn without_a_database_the_password_is_in_a_file_and_sessions_in_memory() {
    let file = PasswordFile::new(&format!("{PASSWORD}\n"));
    let env = [("TIDEMARK_ADMIN_PASSWORD_FILE", file.path())];
    let env = env.each_ref().map(|(name, value)| (*name, value.as_str()));
    let first = Server::start(&Setup { env: &env, ..Setup::default() });
    assert_eq!(try_password(&first, "another passphrase", &[]).status, 401);
    let pair = sign_in(&first);
    assert_eq!(status(&first, &pair), 200);
    assert_eq!(clear(&first, &[("cookie", &pair)]).status, 200);
    assert_eq!(ask(&first, "DELETE", SESSION, &[("cookie", &pair)], "").status, 204);
    assert_eq!(status(&first, &pair), 401);
    let pair = sign_in(&first);
    assert!(first.terminate().success());
    let second = Server::start(&Setup { env: &env, ..Setup::default() });
    assert_eq!(status(&second, &pair), 401);
}

#[test]
fn without_any_password_it_is_said_how_to_make_one() {
    let alone = Server::start(&Setup::default());
    let reply = try_password(&alone, PASSWORD, &[]);
    assert_eq!(reply.status, 409);
    assert!(detail(&reply).contains("TIDEMARK_ADMIN_PASSWORD_FILE"));
    let url = database();
    let stored = server(&url, &[]);
    let reply = try_password(&stored, PASSWORD, &[]);
    assert_eq!(reply.status, 409);
    assert!(detail(&reply).contains("tidemark admin password"));
    // The file's is the first one of a database, and no later one.
    let file = PasswordFile::new(PASSWORD);
    let with_file = server(&url, &[("TIDEMARK_ADMIN_PASSWORD_FILE", &file.path())]);
    sign_in(&with_file);
    let other = PasswordFile::new("quite another passphrase");
    let later = server(&url, &[("TIDEMARK_ADMIN_PASSWORD_FILE", &other.path())]);
    assert_eq!(try_password(&later, "quite another passphrase", &[]).status, 401);
    sign_in(&later);
}
