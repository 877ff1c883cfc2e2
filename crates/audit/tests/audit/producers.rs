//! Events that other programs hand in.

use strongroom_audit::{AuditError, AuditLog, Producer};
use strongroom_core::{Action, Actor, Caller, Credential, Detail, Event, Hasher, Service, Tenant, Time};

use crate::support::{Fixture, NOW, OTHER, TENANT, event, names};

const CALLER: Caller = Caller::application(TENANT);
const PRODUCER: [u8; 16] = [5; 16];
const TOKEN: Actor = Actor::Token([7; 16]);

/// A log with a producer that speaks for key rings.
fn with_producer() -> Fixture {
    let fixture = Fixture::new();
    register(&fixture.log, TENANT, PRODUCER, Actor::Application, &[Service::Kms]);
    fixture
}

fn register(log: &AuditLog, tenant: Tenant, id: [u8; 16], actor: Actor, services: &[Service]) {
    let producer = Producer { id, tenant, actor, services: services.to_vec() };
    log.register_producer(&Caller::application(tenant), &producer).unwrap();
    log.drain_all().unwrap();
}

/// The names of what was handed in; what was registered has none.
fn handed_in(fixture: &Fixture) -> Vec<String> {
    let mut all = fixture.all(TENANT);
    all.retain(|payload| payload.event.resource.is_some());
    names(&all)
}

fn denied(answer: Result<bool, AuditError>) -> &'static str {
    assert!(matches!(answer, Err(AuditError::Denied(_))), "{answer:?}");
    match answer {
        Err(AuditError::Denied(why)) => why,
        _ => "",
    }
}

#[test]
fn what_is_handed_in_twice_is_logged_once() {
    let fixture = with_producer();
    let batch = |number: u64| {
        vec![event(TENANT, &format!("a-{number}"), NOW), event(TENANT, &format!("b-{number}"), NOW)]
    };
    for number in [1, 1, 2, 3, 2, 1, 3] {
        fixture.log.append(&CALLER, PRODUCER, number, &batch(number)).unwrap();
        fixture.log.drain_all().unwrap();
    }
    assert_eq!(handed_in(&fixture), ["a-1", "b-1", "a-2", "b-2", "a-3", "b-3"]);
    assert!(fixture.log.append(&CALLER, PRODUCER, 4, &batch(4)).unwrap());
    assert!(!fixture.log.append(&CALLER, PRODUCER, 4, &batch(4)).unwrap());
}

#[test]
fn a_gap_in_the_numbers_is_refused() {
    let fixture = with_producer();
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
    register(&fixture.log, TENANT, [6; 16], Actor::Application, &[Service::Kms]);
    register(&fixture.log, OTHER, PRODUCER, Actor::Application, &[Service::Kms]);
    fixture.log.append(&CALLER, [6; 16], 1, &events).unwrap();
    fixture.log.append(&Caller::application(OTHER), PRODUCER, 1, &[event(OTHER, "a", NOW)]).unwrap();
}

#[test]
fn nobody_hands_in_events_of_another_tenant_or_actor() {
    let fixture = with_producer();
    let foreign = [event(TENANT, "mine", NOW), event(OTHER, "theirs", NOW)];
    assert!(denied(fixture.log.append(&CALLER, PRODUCER, 1, &foreign)).contains("its own tenant"));
    assert!(matches!(fixture.log.append(&CALLER, PRODUCER, 1, &[]), Err(AuditError::Invalid(_))));
    for actor in [Actor::System, Actor::Anonymous, TOKEN] {
        let of_another = Event { actor, ..event(TENANT, "mine", NOW) };
        denied(fixture.log.append(&CALLER, PRODUCER, 1, &[of_another]));
    }
    let hasher = Hasher::of(&*fixture.base.store, &*fixture.base.provider).unwrap();
    let token = Some(hasher.hash(b"another token").unwrap());
    for named in
        [Event { token, ..event(TENANT, "a", NOW) }, Event { accessor: token, ..event(TENANT, "a", NOW) }]
    {
        denied(fixture.log.append(&CALLER, PRODUCER, 1, &[named]));
    }
    let many = vec![event(TENANT, "a", NOW); 257];
    assert!(matches!(fixture.log.append(&CALLER, PRODUCER, 1, &many), Err(AuditError::Invalid(_))));
    assert_eq!(fixture.log.drain_all().unwrap(), 0);
    fixture.log.append(&CALLER, PRODUCER, 1, &many[..256]).unwrap();
    assert_eq!(fixture.log.drain_all().unwrap(), 256);
}

#[test]
fn a_producer_speaks_for_the_services_that_it_was_registered_for_and_for_no_other() {
    let fixture = with_producer();
    let of = |service| Event { service, ..event(TENANT, "a", NOW) };
    for service in Service::ALL.iter().copied().filter(|service| *service != Service::Kms) {
        // One is enough to refuse all that came with it.
        let why = denied(fixture.log.append(&CALLER, PRODUCER, 1, &[of(Service::Kms), of(service)]));
        assert!(why.contains("may not speak for that service"), "{service:?}: {why}");
    }
    assert_eq!(fixture.log.drain_all().unwrap(), 0);
    register(&fixture.log, TENANT, PRODUCER, Actor::Application, &[Service::Identity]);
    denied(fixture.log.append(&CALLER, PRODUCER, 1, &[of(Service::Kms)]));
    assert!(fixture.log.append(&CALLER, PRODUCER, 1, &[of(Service::Identity)]).unwrap());
}

#[test]
fn nobody_is_registered_for_the_log_itself_or_as_nobody() {
    let log = Fixture::new().log;
    for (actor, service) in [
        (Actor::Application, Service::Audit),
        (Actor::Anonymous, Service::Kms),
        (Actor::System, Service::Kms),
    ] {
        let producer = Producer { id: PRODUCER, tenant: TENANT, actor, services: vec![service] };
        assert!(matches!(log.register_producer(&CALLER, &producer), Err(AuditError::Invalid(_))));
    }
    assert_eq!(log.producers(TENANT).unwrap(), []);
}

#[test]
fn only_who_was_registered_hands_in_for_a_producer() {
    let fixture = Fixture::new();
    let by = |actor: Actor, tenant| {
        let caller = Caller { actor, ..Caller::application(tenant) };
        let mine = Event { actor, ..event(tenant, "mine", NOW) };
        fixture.log.append(&caller, PRODUCER, 1, &[mine])
    };
    assert!(denied(by(TOKEN, TENANT)).contains("no such producer"), "nobody was registered");
    register(&fixture.log, TENANT, PRODUCER, TOKEN, &[Service::Kms]);
    for (actor, tenant) in [(Actor::Application, TENANT), (Actor::Token([8; 16]), TENANT), (TOKEN, OTHER)] {
        assert!(denied(by(actor, tenant)).contains("no such producer"), "{actor:?}");
    }
    assert!(by(TOKEN, TENANT).unwrap());
    // Who is not registered any more does not learn either whether a number was handed in.
    register(&fixture.log, TENANT, PRODUCER, Actor::Token([8; 16]), &[Service::Kms]);
    denied(by(TOKEN, TENANT));
    assert!(!by(Actor::Token([8; 16]), TENANT).unwrap(), "its numbers go on");
}

#[test]
fn each_event_that_is_handed_in_says_by_which_producer_whatever_it_says_itself() {
    let fixture = with_producer();
    let full = (0..7).fold(event(TENANT, "full", NOW), |event, at| event.with(Detail::Count(at)));
    let over = full.clone().with(Detail::Count(8));
    assert!(matches!(fixture.log.append(&CALLER, PRODUCER, 1, &[over]), Err(AuditError::Invalid(_))));
    denied(fixture.log.append(&CALLER, PRODUCER, 1, &[full.clone().with(Detail::Producer([1; 16]))]));
    fixture.log.append(&CALLER, PRODUCER, 1, &[full]).unwrap();
    fixture.log.drain_all().unwrap();
    let logged = fixture.all(TENANT).pop().unwrap().event;
    assert_eq!(logged.details.last(), Some(&Detail::Producer(PRODUCER)));
}

#[test]
fn who_may_hand_in_what_is_listed_and_each_change_of_it_is_an_event() {
    let fixture = with_producer();
    register(&fixture.log, TENANT, [6; 16], TOKEN, &[Service::Identity, Service::Kms, Service::Kms]);
    register(&fixture.log, OTHER, [7; 16], TOKEN, &[Service::Kms]);
    fixture.log.append(&CALLER, PRODUCER, 1, &[event(TENANT, "a", NOW)]).unwrap();
    let producer = |id, actor, services| Producer { id, tenant: TENANT, actor, services };
    let expected = [
        (producer(PRODUCER, Actor::Application, vec![Service::Kms]), 2),
        (producer([6; 16], TOKEN, vec![Service::Kms, Service::Identity]), 1),
    ];
    assert_eq!(fixture.log.producers(TENANT).unwrap(), expected);
    let told: Vec<_> = fixture.all(TENANT).into_iter().map(|payload| payload.event).collect();
    let configured = |id| {
        let event = Event::allowed(&CALLER, NOW, Service::Audit, Action::Configure, None);
        event.with(Detail::Producer(id))
    };
    assert_eq!(told, [configured(PRODUCER), configured([6; 16])]);
}

#[test]
fn the_token_that_hands_in_stands_in_the_event() {
    let fixture = Fixture::new();
    register(&fixture.log, TENANT, PRODUCER, TOKEN, &[Service::Kms]);
    let hasher = Hasher::of(&*fixture.base.store, &*fixture.base.provider).unwrap();
    let hash = |text: &[u8]| hasher.hash(text).unwrap();
    let credential = Some(Credential { token: hash(b"token"), accessor: hash(b"accessor") });
    let caller = Caller { actor: TOKEN, credential, ..CALLER };
    let at = Time::from_millis(1);
    let handed = Event::allowed(&caller, at, Service::Kms, Action::Rotate, None);
    denied(fixture.log.append(&caller, PRODUCER, 1, &[Event { token: None, ..handed.clone() }]));
    assert!(fixture.log.append(&caller, PRODUCER, 1, &[handed]).unwrap());
}
