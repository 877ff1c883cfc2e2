use std::sync::Arc;

use strongroom_core::{Algorithm, Key, KeyError, PublicKey, Random};
use x25519_dalek::StaticSecret;
use zeroize::Zeroizing;

use super::{draws::draw, kinds::Family};

const LENGTH: usize = 32;

/// RFC 7748, section 6.1.
pub(super) struct X25519 {
    secret: StaticSecret,
    half: X25519Public,
}

/// A point that others agree with: it does nothing of itself.
pub(super) struct X25519Public(PublicKey);

impl X25519Public {
    fn new(bytes: [u8; LENGTH]) -> Self {
        Self(PublicKey { algorithm: Algorithm::X25519, bytes: bytes.to_vec() })
    }
}

impl Family for X25519 {
    type Public = X25519Public;

    fn parse(_: Algorithm, material: &[u8], _: &Arc<dyn Random>) -> Result<Self, KeyError> {
        let bytes: &[u8; LENGTH] = material.try_into().map_err(|_| KeyError::Invalid)?;
        let secret = StaticSecret::from(*bytes);
        let public = x25519_dalek::PublicKey::from(&secret);
        Ok(Self { secret, half: X25519Public::new(public.to_bytes()) })
    }

    /// Every 32 bytes are a public key; what it comes to is seen when a secret is agreed on.
    fn parse_public(_: Algorithm, bytes: &[u8], _: &Arc<dyn Random>) -> Result<X25519Public, KeyError> {
        Ok(X25519Public::new(bytes.try_into().map_err(|_| KeyError::Invalid)?))
    }

    fn generate(_: Algorithm, random: &dyn Random) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        draw(random, LENGTH)
    }
}

impl Key for X25519 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::X25519
    }

    fn public(&self) -> Option<&PublicKey> {
        self.half.public()
    }

    fn agree(&self, peer: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let peer: [u8; LENGTH] = peer.try_into().map_err(|_| KeyError::Failed)?;
        let shared = self.secret.diffie_hellman(&peer.into());
        if !shared.was_contributory() {
            return Err(KeyError::Failed);
        }
        Ok(Zeroizing::new(shared.as_bytes().to_vec()))
    }
}

impl Key for X25519Public {
    fn algorithm(&self) -> Algorithm {
        Algorithm::X25519
    }

    fn public(&self) -> Option<&PublicKey> {
        Some(&self.0)
    }
}
