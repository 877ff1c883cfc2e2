use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use strongroom_core::{Outcome, RecordKey, Revision, Segment, Store, Write};
use strongroom_store_sqlite::SqliteStore;

use crate::{
    child::{in_role, said, say},
    support::{TABLE, all, place, put, tenant, try_commit},
};

const WRITERS: u64 = 8;
const ROUNDS: u64 = 10;
/// A batch has this many rows.
const ROWS: u64 = 3;

fn row(writer: u64, number: u64, part: u64) -> RecordKey {
    let segments = [writer, number, part].map(Segment::Number);
    RecordKey::new(tenant(1), TABLE, &segments).unwrap()
}

/// Every fifth batch of a writer stays; the others go with the next one.
fn stays(number: u64) -> bool {
    number.is_multiple_of(5)
}

fn batch(writer: u64, number: u64) -> Vec<(RecordKey, Write)> {
    let value = || put(vec![writer as u8; 20 + 300 * (number as usize % 7)]);
    let before = number.checked_sub(1).filter(|before| !stays(*before));
    let goes = before
        .into_iter()
        .flat_map(|before| (0..ROWS).map(move |part| (row(writer, before, part), Write::Delete)));
    (0..ROWS).map(|part| (row(writer, number, part), value())).chain(goes).collect()
}

/// In a child: commits in many threads, beside one that scrubs, and says each commit after it was answered.
pub(crate) fn write_until_killed(path: &Path) {
    let store = &SqliteStore::open(path).unwrap();
    let rows = all(store);
    thread::scope(|scope| {
        scope.spawn(move || {
            loop {
                store.scrub().unwrap();
                thread::sleep(Duration::from_millis(20));
            }
        });
        for writer in 0..WRITERS {
            let next = newest(&rows, writer).map_or(0, |number| number + 1);
            scope.spawn(move || {
                for number in next.. {
                    match try_commit(store, Vec::new(), batch(writer, number)).unwrap() {
                        Outcome::Done(revision) => say(format!("{writer} {number} {}", revision.0)),
                        other => panic!("{other:?}"),
                    }
                }
            });
        }
    });
}

type Rows = BTreeMap<RecordKey, (Vec<u8>, Revision)>;

/// The number of the last batch of a writer that is there.
fn newest(rows: &Rows, writer: u64) -> Option<u64> {
    let numbers = rows.keys().filter_map(|key| match key.segments().collect::<Vec<_>>()[..] {
        [Segment::Number(by), Segment::Number(number), _] if by == writer => Some(number),
        _ => None,
    });
    numbers.max()
}

/// What the children said before they were killed: all revisions, and the last batch of each writer, which is
/// replaced by what a reopening showed, as an unanswered commit may have happened.
#[derive(Default)]
struct Acknowledged {
    last: BTreeMap<u64, (u64, u64)>,
    revisions: BTreeSet<u64>,
}

impl Acknowledged {
    fn note(&mut self, line: &str) {
        let numbers: Vec<u64> = line.split(' ').map(|number| number.parse().unwrap()).collect();
        let [writer, number, revision] = numbers[..] else { panic!("{line}") };
        assert!(self.revisions.insert(revision), "revision {revision} came back");
        self.last.insert(writer, (number, revision));
    }
}

/// Lets a child work for a while, kills it, and gives what it had said.
fn kill_one(folder: &Path, after: Duration, acknowledged: &mut Acknowledged) {
    let mut child = in_role("crash", folder, &[]).spawn().unwrap();
    let (begun, begins) = mpsc::channel();
    let lines = said(&mut child);
    let reader = thread::spawn(move || {
        let mut heard = Vec::new();
        for line in lines {
            let _ = begun.send(());
            heard.push(line);
        }
        heard
    });
    begins.recv_timeout(Duration::from_secs(60)).unwrap();
    thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap().iter().for_each(|line| acknowledged.note(line));
}

/// All that a writer was told is there, and of each batch all or nothing.
fn nothing_was_lost(rows: &Rows, acknowledged: &Acknowledged) {
    for (writer, (told, revision)) in &acknowledged.last {
        let newest = newest(rows, *writer).unwrap();
        assert!((*told..=told + 1).contains(&newest), "writer {writer}: told {told}, there is {newest}");
        if newest == *told {
            assert_eq!(rows[&row(*writer, newest, 0)].1, Revision(*revision));
        }
        let mut expected = 0;
        for number in (0..=newest).filter(|number| stays(*number) || *number == newest) {
            let found: BTreeSet<_> = (0..ROWS).map(|part| &rows[&row(*writer, number, part)]).collect();
            assert_eq!(found.len(), 1, "one commit wrote all rows of batch {number} of writer {writer}");
            expected += ROWS as usize;
        }
        let there = rows.keys().filter(|key| key.segments().next() == Some(Segment::Number(*writer))).count();
        assert_eq!(there, expected, "what writer {writer} deleted is gone");
    }
}

#[test]
fn a_commit_that_was_answered_survives_a_kill_at_any_moment_and_no_half_of_a_batch_does() {
    let (folder, path) = place();
    drop(SqliteStore::create(&path).unwrap());
    let mut acknowledged = Acknowledged::default();
    let began = Instant::now();
    for round in 0..ROUNDS {
        let before = acknowledged.revisions.last().copied().unwrap_or(0);
        let after = Duration::from_micros(u64::from(began.elapsed().subsec_nanos()) % 250_000);
        kill_one(folder.path(), after, &mut acknowledged);
        assert!(acknowledged.revisions.range(before + 1..).count() > 0, "round {round} came to a commit");
        let store = SqliteStore::open(&path).unwrap();
        let rows = all(&store);
        nothing_was_lost(&rows, &acknowledged);
        for (writer, last) in &mut acknowledged.last {
            let newest = newest(&rows, *writer).unwrap();
            *last = (newest, rows[&row(*writer, newest, 0)].1.0);
        }
        store.scrub().unwrap();
    }
    assert_eq!(acknowledged.last.len() as u64, WRITERS, "each writer had its turn");
}
