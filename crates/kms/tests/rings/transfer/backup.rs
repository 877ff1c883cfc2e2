//! Rings in files, and back: whole or not at all, for nobody but whom they are for.

use std::sync::Arc;

use strongroom_core::{Algorithm, SealedStore};
use strongroom_keys::KeyFormat;
use strongroom_kms::{
    BackupFrom, BackupTo, Kms, NewRing, Replace, Ring, RingBackupError, Rings, Settings, Source, Versions,
};
use strongroom_store_postgres::testing::Engine;

use super::material::{Foreign, RING, open, quick, rings, rings_over};
use crate::support::{DELETABLE, OTHER_TENANT, base_over, minimums, name, verdict};

pub(super) fn taken(rings: &Rings, to: BackupTo<'_>) -> Vec<u8> {
    let mut file = Vec::new();
    rings.backup(&name(RING), to, &mut file).unwrap();
    file
}

pub(super) fn restored(rings: &Rings, file: &[u8]) -> Result<Ring, RingBackupError> {
    rings.restore(None, &mut &*file, BackupFrom::Database, Replace::Never)
}

fn outcome<T>(result: Result<T, RingBackupError>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(RingBackupError::Ring(error)) => verdict::<()>(Err(error)),
        Err(RingBackupError::OpenFailed) => "does not open",
        Err(RingBackupError::Unsupported) => "newer",
        Err(RingBackupError::Io(_)) => "io",
    }
}

fn deleted(rings: &Rings, ring: &str) {
    rings.configure(&name(ring), &DELETABLE).unwrap();
    rings.delete(&name(ring)).unwrap();
}

#[test]
fn a_ring_of_every_type_comes_back_as_it_was() {
    for algorithm in quick() {
        let rings = rings();
        rings.create_with(&name(RING), &open(algorithm)).unwrap();
        rings.rotate(&name(RING)).unwrap();
        let before = rings.read(&name(RING)).unwrap();
        let file = taken(&rings, BackupTo::Database);
        deleted(&rings, RING);
        let after = restored(&rings, &file).unwrap();
        let counted = algorithm.use_limit().is_some();
        let min_encryption_version = if counted { 1 } else { before.min_encryption_version };
        assert_eq!(after, Ring { min_encryption_version, ..before }, "{algorithm:?}");
    }
}

#[test]
fn what_a_ring_encrypted_opens_after_it_came_back_under_another_name() {
    let rings = rings();
    rings.create_with(&name(RING), &open(Algorithm::Aes256Gcm)).unwrap();
    let texts: Vec<_> = (1..=4)
        .map(|_| {
            let text = rings.encrypt(&name(RING), b"text", b"aad").unwrap();
            rings.rotate(&name(RING)).unwrap();
            text
        })
        .collect();
    // What may not decrypt now is in the backup all the same.
    rings.configure(&name(RING), &minimums(3, 0)).unwrap();
    let file = taken(&rings, BackupTo::Database);
    deleted(&rings, RING);
    let other = name("other");
    rings.restore(Some(&other), &mut &*file, BackupFrom::Database, Replace::Never).unwrap();
    assert_eq!(verdict(rings.decrypt(&other, &texts[0], b"aad")), "too old");
    rings.configure(&other, &minimums(1, 0)).unwrap();
    for text in &texts {
        assert_eq!(*rings.decrypt(&other, text, b"aad").unwrap(), b"text");
    }
}

/// The same keys under two names would be counted and ended apart.
#[test]
fn a_ring_is_there_once() {
    let rings = rings();
    rings.create_with(&name(RING), &open(Algorithm::Aes256Gcm)).unwrap();
    let file = taken(&rings, BackupTo::Database);
    let at = |other: &str, replace| {
        outcome(rings.restore(Some(&name(other)), &mut &*file, BackupFrom::Database, replace))
    };
    assert_eq!(at("other", Replace::Never), "invalid");
    assert_eq!(at("other", Replace::Same), "invalid");
    assert_eq!(at(RING, Replace::Never), "exists");
    deleted(&rings, RING);
    assert_eq!(at("other", Replace::Never), "ok");
    assert_eq!([at(RING, Replace::Never), at("third", Replace::Never)], ["invalid"; 2]);
    deleted(&rings, "other");
    assert_eq!(at("third", Replace::Never), "ok");
    assert_eq!([at(RING, Replace::Same), at("other", Replace::Never)], ["invalid"; 2]);
}

#[test]
fn another_ring_is_never_replaced_and_the_same_one_only_where_that_was_asked_for() {
    let rings = rings();
    rings.create_with(&name(RING), &open(Algorithm::Aes256Gcm)).unwrap();
    let text = rings.encrypt(&name(RING), b"text", b"").unwrap();
    let file = taken(&rings, BackupTo::Database);
    let again = |replace| outcome(rings.restore(None, &mut &*file, BackupFrom::Database, replace));
    rings.disable(&name(RING)).unwrap();
    assert_eq!(again(Replace::Never), "exists");
    assert_eq!(verdict(rings.decrypt(&name(RING), &text, b"")), "disabled");
    assert_eq!(again(Replace::Same), "ok");
    assert_eq!(*rings.decrypt(&name(RING), &text, b"").unwrap(), b"text");
    rings.rotate(&name(RING)).unwrap();
    assert_eq!(again(Replace::Same), "invalid", "the second version would be lost");
    deleted(&rings, RING);
    rings.create(&name(RING), Algorithm::Aes256Gcm).unwrap();
    assert_eq!([again(Replace::Never), again(Replace::Same)], ["exists"; 2]);
}

#[test]
fn a_backup_with_any_change_or_cut_does_not_open_and_leaves_nothing() {
    let store = Arc::new(Engine::new());
    let rings = rings_over(store.clone());
    rings.create_with(&name(RING), &open(Algorithm::Ed25519)).unwrap();
    let file = taken(&rings, BackupTo::Database);
    deleted(&rings, RING);
    let before = store.dump();
    for place in 0..file.len() {
        let mut changed = file.clone();
        changed[place] ^= 1 << (place % 8);
        let found = outcome(restored(&rings, &changed));
        let expected: &[_] = if place == 4 { &["newer"] } else { &["does not open"] };
        assert!(expected.contains(&found), "{place}: {found}");
        assert_eq!(outcome(restored(&rings, &file[..place])), "does not open", "{place}");
    }
    for more in [&[0][..], &[0; 4], &file] {
        assert_eq!(outcome(restored(&rings, &[&file[..], more].concat())), "does not open");
    }
    assert_eq!(store.dump(), before);
    assert_eq!(outcome(restored(&rings, &file)), "ok");
}

#[test]
fn a_backup_for_the_database_opens_in_no_other_and_for_no_other_tenant() {
    let store: Arc<dyn SealedStore> = Arc::new(Engine::new());
    let mine = rings_over(store.clone());
    let theirs = Kms::new(base_over(store)).without_caller(OTHER_TENANT);
    mine.create(&name(RING), Algorithm::Ed25519).unwrap();
    let file = taken(&mine, BackupTo::Database);
    assert_eq!(outcome(restored(&theirs, &file)), "does not open");
    assert_eq!(outcome(restored(&rings(), &file)), "does not open");
}

#[test]
fn a_backup_leaves_for_its_recipient_alone_and_only_where_the_ring_allows_it() {
    for algorithm in [Algorithm::HpkeX25519, Algorithm::HpkeP256, Algorithm::HpkeXWing] {
        let (from, to) = (rings(), rings());
        let (recipient, other) = (Foreign::new(algorithm), Foreign::new(algorithm));
        let public = recipient.key.public().unwrap();
        from.create(&name(RING), Algorithm::Aes256Gcm).unwrap();
        let mut file = Vec::new();
        let allow = |settings| from.configure(&name(RING), &settings).unwrap();
        for settings in [Settings::NONE, Settings { exportable: Some(true), ..Settings::NONE }] {
            allow(settings);
            let refused = from.backup(&name(RING), BackupTo::Recipient(public), &mut file);
            assert_eq!(outcome(refused), "policy");
            assert!(file.is_empty());
        }
        allow(Settings { plaintext_backup: Some(true), ..Settings::NONE });
        let text = from.encrypt(&name(RING), b"text", b"").unwrap();
        let file = taken(&from, BackupTo::Recipient(public));
        let by = |key| outcome(to.restore(None, &mut &*file, key, Replace::Never));
        assert_eq!(by(BackupFrom::Database), "does not open");
        assert_eq!(by(BackupFrom::Recipient(&*other.key)), "does not open");
        assert_eq!(by(BackupFrom::Recipient(&*recipient.key)), "ok");
        assert_eq!(*to.decrypt(&name(RING), &text, b"").unwrap(), b"text");
    }
    let signer = Foreign::new(Algorithm::Ed25519);
    let rings = rings();
    rings.create_with(&name(RING), &open(Algorithm::Ed25519)).unwrap();
    let to = BackupTo::Recipient(signer.key.public().unwrap());
    assert_eq!(outcome(rings.backup(&name(RING), to, &mut Vec::new())), "invalid");
}

#[test]
fn a_counted_key_that_came_back_decrypts_and_encrypts_no_more() {
    for algorithm in quick().filter(|algorithm| algorithm.use_limit().is_some()) {
        let rings = rings();
        rings.create_with(&name(RING), &open(algorithm)).unwrap();
        let text = rings.encrypt(&name(RING), b"text", b"").unwrap();
        let file = taken(&rings, BackupTo::Database);
        deleted(&rings, RING);
        restored(&rings, &file).unwrap();
        assert_eq!(*rings.decrypt(&name(RING), &text, b"").unwrap(), b"text");
        assert_eq!(verdict(rings.encrypt(&name(RING), b"text", b"")), "exhausted");
        rings.rotate(&name(RING)).unwrap();
        rings.encrypt(&name(RING), b"text", b"").unwrap();
    }
}

#[test]
fn what_is_no_backup_is_refused_without_reading_on() {
    let rings = rings();
    for bytes in [&b""[..], b"SRK", b"SRKB", b"SRKB\x01", b"SRKB\x01\xff\xff\xff\xff", b"{\"policy\":{}}"] {
        assert_eq!(outcome(restored(&rings, bytes)), "does not open");
    }
    assert_eq!(outcome(restored(&rings, b"SRKB\x02")), "newer");
}

#[test]
fn a_ring_that_waits_for_its_key_has_nothing_to_back_up() {
    let rings = rings();
    let new = NewRing { source: Source::Imported, ..open(Algorithm::Ed25519) };
    rings.create_with(&name(RING), &new).unwrap();
    let refused = rings.backup(&name(RING), BackupTo::Database, &mut Vec::new());
    assert_eq!(outcome(refused), "pending import");
    assert_eq!(verdict(rings.export(&name(RING), Versions::All, KeyFormat::Der)), "pending import");
}

/// A writer that has no room.
struct Full;

impl std::io::Write for Full {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::StorageFull.into())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_backup_that_cannot_be_written_says_so() {
    let rings = rings();
    rings.create(&name(RING), Algorithm::Ed25519).unwrap();
    assert_eq!(outcome(rings.backup(&name(RING), BackupTo::Database, &mut Full)), "io");
}
