//! A server's folder with a database in it, a backup of that, and what it takes to come back.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Arc,
};

use serde_json::Value;
use strongroom::{
    Algorithm, Caller, Name, NewSlot, RustCrypto, Sealed, Share, Split, SqliteStore, Strongroom, Unlock,
    UnsealSecret,
    backup::{self, RecoveryKey},
    barrier::Passphrase,
    core::{Argon2Cost, SystemClock},
};
use tempfile::TempDir;

use crate::support::{argument, private_file, run_with, strongroom, text};

pub(crate) const SECRET: &[u8] = b"canary-of-a-secret-file-for-unsealing";
pub(crate) const WORDS: &str = "canary words that nobody guesses";

/// What was left behind by a database whose server is gone: two of three shares open it, and so do a secret file and
/// a passphrase.
pub(crate) struct House {
    pub(crate) folder: TempDir,
    pub(crate) shares: Vec<Share>,
    pub(crate) signer: String,
    pub(crate) ciphertext: Vec<u8>,
    recovery: String,
}

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

impl House {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        let store = SqliteStore::create(data.join("strongroom.db")).unwrap();
        let (room, shares) = database(&store);
        let keys = room.keys();
        for (ring, algorithm) in [
            ("orders", Algorithm::Aes256Gcm),
            ("idle", Algorithm::Aes256Gcm),
            ("letters", Algorithm::Ed25519),
            ("contracts", Algorithm::EcdsaP256),
        ] {
            keys.create(&name(ring), algorithm).unwrap();
        }
        let ciphertext = keys.encrypt(&name("orders"), b"from before", &[]).unwrap();
        let recovery = RecoveryKey::generate(&RustCrypto::new()).unwrap();
        let signer = backup::signer(&room).unwrap().to_string();
        let to = folder.path().join("monday.backup");
        backup::take(&room, &store, &[recovery.recipient()], &to, &mut |_| ()).unwrap();
        let recovery = recovery.expose().to_string();
        private_file(folder.path(), "recovery.key", format!("{recovery}\n").as_bytes());
        private_file(folder.path(), "secret", SECRET);
        for (share, number) in shares.iter().zip(1..) {
            private_file(folder.path(), &format!("share-{number}"), share.expose_text().as_bytes());
        }
        Self { folder, shares, signer, ciphertext, recovery }
    }

    /// The database itself, as nobody has it open.
    pub(crate) fn open(&self) -> (SqliteStore, Strongroom) {
        let store = SqliteStore::open(self.database()).unwrap();
        let secret = UnsealSecret::new(SECRET.to_vec()).unwrap();
        (store.clone(), Strongroom::open(store, &secret).unwrap())
    }

    /// Takes another backup in place of the first.
    pub(crate) fn take_again(&self) {
        let ((store, room), to) = (self.open(), self.path("monday.backup"));
        fs::remove_file(&to).unwrap();
        let recipient = RecoveryKey::parse(&self.recovery).unwrap().recipient();
        backup::take(&room, &store, &[recipient], &to, &mut |_| ()).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path("data/strongroom.db")
    }

    /// `strongroom operator …` in the folder.
    pub(crate) fn operator(&self, arguments: &[&str]) -> Command {
        let mut command = strongroom();
        command.current_dir(self.folder.path()).arg("operator").args(arguments);
        command
    }

    /// The same, run to its end. Whatever it is, it prints no secret.
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, "")
    }

    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> Output {
        let output = run_with(self.operator(arguments), input);
        self.tells_no_secret(&output);
        output
    }

    /// What a command that must succeed prints as JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// What a command that must fail says; it prints nothing else.
    pub(crate) fn refused(&self, arguments: &[&str]) -> String {
        let (code, said) = crate::support::refused(&self.run(arguments));
        assert_eq!(code, 1, "{said}");
        said
    }

    /// The arguments of a restoration or of a drill, but for what comes after.
    pub(crate) fn back<'a>(&'a self, task: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let begin =
            [task, "--from", "monday.backup", "--recovery-key", "recovery.key", "--signer", &self.signer];
        [&begin, more].concat()
    }

    pub(crate) fn tells_no_secret(&self, output: &Output) {
        let said = text(&output.stdout) + &text(&output.stderr);
        let digits = self.recovery.rsplit_once('-').unwrap().1;
        for secret in [digits, str::from_utf8(SECRET).unwrap(), WORDS, "from before"] {
            assert!(!said.contains(secret), "{said}");
        }
        for share in &self.shares {
            let shown = share.expose_text();
            assert!(!said.contains(shown.rsplit_once('-').unwrap().1), "{said}");
        }
    }
}

/// A database in a store, which opens in three ways.
fn database(store: &SqliteStore) -> (Strongroom, Vec<Share>) {
    let (provider, clock) = (Arc::new(RustCrypto::new()), Arc::new(SystemClock));
    let secret = UnsealSecret::new(SECRET.to_vec()).unwrap();
    let words = Passphrase::new(WORDS.into()).unwrap();
    let cheap = Argon2Cost::new(8 << 10, 1, 1).unwrap();
    let slots = [
        NewSlot::Secret(&secret),
        NewSlot::Shamir(Split { shares: 3, threshold: 2 }),
        NewSlot::Passphrase(&words, cheap),
    ];
    let created = Sealed::create(Arc::new(store.clone()), provider, clock, &slots, Vec::new()).unwrap();
    let room = Strongroom::of(created.sealed.unseal(&Unlock::Secret(&secret)).unwrap());
    room.barrier().create_tenant(&Caller::system()).unwrap();
    (room, created.shares.into_iter().next().unwrap())
}

pub(crate) const TWO_SHARES: [&str; 4] = ["--share-file", "share-1", "--share-file", "share-3"];

/// The names in a folder, those that begin with a dot among them.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| argument(&entry.unwrap().path()).to_owned()).collect();
    names.sort();
    names
}

/// Changes one bit of a file.
pub(crate) fn flip(path: &Path, byte: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[byte] ^= 1;
    fs::write(path, bytes).unwrap();
}
