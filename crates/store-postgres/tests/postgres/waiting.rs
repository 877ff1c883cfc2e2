//! All waiting ends.

use std::{
    io::Write,
    net::TcpListener,
    thread,
    time::{Duration, Instant},
};

use strongroom_core::{Expect, Lease, Store, StoreError};
use strongroom_store_postgres::{
    Config, OpenError, PostgresStore, Refusal, Timeouts,
    testing::{Weather, database},
};

use crate::support::{commit, done, impatient, key, lower, put, value};

/// Nothing here waits as long, however busy the machine is.
const LONG: Duration = Duration::from_secs(15);

/// How much later than promised a busy machine may be.
const LATE: Duration = Duration::from_millis(1_500);

fn in_time<T>(operation: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let result = operation();
    assert!(begun.elapsed() < LONG, "waited {:?}", begun.elapsed());
    result
}

/// A server that says this to everybody who comes, and then keeps silent.
fn stranger(words: &'static [u8]) -> Config {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let mut open = Vec::new();
        for mut client in listener.incoming().flatten() {
            let _ = client.write_all(words);
            open.push(client);
        }
    });
    Config::parse(&format!("host=127.0.0.1 port={port} user=x")).unwrap().with_timeouts(impatient())
}

#[test]
fn a_peer_that_takes_the_connection_and_keeps_silent_is_given_up() {
    let opened = in_time(|| PostgresStore::open(stranger(b"")));
    assert!(matches!(opened, Err(OpenError { why: Refusal::Unreachable(_), .. })), "{opened:?}");
}

#[test]
fn a_peer_that_speaks_another_protocol_or_a_message_without_end_is_given_up() {
    let endless = b"R\x7f\xff\xff\xff\0\0\0\0";
    for words in
        [b"HTTP/1.1 400 Bad Request\r\n\r\n".as_slice(), endless, b"Z\0\0\0\x05I", b"R\0\0\0\x08\0\0\0\x07"]
    {
        let opened = in_time(|| PostgresStore::open(stranger(words)));
        assert!(
            matches!(opened, Err(OpenError { why: Refusal::Engine(_) | Refusal::Unreachable(_), .. })),
            "{opened:?}"
        );
    }
}

#[test]
fn nobody_there_is_said_at_once() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = Config::parse(&format!("host=127.0.0.1 port={port} user=x")).unwrap();
    let opened = in_time(|| PostgresStore::open(config));
    assert!(matches!(opened, Err(OpenError { why: Refusal::Unreachable(_), .. })));
}

#[test]
fn reads_and_those_who_wait_for_a_connection_give_up() {
    let Some(database) = database() else { return };
    let proxy = database.proxy();
    let config = database.config_through(&proxy).with_timeouts(impatient()).with_readers(1);
    let store = PostgresStore::create(config).unwrap();
    proxy.set(Weather::LoseAnswers);
    in_time(|| {
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let Err(StoreError::Engine(why)) = store.get_many(&[key(1)]) else { unreachable!() };
                    assert!(why.to_string().contains(&format!("127.0.0.1, port {}", proxy.port())), "{why}");
                });
            }
        });
    });
    proxy.set(Weather::Fair);
    assert_eq!(value(&store, 1), None, "it recovers by itself");
}

#[test]
fn what_keeps_a_lease_gives_up_when_the_lease_ends_and_waits_for_no_other_read() {
    let Some(database) = database() else { return };
    let proxy = database.proxy();
    // The only connection for other reads waits as long as an operation may.
    let timeouts = Timeouts { silence: Duration::from_secs(60), ..Timeouts::default() };
    let config = database.config_through(&proxy).with_timeouts(timeouts).with_readers(1);
    let store = PostgresStore::create(config).unwrap();
    let revision = done(&commit(&store, &[], vec![(key(1), put(b"x"))]));
    let ask = || store.revisions(&[key(2), key(1)]);
    assert_eq!(ask().unwrap(), [None, Some(revision)]);
    thread::scope(|scope| {
        proxy.set(Weather::LoseAnswers);
        let other = scope.spawn(|| value(&store, 1));
        thread::sleep(Duration::from_millis(100));
        let begun = Instant::now();
        assert!(matches!(ask(), Err(StoreError::Engine(_))));
        assert!(begun.elapsed() < Lease::HELD + LATE, "waited {:?}", begun.elapsed());
        proxy.set(Weather::Fair);
        let begun = Instant::now();
        assert_eq!(ask().unwrap(), [None, Some(revision)], "the silent connection is not asked again");
        assert!(begun.elapsed() < LATE && !other.is_finished(), "waited {:?}", begun.elapsed());
        proxy.cut();
        assert_eq!(other.join().unwrap(), Some(b"x".to_vec()));
    });
}

#[test]
fn what_the_network_swallowed_is_no_harm_soon_after_it_is_back() {
    for weather in [Weather::LoseAnswers, Weather::LoseRequests] {
        let Some(database) = database() else { return };
        let proxy = database.proxy();
        let store = PostgresStore::create(database.config_through(&proxy)).unwrap();
        done(&commit(&store, &[], vec![(key(1), put(b"before"))]));
        thread::scope(|scope| {
            proxy.set(weather);
            let commits =
                scope.spawn(|| commit(&store, &[(key(2), Expect::Absent)], vec![(key(2), put(b"x"))]));
            // A read may have failed by then.
            let reads = scope.spawn(|| drop(store.get_many(&[key(1)])));
            // Longer than the first attempts last.
            thread::sleep(Duration::from_millis(2_500));
            proxy.set(Weather::Fair);
            let begun = Instant::now();
            let revision = done(&commits.join().unwrap());
            assert_eq!(store.revisions(&[key(2)]).unwrap(), [Some(revision)]);
            reads.join().unwrap();
            assert!(begun.elapsed() < Timeouts::default().silence + LATE, "waited {:?}", begun.elapsed());
        });
    }
}

#[test]
fn a_commit_that_waits_for_a_lock_fails_in_time_and_leaves_nothing() {
    let Some(database) = database() else { return };
    let timeouts = Timeouts { call: Duration::from_secs(1), ..Timeouts::default() };
    let store = PostgresStore::create(database.config().with_timeouts(timeouts)).unwrap();
    done(&commit(&store, &[], vec![(key(1), put(b"before"))]));
    thread::scope(|scope| {
        let holder = scope.spawn(|| {
            database.run("BEGIN; LOCK TABLE strongroom_record; SELECT pg_sleep(2.5); COMMIT").unwrap();
        });
        thread::sleep(Duration::from_millis(300));
        let lowered = lower(&store, &[], vec![(key(1), put(b"after"))]);
        let failed = in_time(|| store.commit(&lowered));
        assert!(matches!(failed, Err(StoreError::Engine(_))), "{failed:?}");
        holder.join().unwrap();
    });
    assert_eq!(value(&store, 1), Some(b"before".to_vec()));
}
