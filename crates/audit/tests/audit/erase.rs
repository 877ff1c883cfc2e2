//! Months that are erased.

use std::time::Duration;

use strongroom_audit::{AuditError, Hold, InclusionProof, LogId, Month};
use strongroom_core::{Action, Caller, Service, Tenant, Time};

use crate::support::{DAY, Fixture, NOW, OTHER, TENANT, event, name, names};

const CALLER: Caller = Caller::application(TENANT);

/// Events of November and of December, of two tenants, and proofs from before anything was erased.
fn two_months() -> (Fixture, Vec<InclusionProof>) {
    let (fixture, _) = Fixture::with_events(4);
    fixture.put(&event(OTHER, "theirs", NOW));
    fixture.log.drain_all().unwrap();
    fixture.clock.advance(DAY * 30);
    fixture.put_keys(4..8);
    fixture.log.drain_all().unwrap();
    let proofs = (0..8).map(|index| fixture.prove(index)).collect();
    (fixture, proofs)
}

fn november() -> Month {
    Month::new(2023, 11).unwrap()
}

#[test]
fn the_events_of_an_erased_month_are_gone_and_every_proof_holds() {
    let (fixture, before) = two_months();
    let key = fixture.log.verifier_key(LogId::Global).unwrap();
    let old = fixture.log.checkpoint(LogId::Tenant(TENANT)).unwrap();
    fixture.erase_month(&CALLER, TENANT, november()).unwrap();
    fixture.log.drain_all().unwrap();

    assert_eq!(names(&fixture.all(TENANT)), ["key-4", "key-5", "key-6", "key-7", "audit-2023-11"]);
    assert_eq!(names(&fixture.all(OTHER)), ["theirs"], "another tenant's month stays");
    for (index, old) in (0..8).zip(&before) {
        let proven = fixture.prove(index).verify(&key).unwrap();
        assert_eq!(proven.payload.is_some(), index >= 4, "{index}");
        assert_eq!(proven.leaf, old.verify(&key).unwrap().leaf, "{index}");
        // What somebody was shown before stays shown.
        assert!(old.verify(&key).unwrap().payload.is_some());
    }
    fixture.log.check_since(&old).unwrap();
    let fsck = fixture.log.fsck(&mut |_| ()).unwrap();
    assert_eq!((fsck.findings.as_slice(), fsck.erased), ([].as_slice(), 4));
}

#[test]
fn erasing_is_an_event_itself() {
    let (fixture, _) = two_months();
    fixture.erase_month(&CALLER, TENANT, november()).unwrap();
    fixture.log.drain_all().unwrap();
    let last = fixture.all(TENANT).pop().unwrap().event;
    assert_eq!((last.service, last.action, last.actor), (Service::Audit, Action::Destroy, CALLER.actor));
}

#[test]
fn a_month_is_erased_once_and_what_is_logged_in_it_later_is_there() {
    let (fixture, _) = Fixture::with_events(4);
    fixture.erase_month(&CALLER, TENANT, november()).unwrap();
    assert!(matches!(fixture.erase_month(&CALLER, TENANT, november()), Err(AuditError::NotFound)));
    fixture.put_keys(4..6);
    fixture.log.drain_all().unwrap();
    assert_eq!(names(&fixture.all(TENANT)), ["audit-2023-11", "key-4", "key-5"]);
    assert_eq!(fixture.log.fsck(&mut |_| ()).unwrap().findings, []);
    let nobody = Tenant::from_bytes([77; 16]);
    assert!(matches!(fixture.erase_month(&CALLER, nobody, november()), Err(AuditError::NotFound)));
}

#[test]
fn a_hold_keeps_a_month() {
    let (fixture, _) = two_months();
    let from = Some(NOW + Duration::from_secs(1));
    let other = Hold { name: name("other"), tenant: OTHER, resource: None, from: None, until: None };
    let later =
        Hold { name: name("later"), tenant: TENANT, resource: None, from: Some(NOW + DAY * 20), until: None };
    let case = Hold { name: name("case"), tenant: TENANT, resource: Some(name("key-1")), from, until: None };
    for hold in [&other, &later, &case] {
        fixture.log.place_hold(&CALLER, hold).unwrap();
    }
    assert!(matches!(fixture.erase_month(&CALLER, TENANT, november()), Err(AuditError::Held)));
    fixture.log.release_hold(&CALLER, TENANT, &case.name).unwrap();
    fixture.erase_month(&CALLER, TENANT, november()).unwrap();
    let december = Month::of(Time::from_millis(NOW.as_millis()) + DAY * 30);
    assert!(matches!(fixture.erase_month(&CALLER, TENANT, december), Err(AuditError::Held)));
}
