use minicbor::{Decode, Encode};
use strongroom_core::{Name, Time};

use crate::SignerKey;

/// What a backup is of. Readable without a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The database.
    pub database: [u8; 16],
    /// Which of the database's histories: a restored database begins another one.
    pub history: [u8; 16],
    /// How far in its history: the commit counter of the last commit inside.
    pub commit: u64,
    /// When the snapshot was taken.
    pub taken_at: Time,
    /// What reads the stream.
    pub engine: Name,
    /// The version of the engine's layout.
    pub layout: u32,
    /// The length of the stream in bytes, if it is known beforehand. Then a stream of another length is refused.
    pub length: Option<u64>,
}

/// The readable beginning of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Random, of this backup alone.
    pub id: [u8; 16],
    /// What it is of.
    pub manifest: Manifest,
    /// Who signed it.
    pub signer: SignerKey,
    /// Whose recovery keys open it.
    pub recipients: Vec<crate::Fingerprint>,
}

/// The manifest as it lies in the file, in CBOR (RFC 8949).
#[derive(Encode, Decode)]
struct Record {
    #[cbor(n(0), with = "minicbor::bytes")]
    id: [u8; 16],
    #[cbor(n(1), with = "minicbor::bytes")]
    signer: [u8; 32],
    /// How many recipients follow.
    #[n(2)]
    recipients: u8,
    #[cbor(n(3), with = "minicbor::bytes")]
    database: [u8; 16],
    #[cbor(n(4), with = "minicbor::bytes")]
    history: [u8; 16],
    #[n(5)]
    commit: u64,
    #[n(6)]
    taken_at: Time,
    #[n(7)]
    engine: String,
    #[n(8)]
    layout: u32,
    #[n(9)]
    length: Option<u64>,
}

/// The longest manifest, in bytes.
pub(crate) const MAX_MANIFEST: usize = 1024;

/// The most recipients.
pub(crate) const MAX_RECIPIENTS: u8 = 20;

pub(crate) fn encode(
    id: [u8; 16],
    signer: &SignerKey,
    recipients: u8,
    manifest: &Manifest,
) -> Option<Vec<u8>> {
    let Manifest { database, history, commit, taken_at, engine, layout, length } = manifest.clone();
    let (signer, engine) = (*signer.as_bytes(), engine.as_str().to_owned());
    let record =
        Record { id, signer, recipients, database, history, commit, taken_at, engine, layout, length };
    minicbor::to_vec(record).ok()
}

/// The header, still without recipients, and how many of them follow. None for bytes that [`encode`] does not give.
pub(crate) fn decode(bytes: &[u8]) -> Option<(Header, u8)> {
    let record: Record = minicbor::decode(bytes).ok()?;
    let Record { id, signer, recipients, database, history, commit, taken_at, engine, layout, length } =
        record;
    let (signer, engine) = (SignerKey::from_bytes(signer)?, Name::parse(&engine).ok()?);
    let manifest = Manifest { database, history, commit, taken_at, engine, layout, length };
    let canonical = encode(id, &signer, recipients, &manifest)? == bytes;
    let header = Header { id, manifest, signer, recipients: Vec::new() };
    (canonical && (1..=MAX_RECIPIENTS).contains(&recipients)).then_some((header, recipients))
}
