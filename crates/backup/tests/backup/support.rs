//! Keys, signers and the shortest ways to write and to read.

use std::{env, io, path::Path, process::Command, sync::Arc};

use strongroom_backup::{
    BackupError, Manifest, Part, Recipient, RecoveryKey, SignerKey, Verified, read, verify, write,
};
use strongroom_core::{Algorithm, Key, Name, Provider, PublicKey, Signer, Time, UseError};
use strongroom_keys::RustCrypto;

/// The length of a full chunk.
pub(crate) const CHUNK: usize = 1 << 20;

/// Names a folder to a test that runs once more, in a process of its own.
const FOLDER: &str = "STRONGROOM_BACKUP_CHILD";

/// This test in a process of its own.
pub(crate) fn again(test: &str, folder: &Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", test]).env(FOLDER, folder);
    command
}

/// The folder, in such a process.
pub(crate) fn folder_of_child() -> Option<std::path::PathBuf> {
    env::var_os(FOLDER).map(Into::into)
}

/// A signer with the key of a seed.
pub(crate) struct Ring(Arc<dyn Key>);

impl Ring {
    pub(crate) fn new(seed: u8) -> Self {
        let backend = RustCrypto::new();
        let stored = backend.software().import(Algorithm::Ed25519, &[seed; 32]).unwrap();
        Self(backend.software().load(&stored).unwrap())
    }

    pub(crate) fn key(&self) -> SignerKey {
        SignerKey::of(self).unwrap()
    }
}

impl Signer for Ring {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, UseError> {
        Ok(self.0.sign(message, &strongroom_core::SignOptions::default())?)
    }

    fn public(&self) -> Result<PublicKey, UseError> {
        self.0.public().cloned().ok_or(UseError::Unavailable)
    }
}

/// One signer and two recovery keys, of which one is asked to open.
pub(crate) struct House {
    pub(crate) provider: RustCrypto,
    pub(crate) ring: Ring,
    pub(crate) recovery: RecoveryKey,
    pub(crate) other: RecoveryKey,
}

impl House {
    pub(crate) fn new() -> Self {
        let provider = RustCrypto::new();
        let [recovery, other] = [(), ()].map(|()| RecoveryKey::generate(&provider).unwrap());
        Self { ring: Ring::new(7), recovery, other, provider }
    }

    pub(crate) fn recipients(&self) -> [Recipient; 2] {
        [self.other.recipient(), self.recovery.recipient()]
    }

    pub(crate) fn trusted(&self) -> [SignerKey; 1] {
        [self.ring.key()]
    }

    pub(crate) fn backup(&self, stream: &[u8]) -> Vec<u8> {
        let mut backup = Vec::new();
        self.write(stream, &mut backup).unwrap();
        backup
    }

    pub(crate) fn write(
        &self,
        mut from: impl io::Read,
        mut to: impl io::Write,
    ) -> Result<strongroom_backup::Written, BackupError> {
        let recipients = self.recipients();
        write(&self.provider, &self.ring, &manifest(None), &recipients, &mut from, &mut to, &mut |_| ())
    }

    pub(crate) fn read(&self, backup: &[u8]) -> Result<(Vec<u8>, Verified), BackupError> {
        self.read_with(&self.recovery, backup)
    }

    pub(crate) fn read_with(
        &self,
        key: &RecoveryKey,
        mut backup: &[u8],
    ) -> Result<(Vec<u8>, Verified), BackupError> {
        let mut stream = Vec::new();
        let verified = read(&self.provider, key, &self.trusted(), &mut backup, &mut stream, &mut |_| ())?;
        Ok((stream, verified))
    }

    pub(crate) fn verify(&self, mut backup: &[u8]) -> Result<Verified, BackupError> {
        verify(&self.provider, &self.trusted(), &mut backup, &mut |_| ())
    }

    /// Asserts that this is refused, by reading and by verifying, as damaged here.
    pub(crate) fn assert_damaged(&self, backup: &[u8], part: Part, offset: usize) {
        assert_eq!(damage(self.read(backup)), (part, offset), "read");
        assert_eq!(damage(self.verify(backup)), (part, offset), "verify");
    }
}

pub(crate) fn manifest(length: Option<u64>) -> Manifest {
    Manifest {
        database: [1; 16],
        history: [2; 16],
        commit: 3,
        taken_at: Time::from_millis(1_800_000_000_000),
        engine: Name::parse("sqlite").unwrap(),
        layout: 4,
        length,
    }
}

/// Bytes that look like no others.
pub(crate) fn stream(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

/// Where something was found damaged.
pub(crate) fn damage<T>(result: Result<T, BackupError>) -> (Part, usize) {
    let error = result.err();
    assert!(matches!(error, Some(BackupError::Damaged { .. })), "not damaged: {error:?}");
    place(error)
}

/// Where something was found to end too early.
pub(crate) fn truncation<T>(result: Result<T, BackupError>) -> (Part, usize) {
    let error = result.err();
    assert!(matches!(error, Some(BackupError::Truncated { .. })), "not truncated: {error:?}");
    place(error)
}

fn place(error: Option<BackupError>) -> (Part, usize) {
    match error {
        Some(BackupError::Damaged { part, offset } | BackupError::Truncated { part, offset }) => {
            (part, offset as usize)
        }
        _ => (Part::End, usize::MAX),
    }
}
