//! Changes that other sites ask a browser for.

use crate::{
    people::{
        PASSWORD, SESSION, ask, clear, database_with_password, detail, server, sign_in, status, try_password,
    },
    support::admin::{TOKEN, TokenFile},
};

#[test]
fn a_change_by_cookie_is_taken_from_our_own_pages_alone() {
    let token = TokenFile::new();
    let server = server(&database_with_password(), &[("TIDEMARK_ADMIN_TOKEN_FILE", &token.value())]);
    let pair = sign_in(&server);
    let cookie = ("cookie", pair.as_str());
    let own = server.url("");
    for good in [("sec-fetch-site", "same-origin"), ("origin", own.as_str())] {
        assert_eq!(clear(&server, &[cookie, good]).status, 200, "{good:?}");
    }
    let foreign: [&[(&str, &str)]; 6] = [
        &[("sec-fetch-site", "cross-site")],
        // Another service of the same host or domain.
        &[("sec-fetch-site", "same-site")],
        &[("origin", "http://evil.example")],
        &[("origin", "null")],
        &[("origin", "http://127.0.0.1:1")],
        // A forged Origin beside the browser's own word.
        &[("sec-fetch-site", "cross-site"), ("origin", own.as_str())],
    ];
    for headers in foreign {
        let headers = [&[cookie], headers].concat();
        let reply = clear(&server, &headers);
        assert_eq!(reply.status, 403, "{headers:?}");
        assert!(detail(&reply).contains("own pages"));
        assert_eq!(ask(&server, "DELETE", SESSION, &headers, "").status, 403, "{headers:?}");
        for path in ["/fn/sign_out", "/fn/clear_cache", "/fn/undo_clear"] {
            assert_eq!(ask(&server, "POST", path, &headers, "").status, 403, "{path} {headers:?}");
        }
        assert_eq!(status(&server, &pair), 200, "still signed in");
        // A session is not started for somebody else's ends either.
        let reply = try_password(&server, PASSWORD, &headers);
        assert_eq!((reply.status, reply.header("set-cookie")), (403, ""), "{headers:?}");
        let form = [headers.as_slice(), &[("content-type", "application/x-www-form-urlencoded")]].concat();
        let body = format!("user=admin&password={}", PASSWORD.replace(' ', "+"));
        let reply = ask(&server, "POST", "/fn/sign_in", &form, &body);
        assert_eq!((reply.status, reply.header("set-cookie")), (403, ""), "{headers:?}");
    }
    // A GET changes nothing.
    for path in ["/fn/sign_out", "/fn/clear_cache", "/api/cache/clear"] {
        let reply = ask(&server, "GET", path, &[cookie], "");
        assert!(reply.status >= 400, "{path} {}", reply.status);
    }
    assert_eq!(status(&server, &pair), 200);

    // A program with the token is no browser.
    let bearer = format!("Bearer {TOKEN}");
    let program = [("authorization", bearer.as_str()), ("sec-fetch-site", "cross-site")];
    assert_eq!(clear(&server, &program).status, 200);
    // Whoever sends a wrong one is not let in by the cookie beside it.
    for wrong in ["Bearer wrong-but-long-enough", "Basic x", ""] {
        let both = [cookie, ("authorization", wrong), ("sec-fetch-site", "cross-site")];
        assert_eq!(clear(&server, &both).status, 401, "{wrong:?}");
    }
}

#[test]
fn authorization_is_no_way_around_the_check_for_sessions_and_pages() {
    let server = server(&database_with_password(), &[]);
    let pair = sign_in(&server);
    let headers =
        [("cookie", pair.as_str()), ("authorization", "Bearer x"), ("sec-fetch-site", "cross-site")];
    assert_eq!(ask(&server, "DELETE", SESSION, &headers, "").status, 403);
    assert_eq!(ask(&server, "POST", "/fn/sign_out", &headers, "").status, 403);
    assert_eq!(try_password(&server, PASSWORD, &headers).status, 403);
    assert_eq!(status(&server, &pair), 200);
}
