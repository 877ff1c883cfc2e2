use std::{collections::BTreeMap, fs, sync::Arc};

use strongroom::{
    Algorithm, RustCrypto,
    backup::{BackupError, Manifest, RestoreError, SignerKey, restore},
    core::{Key, Provider, PublicKey, Signer, Time, UseError},
    sqlite::OpenError,
};

use crate::support::{House, name, names};

/// What a damaged backup answers. Nothing new is in the folder.
fn refusal(house: &House, backup: &[u8]) -> RestoreError {
    let before = names(house.folder.path());
    let error = house.restore_bytes(backup, "restored.db").unwrap_err();
    assert_eq!(names(house.folder.path()), before, "{error:?}");
    error
}

#[test]
fn a_flipped_bit_anywhere_is_named_and_restores_nothing() {
    let house = House::new();
    house.take("a.backup");
    let good = fs::read(house.path("a.backup")).unwrap();
    let mut named = BTreeMap::new();
    // All of what is small, and steps through the stream.
    let last = good.len() - 200;
    for byte in
        (0..good.len()).filter(|byte| byte % 7 == 0 && (*byte < 700 || *byte > last) || byte % 997 == 0)
    {
        let mut damaged = good.clone();
        damaged[byte] ^= 1 << (byte % 8);
        let part = match refusal(&house, &damaged) {
            RestoreError::Backup(BackupError::Damaged { part, offset }) => {
                assert!(offset <= byte as u64, "byte {byte} is in what begins at {offset}");
                part.to_string()
            }
            RestoreError::Backup(BackupError::NotABackup) if byte < 8 => "not a backup".to_owned(),
            other => panic!("byte {byte}: {other:?}"),
        };
        *named.entry(part).or_insert(0) += 1;
    }
    assert!(named.len() >= 6, "each part had its turn: {named:?}");
}

#[test]
fn a_truncated_backup_is_named_and_restores_nothing() {
    let house = House::new();
    house.take("a.backup");
    let good = fs::read(house.path("a.backup")).unwrap();
    let cuts = (0..40).map(|cut| cut * good.len() / 40).chain([1, 7, 15, 16, 17, good.len() - 1]);
    for cut in cuts {
        match refusal(&house, &good[..cut]) {
            RestoreError::Backup(BackupError::Truncated { offset, .. }) => assert_eq!(offset, cut as u64),
            other => panic!("cut to {cut}: {other:?}"),
        }
    }
    let longer = [good.as_slice(), &[0]].concat();
    assert!(matches!(refusal(&house, &longer), RestoreError::Backup(BackupError::Damaged { .. })));
    house.restore_bytes(&good, "restored.db").unwrap();
}

#[test]
fn a_backup_that_another_database_signed_restores_nothing() {
    let (house, other) = (House::new(), House::new());
    let to = other.path("theirs.backup");
    let recipients = [house.recovery.recipient()];
    let taken = strongroom::backup::take(&other.room, &other.store, &recipients, &to, &mut |_| ()).unwrap();
    match refusal(&house, &fs::read(&to).unwrap()) {
        RestoreError::Backup(BackupError::AnotherSigner(signer)) => assert_eq!(signer, taken.signer),
        error => panic!("{error:?}"),
    }
}

/// A signer that is trusted and lies.
struct Liar(Arc<dyn Key>);

impl Liar {
    fn new() -> Self {
        let provider = RustCrypto::new();
        let stored = provider.software().generate(Algorithm::Ed25519).unwrap();
        Self(provider.software().load(&stored).unwrap())
    }

    /// A backup of this, with this said of it.
    fn backup(&self, house: &House, manifest: &Manifest, mut stream: &[u8]) -> Vec<u8> {
        let (mut backup, recipients) = (Vec::new(), [house.recovery.recipient()]);
        let provider = RustCrypto::new();
        strongroom_backup::write(
            &provider,
            self,
            manifest,
            &recipients,
            &mut stream,
            &mut backup,
            &mut |_| (),
        )
        .unwrap();
        backup
    }
}

impl Signer for Liar {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, UseError> {
        Ok(self.0.sign(message, &strongroom_core::SignOptions::default())?)
    }

    fn public(&self) -> Result<PublicKey, UseError> {
        self.0.public().cloned().ok_or(UseError::Unavailable)
    }
}

#[test]
fn a_manifest_that_does_not_fit_what_is_inside_restores_nothing() {
    let (house, liar) = (House::new(), Liar::new());
    let snapshot = house.path("snapshot");
    let taken_at = Time::from_millis(1_800_000_000_000);
    let snapshot = {
        let taken = house.store.snapshot(&snapshot, taken_at, &mut |_| ()).unwrap();
        (fs::read(&snapshot).unwrap(), taken)
    };
    let truth = Manifest {
        database: [1; 16],
        history: snapshot.1.history,
        commit: snapshot.1.revision.0,
        taken_at,
        engine: name("sqlite"),
        layout: snapshot.1.layout,
        length: None,
    };
    let answer = |manifest: &Manifest, stream: &[u8]| {
        let backup = liar.backup(&house, manifest, stream);
        let trusted = [SignerKey::of(&liar).unwrap()];
        let before = names(house.folder.path());
        let to = house.path("restored.db");
        let answer = restore(&mut backup.as_slice(), &house.recovery, &trusted, &to, &mut |_| ());
        assert!(answer.is_ok() || names(house.folder.path()) == before);
        answer
    };
    let lies = [
        Manifest { history: [9; 16], ..truth.clone() },
        Manifest { commit: truth.commit + 1, ..truth.clone() },
        Manifest { taken_at: Time::from_millis(1), ..truth.clone() },
        Manifest { layout: 7, ..truth.clone() },
    ];
    for lie in lies {
        assert!(matches!(answer(&lie, &snapshot.0), Err(RestoreError::Mismatch)), "{lie:?}");
    }
    let other = Manifest { engine: name("postgres"), ..truth.clone() };
    assert!(matches!(answer(&other, &snapshot.0), Err(RestoreError::Engine)));
    let text = answer(&truth, b"no database");
    assert!(matches!(text, Err(RestoreError::Store(OpenError::Foreign))), "{text:?}");
    let cut = answer(&truth, &snapshot.0[..snapshot.0.len() - 4_096]);
    assert!(matches!(cut, Err(RestoreError::Store(OpenError::Damaged))), "{cut:?}");
    answer(&truth, &snapshot.0).unwrap();
}
