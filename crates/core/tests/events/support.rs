use std::net::{IpAddr, Ipv4Addr};

use proptest::{collection::vec, option, prelude::*, sample::select};
use strongroom_core::{
    Action, Actor, Caller, CommitError, Detail, Event, Failure, Hashed, Name, Outbox, Reader, Refusal,
    RequestId, Revision, SealedStore, Service, Tenant, Time, Verdict, waiting,
};

pub(crate) const TENANT: Tenant = Tenant::from_bytes([1; 16]);
pub(crate) const NOW: Time = Time::from_millis(1_700_000_000_000);

/// A small event, told from others by its time.
pub(crate) fn event(number: u64) -> Event {
    let (caller, time) = (Caller::application(TENANT), Time::from_millis(number));
    Event::allowed(&caller, time, Service::Kms, Action::Encrypt, Name::parse("ring").ok())
}

/// The largest event that there can be.
pub(crate) fn largest() -> Event {
    let hashed = hashed([0xff; 32]);
    Event {
        time: Time::from_millis(u64::MAX),
        tenant: Tenant::from_bytes([0xff; 16]),
        actor: Actor::Token([0xff; 16]),
        request: Some(RequestId([0xff; 16])),
        service: Service::Audit,
        action: Action::Lose,
        resource: Name::parse(&"n".repeat(Name::MAX)).ok(),
        outcome: Verdict::Failed(Failure::Partly),
        old: Some(Revision(u64::MAX)),
        token: Some(hashed),
        accessor: Some(hashed),
        details: vec![Detail::Tenant(Tenant::from_bytes([0xff; 16])); Event::DETAILS],
    }
}

/// A hash of these bytes: only decoding makes one without a key.
pub(crate) fn hashed(bytes: [u8; 32]) -> Hashed {
    minicbor::decode(&minicbor::to_vec(minicbor::bytes::ByteArray::from(bytes)).unwrap()).unwrap()
}

/// All events that wait, in the order of their commits.
pub(crate) fn kept(store: &dyn SealedStore) -> Vec<Event> {
    waiting(store, 10_000).unwrap().into_iter().flat_map(|row| row.events).collect()
}

/// One that puts an event into a change of its own.
pub(crate) fn put(store: &dyn SealedStore, outbox: &Outbox, event: &Event) -> Result<(), CommitError> {
    let mut change = Reader::new(store, Tenant::SYSTEM).change(());
    outbox.put(&mut change, event)?;
    change.commit(store)
}

pub(crate) fn any_event() -> impl Strategy<Value = Event> {
    let who = (any::<u64>(), any::<[u8; 16]>(), actor(), option::of(any::<[u8; 16]>()));
    let what = (select(SERVICES), select(Action::ALL), option::of("[a-z0-9_]{1,128}"), outcome());
    let more = (
        option::of(any::<u64>()),
        option::of(any::<[u8; 32]>()),
        option::of(any::<[u8; 32]>()),
        vec(detail(), 0..=Event::DETAILS),
    );
    (who, what, more).prop_map(|(who, what, more)| Event {
        time: Time::from_millis(who.0),
        tenant: Tenant::from_bytes(who.1),
        actor: who.2,
        request: who.3.map(RequestId),
        service: what.0,
        action: what.1,
        resource: what.2.map(|text| Name::parse(&text).unwrap()),
        outcome: what.3,
        old: more.0.map(Revision),
        token: more.1.map(hashed),
        accessor: more.2.map(hashed),
        details: more.3,
    })
}

const SERVICES: &[Service] =
    &[Service::Barrier, Service::Kms, Service::Identity, Service::Backup, Service::Server, Service::Audit];

fn actor() -> impl Strategy<Value = Actor> {
    prop_oneof![
        Just(Actor::System),
        Just(Actor::Application),
        Just(Actor::Anonymous),
        any::<[u8; 16]>().prop_map(Actor::Token),
    ]
}

fn outcome() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        Just(Verdict::Allowed),
        select(&[Refusal::Denied, Refusal::State, Refusal::Unknown][..]).prop_map(Verdict::Refused),
        select(&[Failure::Input, Failure::Conflict, Failure::Partly][..]).prop_map(Verdict::Failed),
    ]
}

fn detail() -> impl Strategy<Value = Detail> {
    prop_oneof![
        any::<u32>().prop_map(Detail::Version),
        any::<u64>().prop_map(Detail::Count),
        any::<u64>().prop_map(Detail::Failed),
        any::<[u8; 16]>().prop_map(|id| Detail::Tenant(Tenant::from_bytes(id))),
        any::<[u8; 16]>().prop_map(Detail::Slot),
        any::<u32>().prop_map(|address| Detail::Source(IpAddr::V4(Ipv4Addr::from(address)))),
        any::<u128>().prop_map(|address| Detail::Source(IpAddr::V6(address.into()))),
        any::<u64>().prop_map(|time| Detail::Until(Time::from_millis(time))),
        any::<u64>().prop_map(|time| Detail::Spooled(Time::from_millis(time))),
        Just(Detail::Others),
    ]
}
