//! `sys`: from an empty store to an open one and back.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{NEW_YEAR, Request, Vault, b64};

fn status(vault: &Vault) -> Value {
    vault.anyone("GET", "sys/seal-status", Value::Null).json()
}

fn progress(vault: &Vault) -> u64 {
    status(vault)["progress"].as_u64().unwrap()
}

fn enter(vault: &Vault, key: &str) -> (u16, String) {
    let answer = vault.anyone("PUT", "sys/unseal", json!({ "key": key }));
    if answer.status == 200 { (200, String::new()) } else { answer.error() }
}

#[test]
fn init_gives_each_share_twice_and_a_token_and_leaves_it_sealed() {
    let vault = Vault::bare();
    assert_eq!(vault.anyone("GET", "sys/init", Value::Null).json(), json!({ "initialized": false }));
    let vault = vault.initialized();
    assert_eq!(vault.anyone("GET", "sys/init", Value::Null).json(), json!({ "initialized": true }));
    assert_eq!((vault.shares.len(), vault.hex.len()), (3, 3));
    let as_hex = |share: &String| -> String {
        use base64::{Engine, engine::general_purpose::STANDARD};
        STANDARD.decode(share).unwrap().iter().map(|byte| format!("{byte:02x}")).collect()
    };
    assert_eq!(vault.shares.iter().map(as_hex).collect::<Vec<_>>(), vault.hex);
    assert!(vault.token.len() > 20);
    let expected = json!({
        "type": "shamir", "initialized": true, "sealed": true, "t": 2, "n": 3, "progress": 0, "nonce": "",
        "version": env!("CARGO_PKG_VERSION"), "migration": false, "recovery_seal": false,
        "storage_type": "strongroom",
    });
    assert_eq!(status(&vault), expected);
}

#[test]
fn init_happens_once() {
    let vault = Vault::sealed();
    let again = |vault: &Vault| {
        vault.anyone("POST", "sys/init", json!({ "secret_shares": 1, "secret_threshold": 1 })).error()
    };
    assert_eq!(again(&vault), (400, "Vault is already initialized".into()));
    vault.unseal();
    assert_eq!(again(&vault).0, 400);
    assert_eq!(vault.read("auth/token/lookup-self").status, 200, "and the first token stays good");
}

#[test]
fn init_refuses_splits_that_make_no_sense() {
    let vault = Vault::bare();
    let numbers = [(0, 0), (1, 0), (0, 1), (5, 6), (5, 1), (-1, -1), (256, 3), (3, 256), (i64::MAX, 2)];
    for (shares, threshold) in numbers {
        let body = json!({ "secret_shares": shares, "secret_threshold": threshold });
        let (status, text) = vault.anyone("PUT", "sys/init", body).error();
        assert!(status == 400 && text.starts_with("invalid seal configuration"), "{text}");
    }
    for (name, value) in [("pgp_keys", json!(["x"])), ("root_token_pgp_key", json!("x"))] {
        let body = json!({ "secret_shares": 3, "secret_threshold": 2, name: value });
        assert_eq!(
            vault.anyone("PUT", "sys/init", body).status,
            400,
            "{name} would promise encrypted shares"
        );
    }
    assert!(!status(&vault)["initialized"].as_bool().unwrap());
    let body = json!({ "secret_shares": 1, "secret_threshold": 1, "pgp_keys": [], "root_token_pgp_key": "" });
    assert_eq!(vault.anyone("PUT", "sys/init", body).status, 200);
}

#[test]
fn two_who_initialise_at_once_get_one_database() {
    let vault = Vault::bare();
    let body = json!({ "secret_shares": 1, "secret_threshold": 1 });
    let mut statuses: Vec<u16> = std::thread::scope(|scope| {
        let ask = || vault.anyone("PUT", "sys/init", body.clone()).status;
        let running: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        running.into_iter().map(|one| one.join().unwrap()).collect()
    });
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400, 400, 400, 400, 400, 400, 400]);
}

#[test]
fn shares_unseal_as_base64_or_hex_and_each_counts_once() {
    let vault = Vault::sealed();
    assert_eq!(enter(&vault, &vault.hex[2]).0, 200);
    assert_eq!(enter(&vault, &vault.shares[2]).0, 200);
    assert_eq!(progress(&vault), 1);
    let last = vault.anyone("POST", "sys/unseal", json!({ "key": vault.shares[0] })).json();
    assert_eq!((last["sealed"].clone(), last["progress"].clone()), (json!(false), json!(0)));
    assert!(last["cluster_id"].is_string());
    assert_eq!(vault.read("auth/token/lookup-self").status, 200);
    assert_eq!(enter(&vault, &vault.shares[1]).0, 200, "what is open stays open");
    assert_eq!(progress(&vault), 0);
}

#[test]
fn a_rejected_share_changes_nothing() {
    let (vault, other) = (Vault::sealed(), Vault::sealed());
    enter(&vault, &vault.shares[0]);
    let flipped = |share: &str, at: usize| {
        let old = &share[at..=at];
        format!("{}{}{}", &share[..at], if old == "0" { "1" } else { "0" }, &share[at + 1..])
    };
    for key in [
        other.shares[1].clone(),
        flipped(&vault.hex[1], 40),
        flipped(&vault.hex[1], 2),
        vault.hex[1].to_uppercase() + "00",
        vault.hex[1][..100].into(),
        b64("short"),
        "!!".into(),
        "A".repeat(10_000),
        "ä".into(),
    ] {
        let (status, text) = enter(&vault, &key);
        assert!(status == 400 && !text.is_empty() && !text.contains(&key), "{key}: {status} {text}");
        assert_eq!(progress(&vault), 1, "{key}");
    }
    assert_eq!(enter(&vault, &vault.shares[1]).0, 200);
    assert!(vault.node.open().is_some());
}

#[test]
fn a_share_is_forgotten_by_reset_and_after_ten_minutes() {
    let vault = Vault::sealed();
    enter(&vault, &vault.shares[0]);
    let reset = vault.anyone("PUT", "sys/unseal", json!({ "reset": true }));
    assert_eq!((reset.status, reset.json()["progress"].clone()), (200, json!(0)));
    enter(&vault, &vault.shares[0]);
    vault.clock.advance(Duration::from_secs(599));
    assert_eq!(progress(&vault), 1);
    vault.clock.advance(Duration::from_secs(1));
    assert_eq!(progress(&vault), 0);
    enter(&vault, &vault.shares[1]);
    assert!(vault.node.open().is_none(), "one share is not two");
}

#[test]
fn unseal_needs_a_key_or_a_reset() {
    let bare = Vault::bare();
    assert_eq!(enter(&bare, &b64("x")), (400, "Vault is not initialized".into()));
    let vault = Vault::sealed();
    for body in
        [json!({}), json!({ "key": "" }), json!({ "key": null }), json!({ "reset": false }), Value::Null]
    {
        assert_eq!(vault.anyone("PUT", "sys/unseal", body).status, 400);
    }
    vault.unseal();
    assert_eq!(vault.anyone("PUT", "sys/unseal", json!({ "reset": true })).error().0, 400);
}

#[test]
fn after_seal_nothing_works_until_the_shares_come_again() {
    let vault = Vault::with_rings();
    let ciphertext = vault.encrypt("aes", "kept");
    assert_eq!(vault.send(&vault.request("PUT", "sys/seal")).status, 204);
    assert_eq!(vault.decrypt("aes", &ciphertext).error(), (503, "Vault is sealed".into()));
    assert_eq!(vault.read("auth/token/lookup-self").status, 503);
    assert_eq!(status(&vault)["sealed"], json!(true));
    assert!(status(&vault).get("cluster_id").is_none());
    assert_eq!(vault.anyone("PUT", "sys/seal", Value::Null).status, 204, "sealed stays sealed");
    vault.unseal();
    assert_eq!(vault.decrypt("aes", &ciphertext).data()["plaintext"], json!(b64("kept")));
}

#[test]
fn a_share_from_before_a_seal_does_not_count_after_it() {
    let vault = Vault::open();
    vault.node.enter_share(&strongroom_sm_kms::Asker::system(), strongroom_barrier_share(&vault)).unwrap();
    assert_eq!(vault.send(&vault.request("PUT", "sys/seal")).status, 204);
    assert_eq!(progress(&vault), 0);
    assert_eq!(enter(&vault, &vault.shares[1]).0, 200);
    assert!(vault.node.open().is_none());
}

/// The first share, past the check of the HTTP face that something is sealed.
fn strongroom_barrier_share(vault: &Vault) -> strongroom_barrier::Share {
    strongroom_barrier::Share::parse(&strongroom_keys::RustCrypto::new(), &vault.shares[0]).unwrap()
}

#[test]
fn rotating_loses_no_share_and_no_ciphertext() {
    let vault = Vault::with_rings();
    let ciphertext = vault.encrypt("aes", "kept");
    for path in ["sys/rotate", "sys/rotate/keyring", "sys/rotate/root", "sys/rotate", "sys/rotate/root"] {
        assert_eq!(vault.write(path, Value::Null).status, 204, "{path}");
    }
    for shares in [[0, 1], [1, 2], [2, 0]] {
        vault.send(&vault.request("PUT", "sys/seal"));
        for share in shares {
            assert_eq!(enter(&vault, &vault.shares[share]).0, 200);
        }
        assert_eq!(vault.decrypt("aes", &ciphertext).data()["plaintext"], json!(b64("kept")));
    }
}

#[test]
fn key_status_tells_the_term_of_the_root() {
    let vault = Vault::open();
    let term = || vault.read("sys/key-status").data()["term"].as_u64().unwrap();
    let before = term();
    vault.clock.advance(Duration::from_secs(60));
    assert_eq!(vault.write("sys/rotate/root", Value::Null).status, 204);
    assert_eq!(term(), before + 1);
    let answer = vault.read("sys/key-status");
    assert_eq!(answer.data()["install_time"], json!("2026-01-01T00:01:00.000Z"));
    assert_eq!(answer.json()["term"], answer.data()["term"], "also where old clients look");
}

#[test]
fn health_tells_the_state_by_its_status() {
    let vault = Vault::bare();
    let health = |vault: &Vault, query: &str| {
        let answer = vault.send(&Request::new("GET", &format!("sys/health{query}")));
        (answer.status, if answer.body.is_empty() { Value::Null } else { answer.json() })
    };
    let body = |initialized: bool, sealed: bool| {
        let mode = if sealed { ("unknown", "unknown") } else { ("primary", "disabled") };
        json!({
            "initialized": initialized, "sealed": sealed, "standby": sealed,
            "replication_performance_mode": mode.0, "replication_dr_mode": mode.1,
            "server_time_utc": NEW_YEAR, "version": env!("CARGO_PKG_VERSION"),
        })
    };
    assert_eq!(health(&vault, ""), (501, body(false, true)));
    assert_eq!(health(&vault, "?uninitcode=299&sealedcode=298&activecode=297").0, 299);
    let vault = vault.initialized();
    assert_eq!(health(&vault, ""), (503, body(true, true)));
    assert_eq!(health(&vault, "?uninitcode=299&sealedcode=298&activecode=297").0, 298);
    vault.unseal();
    assert_eq!(health(&vault, ""), (200, body(true, false)));
    assert_eq!(health(&vault, "?uninitcode=299&sealedcode=298&activecode=297").0, 297);
    assert_eq!(health(&vault, "?standbyok=true&perfstandbyok=true").0, 200);
}

#[test]
fn health_cannot_be_asked_for_a_status_that_breaks_http() {
    let vault = Vault::open();
    for code in ["0", "99", "100", "101", "199", "600", "999", "-1", "65736", "abc", "", "2e2", "0x1", "²"] {
        let answer = vault.send(&Request::new("GET", &format!("sys/health?activecode={code}")));
        assert_eq!(answer.error(), (400, String::new()), "{code}");
    }
    assert_eq!(vault.send(&Request::new("GET", "sys/health?activecode=200&activecode=201")).status, 400);
    for code in [204, 205, 304] {
        let mut client = vault.connect();
        let answer = client.exchange(&Request::new("GET", &format!("sys/health?activecode={code}")));
        assert_eq!((answer.status, answer.body.len()), (code, 0));
        assert!(client.is_quiet(), "no body follows {code}");
    }
}

#[test]
fn leader_is_this_process_once_it_is_open() {
    let vault = Vault::sealed();
    assert_eq!(vault.anyone("GET", "sys/leader", Value::Null).status, 503);
    vault.unseal();
    let leader = vault.anyone("GET", "sys/leader", Value::Null).json();
    assert_eq!((leader["ha_enabled"].clone(), leader["is_self"].clone()), (json!(false), json!(true)));
}

#[test]
fn mounts_are_transit_and_sys() {
    let vault = Vault::open();
    let answer = vault.read("sys/mounts");
    let mounts = answer.data();
    assert_eq!(mounts.as_object().unwrap().keys().collect::<Vec<_>>(), ["sys/", "transit/"]);
    assert_eq!(mounts["transit/"]["type"], json!("transit"));
    assert_eq!(answer.json()["transit/"], mounts["transit/"], "also where old clients look");
    let shown = vault.read("sys/internal/ui/mounts").data();
    assert_eq!(shown["secret"], mounts);
    assert_eq!(shown["auth"]["token/"]["type"], json!("token"));
    let nothing = vault.anyone("GET", "sys/internal/ui/mounts", Value::Null).data();
    assert_eq!(nothing, json!({ "auth": {}, "secret": {} }), "nobody in particular may use nothing");
    for path in ["transit", "transit/keys/any"] {
        let mount = vault.read(&format!("sys/internal/ui/mounts/{path}")).data();
        assert_eq!((mount["path"].clone(), mount["type"].clone()), (json!("transit/"), json!("transit")));
    }
    assert_eq!(vault.read("sys/internal/ui/mounts/secret").error().0, 403);
}

#[test]
fn the_token_looks_itself_up() {
    let vault = Vault::open();
    let data = vault.read("auth/token/lookup-self").data();
    assert_eq!(data["id"], json!(vault.token));
    assert_eq!(data["policies"], json!(["root"]));
    assert_eq!(data["creation_time"], json!(NEW_YEAR));
    assert_eq!(data["accessor"].as_str().unwrap().len() % 2, 0);
    assert!(!vault.token.contains(data["accessor"].as_str().unwrap()));
}
