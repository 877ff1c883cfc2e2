//! Whoever takes a backup apart and computes all links anew, with more or less of the keys.

use strongroom_backup::{BackupError, Part, RecoveryKey, inspect, read, write};
use strongroom_core::Signer as _;

use crate::{
    forge::{Frame, Parts, chunk, key_pair, stanza},
    support::{CHUNK, House, Ring, damage, manifest, stream},
};

fn parts(house: &House, length: usize) -> Parts {
    Parts::take_apart(&house.backup(&stream(length)))
}

/// Asserts where a forgery is noticed: by reading it, and by verifying it without a recovery key.
fn assert_noticed(house: &House, forged: &Parts, reading: Part, verifying: Part) {
    let backup = forged.relinked();
    assert_eq!(damage(house.read(&backup)), (reading, forged.place(reading)), "read");
    assert_eq!(damage(house.verify(&backup)), (verifying, forged.place(verifying)), "verify");
}

#[test]
fn relinking_what_was_not_changed_gives_the_same_backup() {
    let house = House::new();
    let backup = house.backup(&stream(CHUNK + 1));
    assert!(Parts::take_apart(&backup).relinked() == backup);
    assert!(Parts::take_apart(&backup).signed(&house.ring) == backup);
}

#[test]
fn relinked_chunks_do_not_open_at_another_place() {
    let house = House::new();
    let good = parts(&house, 3 * CHUNK + 9);
    let first = good.of(4)[0];
    let order = |order: &[usize]| {
        let mut forged = good.clone();
        let chunks: Vec<_> = order.iter().map(|index| good.0[first + index].clone()).collect();
        forged.0.splice(first..first + 4, chunks);
        forged
    };
    for (chunks, named) in [
        ([1, 0, 2, 3].as_slice(), 0),
        (&[0, 2, 1, 3], 1),
        (&[0, 0, 1, 2, 3], 1),
        (&[0, 1, 2, 2, 3], 3),
        (&[1, 2, 3], 0),
        (&[0, 1, 3], 2),
    ] {
        assert_noticed(&house, &order(chunks), Part::Chunk(named), Part::Signature);
    }
}

#[test]
fn a_full_chunk_does_not_open_as_the_last_one_and_the_last_one_as_no_other() {
    let house = House::new();
    let good = parts(&house, 2 * CHUNK);
    let chunks = good.of(4);
    // The empty last chunk in place of the second: the stream would end early.
    let mut early = good.clone();
    early.0.remove(chunks[1]);
    assert_noticed(&house, &early, Part::Chunk(1), Part::Signature);
    // Cut to be the last one.
    let mut cut = good;
    cut.0.truncate(chunks[1] + 1);
    cut.0[chunks[1]].body.truncate(CHUNK / 2);
    cut.0.push(Frame { kind: 5, body: vec![0; 64] });
    assert_noticed(&house, &cut, Part::Chunk(1), Part::Signature);
}

#[test]
fn chunks_of_another_backup_of_the_same_house_do_not_open() {
    let house = House::new();
    let [good, other] = [0, 1].map(|_| parts(&house, 2 * CHUNK + 9));
    for (index, position) in good.of(4).into_iter().enumerate() {
        let mut forged = good.clone();
        forged.0[position] = other.0[position].clone();
        assert_noticed(&house, &forged, Part::Chunk(index as u64), Part::Signature);
    }
    // The header of one with all chunks and the signature of the other.
    let mut forged = good.clone();
    forged.0.splice(good.of(4)[0].., other.0[good.of(4)[0]..].iter().cloned());
    assert_noticed(&house, &forged, Part::Chunk(0), Part::Signature);
    // The signature alone.
    let (mut forged, last) = (good.clone(), good.0.len() - 1);
    forged.0[last] = other.0[last].clone();
    assert_noticed(&house, &forged, Part::Signature, Part::Signature);
}

#[test]
fn a_changed_manifest_is_refused_before_the_recovery_key_is_used() {
    let house = House::new();
    let good = parts(&house, 9);
    let mut older = good.clone();
    // The commit counter: 3 becomes 2.
    let body = &mut older.0[0].body;
    let at = (0..body.len()).find(|at| body[*at..].starts_with(&[3, 0x1b])).unwrap();
    body[at] = 2;
    assert_noticed(&house, &older, Part::HeaderSignature, Part::HeaderSignature);
    assert_eq!(damage(inspect(&house.provider, &mut &*older.relinked())).0, Part::HeaderSignature);
}

#[test]
fn the_manifest_of_another_backup_does_not_fit() {
    let house = House::new();
    let [mut forged, other] = [0, 1].map(|_| parts(&house, 9));
    forged.0[0] = other.0[0].clone();
    assert_noticed(&house, &forged, Part::HeaderSignature, Part::HeaderSignature);
}

#[test]
fn a_manifest_has_one_spelling() {
    let house = House::new();
    let good = parts(&house, 9);
    let mut longer = good.clone();
    longer.0[0].body.push(0);
    // A trusted signer wrote it, but not as this format has it.
    for bad in [longer.signed(&house.ring), longer.relinked()] {
        house.assert_damaged(&bad, Part::Manifest, 16);
    }
}

#[test]
fn recipients_can_be_neither_stripped_added_nor_exchanged_without_the_signer() {
    let house = House::new();
    let good = parts(&house, 9);
    let (_, mine) = key_pair(99);
    // Whoever holds a recovery key knows the file key, and can wrap it for another one.
    let wrapped = Frame { kind: 2, body: stanza(&mine, &good.link_before(3), &[5; 32]) };

    let mut stripped = good.clone();
    stripped.0.remove(1);
    // The manifest counts them: what follows is no recipient.
    house.assert_damaged(&stripped.relinked(), Part::Recipient(1), stripped.place(Part::HeaderSignature));
    let count = (0..good.0[0].body.len()).rfind(|at| good.0[0].body[*at..].starts_with(&[2, 0x50])).unwrap();
    stripped.0[0].body[count] = 1;
    assert_noticed(&house, &stripped, Part::HeaderSignature, Part::HeaderSignature);

    let mut added = good.clone();
    added.0.insert(3, wrapped.clone());
    house.assert_damaged(&added.relinked(), Part::HeaderSignature, added.place(Part::Recipient(2)));
    added.0[0].body[count] = 3;
    assert_noticed(&house, &added, Part::HeaderSignature, Part::HeaderSignature);

    let mut exchanged = good.clone();
    exchanged.0[1] = wrapped;
    assert_noticed(&house, &exchanged, Part::HeaderSignature, Part::HeaderSignature);

    let mut turned = good;
    turned.0.swap(1, 2);
    assert_noticed(&house, &turned, Part::HeaderSignature, Part::HeaderSignature);
}

#[test]
fn a_wrapped_key_that_is_exchanged_opens_no_chunk() {
    let house = House::new();
    let recovery = RecoveryKey::parse(&crate::golden::recovery_text()).unwrap();
    let (_, public) = key_pair(crate::golden::RECOVERY_SEED);
    let (mut backup, recipients) = (Vec::new(), [recovery.recipient()]);
    let mut from = b"all records".as_slice();
    let manifest = manifest(None);
    write(&house.provider, &house.ring, &manifest, &recipients, &mut from, &mut backup, &mut |_| ()).unwrap();
    let mut forged = Parts::take_apart(&backup);
    forged.0[1].body = stanza(&public, &forged.link_before(1), &[5; 32]);
    assert_eq!(damage(house.read_with(&recovery, &forged.relinked())).0, Part::HeaderSignature);
    // Even where the signer was made to sign it, the chunks are committed to their key.
    let signed = forged.signed(&house.ring);
    assert_eq!(damage(house.read_with(&recovery, &signed)), (Part::Chunk(0), forged.place(Part::Chunk(0))));
    assert!(house.verify(&signed).is_ok());
}

#[test]
fn every_single_chunk_is_committed_to_the_key_of_the_backup() {
    let house = House::new();
    let recovery = RecoveryKey::parse(&crate::golden::recovery_text()).unwrap();
    let (_, public) = key_pair(crate::golden::RECOVERY_SEED);
    let mut base = parts(&house, 2 * CHUNK + 9);
    let id = inspect(&house.provider, &mut &*base.relinked()).unwrap().unproven().id;
    // Our own key for all, so that chunks can be made: it replaces the second recipient.
    base.0[2].body = stanza(&public, &base.link_before(2), &[5; 32]);
    let plaintext = stream(2 * CHUNK + 9);
    for (index, (position, plaintext)) in base.of(4).into_iter().zip(plaintext.chunks(CHUNK)).enumerate() {
        let last = plaintext.len() < CHUNK;
        base.0[position].body = chunk(id, &[5; 32], index as u64, last, plaintext);
    }
    assert!(house.read_with(&recovery, &base.signed(&house.ring)).unwrap().0 == plaintext);
    for (index, position) in base.of(4).into_iter().enumerate() {
        let (mut forged, part) = (base.clone(), Part::Chunk(index as u64));
        let length = forged.0[position].body.len() - 108;
        forged.0[position].body = chunk(id, &[6; 32], index as u64, length < CHUNK, &vec![0; length]);
        let read = house.read_with(&recovery, &forged.signed(&house.ring));
        assert_eq!(damage(read), (part, forged.place(part)));
    }
}

#[test]
fn a_backup_by_another_signer_is_refused_by_name() {
    let house = House::new();
    let stranger = House { ring: Ring::new(8), ..House::new() };
    let backup = stranger.backup(b"all records");
    let mut out = Vec::new();
    // With a recovery key that opens it: the signer alone decides, and nothing is written.
    let result =
        read(&house.provider, &stranger.recovery, &house.trusted(), &mut &*backup, &mut out, &mut |_| ());
    assert!(matches!(result, Err(BackupError::AnotherSigner(key)) if key == stranger.ring.key()));
    assert!(out.is_empty());
    assert!(
        matches!(house.verify(&backup), Err(BackupError::AnotherSigner(key)) if key == stranger.ring.key())
    );
    let header = inspect(&house.provider, &mut &*backup).unwrap();
    assert!(matches!(header.trust(&house.trusted()), Err(BackupError::AnotherSigner(_))));
    assert!(matches!(
        inspect(&house.provider, &mut &*backup).unwrap().trust(&[]),
        Err(BackupError::AnotherSigner(_))
    ));
}

#[test]
fn a_signer_that_is_exchanged_in_the_manifest_does_not_pass() {
    let house = House::new();
    let stranger = Ring::new(8);
    let mut forged = parts(&house, 9);
    let (ours, theirs) = (house.ring.public().unwrap().bytes, stranger.public().unwrap().bytes);
    let body = &mut forged.0[0].body;
    let at = (0..body.len()).find(|at| body[*at..].starts_with(&ours)).unwrap();
    body[at..at + 32].copy_from_slice(&theirs);
    // Signed by nobody, then by the stranger.
    assert_noticed(&house, &forged, Part::HeaderSignature, Part::HeaderSignature);
    let signed = forged.signed(&stranger);
    assert!(matches!(house.read(&signed), Err(BackupError::AnotherSigner(key)) if key == stranger.key()));
    // A stranger's backup that names our signer.
    let stranger = House { ring: Ring::new(8), ..House::new() };
    let mut forged = parts(&stranger, 9);
    forged.0[0].body[at..at + 32].copy_from_slice(&ours);
    assert_noticed(&house, &forged, Part::HeaderSignature, Part::HeaderSignature);
    // Bytes that are no public key.
    forged.0[0].body[at..at + 32].copy_from_slice(&crate::key_text::NO_POINT);
    assert_noticed(&house, &forged, Part::Manifest, Part::Manifest);
}

#[test]
fn neither_signature_passes_for_the_other() {
    let house = House::new();
    let good = parts(&house, 9);
    let (first, last) = (good.of(3)[0], good.of(5)[0]);
    let mut forged = good.clone();
    forged.0[last].body =
        house.ring.sign(&[b"strongroom/v1/backup/header\0", &good.link_before(last)[..]].concat()).unwrap();
    assert_noticed(&house, &forged, Part::Signature, Part::Signature);
    let mut forged = good.clone();
    forged.0[first].body =
        house.ring.sign(&[b"strongroom/v1/backup/whole\0", &good.link_before(first)[..]].concat()).unwrap();
    assert_noticed(&house, &forged, Part::HeaderSignature, Part::HeaderSignature);
}

#[test]
fn another_recovery_key_is_told_so() {
    let house = House::new();
    let backup = house.backup(b"all records");
    let stranger = RecoveryKey::generate(&house.provider).unwrap();
    assert!(matches!(house.read_with(&stranger, &backup), Err(BackupError::NotForThisKey)));
}
