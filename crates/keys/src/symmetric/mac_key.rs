use std::sync::Arc;

use cmac::{Cmac, KeyInit, Mac, block_api::CmacCipher};
use strongroom_core::{Algorithm, Key, KeyError, Random};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize as _, Zeroizing};

use super::Made;

/// A function that authenticates messages, made ready once for many of them.
pub(super) trait Code: Sized + Send + Sync + 'static {
    /// `None` if the key has not the length that it should have.
    fn from_key(key: &[u8]) -> Option<Self>;

    fn code(&self, message: &[u8]) -> Zeroizing<Vec<u8>>;
}

/// A key that authenticates messages.
pub(super) struct MacKey<C> {
    algorithm: Algorithm,
    code: C,
}

impl<C: Code> MacKey<C> {
    pub(super) fn new(algorithm: Algorithm, key: &[u8]) -> Result<Self, KeyError> {
        Ok(Self { algorithm, code: C::from_key(key).ok_or(KeyError::Invalid)? })
    }

    pub(super) fn expand(algorithm: Algorithm, key: &[u8], _: &Arc<dyn Random>) -> Made {
        Ok(Arc::new(Self::new(algorithm, key)?))
    }
}

impl<C: Code> Key for MacKey<C> {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    fn compute_mac(&self, message: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        Ok(self.code.code(message))
    }

    /// The length is public, so comparing it first tells nothing.
    fn verify_mac(&self, message: &[u8], code: &[u8]) -> Result<bool, KeyError> {
        Ok(self.code.code(message).as_slice().ct_eq(code).into())
    }
}

impl<C> Code for Cmac<C>
where
    C: CmacCipher + KeyInit + Clone + Send + Sync + 'static,
{
    fn from_key(key: &[u8]) -> Option<Self> {
        <Self as KeyInit>::new_from_slice(key).ok()
    }

    fn code(&self, message: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut code = self.clone().chain_update(message).finalize().into_bytes();
        let copy = Zeroizing::new(code.to_vec());
        code.as_mut_slice().zeroize();
        copy
    }
}
