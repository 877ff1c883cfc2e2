//! `sys/slots`: ways in, while the database is open.

use serde_json::{Value, json};

use crate::support::{Answer, Vault, b64};

const WORDS: &str = "correct horse battery staple";

fn slots(vault: &Vault) -> Value {
    vault.read("sys/slots").data()
}

fn shamir(vault: &Vault) -> String {
    let slots = slots(vault)["slots"].as_array().unwrap().clone();
    slots.iter().find(|slot| slot["kind"] == "shamir").unwrap()["id"].as_str().unwrap().into()
}

fn add(vault: &Vault, body: Value) -> Value {
    vault.write("sys/slots", body).data()
}

fn cheap_passphrase() -> Value {
    json!({ "kind": "passphrase", "passphrase": WORDS, "memory_kib": 8192, "passes": 1, "lanes": 1 })
}

fn propose(vault: &Vault, slot: &str) -> (String, Vec<String>) {
    let split = json!({ "kind": "shamir", "shares": 3, "threshold": 2 });
    let made = vault.write(&format!("sys/slots/{slot}/replace"), split).data();
    let shares = serde_json::from_value(made["shares"].clone()).unwrap();
    (made["id"].as_str().unwrap().into(), shares)
}

fn confirm(vault: &Vault, proposed: &str, share: &str) -> Answer {
    vault.write(&format!("sys/slots/{proposed}/confirm"), json!({ "key": share }))
}

fn seal(vault: &Vault) {
    assert_eq!(vault.write("sys/seal", Value::Null).status, 204);
}

fn enter(vault: &Vault, body: Value) -> Answer {
    vault.anyone("PUT", "sys/unseal", body)
}

#[test]
fn a_slot_of_each_kind_is_listed_without_what_opens_it() {
    let vault = Vault::open();
    let secret = b64([7; 40]);
    add(&vault, json!({ "kind": "secret", "secret": secret, "label": "disk" }));
    add(&vault, cheap_passphrase());
    let split = add(&vault, json!({ "kind": "shamir", "shares": "5", "threshold": 3 }));
    assert_eq!(split["shares"].as_array().unwrap().len(), 5);
    let listed = slots(&vault);
    let kinds: Vec<&str> =
        listed["slots"].as_array().unwrap().iter().map(|slot| slot["kind"].as_str().unwrap()).collect();
    assert_eq!((kinds.len(), listed["keys"].as_array().unwrap().len()), (4, 4));
    for kind in ["secret", "passphrase", "shamir"] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    let one = vault.read(&format!("sys/slots/{}", split["id"].as_str().unwrap())).data();
    assert_eq!((&one["shares"], &one["threshold"], &one["state"]), (&json!(5), &json!(3), &json!("in use")));
    let all = listed.to_string() + &one.to_string();
    assert!(!all.contains(WORDS) && !all.contains(&secret) && !all.contains("strongroom-share-"), "{all}");
}

#[test]
fn a_passphrase_unseals_and_a_wrong_or_short_one_does_not() {
    let vault = Vault::open();
    add(&vault, cheap_passphrase());
    seal(&vault);
    let wrong = enter(&vault, json!({ "passphrase": "another one of many words" })).error();
    assert_eq!(wrong, (400, "no slot of this database opens with this passphrase".into()));
    assert_eq!(enter(&vault, json!({ "passphrase": "short" })).error().0, 400);
    assert_eq!(enter(&vault, json!({ "passphrase": [WORDS] })).error().0, 400);
    assert!(vault.node.open().is_none());
    assert_eq!(enter(&vault, json!({ "passphrase": WORDS })).json()["sealed"], false);
}

#[test]
fn shares_are_replaced_only_once_all_of_them_were_entered_again() {
    let vault = Vault::open();
    let old = shamir(&vault);
    let (proposed, shares) = propose(&vault, &old);
    assert_eq!(vault.read(&format!("sys/slots/{proposed}")).data()["replaces"], json!(old));
    for (number, share) in shares.iter().take(2).enumerate() {
        let waiting = confirm(&vault, &proposed, share).data();
        assert_eq!(waiting, json!({ "confirmed": false, "have": number + 1, "need": 3 }));
        assert_eq!(confirm(&vault, &proposed, share).data()["have"], number + 1, "once more is no more");
    }
    seal(&vault);
    assert_eq!(enter(&vault, json!({ "key": shares[0] })).status, 400, "they open nothing yet");
    vault.unseal();
    // What was entered before sealing counts for nothing.
    for share in &shares[..2] {
        assert_eq!(confirm(&vault, &proposed, share).data()["confirmed"], false);
    }
    let confirmed = confirm(&vault, &proposed, &shares[2]).data();
    assert_eq!(confirmed, json!({ "confirmed": true, "id": proposed, "replaced": old }));
    seal(&vault);
    assert_eq!(enter(&vault, json!({ "key": vault.shares[0] })).status, 400, "the old ones are void");
    for share in &shares[1..] {
        assert_eq!(enter(&vault, json!({ "key": share })).status, 200);
    }
    assert!(vault.node.open().is_some());
}

#[test]
fn a_proposal_is_cancelled_and_its_shares_are_void() {
    let vault = Vault::open();
    let old = shamir(&vault);
    let (proposed, shares) = propose(&vault, &old);
    let cancel = |slot: &str| vault.write(&format!("sys/slots/{slot}/cancel"), Value::Null);
    assert_eq!(cancel(&old).error().0, 400, "one in use is not cancelled");
    assert_eq!(cancel(&proposed).status, 204);
    assert_eq!(cancel(&proposed).error(), (404, "there is no such slot".into()));
    assert_eq!(confirm(&vault, &proposed, &shares[0]).error().0, 400);
    assert_eq!(slots(&vault)["proposals"], json!([]));
}

#[test]
fn a_share_alone_is_verified_and_enough_of_them_open() {
    let vault = Vault::open();
    let slot = shamir(&vault);
    let verify = |body: Value| vault.write("sys/slots/verify", body);
    let one = verify(json!({ "key": vault.shares[2] })).data();
    assert_eq!(one, json!({ "id": slot, "state": "in use", "opens": false, "missing": 1, "right": [3] }));
    assert_eq!(verify(json!({ "shares": vault.shares[..2] })).data()["opens"], true);
    let (proposed, shares) = propose(&vault, &slot);
    let new = verify(json!({ "key": shares[0] })).data();
    assert_eq!(
        (&new["id"], &new["state"], &new["opens"]),
        (&json!(proposed), &json!("proposed"), &json!(false))
    );
    for wrong in [
        json!({ "shares": [vault.shares[0], vault.shares[0]] }),
        json!({ "shares": [vault.shares[0], shares[0]] }),
        json!({ "key": Vault::sealed().shares[0] }),
        json!({ "key": "strongroom-share-x" }),
        json!({ "secret": b64([1; 32]) }),
        json!({ "secret": b64([1; 31]) }),
        json!({ "secret": "!" }),
        json!({ "passphrase": WORDS }),
        json!({ "passphrase": WORDS, "key": vault.shares[0] }),
        json!({ "shares": [] }),
        json!({}),
    ] {
        assert_eq!(verify(wrong.clone()).error().0, 400, "{wrong}");
    }
}

#[test]
fn the_last_way_in_is_not_removed_and_a_label_comes_and_goes() {
    let vault = Vault::open();
    let slot = format!("sys/slots/{}", shamir(&vault));
    assert_eq!(vault.delete(&slot).error().0, 400);
    for (label, stays) in [(json!("custodians"), json!("custodians")), (json!(""), Value::Null)] {
        assert_eq!(vault.write(&slot, json!({ "label": label })).status, 204);
        assert_eq!(vault.read(&slot).data()["label"], stays);
    }
    assert_eq!(vault.write(&slot, json!({ "label": "two words" })).error().0, 400);
    add(&vault, json!({ "kind": "secret", "secret": b64([7; 32]) }));
    assert_eq!(vault.delete(&slot).status, 204);
    assert_eq!(vault.delete(&slot).error().0, 404);
}

#[test]
fn a_secret_replaces_a_slot_at_once() {
    let vault = Vault::open();
    let made = add(&vault, json!({ "kind": "secret", "secret": b64([7; 32]), "label": "disk" }));
    let path = format!("sys/slots/{}/replace", made["id"].as_str().unwrap());
    let new = vault.write(&path, json!({ "kind": "secret", "secret": b64([8; 32]) })).data();
    assert_eq!(new["shares"], json!([]));
    let verify = |byte: u8| vault.write("sys/slots/verify", json!({ "secret": b64([byte; 32]) }));
    assert_eq!(verify(7).error().0, 400);
    assert_eq!(verify(8).data()["id"], new["id"]);
    let read = vault.read(&format!("sys/slots/{}", new["id"].as_str().unwrap())).data();
    assert_eq!(read["label"], "disk", "the label stays");
}

#[test]
fn a_slot_that_makes_no_sense_is_refused() {
    let vault = Vault::open();
    let before = slots(&vault);
    for wrong in [
        json!({}),
        json!({ "kind": "card" }),
        json!({ "kind": "key", "backend": "hsm" }),
        json!({ "kind": "shamir" }),
        json!({ "kind": "shamir", "shares": 2, "threshold": 3 }),
        json!({ "kind": "shamir", "shares": 0, "threshold": 0 }),
        json!({ "kind": "shamir", "shares": 256, "threshold": 2 }),
        json!({ "kind": "secret" }),
        json!({ "kind": "secret", "secret": b64([7; 31]) }),
        json!({ "kind": "secret", "secret": "canary!" }),
        json!({ "kind": "passphrase" }),
        json!({ "kind": "passphrase", "passphrase": "canary" }),
        json!({ "kind": "passphrase", "passphrase": WORDS, "memory_kib": 2_000_000 }),
        json!({ "kind": "passphrase", "passphrase": WORDS, "passes": 0 }),
        json!({ "kind": "passphrase", "passphrase": WORDS, "lanes": -1 }),
        json!({ "kind": "secret", "secret": b64([7; 32]), "label": "no/name" }),
    ] {
        let (status, text) = vault.write("sys/slots", wrong.clone()).error();
        assert!(status == 400 && !text.contains("canary"), "{wrong} {status} {text}");
    }
    assert_eq!(slots(&vault), before);
}

/// Anybody may try a passphrase, and each try takes 64 MiB: many at once would take all memory.
#[test]
fn passphrases_are_tried_one_at_a_time() {
    let vault = Vault::open();
    add(&vault, json!({ "kind": "passphrase", "passphrase": WORDS }));
    seal(&vault);
    let attempt = || enter(&vault, json!({ "passphrase": "another one of many words" })).status;
    let begin = std::time::Instant::now();
    loop {
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..4).map(|_| scope.spawn(attempt)).collect();
            tries.into_iter().map(|tried| tried.join().unwrap()).collect()
        });
        assert!(statuses.iter().all(|status| matches!(status, 400 | 503)), "{statuses:?}");
        assert!(statuses.contains(&400), "one has its turn: {statuses:?}");
        if statuses.contains(&503) {
            break;
        }
        assert!(begin.elapsed() < crate::support::LONG, "they were tried beside each other");
    }
    assert_eq!(enter(&vault, json!({ "passphrase": WORDS })).json()["sealed"], false);
}
