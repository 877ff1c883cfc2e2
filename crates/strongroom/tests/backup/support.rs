//! A database with ways in, some rings, and a recovery key.

use std::{collections::BTreeMap, ffi::OsString, fs, path::Path, sync::Arc};

use strongroom::{
    Algorithm, Name, NewSlot, RustCrypto, Sealed, Share, Split, SqliteStore, Strongroom, Unlock,
    UnsealSecret,
    backup::{self, RecoveryKey, RestoreError, Restored, SignerKey, Taken},
    core::SystemClock,
};
use tempfile::TempDir;

pub(crate) struct House {
    pub(crate) folder: TempDir,
    pub(crate) store: SqliteStore,
    pub(crate) room: Strongroom,
    pub(crate) secret: UnsealSecret,
    /// Two of three open it.
    pub(crate) shares: Vec<Share>,
    pub(crate) recovery: RecoveryKey,
}

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

pub(crate) fn secret() -> UnsealSecret {
    UnsealSecret::new(vec![7; 32]).unwrap()
}

/// A database in a store, which opens by a secret and by shares.
pub(crate) fn database(store: &SqliteStore) -> (Strongroom, Vec<Share>) {
    let (provider, clock) = (Arc::new(RustCrypto::new()), Arc::new(SystemClock));
    let secret = secret();
    let slots = [NewSlot::Secret(&secret), NewSlot::Shamir(Split { shares: 3, threshold: 2 })];
    let created = Sealed::create(Arc::new(store.clone()), provider, clock, &slots, Vec::new()).unwrap();
    let room = Strongroom::of(created.sealed.unseal(&Unlock::Secret(&secret)).unwrap());
    (room, created.shares.into_iter().next().unwrap())
}

impl House {
    /// A database with the rings `orders` and `signing`, in memory where the system has such a folder.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let store = SqliteStore::create(folder.path().join("keys.db")).unwrap();
        let (room, shares) = database(&store);
        room.keys().create(&name("orders"), Algorithm::Aes256Gcm).unwrap();
        room.keys().create(&name("signing"), Algorithm::Ed25519).unwrap();
        let recovery = RecoveryKey::generate(&RustCrypto::new()).unwrap();
        Self { folder, store, room, secret: secret(), shares, recovery }
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn trusted(&self) -> [SignerKey; 1] {
        [backup::signer(&self.room).unwrap()]
    }

    pub(crate) fn take(&self, to: &str) -> Taken {
        let recipients = [self.recovery.recipient()];
        backup::take(&self.room, &self.store, &recipients, &self.path(to), &mut |_| ()).unwrap()
    }

    pub(crate) fn restore(&self, from: &str, to: &str) -> Result<Restored, RestoreError> {
        self.restore_bytes(&fs::read(self.path(from)).unwrap(), to)
    }

    pub(crate) fn restore_bytes(&self, mut backup: &[u8], to: &str) -> Result<Restored, RestoreError> {
        let to = self.path(to);
        backup::restore(&mut backup, &self.recovery, &self.trusted(), &to, &mut |_| ())
    }

    /// Opens what was restored.
    pub(crate) fn open(&self, restored: &str) -> Strongroom {
        Strongroom::open(SqliteStore::open(self.path(restored)).unwrap(), &self.secret).unwrap()
    }
}

/// The names in a folder.
pub(crate) fn names(folder: &Path) -> Vec<OsString> {
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

/// What the files of a folder hold, but those of a store that is open.
pub(crate) fn closed_files(folder: &Path) -> BTreeMap<OsString, Vec<u8>> {
    let closed = names(folder).into_iter().filter(|name| !name.to_str().unwrap().starts_with("keys.db"));
    closed.map(|name| (name.clone(), fs::read(folder.join(name)).unwrap())).collect()
}
