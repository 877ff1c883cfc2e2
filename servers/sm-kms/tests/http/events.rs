//! Events: one for each request, of the right kind, durable before the answer where that is promised.

use serde_json::{Value, json};
use strongroom_core::{
    Action, Actor, Class, Detail, Event, Failure, Reader, Refusal, Service, Tenant, Verdict, waiting,
};

use crate::{
    routes::{self, Route},
    support::{Request, Vault, b64},
};

/// The events that the store holds now; what waits in memory is not among them.
pub(crate) fn kept(vault: &Vault) -> Vec<Event> {
    let open = vault.node.open().unwrap();
    waiting(&open.unsealed, 100_000).unwrap().into_iter().flat_map(|row| row.events).collect()
}

/// Takes all events out, before the log does.
pub(crate) fn taken(vault: &Vault) -> Vec<Event> {
    vault.node.flush();
    let (open, mut events) = (vault.node.open().unwrap(), Vec::new());
    loop {
        let rows = waiting(&open.unsealed, 400).unwrap();
        if rows.is_empty() {
            return events;
        }
        let mut change = Reader::new(&open.unsealed, Tenant::SYSTEM).change(());
        rows.iter().for_each(|row| change.delete(&row.key));
        change.commit(&open.unsealed).unwrap();
        events.extend(rows.into_iter().flat_map(|row| row.events));
    }
}

/// What the events of a route's request are, when it works. A route that is not named here fails the test.
fn expected(route: &Route) -> Vec<(Service, Action)> {
    use Action::*;
    use Service::{Audit, Backup, Barrier, Identity, Kms, Server};
    let path: Vec<_> = route.path.split(['/', '?']).filter(|part| !part.is_empty()).collect();
    let read = !route.writes();
    match path[..] {
        ["sys", "init" | "seal-status" | "unseal" | "health" | "leader"] => vec![],
        ["sys", "seal"] => vec![(Barrier, Seal)],
        ["sys", "rotate", ..] => vec![(Barrier, Rotate)],
        ["sys", "key-status"] => vec![(Barrier, Read)],
        ["sys", "mounts"] | ["sys", "internal", "ui", "mounts", ..] => vec![(Server, Read)],
        ["auth", "token", "lookup-self"] => vec![(Identity, Read)],
        ["sys", "slots"] if read => vec![(Barrier, List)],
        ["sys", "slots"] => vec![(Barrier, Create)],
        ["sys", "slots", "verify"] => vec![(Barrier, Check)],
        ["sys", "slots", _] if route.method == "DELETE" => vec![(Barrier, Delete)],
        ["sys", "slots", _] if read => vec![(Barrier, Read)],
        ["sys", "slots", _] => vec![(Barrier, Configure)],
        ["sys", "slots", _, "replace"] => vec![(Barrier, Create)],
        ["sys", "slots", _, "confirm"] => vec![(Barrier, Submit)],
        ["sys", "slots", _, "cancel"] => vec![(Barrier, Delete)],
        ["sys", "rotation", "status"] => vec![(Barrier, Read)],
        ["sys", "rotation", "config"] if read => vec![(Barrier, Read)],
        ["sys", "rotation", "config"] => vec![(Barrier, Configure)],
        ["sys", "reseal"] => vec![(Barrier, Reseal)],
        ["sys", "scrub"] => vec![(Barrier, Scrub)],
        ["sys", "renew", ..] if read => vec![(Barrier, Read)],
        ["sys", "renew"] => vec![(Barrier, Rotate), (Barrier, Renew)],
        ["sys", "tenants"] => vec![(Barrier, List)],
        ["sys", "tenants", _] => vec![(Barrier, Read)],
        ["sys", "tenants", _, "shred"] => vec![(Barrier, Shred)],
        ["sys", "backup"] if read => vec![(Backup, Read)],
        // Told of before it begins, and then that it could not.
        ["sys", "backup"] => vec![(Backup, BackUp), (Backup, BackUp)],
        ["transit", "keys"] | ["transit", "keys", "list=true"] => vec![(Kms, List)],
        ["transit", "keys", _] if route.method == "DELETE" => vec![(Kms, Delete)],
        ["transit", "keys", _] if read => vec![(Kms, Read)],
        ["transit", "keys", _] => vec![(Kms, Create)],
        ["transit", "keys", _, "rotate"] => vec![(Kms, Rotate)],
        ["transit", "keys", _, "config"] => vec![(Kms, Configure)],
        ["transit", "keys", _, "disable"] => vec![(Kms, Disable)],
        ["transit", "keys", _, "enable"] => vec![(Kms, Enable)],
        ["transit", "keys", _, "versions", _, verb] => vec![(
            Kms,
            match verb {
                "suspend" => Suspend,
                "resume" => Resume,
                "deactivate" => Deactivate,
                "compromise" => Compromise,
                _ => Destroy,
            },
        )],
        ["transit", "keys", _, "trim"] => vec![(Kms, Trim)],
        ["transit", "keys", _, "schedule-deletion"] => vec![(Kms, ScheduleDeletion)],
        ["transit", "keys", _, "cancel-deletion"] => vec![(Kms, CancelDeletion)],
        ["transit", "keys", _, "soft-delete"] => vec![(Kms, Disable)],
        ["transit", "keys", _, "soft-delete-restore"] => vec![(Kms, Enable)],
        ["transit", "cache-config"] | ["transit", "config", "keys"] if read => vec![(Kms, Read)],
        ["transit", "cache-config"] | ["transit", "config", "keys"] => vec![(Kms, Configure)],
        ["transit", "random", ..] => vec![(Kms, Random)],
        ["transit", "hash", ..] => vec![(Kms, Hash)],
        ["transit", "hmac" | "cmac", ..] => vec![(Kms, Mac)],
        ["transit", "datakey", ..] => vec![(Kms, DataKey)],
        ["transit", "agree", _] => vec![(Kms, Agree)],
        ["transit", "encapsulate", _] => vec![(Kms, Encapsulate)],
        ["transit", "decapsulate", _] => vec![(Kms, Decapsulate)],
        ["transit", "derive", _] => vec![(Kms, Derive)],
        ["transit", "keys", _, "import" | "import_version"] => vec![(Kms, Import)],
        ["transit", "export", "public-key", ..] => vec![(Kms, Read)],
        ["transit", "export" | "byok-export", ..] => vec![(Kms, Export)],
        // The first who asks makes it.
        ["transit", "wrapping_key"] => vec![(Kms, Create), (Kms, Read)],
        // The key that backups are sealed under is made when it is first needed.
        ["transit", "backup", _] => vec![(Kms, Create), (Kms, BackUp)],
        ["transit", "restore", ..] => vec![(Kms, Restore)],
        ["transit", "encrypt", _] => vec![(Kms, Encrypt)],
        ["transit", "decrypt", _] => vec![(Kms, Decrypt)],
        ["transit", "rewrap", _] => vec![(Kms, Reencrypt)],
        ["transit", "sign", ..] => vec![(Kms, Sign)],
        ["transit", "verify", ..] => vec![(Kms, Verify)],
        ["audit", "events"] if route.method == "POST" => vec![(Kms, Create)],
        ["audit", "events"] if route.method == "PUT" => vec![(Audit, Create)],
        ["audit", "events", query] | ["audit", "system", "events", query] if query.contains('=') => {
            vec![(Audit, List)]
        }
        ["audit", "tail" | "producer"] => vec![(Audit, List)],
        ["audit", "producer", _] => vec![(Audit, Configure)],
        ["audit", "retention"] if !read => vec![(Audit, Configure)],
        ["audit", "hold"] => vec![(Audit, List)],
        ["audit", "hold", _] if route.method == "DELETE" => vec![(Audit, Delete)],
        ["audit", "hold", _] => vec![(Audit, Create)],
        ["audit", "prune"] => vec![(Audit, Destroy)],
        ["audit", "global", ..] => vec![(Audit, Read)],
        [
            "audit",
            "checkpoint" | "key" | "tile" | "events" | "proof" | "consistency" | "retention" | "export",
            ..,
        ] => vec![(Audit, Read)],
        ["sys", "audit"] => vec![(Audit, List)],
        ["sys", "audit", _] => vec![(Audit, Configure)],
        ["sys", "audit-hash", _] => vec![(Audit, Check)],
        _ => panic!("a route without a row: {} {}", route.method, route.path),
    }
}

fn kind(event: &Event) -> (Service, Action) {
    (event.service, event.action)
}

/// That an event names the root token, in the two ways in which it may.
fn names_the_token(vault: &Vault, event: &Event) {
    let tokens = vault.node.open().unwrap().tokens;
    let token = tokens.check(&vault.token).unwrap().unwrap();
    assert_eq!(event.actor, Actor::Token(token.accessor));
    assert_eq!(event.token, Some(tokens.hash_for_events(&vault.token).unwrap()));
    assert_eq!(event.accessor, Some(tokens.hash_for_events(&token.accessor_text()).unwrap()));
}

#[test]
fn each_request_of_each_route_yields_its_events_with_who_and_in_which_request() {
    let vault = Vault::with_rings();
    let routes = routes::all(&vault);
    taken(&vault);
    let mut requests = std::collections::HashSet::new();
    for route in &routes {
        let answer = vault.send(&route.request().token(&vault.token));
        assert_eq!(answer.status, route.statuses[4], "{} {}", route.method, route.path);
        let events = taken(&vault);
        let of = format!("{} {}: {events:?}", route.method, route.path);
        let mut kinds: Vec<_> = events.iter().map(kind).collect();
        kinds.sort_by_key(|(_, action)| expected(route).iter().position(|(_, other)| action == other));
        assert_eq!(kinds, expected(route), "{of}");
        for event in &events {
            names_the_token(&vault, event);
            assert!(event.request.is_some(), "{of}");
        }
        if let Some(event) = events.first() {
            assert!(requests.insert(event.request), "{of}");
            let worked = events.iter().filter(|event| event.outcome == Verdict::Allowed).count();
            // Making a ring that is there is answered, and changes nothing.
            let again = route.method == "PUT" && route.path == "transit/keys/new";
            let failed = usize::from(answer.status >= 400 || again);
            assert_eq!(worked, events.len() - failed, "{of}");
        }
    }
}

#[test]
fn an_answer_waits_for_its_event_exactly_where_its_class_says() {
    let vault = Vault::with_rings();
    let routes = routes::all(&vault);
    taken(&vault);
    for route in &routes {
        vault.send(&route.request().token(&vault.token));
        let durable = kept(&vault);
        let all = taken(&vault);
        let strict: Vec<_> = all.iter().filter(|event| event.class() == Class::Strict).cloned().collect();
        assert_eq!(durable, strict, "{} {}", route.method, route.path);
    }
}

#[test]
fn a_refusal_of_somebody_known_is_durable_when_it_is_answered() {
    let vault = Vault::with_rings();
    vault.write("transit/keys/off", Value::Null);
    vault.write("transit/keys/off/disable", Value::Null);
    taken(&vault);
    let plaintext = json!({ "plaintext": b64("x") });
    for (request, action, refusal) in [
        (vault.request("POST", "transit/encrypt/off").json(&plaintext), Action::Encrypt, Refusal::State),
        (vault.request("POST", "transit/keys/off/rotate"), Action::Rotate, Refusal::State),
        (vault.request("DELETE", "transit/keys/aes"), Action::Delete, Refusal::State),
        (vault.request("GET", "transit/nothing/here"), Action::Ask, Refusal::Malformed),
        (vault.request("PATCH", "sys/mounts"), Action::Ask, Refusal::Malformed),
        (
            vault.request("POST", "sys/slots/verify").json(&json!({ "secret": b64([3; 32]) })),
            Action::Check,
            Refusal::WrongSecret,
        ),
    ] {
        assert!(vault.send(&request).status >= 400);
        let events = kept(&vault);
        let [event] = &events[..] else { panic!("{action:?}: {events:?}") };
        assert_eq!((event.action, event.outcome), (action, Verdict::Refused(refusal)));
        names_the_token(&vault, event);
        taken(&vault);
    }
}

#[test]
fn what_fails_says_why() {
    let vault = Vault::with_rings();
    let other = vault.encrypt("aes", "text");
    vault.write("transit/keys/second", Value::Null);
    taken(&vault);
    let of = |path: &str, body: Value| vault.request("POST", path).json(&body);
    for (request, outcome) in [
        (of("transit/decrypt/second", json!({ "ciphertext": other })), Failure::Cryptography),
        (of("transit/encrypt/none", json!({ "plaintext": b64("x") })), Failure::NotFound),
        (of("transit/encrypt/aes", json!({ "plaintext": "%" })), Failure::Input),
        (of("transit/keys/aes", json!({ "type": "ed25519" })), Failure::Conflict),
        (vault.request("LIST", "transit/keys?limit=0"), Failure::Input),
        (
            of(
                "transit/encrypt/aes",
                json!({ "batch_input": [{ "plaintext": b64("x") }, { "plaintext": "%" }] }),
            ),
            Failure::Partly,
        ),
    ] {
        vault.send(&request);
        let events = taken(&vault);
        let [event] = &events[..] else { panic!("{outcome:?}: {events:?}") };
        assert_eq!(event.outcome, Verdict::Failed(outcome));
        let counts: &[_] = &[Detail::Count(2), Detail::Failed(1)];
        assert_eq!(event.details, if outcome == Failure::Partly { counts } else { &[] });
    }
}

#[test]
fn a_body_that_is_too_large_has_its_event_although_no_route_saw_it() {
    let vault = Vault::with_rings();
    taken(&vault);
    let large = vault.request("POST", "transit/keys/aes/config").body(vec![b' '; 100 << 10]);
    assert_eq!(vault.send(&large).status, 413);
    let events = taken(&vault);
    let [event] = &events[..] else { panic!("{events:?}") };
    assert_eq!((event.action, event.outcome), (Action::Configure, Verdict::Failed(Failure::Input)));
    names_the_token(&vault, event);
}

#[test]
fn an_event_of_a_change_names_the_record_that_it_replaced() {
    let vault = Vault::with_rings();
    taken(&vault);
    let mut last = None;
    for verb in ["", "/rotate", "/disable", "/enable"] {
        vault.write(&format!("transit/keys/chain{verb}"), Value::Null);
        let open = vault.node.open().unwrap();
        let rows = waiting(&open.unsealed, 9).unwrap();
        assert_eq!((rows.len(), rows[0].events[0].old), (1, last), "{verb}");
        last = Some(rows[0].revision);
        taken(&vault);
    }
}

#[test]
fn nobody_costs_a_commit_and_a_flood_is_one_event_a_minute() {
    let vault = Vault::with_rings();
    taken(&vault);
    let before = vault.node.open().unwrap().outbox.waiting();
    let mut client = vault.connect();
    for number in 0..300 {
        let request = Request::new("GET", "sys/mounts");
        let answer = match number % 3 {
            0 => client.exchange(&request),
            1 => client.exchange(&request.token("wrong")),
            _ => client.exchange(&Request::new("GET", "no//path").token("wrong")),
        };
        assert!(answer.status >= 400);
    }
    vault.node.flush();
    assert_eq!((vault.node.open().unwrap().outbox.waiting(), kept(&vault)), (before, vec![]));
    vault.clock.advance(std::time::Duration::from_secs(60));
    vault.node.flush();
    let mut counts: Vec<_> = kept(&vault)
        .into_iter()
        .map(|event| (event.actor, event.action, event.outcome, event.details[0], event.details[1]))
        .collect();
    counts.sort_by_key(|(_, _, outcome, ..)| format!("{outcome:?}"));
    let source = Detail::Source([127, 0, 0, 1].into());
    let line = |refusal, count| {
        (Actor::Anonymous, Action::Knock, Verdict::Refused(refusal), source, Detail::Count(count))
    };
    assert_eq!(counts, [line(Refusal::Malformed, 100), line(Refusal::Unknown, 200)]);
}

#[test]
fn what_was_counted_of_nobody_is_kept_when_it_is_sealed() {
    let vault = Vault::with_rings();
    taken(&vault);
    vault.send(&Request::new("GET", "sys/mounts").token("wrong"));
    vault.write("sys/seal", Value::Null);
    vault.unseal();
    let knocks = kept(&vault).into_iter().filter(|event| event.action == Action::Knock);
    assert_eq!(knocks.map(|event| event.details[1]).collect::<Vec<_>>(), [Detail::Count(1)]);
}

#[test]
fn what_happens_while_it_is_sealed_is_told_at_the_next_unsealing() {
    let vault = Vault::sealed();
    let other = Vault::sealed();
    assert_eq!(vault.anyone("PUT", "sys/unseal", json!({ "key": other.shares[0] })).status, 400);
    assert_eq!(vault.anyone("PUT", "sys/unseal", json!({ "passphrase": "no such passphrase" })).status, 400);
    vault.anyone("PUT", "sys/unseal", json!({ "key": vault.shares[0] }));
    vault.anyone("PUT", "sys/unseal", json!({ "reset": true }));
    vault.unseal();
    let told = |events: Vec<Event>| -> Vec<_> {
        events
            .into_iter()
            .map(|event| {
                let spooled = event.details.iter().any(|detail| matches!(detail, Detail::Spooled(_)));
                let source = event.details.contains(&Detail::Source([127, 0, 0, 1].into()));
                assert!(source && event.request.is_some() && event.actor == Actor::Anonymous, "{event:?}");
                (event.action, event.outcome, spooled)
            })
            .collect()
    };
    let wrong = Verdict::Refused(Refusal::WrongSecret);
    let allowed = Verdict::Allowed;
    // That the audit log was made is nobody's request.
    let asked = kept(&vault).into_iter().filter(|event| event.service != Service::Audit).collect();
    assert_eq!(
        told(asked),
        [
            (Action::Initialize, allowed, false),
            (Action::Submit, wrong, true),
            (Action::Unseal, wrong, true),
            (Action::Submit, allowed, true),
            (Action::Reset, allowed, true),
            (Action::Submit, allowed, true),
            (Action::Submit, allowed, true),
            (Action::Unseal, allowed, false),
        ]
    );
    taken(&vault);
    assert_eq!(vault.write("sys/seal", Value::Null).status, 204);
    vault.unseal();
    let events = kept(&vault);
    assert_eq!(events[0].action, Action::Seal);
    assert!(events[0].token.is_some() && events[0].details.is_empty(), "written before it was sealed");
    assert_eq!(told(events[1..].to_vec()).len(), 3);
}
