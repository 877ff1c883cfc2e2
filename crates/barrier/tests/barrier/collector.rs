//! Shares that are entered one by one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use strongroom_barrier::{Collector, Entered, NewSlot, Sealed, Share, ShareError, Split, UnsealError};
use strongroom_core::{Clock, Time};

use crate::db::{Db, NOW, provider};

fn waiting(entered: Result<Entered, UnsealError>) -> (u8, u8) {
    match entered {
        Ok(Entered::Waiting { have, need }) => (have, need),
        other => unreachable!("not waiting: {other:?}"),
    }
}

fn five() -> Db {
    Db::with(&[NewSlot::Shamir(Split { shares: 5, threshold: 3 })])
}

#[test]
fn the_last_share_needed_unseals_and_all_are_forgotten() {
    let (db, collector) = (five(), Collector::new());
    assert_eq!(waiting(collector.enter(&db.sealed, db.shares[4].clone())), (1, 3));
    assert_eq!(waiting(collector.enter(&db.sealed, db.shares[0].clone())), (2, 3));
    let entered = collector.enter(&db.sealed, db.shares[2].clone()).unwrap();
    assert!(matches!(entered, Entered::Unsealed(unsealed) if !unsealed.is_sealed()));
    assert_eq!(collector.waiting(&db.sealed), 0);
}

#[test]
fn a_rejected_share_changes_nothing() {
    let (db, other, collector) = (five(), five(), Collector::new());
    collector.enter(&db.sealed, db.shares[0].clone()).unwrap();
    for _ in 0..5 {
        let foreign = collector.enter(&db.sealed, other.shares[1].clone());
        assert!(matches!(foreign, Err(UnsealError::Share(ShareError::Foreign))), "{foreign:?}");
    }
    assert_eq!(collector.waiting(&db.sealed), 1, "a share that the database does not know is not kept");
    assert_eq!(waiting(collector.enter(&db.sealed, db.shares[1].clone())), (2, 3));
}

#[test]
fn a_share_entered_twice_counts_once_and_does_not_live_longer() {
    let (db, collector) = (five(), Collector::new());
    collector.enter(&db.sealed, db.shares[0].clone()).unwrap();
    db.clock.advance(Duration::from_secs(599));
    assert_eq!(waiting(collector.enter(&db.sealed, db.shares[0].clone())), (1, 3));
    db.clock.advance(Duration::from_secs(1));
    assert_eq!(collector.waiting(&db.sealed), 0);
}

#[test]
fn shares_are_forgotten_after_ten_minutes_each_by_its_own_time() {
    let (db, collector) = (five(), Collector::new());
    collector.enter(&db.sealed, db.shares[0].clone()).unwrap();
    db.clock.advance(Duration::from_secs(300));
    collector.enter(&db.sealed, db.shares[1].clone()).unwrap();
    db.clock.advance(Duration::from_secs(300));
    assert_eq!(collector.waiting(&db.sealed), 1);
    assert_eq!(waiting(collector.enter(&db.sealed, db.shares[2].clone())), (2, 3));
    db.clock.advance(Duration::from_secs(600));
    assert_eq!(waiting(collector.enter(&db.sealed, db.shares[3].clone())), (1, 3));
}

#[test]
fn shares_of_two_slots_do_not_add_up() {
    let split = || NewSlot::Shamir(Split { shares: 3, threshold: 2 });
    let (db, collector) = (Db::with(&[split(), split()]), Collector::new());
    assert_eq!(waiting(collector.enter(&db.sealed, db.shares[0].clone())), (1, 2));
    assert_eq!(waiting(collector.enter(&db.sealed, db.shares[4].clone())), (1, 2));
    assert_eq!(collector.waiting(&db.sealed), 2);
    let entered = collector.enter(&db.sealed, db.shares[1].clone()).unwrap();
    assert!(matches!(entered, Entered::Unsealed(_)));
    assert_eq!(collector.waiting(&db.sealed), 0, "those of the other slot are forgotten too");
}

#[test]
fn a_reset_forgets_all() {
    let (db, collector) = (five(), Collector::new());
    collector.enter(&db.sealed, db.shares[0].clone()).unwrap();
    collector.reset();
    assert_eq!(waiting(collector.enter(&db.sealed, db.shares[1].clone())), (1, 3));
}

#[test]
fn of_many_who_enter_at_once_one_unseals() {
    let db = Db::with(&[NewSlot::Shamir(Split { shares: 16, threshold: 5 })]);
    let collector = Collector::new();
    let opens =
        |share: &Share| matches!(collector.enter(&db.sealed, share.clone()).unwrap(), Entered::Unsealed(_));
    let opened: usize = std::thread::scope(|scope| {
        let custodians: Vec<_> = db.shares.iter().map(|share| scope.spawn(|| opens(share))).collect();
        custodians.into_iter().map(|custodian| usize::from(custodian.join().unwrap())).sum()
    });
    assert_eq!(opened, 3, "every five of sixteen shares open once");
    assert_eq!(collector.waiting(&db.sealed), 1);
}

/// A clock that can be set.
struct Settable(AtomicU64);

impl Clock for Settable {
    fn now(&self) -> Time {
        Time::from_millis(self.0.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

#[test]
fn a_clock_that_is_set_back_does_not_keep_shares_longer() {
    let (db, collector) = (five(), Collector::new());
    let clock = Arc::new(Settable(AtomicU64::new(NOW.as_millis())));
    let sealed = Sealed::open(db.engine.clone(), provider(), clock.clone()).unwrap();
    collector.enter(&sealed, db.shares[0].clone()).unwrap();
    clock.0.store(NOW.as_millis() - 1, Ordering::SeqCst);
    assert_eq!(collector.waiting(&sealed), 0);
}
