//! Turns a stream into a backup that is encrypted to recovery keys and signed, and back into a new file; it knows no
//! database, keeps no key, and gives out nothing as whole that was not verified to its end.
//!
//! ```
//! # use std::sync::Arc;
//! # use strongroom_core::{Algorithm, Key, Name, Provider, PublicKey, SignOptions, Signer, Time, UseError};
//! # use strongroom_backup::Manifest;
//! use strongroom_backup::{RecoveryKey, SignerKey, restore, write};
//! # struct Ring(Arc<dyn Key>);
//! # impl Signer for Ring {
//! #     fn sign(&self, message: &[u8]) -> Result<Vec<u8>, UseError> { Ok(self.0.sign(message, &SignOptions::default())?) }
//! #     fn public(&self) -> Result<PublicKey, UseError> { Ok(self.0.public().cloned().ok_or(UseError::Unavailable)?) }
//! # }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let provider = strongroom_keys::RustCrypto::new();
//! # let ring = Ring(provider.software().load(&provider.software().generate(Algorithm::Ed25519)?)?);
//! # let (taken_at, engine) = (Time::from_millis(0), Name::parse("sqlite")?);
//! # let manifest = Manifest { database: [1; 16], history: [2; 16], commit: 7, taken_at, engine, layout: 1, length: None };
//! # let (mut snapshot, mut backup, folder) = (b"all records".as_slice(), Vec::new(), tempfile::tempdir()?);
//! # let path = folder.path().join("restored");
//!
//! let recovery = RecoveryKey::generate(&provider)?; // its text goes into a safe
//! let recipients = [recovery.recipient()];
//! write(&provider, &ring, &manifest, &recipients, &mut snapshot, &mut backup, &mut |_| ())?;
//!
//! let trusted = [SignerKey::of(&ring)?]; // its text, too
//! restore(&provider, &recovery, &trusted, &mut backup.as_slice(), &path, &mut |_| ())?;
//! assert_eq!(std::fs::read(&path)?, b"all records");
//! # Ok(()) }
//! ```
//!
//! [`verify`] checks a backup without a recovery key, [`inspect`] reads only what it is of, and [`read`] gives the
//! stream to any writer. A [`NewFile`] is a file that appears as a whole or not at all, for backups too.
//!
//! # What a backup promises
//!
//! - It opens with the recovery key of each recipient, and with nothing else. Readable without a key: the
//!   [`Manifest`], the signer, fingerprints of the recipients, and how long the stream is.
//! - Nobody but the signer makes or changes one that verifies, not even a holder of a recovery key. Chunks that are
//!   changed, dropped, doubled, moved or taken from another backup, an end that is missing or longer, recipients
//!   added, removed or exchanged: each is refused, with the first place where it shows.
//! - An older backup of the same database is just as good as a new one: compare [`Manifest::commit`] and
//!   [`Manifest::taken_at`] with what you expect.
//!
//! # Format 1
//!
//! Integers are big-endian.
//!
//! ```text
//! backup    = preamble ‖ manifest ‖ 1 to 20 recipients ‖ signature 1 ‖ 1 or more chunks ‖ signature 2
//! preamble  = "SRBACKUP" ‖ format u32 ‖ the first 4 bytes of link 0
//! link 0    = SHA-256("strongroom/v1/backup/preamble" ‖ 0x00 ‖ "SRBACKUP" ‖ format u32)
//! frame n   = length u32 ‖ check (4) ‖ body ‖ link n                  each part after the preamble, n from 1
//! check     = the first 4 bytes of SHA-256("strongroom/v1/backup/frame" ‖ 0x00 ‖ link n-1 ‖ kind ‖ length u32)
//! link n    = SHA-256("strongroom/v1/backup/link" ‖ 0x00 ‖ link n-1 ‖ kind ‖ length u32 ‖ body)
//!
//! kind      body
//! 0x01      manifest: CBOR array of id (16), signer (32), number of recipients, database (16), history (16), commit,
//!           time in ms, engine, layout, length or null; at most 1,024 bytes
//! 0x02      recipient: the first 16 bytes of SHA-256("strongroom/v1/backup/recipient" ‖ 0x00 ‖ public key) ‖ enc (32)
//!           ‖ the file key (32) by HPKE with info "strongroom/v1/backup/key" and link n-1 as aad (48)
//! 0x03      signature 1: Ed25519 over "strongroom/v1/backup/header" ‖ 0x00 ‖ link n-1
//! 0x04      chunk: an envelope of 1 MiB, the last one of less, maybe nothing; under the file key, key id = id,
//!           version 1; context "backup", id, index u64 from 0, 0x01 if it is the last one, else 0x00
//! 0x05      signature 2: Ed25519 over "strongroom/v1/backup/whole" ‖ 0x00 ‖ link n-1
//!
//! HPKE      = RFC 9180 in base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM
//! key text  = prefix ‖ base32 in lower case of (key (32) ‖ the first 8 bytes of SHA-256(prefix ‖ key))
//! ```

mod chain;
mod chunk;
mod error;
mod fill;
mod frames;
mod inspect;
mod manifest;
mod new_file;
mod progress;
mod read;
mod recipient;
mod recovery_key;
mod restore;
mod signer_key;
mod text;
mod wrap;
mod write;

pub use error::{BackupError, Part};
pub use inspect::{Unproven, inspect};
pub use manifest::{Header, Manifest};
pub use new_file::NewFile;
pub use progress::Progress;
pub use read::{Verified, read, verify};
pub use recipient::{Fingerprint, Recipient};
pub use recovery_key::RecoveryKey;
pub use restore::restore;
pub use signer_key::SignerKey;
pub use text::KeyTextError;
pub use write::{Written, write};
