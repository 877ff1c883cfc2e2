//! What the tests share: keys, commits and looks into a folder.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use strongroom_core::{
    Batch, Direction, Expect, Outcome, Range, RecordKey, Revision, Segment, Store, StoreError, Table, Tenant,
    Write, tap::Tapped,
};
use strongroom_store_sqlite::SqliteStore;
use tempfile::TempDir;

pub(crate) const TABLE: Table = Table::new(0x7f00);

/// A folder that goes away, and a path in it for a store.
pub(crate) fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.db");
    (folder, path)
}

/// The same in memory, where the system has such a folder: for tests that ask for much and not for durability.
pub(crate) fn quick_place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let path = folder.path().join("keys.db");
    (folder, path)
}

pub(crate) fn new_store() -> (TempDir, SqliteStore) {
    let (folder, path) = place();
    (folder, SqliteStore::create(path).unwrap())
}

pub(crate) fn tenant(number: u8) -> Tenant {
    Tenant::from_bytes([number; 16])
}

pub(crate) fn key(number: u64) -> RecordKey {
    RecordKey::new(tenant(1), TABLE, &[Segment::Number(number)]).unwrap()
}

pub(crate) fn named(name: &str) -> RecordKey {
    RecordKey::new(tenant(1), TABLE, &[Segment::Name(name)]).unwrap()
}

pub(crate) fn put(value: impl AsRef<[u8]>) -> Write {
    Write::Put(value.as_ref().to_vec().into())
}

pub(crate) fn try_commit(
    store: &dyn Store,
    expectations: Vec<(RecordKey, Expect)>,
    writes: Vec<(RecordKey, Write)>,
) -> Result<Outcome, StoreError> {
    store.commit(&store.lower(Batch { expectations, writes })?)
}

/// Commits what cannot conflict.
pub(crate) fn write(store: &dyn Store, writes: Vec<(RecordKey, Write)>) -> Revision {
    match try_commit(store, Vec::new(), writes).unwrap() {
        Outcome::Done(revision) => revision,
        other => panic!("not committed: {other:?}"),
    }
}

pub(crate) fn read(store: &dyn Store, key: &RecordKey) -> Option<(Vec<u8>, Revision)> {
    let found = store.get_many(std::slice::from_ref(key)).unwrap().pop().flatten();
    found.map(|record| (record.value.to_vec(), record.revision))
}

/// All records of the first tenant.
pub(crate) fn all(store: &dyn Store) -> BTreeMap<RecordKey, (Vec<u8>, Revision)> {
    let range = Range::under(tenant(1), TABLE, &[]).unwrap();
    let rows = store.scan(&range, Direction::Forward, usize::MAX).unwrap();
    rows.into_iter().map(|(key, record)| (key, (record.value.to_vec(), record.revision))).collect()
}

/// The name of a file that belongs to this one.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

/// All files of a folder with what is in them; nothing for a folder within.
pub(crate) fn contents(folder: &Path) -> BTreeMap<OsString, Option<Vec<u8>>> {
    let entry = |entry: fs::DirEntry| (entry.file_name(), fs::read(entry.path()).ok());
    fs::read_dir(folder).unwrap().map(|found| entry(found.unwrap())).collect()
}

/// A file that SQLite has open: read by another process, as closing it in this one would drop SQLite's locks.
pub(crate) fn bytes(path: &Path) -> Vec<u8> {
    let output = Command::new("cat").arg(path).output().unwrap();
    assert!(output.status.success(), "{}", path.display());
    output.stdout
}

/// How many transactions are in a write-ahead log, and so how many syncs they had.
pub(crate) fn transactions(log: &Path) -> usize {
    const PAGE: usize = 4096;
    let log = bytes(log);
    let salt = &log[16..24];
    // A frame header has the size of the database in its second number, if the frame ends a transaction.
    let ends = |frame: &&[u8]| frame[8..16] == *salt && frame[4..8] != [0; 4];
    log[32..].chunks_exact(24 + PAGE).filter(ends).count()
}

/// Passes an engine off as one that seals, so that changes can be lowered for it.
pub(crate) fn sealed(store: &SqliteStore) -> Arc<Tapped<()>> {
    Tapped::over(Arc::new(store.clone()), ())
}
