//! Connections, backends and servers that end under load: nothing that was acknowledged is lost, nothing is doubled.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use strongroom_store_postgres::{
    PostgresStore,
    testing::{Cluster, Weather, database},
};

use crate::support::{add_one, counter, impatient};

const THREADS: u64 = 8;

/// Counts in eight threads, each its own counter and one that all share, while `trouble` goes on; then compares with what
/// was acknowledged.
fn count_under(store: &PostgresStore, trouble: impl FnOnce()) {
    let end = AtomicBool::new(false);
    let shared = AtomicU64::new(0);
    thread::scope(|scope| {
        let (end, shared) = (&end, &shared);
        let count = move |number| {
            let mut own = 0;
            while !end.load(Ordering::Relaxed) {
                own += u64::from(add_one(store, number));
                shared.fetch_add(u64::from(add_one(store, 0)), Ordering::Relaxed);
            }
            own
        };
        let threads: Vec<_> =
            (1..=THREADS).map(|number| (number, scope.spawn(move || count(number)))).collect();
        trouble();
        end.store(true, Ordering::Relaxed);
        for (number, thread) in threads {
            let own = thread.join().unwrap();
            assert_eq!(counter(store, number), own);
        }
    });
    let shared = shared.into_inner();
    assert!(shared > 0, "no progress");
    assert_eq!(counter(store, 0), shared);
}

#[test]
fn nothing_is_lost_or_doubled_while_backends_are_killed() {
    let Some(database) = database() else { return };
    let store = PostgresStore::create(database.config()).unwrap();
    count_under(&store, || {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(1500) {
            database
                .run(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                    WHERE datname = current_database() AND pid <> pg_backend_pid()",
                )
                .unwrap();
            thread::sleep(Duration::from_millis(40));
        }
    });
}

#[test]
fn nothing_is_lost_or_doubled_in_a_network_that_breaks() {
    let Some(database) = database() else { return };
    let proxy = database.proxy();
    let store = PostgresStore::create(database.config_through(&proxy).with_timeouts(impatient())).unwrap();
    count_under(&store, || {
        for round in 0..40 {
            match round % 5 {
                0 => proxy.set(Weather::CutAtAnswer),
                1 => proxy.set(Weather::CutAtRequest),
                2 => proxy.cut(),
                3 => proxy.set(Weather::LoseAnswers),
                _ => {
                    proxy.hold();
                    proxy.release();
                }
            }
            thread::sleep(Duration::from_millis(40));
            proxy.set(Weather::Fair);
        }
    });
}

#[test]
fn nothing_is_lost_or_doubled_when_the_server_crashes_and_starts_again() {
    let Some(mut cluster) = Cluster::start(&[]) else { return };
    let database = cluster.database();
    let store = PostgresStore::create(database.config()).unwrap();
    count_under(&store, || {
        for _ in 0..2 {
            thread::sleep(Duration::from_millis(200));
            cluster.restart();
        }
        thread::sleep(Duration::from_millis(300));
    });
}
