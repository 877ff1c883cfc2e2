//! Listings: in order, in pages, of one tenant; of all rings, or of those that a filter asks for.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use proptest::prelude::*;
use strongroom_core::{Algorithm, Base, FixedClock, Gate, Time, tap::Tapped};
use strongroom_keys::RustCrypto;
use strongroom_kms::{Filter, Kms, Listed, RingState, Rings};
use strongroom_store_postgres::testing::Engine;

use crate::{
    support::{DELETABLE, NOW, OTHER_TENANT, TENANT, base_over, name, rings, rings_over, verdict},
    taps::Count,
};

#[test]
fn rings_are_listed_by_name_in_pages() {
    let rings = rings();
    assert_eq!(rings.list(None, 10).unwrap(), []);
    // More than a listing reads at once.
    let mut names: Vec<_> = (0..120).map(|number| name(&format!("ring-{number}"))).collect();
    names.iter().for_each(|ring| drop(rings.create(ring, Algorithm::Aes256Gcm).unwrap()));
    names.sort();
    assert_eq!(rings.list(None, 1_000).unwrap(), names);
    for limit in [1, 7, 49, 50, 51, 100, 120] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = rings.list(after.as_ref(), limit).unwrap();
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            after = Some(last.clone());
            seen.extend(page);
        }
        assert_eq!(seen, names, "in pages of {limit}");
    }
    assert_eq!(rings.list(None, 0).unwrap(), [], "no limit is not what 0 means");
    // A cursor is a place in the order, whether there is a ring or not.
    assert_eq!(rings.list(Some(&name("ring-5x")), 1).unwrap(), [name("ring-6")]);
    assert_eq!(rings.list(Some(&name("z")), 1).unwrap(), []);
}

#[test]
fn a_listing_answers_with_a_thousand_names_at_most() {
    let rings = rings();
    for number in 0..1_003 {
        rings.create(&name(&format!("{number}")), Algorithm::Aes256Gcm).unwrap();
    }
    assert_eq!(rings.list(None, usize::MAX).unwrap().len(), 1_000);
}

/// All pages of a listing, one after the other; each as full as asked for but the last one.
fn all_pages(rings: &Rings, filter: &Filter, limit: usize) -> Vec<Listed> {
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let page = rings.find(filter, cursor.as_deref(), limit).unwrap();
        assert!(page.rings.len() == limit || page.next.is_none() && page.rings.len() < limit);
        all.extend(page.rings);
        cursor = page.next;
        if cursor.is_none() {
            return all;
        }
    }
}

const KINDS: [Algorithm; 3] = [Algorithm::Aes256Gcm, Algorithm::HmacSha256, Algorithm::X25519];
const STATES: [RingState; 2] = [RingState::Active, RingState::Disabled];

/// The name, kind, state, and second of a ring.
type Made = BTreeMap<String, (usize, usize, u64)>;

fn second(second: u64) -> Time {
    NOW + Duration::from_secs(second)
}

fn build(made: &Made) -> Rings {
    let clock = Arc::new(FixedClock::at(NOW));
    let base =
        Base::new(Arc::new(Engine::new()), Arc::new(Gate::new()), Arc::new(RustCrypto::new()), clock.clone());
    let rings = Kms::new(base.unwrap()).without_caller(TENANT);
    for at in 0..5 {
        for (text, (kind, state, _)) in made.iter().filter(|(_, ring)| ring.2 == at) {
            rings.create(&name(text), KINDS[*kind]).unwrap();
            if STATES[*state] == RingState::Disabled {
                rings.disable(&name(text)).unwrap();
            }
        }
        clock.advance(Duration::from_secs(1));
    }
    rings
}

fn fits(filter: &Filter, ring: &Listed) -> bool {
    ring.name.starts_with(&filter.prefix)
        && filter.algorithm.is_none_or(|algorithm| algorithm == ring.algorithm)
        && filter.state.is_none_or(|state| state == ring.state)
        && filter.made_from.is_none_or(|from| ring.made >= from)
        && filter.made_before.is_none_or(|before| ring.made < before)
}

fn filters() -> impl Strategy<Value = Filter> {
    let maybe = |times: std::ops::Range<u64>| prop::option::of(times.prop_map(second));
    let kind = prop::option::of((0..3_usize).prop_map(|kind| KINDS[kind]));
    let state = prop::option::of((0..2_usize).prop_map(|state| STATES[state]));
    ("[-ab.]{0,3}", kind, state, maybe(0..5), maybe(0..6)).prop_map(
        |(prefix, algorithm, state, made_from, made_before)| Filter {
            prefix,
            algorithm,
            state,
            made_from,
            made_before,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn the_pages_of_a_filter_have_each_ring_that_fits_once_and_in_order(
        made in prop::collection::btree_map("[ab]([-ab.]{0,3}[ab])?", (0..3_usize, 0..2_usize, 0..5_u64), 0..40),
        filters in prop::collection::vec(filters(), 8),
    ) {
        let rings = build(&made);
        let listed = |(text, (kind, state, at)): (&String, &(usize, usize, u64))| Listed {
            name: name(text), algorithm: KINDS[*kind], state: STATES[*state], made: second(*at),
        };
        let all: Vec<_> = made.iter().map(listed).collect();
        for filter in filters {
            let expected: Vec<_> = all.iter().filter(|ring| fits(&filter, ring)).cloned().collect();
            for limit in [1, 3, 1_000] {
                prop_assert_eq!(&all_pages(&rings, &filter, limit), &expected, "{:?} by {}", filter, limit);
            }
        }
    }
}

#[test]
fn a_rare_filter_reads_a_bounded_number_of_rings_a_page_and_finds_what_it_asks_for() {
    let store = Tapped::over(Arc::new(Engine::new()), Count::default());
    let rings = rings_over(store.clone());
    (0..9_000).for_each(|number| drop(rings.create(&name(&format!("{number:05}")), KINDS[0]).unwrap()));
    rings.create(&name("zz-rare"), KINDS[1]).unwrap();
    let rare = Filter { algorithm: Some(KINDS[1]), ..Filter::default() };
    let (mut pages, mut found, mut cursor) = (0, Vec::new(), None);
    loop {
        store.tap.taken();
        let page = rings.find(&rare, cursor.as_deref(), 10).unwrap();
        assert!(store.tap.taken().0 < 20, "reads of one page");
        found.extend(page.rings.into_iter().map(|ring| ring.name));
        (pages, cursor) = (pages + 1, page.next);
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(found, [name("zz-rare")]);
    assert_eq!(pages, 3, "4,000 rings each");
}

/// A cursor of a listing, behind its first ring.
fn cursor(rings: &Rings, filter: &Filter) -> String {
    rings.find(filter, None, 1).unwrap().next.unwrap()
}

#[test]
fn a_cursor_of_another_filter_or_tenant_and_one_that_was_tampered_with_is_refused() {
    let kms = Kms::new(base_over(Arc::new(Engine::new())));
    let (rings, theirs) = (kms.without_caller(TENANT), kms.without_caller(OTHER_TENANT));
    for text in ["aa", "ab", "ac"] {
        rings.create(&name(text), KINDS[0]).unwrap();
        theirs.create(&name(text), KINDS[0]).unwrap();
    }
    let all = Filter::default();
    let good = cursor(&rings, &all);
    let page = rings.find(&all, Some(&good), 9).unwrap();
    assert_eq!(page.rings.iter().map(|ring| &*ring.name).collect::<Vec<_>>(), ["ab", "ac"]);
    let refused = |rings: &Rings, filter: &Filter, cursor: &str| {
        assert_eq!(verdict(rings.find(filter, Some(cursor), 9)), "invalid", "{cursor:?} of {filter:?}");
    };
    refused(&theirs, &all, &good);
    let others = [
        Filter { prefix: "a".into(), ..Filter::default() },
        Filter { algorithm: Some(KINDS[0]), ..Filter::default() },
        Filter { state: Some(RingState::Active), ..Filter::default() },
        Filter { made_from: Some(NOW), ..Filter::default() },
        Filter { made_before: Some(NOW), ..Filter::default() },
    ];
    for other in &others {
        refused(&rings, other, &good);
    }
    for place in 0..good.len() {
        let changed = if good.as_bytes()[place] == b'A' { "B" } else { "A" };
        refused(&rings, &all, &[&good[..place], changed, &good[place + 1..]].concat());
        refused(&rings, &all, &good[..place]);
    }
    refused(&rings, &all, &format!("{good}="));
    refused(&rings, &all, &"A".repeat(100_000));
}

#[test]
fn a_page_of_nothing_and_a_prefix_that_no_name_has_are_refused() {
    let rings = rings();
    let asked =
        |prefix: &str, limit| rings.find(&Filter { prefix: prefix.into(), ..Filter::default() }, None, limit);
    assert_eq!(verdict(asked("", 0)), "invalid");
    for prefix in ["a/", "\u{7f}", "\0", "ä", "a b", &"x".repeat(129)] {
        assert_eq!(verdict(asked(prefix, 1)), "invalid", "{prefix:?}");
    }
    assert_eq!(verdict(asked(&"x".repeat(128), usize::MAX)), "ok");
}

#[test]
fn a_listing_shows_no_ring_twice_and_misses_none_while_others_come_and_go() {
    let rings = rings();
    let stays: Vec<_> = (0..50).map(|number| name(&format!("{number:02}"))).collect();
    stays.iter().for_each(|ring| drop(rings.create(ring, KINDS[0]).unwrap()));
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = rings.find(&Filter::default(), cursor.as_deref(), 3).unwrap();
        seen.extend(page.rings.into_iter().map(|ring| ring.name));
        // One right behind what was shown, one before, and what the cursor names is deleted.
        let last = seen.last().unwrap().clone();
        let (behind, before) = (name(&format!("{last}.x")), name(&format!("0.{last}")));
        for ring in [&behind, &before] {
            rings.create(ring, KINDS[0]).unwrap();
        }
        rings.configure(&before, &DELETABLE).unwrap();
        rings.delete(&before).unwrap();
        cursor = page.next;
        if cursor.is_none() || seen.len() > 1_000 {
            break;
        }
    }
    let (mut sorted, all) = (seen.clone(), seen.len());
    sorted.sort();
    sorted.dedup();
    assert_eq!((sorted.len(), &sorted), (all, &seen));
    assert!(stays.iter().all(|ring| seen.contains(ring)));
}
