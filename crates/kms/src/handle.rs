use std::fmt;

use strongroom_core::{Name, Plaintext, PublicKey, Sealer, Signer, UseError};

use crate::{KmsError, Rings};

/// A ring for a sibling of the suite: it signs and seals, and checks gate, tenant and state at each use.
#[derive(Clone)]
pub struct RingHandle {
    rings: Rings,
    name: Name,
}

impl RingHandle {
    pub(crate) fn new(rings: Rings, name: Name) -> Self {
        Self { rings, name }
    }
}

impl Signer for RingHandle {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, UseError> {
        Ok(self.rings.sign(&self.name, None, message)?.bytes)
    }

    fn public(&self) -> Result<PublicKey, UseError> {
        let _inside = self.rings.base().enter()?;
        let ring = self.rings.loaded(&self.name)?;
        let newest = ring.view.versions.last().and_then(|version| version.public.clone());
        Ok(newest.ok_or(KmsError::WrongType)?)
    }
}

impl Sealer for RingHandle {
    fn seal(&self, plaintext: &[u8], context: &[u8]) -> Result<Vec<u8>, UseError> {
        Ok(self.rings.encrypt(&self.name, plaintext, context)?)
    }

    fn open(&self, sealed: &[u8], context: &[u8]) -> Result<Plaintext, UseError> {
        Ok(self.rings.decrypt(&self.name, sealed, context)?)
    }
}

impl fmt::Debug for RingHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RingHandle").field("name", &self.name).finish_non_exhaustive()
    }
}
