use std::sync::Arc;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use strongroom_core::{Algorithm, Key, KeyError, PublicKey, Random, SignOptions};
use zeroize::Zeroizing;

use super::{draws::draw, kinds::Family, options::only_message};

const SEED: usize = 32;

/// RFC 8032, section 5.1.
pub(super) struct Ed25519 {
    signing: SigningKey,
    half: Ed25519Public,
}

/// Verifies in the strict reading of RFC 8032: no point of small order.
pub(super) struct Ed25519Public {
    verifying: VerifyingKey,
    public: PublicKey,
}

impl Ed25519Public {
    fn new(verifying: VerifyingKey) -> Self {
        let bytes = verifying.to_bytes().to_vec();
        Self { verifying, public: PublicKey { algorithm: Algorithm::Ed25519, bytes } }
    }
}

impl Family for Ed25519 {
    type Public = Ed25519Public;

    fn parse(_: Algorithm, seed: &[u8], _: &Arc<dyn Random>) -> Result<Self, KeyError> {
        let signing = SigningKey::from_bytes(seed.try_into().map_err(|_| KeyError::Invalid)?);
        Ok(Self { half: Ed25519Public::new(signing.verifying_key()), signing })
    }

    fn parse_public(_: Algorithm, bytes: &[u8], _: &Arc<dyn Random>) -> Result<Ed25519Public, KeyError> {
        let bytes = bytes.try_into().map_err(|_| KeyError::Invalid)?;
        Ok(Ed25519Public::new(VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::Invalid)?))
    }

    fn generate(_: Algorithm, random: &dyn Random) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        draw(random, SEED)
    }
}

impl Key for Ed25519 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Ed25519
    }

    fn public(&self) -> Option<&PublicKey> {
        self.half.public()
    }

    fn sign(&self, message: &[u8], options: &SignOptions) -> Result<Vec<u8>, KeyError> {
        only_message(options)?;
        let signature = self.signing.try_sign(message).map_err(|_| KeyError::Failed)?;
        Ok(signature.to_bytes().to_vec())
    }

    fn verify(&self, message: &[u8], signature: &[u8], options: &SignOptions) -> Result<bool, KeyError> {
        self.half.verify(message, signature, options)
    }
}

impl Key for Ed25519Public {
    fn algorithm(&self) -> Algorithm {
        Algorithm::Ed25519
    }

    fn public(&self) -> Option<&PublicKey> {
        Some(&self.public)
    }

    fn verify(&self, message: &[u8], signature: &[u8], options: &SignOptions) -> Result<bool, KeyError> {
        only_message(options)?;
        Ok(Signature::from_slice(signature)
            .is_ok_and(|signature| self.verifying.verify_strict(message, &signature).is_ok()))
    }
}
