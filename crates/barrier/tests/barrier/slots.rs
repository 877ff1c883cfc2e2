//! Making, opening and unsealing a database; what it tells about itself.

use std::sync::Arc;

use strongroom_barrier::{
    CreateError, NewSlot, OpenError, Sealed, ShareError, SlotStatus, Split, TooShort, Unlock, UnsealError,
    UnsealSecret,
};
use strongroom_core::{FixedClock, StoreError};
use strongroom_store_postgres::testing::Engine;

use crate::db::{Db, FILE, NOW, SLOTS, file, name, provider, put, value};

#[test]
fn each_slot_alone_opens_everything() {
    let second = UnsealSecret::new(vec![9; 32]).unwrap();
    let first = file();
    let split = Split { shares: 3, threshold: 2 };
    let db = Db::with(&[
        NewSlot::Secret(&first),
        NewSlot::Shamir(split),
        NewSlot::Secret(&second),
        NewSlot::Shamir(split),
    ]);
    let tenant = db.by_file().first_tenant();
    put(&db.by_file(), &name(tenant, "a"), b"found by all").unwrap();
    let ways = [
        Unlock::Secret(&first),
        Unlock::Secret(&second),
        Unlock::Shares(&db.shares[..2]),
        Unlock::Shares(&db.shares[4..]),
    ];
    for way in &ways {
        let unsealed = db.sealed.unseal(way).unwrap();
        assert_eq!(value(&unsealed, &name(tenant, "a")).unwrap().unwrap(), b"found by all", "{way:?}");
        assert_eq!(unsealed.first_tenant(), tenant);
    }
}

#[test]
fn every_set_of_enough_shares_opens_and_no_smaller_one_does() {
    for shares in 1..=5_u8 {
        for threshold in 1..=shares {
            let db = Db::with(&[NewSlot::Shamir(Split { shares, threshold })]);
            assert_eq!(db.shares.len(), usize::from(shares));
            for chosen in 1..1_u32 << shares {
                let set: Vec<_> = (0..shares)
                    .filter(|i| chosen >> i & 1 == 1)
                    .map(|i| db.shares[usize::from(i)].clone())
                    .collect();
                let opened = db.sealed.unseal(&Unlock::Shares(&set));
                match threshold.checked_sub(set.len() as u8) {
                    None | Some(0) => drop(opened.unwrap()),
                    Some(missing) => assert!(
                        matches!(opened, Err(UnsealError::Share(ShareError::Missing { missing: m })) if m == missing),
                        "{threshold} of {shares}, set {chosen:b}"
                    ),
                }
            }
        }
    }
}

#[test]
fn the_largest_split_opens_with_its_last_shares() {
    for threshold in [1, 2, 128, 255] {
        let db = Db::with(&[NewSlot::Shamir(Split { shares: 255, threshold })]);
        let enough = &db.shares[255 - usize::from(threshold)..];
        db.sealed.unseal(&Unlock::Shares(enough)).unwrap();
        let split = Some(Split { shares: 255, threshold });
        assert_eq!(db.sealed.status().unwrap().slots[0].split, split);
    }
}

#[test]
fn slots_that_make_no_sense_are_refused_and_nothing_is_made() {
    let file = file();
    let split = |shares, threshold| NewSlot::Shamir(Split { shares, threshold });
    let (none, many): (Vec<NewSlot<'_>>, Vec<_>) = (Vec::new(), (0..33).map(|_| split(1, 1)).collect());
    let wrong = [none, many, vec![split(0, 0)], vec![split(3, 0)], vec![split(3, 4)]];
    for slots in wrong {
        let (engine, clock) = (Arc::new(Engine::new()), Arc::new(FixedClock::at(NOW)));
        let made = Sealed::create(engine.clone(), provider(), clock, &slots, Vec::new());
        assert!(matches!(made, Err(CreateError::Slots)), "{slots:?}");
        assert!(engine.dump().is_empty());
    }
    drop(Db::with(&(0..32).map(|_| NewSlot::Secret(&file)).collect::<Vec<_>>()).by_file());
}

#[test]
fn create_never_replaces_and_open_never_creates() {
    let db = Db::new();
    let before = db.engine.dump();
    let split = [NewSlot::Shamir(Split { shares: 1, threshold: 1 })];
    let again = Sealed::create(db.engine.clone(), provider(), db.clock.clone(), &split, Vec::new());
    assert!(matches!(again, Err(CreateError::Exists)));
    assert_eq!(db.engine.dump(), before);
    let empty = Arc::new(Engine::new());
    let opened = Sealed::open(empty.clone(), provider(), db.clock.clone());
    assert!(matches!(opened, Err(OpenError::Uninitialized)));
    assert!(empty.dump().is_empty());
}

#[test]
fn a_wrong_or_short_secret_file_is_said_to_be_so() {
    let db = Db::new();
    for bytes in [[FILE.as_slice(), b"\n"].concat(), FILE[..39].to_vec(), vec![0; 32]] {
        let secret = UnsealSecret::new(bytes).unwrap();
        assert!(matches!(db.sealed.unseal(&Unlock::Secret(&secret)), Err(UnsealError::WrongSecret)));
    }
    assert!(matches!(UnsealSecret::new(vec![7; 31]), Err(TooShort)));
    assert!(matches!(UnsealSecret::new(Vec::new()), Err(TooShort)));
}

#[test]
fn a_damaged_slot_does_not_close_the_others() {
    for damaged in 0..2 {
        let db = Db::new();
        let (key, mut row) = db.rows(SLOTS).swap_remove(damaged);
        row.truncate(row.len() / 2);
        let is_file = db.sealed.status().unwrap().slots[damaged].split.is_none();
        db.tamper(&key, Some(row));
        let (file, shares) = (file(), &db.shares[..2]);
        let (lost, kept) = if is_file {
            (Unlock::Secret(&file), Unlock::Shares(shares))
        } else {
            (Unlock::Shares(shares), Unlock::Secret(&file))
        };
        db.sealed.unseal(&kept).unwrap();
        let refused = db.sealed.unseal(&lost);
        assert!(matches!(refused, Err(UnsealError::Store(StoreError::Corrupt))), "{refused:?}");
    }
}

#[test]
fn status_tells_the_ways_in_without_any_key() {
    let db = Db::new();
    let status = db.sealed.status().unwrap();
    assert_eq!((status.root, status.root_made, status.old_roots), (1, NOW, 0));
    let mut splits: Vec<_> = status.slots.iter().map(|slot| slot.split).collect();
    splits.sort_by_key(Option::is_some);
    assert_eq!(splits, [None, Some(Split { shares: 3, threshold: 2 })]);
    assert!(status.slots.iter().all(|SlotStatus { made, .. }| *made == NOW));
    let shamir = status.slots.iter().find(|slot| slot.split.is_some()).unwrap();
    assert!(db.shares.iter().all(|share| share.slot() == shamir.id));
    assert_eq!(db.sealed.status().unwrap(), db.copy().sealed.status().unwrap());
}
