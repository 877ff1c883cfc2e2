//! Rotation, resealing, renewing and shredding, as an operator sees them.

use std::time::Duration;

use serde_json::{Value, json};
use strongroom_core::Caller;

use crate::support::Vault;

const DAY: u64 = 86_400;

fn status(vault: &Vault) -> Value {
    vault.read("sys/rotation/status").data()
}

/// The status of the first tenant.
fn first(status: &Value) -> Value {
    let tenants = status["tenants"].as_array().unwrap();
    tenants.iter().find(|tenant| tenant["role"] == "first").unwrap().clone()
}

fn versions(tenant: &Value) -> Vec<(u64, String)> {
    let shown = |version: &Value| {
        (version["version"].as_u64().unwrap(), version["reason"].as_str().unwrap().to_owned())
    };
    tenant["versions"].as_array().unwrap().iter().map(shown).collect()
}

#[test]
fn keys_are_rotated_when_their_time_has_come_and_the_status_says_why() {
    let vault = Vault::with_rings();
    let ciphertext = vault.encrypt("aes", "kept");
    let new = status(&vault);
    assert_eq!(new["root"]["reason"], "created");
    assert_eq!(new["root"]["next_rotation"], "2027-01-01T00:00:00.000Z");
    assert_eq!(
        new["schedule"],
        json!({ "root_seconds": 365 * DAY, "tenant_seconds": 90 * DAY, "reseal": true })
    );
    assert_eq!(versions(&first(&new)), [(1, "created".into())]);

    vault.clock.advance(Duration::from_secs(90 * DAY));
    vault.node.tend();
    let quarter = first(&status(&vault));
    // The old version went as soon as nothing lay under it any more.
    assert_eq!(versions(&quarter), [(2, "scheduled".into())]);
    assert_eq!((&quarter["reseal"], &quarter["resealed"]["found"]), (&Value::Null, &json!(0)));

    vault.clock.advance(Duration::from_secs(275 * DAY));
    vault.node.tend();
    let year = status(&vault);
    assert_eq!((&year["root"]["version"], &year["root"]["reason"]), (&json!(2), &json!("scheduled")));
    assert_eq!(year["root"]["made"], "2027-01-01T00:00:00.000Z");
    assert_eq!(vault.decrypt("aes", &ciphertext).status, 200);
}

#[test]
fn the_schedule_is_set_in_part_and_within_its_bounds() {
    let vault = Vault::open();
    let config = || vault.read("sys/rotation/config").data();
    assert_eq!(vault.write("sys/rotation/config", json!({ "root_seconds": 30 * DAY })).status, 204);
    assert_eq!(vault.write("sys/rotation/config", json!({ "reseal": "false" })).status, 204);
    let set = json!({ "root_seconds": 30 * DAY, "tenant_seconds": 90 * DAY, "reseal": false });
    assert_eq!(config(), set);
    assert_eq!(status(&vault)["root"]["next_rotation"], "2026-01-31T00:00:00.000Z");
    for wrong in [
        json!({}),
        json!({ "enabled": true, "interval": "2160h" }),
        json!({ "root_seconds": DAY - 1 }),
        json!({ "tenant_seconds": 0 }),
        json!({ "tenant_seconds": -1 }),
        json!({ "root_seconds": i64::MAX }),
        json!({ "root_seconds": "a year" }),
        json!({ "reseal": "maybe" }),
    ] {
        assert_eq!(vault.write("sys/rotation/config", wrong.clone()).error().0, 400, "{wrong}");
    }
    assert_eq!(config(), set);
}

#[test]
fn records_are_resealed_on_demand_and_a_second_job_is_refused_meanwhile() {
    let vault = Vault::with_rings();
    vault.write("sys/rotation/config", json!({ "reseal": false }));
    assert_eq!(vault.write("sys/rotate", Value::Null).status, 204);
    assert_eq!(versions(&first(&status(&vault))), [(1, "created".into()), (2, "asked".into())]);
    assert_eq!(vault.write("sys/reseal", Value::Null).status, 204);
    let (code, text) = vault.write("sys/reseal", Value::Null).error();
    assert!(code == 409 && text.contains("already"), "{code} {text}");
    let progress = first(&status(&vault))["reseal"].clone();
    assert_eq!((&progress["pass"], &progress["examined"]), (&json!(1), &json!(0)));
    vault.node.tend();
    let after = first(&status(&vault));
    assert_eq!(versions(&after), [(2, "asked".into())]);
    assert_eq!((&after["resealed"]["below"], &after["resealed"]["found"]), (&json!(2), &json!(0)));
    for wrong in [json!({ "tenant": "x" }), json!({ "tenant": "0f".repeat(16) }), json!({ "tenant": 5 })] {
        assert_eq!(vault.write("sys/reseal", wrong.clone()).error().0, 400, "{wrong}");
    }
}

#[test]
fn after_a_leak_everything_is_renewed_and_its_end_is_seen() {
    let vault = Vault::with_rings();
    let ciphertext = vault.encrypt("aes", "kept");
    assert_eq!(vault.read("sys/renew").status, 404, "nothing was renewed yet");
    let root = vault.write("sys/renew", Value::Null).data()["root"].clone();
    assert_eq!(root, 2);
    let (code, text) = vault.write("sys/renew", Value::Null).error();
    assert!(code == 409 && text.contains("again"), "{code} {text}");
    assert_eq!(vault.read("sys/renew").data()["done"], false);
    for _ in 0..3 {
        vault.node.tend();
    }
    let done = vault.read("sys/renew/2").data();
    let all = json!({ "root": 2, "old_roots": 0, "tenants": 2, "waiting": 0, "resealing": 0, "done": true });
    assert_eq!(done, all);
    assert_eq!(versions(&first(&status(&vault))), [(2, "leak".into())]);
    assert_eq!(status(&vault)["root"]["reason"], "leak");
    assert_eq!(vault.decrypt("aes", &ciphertext).status, 200);
    for root in ["0", "3", "4294967295"] {
        assert_eq!(vault.read(&format!("sys/renew/{root}")).status, 404, "{root}");
    }
    assert_eq!(vault.write("sys/renew", Value::Null).data()["root"], 3, "once it is done, it can be begun");
}

#[test]
fn a_tenant_is_shredded_by_its_id_given_twice_and_the_first_one_never() {
    let vault = Vault::with_rings();
    let open = vault.node.open().unwrap();
    let tenant = open.unsealed.create_tenant(&Caller::system()).unwrap().to_string();
    let listed = vault.list("sys/tenants").data();
    assert_eq!(listed["keys"].as_array().unwrap().len(), 3);
    assert!(listed["keys"].as_array().unwrap().contains(&json!(tenant)));
    let shred = |tenant: &str, confirm: Value| {
        vault.write(&format!("sys/tenants/{tenant}/shred"), json!({ "confirm": confirm }))
    };
    let (first, system) = (listed["first"].as_str().unwrap(), listed["system"].as_str().unwrap());
    for (id, confirm) in [
        (&*tenant, json!("yes")),
        (&*tenant, json!(true)),
        (&*tenant, json!(first)),
        (first, json!(first)),
        (system, json!(system)),
        (&*"0f".repeat(16), json!("0f".repeat(16))),
    ] {
        assert_eq!(shred(id, confirm.clone()).error().0, 400, "{id} {confirm}");
    }
    assert_eq!(vault.list("sys/tenants").data(), listed);
    let answer = shred(&tenant, json!(tenant)).data();
    assert_eq!(answer, json!({ "tenant": tenant, "copies_before": "2026-01-01T00:00:00.000Z" }));
    assert_eq!(vault.read(&format!("sys/tenants/{tenant}")).error().0, 400);
    assert_eq!(vault.read("sys/tenants").data()["keys"].as_array().unwrap().len(), 2);
    assert_eq!(shred(&tenant, json!(tenant)).error().0, 400);
    vault.node.tend();
    assert_eq!(vault.read("transit/keys/aes").status, 200, "nobody else lost anything");
}

#[test]
fn tenants_are_listed_page_by_page() {
    let vault = Vault::open();
    let open = vault.node.open().unwrap();
    for _ in 0..5 {
        open.unsealed.create_tenant(&Caller::system()).unwrap();
    }
    let all: Vec<Value> = vault.read("sys/tenants").data()["keys"].as_array().unwrap().clone();
    let (mut found, mut query) = (Vec::new(), "?limit=3".to_owned());
    loop {
        let page = vault.read(&format!("sys/tenants{query}")).data();
        let status = vault.read(&format!("sys/rotation/status{query}")).data();
        let ids: Vec<_> =
            status["tenants"].as_array().unwrap().iter().map(|shown| shown["id"].clone()).collect();
        assert_eq!((&json!(ids), &status["next"]), (&page["keys"], &page["next"]));
        found.extend(ids);
        let Some(next) = page["next"].as_str() else { break };
        query = format!("?limit=3&after={next}");
    }
    assert_eq!((found.len(), found), (7, all));
    for wrong in ["limit=0", "limit=101", "limit=x", "after=x", "after=", "limit=1&limit=1", "after=%ff"] {
        assert_eq!(vault.read(&format!("sys/tenants?{wrong}")).error().0, 400, "{wrong}");
    }
}
