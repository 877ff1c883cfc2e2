//! Every operation of every change of slots fails once in each way: at every point exactly the old ways in or
//! exactly the new ones open, and the change can be made after all.

use std::sync::Arc;

use strongroom_barrier::{
    NewSlot, Proposed, Reentered, Sealed, Share, SlotError, Split, Unlock, UnsealError, Unsealed,
};
use strongroom_core::{
    CommitError, Name, StoreError,
    fault::{Fault, FaultStore},
};

use crate::db::{Db, SYSTEM, cheap, file, name, passphrase, provider, put, rewrap, secret, value};

const FAULTS: [Fault; 4] = [Fault::Fail, Fault::Crash, Fault::CrashAfter, Fault::LoseAnswer];
const SPLIT: Split = Split { shares: 3, threshold: 2 };

/// Whether the file, the shares, a second file and the proposed shares open.
type Open = [bool; 4];

struct World {
    db: Db,
    proposed: Proposed,
}

fn world() -> World {
    let db = Db::new();
    let unsealed = db.by_file();
    put(&unsealed, &name(unsealed.first_tenant(), "a"), b"there").unwrap();
    let proposed = unsealed.propose(&SYSTEM, db.shares[0].slot(), SPLIT).unwrap();
    World { db, proposed }
}

impl World {
    fn copy(&self) -> Self {
        Self { db: self.db.copy(), proposed: self.proposed.clone() }
    }

    fn open(&self) -> Open {
        let (file, second) = (file(), secret(9));
        let shares = |shares: &[Share]| match self.db.sealed.verify(&Unlock::Shares(shares)) {
            Ok(id) => id == shares[0].slot(),
            Err(UnsealError::Share(_)) => false,
            Err(other) => unreachable!("{other:?}"),
        };
        let secret = |secret| match self.db.sealed.verify(&Unlock::Secret(secret)) {
            Ok(_) => true,
            Err(UnsealError::WrongSecret) => false,
            Err(other) => unreachable!("{other:?}"),
        };
        [secret(&file), shares(&self.db.shares[1..]), secret(&second), shares(&self.proposed.shares[1..])]
    }

    /// An open database by any way that opens.
    fn unsealed(&self) -> Unsealed {
        let (file, second) = (file(), secret(9));
        let ways = [
            Unlock::Shares(&self.db.shares[..2]),
            Unlock::Shares(&self.proposed.shares[..2]),
            Unlock::Secret(&second),
            Unlock::Secret(&file),
        ];
        self.db.sealed.unseal_any(&ways).unwrap().unsealed
    }

    fn all_is_there(&self) {
        let unsealed = self.unsealed();
        assert_eq!(value(&unsealed, &name(unsealed.first_tenant(), "a")).unwrap().unwrap(), b"there");
        unsealed.rotate_root(&SYSTEM).unwrap();
        rewrap(&unsealed, &self.db.sealed);
        let tenant = unsealed.create_tenant(&SYSTEM).unwrap();
        put(&self.unsealed(), &name(tenant, "a"), b"x").unwrap();
    }
}

/// Runs `work` on copies with each fault at each operation; `after` is what opens once it is done, `before` what
/// opened as long as it was not.
fn at_every_fault(after: Open, work: impl Fn(&Unsealed, &World) -> Result<(), SlotError>) {
    let world = world();
    let before = world.open();
    assert_eq!(before, [true, true, false, false]);
    for fault in FAULTS {
        for at in 0.. {
            let world = world.copy();
            let faulty = Arc::new(FaultStore::new(world.db.engine.clone(), fault, at));
            let done = through(&faulty, &world, &work);
            let open = world.open();
            match (done, fault) {
                (true, _) => assert_eq!(open, after, "done: {fault:?} at {at}"),
                (false, Fault::LoseAnswer) => unreachable!("a lost answer, at {at}"),
                (false, Fault::CrashAfter) => assert!(open == before || open == after, "{at}: {open:?}"),
                (false, _) => assert_eq!(open, before, "{fault:?} at {at}"),
            }
            world.all_is_there();
            if open == before && before != after {
                work(&world.unsealed(), &world).unwrap();
                assert_eq!(world.open(), after, "made after all: {fault:?} at {at}");
                world.all_is_there();
            }
            if faulty.operations() <= at {
                break;
            }
        }
    }
}

/// Whether the work was done through a faulty store.
fn through(
    faulty: &Arc<FaultStore>,
    world: &World,
    work: impl Fn(&Unsealed, &World) -> Result<(), SlotError>,
) -> bool {
    let Ok(sealed) = Sealed::open(faulty.clone(), provider(), world.db.clock.clone()) else { return false };
    match sealed.unseal(&Unlock::Secret(&file())) {
        Ok(unsealed) => match work(&unsealed, world) {
            Ok(()) => true,
            Err(SlotError::Commit(CommitError::Store(StoreError::Engine(_)))) => false,
            Err(other) => unreachable!("{other:?}"),
        },
        Err(UnsealError::Store(StoreError::Engine(_))) => false,
        Err(other) => unreachable!("{other:?}"),
    }
}

#[test]
fn a_slot_is_added_as_a_whole_or_not_at_all() {
    at_every_fault([true, true, true, false], |unsealed, _| {
        unsealed.add_slot(&SYSTEM, &NewSlot::Secret(&secret(9)), None).map(drop)
    });
}

#[test]
fn a_slot_is_removed_as_a_whole_or_not_at_all_also_the_one_that_was_unsealed_with() {
    at_every_fault([false, true, false, false], |unsealed, world| {
        unsealed.remove_slot(&SYSTEM, world.db.file_slot())?;
        // The process goes on by another slot, if its engine does.
        let goes_on = unsealed.create_tenant(&SYSTEM);
        assert!(matches!(goes_on, Ok(_) | Err(CommitError::Store(StoreError::Engine(_)))), "{goes_on:?}");
        Ok(())
    });
    at_every_fault([true, false, false, false], |unsealed, world| {
        unsealed.remove_slot(&SYSTEM, world.db.shares[0].slot())
    });
}

#[test]
fn a_secret_file_is_replaced_as_a_whole_or_not_at_all() {
    at_every_fault([false, true, true, false], |unsealed, world| {
        unsealed.replace_slot(&SYSTEM, world.db.file_slot(), &NewSlot::Secret(&secret(9))).map(drop)
    });
}

#[test]
fn shares_are_confirmed_as_a_whole_or_not_at_all() {
    at_every_fault([true, false, false, true], |unsealed, world| {
        unsealed.confirm(&SYSTEM, &world.proposed.shares, Reentered::All).map(drop)
    });
}

#[test]
fn what_makes_no_way_in_changes_none_at_any_fault() {
    let label = Name::parse("a-label").unwrap();
    let same = [true, true, false, false];
    at_every_fault(same, |unsealed, world| unsealed.cancel(&SYSTEM, world.proposed.id));
    at_every_fault(same, |unsealed, world| unsealed.propose(&SYSTEM, world.db.file_slot(), SPLIT).map(drop));
    at_every_fault(same, |unsealed, world| unsealed.label_slot(&SYSTEM, world.db.file_slot(), Some(&label)));
    let words = passphrase("several random words");
    at_every_fault(same, |unsealed, _| {
        unsealed.add_slot(&SYSTEM, &NewSlot::Passphrase(&words, cheap()), None).map(drop)
    });
}

#[test]
fn rotating_the_root_takes_a_proposal_along_at_every_fault() {
    at_every_fault([true, false, false, true], |unsealed, world| {
        unsealed.rotate_root(&SYSTEM).map_err(SlotError::from)?;
        unsealed.confirm(&SYSTEM, &world.proposed.shares, Reentered::Threshold).map(drop)
    });
}
