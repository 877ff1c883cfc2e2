//! Keys with short random nonces stop, or are replaced, when they encrypted as many messages as they may: counted on disk,
//! through restarts, faults and other processes.

use std::{collections::HashMap, sync::Arc, thread, time::Duration};

use proptest::prelude::*;
use strongroom_core::{
    Action, Actor,
    Algorithm::{self, Aes256Gcm, Aes256Siv, RawAes128Gcm, RawAes256Gcm, RawChaCha20Poly1305},
    Detail, RecordKey, SealedStore, Sealer, Segment, Store, Table, UseLimit,
    fault::{Fault, FaultStore},
    memory::MemoryStore,
};
use strongroom_kms::{AtLimit, Kms, KmsError, NewRing, Rings, Settings, Usage, UseLimits};

use crate::{
    support::{DELETABLE, TENANT, base_over, drained, kind, minimums, name, verdict},
    taps::{Count, Tapped, Yield},
};

const STOP: u64 = 200;
const LOWER: UseLimit = UseLimit { warn: 100, stop: STOP };

/// The rings of a new process.
fn process(store: Arc<dyn SealedStore>, at_limit: AtLimit) -> Rings {
    limited(store, LOWER, at_limit)
}

fn limited(store: Arc<dyn SealedStore>, lower: UseLimit, at_limit: AtLimit) -> Rings {
    let limits = UseLimits { lower: Some(lower), at_limit };
    Kms::with_limits(base_over(store), limits).without_caller(TENANT)
}

fn encrypt(rings: &Rings, ring: &str) -> Result<Vec<u8>, KmsError> {
    rings.encrypt(&name(ring), b"text", b"")
}

/// Encrypts until it is refused; answers how often it was not.
fn spend(rings: &Rings, ring: &str) -> u64 {
    for spent in 0.. {
        match encrypt(rings, ring) {
            Ok(_) => {}
            Err(error) => {
                assert_eq!(kind(&error), "exhausted");
                return spent;
            }
        }
    }
    unreachable!("no limit holds for ever")
}

/// The row that counts a ring's uses.
fn row(rings: &Rings, ring: &str) -> RecordKey {
    let id = rings.read(&name(ring)).unwrap().id;
    RecordKey::new(TENANT, Table::new(0x0102), &[Segment::Id(id)]).unwrap()
}

fn reserved(rings: &Rings, ring: &str) -> u64 {
    rings.usage(&name(ring)).unwrap().iter().map(|usage| usage.reserved).sum()
}

#[test]
fn sixteen_random_keys_each_encrypt_as_often_as_they_may_and_no_more() {
    let rings = process(Arc::new(MemoryStore::new()), AtLimit::Stop);
    for number in 0..16 {
        let (ring, algorithm) = (format!("ring-{number}"), [RawAes256Gcm, RawChaCha20Poly1305][number % 2]);
        rings.create(&name(&ring), algorithm).unwrap();
        let kept = encrypt(&rings, &ring).unwrap();
        assert_eq!(spend(&rings, &ring), STOP - 1, "{algorithm:?}");
        let usage = Usage { version: 1, reserved: STOP, near_limit: true };
        assert_eq!(rings.usage(&name(&ring)).unwrap(), [usage]);
        // What it encrypted it still decrypts, and a new version begins anew.
        assert_eq!(*rings.decrypt(&name(&ring), &kept, b"").unwrap(), b"text");
        assert_eq!(verdict(rings.rewrap(&name(&ring), &kept, b"")), "exhausted");
        rings.rotate(&name(&ring)).unwrap();
        assert_eq!(spend(&rings, &ring), STOP);
        assert_eq!(verdict(rings.encrypt_with(&name(&ring), Some(1), b"text", b"")), "exhausted");
    }
}

#[test]
fn sixteen_random_keys_are_each_replaced_where_that_was_chosen() {
    const MESSAGES: u64 = 3 * STOP + 50;
    let rings = process(Arc::new(MemoryStore::new()), AtLimit::Rotate);
    for number in 0..16 {
        let ring = format!("ring-{number}");
        rings.create(&name(&ring), RawAes128Gcm).unwrap();
        let handle = rings.ring(&name(&ring)).unwrap();
        let mut by_version = HashMap::new();
        for message in 0..MESSAGES {
            let ciphertext = match message % 2 {
                0 => encrypt(&rings, &ring).unwrap(),
                _ => handle.seal(b"text", b"").unwrap(),
            };
            assert_eq!(*rings.decrypt(&name(&ring), &ciphertext, b"").unwrap(), b"text");
            *by_version.entry(ciphertext[7]).or_insert(0) += 1;
        }
        assert_eq!(by_version, HashMap::from([(1, STOP), (2, STOP), (3, STOP), (4, 50)]));
        // Whoever asks for the version wants no other.
        assert_eq!(verdict(rings.encrypt_with(&name(&ring), Some(2), b"text", b"")), "exhausted");
    }
}

#[test]
fn threads_that_reach_the_limit_together_make_one_new_version() {
    let rings = process(Tapped::new(Arc::new(MemoryStore::new()), Yield), AtLimit::Rotate);
    rings.create(&name("ring"), RawAes256Gcm).unwrap();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..STOP).for_each(|_| drop(encrypt(&rings, "ring").unwrap())));
        }
    });
    // A second new version beside one would have been skipped, and have uses left.
    let (versions, usage) =
        (rings.read(&name("ring")).unwrap().versions, rings.usage(&name("ring")).unwrap());
    assert!(usage.len() == versions.len() && versions.len() >= 8, "{usage:?}");
    assert!(usage.iter().rev().skip(1).all(|usage| usage.reserved == STOP), "{usage:?}");
}

#[test]
fn processes_and_threads_together_encrypt_no_more_than_the_key_may() {
    let store = Arc::new(MemoryStore::new());
    let processes: Vec<_> = (0..3).map(|_| process(store.clone(), AtLimit::Stop)).collect();
    processes[0].create(&name("ring"), RawAes256Gcm).unwrap();
    let spent: u64 = thread::scope(|scope| {
        let threads = (0..6).map(|at| &processes[at % 3]).map(|rings| scope.spawn(|| spend(rings, "ring")));
        threads.collect::<Vec<_>>().into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    // What one had reserved and did not need is lost: here each goes on until nothing is left.
    assert_eq!(spent, STOP);
}

#[test]
fn what_a_process_did_not_spend_is_lost_and_never_more_than_it_spent_and_64() {
    let store = Arc::new(MemoryStore::new());
    let large = UseLimit { warn: 1 << 20, stop: 1 << 21 };
    limited(store.clone(), large, AtLimit::Stop).create(&name("ring"), RawAes256Gcm).unwrap();
    let mut before = 0;
    for spent in [1, 63, 64, 65, 1_000, 5_000] {
        let rings = limited(store.clone(), large, AtLimit::Stop);
        (0..spent).for_each(|_| drop(encrypt(&rings, "ring").unwrap()));
        let taken = reserved(&rings, "ring") - before;
        assert!(taken >= spent && taken <= 2 * spent + 64, "{spent}: {taken}");
        before += taken;
    }
}

#[test]
fn counting_seldom_writes() {
    let store = Tapped::new(Arc::new(MemoryStore::new()), Count::default());
    let large = UseLimit { warn: 1 << 31, stop: 1 << 32 };
    let rings = limited(store.clone(), large, AtLimit::Stop);
    rings.create(&name("ring"), RawAes256Gcm).unwrap();
    let _ = store.tap.taken();
    (0..20_000).for_each(|_| drop(encrypt(&rings, "ring").unwrap()));
    let (_, commits) = store.tap.taken();
    assert!(commits <= 9, "{commits}");
    let ciphertext = encrypt(&rings, "ring").unwrap();
    (0..1_000).for_each(|_| drop(rings.decrypt(&name("ring"), &ciphertext, b"").unwrap()));
    assert_eq!(store.tap.taken(), (0, 0), "decrypting counts nothing");
}

#[test]
fn keys_that_need_no_counting_have_no_row_and_never_stop() {
    let store = Arc::new(MemoryStore::new());
    let rings = process(store.clone(), AtLimit::Stop);
    for algorithm in [Aes256Gcm, Aes256Siv, Algorithm::RawXChaCha20Poly1305] {
        let ring = format!("{algorithm:?}").to_lowercase();
        rings.create(&name(&ring), algorithm).unwrap();
        (0..2 * STOP).for_each(|_| drop(encrypt(&rings, &ring).unwrap()));
        assert_eq!(rings.usage(&name(&ring)).unwrap(), []);
        assert!(store.get_many(&[row(&rings, &ring)]).unwrap()[0].is_none());
        assert!(rings.cached(&name(&ring)));
    }
}

#[test]
fn an_operation_that_may_write_is_not_called_one_from_memory() {
    let rings = process(Arc::new(MemoryStore::new()), AtLimit::Stop);
    rings.create(&name("ring"), RawAes256Gcm).unwrap();
    encrypt(&rings, "ring").unwrap();
    assert!(!rings.cached(&name("ring")));
}

#[test]
fn a_deleted_ring_leaves_no_row_and_its_successor_begins_anew() {
    let store = Arc::new(MemoryStore::new());
    let rings = process(store.clone(), AtLimit::Stop);
    for _ in 0..2 {
        rings.create(&name("ring"), RawAes256Gcm).unwrap();
        assert_eq!(spend(&rings, "ring"), STOP);
        let row = row(&rings, "ring");
        assert!(store.get_many(std::slice::from_ref(&row)).unwrap()[0].is_some());
        rings.configure(&name("ring"), &DELETABLE).unwrap();
        rings.delete(&name("ring")).unwrap();
        assert!(store.get_many(&[row]).unwrap()[0].is_none());
    }
}

#[test]
fn a_key_that_another_process_disabled_or_deleted_reserves_nothing_more() {
    for (change, expected) in [("disable", "disabled"), ("delete", "not found"), ("replace", "not found")] {
        let store = Arc::new(MemoryStore::new());
        let (mine, other) = (process(store.clone(), AtLimit::Rotate), process(store, AtLimit::Rotate));
        mine.create(&name("ring"), RawAes256Gcm).unwrap();
        encrypt(&mine, "ring").unwrap();
        other.configure(&name("ring"), &DELETABLE).unwrap();
        match change {
            "disable" => other.disable(&name("ring")).unwrap(),
            _ => other.delete(&name("ring")).unwrap(),
        }
        if change == "replace" {
            other.create(&name("ring"), RawAes256Gcm).unwrap();
        }
        // At most what was reserved before is still spent.
        let refused = (0..64).find_map(|_| encrypt(&mine, "ring").err()).unwrap();
        assert_eq!(kind(&refused), expected, "{change}");
    }
}

#[test]
fn a_count_that_is_damaged_or_of_a_newer_version_stops_the_key() {
    let store = Arc::new(MemoryStore::new());
    let rings = process(store.clone(), AtLimit::Rotate);
    rings.create(&name("ring"), RawAes256Gcm).unwrap();
    encrypt(&rings, "ring").unwrap();
    for bad in [&[][..], &[0x82, 2, 0x80], &[0x82, 1, 0x81, 0x82, 1], &[0xff]] {
        let mut change = strongroom_core::Reader::new(&*store, TENANT).change(());
        change.put(&row(&rings, "ring"), bad);
        change.commit(&*store).unwrap();
        let fresh = process(store.clone(), AtLimit::Rotate);
        assert_eq!(verdict(encrypt(&fresh, "ring")), "store", "{bad:?}");
        assert_eq!(verdict(fresh.usage(&name("ring"))), "store", "{bad:?}");
    }
}

#[test]
fn at_every_fault_of_the_store_nothing_is_encrypted_that_is_not_counted() {
    for fault in [Fault::Fail, Fault::Crash, Fault::CrashAfter, Fault::LoseAnswer] {
        for at in 0..12 {
            let inner = Arc::new(MemoryStore::new());
            process(inner.clone(), AtLimit::Stop).create(&name("ring"), RawAes256Gcm).unwrap();
            let store = Arc::new(FaultStore::new(inner.clone(), fault, at));
            let rings = process(store, AtLimit::Stop);
            let done = (0..300).filter(|_| encrypt(&rings, "ring").is_ok()).count() as u64;
            let counted = reserved(&process(inner, AtLimit::Stop), "ring");
            assert!(done <= counted && counted <= STOP, "{fault:?} at {at}: {done} of {counted}");
        }
    }
}

/// What the waiting events tell, with the version.
fn told(store: &MemoryStore) -> Vec<(Action, bool, Vec<Detail>)> {
    let events = drained(store).into_iter();
    events.map(|event| (event.action, event.actor == Actor::System, event.details)).collect()
}

#[test]
fn the_warning_is_an_event_once_a_version_and_a_rotation_at_the_limit_one_of_the_caller() {
    let store = Arc::new(MemoryStore::new());
    let rings = process(store.clone(), AtLimit::Rotate);
    rings.create(&name("ring"), RawAes256Gcm).unwrap();
    for version in 1..=3 {
        let made = if version == 1 { Action::Create } else { Action::Rotate };
        encrypt(&rings, "ring").unwrap();
        assert_eq!(told(&store), [(made, false, vec![])]);
        assert!(!rings.usage(&name("ring")).unwrap()[version - 1].near_limit);
        // Also in a new process, which reserves anew.
        let other = process(store.clone(), AtLimit::Rotate);
        (1..STOP).for_each(|_| drop(encrypt(&rings, "ring").unwrap_or_else(|_| Vec::new())));
        let warning = (Action::NearLimit, true, vec![Detail::Version(version as u32)]);
        assert_eq!(told(&store), [warning]);
        assert!(other.usage(&name("ring")).unwrap()[version - 1].near_limit);
    }
}

#[test]
fn a_version_that_is_published_before_it_is_used_takes_over_from_an_exhausted_one_at_once() {
    for waiting in [false, true] {
        let rings = process(Arc::new(MemoryStore::new()), AtLimit::Rotate);
        let publish_delay = Some(Duration::from_secs(3_600));
        let settings = Settings { publish_delay, ..Settings::NONE };
        rings.create_with(&name("ring"), &NewRing { settings, ..NewRing::of(RawAes256Gcm) }).unwrap();
        if waiting {
            rings.rotate(&name("ring")).unwrap();
        }
        (0..STOP).for_each(|_| assert_eq!(encrypt(&rings, "ring").unwrap()[7], 1));
        assert_eq!(encrypt(&rings, "ring").unwrap()[7], 2);
        assert_eq!(rings.read(&name("ring")).unwrap().latest_version, 2);
    }
}

#[test]
fn what_is_archived_of_a_counted_ring_encrypts_no_more_and_its_count_is_forgotten() {
    let rings = process(Arc::new(MemoryStore::new()), AtLimit::Stop);
    rings.create(&name("ring"), RawAes256Gcm).unwrap();
    let old = encrypt(&rings, "ring").unwrap();
    rings.rotate(&name("ring")).unwrap();
    rings.configure(&name("ring"), &minimums(2, 0)).unwrap();
    rings.configure(&name("ring"), &minimums(1, 0)).unwrap();
    assert_eq!(*rings.decrypt(&name("ring"), &old, b"").unwrap(), b"text");
    // Without its count it could encrypt too much.
    assert_eq!(verdict(rings.encrypt_with(&name("ring"), Some(1), b"text", b"")), "too old");
    encrypt(&rings, "ring").unwrap();
    let usage = rings.usage(&name("ring")).unwrap();
    assert_eq!(usage.iter().map(|usage| usage.version).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_version_that_another_process_suspended_reserves_nothing_more() {
    let store = Arc::new(MemoryStore::new());
    let (mine, other) = (process(store.clone(), AtLimit::Rotate), process(store, AtLimit::Rotate));
    mine.create(&name("ring"), RawAes256Gcm).unwrap();
    encrypt(&mine, "ring").unwrap();
    other.suspend(&name("ring"), 1).unwrap();
    let refused = (0..64).find_map(|_| encrypt(&mine, "ring").err()).unwrap();
    assert_eq!(kind(&refused), "suspended");
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Encrypt(u64),
    Restart,
    Rotate,
    Old(u64),
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn however_it_is_used_a_version_never_encrypts_more_than_it_may(
        steps in prop::collection::vec(
            prop_oneof![
                4 => (1..120_u64).prop_map(Step::Encrypt),
                2 => Just(Step::Restart),
                1 => Just(Step::Rotate),
                2 => (1..60_u64).prop_map(Step::Old),
            ],
            1..20,
        ),
    ) {
        let store = Arc::new(MemoryStore::new());
        let mut rings = process(store.clone(), AtLimit::Stop);
        rings.create(&name("ring"), RawAes256Gcm).unwrap();
        let mut uses: HashMap<u32, u64> = HashMap::new();
        for step in steps {
            let (times, version) = match step {
                Step::Restart => {
                    rings = process(store.clone(), AtLimit::Stop);
                    continue;
                }
                Step::Rotate => {
                    rings.rotate(&name("ring")).unwrap();
                    continue;
                }
                Step::Encrypt(times) => (times, None),
                Step::Old(times) => (times, Some(1)),
            };
            for _ in 0..times {
                if let Ok(ciphertext) = rings.encrypt_with(&name("ring"), version, b"", b"") {
                    let version = u32::from_be_bytes(*ciphertext[4..].first_chunk().unwrap());
                    *uses.entry(version).or_default() += 1;
                }
            }
            for usage in rings.usage(&name("ring")).unwrap() {
                let used = uses.get(&usage.version).copied().unwrap_or(0);
                prop_assert!(used <= usage.reserved && usage.reserved <= STOP);
                prop_assert_eq!(usage.near_limit, usage.reserved >= LOWER.warn);
            }
        }
    }
}
