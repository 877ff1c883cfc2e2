//! Adding, removing and labelling slots of an open database.

use std::sync::Arc;

use strongroom_barrier::{NewSlot, Sealed, SlotError, SlotKind, Split, Unlock, UnsealError, Unsealed};
use strongroom_core::{
    Action, CommitError, Event, FixedClock, Name, RecordKey, Segment, StoreError, Table, Tenant, commit,
    drain,
};
use strongroom_store_postgres::testing::Engine;

use crate::{
    db::{Db, NOW, SLOTS, SYSTEM, cheap, file, name, passphrase, put, rewrap, secret, store_error, value},
    keys::Counting,
    token::Token,
};

const SPLIT: Split = Split { shares: 3, threshold: 2 };

fn refused<T: std::fmt::Debug>(answer: Result<T, SlotError>) -> SlotError {
    answer.unwrap_err()
}

fn works(unsealed: &Unsealed, text: &str) {
    let record = name(unsealed.first_tenant(), text);
    put(unsealed, &record, text.as_bytes()).unwrap();
    assert_eq!(value(unsealed, &record).unwrap().unwrap(), text.as_bytes());
    // A tenant whose keys were never in memory needs the root.
    let tenant = unsealed.create_tenant(&SYSTEM).unwrap();
    put(unsealed, &name(tenant, text), b"x").unwrap();
}

#[test]
fn a_slot_of_each_kind_is_added_and_opens_alone() {
    let (db, token, words, second) =
        (Db::new(), Token::new([7; 32]), passphrase("several random words"), secret(9));
    let key = token.key("strongroom-1");
    let unsealed = db.by_file();
    works(&unsealed, "before");
    let label = Name::parse("the-safe-in-the-cellar").unwrap();
    let new = [
        NewSlot::Secret(&second),
        NewSlot::Shamir(SPLIT),
        NewSlot::Passphrase(&words, cheap()),
        NewSlot::Key(&key),
    ];
    let added: Vec<_> =
        new.iter().map(|new| unsealed.add_slot(&SYSTEM, new, Some(&label)).unwrap()).collect();
    assert_eq!(added.iter().map(|added| added.shares.len()).collect::<Vec<_>>(), [0, 3, 0, 0]);
    unsealed.rotate_root(&SYSTEM).unwrap();
    rewrap(&unsealed, &db.sealed);
    let ways = [
        Unlock::Secret(&second),
        Unlock::Shares(&added[1].shares[..2]),
        Unlock::Passphrase(&words),
        Unlock::Key(&key),
    ];
    for (way, added) in ways.iter().zip(&added) {
        assert_eq!(db.sealed.verify(way).unwrap(), added.id);
        let opened = db.sealed.unseal(way).unwrap();
        assert_eq!(value(&opened, &name(opened.first_tenant(), "before")).unwrap().unwrap(), b"before");
        opened.rotate_root(&SYSTEM).unwrap();
        let listed = db.slots().into_iter().find(|slot| slot.id == added.id).unwrap();
        assert_eq!(listed.label.as_ref(), Some(&label));
    }
    works(&db.by_shares(), "after");
    assert_eq!(db.slots().len(), 6);
}

#[test]
fn a_removed_slot_opens_nothing_and_the_others_do() {
    let db = Db::new();
    let id = db.file_slot();
    let unsealed = db.by_shares();
    unsealed.remove_slot(&SYSTEM, id).unwrap();
    let answer = db.sealed.unseal(&Unlock::Secret(&file()));
    assert!(matches!(answer, Err(UnsealError::WrongSecret)), "{answer:?}");
    works(&unsealed, "by the one that stayed");
    works(&db.by_shares(), "unsealed anew");
    assert!(matches!(refused(unsealed.remove_slot(&SYSTEM, id)), SlotError::NotFound));
}

#[test]
fn a_process_that_removes_its_own_slot_goes_on() {
    let db = Db::new();
    let unsealed = db.by_file();
    unsealed.remove_slot(&SYSTEM, db.file_slot()).unwrap();
    works(&unsealed, "after");
    unsealed.rotate_root(&SYSTEM).unwrap();
    rewrap(&unsealed, &db.sealed);
    let second = secret(9);
    let added = unsealed.add_slot(&SYSTEM, &NewSlot::Secret(&second), None).unwrap();
    unsealed.remove_slot(&SYSTEM, db.shares[0].slot()).unwrap();
    works(&unsealed, "after the second one too");
    assert_eq!(db.sealed.verify(&Unlock::Secret(&second)).unwrap(), added.id);
    assert!(matches!(refused(unsealed.remove_slot(&SYSTEM, added.id)), SlotError::Last));
    works(&db.sealed.unseal(&Unlock::Secret(&second)).unwrap(), "by the last one");
}

#[test]
fn threads_go_on_while_the_slot_that_they_were_unsealed_with_is_replaced() {
    let db = Db::new();
    let unsealed = db.by_file();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::SeqCst) {
                    // Each reads the root. Contention is no surprise here; that the slot is gone would be one.
                    match unsealed.create_tenant(&SYSTEM) {
                        Ok(tenant) => put(&unsealed, &name(tenant, "a"), b"x").unwrap(),
                        Err(CommitError::Contended) => {}
                        Err(other) => unreachable!("{other:?}"),
                    }
                }
            });
        }
        let mut own = db.file_slot();
        for round in 0..100 {
            match unsealed.replace_slot(&SYSTEM, own, &NewSlot::Secret(&secret(round))) {
                Ok(added) => own = added.id,
                Err(SlotError::Commit(CommitError::Contended)) => {}
                Err(other) => unreachable!("{other:?}"),
            }
        }
        done.store(true, std::sync::atomic::Ordering::SeqCst);
    });
    works(&unsealed, "after all");
}

#[test]
fn a_removal_that_was_planned_and_never_committed_leaves_the_process_as_it_was() {
    let db = Db::new();
    let (one, two) = (db.by_file(), db.by_shares());
    for _ in 0..3 {
        let reader = strongroom_core::Reader::new(&one, Tenant::SYSTEM);
        drop(one.plan_remove_slot(reader, &SYSTEM, db.file_slot()).unwrap());
    }
    works(&one, "planned only");
    // The other slot, which the plans would have gone over to, goes: the first one is still there.
    two.remove_slot(&SYSTEM, db.shares[0].slot()).unwrap();
    works(&one, "by its own slot");
    works(&two, "and the one that removed its own");
}

#[test]
fn a_process_whose_slot_another_one_removed_says_so_and_writes_nothing_wrong() {
    let db = Db::new();
    let (one, two) = (db.by_file(), db.by_shares());
    works(&one, "before");
    two.remove_slot(&SYSTEM, db.file_slot()).unwrap();
    let gone = |error: StoreError| {
        let text = error.to_string();
        assert!(text.contains("the slot that this process was unsealed with is gone"), "{text}");
    };
    gone(store_error(one.create_tenant(&SYSTEM)));
    gone(store_error(one.rotate_root(&SYSTEM)));
    match one.add_slot(&SYSTEM, &NewSlot::Secret(&file()), None) {
        Err(SlotError::Commit(CommitError::Store(error))) => gone(error),
        other => unreachable!("{other:?}"),
    }
    // What is in memory goes on under the keys that count, and never under others.
    let tenant = one.first_tenant();
    put(&one, &name(tenant, "a"), b"by keys in memory").unwrap();
    assert_eq!(value(&two, &name(tenant, "a")).unwrap().unwrap(), b"by keys in memory");
    two.rotate_tenant(&SYSTEM, tenant).unwrap();
    let late = put(&one, &name(tenant, "a"), b"under a key that was replaced");
    gone(store_error(late));
    assert_eq!(value(&two, &name(tenant, "a")).unwrap().unwrap(), b"by keys in memory");
    assert_eq!(db.slots().len(), 1);
}

#[test]
fn the_last_slot_that_opens_stays() {
    let db = Db::new();
    let unsealed = db.by_file();
    let shamir = db.shares[0].slot();
    // A slot that is there, but whose root does not open any more, is none to rely on.
    let (key, good) = db.rows(SLOTS).into_iter().find(|(key, _)| key.as_bytes().ends_with(&shamir)).unwrap();
    let mut damaged = good.clone();
    *damaged.last_mut().unwrap() ^= 1;
    for row in [damaged, good[..9].to_vec()] {
        db.tamper(&key, Some(row));
        assert!(matches!(refused(unsealed.remove_slot(&SYSTEM, db.file_slot())), SlotError::Last));
    }
    db.tamper(&key, Some(good));
    let proposed = unsealed.propose(&SYSTEM, shamir, SPLIT).unwrap();
    unsealed.remove_slot(&SYSTEM, shamir).unwrap();
    assert!(matches!(refused(unsealed.remove_slot(&SYSTEM, db.file_slot())), SlotError::Last));
    assert!(matches!(refused(unsealed.remove_slot(&SYSTEM, proposed.id)), SlotError::Proposed));
    works(&db.by_file(), "still opens");
}

#[test]
fn two_processes_cannot_remove_the_last_two_slots_at_once() {
    for _ in 0..20 {
        let db = Db::new();
        let (one, two, file, shamir) = (db.by_file(), db.by_shares(), db.file_slot(), db.shares[0].slot());
        let answers = std::thread::scope(|scope| {
            let first = scope.spawn(|| one.remove_slot(&SYSTEM, shamir));
            let second = scope.spawn(|| two.remove_slot(&SYSTEM, file));
            [first.join().unwrap(), second.join().unwrap()]
        });
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
        assert_eq!(db.slots().len(), 1);
    }
}

#[test]
fn a_damaged_slot_is_listed_as_such_and_can_be_removed() {
    let db = Db::new();
    let shamir = db.shares[0].slot();
    let key = RecordKey::new(Tenant::SYSTEM, Table::new(SLOTS), &[Segment::Id(shamir)]).unwrap();
    db.tamper(&key, Some(b"\x86\x01 what is this".to_vec()));
    let listed = db.slots().into_iter().find(|slot| slot.id == shamir).unwrap();
    assert_eq!((listed.kind, listed.split), (SlotKind::Damaged, None));
    let unsealed = db.by_file();
    assert!(matches!(store_error(unsealed.rotate_root(&SYSTEM)), StoreError::Corrupt));
    unsealed.remove_slot(&SYSTEM, shamir).unwrap();
    assert_eq!(unsealed.rotate_root(&SYSTEM).unwrap(), 2);
    works(&db.by_file(), "as before");
}

#[test]
fn there_are_at_most_32_slots_and_proposals_that_expired_make_room() {
    let db = Db::new();
    let unsealed = db.by_file();
    let file = db.file_slot();
    for n in 0..15 {
        unsealed.add_slot(&SYSTEM, &NewSlot::Secret(&secret(n)), None).unwrap();
        unsealed.propose(&SYSTEM, file, SPLIT).unwrap();
    }
    let one_more = NewSlot::Secret(&secret(99));
    let words = passphrase("a replacement needs no room");
    for _ in 0..2 {
        assert!(matches!(
            refused(unsealed.add_slot(&SYSTEM, &NewSlot::Shamir(SPLIT), None)),
            SlotError::Full
        ));
        assert!(matches!(refused(unsealed.propose(&SYSTEM, file, SPLIT)), SlotError::Full));
    }
    let replaced = db.slots().into_iter().find(|slot| slot.id != file && slot.split.is_none()).unwrap();
    unsealed.replace_slot(&SYSTEM, replaced.id, &NewSlot::Passphrase(&words, cheap())).unwrap();
    unsealed.rotate_root(&SYSTEM).unwrap();
    db.clock.advance(std::time::Duration::from_secs(24 * 60 * 60));
    unsealed.add_slot(&SYSTEM, &one_more, None).unwrap();
    let status = db.sealed.status().unwrap();
    assert_eq!((status.slots.len(), status.proposals.len()), (18, 0));
}

#[test]
fn a_slot_that_makes_no_sense_is_not_added() {
    let db = Db::new();
    let unsealed = db.by_file();
    let before = db.engine.dump();
    for (shares, threshold) in [(0, 0), (3, 0), (3, 4)] {
        let split = Split { shares, threshold };
        assert!(matches!(
            refused(unsealed.add_slot(&SYSTEM, &NewSlot::Shamir(split), None)),
            SlotError::Senseless
        ));
        assert!(matches!(refused(unsealed.propose(&SYSTEM, db.file_slot(), split)), SlotError::Senseless));
    }
    assert_eq!(db.engine.dump(), before);
}

#[test]
fn a_label_is_given_changed_and_taken_away() {
    let db = Db::new();
    let (unsealed, id) = (db.by_file(), db.file_slot());
    let label = |db: &Db| db.slots().into_iter().find(|slot| slot.id == id).unwrap().label;
    assert_eq!(label(&db), None);
    for text in ["usb-stick", "the.safe_2"] {
        let text = Name::parse(text).unwrap();
        unsealed.label_slot(&SYSTEM, id, Some(&text)).unwrap();
        assert_eq!(label(&db), Some(text.clone()));
        unsealed.rotate_root(&SYSTEM).unwrap();
        assert_eq!(label(&db), Some(text));
        works(&db.by_file(), "opens as before");
    }
    unsealed.label_slot(&SYSTEM, id, None).unwrap();
    assert_eq!(label(&db), None);
    assert!(matches!(refused(unsealed.label_slot(&SYSTEM, [9; 16], None)), SlotError::NotFound));
}

#[test]
fn a_slot_that_is_added_while_the_root_is_rotated_is_planned_anew_under_the_new_root() {
    let db = Db::new();
    let (one, two) = (db.by_file(), db.by_shares());
    let second = secret(9);
    let reader = strongroom_core::Reader::new(&one, Tenant::SYSTEM);
    let change = one.plan_add_slot(reader, &SYSTEM, &NewSlot::Secret(&second), None).unwrap();
    two.rotate_root(&SYSTEM).unwrap();
    assert!(matches!(change.commit(&one), Err(CommitError::Conflict(_))));
    let reader = strongroom_core::Reader::new(&two, Tenant::SYSTEM);
    let rotation = two.plan_rotate_root(reader, &SYSTEM).unwrap();
    one.add_slot(&SYSTEM, &NewSlot::Secret(&second), None).unwrap();
    assert!(matches!(rotation.commit(&two), Err(CommitError::Conflict(_))), "it would leave a slot behind");
    works(&db.sealed.unseal(&Unlock::Secret(&second)).unwrap(), "under the current root");
}

#[test]
fn sealing_wipes_every_key_also_after_the_process_went_over_to_another_slot() {
    let (provider, second, third) = (Arc::new(Counting::default()), secret(9), secret(10));
    let slots = [NewSlot::Secret(&second), NewSlot::Shamir(SPLIT)];
    let (engine, clock) = (Arc::new(Engine::new()), Arc::new(FixedClock::at(NOW)));
    let sealed = Sealed::create(engine, provider.clone(), clock, &slots, Vec::new()).unwrap().sealed;
    let unsealed = sealed.unseal(&Unlock::Secret(&second)).unwrap();
    let held = provider.live();
    let old = sealed.verify(&Unlock::Secret(&second)).unwrap();
    let added = unsealed.replace_slot(&SYSTEM, old, &NewSlot::Secret(&third)).unwrap();
    let reader = strongroom_core::Reader::new(&unsealed, Tenant::SYSTEM);
    drop(unsealed.plan_remove_slot(reader, &SYSTEM, added.id).unwrap());
    unsealed.remove_slot(&SYSTEM, added.id).unwrap();
    // The keys of tenants that the events needed, beside that of one slot.
    assert!(provider.live() > held);
    works(&unsealed, "before");
    unsealed.seal(std::time::Duration::from_secs(10)).unwrap();
    assert_eq!(provider.live(), 0);
}

#[test]
fn a_sealed_database_changes_no_slot() {
    let db = Db::new();
    let (unsealed, id) = (db.by_file(), db.file_slot());
    unsealed.seal(std::time::Duration::from_secs(10)).unwrap();
    let before = db.engine.dump();
    let second = secret(9);
    let answers = [
        refused(unsealed.add_slot(&SYSTEM, &NewSlot::Secret(&second), None)),
        refused(unsealed.remove_slot(&SYSTEM, id)),
        refused(unsealed.label_slot(&SYSTEM, id, None)),
        refused(unsealed.replace_slot(&SYSTEM, id, &NewSlot::Secret(&second))),
        refused(unsealed.propose(&SYSTEM, id, SPLIT)),
        refused(unsealed.cancel(&SYSTEM, id)),
        refused(unsealed.check_proposed(&db.shares[0])),
    ];
    for error in answers {
        assert!(matches!(error, SlotError::Commit(CommitError::Store(StoreError::Sealed))), "{error:?}");
    }
    assert_eq!(db.engine.dump(), before);
}

#[test]
fn each_change_of_a_slot_has_its_event_under_the_slot_s_id() {
    let db = Db::new();
    let unsealed = db.by_file();
    let caller = strongroom_core::Caller::application(unsealed.first_tenant());
    let (file, second, third) = (db.file_slot(), secret(9), secret(10));
    let added = unsealed.add_slot(&caller, &NewSlot::Secret(&second), None).unwrap();
    unsealed.label_slot(&caller, added.id, Some(&Name::parse("a").unwrap())).unwrap();
    let replaced = unsealed.replace_slot(&caller, added.id, &NewSlot::Secret(&third)).unwrap();
    unsealed.remove_slot(&caller, replaced.id).unwrap();
    let cancelled = unsealed.propose(&caller, file, SPLIT).unwrap();
    unsealed.cancel(&caller, cancelled.id).unwrap();
    let proposed = unsealed.propose(&caller, file, SPLIT).unwrap();
    unsealed.confirm(&caller, &proposed.shares, strongroom_barrier::Reentered::All).unwrap();
    let mut events = Vec::new();
    drain(&unsealed, 99, &mut |event: &Event| {
        assert_eq!((event.tenant, event.actor), (Tenant::SYSTEM, caller.actor));
        events.push((event.action, event.resource.as_ref().unwrap().to_string()));
    })
    .unwrap();
    let on = |id: [u8; 16]| format!("slot-{:032x}", u128::from_be_bytes(id));
    let expected = [
        (Action::Create, added.id),
        (Action::Configure, added.id),
        (Action::Create, replaced.id),
        (Action::Delete, added.id),
        (Action::Delete, replaced.id),
        (Action::Create, cancelled.id),
        (Action::Delete, cancelled.id),
        (Action::Create, proposed.id),
        (Action::Enable, proposed.id),
        (Action::Delete, file),
    ];
    assert_eq!(events, expected.map(|(action, id)| (action, on(id))));
}

#[test]
fn a_change_of_slots_can_be_part_of_a_plan_of_one_s_own() {
    let db = Db::new();
    let unsealed = db.by_file();
    let second = secret(9);
    let id = commit::<_, SlotError>(&unsealed, Tenant::SYSTEM, |reader| {
        let change = unsealed.plan_add_slot(reader, &SYSTEM, &NewSlot::Secret(&second), None)?;
        let mut change = change.map(|added| added.id);
        change.put(&name(Tenant::SYSTEM, "beside"), b"in one commit");
        Ok(change)
    })
    .unwrap();
    assert_eq!(db.sealed.verify(&Unlock::Secret(&second)).unwrap(), id);
    assert_eq!(value(&unsealed, &name(Tenant::SYSTEM, "beside")).unwrap().unwrap(), b"in one commit");
}
