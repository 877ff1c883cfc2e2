use std::{
    fs,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::Path,
    thread,
    time::Duration,
};

use strongroom_store_sqlite::{OpenError, SqliteStore};

use crate::{
    child::{in_role, run, said, say},
    support::{all, beside, contents, key, place, put, read, write},
    trace,
};

/// In a child.
pub(crate) fn say_what_creating_answers(path: &Path) {
    say(format!("{:?}", SqliteStore::create(path).map(drop)));
}

#[test]
fn a_file_that_appears_while_a_store_is_created_is_not_replaced() {
    if !trace::available("the file that appears") {
        return;
    }
    let (folder, path) = place();
    let delay = "inject=link,linkat:delay_enter=2000000";
    let wrapper = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=link,linkat", "-e", delay];
    let mut child = in_role("creates", folder.path(), &wrapper).spawn().unwrap();
    while !beside(&path, ".creating").exists() {
        assert!(child.try_wait().unwrap().is_none(), "the child builds a draft");
        thread::sleep(Duration::from_millis(2));
    }
    fs::write(&path, "somebody was here").unwrap();
    assert_eq!(said(&mut child).collect::<Vec<_>>(), ["Err(Exists)"]);
    assert!(child.wait().unwrap().success());
    assert_eq!(fs::read(&path).unwrap(), b"somebody was here");
}

/// What a store consists of while it is open.
const FILES: [&str; 4] = ["", "-wal", "-shm", ".owner"];

/// In a child.
pub(crate) fn make_one(path: &Path) {
    let store = SqliteStore::create(path).unwrap();
    write(&store, vec![(key(1), put("one"))]);
    assert_eq!(read(&store, &key(1)).unwrap().0, b"one");
    for ending in FILES {
        let mode = fs::metadata(beside(path, ending)).unwrap().permissions().mode();
        say(format!("{ending} {:o}", mode & 0o7777));
    }
}

#[test]
fn all_files_are_their_owners_whatever_the_umask() {
    for umask in ["000", "022", "077"] {
        let (folder, _) = place();
        let wrapper = ["sh", "-c", &format!("umask {umask}; exec \"$0\" \"$@\"")];
        let modes = run(in_role("create", folder.path(), &wrapper));
        assert_eq!(modes, FILES.map(|ending| format!("{ending} 600")), "umask {umask}");
    }
}

#[test]
fn a_closed_store_is_one_file_and_its_lock() {
    let (folder, path) = place();
    drop(SqliteStore::create(&path).unwrap());
    assert_eq!(contents(folder.path()).into_keys().collect::<Vec<_>>(), ["keys.db", "keys.db.owner"]);
}

#[test]
fn a_path_is_a_path_and_never_a_uri() {
    let (folder, _) = place();
    for name in [&b"file:keys?mode=memory"[..], b"a%20b#c.db", b":memory:", b"not \xff UTF-8"] {
        let path = folder.path().join(std::ffi::OsStr::from_bytes(name));
        write(&SqliteStore::create(&path).unwrap(), vec![(key(1), put("one"))]);
        assert_eq!(read(&SqliteStore::open(&path).unwrap(), &key(1)).unwrap().0, b"one");
        assert!(fs::metadata(&path).unwrap().len() > 0);
    }
}

#[test]
fn what_a_crash_within_create_left_is_no_obstacle() {
    let (folder, path) = place();
    for ending in [".creating", ".creating-journal", ".creating-wal", ".creating-shm"] {
        fs::write(beside(&path, ending), "half of something".repeat(1_000)).unwrap();
    }
    let store = SqliteStore::create(&path).unwrap();
    assert!(all(&store).is_empty());
    drop(store);
    assert_eq!(contents(folder.path()).into_keys().collect::<Vec<_>>(), ["keys.db", "keys.db.owner"]);
}

#[test]
fn a_process_that_is_killed_at_any_step_of_create_leaves_all_or_nothing() {
    if !trace::available("the crash at each step of create") {
        return;
    }
    let calls = "pwrite64,fsync,fdatasync,ftruncate,unlink,link,linkat";
    let mut ends = [0, 0];
    for step in 1.. {
        assert!(step < 200, "create ends");
        let (folder, path) = place();
        let fault = format!("inject={calls}:signal=SIGKILL:when={step}");
        let traced = format!("trace={calls}");
        let wrapper = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &traced, "-e", &fault];
        let mut child = in_role("create", folder.path(), &wrapper).spawn().unwrap();
        let lived = child.wait().unwrap().success();
        let there = path.exists();
        ends[usize::from(there)] += 1;
        let store = match SqliteStore::open(&path) {
            Err(OpenError::NotFound) if !there => SqliteStore::create(&path).unwrap(),
            answer => answer.unwrap(),
        };
        let rows = all(&store);
        assert!(rows.is_empty() || there, "step {step}");
        write(&store, vec![(key(2), put("two"))]);
        drop(store);
        let names: Vec<_> = contents(folder.path()).into_keys().collect();
        assert_eq!(names, ["keys.db", "keys.db.owner"], "step {step}");
        if lived {
            break;
        }
    }
    assert!(ends.iter().all(|count| *count > 3), "crashes before and after the name: {ends:?}");
}
