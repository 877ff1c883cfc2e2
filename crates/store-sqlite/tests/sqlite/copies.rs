//! Snapshots and restorations that are killed, that fail, or that have no room.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Child,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use strongroom_store_sqlite::{Snapshot, SqliteStore};
use tempfile::TempDir;

use crate::{
    child::{in_role, run, said, say},
    snapshot::{LATER, NOW},
    support::{all, beside, bytes, contents, key, place, put, read, write},
    trace,
};

/// The copy that a child makes, in the folder of the store.
const COPY: &str = "copy";
/// What it restores from.
const SNAPSHOT: &str = "snapshot";
const KILLS: u32 = 12;
/// Records that stay as they are.
const ROWS: u64 = 60;

/// In a child.
pub(crate) fn take_one(path: &Path) {
    let store = SqliteStore::open(path).unwrap();
    say(format!("{:?}", store.snapshot(path.with_file_name(COPY), NOW, &mut |_| ()).map(drop)));
}

/// In a child.
pub(crate) fn restore_one(path: &Path) {
    let [from, to] = [SNAPSHOT, COPY].map(|name| path.with_file_name(name));
    say(format!("{:?}", SqliteStore::restore(from, to, LATER).map(drop)));
}

/// In a child: takes snapshots until it is killed, while a thread counts in a record and says how far it is.
pub(crate) fn take_until_killed(path: &Path) {
    let store = &SqliteStore::open(path).unwrap();
    let next = read(store, &key(ROWS)).map_or(0, |(value, _)| number(&value) + 1);
    thread::scope(|scope| {
        scope.spawn(move || {
            for number in next.. {
                write(store, vec![(key(ROWS), put(number.to_be_bytes()))]);
                say(number);
            }
        });
        for round in 0.. {
            store
                .snapshot(beside(&path.with_file_name(COPY), &format!("-{round}")), NOW, &mut |_| ())
                .unwrap();
        }
    });
}

/// In a child: restores until it is killed.
pub(crate) fn restore_until_killed(path: &Path) {
    let [from, to] = [SNAPSHOT, COPY].map(|name| path.with_file_name(name));
    for round in 0_u64.. {
        SqliteStore::restore(&from, beside(&to, &format!("-{round}")), LATER).unwrap();
        say(round);
    }
}

fn number(value: &[u8]) -> u64 {
    u64::from_be_bytes(value.try_into().unwrap())
}

/// A closed store with records, and a snapshot of it.
fn house(value: usize) -> (TempDir, PathBuf) {
    let (folder, path) = place();
    let store = SqliteStore::create(&path).unwrap();
    write(&store, (0..ROWS).map(|row| (key(row), put(vec![row as u8; value]))).collect());
    store.snapshot(folder.path().join(SNAPSHOT), NOW, &mut |_| ()).unwrap();
    (folder, path)
}

/// The records of a house, by the store or the snapshot in a file.
fn is_complete(copy: &Path, value: usize) -> BTreeMap<u64, Vec<u8>> {
    let opened = match Snapshot::inspect(copy) {
        Ok(_) => {
            let restored = beside(copy, ".restored");
            SqliteStore::restore(copy, &restored, LATER).unwrap();
            restored
        }
        Err(_) => copy.to_owned(),
    };
    let store = SqliteStore::open(&opened).unwrap();
    let rows = all(&store).into_iter().enumerate().map(|(at, (_, (value, _)))| (at as u64, value));
    let rows: BTreeMap<_, _> = rows.collect();
    assert!((0..ROWS).all(|row| rows[&row] == vec![row as u8; value]), "{copy:?} is not complete");
    rows
}

/// Lets a child in a role work until it has said something, and then so long; gives the last that it said.
fn kill_one(role: &str, folder: &Path, after: Duration) -> String {
    let mut child: Child = in_role(role, folder, &[]).spawn().unwrap();
    let (lines, (begun, begins)) = (said(&mut child), mpsc::channel());
    let reader = thread::spawn(move || lines.inspect(|_| begun.send(()).unwrap_or_default()).last());
    begins.recv_timeout(Duration::from_secs(60)).unwrap();
    thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap().unwrap()
}

/// Takes what a child left in a folder out of it: copies with a name of their own, and how many have none.
fn copies(folder: &Path) -> (Vec<PathBuf>, usize) {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (drafts, others): (Vec<_>, Vec<_>) =
        paths.partition(|path| path.file_name().unwrap().to_str().unwrap().starts_with(".strongroom-"));
    drafts.iter().for_each(|path| fs::remove_file(path).unwrap());
    let copy = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("copy-");
    (others.into_iter().filter(copy).collect(), drafts.len())
}

/// Kills a child in a role again and again at random moments, and looks at each copy that it left. Answers the last
/// that it said.
fn kill_often(role: &str, folder: &Path, value: usize, mut look: impl FnMut(&str)) {
    let (began, mut drafts) = (Instant::now(), 0);
    for _ in 0..KILLS {
        let after = Duration::from_micros(u64::from(began.elapsed().subsec_nanos()) % 60_000);
        let last = kill_one(role, folder, after);
        let (complete, partial) = copies(folder);
        for copy in &complete {
            is_complete(copy, value);
        }
        for copy in complete {
            for ending in ["", ".owner", ".restored", ".restored.owner"] {
                let _ = fs::remove_file(beside(&copy, ending));
            }
        }
        drafts += partial;
        look(&last);
    }
    assert!(drafts > 0, "no child was killed in the middle");
}

#[test]
fn a_process_that_is_killed_while_it_takes_snapshots_leaves_whole_ones_and_an_unharmed_store() {
    let value = 20_000;
    let (folder, path) = house(value);
    kill_often("snapshots", folder.path(), value, |last| {
        let store = SqliteStore::open(&path).unwrap();
        let there = number(&read(&store, &key(ROWS)).unwrap().0);
        let told: u64 = last.parse().unwrap();
        assert!((told..=told + 1).contains(&there), "told {told}, there is {there}");
        drop(store);
        is_complete(&path, value);
    });
}

#[test]
fn a_process_that_is_killed_while_it_restores_leaves_whole_stores_and_an_unharmed_snapshot() {
    let value = 20_000;
    let (folder, _) = house(value);
    let snapshot = folder.path().join(SNAPSHOT);
    let before = bytes(&snapshot);
    kill_often("restores", folder.path(), value, |_| assert!(bytes(&snapshot) == before));
}

/// What changes files, and what makes that durable.
const CALLS: [&str; 8] =
    ["pwrite64", "copy_file_range", "ftruncate", "fsync", "fdatasync", "link", "linkat", "unlink"];

/// Runs a child in a role with a fault at a call of it. Gives what it said, and whether it came to the fault.
fn with_fault(role: &str, folder: &Path, call: &str, fault: &str) -> (Option<String>, bool) {
    let (traced, fault) = (format!("trace={call}"), format!("inject={call}:{fault}"));
    let trace = tempfile::NamedTempFile::new().unwrap();
    let wrapper = ["strace", "-f", "-qq", "-o", trace.path().to_str().unwrap(), "-e", &traced, "-e", &fault];
    let mut child = in_role(role, folder, &wrapper).spawn().unwrap();
    let last = said(&mut child).last();
    child.wait().unwrap();
    let trace = fs::read_to_string(trace.path()).unwrap();
    (last, trace.contains("(INJECTED)") || trace.contains("+++ killed by SIGKILL +++"))
}

/// Kills at each call of one kind until one is not reached any more. Answers how many left no copy, and how many did.
fn killed_at_each(call: &str, role: &str) -> [usize; 2] {
    let mut ends = [0, 0];
    for step in 1.. {
        assert!(step < 200, "{role} ends");
        let (folder, path) = house(100);
        let (said, died) = with_fault(role, folder.path(), call, &format!("signal=SIGKILL:when={step}"));
        let copy = folder.path().join(COPY);
        if copy.exists() {
            is_complete(&copy, 100);
        }
        is_complete(&path, 100);
        is_complete(&folder.path().join(SNAPSHOT), 100);
        if !died {
            assert!(copy.exists() && said.as_deref() == Some("Ok(())"), "{call} {step}: {said:?}");
            break;
        }
        ends[usize::from(copy.exists())] += 1;
    }
    ends
}

fn killed_at_each_step(role: &str) {
    let [before, after] = CALLS
        .map(|call| killed_at_each(call, role))
        .into_iter()
        .fold([0, 0], |[before, after], [none, some]| [before + none, after + some]);
    assert!(before > 10 && after >= 2, "crashes before and after the name: {before}, {after}");
}

#[test]
fn a_process_that_is_killed_at_any_step_of_a_snapshot_leaves_all_or_nothing() {
    if trace::available("the crash at each step of a snapshot") {
        killed_at_each_step("snapshot");
    }
}

#[test]
fn a_process_that_is_killed_at_any_step_of_a_restoration_leaves_all_or_nothing() {
    if trace::available("the crash at each step of a restoration") {
        killed_at_each_step("restore");
    }
}

#[test]
fn a_copy_that_cannot_be_synced_is_none() {
    if !trace::available("the failed sync of a copy") {
        return;
    }
    for role in ["snapshot", "restore"] {
        let failed: usize = ["fsync", "fdatasync"].map(|call| failed_syncs(role, call)).iter().sum();
        assert!(failed >= 2, "{role}: the file and its folder are synced");
    }
}

/// Lets each sync of a kind fail until one is not reached any more, and answers how many were noticed: SQLite does
/// without some of those that the copy is not for.
fn failed_syncs(role: &str, call: &str) -> usize {
    let mut noticed = 0;
    for step in 1.. {
        let (folder, path) = house(100);
        let (said, failed) = with_fault(role, folder.path(), call, &format!("error=EIO:when={step}"));
        let names = contents(folder.path()).into_keys().map(|name| name.into_string().unwrap());
        let copies: Vec<_> =
            names.filter(|name| name.starts_with(COPY) || name.starts_with(".strongroom-")).collect();
        is_complete(&path, 100);
        match said.as_deref() {
            Some("Ok(())") => assert_eq!(copies, [COPY]),
            _ => assert!(copies.is_empty(), "{role}, {call} {step}: {said:?}, {copies:?}"),
        }
        noticed += usize::from(copies.is_empty());
        if !failed {
            break;
        }
    }
    noticed
}

#[test]
fn a_copy_for_which_there_is_no_room_leaves_nothing_behind() {
    for (role, error) in [("snapshot", "Err(Copy("), ("restore", "Err(Full)")] {
        let (folder, path) = house(20_000);
        let names = || contents(folder.path()).into_keys().collect::<Vec<_>>();
        let before = names();
        // Beyond some hundred KiB a write fails with EFBIG, once the signal is ignored.
        let limit = ["sh", "-c", "trap '' XFSZ; ulimit -f 600; exec \"$0\" \"$@\""];
        let said = run(in_role(role, folder.path(), &limit)).pop().unwrap();
        assert!(said.starts_with(error), "{role}: {said}");
        assert_eq!(names(), before, "{role}");
        is_complete(&path, 20_000);
        assert_eq!(run(in_role(role, folder.path(), &[])), ["Ok(())"], "{role}, with room");
    }
}

#[test]
fn a_copy_is_synced_before_it_has_its_name_and_its_folder_afterwards() {
    if !trace::available("the sync of a copy") {
        return;
    }
    for role in ["snapshot", "restore"] {
        let (folder, _) = house(100);
        let output = folder.path().join("trace");
        let calls = "trace=write,pwrite64,copy_file_range,fsync,fdatasync,link,linkat";
        let wrapper = ["strace", "-f", "-qq", "-y", "-e", calls, "-o", output.to_str().unwrap()];
        run(in_role(role, folder.path(), &wrapper));
        let (calls, root) = (trace::calls(&output), folder.path().canonicalize().unwrap());
        let link = calls.iter().find(|call| call.name.starts_with("link")).unwrap();
        let written =
            calls.iter().filter(|call| call.writes(".partial")).map(|call| call.ended).max().unwrap();
        let answer = calls.iter().find(|call| call.arguments.contains("said: Ok")).unwrap();
        let synced = |file: &str, from: usize, to: usize| {
            calls.iter().any(|call| call.syncs(file) && call.began > from && call.ended < to)
        };
        assert!(synced(".partial", written, link.began), "{role}: the content before the name");
        assert!(
            synced(root.to_str().unwrap(), link.ended, answer.began),
            "{role}: the name before the answer"
        );
    }
}
