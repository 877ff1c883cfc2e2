//! The tree in tiles beside the definitions of RFC 6962.

use std::sync::Arc;

use proptest::prelude::*;
use strongroom_audit::{Hash, LogId, SignedCheckpoint, TILE_WIDTH, TileId};
use strongroom_store_postgres::testing::Engine;

use crate::{
    naive::{self, LEAVES, ROOTS, unhex},
    support::{Fixture, NOW, TENANT, event},
};

const LOG: LogId = LogId::Tenant(TENANT);

/// The leaves of the tenant's log, as a reader of tiles gets them.
pub(crate) fn leaves(fixture: &Fixture, log: LogId) -> Vec<Vec<u8>> {
    let size = fixture.size(log);
    let mut leaves = Vec::new();
    for tile in TileId::all(size).filter(|tile| tile.level == 0) {
        let bytes = fixture.log.entries(log, tile.index, tile.width).unwrap();
        let mut rest = bytes.as_slice();
        while let Some((length, after)) = rest.split_first_chunk() {
            let (leaf, after) = after.split_at(u16::from_be_bytes(*length).into());
            leaves.push(leaf.to_vec());
            rest = after;
        }
    }
    assert_eq!(leaves.len() as u64, size);
    leaves
}

fn bytes(path: &[naive::Hash]) -> Vec<String> {
    path.iter().map(|hash| Hash::from_bytes(*hash).to_string()).collect()
}

/// The lines of a proof that are hashes, between the one that begins with `before` and an empty one.
fn path_in(text: &str, before: &str) -> Vec<String> {
    let lines = text.lines().skip_while(|line| !line.starts_with(before)).skip(1);
    lines.take_while(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn the_hashes_of_known_trees_are_those_of_rfc_6962() {
    let leaves: Vec<_> = LEAVES.into_iter().map(unhex).collect();
    let hashes: Vec<_> = leaves.iter().map(|leaf| Hash::leaf(leaf)).collect();
    assert_eq!(hashes[0].as_bytes()[..], unhex(ROOTS[0]));
    assert_eq!(Hash::node(&hashes[0], &hashes[1]).as_bytes()[..], unhex(ROOTS[1]));
    let four = |at: usize| {
        let pair = |at: usize| Hash::node(&hashes[at], &hashes[at + 1]);
        Hash::node(&pair(at), &pair(at + 2))
    };
    assert_eq!(Hash::node(&four(0), &four(4)).as_bytes()[..], unhex(ROOTS[7]));
    assert_eq!(Hash::empty().as_bytes()[..], naive::root(&[]));
}

#[test]
fn every_size_up_to_600_has_the_root_and_every_proof_the_path_of_rfc_6962() {
    let fixture = Fixture::new();
    let mut notes: Vec<SignedCheckpoint> = Vec::new();
    let key = fixture.log.verifier_key(LOG).unwrap();
    for size in 1..=600_usize {
        fixture.put_keys(size..size + 1);
        fixture.log.drain_all().unwrap();
        notes.push(fixture.log.checkpoint(LOG).unwrap());
    }
    let leaves = leaves(&fixture, LOG);
    for (size, note) in (1..).zip(&notes) {
        let checkpoint = note.verify(&key).unwrap();
        assert_eq!(
            (checkpoint.size, *checkpoint.root.as_bytes()),
            (size as u64, naive::root(&leaves[..size]))
        );
    }
    for old in (1..600).step_by(7).chain([1, 2, 255, 256, 257, 511, 512, 513, 600]) {
        let proof = fixture.log.prove_since(&notes[old - 1]).unwrap();
        let path = path_in(&proof.to_string(), "\u{2014}");
        assert_eq!(path, bytes(&naive::proof(old, &leaves)), "{old}");
        proof.verify(&key).unwrap();
    }
    for index in (0..600).step_by(11).chain([0, 1, 255, 256, 511, 512, 599]) {
        let proof = fixture.prove(index as u64);
        assert_eq!(path_in(&proof.to_string(), "index"), bytes(&naive::path(index, &leaves)), "{index}");
        assert_eq!(proof.verify(&key).unwrap().index, index as u64);
    }
}

#[test]
fn tiles_hold_the_hashes_of_their_level() {
    let fixture = Fixture::over(Arc::new(Engine::new()));
    let count = 2 * 256 + 5;
    for number in 0..count {
        fixture.base.outbox.buffer(event(TENANT, &format!("key-{number}"), NOW)).unwrap();
    }
    fixture.base.outbox.flush(&*fixture.base.store, NOW).unwrap();
    fixture.log.drain_all().unwrap();
    let leaves = leaves(&fixture, LOG);
    let width = TILE_WIDTH as usize;
    let tile = |level, index| fixture.log.tile(LOG, TileId::at(level, index, count as u64).unwrap()).unwrap();
    for (index, chunk) in (0..).zip(leaves.chunks(width)) {
        let hashes: Vec<u8> = chunk.iter().flat_map(|leaf| *Hash::leaf(leaf).as_bytes()).collect();
        assert_eq!(tile(0, index), hashes);
    }
    let roots: Vec<u8> = leaves.chunks_exact(width).flat_map(naive::root).collect();
    assert_eq!(tile(1, 0), roots);
    let narrower = TileId { level: 1, index: 0, width: 1 };
    assert_eq!(fixture.log.tile(LOG, narrower).unwrap(), roots[..32]);
    for wrong in [(1, 0, 3), (0, 3, 1), (2, 0, 1), (0, 2, 6), (0, 0, 0), (9, 0, 1), (0, u64::MAX, 1)] {
        let (level, index, width) = wrong;
        assert!(fixture.log.tile(LOG, TileId { level, index, width }).is_err(), "{wrong:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn any_batches_give_the_tree_of_rfc_6962(batches in proptest::collection::vec(1_usize..700, 1..6)) {
        let fixture = Fixture::new();
        let mut count = 0;
        for batch in batches {
            for number in count..count + batch {
                fixture.base.outbox.buffer(event(TENANT, &format!("key-{number}"), NOW)).unwrap();
            }
            fixture.base.outbox.flush(&*fixture.base.store, NOW).unwrap();
            fixture.log.drain_all().unwrap();
            count += batch;
        }
        let leaves = leaves(&fixture, LOG);
        let key = fixture.log.verifier_key(LOG).unwrap();
        let note = fixture.log.checkpoint(LOG).unwrap();
        prop_assert_eq!(*note.verify(&key).unwrap().root.as_bytes(), naive::root(&leaves));
        for index in [0, count / 3, count / 2, count - 1] {
            let proof = fixture.prove(index as u64);
            prop_assert_eq!(path_in(&proof.to_string(), "index"), bytes(&naive::path(index, &leaves)));
        }
    }
}
