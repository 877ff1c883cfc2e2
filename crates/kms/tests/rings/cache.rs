//! Nothing is read on the hot path, and nothing that is kept outlives a change.

use std::{sync::Arc, thread};

use strongroom_core::{
    Algorithm, CommitError, HashAlgorithm, SealedStore,
    fault::{Fault, FaultStore},
    tap::Tapped,
};
use strongroom_kms::{Kms, KmsError, Rings};
use strongroom_store_postgres::testing::Engine;

use crate::{
    spy::Spy,
    support::{DELETABLE, TENANT, base_over, base_with, minimums, name, rings_over, verdict},
    taps::{Count, Hold, Mute},
};

#[test]
fn after_its_first_use_a_ring_is_used_without_the_store() {
    let store = Tapped::over(Arc::new(Engine::new()), Count::default());
    let rings = rings_over(store.clone());
    for algorithm in [Algorithm::Aes256Gcm, Algorithm::Ed25519, Algorithm::EcdsaP256] {
        let ring = name(&format!("{algorithm:?}"));
        rings.create(&ring, algorithm).unwrap();
        rings.rotate(&ring).unwrap();
        assert!(!rings.cached(&ring));
        store.tap.taken();
        use_all(&rings, &ring, algorithm);
        assert_eq!(store.tap.taken(), (1, 0), "{algorithm:?}: one read, however many operations");
        assert!(rings.cached(&ring));
        for _ in 0..3 {
            use_all(&rings, &ring, algorithm);
        }
        assert_eq!(store.tap.taken(), (0, 0), "{algorithm:?}");
    }
}

fn use_all(rings: &Rings, ring: &strongroom_core::Name, algorithm: Algorithm) {
    if !algorithm.signs() {
        let sealed = rings.encrypt_with(ring, Some(1), b"text", b"data").unwrap();
        let again = rings.rewrap(ring, &sealed, b"data").unwrap();
        assert_eq!(*rings.decrypt(ring, &again, b"data").unwrap(), b"text");
        return;
    }
    let signature = rings.sign(ring, None, b"text").unwrap();
    assert!(rings.verify(ring, b"text", &signature).unwrap());
    if algorithm == Algorithm::EcdsaP256 {
        let signature = rings.sign_digest(ring, Some(1), HashAlgorithm::Sha384, &[3; 48]).unwrap();
        assert!(rings.verify_digest(ring, HashAlgorithm::Sha384, &[3; 48], &signature).unwrap());
    }
}

#[test]
fn asking_whether_a_ring_is_in_memory_never_touches_the_store() {
    let store = Tapped::over(Arc::new(Engine::new()), Count::default());
    let rings = rings_over(store.clone());
    rings.create(&name("a"), Algorithm::Aes256Gcm).unwrap();
    store.tap.taken();
    assert!(!rings.cached(&name("a")) && !rings.cached(&name("b")));
    assert_eq!(store.tap.taken(), (0, 0));
}

/// A change, and what an encryption or decryption says that begins after it.
type Case = (&'static str, fn(&Rings) -> Result<(), KmsError>, [&'static str; 2]);

const CHANGES: &[Case] = &[
    ("disable", |rings| rings.disable(&name("ring")), ["disabled", "disabled"]),
    ("delete", |rings| rings.delete(&name("ring")), ["not found", "not found"]),
    ("raise", |rings| rings.configure(&name("ring"), &minimums(2, 0)).map(drop), ["ok", "too old"]),
    ("replace", replace, ["ok", "does not open"]),
];

fn replace(rings: &Rings) -> Result<(), KmsError> {
    rings.delete(&name("ring"))?;
    rings.create(&name("ring"), Algorithm::Aes256Gcm).map(drop)
}

/// A ring of two versions over `store`, and a ciphertext of the first.
fn two_versions(store: Arc<dyn SealedStore>) -> (Rings, Vec<u8>) {
    let (rings, ring) = (rings_over(store), name("ring"));
    rings.create(&ring, Algorithm::Aes256Gcm).unwrap();
    let sealed = rings.encrypt(&ring, b"text", b"").unwrap();
    rings.rotate(&ring).unwrap();
    rings.configure(&ring, &DELETABLE).unwrap();
    (rings, sealed)
}

fn tried(rings: &Rings, sealed: &[u8]) -> [&'static str; 2] {
    let ring = name("ring");
    [verdict(rings.encrypt(&ring, b"text", b"")), verdict(rings.decrypt(&ring, sealed, b""))]
}

#[test]
fn a_slow_reader_does_not_undo_a_change() {
    for (what, change, after) in CHANGES {
        let store = Tapped::over(Arc::new(Engine::new()), Hold::default());
        let (rings, sealed) = two_versions(store.clone());
        let held = store.tap.next_read();
        let slow = thread::spawn({
            let (rings, sealed) = (rings.clone(), sealed.clone());
            move || rings.decrypt(&name("ring"), &sealed, b"").map(|text| text.to_vec())
        });
        held.wait();
        change(&rings).unwrap();
        assert_eq!(tried(&rings, &sealed), *after, "{what}, while the reader still holds what was");
        held.release();
        // It began before the change, so that it may still see what was then; but it leaves nothing behind.
        assert_eq!(slow.join().unwrap().unwrap(), b"text");
        assert_eq!(tried(&rings, &sealed), *after, "{what}, after the reader ended");
    }
}

#[test]
fn a_change_whose_outcome_is_unknown_is_read_again_before_the_next_answer() {
    for (what, change, after) in &CHANGES[..3] {
        let inner = Arc::new(Engine::new());
        let (_, sealed) = two_versions(inner.clone());
        let rings = rings_over(Tapped::over(inner, Mute));
        assert_eq!(tried(&rings, &sealed), ["ok", "ok"]);
        assert!(rings.cached(&name("ring")));
        let answer = change(&rings);
        assert!(matches!(answer, Err(KmsError::Commit(CommitError::Unknown))), "{what}: {answer:?}");
        assert!(!rings.cached(&name("ring")));
        assert_eq!(tried(&rings, &sealed), *after, "{what}");
    }
}

#[test]
fn a_change_whose_answer_was_lost_is_told_when_asked_again() {
    for (what, change, after) in &CHANGES[..3] {
        let inner = Arc::new(Engine::new());
        let (_, sealed) = two_versions(inner.clone());
        // The fill, the plan's read, then the commit.
        let rings = rings_over(Arc::new(FaultStore::new(inner, Fault::LoseAnswer, 2)));
        assert_eq!(tried(&rings, &sealed), ["ok", "ok"]);
        change(&rings).unwrap();
        assert_eq!(tried(&rings, &sealed), *after, "{what}");
    }
}

#[test]
fn a_store_that_died_in_a_commit_leaves_no_ring_in_memory_that_could_be_stale() {
    for fault in [Fault::Crash, Fault::CrashAfter] {
        for (what, change, _) in &CHANGES[..3] {
            let inner = Arc::new(Engine::new());
            let (_, sealed) = two_versions(inner.clone());
            let rings = rings_over(Arc::new(FaultStore::new(inner, fault, 2)));
            assert_eq!(tried(&rings, &sealed), ["ok", "ok"]);
            assert_eq!(verdict(change(&rings)), "store");
            assert_eq!(tried(&rings, &sealed), ["store", "store"], "{fault:?}, {what}");
        }
    }
}

#[test]
fn clones_share_what_they_forget() {
    let base = base_over(Arc::new(Engine::new()));
    let kms = Kms::new(base);
    let (one, other) = (kms.without_caller(TENANT), kms.clone().without_caller(TENANT));
    one.create(&name("ring"), Algorithm::Aes256Gcm).unwrap();
    other.encrypt(&name("ring"), b"", b"").unwrap();
    one.disable(&name("ring")).unwrap();
    assert_eq!(verdict(other.encrypt(&name("ring"), b"", b"")), "disabled");
    other.enable(&name("ring")).unwrap();
    assert_eq!(verdict(one.encrypt(&name("ring"), b"", b"")), "ok");
}

#[test]
fn a_rewrap_sees_one_state_of_one_ring_from_beginning_to_end() {
    let spy = Arc::new(Spy::default());
    let base = base_with(Arc::new(Engine::new()), spy.clone());
    let (rings, ring) = (Kms::new(base).without_caller(TENANT), name("ring"));
    rings.create(&ring, Algorithm::Aes256Gcm).unwrap();
    rings.configure(&ring, &DELETABLE).unwrap();
    let sealed = rings.encrypt(&ring, b"text", b"").unwrap();
    let in_between = rings.clone();
    spy.meanwhile(move || replace(&in_between).unwrap());
    let again = rings.rewrap(&ring, &sealed, b"").unwrap();
    // It is the old ring's, as what was decrypted, and not the new one's under the same name.
    assert_eq!(sealed[..24], again[..24]);
    assert_eq!(tried(&rings, &again), ["ok", "does not open"]);
}
