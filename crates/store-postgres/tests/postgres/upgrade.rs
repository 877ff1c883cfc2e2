//! Nodes of the first release and of this one on one database, while its layout grows.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use strongroom_core::{
    Caches, Expect, FixedClock, Gate, Lease, Outcome, Reader, Store, StoreError, Tenant, Time, conformance,
    deferring, tap::Tapped,
};
use strongroom_store_postgres::{
    PostgresStore, Refusal,
    testing::{Database, database},
};

use crate::{
    golden::FIRST,
    old_node::{Loss, OldNode},
    replay::{History, Player, RECORDS, known},
    support::{TENANT, commit, done, get, key, lower, put, value},
};

/// What a release after this one may do: a step that only adds.
const LATER: &str = "ALTER TABLE strongroom_record ADD COLUMN later bigint;
    ALTER TABLE strongroom_lane ADD COLUMN later text;
    CREATE TABLE strongroom_later (id integer);
    UPDATE strongroom_meta SET layout = layout + 1";

/// Connections of nodes that have the database open.
const CUT: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()";

/// The database of the first release, and one of its nodes.
fn first_release() -> Option<(Database, OldNode)> {
    let database = database()?;
    database.run(FIRST).unwrap();
    let old = OldNode::open(&database).unwrap();
    Some((database, old))
}

/// Whether an error says that a newer release is needed.
fn asks_for_a_newer_release(error: &StoreError) -> bool {
    matches!(error, StoreError::Engine(cause) if cause.to_string().contains("newer release"))
}

/// Ends the work of threads, also where the test fails.
struct End<'e>(&'e AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Commits alone or two batches in a call, and loses a request or an answer now and then.
fn play_old(player: &mut Player, node: &OldNode, history: &History) {
    if player.once_in(12) {
        node.lose(if player.once_in(2) { Loss::Request } else { Loss::Answer });
    }
    if player.once_in(3) {
        let halves = [0..RECORDS / 2, RECORDS / 2..RECORDS];
        let [(one, first), (two, second)] = halves.map(|half| player.batch(node, history, &half));
        let mut outcomes = node.commit_together(&[&one, &two]).unwrap();
        for (lowered, step) in [(two, second), (one, first)] {
            let outcome = known(node, &lowered, outcomes.pop().unwrap());
            player.note(outcome, step, history);
        }
    } else {
        player.play(node, history);
    }
}

#[test]
fn nodes_of_two_releases_commit_beside_each_other_as_if_one_came_after_the_other() {
    let Some((database, first)) = first_release() else { return };
    let old = [first, OldNode::open(&database).unwrap()];
    let (history, end) = (History::of(&old[0]), AtomicBool::new(false));
    let (history, end) = (&history, &end);
    let play = |seed: u8, mut turn: Box<dyn FnMut(&mut Player) + Send>| {
        let mut player = Player::new(seed);
        while !end.load(Ordering::Relaxed) {
            turn(&mut player);
        }
        player.conflicts
    };
    thread::scope(|scope| {
        let ended = End(end);
        let mut players = Vec::new();
        for seed in 0..4 {
            let node = &old[usize::from(seed % 2)];
            let turn = move |player: &mut Player| play_old(player, node, history);
            players.push(scope.spawn(move || play(seed, Box::new(turn))));
        }
        history.grow(50);
        // This release makes its steps, and a later one its own.
        for (seed, step) in [(4, "SELECT 1"), (5, LATER)] {
            database.run(step).unwrap();
            let node = PostgresStore::open(database.config()).unwrap();
            let turn = move |player: &mut Player| player.play(&node, history);
            players.push(scope.spawn(move || play(seed, Box::new(turn))));
            history.grow(150);
        }
        drop(ended);
        for player in players {
            assert!(player.join().unwrap() > 0, "each met others");
        }
    });
    history.leads_to(&old[1]);
    history.leads_to(&PostgresStore::open(database.config()).unwrap());
}

#[test]
fn what_became_of_a_lost_commit_is_found_after_the_upgrade() {
    let Some((database, old)) = first_release() else { return };
    let lost = [(Loss::Answer, 11), (Loss::Request, 12)].map(|(loss, number)| {
        let lowered = lower(&old, &[(key(number), Expect::Absent)], vec![(key(number), put(b"once"))]);
        old.lose(loss);
        assert_eq!(old.commit(&lowered).unwrap(), Outcome::Unknown);
        (lowered, number)
    });
    let new = PostgresStore::open(database.config()).unwrap();
    for (lowered, number) in lost {
        let revision = done(&old.commit(&lowered).unwrap());
        assert_eq!(get(&new, number).map(|record| record.revision), Some(revision));
        assert_eq!(done(&old.commit(&lowered).unwrap()), revision, "asked again, the first outcome");
    }
}

#[test]
fn an_old_node_keeps_its_contract_on_a_newer_layout() {
    if database().is_none() {
        return;
    }
    conformance::run(&|| {
        let database = database().unwrap();
        drop(PostgresStore::create(database.config()).unwrap());
        database.run(LATER).unwrap();
        Box::new(OldNode::open(&database).unwrap())
    });
}

/// A process with a lease on a store, and the tenants that it was told to forget.
struct Node {
    store: Arc<Tapped<()>>,
    lease: Lease,
    gate: Arc<Gate>,
    forgotten: Arc<Mutex<Vec<Tenant>>>,
}

impl Node {
    fn on(store: Arc<dyn Store>, clock: &Arc<FixedClock>) -> Self {
        let (caches, gate) = (Arc::new(Caches::new()), Arc::new(Gate::new()));
        let forgotten = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&forgotten);
        caches.add(move |tenant| noted.lock().unwrap().push(tenant));
        let store = Tapped::over(store, ());
        let lease = Lease::new(store.clone(), Arc::clone(clock) as _, caches, gate.clone()).unwrap();
        lease.follow(TENANT).unwrap();
        lease.check().unwrap();
        Self { store, lease, gate, forgotten }
    }
}

#[test]
fn leases_of_nodes_of_two_releases_end_each_other_s() {
    let Some((database, old)) = first_release() else { return };
    let clock = Arc::new(FixedClock::at(Time::from_millis(1_800_000_000_000)));
    let old = Node::on(Arc::new(old), &clock);
    let new = Node::on(Arc::new(PostgresStore::open(database.config()).unwrap()), &clock);
    for (revokes, hears) in [(&old, &new), (&new, &old)] {
        hears.lease.renew().unwrap();
        let mut change = Reader::new(&*revokes.store, Tenant::SYSTEM).change(());
        revokes.lease.revoke(&mut change, TENANT).unwrap();
        let (revoked, hold) = deferring(|| change.commit(&*revokes.store));
        revoked.unwrap();
        hears.lease.check().unwrap();
        assert!(hears.forgotten.lock().unwrap().is_empty(), "it answers from memory until its lease ends");
        clock.advance(hold.unwrap().left());
        hears.lease.check().unwrap();
        assert_eq!(std::mem::take(&mut *hears.forgotten.lock().unwrap()), [TENANT]);
        revokes.lease.renew().unwrap();
        revokes.forgotten.lock().unwrap().clear();
    }
    let mut change = Reader::new(&*new.store, Tenant::SYSTEM).change(());
    new.lease.order_seal(&mut change).unwrap();
    deferring(|| change.commit(&*new.store)).0.unwrap();
    assert!(matches!(old.lease.renew(), Err(StoreError::Sealed)) && old.gate.is_closed());
}

#[test]
fn a_layout_that_takes_something_away_is_used_by_no_older_node_not_even_by_one_that_runs() {
    let Some((database, _)) = first_release() else { return };
    let running = PostgresStore::open(database.config()).unwrap();
    done(&commit(&running, &[], vec![(key(1), put(b"before"))]));
    // It ends the sessions of those before it, as a node looks at the layout once for each.
    database.run(&format!("UPDATE strongroom_meta SET layout = 9, least = 9; {CUT}")).unwrap();
    assert!(asks_for_a_newer_release(&running.get_many(&[key(1)]).unwrap_err()));
    let write = || running.commit(&lower(&running, &[], vec![(key(1), put(b"after"))]));
    // It goes by a session that was there before, and nobody may look what became of it.
    assert_eq!(write().unwrap(), Outcome::Unknown);
    assert!(asks_for_a_newer_release(&write().unwrap_err()));
    let opened = PostgresStore::open(database.config()).unwrap_err();
    assert!(matches!(opened.why, Refusal::Newer { found: 9, .. }));
    assert_eq!(OldNode::open(&database).err(), Some(9));
    database.run("UPDATE strongroom_meta SET least = 1").unwrap();
    assert_eq!(value(&running, 1), Some(b"before".to_vec()), "nothing was written meanwhile");
}
