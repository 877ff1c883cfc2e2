use std::{path::Path, thread};

use strongroom_store_sqlite::SqliteStore;

use crate::{
    child::{in_role, run, say},
    support::{key, place, put, read, write},
    trace::{self, Call},
};

const WRITERS: u64 = 4;
const COMMITS: u64 = 12;

fn mark(number: u64) -> String {
    format!("<content of commit {number:04}>")
}

/// In a child: commits, in one thread and then in several, and says each number once it was answered.
pub(crate) fn commit_aloud(path: &Path) {
    let store = &SqliteStore::create(path).unwrap();
    say("created");
    let commit = move |numbers: std::ops::Range<u64>| {
        for number in numbers {
            write(store, vec![(key(number), put(mark(number)))]);
            say(format!("acknowledged {number:04}"));
        }
    };
    commit(0..COMMITS);
    thread::scope(|scope| {
        for writer in 1..=WRITERS {
            scope.spawn(move || commit(writer * COMMITS..(writer + 1) * COMMITS));
        }
    });
}

/// In a child: opens a store with a log in it and commits.
pub(crate) fn open_aloud(path: &Path) {
    let store = SqliteStore::open(path).unwrap();
    say("opened");
    write(&store, vec![(key(7_777), put(mark(7_777)))]);
    say("acknowledged 7777");
}

/// The calls of a child in a role.
fn traced(role: &str, folder: &Path) -> Vec<Call> {
    let output = folder.join("trace");
    let calls = "trace=write,pwrite64,fsync,fdatasync,link,linkat";
    let output_word = output.to_str().unwrap();
    let wrapper = ["strace", "-f", "-qq", "-y", "-s", "65536", "-e", calls, "-o", output_word];
    run(in_role(role, folder, &wrapper));
    trace::calls(&output)
}

fn first<'c>(calls: &'c [Call], what: &str, is: impl Fn(&Call) -> bool) -> &'c Call {
    calls.iter().find(|call| is(call)).unwrap_or_else(|| panic!("no call: {what}"))
}

/// Between the write of a commit into the log and its acknowledgement lies a sync of the log.
fn synced_before_the_answer(calls: &[Call], number: u64) {
    let content = first(calls, "write", |call| call.writes("-wal") && call.arguments.contains(&mark(number)));
    let answer = format!("acknowledged {number:04}");
    let answer = first(calls, "answer", |call| call.name == "write" && call.arguments.contains(&answer));
    let between = |call: &&Call| call.began > content.ended && call.ended < answer.began;
    let synced = calls.iter().filter(between).any(|call| call.syncs("-wal"));
    assert!(synced, "commit {number}: {content:?} … {answer:?}");
}

#[test]
fn the_log_is_synced_between_the_write_of_each_commit_and_its_answer() {
    if !trace::available("the sync before the answer") {
        return;
    }
    let (folder, _) = place();
    let calls = traced("commit", folder.path());
    (0..(WRITERS + 1) * COMMITS).for_each(|number| synced_before_the_answer(&calls, number));
    let syncs = calls.iter().filter(|call| call.syncs("-wal")).count() as u64;
    assert!(syncs >= COMMITS, "no two commits of one thread share a sync");
}

#[test]
fn the_folder_is_synced_after_a_new_name_and_before_the_answer() {
    if !trace::available("the sync of the folder") {
        return;
    }
    let (folder, _) = place();
    let calls = traced("commit", folder.path());
    let name = folder.path().canonicalize().unwrap();
    let synced = |after: &Call, before: &Call| {
        let between = |call: &&Call| call.began > after.ended && call.ended < before.began;
        calls.iter().filter(between).any(|call| call.syncs(name.to_str().unwrap()))
    };
    let link = first(&calls, "name", |call| call.name.starts_with("link"));
    let created = first(&calls, "created", |call| call.arguments.contains("created"));
    assert!(synced(link, created), "the name of the store");
    let log = first(&calls, "log", |call| call.writes("keys.db-wal"));
    let answer = first(&calls, "answer", |call| call.arguments.contains("acknowledged"));
    assert!(synced(log, answer), "the name of its log");
}

#[test]
fn a_log_that_an_earlier_owner_left_is_written_and_synced_anew_before_a_commit_follows_in_it() {
    if !trace::available("the sync of a log that was left") {
        return;
    }
    let (folder, path) = place();
    drop(SqliteStore::create(&path).unwrap());
    let mut child = in_role("abort", folder.path(), &[]).spawn().unwrap();
    child.wait().unwrap();
    let left = std::fs::metadata(crate::support::beside(&path, "-wal")).unwrap().len();
    assert!(left > 0);
    let calls = traced("open", folder.path());
    let opened = first(&calls, "opened", |call| call.arguments.contains("opened"));
    let log = calls.iter().filter(|call| call.ended < opened.began && call.writes("-wal"));
    assert!(log.clone().count() as u64 >= left.div_ceil(1 << 16), "all of the log is written");
    let last = log.max_by_key(|call| call.ended).unwrap();
    assert!(
        calls.iter().any(|call| call.began > last.ended && call.ended < opened.began && call.syncs("-wal"))
    );
    synced_before_the_answer(&calls, 7_777);
    assert_eq!(read(&SqliteStore::open(path).unwrap(), &key(5)).unwrap().0, b"x");
}
