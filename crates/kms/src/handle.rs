use std::{fmt, sync::Arc};

use strongroom_core::{Name, Plaintext, PublicKey, Sealer, SignOptions, Signer, UseError};

use crate::{KmsError, Operation, Rings, loaded::Loaded};

/// A ring for a sibling of the suite: it signs and seals, and checks gate, tenant and state at each use. It never
/// passes on to another ring that got the same name.
#[derive(Clone)]
pub struct RingHandle {
    rings: Rings,
    name: Name,
    id: [u8; 16],
}

impl RingHandle {
    pub(crate) fn new(rings: Rings, name: Name, id: [u8; 16]) -> Self {
        Self { rings, name, id }
    }

    fn ring(&self) -> Result<Arc<Loaded>, KmsError> {
        let ring = self.rings.loaded(&self.name)?;
        if ring.view.id == self.id { Ok(ring) } else { Err(KmsError::NotFound) }
    }
}

impl Signer for RingHandle {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, UseError> {
        let _inside = self.rings.base().enter()?;
        Ok(self
            .ring()?
            .sign(self.rings.provider(), None, |key| key.sign(message, &SignOptions::default()))?
            .bytes)
    }

    fn public(&self) -> Result<PublicKey, UseError> {
        let _inside = self.rings.base().enter()?;
        let ring = self.ring()?;
        Ok(ring.current()?.public.clone().ok_or(KmsError::WrongType)?)
    }
}

impl Sealer for RingHandle {
    fn seal(&self, plaintext: &[u8], context: &[u8]) -> Result<Vec<u8>, UseError> {
        let _inside = self.rings.base().enter()?;
        let encrypt =
            || self.ring()?.encrypt(self.rings.provider(), Operation::Encrypt, None, plaintext, context);
        Ok(self.rings.rotating(&self.name, None, encrypt)?)
    }

    fn open(&self, sealed: &[u8], context: &[u8]) -> Result<Plaintext, UseError> {
        let _inside = self.rings.base().enter()?;
        Ok(self.ring()?.decrypt(self.rings.provider(), Operation::Decrypt, sealed, context)?)
    }
}

impl fmt::Debug for RingHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RingHandle").field("name", &self.name).finish_non_exhaustive()
    }
}
