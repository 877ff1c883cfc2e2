//! The log of events over HTTP: what was asked is found again, proven to others, and kept as long as is said.

use std::{io, time::Duration};

use serde_json::{Value, json};
use strongroom::audit::{Archive, ConsistencyProof, InclusionProof, VerifierKey, verify_export};
use strongroom_core::{Action, Verdict};

use crate::{events::taken, support::Vault};

const DAY: Duration = Duration::from_secs(86_400);

/// The events that a listing shows.
fn events(vault: &Vault, path: &str) -> Vec<Value> {
    vault.read(path).data()["events"].as_array().unwrap().clone()
}

/// One member of each event.
fn column(events: &[Value], name: &str) -> Vec<String> {
    events.iter().map(|event| event[name].as_str().unwrap_or("-").to_owned()).collect()
}

fn key(vault: &Vault) -> VerifierKey {
    VerifierKey::parse(vault.read("audit/key").data()["key"].as_str().unwrap()).unwrap()
}

/// A vault in which something happened to three rings, at another time each.
fn busy() -> Vault {
    let vault = Vault::with_rings();
    for name in ["aes", "ed", "p256"] {
        vault.clock.advance(DAY);
        assert_eq!(vault.write(&format!("transit/keys/{name}/rotate"), Value::Null).status, 200);
    }
    assert_eq!(vault.write("transit/keys/none/rotate", Value::Null).status, 400);
    vault.encrypt("aes", "text");
    vault
}

#[test]
fn what_was_asked_is_found_again_by_everything_that_an_event_says() {
    let vault = busy();
    let accessor = vault.read("auth/token/lookup-self").data()["accessor"].as_str().unwrap().to_owned();
    let request = vault.write("transit/keys/aes/rotate", Value::Null).json()["request_id"].clone();
    let request = request.as_str().unwrap();
    for (query, actions) in [
        ("resource=aes&service=kms&order=oldest".into(), vec!["create", "rotate", "rotate", "encrypt"]),
        ("action=rotate&outcome=allowed".into(), vec!["rotate"; 4]),
        ("action=rotate&outcome=failed".into(), vec!["rotate"]),
        (format!("action=create&actor={accessor}"), vec!["create"; 3]),
        ("action=create&actor=anonymous".into(), vec![]),
        (format!("request={request}"), vec!["rotate"]),
        ("action=rotate&from=2026-01-03T00:00:00Z&to=2026-01-04T00:00:00Z".into(), vec!["rotate"]),
        ("action=rotate&to=2026-01-02T00:00:00Z".into(), vec![]),
        ("service=barrier".into(), vec![]),
    ] {
        let found = events(&vault, &format!("audit/events?{query}"));
        assert_eq!(column(&found, "action"), actions, "{query}: {found:?}");
    }
    let system = events(&vault, "audit/system/events?order=oldest");
    assert_eq!(column(&system, "action"), ["initialize", "submit", "submit", "unseal", "create"]);
}

#[test]
fn an_event_tells_all_and_its_hashed_token_is_what_audit_hash_answers() {
    let vault = busy();
    let found = events(&vault, "audit/events?action=rotate&outcome=failed");
    let hash = vault.write("sys/audit-hash/log", json!({ "input": vault.token })).data()["hash"].clone();
    let event = &found[0];
    assert_eq!(event["token"], hash);
    assert!(hash.as_str().unwrap().starts_with("hmac-sha256:"));
    assert_eq!((&event["outcome"], &event["reason"]), (&json!("failed"), &json!("not_found")));
    assert_eq!((&event["resource"], &event["service"]), (&json!("none"), &json!("kms")));
    assert_eq!(event["time"], "2026-01-04T00:00:00.000Z");
    assert!(!vault.read("audit/events").text().contains(&vault.token));
    let other = vault.write("sys/audit-hash/log", json!({ "input": "another" })).data();
    assert_ne!(other["hash"], hash);
}

#[test]
fn pages_show_every_event_once_in_either_order() {
    let vault = busy();
    for order in ["oldest", "newest"] {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let path = format!("audit/events?service=kms&order={order}&limit=2{after}");
            let page = vault.read(&path).data();
            let found = page["events"].as_array().unwrap();
            assert!(found.len() <= 2);
            all.extend(found.iter().map(|event| event["index"].as_u64().unwrap()));
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        let mut sorted = all.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), 8, "{all:?}");
        if order == "newest" {
            sorted.reverse();
        }
        assert_eq!(all, sorted);
    }
}

#[test]
fn a_tail_shows_what_comes_in_once_and_nothing_else() {
    let vault = busy();
    let mut next = vault.read("audit/tail").data()["next"].clone();
    for round in 0..3 {
        vault.encrypt("aes", "text");
        let seen = vault.read(&format!("audit/tail?action=encrypt&after={}", next.as_str().unwrap())).data();
        assert_eq!(seen["events"].as_array().unwrap().len(), 1, "{round}");
        next = seen["next"].clone();
    }
}

#[test]
fn a_query_that_makes_no_sense_is_refused() {
    let vault = Vault::open();
    for query in [
        "service=none",
        "action=Create",
        "actor=x",
        "resource=%2fx",
        "request=x",
        "outcome=maybe",
        "from=monday",
        "to=x",
        "order=up",
        "after=x",
        "limit=0",
        "limit=1001",
        "limit=-1",
        "limit=x",
        "action=create&action=rotate",
    ] {
        assert_eq!(vault.read(&format!("audit/events?{query}")).error().0, 400, "{query}");
    }
    let next = vault.read("audit/tail").data()["next"].as_str().unwrap().to_owned();
    let other = vault.read(&format!("audit/system/events?order=oldest&after={next}"));
    assert_eq!(other.error().0, 400, "a place in another log");
}

#[test]
fn a_proof_shows_the_event_to_whoever_has_the_key_and_no_changed_one_does() {
    let vault = busy();
    let found = events(&vault, "audit/events?action=encrypt");
    let path = format!("audit/proof/{}", found[0]["index"]);
    let (text, key) = (vault.read(&path).text().to_owned(), key(&vault));
    let proven = InclusionProof::parse(&text).unwrap().verify(&key).unwrap();
    let event = proven.payload.unwrap().event;
    assert_eq!((event.action, event.outcome), (Action::Encrypt, Verdict::Allowed));
    for at in (0..text.len()).step_by(7) {
        let mut bytes = text.clone().into_bytes();
        bytes[at] ^= 1;
        let changed = String::from_utf8(bytes).ok().and_then(|text| InclusionProof::parse(&text).ok());
        assert!(changed.is_none_or(|proof| proof.verify(&key).is_err()), "byte {at}");
    }
    let other = Vault::with_rings();
    let others = VerifierKey::parse(other.read("audit/key").data()["key"].as_str().unwrap()).unwrap();
    assert!(InclusionProof::parse(&text).unwrap().verify(&others).is_err());
    assert_eq!(vault.read("audit/proof/100000").error().0, 404);
}

/// The files of a log as they are served.
struct Served<'v>(&'v Vault, &'static str);

impl Archive for Served<'_> {
    fn put(&mut self, _: &str, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        let answer = self.0.read(&format!("{}/{path}", self.1));
        Ok((answer.status == 200).then_some(answer.body))
    }
}

#[test]
fn what_is_served_is_a_whole_log_that_verifies_for_others() {
    let vault = busy();
    (0..300).for_each(|number| drop(vault.encrypt("aes", &number.to_string())));
    let mut actions = Vec::new();
    let mut note = |entry: &strongroom::audit::ExportedEntry| {
        actions.push(entry.payload.as_ref().map(|payload| payload.event.action));
    };
    let own = verify_export(&Served(&vault, "audit"), &key(&vault), &mut note, &mut |_| {}).unwrap();
    assert_eq!(actions.len() as u64, own.size);
    assert_eq!(actions.iter().filter(|action| **action == Some(Action::Encrypt)).count(), 301);
    for prefix in ["audit/system", "audit/global"] {
        let key = vault.read(&format!("{prefix}/key")).data()["key"].as_str().unwrap().to_owned();
        let key = VerifierKey::parse(&key).unwrap();
        verify_export(&Served(&vault, prefix), &key, &mut |_| {}, &mut |_| {}).unwrap();
    }
}

#[test]
fn a_kept_checkpoint_is_proven_to_be_the_beginning_of_the_log_or_refused() {
    let vault = busy();
    let kept = vault.read("audit/checkpoint").text().to_owned();
    vault.encrypt("aes", "later");
    let answer = vault.write("audit/consistency", json!({ "checkpoint": kept }));
    let proof = ConsistencyProof::parse(answer.text()).unwrap();
    let (old, new) = proof.verify(&key(&vault)).unwrap();
    assert!(old.size < new.size);
    let path = format!("audit/consistency?from={}&to={}", old.size, new.size);
    assert!(!vault.read(&path).data()["hashes"].as_array().unwrap().is_empty());
    let other = busy().read("audit/checkpoint").text().to_owned();
    for (checkpoint, status) in [(other.as_str(), 400), ("x", 400), (&kept[1..], 400)] {
        let refused = vault.write("audit/consistency", json!({ "checkpoint": checkpoint }));
        assert_eq!(refused.error().0, status, "{checkpoint}");
    }
    assert_eq!(vault.read("audit/consistency?from=1&to=1000000").error().0, 404);
    assert_eq!(vault.read("audit/consistency?from=1").error().0, 400);
}

#[test]
fn what_a_producer_hands_in_is_logged_once_and_says_so() {
    let vault = Vault::with_rings();
    let producer = registered(&vault, &["kms"]);
    let hand_in = |number: u64| {
        let event = json!({ "service": "kms", "action": "rotate", "resource": "elsewhere", "count": 3 });
        vault.write("audit/events", json!({ "producer": producer, "number": number, "events": [event] }))
    };
    assert_eq!(hand_in(1).data(), json!({ "new": true, "next": 2 }));
    assert_eq!(hand_in(1).data(), json!({ "new": false, "next": 2 }));
    assert_eq!(hand_in(3).error().0, 409, "a gap");
    let found = events(&vault, "audit/events?resource=elsewhere");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["details"], json!([{ "count": 3 }, { "handed_in_by": producer }]));
    assert!(found[0]["token"].is_string(), "by whose token");
    let listed = vault.read("audit/producer").data();
    let actor = &found[0]["actor"];
    assert_eq!(
        listed["producers"],
        json!([{ "producer": producer, "actor": actor, "services": ["kms"], "next": 2 }])
    );
}

/// A producer that speaks for these services by the root token.
fn registered(vault: &Vault, services: &[&str]) -> String {
    let producer = "0e".repeat(16);
    let answer = vault.write(&format!("audit/producer/{producer}"), json!({ "services": services }));
    assert_eq!(answer.status, 204, "{}", answer.text());
    producer
}

#[test]
fn a_producer_that_is_not_registered_or_speaks_for_another_service_is_refused_and_that_is_an_event() {
    let vault = Vault::open();
    let producer = "0e".repeat(16);
    let hand_in = |service: &str| {
        let event = json!({ "service": service, "action": "rotate", "resource": "elsewhere" });
        vault.write("audit/events", json!({ "producer": producer, "number": 1, "events": [event] })).error()
    };
    let refused = |(status, why): (u16, String), says: &str| {
        assert!(status == 403 && why.contains(says), "{status}: {why}");
    };
    refused(hand_in("kms"), "no such producer is registered");
    registered(&vault, &["identity", "backup"]);
    for service in ["kms", "barrier", "server", "audit"] {
        refused(hand_in(service), "may not speak for that service");
    }
    // Registered for another token.
    let other = json!({ "services": ["kms"], "actor": "0f".repeat(16) });
    assert_eq!(vault.write(&format!("audit/producer/{producer}"), other).status, 204);
    refused(hand_in("kms"), "no such producer is registered");
    let told = events(&vault, "audit/events?service=audit&action=create&outcome=refused");
    assert_eq!(told.len(), 6, "{told:?}");
    for event in told {
        assert_eq!(
            (&event["reason"], &event["details"]),
            (&json!("denied"), &json!([{ "handed_in_by": producer }]))
        );
    }
    assert!(events(&vault, "audit/events?resource=elsewhere").is_empty());
    assert_eq!(events(&vault, "audit/events?service=audit&action=configure&outcome=allowed").len(), 2);
}

#[test]
fn who_may_hand_in_what_is_said_in_a_closed_form() {
    let vault = Vault::open();
    let path = format!("audit/producer/{}", "0e".repeat(16));
    for body in [
        json!({}),
        json!({ "services": ["none"] }),
        json!({ "services": ["audit"] }),
        json!({ "services": ["kms"], "actor": "system" }),
        json!({ "services": ["kms"], "actor": "0F".repeat(16) }),
    ] {
        assert_eq!(vault.write(&path, body.clone()).error().0, 400, "{body}");
    }
    for path in ["audit/producer/x", "audit/system/producer", "audit/global/producer"] {
        assert_eq!(vault.write(path, json!({ "services": ["kms"] })).error().0, 404, "{path}");
    }
    assert_eq!(vault.read("audit/producer").data(), json!({ "producers": [] }));
}

#[test]
fn what_a_producer_hands_in_is_of_a_closed_form() {
    let vault = Vault::open();
    registered(&vault, &["kms"]);
    let with = |member: &str, value: Value| {
        let mut event = json!({ "service": "kms", "action": "rotate" });
        event[member] = value;
        json!({ "producer": "0e".repeat(16), "number": 1, "events": [event] })
    };
    for body in [
        with("service", json!("none")),
        with("action", json!("burn")),
        with("resource", json!("a text with spaces")),
        with("time", json!("monday")),
        with("outcome", json!("refused")),
        with("reason", json!("denied")),
        json!({ "producer": "x", "number": 1, "events": [] }),
        json!({ "producer": "0e".repeat(16), "number": 1, "events": [] }),
    ] {
        assert_eq!(vault.write("audit/events", body.clone()).error().0, 400, "{body}");
    }
}

#[test]
fn nothing_is_erased_without_the_month_said_twice() {
    let vault = busy();
    for body in [
        json!({}),
        json!({ "month": "2026-01" }),
        json!({ "confirm": "2026-01" }),
        json!({ "month": "2026-01", "confirm": "2026-02" }),
        json!({ "month": "2026-01", "confirm": true }),
    ] {
        assert_eq!(vault.write("audit/prune", body.clone()).error().0, 400, "{body}");
    }
}

#[test]
fn a_hold_and_the_retention_decide_what_may_be_erased() {
    let vault = busy();
    vault.read("audit/events");
    let prune = || vault.write("audit/prune", json!({ "month": "2026-01", "confirm": "2026-01" }));
    assert_eq!(prune().error().0, 409, "seven years are not over");
    let rules = json!({ "rules": [{ "days": 30 }] });
    assert_eq!(vault.write("audit/retention", rules).status, 204);
    assert_eq!(prune().error().0, 409, "30 days are not over");
    vault.clock.advance(DAY * 62);
    assert_eq!(vault.write("audit/hold/suit", json!({ "resource": "aes" })).status, 204);
    assert_eq!(vault.read("audit/hold").data()["holds"][0]["resource"], "aes");
    assert_eq!(prune().error().0, 409, "held");
    assert_eq!(vault.delete("audit/hold/suit").status, 204);
    let proof = vault.read("audit/proof/0").text().to_owned();
    assert!(InclusionProof::parse(&proof).unwrap().verify(&key(&vault)).unwrap().payload.is_some());
    assert_eq!(prune().status, 204);
    assert!(events(&vault, "audit/events?resource=aes").is_empty());
    let proof = InclusionProof::parse(vault.read("audit/proof/0").text()).unwrap();
    assert!(proof.verify(&key(&vault)).unwrap().payload.is_none(), "the hash stays");
    let erased = events(&vault, "audit/events?action=destroy&outcome=allowed");
    assert_eq!(column(&erased, "resource"), ["audit-2026-01"]);
}

#[test]
fn what_begins_with_the_end_of_a_key_is_erased_by_nobody() {
    let vault = busy();
    let rules =
        json!({ "rules": [{ "service": "kms", "trigger": "resource_end", "days": 1 }, { "days": 1 }] });
    assert_eq!(vault.write("audit/retention", rules).status, 204);
    vault.read("audit/events");
    vault.clock.advance(DAY * 62);
    let body = json!({ "month": "2026-01", "confirm": "2026-01" });
    assert_eq!(vault.write("audit/prune", body).error().0, 409);
}

#[test]
fn vaults_clients_see_one_device_that_stays() {
    let vault = Vault::open();
    assert_eq!(vault.read("sys/audit").data()["log/"]["type"], "strongroom");
    for answer in [
        vault.write("sys/audit/file", json!({ "type": "file", "options": { "file_path": "/tmp/x" } })),
        vault.delete("sys/audit/log"),
    ] {
        assert!(answer.error().1.contains("always on"));
    }
}

#[test]
fn lines_of_an_export_are_the_events_and_where_to_go_on() {
    let vault = busy();
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let answer = vault.read(&format!("audit/export?service=kms&limit=3{after}"));
        let mut lines: Vec<Value> =
            answer.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let last = lines.pop().unwrap();
        all.append(&mut lines);
        let Some(next) = last["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(all, events(&vault, "audit/events?service=kms&order=oldest"));
    assert!(taken(&vault).len() < 10, "the log took the rest over");
}
