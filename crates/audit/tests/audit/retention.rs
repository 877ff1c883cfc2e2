//! How long payloads are kept, and what is left of those that are not.

use std::time::Duration;

use strongroom_audit::{Hold, LogId, Pruner, Retention, Rule, Trigger};
use strongroom_core::{Action, Caller, Class, Detail, Event, Service, Time, run_due};

use crate::support::{DAY, Fixture, NOW, OTHER, TENANT, event, name, names};

const CALLER: Caller = Caller::application(TENANT);

/// Logs these events first, and then as many others as fill the bundle: only full ones are pruned.
fn log_and_fill(fixture: &Fixture, events: &[Event]) {
    events.iter().for_each(|event| fixture.put(event));
    for number in events.len()..256 {
        let action = Action::Encrypt;
        let filler = format!("filler-{number}");
        let event = Event::allowed(&CALLER, NOW, Service::Identity, action, Some(name(&filler)));
        fixture.base.outbox.buffer(event).unwrap();
    }
    fixture.base.outbox.flush(&*fixture.base.store, NOW).unwrap();
    fixture.log.drain_all().unwrap();
}

/// Lets time go by and does what is due, until nothing is.
fn after(fixture: &Fixture, days: u32) {
    fixture.clock.advance(DAY * days);
    let pruner = Pruner::new(fixture.log.clone());
    let now = fixture.base.clock.now();
    loop {
        let report = run_due(&*fixture.base.store, &[&pruner], now, Duration::from_secs(60)).unwrap();
        assert_eq!(report.failed.len(), 0, "{:?}", report.failed);
        if report.next.is_none_or(|next| next > now) {
            break;
        }
    }
    fixture.log.drain_all().unwrap();
}

/// Names that are left, without those that only fill.
fn left(fixture: &Fixture) -> Vec<String> {
    let mut left = names(&fixture.all(TENANT));
    left.retain(|name| !name.starts_with("filler") && !name.starts_with("audit"));
    left
}

fn rule(service: Service, trigger: Trigger, days: u32) -> Rule {
    Rule { service: Some(service), class: None, trigger, days }
}

#[test]
fn without_a_rule_events_are_kept_for_seven_years() {
    let fixture = Fixture::new();
    log_and_fill(&fixture, &[event(TENANT, "key", NOW)]);
    after(&fixture, 7 * 365);
    assert_eq!(left(&fixture), ["key"]);
    after(&fixture, 3);
    assert_eq!(left(&fixture), [""; 0]);
}

#[test]
fn pruning_erases_payloads_and_no_hash() {
    let fixture = Fixture::new();
    log_and_fill(&fixture, &[event(TENANT, "key", NOW)]);
    let key = fixture.log.verifier_key(LogId::Global).unwrap();
    let (old, before) = (fixture.log.checkpoint(LogId::Tenant(TENANT)).unwrap(), fixture.prove(0));
    after(&fixture, 8 * 365);
    let now = fixture.prove(0).verify(&key).unwrap();
    assert_eq!(now.payload, None);
    assert_eq!(now.leaf, before.verify(&key).unwrap().leaf);
    assert!(before.verify(&key).unwrap().payload.is_some());
    fixture.log.check_since(&old).unwrap();
    let fsck = fixture.log.fsck(&mut |_| ()).unwrap();
    assert_eq!((fsck.findings.as_slice(), fsck.erased), ([].as_slice(), 256));
    // What was erased is an event, which says how much it was.
    let pruned = fixture.all(TENANT).pop().unwrap().event;
    assert_eq!((pruned.action, pruned.details), (Action::Destroy, vec![Detail::Count(256)]));
}

#[test]
fn classes_are_kept_apart() {
    let fixture = Fixture::new();
    let buffered = Rule { service: None, class: Some(Class::Buffered), trigger: Trigger::Logged, days: 30 };
    fixture.log.set_retention(&CALLER, &Retention { rules: vec![buffered] }).unwrap();
    let read = Event::allowed(&CALLER, NOW, Service::Kms, Action::Read, Some(name("read")));
    log_and_fill(&fixture, &[event(TENANT, "made", NOW), read]);
    after(&fixture, 29);
    assert_eq!(left(&fixture), ["made", "read"]);
    after(&fixture, 2);
    assert_eq!(left(&fixture), ["made"]);
    assert_eq!(fixture.log.fsck(&mut |_| ()).unwrap().findings, []);
}

#[test]
fn events_of_a_key_are_kept_until_some_time_after_its_end() {
    let fixture = Fixture::new();
    let rules = vec![rule(Service::Kms, Trigger::ResourceEnd, 100)];
    fixture.log.set_retention(&CALLER, &Retention { rules }).unwrap();
    log_and_fill(&fixture, &[event(TENANT, "lives", NOW), event(TENANT, "ends", NOW)]);
    after(&fixture, 10 * 365);
    assert_eq!(left(&fixture), ["lives", "ends"]);
    let now = fixture.base.clock.now();
    // What is not allowed to end, or is of another service, ends nothing.
    let delete =
        |service, resource: &str| Event::allowed(&CALLER, now, service, Action::Delete, Some(name(resource)));
    let mut refused = delete(Service::Kms, "lives");
    refused.outcome = strongroom_core::Verdict::Refused(strongroom_core::Refusal::Denied);
    [refused, delete(Service::Identity, "lives"), delete(Service::Kms, "ends")]
        .iter()
        .for_each(|event| fixture.put(event));
    fixture.log.drain_all().unwrap();
    after(&fixture, 99);
    assert_eq!(left(&fixture)[..2], ["lives", "ends"]);
    after(&fixture, 2);
    // Of the key that ended there is its end, in the bundle that is not full yet.
    assert_eq!(left(&fixture), ["lives", "lives", "lives", "ends"]);
}

#[test]
fn what_a_producer_says_to_have_ended_ends_nothing_of_this_database_or_of_another_producer() {
    let fixture = Fixture::new();
    let rules = vec![rule(Service::Kms, Trigger::ResourceEnd, 100)];
    fixture.log.set_retention(&CALLER, &Retention { rules }).unwrap();
    let of = |id: u8, action| {
        let event =
            Event::allowed(&CALLER, fixture.base.clock.now(), Service::Kms, action, Some(name("key")));
        if id == 0 { event } else { event.with(Detail::Producer([id; 16])) }
    };
    log_and_fill(&fixture, &[0, 1, 2].map(|id| of(id, Action::Create)));
    fixture.put(&of(1, Action::Delete));
    fixture.log.drain_all().unwrap();
    after(&fixture, 101);
    // Left are the others' beginnings, and the end in the bundle that is not full yet.
    assert_eq!(left(&fixture), ["key"; 3]);
    let of_one = Some(&Detail::Producer([1; 16]));
    let made = |payload: &strongroom_audit::Payload| payload.event.action == Action::Create;
    let mut kept = fixture.all(TENANT);
    kept.retain(made);
    assert!(kept.len() == 2 && kept.iter().all(|payload| payload.event.details.first() != of_one));
    fixture.put(&of(0, Action::Delete));
    fixture.log.drain_all().unwrap();
    after(&fixture, 101);
    let mut kept = fixture.all(TENANT);
    kept.retain(made);
    assert_eq!(kept.len(), 1, "that of the second producer");
}

#[test]
fn events_of_a_certificate_are_kept_until_some_time_after_it_expires() {
    let fixture = Fixture::new();
    let rules = vec![rule(Service::Kms, Trigger::Expiry, 10)];
    fixture.log.set_retention(&CALLER, &Retention { rules }).unwrap();
    let expires =
        |days: u32| event(TENANT, &format!("in-{days}"), NOW).with(Detail::Expires(NOW + DAY * days));
    log_and_fill(&fixture, &[expires(5), expires(50), event(TENANT, "never", NOW)]);
    after(&fixture, 11);
    assert_eq!(left(&fixture), ["in-5", "in-50"]);
    after(&fixture, 5);
    assert_eq!(left(&fixture), ["in-50"]);
    after(&fixture, 45);
    assert_eq!(left(&fixture), [""; 0]);
}

#[test]
fn a_hold_keeps_what_it_names_until_it_is_released() {
    let fixture = Fixture::new();
    let hold = Hold {
        name: name("case-7"),
        tenant: TENANT,
        resource: Some(name("held")),
        from: Some(NOW),
        until: Some(NOW + DAY),
    };
    let other = Hold { name: name("other"), tenant: OTHER, resource: None, from: None, until: None };
    let past = Hold { name: name("past"), until: Some(NOW), ..hold.clone() };
    for hold in [&hold, &other, &past] {
        fixture.log.place_hold(&CALLER, hold).unwrap();
    }
    assert!(fixture.log.place_hold(&CALLER, &hold).is_err());
    assert_eq!(fixture.log.holds().unwrap(), [hold.clone(), other, past]);
    log_and_fill(&fixture, &[event(TENANT, "held", NOW), event(TENANT, "free", NOW)]);
    after(&fixture, 8 * 365);
    assert!(left(&fixture).contains(&"held".into()) && !left(&fixture).contains(&"free".into()));
    assert!(fixture.log.release_hold(&CALLER, OTHER, &hold.name).is_err());
    fixture.log.release_hold(&CALLER, TENANT, &hold.name).unwrap();
    after(&fixture, 1);
    assert!(!left(&fixture).contains(&"held".into()));
    assert_eq!(fixture.log.fsck(&mut |_| ()).unwrap().findings, []);
}

#[test]
fn changes_of_retention_and_holds_are_events() {
    let fixture = Fixture::new();
    let rules = Retention { rules: vec![rule(Service::Kms, Trigger::Logged, 1)] };
    fixture.log.set_retention(&CALLER, &rules).unwrap();
    assert_eq!(fixture.log.retention().unwrap(), rules);
    let hold = Hold { name: name("case"), tenant: TENANT, resource: None, from: None, until: None };
    fixture.log.place_hold(&CALLER, &hold).unwrap();
    fixture.log.release_hold(&CALLER, TENANT, &hold.name).unwrap();
    fixture.log.drain_all().unwrap();
    let actions = |tenant| fixture.all(tenant).iter().map(|found| found.event.action).collect::<Vec<_>>();
    assert_eq!(actions(TENANT), [Action::Create, Action::Delete]);
    assert_eq!(actions(strongroom_core::Tenant::SYSTEM), [Action::Create, Action::Configure]);
    let many = Retention { rules: vec![rules.rules[0]; 101] };
    assert!(fixture.log.set_retention(&CALLER, &many).is_err());
}

#[test]
fn rows_of_single_events_are_put_together_when_their_bundle_is_pruned() {
    let fixture = Fixture::new();
    let short = Rule { service: Some(Service::Kms), class: None, trigger: Trigger::Logged, days: 30 };
    fixture.log.set_retention(&CALLER, &Retention { rules: vec![short] }).unwrap();
    for number in 0..300_u64 {
        let event = if number % 2 == 0 {
            event(TENANT, &format!("key-{number}"), NOW)
        } else {
            Event::allowed(
                &CALLER,
                NOW,
                Service::Identity,
                Action::Create,
                Some(name(&format!("id-{number}"))),
            )
        };
        fixture.put(&event);
        fixture.log.drain_all().unwrap();
    }
    after(&fixture, 31);
    let found = left(&fixture);
    assert_eq!(found.iter().filter(|name| name.starts_with("id-")).count(), 150);
    assert_eq!(
        found.iter().filter(|name| name.starts_with("key-")).count(),
        22,
        "of the bundle that is not full"
    );
    let fsck = fixture.log.fsck(&mut |_| ()).unwrap();
    assert_eq!((fsck.findings.as_slice(), fsck.erased), ([].as_slice(), 128));
    let until = Time::from_millis(NOW.as_millis() + 1);
    assert!(fixture.base.clock.now() > until);
}
