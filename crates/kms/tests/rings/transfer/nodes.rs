//! Two nodes over one database.

use std::{sync::Arc, thread};

use strongroom_core::{Algorithm, SealedStore};
use strongroom_kms::{BackupTo, Import};
use strongroom_store_postgres::testing::Engine;

use super::{
    backup::{restored, taken},
    material::{Foreign, KWP, RING, agree, open, rings_over},
};
use crate::support::name;

#[test]
fn all_nodes_have_the_same_wrapping_key_also_if_they_make_it_at_once() {
    let store: Arc<dyn SealedStore> = Arc::new(Engine::new());
    let keys: Vec<_> = thread::scope(|scope| {
        let nodes: Vec<_> = (0..4)
            .map(|_| {
                let rings = rings_over(store.clone());
                scope.spawn(move || rings.wrapping_key().unwrap())
            })
            .collect();
        nodes.into_iter().map(|node| node.join().unwrap()).collect()
    });
    assert!(keys.iter().all(|key| *key == keys[0]));
}

/// Backups are sealed under a key that both nodes make when they first need it: whose is written, both use.
#[test]
fn what_one_node_backs_up_while_another_makes_the_key_as_well_can_be_restored() {
    for _ in 0..8 {
        let store: Arc<dyn SealedStore> = Arc::new(Engine::new());
        rings_over(store.clone()).create_with(&name(RING), &open(Algorithm::Ed25519)).unwrap();
        let files: Vec<_> = thread::scope(|scope| {
            let nodes: Vec<_> = (0..3)
                .map(|_| {
                    let rings = rings_over(store.clone());
                    scope.spawn(move || taken(&rings, BackupTo::Database))
                })
                .collect();
            nodes.into_iter().map(|node| node.join().unwrap()).collect()
        });
        for file in files {
            let rings = rings_over(store.clone());
            rings.delete(&name(RING)).unwrap();
            restored(&rings, &file).unwrap();
        }
    }
}

#[test]
fn of_two_nodes_that_bring_in_the_same_name_one_does() {
    for _ in 0..8 {
        let store: Arc<dyn SealedStore> = Arc::new(Engine::new());
        let foreign: Vec<_> = (0..3).map(|_| Foreign::new(Algorithm::Ed25519)).collect();
        let done: Vec<bool> = thread::scope(|scope| {
            let nodes: Vec<_> = foreign
                .iter()
                .map(|foreign| {
                    let rings = rings_over(store.clone());
                    scope.spawn(move || {
                        let wrapped = foreign.wrapped(&rings, KWP);
                        let import = Import::Wrapped { transport: KWP, wrapped: &wrapped };
                        rings.import(&name(RING), &open(Algorithm::Ed25519), &import).is_ok()
                    })
                })
                .collect();
            nodes.into_iter().map(|node| node.join().unwrap()).collect()
        });
        let winner: Vec<_> = foreign.iter().zip(&done).filter(|(_, done)| **done).collect();
        assert_eq!(winner.len(), 1);
        agree(&rings_over(store), winner[0].0);
    }
}
