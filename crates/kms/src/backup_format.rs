//! The file of a ring's backup. Integers are big-endian.
//!
//! ```text
//! file   = "SRKB" ‖ format 0x01 ‖ u32 length ‖ header (CBOR) ‖ frame …
//! frame  = u32 length ‖ envelope under the file key: context `kms-backup`, SHA-256 of all before, index, whether it is the last
//! first  = name, record of the ring (CBOR); each other: u32 length ‖ record of an archived version, …
//! ```

use std::io::{self, Read, Write};

use minicbor::{Decode, Encode};
use strongroom_core::{Key, Mac, Name, Plaintext, Provider, SealOptions, StoreError, Stored, Tenant, Time};
use strongroom_keys::envelope::{self, Context, EnvelopeError, KeyId};
use zeroize::Zeroizing;

use crate::{KmsError, RingBackupError};

/// The key of one backup: it serves nothing but the envelopes in it.
pub(crate) type FileKey = Zeroizing<[u8; 32]>;

const MAGIC: &[u8; 5] = b"SRKB\x01";
/// The longest header and the longest frame, in bytes: a record has up to 1 MiB.
const HEADER: u32 = 8 << 10;
const FRAME: u32 = 2 << 20;

/// Who opens it: a key of the database, or of the algorithm with this number.
pub(crate) const WAY_DATABASE: u8 = 0;

/// What precedes the frames.
#[derive(Debug, Clone, PartialEq, Encode, Decode)]
pub(crate) struct BackupHeader {
    #[n(0)]
    pub(crate) way: u8,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(crate) id: [u8; 16],
    #[n(2)]
    made: Time,
    /// The file key, sealed.
    #[cbor(n(3), with = "minicbor::bytes")]
    wrapped: Vec<u8>,
}

impl BackupHeader {
    /// What HPKE binds a file key to.
    pub(crate) const INFO: &[u8] = b"strongroom/v1/kms-backup-key";

    pub(crate) const fn new(way: u8, id: [u8; 16], made: Time, wrapped: Vec<u8>) -> Self {
        Self { way, id, made, wrapped }
    }

    const fn key_id(&self) -> KeyId {
        KeyId { id: self.id, version: 1 }
    }

    /// Seals a file key under the tenant's own.
    pub(crate) fn seal_key(
        provider: &dyn Provider,
        under: &Stored,
        id: [u8; 16],
        tenant: Tenant,
        key: &FileKey,
    ) -> Result<Vec<u8>, KmsError> {
        let under = provider.software().load(under)?;
        let mac = under.mac().ok_or(KmsError::WrongType)?;
        let context = Context::new(provider, &[b"kms-backup-key", tenant.as_bytes()])?;
        Ok(envelope::seal(provider, mac, KeyId { id, version: 1 }, &context, key.as_slice())?)
    }

    /// The file key, by the tenant's own.
    pub(crate) fn open_key(
        &self,
        provider: &dyn Provider,
        under: &Stored,
        tenant: Tenant,
    ) -> Result<FileKey, RingBackupError> {
        let under = provider.software().load(under)?;
        let mac = under.mac().ok_or(RingBackupError::OpenFailed)?;
        let context = Context::new(provider, &[b"kms-backup-key", tenant.as_bytes()]).map_err(opaque)?;
        file_key(&envelope::open(provider, mac, self.key_id(), &context, &self.wrapped).map_err(opaque)?)
    }

    /// The file key, by the recipient's.
    pub(crate) fn open_key_with(&self, key: &dyn Key) -> Result<FileKey, RingBackupError> {
        let options = SealOptions::Hpke { info: Self::INFO, aad: &self.id };
        file_key(&key.open(&self.wrapped, &options)?)
    }

    fn to_bytes(&self) -> Result<Vec<u8>, StoreError> {
        let header = minicbor::to_vec(self).map_err(|_| StoreError::Corrupt)?;
        let length = u32::try_from(header.len()).map_err(|_| StoreError::Corrupt)?;
        Ok([&MAGIC[..], &length.to_be_bytes(), &header].concat())
    }

    fn read(from: &mut dyn Read) -> Result<(Self, Vec<u8>), RingBackupError> {
        let magic = bytes(from, MAGIC.len())?;
        if magic.as_slice() != MAGIC {
            let newer = magic.starts_with(&MAGIC[..4]);
            return Err(if newer { RingBackupError::Unsupported } else { RingBackupError::OpenFailed });
        }
        let header = counted(from, HEADER)?.ok_or(RingBackupError::OpenFailed)?;
        let parsed: Self = minicbor::decode(&header).map_err(|_| RingBackupError::OpenFailed)?;
        let all = parsed.to_bytes()?;
        // One encoding: what is bound to the frames is what was written.
        if all.get(MAGIC.len() + 4..) == Some(header.as_slice()) {
            Ok((parsed, all))
        } else {
            Err(RingBackupError::OpenFailed)
        }
    }
}

fn file_key(opened: &Plaintext) -> Result<FileKey, RingBackupError> {
    opened.as_slice().try_into().map(Zeroizing::new).map_err(|_| RingBackupError::OpenFailed)
}

fn opaque(error: EnvelopeError) -> RingBackupError {
    match error {
        EnvelopeError::Key(error) => error.into(),
        _ => RingBackupError::OpenFailed,
    }
}

/// The first frame.
#[derive(Encode, Decode)]
pub(crate) struct RingFrame {
    #[n(0)]
    pub(crate) name: Name,
    #[cbor(n(1), with = "strongroom_core::secret_bytes")]
    pub(crate) ring: Zeroizing<Vec<u8>>,
}

impl RingFrame {
    pub(crate) const fn new(name: Name, ring: Zeroizing<Vec<u8>>) -> Self {
        Self { name, ring }
    }

    pub(crate) fn to_bytes(&self) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(16 + self.name.len() + self.ring.len()));
        minicbor::encode(self, &mut *bytes).map_err(|_| StoreError::Corrupt)?;
        Ok(bytes)
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, RingBackupError> {
        minicbor::decode(bytes).map_err(|_| RingBackupError::OpenFailed)
    }
}

/// What each frame is bound to.
struct Bound {
    header: [u8; 32],
    id: KeyId,
    index: u64,
}

impl Bound {
    fn context(&self, provider: &dyn Provider, last: bool) -> Result<Context, EnvelopeError> {
        let index = self.index.to_be_bytes();
        Context::new(provider, &[b"kms-backup", &self.header, &index, &[u8::from(last)]])
    }
}

/// Writes a backup.
pub(crate) struct Sealer<'a> {
    provider: &'a dyn Provider,
    key: &'a dyn Mac,
    bound: Bound,
    out: &'a mut dyn Write,
}

impl<'a> Sealer<'a> {
    pub(crate) fn new(
        provider: &'a dyn Provider,
        header: &BackupHeader,
        key: &'a dyn Mac,
        out: &'a mut dyn Write,
    ) -> Result<Self, RingBackupError> {
        let bytes = header.to_bytes()?;
        out.write_all(&bytes)?;
        let bound = Bound { header: provider.sha256(&[&bytes]), id: header.key_id(), index: 0 };
        Ok(Self { provider, key, bound, out })
    }

    pub(crate) fn write(&mut self, frame: &[u8], last: bool) -> Result<(), RingBackupError> {
        let context = self.bound.context(self.provider, last).map_err(KmsError::from)?;
        let sealed = envelope::seal(self.provider, self.key, self.bound.id, &context, frame);
        let sealed = sealed.map_err(KmsError::from)?;
        let length = u32::try_from(sealed.len()).map_err(|_| StoreError::Corrupt)?;
        self.out.write_all(&length.to_be_bytes())?;
        self.out.write_all(&sealed)?;
        self.bound.index += 1;
        Ok(())
    }
}

/// Reads a backup, frame by frame. Nothing of a frame comes out unless it is whole and in its place.
pub(crate) struct Opener<'a> {
    provider: &'a dyn Provider,
    key: Box<dyn Mac>,
    bound: Bound,
    from: &'a mut dyn Read,
    last: bool,
}

impl<'a> Opener<'a> {
    pub(crate) fn new(
        provider: &'a dyn Provider,
        from: &'a mut dyn Read,
        open: impl FnOnce(&BackupHeader) -> Result<FileKey, RingBackupError>,
    ) -> Result<Self, RingBackupError> {
        let (header, bytes) = BackupHeader::read(from)?;
        let key = provider.hmac(&*open(&header)?);
        let bound = Bound { header: provider.sha256(&[&bytes]), id: header.key_id(), index: 0 };
        Ok(Self { provider, key, bound, from, last: false })
    }

    /// The next frame, until the last was read, behind which nothing may follow.
    pub(crate) fn next(&mut self) -> Result<Option<Plaintext>, RingBackupError> {
        let frame = counted(self.from, FRAME)?;
        if self.last {
            return if frame.is_none() { Ok(None) } else { Err(RingBackupError::OpenFailed) };
        }
        let frame = frame.ok_or(RingBackupError::OpenFailed)?;
        for last in [false, true] {
            let context = self.bound.context(self.provider, last).map_err(opaque)?;
            match envelope::open(self.provider, &*self.key, self.bound.id, &context, &frame) {
                Err(EnvelopeError::OpenFailed) => {}
                Err(error) => return Err(opaque(error)),
                Ok(opened) => {
                    (self.last, self.bound.index) = (last, self.bound.index + 1);
                    return Ok(Some(opened));
                }
            }
        }
        Err(RingBackupError::OpenFailed)
    }
}

/// As many bytes as their length says, which is bounded; nothing at the end of the file.
fn counted(from: &mut dyn Read, limit: u32) -> Result<Option<Vec<u8>>, RingBackupError> {
    let mut length = [0; 4];
    let mut read = 0;
    while let Some(rest) = length.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) if read == 0 => return Ok(None),
            Ok(0) => return Err(RingBackupError::OpenFailed),
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    let length = u32::from_be_bytes(length);
    if length > limit {
        return Err(RingBackupError::OpenFailed);
    }
    bytes(from, length as usize).map(Some)
}

fn bytes(from: &mut dyn Read, length: usize) -> Result<Vec<u8>, RingBackupError> {
    let mut bytes = vec![0; length];
    match from.read_exact(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(RingBackupError::OpenFailed),
        Err(error) => Err(error.into()),
    }
}
