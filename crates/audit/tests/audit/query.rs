//! Queries beside a filter over everything.

use std::{collections::BTreeSet, time::Duration};

use proptest::prelude::*;
use strongroom_audit::{AuditError, Cursor, Ending, Found, LogId, Order, Query};
use strongroom_core::{
    Action, Actor, Caller, Event, Failure, Refusal, RequestId, Service, Tenant, Time, Verdict,
};

use crate::support::{Fixture, NOW, OTHER, TENANT, event, name, names};

/// One of a few hundred different events.
fn mixed(tenant: Tenant, number: usize, time: Time) -> Event {
    let actor = match number % 4 {
        0 => Actor::System,
        1 => Actor::Application,
        _ => Actor::Token([(number % 5) as u8; 16]),
    };
    let request = (!number.is_multiple_of(3)).then_some(RequestId([(number % 50) as u8; 16]));
    let caller = Caller { actor, request, ..Caller::application(tenant) };
    let service = [Service::Kms, Service::Identity, Service::Barrier][number % 3];
    let action = [Action::Create, Action::Encrypt, Action::Delete, Action::Sign, Action::Lose][number % 5];
    let resource = (!number.is_multiple_of(7)).then(|| name(&format!("key-{}", number % 90)));
    let outcome =
        [Verdict::Allowed, Verdict::Refused(Refusal::Denied), Verdict::Failed(Failure::Input)][number % 3];
    Event::of(&caller, time, service, action, resource, outcome)
}

/// 700 events of one tenant in ten steps, a second apart, and some of another between them.
fn filled() -> Fixture {
    let fixture = Fixture::new();
    for step in 0..10 {
        for number in step * 70..(step + 1) * 70 {
            fixture.base.outbox.buffer(mixed(TENANT, number, fixture.base.clock.now())).unwrap();
            if number % 10 == 0 {
                fixture.base.outbox.buffer(mixed(OTHER, number, fixture.base.clock.now())).unwrap();
            }
        }
        fixture.base.outbox.flush(&*fixture.base.store, NOW).unwrap();
        fixture.log.drain_all().unwrap();
        fixture.clock.advance(Duration::from_secs(1));
    }
    fixture
}

/// All pages, of so many events each.
fn pages(fixture: &Fixture, tenant: Tenant, query: &Query, limit: usize) -> Vec<Found> {
    let (mut found, mut after) = (Vec::new(), None::<Cursor>);
    loop {
        let page = fixture.log.query(tenant, query, after.as_ref(), limit).unwrap();
        assert!(page.found.len() <= limit);
        found.extend(page.found);
        match page.next {
            // A cursor survives being written down.
            Some(next) => after = Some(Cursor::parse(&next.to_string()).unwrap()),
            None => return found,
        }
    }
}

/// What the query means, said in another way.
fn wanted(query: &Query, all: &[Found]) -> Vec<Found> {
    let mut found: Vec<_> = all
        .iter()
        .filter(|found| {
            let event = &found.payload.event;
            let ending = match event.outcome {
                Verdict::Allowed => Ending::Allowed,
                Verdict::Refused(_) => Ending::Refused,
                Verdict::Failed(_) => Ending::Failed,
            };
            query.service.is_none_or(|wanted| wanted == event.service)
                && query.action.is_none_or(|wanted| wanted == event.action)
                && query.actor.is_none_or(|wanted| wanted == event.actor)
                && (query.resource.is_none() || query.resource == event.resource)
                && (query.request.is_none() || query.request == event.request)
                && query.ending.is_none_or(|wanted| wanted == ending)
                && query.from.is_none_or(|from| from <= found.time)
                && query.until.is_none_or(|until| found.time < until)
        })
        .cloned()
        .collect();
    if query.order == Order::NewestFirst {
        found.reverse();
    }
    found
}

fn queries() -> impl Strategy<Value = (Query, usize)> {
    use proptest::option::weighted;
    let time = || weighted(0.3, (0_u64..12_000).prop_map(|after| Time::from_millis(NOW.as_millis() + after)));
    let services =
        proptest::sample::select(vec![Service::Kms, Service::Identity, Service::Barrier, Service::Backup]);
    let actions =
        proptest::sample::select(vec![Action::Create, Action::Encrypt, Action::Lose, Action::Rotate]);
    let endings = proptest::sample::select(vec![Ending::Allowed, Ending::Refused, Ending::Failed]);
    let what = (weighted(0.3, services), weighted(0.3, actions), weighted(0.3, endings));
    let actor = weighted(0.3, (0_u8..7).prop_map(|number| Actor::Token([number; 16])));
    let resource = weighted(0.3, (0_usize..100).prop_map(|number| name(&format!("key-{number}"))));
    let request = weighted(0.2, (0_u8..60).prop_map(|number| RequestId([number; 16])));
    let order = proptest::sample::select(vec![Order::NewestFirst, Order::OldestFirst]);
    (what, actor, resource, request, (time(), time()), order, 1_usize..200).prop_map(
        |((service, action, ending), actor, resource, request, (from, until), order, limit)| {
            (Query { service, action, actor, resource, request, ending, from, until, order }, limit)
        },
    )
}

#[test]
fn a_query_finds_what_fits_all_of_it_and_nothing_else_in_order_and_once() {
    let fixture = filled();
    let everything = Query { order: Order::OldestFirst, ..Query::default() };
    let all = pages(&fixture, TENANT, &everything, 1_000);
    assert_eq!(all.len(), 700);
    assert!(all.iter().enumerate().all(|(at, found)| found.index == at as u64));
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(60));
    runner
        .run(&queries(), |(query, limit)| {
            prop_assert_eq!(pages(&fixture, TENANT, &query, limit), wanted(&query, &all));
            Ok(())
        })
        .unwrap();
}

#[test]
fn events_that_come_in_do_not_shift_the_pages_of_a_listing() {
    let (fixture, _) = Fixture::with_events(10);
    let query = Query::default();
    let first = fixture.log.query(TENANT, &query, None, 4).unwrap();
    fixture.put_keys(10..600);
    fixture.log.drain_all().unwrap();
    let second = fixture.log.query(TENANT, &query, first.next.as_ref(), 100).unwrap();
    let indexes: Vec<_> = first.found.iter().chain(&second.found).map(|found| found.index).collect();
    assert_eq!((indexes, second.next), ((0..10).rev().collect::<Vec<_>>(), None));
    // Oldest first, the new ones are behind.
    let query = Query { order: Order::OldestFirst, ..Query::default() };
    assert_eq!(pages(&fixture, TENANT, &query, 90).len(), 600);
}

#[test]
fn a_cursor_of_another_tenant_or_order_and_any_other_text_is_refused() {
    let fixture = filled();
    let query = Query::default();
    let cursor = fixture.log.query(OTHER, &query, None, 4).unwrap().next.unwrap();
    assert!(fixture.log.query(OTHER, &query, Some(&cursor), 4).is_ok());
    assert!(matches!(fixture.log.query(TENANT, &query, Some(&cursor), 4), Err(AuditError::Cursor)));
    let turned = Query { order: Order::OldestFirst, ..Query::default() };
    assert!(matches!(fixture.log.query(OTHER, &turned, Some(&cursor), 4), Err(AuditError::Cursor)));
    let text = cursor.to_string();
    for wrong in ["", "x", &text[1..], &format!("{text}A"), &format!("{text}=")] {
        assert!(matches!(Cursor::parse(wrong), Err(AuditError::Cursor)), "{wrong}");
    }
}

#[test]
fn tenants_do_not_see_each_other() {
    let fixture = filled();
    let query = Query { order: Order::OldestFirst, ..Query::default() };
    let of = |tenant| pages(&fixture, tenant, &query, 1_000);
    assert!(of(TENANT).iter().all(|found| found.payload.event.tenant == TENANT));
    assert!(of(OTHER).iter().all(|found| found.payload.event.tenant == OTHER));
    assert_eq!((of(TENANT).len(), of(OTHER).len()), (700, 70));
    assert_eq!(of(Tenant::from_bytes([77; 16])), []);
}

#[test]
fn a_rare_event_is_found_among_many_without_opening_them_all() {
    let fixture = Fixture::new();
    for number in 0..30_000 {
        let resource = if number == 12_345 { "needle" } else { "straw" };
        fixture.base.outbox.buffer(event(TENANT, resource, NOW)).unwrap();
        if number % 15_000 == 14_999 {
            fixture.base.outbox.flush(&*fixture.base.store, NOW).unwrap();
            fixture.log.drain_all().unwrap();
        }
    }
    // One page: a page opens 64 bundles, and there are 118.
    let query = Query { resource: Some(name("needle")), ..Query::default() };
    let page = fixture.log.query(TENANT, &query, None, 10).unwrap();
    assert_eq!((page.found[0].index, page.found.len(), page.next), (12_345, 1, None));
    let nothing = Query { resource: Some(name("nothing")), ..Query::default() };
    let page = fixture.log.query(TENANT, &nothing, None, 10).unwrap();
    assert_eq!((page.found.len(), page.next), (0, None));
}

#[test]
fn what_comes_in_while_a_log_is_paged_through_is_found_once() {
    let (fixture, _) = Fixture::with_events(5);
    let query = Query { order: Order::OldestFirst, ..Query::default() };
    let mut seen = BTreeSet::new();
    let mut after = None;
    for round in 0..40 {
        fixture.put_keys(5 + round * 20..25 + round * 20);
        fixture.log.drain_all().unwrap();
        let page = fixture.log.query(TENANT, &query, after.as_ref(), 15).unwrap();
        assert!(page.found.iter().all(|found| seen.insert(found.index)));
        after = page.next;
        assert!(after.is_some());
    }
    let size = fixture.size(LogId::Tenant(TENANT));
    assert!(names(&fixture.all(TENANT)).len() as u64 == size && seen.len() == 600);
}

#[test]
fn a_log_that_was_read_to_its_end_is_followed_from_there() {
    let (fixture, _) = Fixture::with_events(3);
    let query = Query { order: Order::OldestFirst, ..Query::default() };
    let mut after = Cursor::at(TENANT, Order::OldestFirst, 3);
    for round in 0..3 {
        assert_eq!(fixture.log.query(TENANT, &query, Some(&after), 10).unwrap().found, []);
        fixture.put_keys(3 + round * 2..5 + round * 2);
        fixture.log.drain_all().unwrap();
        let page = fixture.log.query(TENANT, &query, Some(&after), 10).unwrap();
        let indexes: Vec<_> = page.found.iter().map(|found| found.index).collect();
        assert_eq!(indexes, [3 + round as u64 * 2, 4 + round as u64 * 2]);
        after = Cursor::at(TENANT, Order::OldestFirst, 5 + round as u64 * 2);
    }
}
