//! Paths that could mean something else elsewhere.

use crate::{
    routes,
    support::{Request, Vault},
};

/// CVE-2026-3605: `.`, `..` and `//` reached other paths, past the rules for them.
#[test]
fn no_other_spelling_of_a_path_reaches_a_route() {
    let vault = Vault::with_rings();
    for route in routes::all(&vault).iter().chain(&routes::seal()) {
        let path = format!("/v1/{}", route.path.trim_end_matches('/'));
        let (front, last) = path.rsplit_once('/').unwrap();
        for spelling in [
            format!("/{path}"),
            format!("/.{path}"),
            format!("/x/..{path}"),
            path.replacen("/v1/", "/v1//", 1),
            path.replacen("/v1/", "/v1/./", 1),
            path.replacen("/v1/", "/v1/%2e/", 1),
            path.replacen("/v1/", "/v1/transit/../", 1),
            path.replacen("/v1/", "/v1/transit/%2E%2e/", 1),
            path.replacen("/v1/", "/v1%2f", 1),
            path.replacen("/v1/", "/v1%5c", 1),
            path.replacen("/v1/", "/v1\\", 1),
            path.replacen("/v1/", "/v1/%00", 1),
            path.replacen("/v1/", "/v1/%0a", 1),
            format!("{front}//{last}"),
            format!("{front}%2F{last}"),
            format!("{front}/{last}%00"),
            format!("{front}/{last}%2f"),
            format!("{front}/{last}/."),
            format!("{front}/{last}/.."),
            format!("{front}/{last}//"),
            format!("{front}/{last}%"),
            format!("{front}/{last}%ff"),
            format!("{front}/%25{:02x}{}", last.as_bytes()[0], &last[1..]),
        ] {
            if route.path.contains('?') && spelling.ends_with(['.', '/', '%', '0', 'f', 'F']) {
                continue; // This one is in the query, which has no spelling.
            }
            for token in [&*vault.token, "wrong"] {
                let answer = vault.send(&Request { path: spelling.clone(), ..route.request().token(token) });
                assert_eq!(answer.status, 400, "{} {spelling}", route.method);
            }
        }
    }
    assert!(vault.node.open().is_some());
}

#[test]
fn a_slash_at_the_end_is_for_listings_only() {
    let vault = Vault::with_rings();
    for route in routes::all(&vault).iter().chain(&routes::seal()) {
        if route.method == "LIST" || route.path.contains('?') {
            continue;
        }
        let path = format!("{}/", route.path);
        let answer =
            vault.send(&Request { path: format!("/v1/{path}"), ..route.request().token(&vault.token) });
        assert_eq!(answer.status, 404, "{} {path}", route.method);
        assert_eq!(vault.send(&Request::new(route.method, &path)).status, 403, "{} {path}", route.method);
    }
    assert_eq!(vault.list("transit/keys/").status, 200);
    assert!(vault.node.open().is_some());
}

#[test]
fn an_encoded_letter_is_the_letter() {
    let vault = Vault::with_rings();
    assert_eq!(vault.read("transit/keys/%61es").status, 200);
    assert_eq!(vault.read("transit/%6beys/aes").status, 200);
    assert_eq!(vault.read("transit/keys/%2561es").status, 400, "once, not twice");
}

#[test]
fn a_query_means_nothing_where_it_is_not_asked_for() {
    let vault = Vault::with_rings();
    for query in [
        "?",
        "?a=b",
        "?token=x",
        "?plaintext=x",
        "?list=false",
        "?list=",
        "?a=%ff",
        "?%00",
        "?limit=0",
        "?after=!!",
    ] {
        assert_eq!(vault.read(&format!("transit/keys/aes{query}")).status, 200, "{query}");
    }
    for query in ["?list=maybe", "?list=true&list=true", "?list=%ff"] {
        assert_eq!(vault.read(&format!("transit/keys/aes{query}")).error().0, 400, "{query}");
    }
    assert_eq!(vault.read("transit/keys/aes?list=true").error().0, 404, "below a ring nothing is listed");
    assert_eq!(vault.write("transit/keys?list=true", serde_json::Value::Null).error().0, 405);
}
