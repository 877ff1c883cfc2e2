//! The stream in chunks of 1 MiB, each an envelope under the backup's key. All but the last one are full; the last
//! one is shorter, and empty if need be, so a stream has one form and an end.

use strongroom_core::{Mac, Plaintext, Provider};
use strongroom_keys::envelope::{self, Context, EnvelopeError, KeyId, OVERHEAD};

use crate::wrap::FileKey;

/// The length of a full chunk, in bytes.
pub(crate) const CHUNK: usize = 1 << 20;

/// The length of a full chunk as an envelope.
pub(crate) const SEALED: usize = CHUNK + OVERHEAD;

/// The backup's key, ready for its chunks.
pub(crate) struct Chunks<'p> {
    provider: &'p dyn Provider,
    mac: Box<dyn Mac>,
    key: KeyId,
}

/// Which chunk.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// From 0.
    pub(crate) index: u64,
    pub(crate) last: bool,
}

impl<'p> Chunks<'p> {
    pub(crate) fn new(provider: &'p dyn Provider, id: [u8; 16], key: &FileKey) -> Self {
        Self { provider, mac: provider.hmac(key), key: KeyId { id, version: 1 } }
    }

    pub(crate) fn seal(&self, place: Place, plaintext: &[u8]) -> Result<Vec<u8>, EnvelopeError> {
        envelope::seal(self.provider, &*self.mac, self.key, &self.context(place)?, plaintext)
    }

    pub(crate) fn open(&self, place: Place, sealed: &[u8]) -> Result<Plaintext, EnvelopeError> {
        envelope::open(self.provider, &*self.mac, self.key, &self.context(place)?, sealed)
    }

    fn context(&self, Place { index, last }: Place) -> Result<Context, EnvelopeError> {
        let parts = [b"backup".as_slice(), &self.key.id, &index.to_be_bytes(), &[u8::from(last)]];
        Context::new(self.provider, &parts)
    }
}
