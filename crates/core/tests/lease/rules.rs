//! What a lease promises, one rule after the other.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use strongroom_core::{
    Caches, Clock, FixedClock, Gate, Lease, Outcome, Reader, RecordKey, StoreError, Tenant, Time, deferring,
    from_memory, may_read,
    memory::MemoryStore,
    tap::{Tap, Tapped},
};

use crate::support::{Node, OTHER, TENANT, Wire, clock, database, lost};

#[test]
fn a_node_asks_the_database_once_in_the_time_of_a_lease() {
    let (database, clock) = (database(), clock());
    let node = Node::on(&database, &clock);
    let before = database.tap.asked();
    for _ in 0..100 {
        node.lease.check().unwrap();
    }
    assert_eq!(database.tap.asked(), before + 1);
    clock.advance(Lease::HELD - Duration::from_millis(1));
    node.lease.check().unwrap();
    assert_eq!(database.tap.asked(), before + 1);
    clock.advance(Duration::from_millis(1));
    node.lease.check().unwrap();
    assert_eq!(database.tap.asked(), before + 2);
}

#[test]
fn what_another_node_changed_is_forgotten_at_the_next_renewal_and_nothing_else_is() {
    let (database, clock) = (database(), clock());
    let (node, other) = (Node::on(&database, &clock), Node::on(&database, &clock));
    node.lease.follow(TENANT).unwrap();
    node.lease.follow(OTHER).unwrap();
    other.changes(TENANT);
    node.lease.renew().unwrap();
    assert_eq!(node.forgotten(), [TENANT]);
    node.lease.renew().unwrap();
    assert_eq!(node.forgotten(), []);
    other.changes(TENANT);
    other.changes(TENANT);
    other.changes(OTHER);
    node.lease.renew().unwrap();
    let mut forgotten = node.forgotten();
    forgotten.sort();
    assert_eq!(forgotten, [TENANT, OTHER]);
}

#[test]
fn a_change_between_following_and_the_first_renewal_is_heard_of() {
    let (database, clock) = (database(), clock());
    let (node, other) = (Node::on(&database, &clock), Node::on(&database, &clock));
    node.lease.renew().unwrap();
    node.lease.follow(TENANT).unwrap();
    other.changes(TENANT);
    node.lease.renew().unwrap();
    assert_eq!(node.forgotten(), [TENANT]);
}

#[test]
fn a_node_that_lost_the_database_stops_when_its_lease_ends_and_recovers_by_itself() {
    let (database, clock) = (database(), clock());
    let node = Node::on(&database, &clock);
    node.lease.check().unwrap();
    database.tap.cut(true);
    clock.advance(Lease::HELD - Duration::from_millis(1));
    node.lease.check().unwrap();
    clock.advance(Duration::from_millis(1));
    assert!(lost(node.lease.check()));
    assert!(lost(node.lease.check()));
    database.tap.cut(false);
    node.lease.check().unwrap();
}

#[test]
fn a_revocation_returns_when_every_older_lease_has_ended_and_not_before() {
    let (database, clock) = (database(), clock());
    let (node, other) = (Node::on(&database, &clock), Node::on(&database, &clock));
    node.lease.follow(TENANT).unwrap();
    node.lease.check().unwrap();
    let (told, done) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| {
            other.revokes(TENANT);
            told.send(()).unwrap();
        });
        while database.store.history().unwrap().revision.0 == 0 {
            thread::yield_now();
        }
        // The node may serve what is revoked, and whoever revoked it does not have the answer yet.
        clock.advance(Lease::HELD - Duration::from_millis(1));
        node.lease.check().unwrap();
        assert_eq!(node.forgotten(), []);
        assert!(done.recv_timeout(Duration::from_millis(50)).is_err());
        // Its lease ends, and renewing it forgets: only then comes the answer.
        clock.advance(Duration::from_millis(1));
        node.lease.check().unwrap();
        assert_eq!(node.forgotten(), [TENANT]);
        assert!(done.recv_timeout(Duration::from_millis(50)).is_err());
        clock.advance(Lease::AWAITED - Lease::HELD);
        done.recv_timeout(Duration::from_secs(10)).unwrap();
    });
}

#[test]
fn a_revocation_whose_answer_was_lost_waits_too() {
    let (database, clock) = (database(), clock());
    let node = Node::on(&database, &clock);
    let mut change = Reader::new(&*database, Tenant::SYSTEM).change(());
    node.lease.revoke(&mut change, TENANT).unwrap();
    let (_, pending) = change.lower(&*database).unwrap();
    let (outcome, hold) = deferring(|| pending.conclude(Ok(Outcome::Unknown)));
    assert!(outcome.is_err());
    assert_eq!(hold.unwrap().left(), Lease::AWAITED);
}

#[test]
fn a_revocation_that_conflicts_waits_for_nobody() {
    let (database, clock) = (database(), clock());
    let node = Node::on(&database, &clock);
    let mut change = Reader::new(&*database, Tenant::SYSTEM).change(());
    node.lease.revoke(&mut change, TENANT).unwrap();
    let (_, pending) = change.lower(&*database).unwrap();
    let key = RecordKey::new(TENANT, strongroom_core::Table::new(0x7f01), &[]).unwrap();
    let (_, hold) = deferring(|| pending.conclude(Ok(Outcome::Conflict(key))).is_err());
    assert!(hold.is_none());
}

#[test]
fn who_defers_gets_the_wait_with_the_answer_and_others_are_not_touched() {
    let (database, clock) = (database(), clock());
    let node = Node::on(&database, &clock);
    let ((), hold) = deferring(|| node.revokes(TENANT));
    let hold = hold.unwrap();
    assert_eq!(hold.left(), Lease::AWAITED);
    clock.advance(Lease::AWAITED);
    assert_eq!(hold.left(), Duration::ZERO);
    let ((), hold) = deferring(|| node.changes(TENANT));
    assert!(hold.is_none());
    let panicked = std::panic::catch_unwind(|| deferring(|| panic!("on purpose")));
    assert!(panicked.is_err());
    let (inner, outer) = deferring(|| deferring(|| node.revokes(TENANT)).1.is_some());
    assert!(inner && outer.is_none(), "what the inner one answers is the inner one's to wait for");
}

#[test]
fn an_order_to_seal_reaches_every_node_that_was_open_before() {
    let (database, clock) = (database(), clock());
    let (node, other) = (Node::on(&database, &clock), Node::on(&database, &clock));
    node.lease.check().unwrap();
    let mut change = Reader::new(&*database, Tenant::SYSTEM).change(());
    other.lease.order_seal(&mut change).unwrap();
    let (outcome, hold) = deferring(|| change.commit(&*database));
    outcome.unwrap();
    assert!(hold.is_some(), "sealing waits for leases");
    clock.advance(Lease::HELD);
    assert!(matches!(node.lease.check(), Err(StoreError::Sealed)));
    assert!(node.gate.is_closed());
    // Who opens the database later is not meant.
    let late = Node::on(&database, &clock);
    late.lease.check().unwrap();
    assert!(!late.gate.is_closed());
}

#[test]
fn more_tenants_than_are_followed_are_forgotten_and_come_back() {
    let (database, clock) = (database(), clock());
    let (node, other) = (Node::on(&database, &clock), Node::on(&database, &clock));
    let tenant = |number: u32| {
        let mut id = [9; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        Tenant::from_bytes(id)
    };
    let many = 16_384;
    (0..many).for_each(|number| node.lease.follow(tenant(number)).unwrap());
    assert_eq!(node.forgotten(), []);
    node.lease.follow(TENANT).unwrap();
    assert_eq!(node.forgotten().len(), many as usize);
    node.lease.follow(tenant(3)).unwrap();
    other.changes(tenant(3));
    other.changes(tenant(4));
    node.lease.renew().unwrap();
    assert_eq!(node.forgotten(), [tenant(3)]);
}

#[test]
fn a_wall_clock_that_moves_on_while_the_other_stands_ends_the_lease() {
    struct Asleep(FixedClock);
    impl Clock for Asleep {
        fn now(&self) -> Time {
            self.0.now()
        }
        fn elapsed(&self) -> Duration {
            Duration::from_secs(5)
        }
    }
    let database = database();
    let clock = Arc::new(Asleep(FixedClock::at(Time::from_millis(1_800_000_000_000))));
    let (caches, gate) = (Arc::new(Caches::new()), Arc::new(Gate::new()));
    let lease = Lease::new(Arc::clone(&database) as _, Arc::clone(&clock) as _, caches, gate).unwrap();
    lease.check().unwrap();
    database.tap.cut(true);
    lease.check().unwrap();
    clock.0.advance(Lease::HELD);
    assert!(lost(lease.check()));
}

#[test]
fn from_memory_reads_nothing_and_says_so_by_no_answer() {
    let (database, clock) = (database(), clock());
    let node = Node::on(&database, &clock);
    let before = database.tap.asked();
    assert!(from_memory(|| node.lease.check().is_ok()).is_none());
    assert_eq!(database.tap.asked(), before);
    node.lease.check().unwrap();
    assert_eq!(from_memory(|| node.lease.check().is_ok()), Some(true));
    assert!(from_memory(may_read).is_none());
    may_read().unwrap();
}

#[test]
fn a_store_of_one_process_has_no_counters_and_nobody_waits() {
    let (rows, clock) = (Arc::new(MemoryStore::new()), clock());
    let database = Tapped::over(rows.clone(), Wire::default());
    let node = Node::on(&database, &clock);
    let before = database.tap.asked();
    database.tap.cut(true);
    node.lease.check().unwrap();
    node.lease.follow(TENANT).unwrap();
    clock.advance(Duration::from_secs(1_000_000));
    node.lease.check().unwrap();
    node.lease.renew().unwrap();
    assert_eq!(database.tap.asked(), before);
    database.tap.cut(false);
    let ((), hold) = deferring(|| node.revokes(TENANT));
    assert!(hold.is_none());
    assert!(rows.dump().is_empty());
}

#[test]
fn where_somebody_keeps_the_lease_operations_wait_a_second_at_most_and_never_ask_themselves() {
    let (database, clock) = (database(), clock());
    let node = Node::on(&database, &clock);
    node.lease.keep().unwrap();
    let asked = database.tap.asked();
    clock.advance(Lease::HELD);
    let began = Instant::now();
    assert!(matches!(node.lease.check(), Err(StoreError::LeaseLost)));
    assert!(began.elapsed() >= Duration::from_millis(900));
    assert_eq!(database.tap.asked(), asked);
    // Who waits goes on as soon as the lease is renewed.
    thread::scope(|scope| {
        let waiting = scope.spawn(|| node.lease.check());
        thread::sleep(Duration::from_millis(100));
        node.lease.keep().unwrap();
        waiting.join().unwrap().unwrap();
    });
}

#[test]
fn while_one_tries_to_reach_the_database_in_vain_the_others_do_not_queue() {
    /// A wire that fails once, and then says nothing until it is let go.
    struct Silent {
        asked: AtomicUsize,
        reached: mpsc::SyncSender<()>,
        go: Mutex<mpsc::Receiver<()>>,
    }
    impl Tap for Silent {
        fn before(&self) -> Result<(), StoreError> {
            match self.asked.fetch_add(1, Ordering::SeqCst) {
                0 => return Ok(()),
                1 => {}
                _ => {
                    self.reached.send(()).unwrap();
                    self.go.lock().unwrap().recv().unwrap();
                }
            }
            Err(StoreError::Engine("too late".into()))
        }
    }
    let ((reached, at), (release, go)) = (mpsc::sync_channel(1), mpsc::channel());
    let silent = Silent { asked: AtomicUsize::new(0), reached, go: Mutex::new(go) };
    let store = Tapped::over(Arc::new(MemoryStore::shared()), silent);
    let (caches, gate) = (Arc::new(Caches::new()), Arc::new(Gate::new()));
    let lease = Lease::new(Arc::clone(&store) as _, clock(), caches, gate).unwrap();
    assert!(lost(lease.check()));
    thread::scope(|scope| {
        let trying = scope.spawn(|| lease.check());
        at.recv_timeout(Duration::from_secs(60)).unwrap();
        for _ in 0..10 {
            assert!(matches!(lease.check(), Err(StoreError::LeaseLost)));
        }
        assert_eq!(store.tap.asked.load(Ordering::SeqCst), 3, "nobody else asked");
        release.send(()).unwrap();
        assert!(lost(trying.join().unwrap()));
    });
}
