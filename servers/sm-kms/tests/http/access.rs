//! Who may do what: every route by every caller in every state.

use serde_json::Value;

use crate::{
    routes::{self, Route},
    support::{Answer, Request, Vault},
};

const WRONG: &str = "s.000000000000000000000000";

fn ask(vault: &Vault, route: &Route, token: Option<&str>) -> Answer {
    let request = route.request();
    vault.send(&token.map_or(request.clone(), |token| request.token(token)))
}

fn column(vault: &Vault, routes: &[Route], number: usize, token: Option<&str>) {
    for route in routes {
        let answer = ask(vault, route, token);
        let expected = route.statuses[number];
        assert_eq!(answer.status, expected, "{} {} {}", route.method, route.path, answer.text());
        if answer.status == 403 && !answer.body.is_empty() {
            assert_eq!(answer.error().1, "permission denied");
        }
        if expected == 204 {
            assert!(answer.body.is_empty() && answer.header("content-type").is_none());
        }
    }
}

#[test]
fn before_init_only_what_everybody_may_ask_is_answered() {
    let vault = Vault::bare();
    for token in [None, Some(WRONG)] {
        column(&vault, &routes::all(&vault), 0, token);
        column(&vault, &routes::seal(), 0, token);
    }
    assert!(vault.node.sealed().is_none());
}

#[test]
fn sealed_only_what_everybody_may_ask_is_answered() {
    let vault = Vault::sealed();
    for token in [None, Some(WRONG), Some(&*vault.token)] {
        column(&vault, &routes::all(&vault), 1, token);
        column(&vault, &routes::seal(), 1, token);
    }
    assert!(vault.node.open().is_none());
}

#[test]
fn without_a_token_or_with_a_wrong_one_nothing_private_is_answered() {
    let vault = Vault::with_rings();
    let before = vault.read("transit/keys/aes").data();
    for routes in [routes::all(&vault), routes::seal()] {
        column(&vault, &routes, 2, None);
        column(&vault, &routes, 3, Some(WRONG));
    }
    assert_eq!(vault.read("transit/keys/aes").data(), before);
    assert_eq!(vault.read("transit/keys/new").status, 404);
}

#[test]
fn with_the_root_token_every_route_does_its_work() {
    let vault = Vault::with_rings();
    column(&vault, &routes::all(&vault), 4, Some(&vault.token));
    column(&vault, &routes::seal()[..1], 4, Some(&vault.token));
    assert!(vault.node.open().is_none());
}

#[test]
fn below_an_unknown_namespace_there_is_nothing() {
    for vault in [Vault::bare(), Vault::sealed(), Vault::with_rings()] {
        for route in routes::all(&vault).iter().chain(&routes::seal()) {
            for namespace in ["team", "root/team", "Root", "..", "a,b", "root//x"] {
                let request = route.request().token(&vault.token).header("X-Vault-Namespace", namespace);
                assert_eq!(vault.send(&request).status, 404, "{} {} {namespace}", route.method, route.path);
            }
        }
    }
}

/// CVE GHSA-mwr2-wmgp-crj6 was about a second spelling of the root namespace.
#[test]
fn the_root_namespace_is_the_root_by_each_of_its_names_only() {
    let vault = Vault::open();
    let lookup = |namespace: &str| {
        vault
            .send(&vault.request("GET", "auth/token/lookup-self").header("X-Vault-Namespace", namespace))
            .status
    };
    for name in ["", "/", "root", "root/"] {
        assert_eq!(lookup(name), 200, "{name:?}");
    }
    for name in ["ROOT", "/root", "./", "root/.", "root/root", "%72oot", "root%2f"] {
        assert_eq!(lookup(name), 404, "{name:?}");
    }
    let twice = vault.request("GET", "auth/token/lookup-self").header("X-Vault-Namespace", "root");
    assert_eq!(vault.send(&twice.header("X-Vault-Namespace", "team")).status, 400);
}

#[test]
fn a_token_is_good_as_a_whole_and_here_only() {
    let (vault, other) = (Vault::open(), Vault::open());
    let lookup = |request: Request| vault.send(&request).status;
    let get = || Request::new("GET", "auth/token/lookup-self");
    assert_eq!(lookup(get().token(&vault.token)), 200);
    assert_eq!(lookup(get().header("Authorization", &format!("Bearer {}", vault.token))), 200);
    assert_eq!(lookup(get().token("").header("authorization", &format!("bearer {}", vault.token))), 200);
    let (good, half) = (&vault.token, vault.token.len() / 2);
    for wrong in [
        &good[..half],
        &good[1..],
        &format!("{good}{good}"),
        &format!("{good}x"),
        &good.to_uppercase(),
        &good.to_lowercase(),
        &format!("{good},{good}"),
        &format!("\"{good}\""),
        &other.token,
        &vault.shares[0],
        &vault.hex[0],
        &"x".repeat(20_000),
        "root",
        "null",
        "*",
    ] {
        for _ in 0..2 {
            assert_eq!(lookup(get().token(wrong)), 403, "{wrong}");
            assert_eq!(lookup(get().header("Authorization", &format!("Bearer {wrong}"))), 403, "{wrong}");
        }
    }
    assert_eq!(lookup(get().header("Authorization", &format!("Basic {good}"))), 403);
    assert_eq!(lookup(get().header("Authorization", good)), 403);
    assert_eq!(lookup(get().header("Cookie", &format!("token={good}"))), 403);
    assert_eq!(lookup(Request::new("GET", &format!("auth/token/lookup-self?token={good}"))), 403);
    assert_eq!(lookup(get().token(good).header("Authorization", "Bearer other")), 400);
    assert_eq!(lookup(get().token(good).token(good)), 400);
}

#[test]
fn a_token_is_good_again_after_a_seal_and_not_before_the_unseal() {
    let vault = Vault::open();
    assert_eq!(vault.read("auth/token/lookup-self").status, 200);
    vault.send(&vault.request("PUT", "sys/seal"));
    assert_eq!(vault.read("auth/token/lookup-self").status, 503);
    vault.unseal();
    assert_eq!(vault.read("auth/token/lookup-self").status, 200);
    assert_eq!(vault.send(&Request::new("GET", "auth/token/lookup-self").token(WRONG)).status, 403);
}

#[test]
fn sealing_while_others_work_lets_nothing_begin_after_its_answer() {
    let vault = Vault::with_rings();
    let ciphertext = vault.encrypt("aes", "x");
    let sealed = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let after = sealed.load(std::sync::atomic::Ordering::SeqCst);
                    let status = vault.decrypt("aes", &ciphertext).status;
                    assert!(matches!(status, 200 | 503), "{status}");
                    assert!(!after || status == 503, "an operation after the answer to seal");
                    if after {
                        break;
                    }
                }
            });
        }
        std::thread::sleep(std::time::Duration::from_millis(30));
        assert_eq!(vault.write("sys/seal", Value::Null).status, 204);
        sealed.store(true, std::sync::atomic::Ordering::SeqCst);
    });
}
