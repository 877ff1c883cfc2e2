//! Replacing a slot: at once, or shares in two steps.

use std::time::Duration;

use strongroom_barrier::{
    Collector, Confirming, NewSlot, Reentered, Share, ShareError, SlotError, Split, Unlock, UnsealError,
};
use strongroom_core::{CommitError, Name, Reader, StoreError, Tenant};

use crate::db::{
    Db, SLOTS, SYSTEM, cheap, file, name, passphrase, provider, put, rewrap, secret, store_error, value,
};

const SPLIT: Split = Split { shares: 3, threshold: 2 };
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn opens(db: &Db, shares: &[Share]) -> bool {
    match db.sealed.unseal(&Unlock::Shares(shares)) {
        Ok(unsealed) => {
            let tenant = unsealed.create_tenant(&SYSTEM).unwrap();
            put(&unsealed, &name(tenant, "a"), b"x").unwrap();
            true
        }
        Err(UnsealError::Share(ShareError::Foreign | ShareError::Proposed)) => false,
        Err(other) => unreachable!("{other:?}"),
    }
}

fn refused<T: std::fmt::Debug>(answer: Result<T, SlotError>) -> SlotError {
    answer.unwrap_err()
}

fn share_error<T: std::fmt::Debug>(answer: Result<T, SlotError>) -> ShareError {
    match answer {
        Err(SlotError::Share(error)) => error,
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn a_secret_file_and_a_passphrase_are_replaced_at_once() {
    let (db, second, words) = (Db::new(), secret(9), passphrase("several random words"));
    let unsealed = db.by_file();
    let label = Name::parse("usb-stick").unwrap();
    unsealed.label_slot(&SYSTEM, db.file_slot(), Some(&label)).unwrap();
    let first = unsealed.replace_slot(&SYSTEM, db.file_slot(), &NewSlot::Secret(&second)).unwrap();
    assert!(matches!(db.sealed.unseal(&Unlock::Secret(&file())), Err(UnsealError::WrongSecret)));
    assert_eq!(db.sealed.verify(&Unlock::Secret(&second)).unwrap(), first.id);
    let new = NewSlot::Passphrase(&words, cheap());
    let replaced = unsealed.replace_slot(&SYSTEM, first.id, &new).unwrap();
    assert!(matches!(db.sealed.unseal(&Unlock::Secret(&second)), Err(UnsealError::WrongSecret)));
    db.sealed.unseal(&Unlock::Passphrase(&words)).unwrap().rotate_root(&SYSTEM).unwrap();
    unsealed.rotate_root(&SYSTEM).unwrap();
    let listed = db.slots().into_iter().find(|slot| slot.id == replaced.id).unwrap();
    assert_eq!((db.slots().len(), listed.label), (2, Some(label)));
    assert!(opens(&db, &db.shares[..2]));
}

#[test]
fn shares_do_not_replace_a_slot_at_once() {
    let db = Db::new();
    let unsealed = db.by_file();
    let answer = unsealed.replace_slot(&SYSTEM, db.shares[0].slot(), &NewSlot::Shamir(SPLIT));
    assert!(matches!(refused(answer), SlotError::Unconfirmed));
    let reader = Reader::new(&unsealed, Tenant::SYSTEM);
    let planned = unsealed.plan_replace_slot(reader, &SYSTEM, db.shares[0].slot(), &NewSlot::Shamir(SPLIT));
    assert!(matches!(refused(planned), SlotError::Unconfirmed));
}

#[test]
fn proposed_shares_open_nothing_until_all_are_entered_again() {
    let db = Db::new();
    let (unsealed, old) = (db.by_file(), db.shares[0].slot());
    let proposed = unsealed.propose(&SYSTEM, old, SPLIT).unwrap();
    let new = &proposed.shares;
    let entered =
        [vec![], new[..1].to_vec(), new[..2].to_vec(), vec![new[0].clone(), new[1].clone(), new[0].clone()]];
    let expected = [1, 2, 1].map(|missing| ShareError::Missing { missing }).into_iter();
    for (shares, expected) in entered.iter().zip(expected.chain([ShareError::Doubled(1)])) {
        assert!(!opens(&db, new) && opens(&db, &db.shares[..2]));
        assert_eq!(share_error(unsealed.confirm(&SYSTEM, shares, Reentered::All)), expected);
    }
    let listed = db.sealed.status().unwrap();
    assert_eq!(
        (listed.slots.len(), listed.proposals[0].id, listed.proposals[0].replaces),
        (2, proposed.id, old)
    );
    assert_eq!((listed.proposals[0].split, listed.proposals[0].expires), (SPLIT, proposed.expires));
    let confirmed = unsealed.confirm(&SYSTEM, new, Reentered::All).unwrap();
    assert_eq!((confirmed.id, confirmed.replaced), (proposed.id, old));
    assert!(opens(&db, &new[..2]) && opens(&db, &new[1..]) && !opens(&db, &db.shares[..2]));
    assert!(db.sealed.status().unwrap().proposals.is_empty());
    unsealed.rotate_root(&SYSTEM).unwrap();
    rewrap(&unsealed, &db.sealed);
    assert!(opens(&db, &new[1..]));
    assert!(matches!(refused(unsealed.confirm(&SYSTEM, new, Reentered::All)), SlotError::NotProposed));
}

#[test]
fn the_threshold_is_enough_if_the_caller_says_so() {
    let db = Db::new();
    let unsealed = db.by_shares();
    let proposed = unsealed.propose(&SYSTEM, db.shares[0].slot(), Split { shares: 5, threshold: 3 }).unwrap();
    let few = unsealed.confirm(&SYSTEM, &proposed.shares[..2], Reentered::Threshold);
    assert_eq!(share_error(few), ShareError::Missing { missing: 1 });
    unsealed.confirm(&SYSTEM, &proposed.shares[1..4], Reentered::Threshold).unwrap();
    assert!(opens(&db, &proposed.shares[2..]));
    // The process that was unsealed with the shares that are gone goes on by the new ones.
    unsealed.create_tenant(&SYSTEM).unwrap();
    unsealed.rotate_root(&SYSTEM).unwrap();
    assert!(opens(&db, &proposed.shares[2..]));
}

#[test]
fn wrong_shares_confirm_nothing_and_each_is_named() {
    let (db, other) = (Db::new(), Db::new());
    let (unsealed, old) = (db.by_file(), db.shares[0].slot());
    let proposed = unsealed.propose(&SYSTEM, old, SPLIT).unwrap();
    let second = unsealed.propose(&SYSTEM, old, SPLIT).unwrap();
    let before = db.engine.dump();
    let with = |share: &Share| vec![proposed.shares[0].clone(), proposed.shares[1].clone(), share.clone()];
    for foreign in [&other.shares[2], &db.shares[2], &second.shares[2]] {
        assert_eq!(
            share_error(unsealed.confirm(&SYSTEM, &with(foreign), Reentered::All)),
            ShareError::Foreign
        );
    }
    assert_eq!(share_error(unsealed.confirm(&SYSTEM, &other.shares, Reentered::All)), ShareError::Foreign);
    assert!(matches!(refused(unsealed.confirm(&SYSTEM, &db.shares, Reentered::All)), SlotError::NotProposed));
    assert_eq!(db.engine.dump(), before);
}

#[test]
fn a_custodian_checks_a_proposed_share_with_and_without_the_database() {
    let db = Db::new();
    let unsealed = db.by_file();
    let proposed = unsealed.propose(&SYSTEM, db.shares[0].slot(), SPLIT).unwrap();
    for share in &proposed.shares {
        Share::parse(&*provider(), &share.expose_text()).unwrap();
        let checked = db.sealed.check_share(share);
        assert!(matches!(checked, Err(UnsealError::Share(ShareError::Proposed))), "{checked:?}");
        unsealed.check_proposed(share).unwrap();
    }
    assert!(matches!(refused(unsealed.check_proposed(&db.shares[0])), SlotError::NotProposed));
    unsealed.confirm(&SYSTEM, &proposed.shares, Reentered::All).unwrap();
    db.sealed.check_share(&proposed.shares[0]).unwrap();
    let gone = db.sealed.check_share(&db.shares[0]);
    assert!(matches!(gone, Err(UnsealError::Share(ShareError::Foreign))), "{gone:?}");
}

#[test]
fn a_proposal_can_be_cancelled_and_only_a_proposal() {
    let db = Db::new();
    let (unsealed, old) = (db.by_file(), db.shares[0].slot());
    let proposed = unsealed.propose(&SYSTEM, old, SPLIT).unwrap();
    unsealed.cancel(&SYSTEM, proposed.id).unwrap();
    let late = unsealed.confirm(&SYSTEM, &proposed.shares, Reentered::All);
    assert_eq!(share_error(late), ShareError::Foreign);
    assert!(opens(&db, &db.shares[1..]));
    assert!(matches!(refused(unsealed.cancel(&SYSTEM, proposed.id)), SlotError::NotFound));
    assert!(matches!(refused(unsealed.cancel(&SYSTEM, old)), SlotError::NotProposed));
    assert!(matches!(refused(unsealed.propose(&SYSTEM, proposed.id, SPLIT)), SlotError::NotFound));
}

#[test]
fn a_proposal_expires_after_a_day() {
    let db = Db::new();
    let unsealed = db.by_file();
    let proposed = unsealed.propose(&SYSTEM, db.shares[0].slot(), SPLIT).unwrap();
    db.clock.advance(DAY - Duration::from_millis(1));
    let second = unsealed.propose(&SYSTEM, db.file_slot(), SPLIT).unwrap();
    db.clock.advance(Duration::from_millis(1));
    let late = unsealed.confirm(&SYSTEM, &proposed.shares, Reentered::All);
    assert!(matches!(refused(late), SlotError::Expired));
    assert!(opens(&db, &db.shares[1..]) && !opens(&db, &proposed.shares));
    unsealed.confirm(&SYSTEM, &second.shares, Reentered::All).unwrap();
    assert!(opens(&db, &second.shares[1..]));
}

#[test]
fn several_proposals_do_not_hinder_each_other_and_the_first_confirmed_counts() {
    let db = Db::new();
    let (unsealed, old) = (db.by_file(), db.shares[0].slot());
    let sets: Vec<_> = (0..3).map(|_| unsealed.propose(&SYSTEM, old, SPLIT).unwrap()).collect();
    let of_another = unsealed.propose(&SYSTEM, db.file_slot(), SPLIT).unwrap();
    unsealed.confirm(&SYSTEM, &sets[1].shares, Reentered::All).unwrap();
    for late in [&sets[0], &sets[2]] {
        let answer = unsealed.confirm(&SYSTEM, &late.shares, Reentered::All);
        assert!(matches!(refused(answer), SlotError::Superseded));
        unsealed.cancel(&SYSTEM, late.id).unwrap();
    }
    unsealed.confirm(&SYSTEM, &of_another.shares, Reentered::All).unwrap();
    assert_eq!(db.slots().len(), 2);
    assert!(opens(&db, &sets[1].shares[..2]) && opens(&db, &of_another.shares[..2]));
    unsealed.create_tenant(&SYSTEM).unwrap();
}

#[test]
fn a_root_that_rotates_between_proposal_and_confirmation_takes_the_proposal_along() {
    let db = Db::new();
    let unsealed = db.by_file();
    let proposed = unsealed.propose(&SYSTEM, db.shares[0].slot(), SPLIT).unwrap();
    for _ in 0..2 {
        unsealed.rotate_root(&SYSTEM).unwrap();
        rewrap(&unsealed, &db.sealed);
    }
    assert!(!opens(&db, &proposed.shares) && opens(&db, &db.shares[..2]));
    db.by_shares().confirm(&SYSTEM, &proposed.shares, Reentered::All).unwrap();
    assert!(opens(&db, &proposed.shares[1..]) && !opens(&db, &db.shares[..2]));
}

#[test]
fn a_proposal_that_never_was_confirmed_opens_no_copy_of_the_database_either() {
    let db = Db::new();
    let unsealed = db.by_file();
    let proposed = unsealed.propose(&SYSTEM, db.shares[0].slot(), SPLIT).unwrap();
    let (key, row) =
        db.rows(SLOTS).into_iter().find(|(key, _)| key.as_bytes().ends_with(&proposed.id)).unwrap();
    // Whoever has the disk writes the row as one in use: eight items become six, and the rest goes.
    let mut in_use = row[..row.len() - 18].to_vec();
    assert_eq!(
        (in_use[0], row[row.len() - 18], row[row.len() - 17]),
        (0x88, 0xf6, 0x50),
        "no label, 16 bytes"
    );
    in_use[0] = 0x86;
    let copy = db.copy();
    copy.tamper(&key, Some(in_use));
    let answer = copy.sealed.unseal(&Unlock::Shares(&proposed.shares));
    assert!(matches!(answer, Err(UnsealError::Store(StoreError::Corrupt))), "{answer:?}");
}

#[test]
fn custodians_confirm_one_by_one() {
    let db = Db::new();
    let (unsealed, collector) = (db.by_file(), Collector::new());
    let proposed = unsealed.propose(&SYSTEM, db.shares[0].slot(), SPLIT).unwrap();
    let second = unsealed.propose(&SYSTEM, db.shares[0].slot(), SPLIT).unwrap();
    let enter = |share: &Share| collector.confirm(&unsealed, &SYSTEM, share, Reentered::All);
    assert_eq!(enter(&proposed.shares[2]).unwrap(), Confirming::Waiting { have: 1, need: 3 });
    assert_eq!(enter(&proposed.shares[2]).unwrap(), Confirming::Waiting { have: 1, need: 3 });
    assert_eq!(enter(&second.shares[0]).unwrap(), Confirming::Waiting { have: 1, need: 3 });
    assert!(matches!(refused(enter(&db.shares[0])), SlotError::NotProposed));
    assert_eq!(enter(&proposed.shares[0]).unwrap(), Confirming::Waiting { have: 2, need: 3 });
    db.clock.advance(Duration::from_secs(600));
    assert_eq!(
        enter(&proposed.shares[0]).unwrap(),
        Confirming::Waiting { have: 1, need: 3 },
        "they were forgotten"
    );
    enter(&proposed.shares[1]).unwrap();
    assert!(
        matches!(enter(&proposed.shares[2]).unwrap(), Confirming::Confirmed(set) if set.id == proposed.id)
    );
    assert_eq!(collector.waiting(&db.sealed), 0);
    assert!(opens(&db, &proposed.shares[..2]));
}

#[test]
fn a_proposed_share_does_not_count_for_unsealing() {
    let db = Db::new();
    let (unsealed, collector) = (db.by_file(), Collector::new());
    let proposed = unsealed.propose(&SYSTEM, db.shares[0].slot(), SPLIT).unwrap();
    let entered = collector.enter(&db.sealed, proposed.shares[0].clone());
    assert!(matches!(entered, Err(UnsealError::Share(ShareError::Proposed))), "{entered:?}");
    assert_eq!(collector.waiting(&db.sealed), 0);
}

#[test]
fn a_process_whose_shares_another_one_replaced_says_so() {
    let db = Db::new();
    let (one, two) = (db.by_shares(), db.by_file());
    let proposed = two.propose(&SYSTEM, db.shares[0].slot(), SPLIT).unwrap();
    two.confirm(&SYSTEM, &proposed.shares, Reentered::All).unwrap();
    let error = store_error(one.rotate_root(&SYSTEM));
    assert!(matches!(error, StoreError::Invalid(_)), "{error:?}");
    two.rotate_root(&SYSTEM).unwrap();
    let text = name(two.first_tenant(), "a");
    put(&two, &text, b"x").unwrap();
    let renewed = db.sealed.unseal(&Unlock::Shares(&proposed.shares[..2])).unwrap();
    assert_eq!(value(&renewed, &text).unwrap().unwrap(), b"x");
}

#[test]
fn a_confirmation_that_meets_a_rotation_or_another_confirmation_is_planned_anew() {
    let db = Db::new();
    let (one, two, old) = (db.by_file(), db.by_file(), db.shares[0].slot());
    let first = one.propose(&SYSTEM, old, SPLIT).unwrap();
    let second = one.propose(&SYSTEM, old, SPLIT).unwrap();
    let plan = |shares: &[Share]| {
        one.plan_confirm(Reader::new(&one, Tenant::SYSTEM), &SYSTEM, shares, Reentered::All).unwrap()
    };
    let change = plan(&first.shares);
    two.rotate_root(&SYSTEM).unwrap();
    assert!(matches!(change.commit(&one), Err(CommitError::Conflict(_))));
    let change = plan(&first.shares);
    two.confirm(&SYSTEM, &second.shares, Reentered::All).unwrap();
    assert!(
        matches!(change.commit(&one), Err(CommitError::Conflict(_))),
        "the old slot would be replaced twice"
    );
    assert!(opens(&db, &second.shares[..2]) && !opens(&db, &first.shares));
}
