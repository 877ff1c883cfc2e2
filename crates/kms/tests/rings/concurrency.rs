//! Many threads use a ring while it changes. Each records when it began, when it ended and what came out; then
//! no operation that began after a change was answered may show the state before.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use strongroom_core::{Algorithm, Sealer, Signer, UseError, tap::Tapped};
use strongroom_kms::{KmsError, RingHandle, Rings};
use strongroom_store_postgres::testing::Engine;

use crate::{
    support::{DELETABLE, minimums, name, rings_over, verdict},
    taps::Yield,
};

/// A moment in the order of all that happens.
#[derive(Default)]
struct Ticks(AtomicU64);

impl Ticks {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

/// Something that ran from the tick `began` to the tick `ended`.
struct Span<T> {
    began: u64,
    ended: u64,
    what: T,
}

fn timed<T>(ticks: &Ticks, run: impl FnOnce() -> T) -> Span<T> {
    let began = ticks.next();
    let what = run();
    Span { began, ended: ticks.next(), what }
}

type Operation = Box<dyn Fn() -> &'static str + Send + Sync>;

/// Runs each operation in a thread of its own over and over while `change` runs; answers all that they saw, by
/// operation. `change` gets what returns when each thread has begun and ended an operation since.
fn observed(
    ticks: &Ticks,
    operations: &[Operation],
    change: impl FnOnce(&dyn Fn()),
) -> Vec<Vec<Span<&'static str>>> {
    let stop = AtomicBool::new(false);
    let ended: Vec<_> = operations.iter().map(|_| AtomicU64::new(0)).collect();
    let all_ran = || {
        for ended in &ended {
            // The first to end may have begun before.
            let enough = ended.load(Ordering::SeqCst) + 2;
            while ended.load(Ordering::SeqCst) < enough {
                thread::yield_now();
            }
        }
    };
    let work = |operation: &Operation, ended: &AtomicU64| {
        let mut seen = Vec::new();
        while !stop.load(Ordering::SeqCst) {
            seen.push(timed(ticks, operation));
            ended.fetch_add(1, Ordering::SeqCst);
            thread::yield_now();
        }
        seen
    };
    thread::scope(|scope| {
        let run = |(operation, ended)| scope.spawn(move || work(operation, ended));
        let workers: Vec<_> = operations.iter().zip(&ended).map(run).collect();
        let stopping = Stop(&stop);
        change(&all_ran);
        drop(stopping);
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    })
}

/// Ends the threads also where the change failed.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Fails where an operation lay wholly within a state and did not see it, or where none lay within one. A state
/// holds from the answer of the change that made it to the beginning of the next one.
fn check(seen: &[Span<&'static str>], changes: &[Span<&'static str>]) {
    for (at, change) in changes.iter().enumerate() {
        let until = changes.get(at + 1).map_or(u64::MAX, |next| next.began);
        let first = seen.partition_point(|span| span.began < change.ended);
        let within = || seen[first..].iter().take_while(|span| span.ended < until);
        assert!(within().next().is_some(), "nothing ran in the state of change {at}");
        for span in within() {
            assert_eq!(span.what, change.what, "in the state of change {at}");
        }
    }
}

fn by_handle<T>(result: Result<T, UseError>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(UseError::Unavailable) => "disabled",
        Err(_) => "another failure",
    }
}

fn users(rings: &Rings, sealed: &[u8]) -> Vec<Operation> {
    let handle = |ring: &str| -> RingHandle { rings.ring(&name(ring)).unwrap() };
    let (aes, ed, sealed) = (handle("aes"), handle("ed"), sealed.to_vec());
    let signature = rings.sign(&name("ed"), None, b"text").unwrap();
    let of = |run: fn(&Rings) -> Result<(), KmsError>| -> Operation {
        let rings = rings.clone();
        Box::new(move || verdict(run(&rings)))
    };
    let (decrypting, verifying) = (rings.clone(), rings.clone());
    vec![
        of(|rings| rings.encrypt(&name("aes"), b"text", b"").map(drop)),
        of(|rings| rings.sign(&name("ed"), None, b"text").map(drop)),
        Box::new(move || verdict(decrypting.decrypt(&name("aes"), &sealed, b""))),
        Box::new(move || verdict(verifying.verify(&name("ed"), b"text", &signature))),
        Box::new(move || by_handle(aes.seal(b"text", b""))),
        Box::new(move || by_handle(ed.sign(b"text"))),
    ]
}

#[test]
fn no_operation_that_begins_after_a_disable_succeeds_and_none_after_an_enable_fails() {
    let rings = rings_over(Tapped::over(Arc::new(Engine::new()), Yield));
    rings.create(&name("aes"), Algorithm::Aes256Gcm).unwrap();
    rings.create(&name("ed"), Algorithm::Ed25519).unwrap();
    let sealed = rings.encrypt(&name("aes"), b"text", b"").unwrap();
    let (ticks, mut changes) = (Ticks::default(), Vec::new());
    let seen = observed(&ticks, &users(&rings, &sealed), |all_ran| {
        for _ in 0..30 {
            for (forbid, then) in [(true, "disabled"), (false, "ok")] {
                let both = || {
                    for ring in [name("aes"), name("ed")] {
                        if forbid { rings.disable(&ring) } else { rings.enable(&ring) }.unwrap();
                    }
                    then
                };
                changes.push(timed(&ticks, both));
                all_ran();
            }
        }
    });
    seen.iter().for_each(|seen| check(seen, &changes));
}

#[test]
fn no_old_ciphertext_opens_after_the_minimum_was_raised_nor_anything_after_a_delete() {
    for _ in 0..10 {
        let rings = rings_over(Tapped::over(Arc::new(Engine::new()), Yield));
        let ring = name("aes");
        rings.create(&ring, Algorithm::Aes256Gcm).unwrap();
        let sealed = rings.encrypt(&ring, b"text", b"").unwrap();
        rings.rotate(&ring).unwrap();
        let (ticks, mut changes) = (Ticks::default(), Vec::new());
        let users = (0..4).map(|_| -> Operation {
            let (rings, ring, sealed) = (rings.clone(), ring.clone(), sealed.clone());
            Box::new(move || verdict(rings.decrypt(&ring, &sealed, b"")))
        });
        let seen = observed(&ticks, &users.collect::<Vec<_>>(), |all_ran| {
            let mut change = |what, run: &dyn Fn()| {
                changes.push(timed(&ticks, || {
                    run();
                    what
                }));
                all_ran();
            };
            change("ok", &|| drop(rings.configure(&ring, &DELETABLE).unwrap()));
            change("too old", &|| drop(rings.configure(&ring, &minimums(2, 0)).unwrap()));
            change("ok", &|| drop(rings.configure(&ring, &minimums(1, 0)).unwrap()));
            change("not found", &|| rings.delete(&ring).unwrap());
            change("does not open", &|| drop(rings.create(&ring, Algorithm::Aes256Gcm).unwrap()));
        });
        seen.iter().for_each(|seen| check(seen, &changes));
    }
}

#[test]
fn rotations_that_meet_all_happen_and_each_has_a_version_of_its_own() {
    let rings = rings_over(Tapped::over(Arc::new(Engine::new()), Yield));
    rings.create(&name("ring"), Algorithm::Ed25519).unwrap();
    let rotate = || (0..5).map(|_| rings.rotate(&name("ring")).unwrap()).collect::<Vec<_>>();
    let mut versions: Vec<u32> = thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(rotate)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    versions.sort_unstable();
    assert_eq!(versions, (2..=21).collect::<Vec<_>>());
    assert_eq!(rings.read(&name("ring")).unwrap().versions.len(), 21);
}
