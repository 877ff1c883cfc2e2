//! Snapshots in a storm of commits.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::Duration,
};

use strongroom_core::{RecordKey, Revision, Segment, Time};
use strongroom_store_sqlite::{Snapshot, SqliteStore};

use crate::support::{TABLE, key, put, quick_place, read, tenant, write};

const WRITERS: usize = 8;
const SNAPSHOTS: u64 = 200;

fn row(writer: usize, part: u64) -> RecordKey {
    RecordKey::new(tenant(2), TABLE, &[Segment::Number(writer as u64), Segment::Number(part)]).unwrap()
}

/// What a writer committed, in order, and how much of it was answered.
#[derive(Default)]
struct Diary {
    answered: AtomicU64,
}

/// Commits 1, 2, 3 … into two rows at once, and gives the revision of each.
fn write_on(store: &SqliteStore, writer: usize, diary: &Diary, end: &AtomicBool) -> Vec<Revision> {
    let mut revisions = Vec::new();
    while !end.load(Ordering::Relaxed) {
        let number = revisions.len() as u64 + 1;
        let value = [number.to_be_bytes().as_slice(), &vec![writer as u8; number as usize % 900]].concat();
        revisions.push(write(store, vec![(row(writer, 0), put(&value)), (row(writer, 1), put(&value))]));
        diary.answered.store(number, Ordering::Release);
        // Leaves others a moment of the one disk and the few cores.
        thread::sleep(Duration::from_micros(200));
    }
    revisions
}

/// What a snapshot shows of each writer: a number, at least the one that was answered before.
fn look(snapshot: &Path, answered: &[u64]) -> Vec<u64> {
    let restored = snapshot.with_extension("restored");
    SqliteStore::restore(snapshot, &restored, Time::from_millis(2)).unwrap();
    let store = SqliteStore::open(&restored).unwrap();
    let shown = answered.iter().enumerate().map(|(writer, answered)| {
        let [one, other] = [0, 1].map(|part| read(&store, &row(writer, part)));
        assert_eq!(one, other, "half of a commit");
        let number = one.map_or(0, |(value, _)| u64::from_be_bytes(*value.first_chunk().unwrap()));
        assert!(number >= *answered, "writer {writer} was answered {answered}, the snapshot has {number}");
        number
    });
    shown.collect()
}

#[test]
fn each_of_200_snapshots_in_a_storm_of_commits_is_all_up_to_its_revision_and_nothing_after() {
    let (folder, path) = quick_place();
    let store = &SqliteStore::create(&path).unwrap();
    write(store, (0..100).map(|number| (key(number), put([7; 300]))).collect());
    let diaries: [Diary; WRITERS] = Default::default();
    let (end, diaries) = (&AtomicBool::new(false), &diaries);
    let mut taken: Vec<(Snapshot, Vec<u64>)> = Vec::new();
    let written: Vec<Vec<Revision>> = thread::scope(|scope| {
        let write = |writer: usize| move || write_on(store, writer, &diaries[writer], end);
        let writers: Vec<_> = (0..WRITERS).map(|writer| scope.spawn(write(writer))).collect();
        for number in 0..SNAPSHOTS {
            let answered: Vec<_> =
                diaries.iter().map(|diary| diary.answered.load(Ordering::Acquire)).collect();
            let to = folder.path().join(format!("{number}.snapshot"));
            let snapshot = store.snapshot(&to, Time::from_millis(number), &mut |_| ()).unwrap();
            taken.push((snapshot, look(&to, &answered)));
        }
        end.store(true, Ordering::Relaxed);
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    for (snapshot, shown) in &taken {
        let up_to = |revisions: &Vec<Revision>| {
            revisions.iter().filter(|revision| **revision <= snapshot.revision).count() as u64
        };
        assert_eq!(*shown, written.iter().map(up_to).collect::<Vec<_>>(), "{snapshot:?}");
    }
    assert!(taken.is_sorted_by_key(|(snapshot, _)| snapshot.revision));
    let during = |(one, other): &(&Vec<u64>, &Vec<u64>)| one != other;
    let moved = taken.iter().map(|(_, shown)| shown).zip(taken.iter().skip(1).map(|(_, shown)| shown));
    assert!(moved.filter(during).count() > 100, "the writers went on from snapshot to snapshot");
}
