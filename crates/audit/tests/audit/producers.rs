//! Events that other programs hand in.

use strongroom_audit::AuditError;
use strongroom_core::{Actor, Caller};

use crate::support::{Fixture, NOW, OTHER, TENANT, event, names};

const CALLER: Caller = Caller::application(TENANT);
const PRODUCER: [u8; 16] = [5; 16];

#[test]
fn what_is_handed_in_twice_is_logged_once() {
    let fixture = Fixture::new();
    let batch = |number: u64| {
        vec![event(TENANT, &format!("a-{number}"), NOW), event(TENANT, &format!("b-{number}"), NOW)]
    };
    for number in [1, 1, 2, 3, 2, 1, 3] {
        fixture.log.append(&CALLER, PRODUCER, number, &batch(number)).unwrap();
        fixture.log.drain_all().unwrap();
    }
    assert_eq!(names(&fixture.all(TENANT)), ["a-1", "b-1", "a-2", "b-2", "a-3", "b-3"]);
    assert!(fixture.log.append(&CALLER, PRODUCER, 4, &batch(4)).unwrap());
    assert!(!fixture.log.append(&CALLER, PRODUCER, 4, &batch(4)).unwrap());
}

#[test]
fn a_gap_in_the_numbers_is_refused() {
    let fixture = Fixture::new();
    let events = [event(TENANT, "a", NOW)];
    for wrong in [2, 3, u64::MAX] {
        let answer = fixture.log.append(&CALLER, PRODUCER, wrong, &events);
        assert!(matches!(answer, Err(AuditError::Gap { expected: 1 })));
    }
    fixture.log.append(&CALLER, PRODUCER, 1, &events).unwrap();
    assert!(matches!(
        fixture.log.append(&CALLER, PRODUCER, 3, &events),
        Err(AuditError::Gap { expected: 2 })
    ));
    // Another producer, and one of the same id for another tenant, has numbers of its own.
    fixture.log.append(&CALLER, [6; 16], 1, &events).unwrap();
    fixture.log.append(&Caller::application(OTHER), PRODUCER, 1, &[event(OTHER, "a", NOW)]).unwrap();
}

#[test]
fn nobody_hands_in_events_of_another_tenant_or_actor() {
    let fixture = Fixture::new();
    let foreign = [event(TENANT, "mine", NOW), event(OTHER, "theirs", NOW)];
    assert!(matches!(fixture.log.append(&CALLER, PRODUCER, 1, &foreign), Err(AuditError::Invalid(_))));
    assert!(matches!(fixture.log.append(&CALLER, PRODUCER, 1, &[]), Err(AuditError::Invalid(_))));
    let as_system = strongroom_core::Event { actor: Actor::System, ..event(TENANT, "mine", NOW) };
    assert!(matches!(fixture.log.append(&CALLER, PRODUCER, 1, &[as_system]), Err(AuditError::Invalid(_))));
    let many = vec![event(TENANT, "a", NOW); 257];
    assert!(matches!(fixture.log.append(&CALLER, PRODUCER, 1, &many), Err(AuditError::Invalid(_))));
    assert_eq!(fixture.log.drain_all().unwrap(), 0);
    fixture.log.append(&CALLER, PRODUCER, 1, &many[..256]).unwrap();
    assert_eq!(fixture.log.drain_all().unwrap(), 256);
}
