//! Our own listing of `transit/keys`: what fits a filter, in pages.

use serde_json::{Value, json};

use crate::support::Vault;

const MADE: &str = "2026-01-01T00:00:00.000Z";

fn with_keys() -> Vault {
    let vault = Vault::open();
    for (name, kind) in [
        ("app-1", "aes256-gcm96"),
        ("app-2", "ed25519"),
        ("app-3", "aes256-gcm96"),
        ("web", "aes256-gcm96"),
        ("pq", "ml-dsa-44"),
    ] {
        assert_eq!(vault.write(&format!("transit/keys/{name}"), json!({ "type": kind })).status, 200);
    }
    assert_eq!(vault.write("transit/keys/app-3/disable", Value::Null).status, 204);
    vault
}

fn page(vault: &Vault, query: &str) -> Value {
    let answer = vault.list(&format!("transit/keys?{query}"));
    assert_eq!(answer.status, 200, "{query}");
    answer.data()
}

#[test]
fn each_member_of_the_filter_takes_out_what_does_not_fit() {
    let vault = with_keys();
    for (query, fitting) in [
        ("cursor=", json!(["app-1", "app-2", "app-3", "pq", "web"])),
        ("prefix=app-", json!(["app-1", "app-2", "app-3"])),
        ("type=aes256-gcm96", json!(["app-1", "app-3", "web"])),
        ("type=ml-dsa-44", json!(["pq"])),
        ("state=disabled", json!(["app-3"])),
        ("prefix=app-&type=aes256-gcm96&state=active", json!(["app-1"])),
        ("made_after=2026-01-01T00:00:00Z", json!(["app-1", "app-2", "app-3", "pq", "web"])),
        ("made_after=2026-01-01T00:00:01Z", json!([])),
        ("made_before=2026-01-01T00:00:00Z", json!([])),
        ("made_before=2026-01-01T00:00:01Z&state=disabled", json!(["app-3"])),
        ("prefix=none", json!([])),
    ] {
        assert_eq!(page(&vault, query)["keys"], fitting, "{query}");
        assert_eq!(vault.read(&format!("transit/keys?list=true&{query}")).data()["keys"], fitting, "{query}");
    }
}

#[test]
fn it_says_of_each_ring_what_it_is() {
    let vault = with_keys();
    let shown = page(&vault, "prefix=app-");
    assert_eq!(
        shown["key_info"],
        json!({
            "app-1": { "type": "aes256-gcm96", "state": "active", "creation_time": MADE },
            "app-2": { "type": "ed25519", "state": "active", "creation_time": MADE },
            "app-3": { "type": "aes256-gcm96", "state": "disabled", "creation_time": MADE },
        })
    );
    assert_eq!(shown["next"], Value::Null);
}

#[test]
fn pages_by_cursor_have_each_ring_once() {
    let vault = with_keys();
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let shown = page(&vault, &format!("prefix=app-&limit=1&cursor={cursor}"));
        seen.extend(shown["keys"].as_array().unwrap().clone());
        let Some(next) = shown["next"].as_str() else { break };
        next.clone_into(&mut cursor);
    }
    assert_eq!(json!(seen), json!(["app-1", "app-2", "app-3"]));
}

#[test]
fn a_cursor_of_another_filter_and_what_is_no_filter_are_refused() {
    let vault = with_keys();
    let next = page(&vault, "prefix=app-&limit=1")["next"].as_str().unwrap().to_owned();
    for query in [
        &format!("prefix=web&cursor={next}"),
        "cursor=x",
        "prefix=%2f",
        "type=des",
        "state=broken",
        "made_after=yesterday",
        "made_before=1",
        "prefix=a&limit=0",
        "prefix=a&after=app-1",
        "prefix=a&prefix=b",
    ] {
        assert_eq!(vault.list(&format!("transit/keys?{query}")).status, 400, "{query}");
    }
}
