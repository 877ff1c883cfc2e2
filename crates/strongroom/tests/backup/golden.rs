//! A database and a backup of it that were made once and open with every later version.
//!
//! Where a format changes before the first release, this makes both anew:
//! `STRONGROOM_MAKE_GOLDEN=tests/golden cargo test --features backup golden` in the folder of the crate.

use std::{env, fs, path::Path};

use strongroom::{
    RustCrypto, Share, SqliteStore, Strongroom, Unlock,
    backup::{self, RecoveryKey, SignerKey},
};

use crate::support::{House, name, secret};

const DATABASE: &[u8] = include_bytes!("../golden/database.db");
const BACKUP: &[u8] = include_bytes!("../golden/database.backup");
/// What belongs to them, one to a line after its name.
const KEYS: &str = include_str!("../golden/keys.txt");

const FILES: [&str; 3] = ["database.db", "database.backup", "keys.txt"];

/// A database and a backup of it, with all that it takes to use them.
struct Golden {
    database: Vec<u8>,
    backup: Vec<u8>,
    keys: String,
}

impl Golden {
    fn checked_in() -> Self {
        Self { database: DATABASE.into(), backup: BACKUP.into(), keys: KEYS.into() }
    }

    /// The same, by this version.
    fn new() -> Self {
        let house = House::new();
        let (keys, orders, signing) = (house.room.keys(), name("orders"), name("signing"));
        let first = keys.encrypt(&orders, b"under the first version", b"context").unwrap();
        keys.rotate(&orders).unwrap();
        let second = keys.encrypt(&orders, b"under the second version", b"context").unwrap();
        let signature = keys.sign(&signing, None, b"signed once").unwrap();
        house.take("database.backup");
        let line = |kind: &str, value: &str| format!("{kind} {value}\n");
        let mut text = line("recovery", &house.recovery.expose());
        text += &line("signer", &house.trusted()[0].to_string());
        for share in &house.shares {
            text += &line("share", &share.expose_hex());
        }
        text += &line("first", &hex(&first));
        text += &line("second", &hex(&second));
        text += &line("signature", &hex(&signature.bytes));
        let House { folder, store, room, .. } = house;
        drop((keys, store, room));
        let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
        Self { database: read("keys.db"), backup: read("database.backup"), keys: text }
    }

    fn lines<'g>(&'g self, kind: &str) -> impl Iterator<Item = &'g str> {
        let fields = self.keys.lines().map(|line| line.split_once(' ').unwrap());
        fields.filter(move |(found, _)| *found == kind).map(|(_, value)| value)
    }

    fn line<'g>(&'g self, kind: &str) -> &'g str {
        self.lines(kind).next().unwrap()
    }

    fn bytes(&self, kind: &str) -> Vec<u8> {
        unhex(self.line(kind))
    }

    fn shares(&self) -> Vec<Share> {
        let provider = RustCrypto::new();
        self.lines("share").map(|share| Share::parse(&provider, share).unwrap()).collect()
    }

    /// Everything works that worked when it was made.
    fn works(&self, room: &Strongroom) {
        let (keys, orders) = (room.keys(), name("orders"));
        let open = |kind: &str| keys.decrypt(&orders, &self.bytes(kind), b"context").unwrap().to_vec();
        assert_eq!(open("first"), b"under the first version");
        assert_eq!(open("second"), b"under the second version");
        let signature = strongroom::Signature { version: 1, bytes: self.bytes("signature") };
        assert!(keys.verify(&name("signing"), b"signed once", &signature).unwrap());
        assert_eq!(keys.rotate(&orders).unwrap(), 3);
        assert_eq!(backup::signer(room).unwrap().to_string(), self.line("signer"));
    }

    fn opens_in_every_way(&self) {
        let folder = tempfile::tempdir().unwrap();
        let (database, restored) = (folder.path().join("keys.db"), folder.path().join("restored.db"));
        fs::write(&database, &self.database).unwrap();
        self.works(&Strongroom::open(SqliteStore::open(&database).unwrap(), &secret()).unwrap());

        let recovery = RecoveryKey::parse(self.line("recovery")).unwrap();
        let trusted = [SignerKey::parse(self.line("signer")).unwrap()];
        let back = backup::restore(&mut &*self.backup, &recovery, &trusted, &restored, &mut |_| ()).unwrap();
        let store = SqliteStore::open(&restored).unwrap();
        assert_eq!(store.identity().unwrap().restored, Some(back.origin));
        self.works(&Strongroom::open(store, &secret()).unwrap());

        for shares in [&self.shares()[..2], &self.shares()[1..]] {
            let (unlock, mut from) = (Unlock::Shares(shares), &*self.backup);
            let drilled =
                backup::drill(&mut from, &recovery, &trusted, &unlock, folder.path(), &mut |_| ()).unwrap();
            assert!(drilled.is_sound());
            assert_eq!(drilled.trials.iter().map(|trial| trial.rings).sum::<u64>(), 2);
        }
    }
}

#[test]
fn a_database_and_a_backup_of_the_first_version_open_in_every_way() {
    Golden::checked_in().opens_in_every_way();
}

#[test]
fn a_database_and_a_backup_of_this_version_open_in_every_way() {
    let golden = Golden::new();
    golden.opens_in_every_way();
    if let Some(folder) = env::var_os("STRONGROOM_MAKE_GOLDEN") {
        let contents = [golden.database.as_slice(), &golden.backup, golden.keys.as_bytes()];
        for (name, content) in FILES.iter().zip(contents) {
            fs::write(Path::new(&folder).join(name), content).unwrap();
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}
